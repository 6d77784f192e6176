package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest configuration file that is read.
const maxFile = 1 << 20

// entry is one field of the file.
type entry struct {
	value string // a list is joined with commas
	where string // such as "stint.yaml line 4"
}

// readFile returns the file's fields by flag name. Errors name the line.
func readFile(path string) (map[string]entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the configuration file (--config, STINT_CONFIG) cannot be read: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("the configuration file (--config, STINT_CONFIG) cannot be read: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("the configuration file %s is larger than 1 MiB, so it is probably the wrong file", path)
	}
	return parseFile(path, text)
}

func parseFile(path string, text []byte) (map[string]entry, error) {
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil // empty, or comments only
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not YAML: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if decoder.Decode(&second) == nil {
		return nil, fmt.Errorf("%s line %d: a second document begins here; keep all fields in one", path, second.Line)
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return nil, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s line %d: write one field a line, such as public_url: https://stint.example.org", path, top.Line)
	}
	return parseFields(path, top.Content)
}

func parseFields(path string, nodes []*yaml.Node) (map[string]entry, error) {
	fields, errs := map[string]entry{}, []error{}
	for i := 0; i+1 < len(nodes); i += 2 {
		key, node := nodes[i], nodes[i+1]
		where := fmt.Sprintf("%s line %d", path, key.Line)
		name := flagName(key.Value)
		if err := checkKey(key.Value, fields); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
			continue
		}
		value, err := scalar(node, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", where, key.Value, err))
			continue
		}
		fields[name] = entry{value, where}
	}
	maps.DeleteFunc(fields, func(_ string, e entry) bool { return e.value == "" }) // left empty: not set
	return fields, errors.Join(errs...)
}

func checkKey(key string, seen map[string]entry) error {
	name := flagName(key)
	known := slices.DeleteFunc(names(), func(n string) bool { return n == "config" })
	if slices.Contains(known, name) && key == fileName(name) {
		if _, twice := seen[name]; twice {
			return fmt.Errorf("%s is there twice; keep one", key)
		}
		return nil
	}
	if near := nearest(known, name); near != "" {
		return fmt.Errorf("%q is not a field; did you mean %s?", key, fileName(near))
	}
	return fmt.Errorf("%q is not a field; `stint config` lists them all", key)
}

// nearest is the field most like a name that is none; empty when none is like it.
func nearest(known []string, name string) string {
	near := slices.MinFunc(known, func(a, b string) int { return distance(a, name) - distance(b, name) })
	if distance(near, name) > 3 {
		return ""
	}
	return near
}

// scalar returns a value's text. A field left empty counts as not set.
func scalar(n *yaml.Node, name string) (string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return "", nil
	case n.Kind == yaml.ScalarNode:
		return n.Value, nil
	case n.Kind == yaml.SequenceNode && slices.Contains(lists(), name):
		return sequence(n.Content)
	case n.Kind == yaml.AliasNode:
		return "", errors.New("write the value out instead of a YAML alias")
	case n.Kind == yaml.SequenceNode:
		return "", errors.New("takes one value, not a list")
	}
	return "", errors.New("takes a plain value, not a block of fields")
}

func sequence(items []*yaml.Node) (string, error) {
	var values []string
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || strings.Contains(item.Value, ",") {
			return "", fmt.Errorf("line %d: each item is one plain value without a comma", item.Line)
		}
		values = append(values, item.Value)
	}
	return strings.Join(values, ","), nil
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
