package orgfile

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Write prints a file that Parse reads back as the same Doc. intro and others are comments: at the top, and at
// the end for what the file does not own.
func Write(d *Doc, intro, others []string) ([]byte, error) {
	top := node(yaml.MappingNode)
	put(top, "version", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "1"})
	section(top, "targets", "The systems behind the roles.", d.Targets, Target.node)
	section(top, "resources", "What roles are held on: a tree.", d.Resources, Resource.node)
	section(top, "roles", "What people can be, what it means at a target, and how it is activated.", d.Roles, Role.node)
	section(top, "people", "Who is known before their first sign-in.", d.People, Person.node)
	section(top, "groups", "Stint's own groups.", d.Groups, Group.node)
	section(top, "workloads", "Programs that hold roles, and who answers for them.", d.Workloads, Workload.node)
	section(top, "accounts", "Who a person or workload is at a target; written here means confirmed.", d.Accounts, Account.node)
	section(top, "assignments", "eligible = may activate; active = holds without activating.", d.Assignments, Assignment.node)
	var out bytes.Buffer
	comments(&out, intro)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(top); err != nil {
		return nil, err
	}
	if err := encoder.Close(); err != nil {
		return nil, err
	}
	if len(others) > 0 {
		out.WriteByte('\n')
	}
	comments(&out, others)
	return out.Bytes(), nil
}

// comments writes lines that stay comments, whatever they quote: YAML ends a line at more than \n, and what
// comes from sign-in may hold anything (THREATS T29).
func comments(out *bytes.Buffer, lines []string) {
	for _, line := range lines {
		if line != "" {
			out.WriteString("# ")
		}
		for _, r := range line {
			if unicode.IsPrint(r) {
				out.WriteRune(r)
			} else {
				fmt.Fprintf(out, "\\u%04X", r)
			}
		}
		out.WriteByte('\n')
	}
}

// Line prints one item on one line, as it would stand in its section.
func Line(item interface{ node() *yaml.Node }) string {
	n := item.node()
	n.Style = yaml.FlowStyle
	text, err := yaml.Marshal(n)
	if err != nil {
		return ""
	}
	return "- " + strings.TrimSpace(string(text))
}

func node(kind yaml.Kind) *yaml.Node { return &yaml.Node{Kind: kind} }

func flow(kind yaml.Kind) *yaml.Node { return &yaml.Node{Kind: kind, Style: yaml.FlowStyle} }

func put(to *yaml.Node, key string, value *yaml.Node) {
	to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

// str is a text; the encoder quotes it where it would read as something else.
func str(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func quoted(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
}

// text puts a text that is not empty.
func text(to *yaml.Node, key, value string) {
	if value != "" {
		put(to, key, str(value))
	}
}

func boolean(b bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"}
	if b {
		n.Value = "true"
	}
	return n
}

func section[T any](top *yaml.Node, name, comment string, items []T, of func(T) *yaml.Node) {
	if len(items) == 0 {
		return
	}
	list := node(yaml.SequenceNode)
	for _, item := range items {
		list.Content = append(list.Content, of(item))
	}
	put(top, name, list)
	top.Content[len(top.Content)-2].HeadComment = "\n" + comment
}

func texts(to *yaml.Node, key string, values []string) {
	if values == nil {
		return
	}
	list := flow(yaml.SequenceNode)
	for _, v := range values {
		list.Content = append(list.Content, str(v))
	}
	put(to, key, list)
}

func (t Target) node() *yaml.Node {
	n := node(yaml.MappingNode)
	text(n, "id", t.ID)
	text(n, "kind", t.Kind)
	text(n, "name", t.Name)
	if len(t.Settings) > 0 {
		settings := node(yaml.MappingNode)
		for _, name := range slices.Sorted(maps.Keys(t.Settings)) {
			if lines := strings.Split(t.Settings[name], "\n"); len(lines) > 1 {
				texts(settings, name, lines)
			} else {
				put(settings, name, quoted(t.Settings[name]))
			}
		}
		put(n, "settings", settings)
	}
	if s := t.Secret; s.Env != "" || s.File != "" {
		secret := flow(yaml.MappingNode)
		text(secret, "env", s.Env)
		text(secret, "file", s.File)
		put(n, "secret", secret)
	}
	if len(t.MayWrite) > 0 {
		list := node(yaml.SequenceNode)
		for _, v := range t.MayWrite {
			list.Content = append(list.Content, quoted(v))
		}
		put(n, "may_write", list)
	}
	if t.Authoritative {
		put(n, "authoritative", boolean(true))
	}
	if t.Sync != nil {
		put(n, "sync", syncNode(*t.Sync))
	}
	return n
}

func (r Resource) node() *yaml.Node {
	n := flow(yaml.MappingNode)
	text(n, "id", r.ID)
	text(n, "kind", r.Kind)
	text(n, "name", r.Name)
	text(n, "parent", r.Parent)
	text(n, "target", r.Target)
	texts(n, "owners_hand_out", r.HandOut)
	return n
}

func (r Role) node() *yaml.Node {
	n := node(yaml.MappingNode)
	text(n, "id", r.ID)
	text(n, "name", r.Name)
	text(n, "description", r.Description)
	if !r.Builtin {
		put(n, "privileged", boolean(r.Privileged))
	}
	if len(r.Means) > 0 {
		list := node(yaml.SequenceNode)
		for _, m := range r.Means {
			item := flow(yaml.MappingNode)
			text(item, "resource", m.Resource)
			put(item, "entitlement", quoted(m.Entitlement))
			text(item, "relation", string(m.Relation))
			list.Content = append(list.Content, item)
		}
		put(n, "means", list)
	}
	if len(r.Settings) > 0 {
		list := node(yaml.SequenceNode)
		for _, s := range r.Settings {
			list.Content = append(list.Content, s.node())
		}
		put(n, "settings", list)
	}
	return n
}

func (s Settings) node() *yaml.Node {
	n := flow(yaml.MappingNode)
	text(n, "resource", s.Resource)
	length := func(key string, d *time.Duration) {
		if d != nil {
			text(n, key, FormatDuration(*d))
		}
	}
	word := func(key string, b *bool, on, off string) {
		switch {
		case b == nil:
		case *b:
			text(n, key, on)
		default:
			text(n, key, off)
		}
	}
	length("max_duration", s.MaxDuration)
	length("default_duration", s.DefaultDuration)
	if s.StepUp != nil {
		text(n, "step_up", string(*s.StepUp))
	}
	if s.Context != nil {
		text(n, "context", cmp.Or(*s.Context, "none"))
	}
	word("justification", s.Justification, "required", "optional")
	word("ticket", s.Ticket, "required", "optional")
	word("approval", s.Approval, "required", "none")
	texts(n, "approvers", s.Approvers)
	length("approval_timeout", s.ApprovalTimeout)
	length("max_lead", s.MaxLead)
	length("max_total", s.MaxTotal)
	if s.ExtensionApproval != nil {
		text(n, "extension_approval", string(*s.ExtensionApproval))
	}
	days := func(key string, d *time.Duration) {
		if d != nil {
			text(n, key, FormatDays(*d))
		}
	}
	word("permanent_eligible", s.PermanentEligible, "allowed", "refused")
	days("eligible_max", s.EligibleMax)
	word("permanent_active", s.PermanentActive, "allowed", "refused")
	days("active_max", s.ActiveMax)
	word("assign_step_up", s.AssignStepUp, "required", "none")
	word("assign_justification", s.AssignJustification, "required", "optional")
	if len(s.Enforced) > 0 {
		names := make([]string, len(s.Enforced))
		for i, f := range s.Enforced {
			names[i] = string(f)
		}
		texts(n, "enforced", names)
	}
	return n
}

func (p Person) node() *yaml.Node {
	n := flow(yaml.MappingNode)
	text(n, "id", p.ID)
	text(n, "name", p.Name)
	text(n, "email", p.Email)
	text(n, "department", p.Department)
	text(n, "title", p.Title)
	text(n, "manager", p.Manager)
	if p.Guest {
		put(n, "guest", boolean(true))
	}
	if p.MatchClaim != "" {
		match := flow(yaml.MappingNode)
		put(match, p.MatchClaim, str(p.MatchValue))
		put(n, "match", match)
	}
	text(n, "issuer", p.Issuer)
	text(n, "subject", p.Subject)
	if p.Enabled != nil {
		put(n, "enabled", boolean(*p.Enabled))
	}
	return n
}

func (g Group) node() *yaml.Node {
	n := flow(yaml.MappingNode)
	text(n, "id", g.ID)
	text(n, "name", g.Name)
	text(n, "claim", g.Claim)
	if len(g.Members) > 0 {
		refs := make([]string, len(g.Members))
		for i, m := range g.Members {
			refs[i] = m.Ref
		}
		texts(n, "members", refs)
	}
	return n
}

func (w Workload) node() *yaml.Node {
	n := flow(yaml.MappingNode)
	text(n, "id", w.ID)
	text(n, "name", w.Name)
	text(n, "description", w.Description)
	text(n, "owner", w.Owner)
	if w.Enabled != nil {
		put(n, "enabled", boolean(*w.Enabled))
	}
	return n
}

func (m Member) node() *yaml.Node { return str(m.Ref) }

func (a Account) node() *yaml.Node {
	n := flow(yaml.MappingNode)
	text(n, "person", a.Person)
	text(n, "workload", a.Workload)
	text(n, "target", a.Target)
	text(n, "account", a.Account)
	return n
}

func (a Assignment) node() *yaml.Node {
	n := flow(yaml.MappingNode)
	text(n, "principal", a.Principal)
	text(n, "role", a.Role)
	text(n, "resource", a.Resource)
	text(n, "kind", string(a.Kind))
	instant := func(key string, t time.Time, format func(time.Time) string) {
		if !t.IsZero() {
			put(n, key, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: format(t)})
		}
	}
	instant("from", a.From, FormatFrom)
	instant("until", a.Until, FormatTime)
	text(n, "reason", a.Reason)
	return n
}
