package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// BeforeResolve is a hook of kong: it adds the environment and the file named by --config or STINT_CONFIG as sources,
// the environment before the file. An empty variable counts as not set.
func (c *Config) BeforeResolve(ctx *kong.Context, env LookupEnv) error {
	c.where = map[string]string{}
	path, _ := env(envName("config"))
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			path = ctx.FlagValue(p.Flag).(string)
		}
	}
	var file map[string]entry
	if path != "" {
		var err error
		if file, err = readFile(path); err != nil {
			return err
		}
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if !IsField(flag.Name) {
			return nil, nil // a flag of the command's own
		}
		if v, _ := env(envName(flag.Name)); v != "" {
			c.where[flag.Name] = "the environment variable " + envName(flag.Name)
			return v, nil
		}
		if e, ok := file[flag.Name]; ok {
			c.where[flag.Name] = e.where
			return e.value, nil
		}
		return nil, nil
	}))
	return nil
}

// AfterApply is a hook of kong: it notes which flags were given and completes the configuration.
func (c *Config) AfterApply(ctx *kong.Context) error {
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved && IsField(p.Flag.Name) {
			c.where[p.Flag.Name] = "the flag --" + p.Flag.Name
		}
	}
	return c.Complete()
}

// Misspelt warns of variables of the environment (NAME=value) that look like a field and are none, so that nothing reads
// them. It only warns: what begins with STINT_ may be a secret's, or the cluster's (STINT_PORT beside a service of that name).
func Misspelt(environment []string) (warnings []string) {
	known := names()
	for _, line := range environment {
		name, value, _ := strings.Cut(line, "=")
		rest, ours := strings.CutPrefix(name, "STINT_")
		flag := flagName(strings.ToLower(rest))
		if !ours || value == "" || slices.Contains(known, flag) && name == envName(flag) {
			continue
		}
		if near := nearest(known, flag); near != "" && distance(near, flag) <= len(flag)/3 {
			warnings = append(warnings, fmt.Sprintf("%s is not read; did you mean %s?", name, envName(near)))
		}
	}
	return warnings
}
