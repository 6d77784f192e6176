package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Field describes one field of Config.
type Field struct {
	Name    string // in the file, such as public_url
	Flag    string // such as --public-url
	Env     string // such as STINT_PUBLIC_URL
	Group   string // heading it belongs under
	Default string // "" when there is none; words where it follows from another field
	Allowed string
	Meaning string

	literal bool // Default is a value, not words
}

var fieldsOnce = sync.OnceValue(func() (fields []Field) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		flag := f.Tag.Get("name")
		if flag == "" {
			continue
		}
		field := Field{Name: fileName(flag), Flag: "--" + flag, Env: envName(flag), Group: f.Tag.Get("group"),
			Default: f.Tag.Get("default"), Allowed: f.Tag.Get("allowed"), Meaning: f.Tag.Get("help"), literal: true}
		if words, ok := f.Tag.Lookup("unset"); ok {
			field.Default, field.literal = words, false
		}
		fields = append(fields, field)
	}
	return fields
})

// Fields describes every field, in the order of the struct.
func Fields() []Field { return fieldsOnce() }

// IsField reports whether flag, without dashes in front, is a field of the configuration.
func IsField(flag string) bool { return slices.Contains(names(), flag) }

func names() (flags []string) {
	for _, f := range Fields() {
		flags = append(flags, strings.TrimPrefix(f.Flag, "--"))
	}
	return flags
}

func lists() (flags []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if f.Type == reflect.TypeFor[List]() {
			flags = append(flags, f.Tag.Get("name"))
		}
	}
	return flags
}

// value is what a field of c holds, as text; a secret as its reference.
func (c *Config) value(f Field) string {
	v := reflect.ValueOf(c).Elem()
	for _, sf := range reflect.VisibleFields(v.Type()) {
		if "--"+sf.Tag.Get("name") == f.Flag {
			return fmt.Sprint(v.FieldByIndex(sf.Index).Interface())
		}
	}
	return ""
}

// Text lists every field with its default and meaning, for a terminal.
func Text() string {
	var b strings.Builder
	b.WriteString("Every field can be set in the file, in the environment or by a flag; a flag wins over the environment,\nthe environment over the file. Lists are YAML lists in the file and separated by commas elsewhere.\n")
	eachGroup(func(group string) { fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(group)) }, func(f Field) {
		fmt.Fprintf(&b, "\n  %s   %s   %s\n", f.Name, f.Flag, f.Env)
		fmt.Fprintf(&b, "      default: %s\n      allowed: %s\n", orNone(f.Default), f.Allowed)
		for _, line := range wrap(f.Meaning, 100) {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	})
	return b.String()
}

// Values lists every field with the value in force and where it came from.
func (c *Config) Values() string {
	var b strings.Builder
	for _, f := range Fields() {
		where := c.Source(f.Name)
		if where == "" {
			where = "default"
		}
		fmt.Fprintf(&b, "%-20s %-40s # %s\n", f.Name+":", orNone(c.value(f)), where)
	}
	return b.String()
}

// YAML is a configuration file with every field commented out at its default.
func YAML() string {
	var b strings.Builder
	b.WriteString("# Stint's configuration. Remove the # before a field to set it; what is left out keeps its default.\n")
	eachGroup(func(group string) { fmt.Fprintf(&b, "\n# %s\n", strings.Repeat("-", 100-len(group))+" "+group) }, func(f Field) {
		if f.Name == "config" {
			return
		}
		b.WriteString("\n")
		for _, line := range wrap(f.Meaning+" Allowed: "+f.Allowed+".", 110) {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		value := f.Default
		if !f.literal {
			value = ""
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace("#"+f.Name+": "+strings.ReplaceAll(list(f, value), ",", ", ")))
	})
	return b.String()
}

func list(f Field, value string) string {
	for _, name := range lists() {
		if f.Flag == "--"+name {
			return "[" + value + "]"
		}
	}
	return value
}

// Markdown is docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(markdownHead)
	eachGroup(func(group string) { fmt.Fprintf(&b, "\n## %s\n", group) }, func(f Field) {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", f.Name, f.Meaning)
		def := orNone(f.Default)
		if f.literal && f.Default != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "- Default: %s\n- Allowed: %s\n- Flag `%s`, environment `%s`\n", def, f.Allowed, f.Flag, f.Env)
	})
	return b.String()
}

const markdownHead = `# Configuration

<!-- Made by ` + "`make gen`" + ` from the fields of internal/config. Change them there. -->

Stint reads its configuration once, at the start, and refuses to start with words that name the field when something is
wrong. Every field can be set in three places; a flag wins over the environment, the environment over the file:

- in a YAML file, named by ` + "`--config FILE` or `STINT_CONFIG`" + `: ` + "`public_url: https://stint.example.org`" + `;
- in the environment: ` + "`STINT_PUBLIC_URL=https://stint.example.org`" + ` (an empty variable counts as not set);
- by a flag of the command: ` + "`--public-url https://stint.example.org`" + `.

Lists are YAML lists in the file, and separated by commas elsewhere. Lengths of time are written like ` + "`30m` or `1h30m`" + `.
A secret is never written down here, only where to find it: ` + "`file:/etc/stint/oidc.secret` or `env:NAME`" + `.

` + "`stint config`" + ` prints this list, ` + "`stint config --values`" + ` the values in force and where each came from, and
` + "`stint config --format yaml`" + ` a file to begin with.
`

func eachGroup(head func(group string), field func(Field)) {
	group := ""
	for _, f := range Fields() {
		if f.Group != group {
			group = f.Group
			head(group)
		}
		field(f)
	}
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
