package orgfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader walks the nodes of a file and collects what is wrong.
type reader struct {
	Errors
	refs []reference
}

// reference is a use of something that must be defined.
type reference struct {
	pos   Pos
	field string
	kind  string // person, group, workload, role, resource, target
	id    string
}

func pos(n *yaml.Node) Pos { return Pos{n.Line, n.Column} }

// object is a mapping being read.
type object struct {
	r     *reader
	node  *yaml.Node
	where string
	at    map[string]*yaml.Node
}

// document returns the file's top node, nil when it cannot be read.
func (r *reader) document(text []byte) *yaml.Node {
	if len(text) > MaxSize {
		r.Add(Pos{}, "", "is larger than %d MiB, the most that is read; is it the right file?", MaxSize>>20)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) || err == nil && isNull(doc.Content[0]) {
		r.Add(Pos{1, 1}, "", "is empty; begin with `version: %d`. To take everything away that a file gave, keep that line alone", Version)
		return nil
	} else if err != nil {
		r.syntax(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.Add(pos(&second), "", "a second document begins here; keep everything in one")
	case !errors.Is(err, io.EOF):
		r.syntax(err)
	}
	return doc.Content[0]
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (r *reader) syntax(err error) {
	at, message := Pos{}, err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		at.Line, _ = strconv.Atoi(m[1]) // no number: line 0, which is not printed
		at.Column, message = min(at.Line, 1), m[2]
	}
	r.Add(at, "", "is not YAML: %s", message)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// fine refuses what no value may be.
func (r *reader) fine(n *yaml.Node, where string) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.Add(pos(n), where, "YAML anchors and aliases are not read; write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		r.Add(pos(n), where, "YAML tags are not read; write the value alone")
	default:
		return true
	}
	return false
}

// object reads a mapping's keys; an empty object is returned for anything else, so that reading goes on.
func (r *reader) object(n *yaml.Node, where string, known ...string) *object {
	o := &object{r: r, node: n, where: where, at: map[string]*yaml.Node{}}
	if !r.fine(n, where) {
		return o
	}
	if n.Kind != yaml.MappingNode {
		r.Add(pos(n), where, "must be fields such as %s: …", known[0])
		return o
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(known, key.Value) || key.Kind != yaml.ScalarNode:
			r.Add(pos(key), where, "%s is not a field here%s (known: %s)", quote(key.Value), near(key.Value, known), strings.Join(known, ", "))
		case o.at[key.Value] != nil:
			r.Add(pos(key), where, "%s is there twice; keep one", key.Value)
		case r.fine(value, where+"."+key.Value):
			o.at[key.Value] = value
		}
	}
	return o
}

func (o *object) field(name string) string {
	if o.where == "" {
		return name
	}
	return o.where + "." + name
}

// fail notes a fault at a field, or at the object when the field is not there.
func (o *object) fail(name, format string, args ...any) {
	n := o.at[name]
	if n == nil {
		n = o.node
	}
	o.r.Add(pos(n), o.field(name), format, args...)
}

func (o *object) has(name string) bool { return o.at[name] != nil }

// scalar returns a field's plain value; ok is false when it is not there or wrong.
func (o *object) scalar(name string, tags ...string) (string, bool) {
	n := o.at[name]
	if n == nil {
		return "", false
	}
	switch {
	case isNull(n) || n.Kind == yaml.ScalarNode && strings.TrimSpace(n.Value) == "":
		o.fail(name, "is empty; give a value or leave the field out")
	case n.Kind != yaml.ScalarNode:
		o.fail(name, "takes one value, not a list or fields")
	case !slices.Contains(tags, n.Tag):
		o.fail(name, "%s is %s here; put it in quotes if it is meant as text", quote(n.Value), tagWords[n.Tag])
	default:
		return n.Value, true
	}
	return "", false
}

var tagWords = map[string]string{"!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!timestamp": "a date", "!!str": "text", "!!binary": "binary", "!!merge": "a merge key"}

var (
	asText = []string{"!!str"}
	asAny  = []string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"} // shown and compared as written
)

// text returns a field that is there and passes; needed ones are missed.
func (o *object) text(name string, needed bool, tags []string, check rule) string {
	s, ok := o.scalar(name, tags...)
	if !ok {
		if needed && !o.has(name) {
			o.fail(name, "is missing")
		}
		return ""
	}
	if wrong := check(s); wrong != "" {
		o.fail(name, "%s", wrong)
		return ""
	}
	return s
}

// id is the item's own id.
func (o *object) id() string { return o.text("id", true, asAny, isID) }

// ref is a reference to something of a kind.
func (o *object) ref(name, kind string, needed bool) string {
	id := o.text(name, needed, asAny, isID)
	if id != "" {
		o.r.refs = append(o.r.refs, reference{pos(o.at[name]), o.field(name), kind, id})
	}
	return id
}

// choice returns a field that is one of few words; nil when it is not there.
func (o *object) choice(name string, allowed ...string) *string {
	s, ok := o.scalar(name, asAny...)
	if !ok {
		return nil
	}
	if !slices.Contains(allowed, s) {
		o.fail(name, "%s must be %s%s", quote(s), strings.Join(allowed, " or "), near(s, allowed))
		return nil
	}
	return &s
}

// flag is a choice of two words; on is the one that means yes.
func (o *object) flag(name, on, off string) *bool {
	s := o.choice(name, on, off)
	if s == nil {
		return nil
	}
	yes := *s == on
	return &yes
}

func (o *object) boolean(name string) *bool {
	s, ok := o.scalar(name, asAny...)
	if !ok {
		return nil
	}
	if o.at[name].Tag != "!!bool" || s != "true" && s != "false" {
		o.fail(name, "%s must be true or false", quote(s))
		return nil
	}
	yes := s == "true"
	return &yes
}

func (o *object) duration(name string) *time.Duration { return o.length(name, ParseDuration) }

func (o *object) days(name string) *time.Duration { return o.length(name, ParseDays) }

func (o *object) length(name string, parse func(string) (time.Duration, error)) *time.Duration {
	s, ok := o.scalar(name, asAny...)
	if !ok {
		return nil
	}
	d, err := parse(s)
	if err != nil {
		o.fail(name, "%s", err)
		return nil
	}
	return &d
}

func (o *object) time(name string) time.Time {
	s, ok := o.scalar(name, asAny...)
	if !ok {
		return time.Time{}
	}
	t, err := ParseTime(s)
	if err != nil {
		o.fail(name, "%s", err)
		return time.Time{}
	}
	return t
}

// from reads a start: a day begins where, as an end, it would be over a day later.
func (o *object) from(name string) time.Time {
	t := o.time(name)
	if s, ok := o.scalar(name, asAny...); ok && len(s) == len(time.DateOnly) && !t.IsZero() {
		return t.AddDate(0, 0, -1)
	}
	return t
}

// list calls each for every item of a field that is a list.
func (o *object) list(name string, each func(n *yaml.Node, where string)) {
	n := o.at[name]
	switch {
	case n == nil:
	case isNull(n):
		o.fail(name, "is empty; give a list or leave the field out")
	case n.Kind != yaml.SequenceNode:
		o.fail(name, "must be a list")
	default:
		for i, item := range n.Content {
			where := fmt.Sprintf("%s[%d]", o.field(name), i+1)
			if id := idOf(item); id != "" {
				where = o.field(name) + "[" + id + "]"
			}
			if o.r.fine(item, where) {
				each(item, where)
			}
		}
	}
}

// idOf is the id by which errors call an item, "" when it has no good one.
func idOf(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "id" && isID(n.Content[i+1].Value) == "" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// texts returns a field that is a list of plain values.
func (o *object) texts(name string, check rule) []string {
	out := []string{}
	o.list(name, func(n *yaml.Node, where string) {
		if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
			o.r.Add(pos(n), where, "must be one value")
		} else if wrong := check(n.Value); wrong != "" {
			o.r.Add(pos(n), where, "%s", wrong)
		} else if slices.Contains(out, n.Value) {
			o.r.Add(pos(n), where, "%s is there twice; keep one", quote(n.Value))
		} else {
			out = append(out, n.Value)
		}
	})
	return out
}

// principal reads a reference such as person/ID, of one of some kinds, and remembers it.
func (r *reader) principal(n *yaml.Node, where string, kinds ...string) string {
	kind, id, ok := strings.Cut(n.Value, "/")
	switch {
	case n.Kind != yaml.ScalarNode || !ok || !slices.Contains(kinds, kind):
		last := len(kinds) - 1
		r.Add(pos(n), where, "must be %s/ID or %s/ID, not %s", strings.Join(kinds[:last], "/ID, "), kinds[last], quote(n.Value))
		return ""
	case isID(id) != "":
		r.Add(pos(n), where, "%s", isID(id))
		return ""
	}
	r.refs = append(r.refs, reference{pos(n), where, kind, id})
	return n.Value
}
