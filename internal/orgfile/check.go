package orgfile

import (
	"errors"
	"slices"
	"strings"

	"stint/internal/connector"
	"stint/internal/pim"
)

// checker checks what no single item shows: ids used twice, references, trees.
type checker struct {
	*reader
	doc *Doc
}

func (c *checker) check() {
	known := map[string][]string{"resource": {pim.StintResource}, "role": {"privileged-role-administrator", "auditor"}}
	c.own("targets", "target", known, each(c.doc.Targets, func(t Target) (string, Pos) { return t.ID, t.Pos }))
	c.own("resources", "resource", known, each(c.doc.Resources, func(r Resource) (string, Pos) { return r.ID, r.Pos }))
	c.own("roles", "role", known, each(c.doc.Roles, func(r Role) (string, Pos) { return r.ID, r.Pos }))
	c.own("people", "person", known, each(c.doc.People, func(p Person) (string, Pos) { return p.ID, p.Pos }))
	c.own("groups", "group", known, each(c.doc.Groups, func(g Group) (string, Pos) { return g.ID, g.Pos }))
	c.own("workloads", "workload", known, each(c.doc.Workloads, func(w Workload) (string, Pos) { return w.ID, w.Pos }))
	c.references(known)
	c.once()
	c.nesting()
	c.scopes()
}

type named struct {
	id  string
	pos Pos
}

func each[T any](items []T, of func(T) (string, Pos)) []named {
	out := make([]named, len(items))
	for i, item := range items {
		out[i].id, out[i].pos = of(item)
	}
	return out
}

// own notes what is defined, and refuses ids that are taken.
func (c *checker) own(section, kind string, known map[string][]string, items []named) {
	first := map[string]Pos{}
	for _, item := range items {
		at, twice := first[item.id]
		switch {
		case item.id == "":
			continue
		case twice:
			c.Add(item.pos, section+"["+item.id+"]", "the id is taken already in line %d; ids are unique among %s", at.Line, section)
		case kind != "role" && item.id == pim.StintTarget && (kind == "resource" || kind == "target"):
			c.Add(item.pos, section+"["+item.id+"]", "is Stint's own; choose another id")
		}
		first[item.id] = item.pos
		if _, builtin := Builtin[item.id]; !builtin || kind != "role" {
			known[kind] = append(known[kind], item.id)
		}
	}
}

func (c *checker) references(known map[string][]string) {
	defined := map[string]bool{}
	for kind, ids := range known {
		for _, id := range ids {
			defined[kind+"/"+id] = true
		}
	}
	for _, ref := range c.refs {
		if !defined[ref.kind+"/"+ref.id] {
			c.Add(ref.pos, ref.field, "there is no %s %q in this file%s", ref.kind, ref.id, near(ref.id, known[ref.kind]))
		}
	}
}

// once refuses the same thing written twice.
func (c *checker) once() {
	first := map[string]Pos{}
	seen := func(at Pos, field, what string, parts ...string) {
		if slices.Contains(parts, "") {
			return // a part was refused already
		}
		key := field + "\x00" + strings.Join(parts, "\x00")
		if p, twice := first[key]; twice {
			c.Add(at, field, "%s is there already in line %d; keep one", what, p.Line)
		}
		first[key] = at
	}
	for _, r := range c.doc.Roles {
		for _, m := range r.Means {
			seen(m.Pos, "roles["+r.ID+"].means", "this meaning", m.Resource, m.Entitlement, "as "+string(m.Relation))
		}
		for _, s := range r.Settings {
			seen(s.Pos, "roles["+r.ID+"].settings", "what holds at this resource", "at "+s.Resource)
		}
	}
	for _, p := range c.doc.People {
		seen(p.Pos, "people.match", "somebody with this claim", p.MatchClaim, p.MatchValue)
		seen(p.Pos, "people.subject", "somebody with this subject", p.Issuer, p.Subject)
	}
	for _, a := range c.doc.Accounts {
		seen(a.Pos, "accounts", "an account of "+a.Person+a.Workload+" at "+a.Target, a.Holder(), a.Target)
	}
	c.shared()
	for _, a := range c.doc.Assignments {
		seen(a.Pos, "assignments", "this assignment", a.Principal, a.Role, a.Resource, string(a.Kind))
	}
}

// shared refuses an account of a workload that somebody else has too: it shares with nobody (T10).
func (c *checker) shared() {
	first := map[[2]string]Account{}
	for _, a := range c.doc.Accounts {
		key := [2]string{a.Target, a.Account}
		before, twice := first[key]
		if twice && a.Account != "" && before.Holder() != a.Holder() && (a.Workload != "" || before.Workload != "") {
			c.Add(a.Pos, "accounts", "%q at %s is the account of %s already, in line %d; a workload shares its account with nobody", a.Account, a.Target, before.Holder(), before.Line)
		}
		if !twice || a.Workload != "" {
			first[key] = a
		}
	}
}

// nesting refuses circles and depth in groups and in the tree, at the line that closes them.
func (c *checker) nesting() {
	groups, lines := map[string][]string{}, map[[2]string]Pos{}
	for _, g := range c.doc.Groups {
		for _, m := range g.Members {
			if id, ok := strings.CutPrefix(m.Ref, "group/"); ok {
				groups[g.ID] = append(groups[g.ID], id)
				lines[[2]string{g.ID, id}] = m.Pos
			}
		}
	}
	if path, err := pim.CheckNesting(groups); err != nil {
		c.Add(edge(path, lines), "groups", "%s", err)
	}
	tree, lines := map[string][]string{}, map[[2]string]Pos{}
	for _, r := range c.doc.Resources {
		if r.Parent != "" {
			tree[r.Parent] = append(tree[r.Parent], r.ID)
			lines[[2]string{r.Parent, r.ID}] = r.Pos
		}
	}
	if path, err := pim.CheckNesting(tree); err != nil {
		message := "resources contain each other: " + strings.Join(path, " > ")
		if !circle(path) {
			message = "the tree of resources is too deep below " + path[0] + "; at most 10 levels are allowed"
		}
		c.Add(edge(path, lines), "resources", "%s", message)
	}
}

func circle(path []string) bool {
	return len(path) > 1 && slices.Contains(path[:len(path)-1], path[len(path)-1])
}

// edge is where the last step of a path is written, or the first thing known of it.
func edge(path []string, lines map[[2]string]Pos) Pos {
	for i := len(path) - 1; i > 0; i-- {
		if p, ok := lines[[2]string{path[i-1], path[i]}]; ok {
			return p
		}
	}
	var first Pos
	for e, p := range lines {
		if len(path) > 0 && e[0] == path[len(path)-1] && (first.Line == 0 || p.Line < first.Line) {
			first = p
		}
	}
	return first
}

// scopes checks what belongs where: Stint's own roles on its own resource and nothing else there, a target
// for every meaning, somebody to approve where approval is asked for.
func (c *checker) scopes() {
	byID := map[string]Resource{}
	for _, r := range c.doc.Resources {
		byID[r.ID] = r
		if r.Parent == pim.StintResource {
			c.Add(r.Pos, "resources["+r.ID+"].parent", "nothing can stand below Stint's own resource")
		}
	}
	for _, a := range c.doc.Assignments {
		if a.Role != "" && a.Resource != "" && !pim.CanBeHeldAt(Builtin[a.Role], a.Resource) {
			c.Add(a.Pos, "assignments", "Stint's own roles (privileged-role-administrator, auditor, stint-security-reader) are held on the resource stint and no others are; "+
				"stint-resource-administrator is held on any other resource")
		}
	}
	for _, r := range c.doc.Roles {
		for _, m := range r.Means {
			if m.Resource == pim.StintResource {
				c.Add(m.Pos, "roles["+r.ID+"].means", "the resource stint is Stint's own; nothing is held there at a target")
			} else if path := pathTo(byID, m.Resource); len(path) > 0 && path.TargetID() == "" {
				c.Add(m.Pos, "roles["+r.ID+"].means", "neither %s nor a resource above it has a target; give one of them `target:`", m.Resource)
			}
		}
		c.approvers(r, byID)
	}
}

// approvers refuses approval without anybody to give it (K-28, EC-15): requests would only time out.
func (c *checker) approvers(r Role, byID map[string]Resource) {
	rows := make([]pim.RoleSettings, len(r.Settings))
	for i, s := range r.Settings {
		rows[i] = s.Rules()
		rows[i].RoleID = r.ID
	}
	for _, s := range r.Settings {
		eff := pim.ResolveSettings(pim.RoleDefinition{ID: r.ID, Privileged: r.Privileged}, pathTo(byID, s.Resource), rows)
		if refusal := ownRow(rows, s.Resource).CheckBelow(pim.RoleDefinition{ID: r.ID}, pathTo(byID, s.Resource), rows); refusal != nil {
			c.Add(s.Pos, "roles["+r.ID+"].settings."+refusal.Field, "%s", refusal.Message)
		}
		if eff.Approval && len(eff.Approvers) == 0 {
			c.Add(s.Pos, "roles["+r.ID+"].settings.approvers", "approval is required but nobody is named; give approvers: [person/ID, group/ID]")
		}
	}
}

func ownRow(rows []pim.RoleSettings, resource string) pim.RoleSettings {
	return rows[slices.IndexFunc(rows, func(row pim.RoleSettings) bool { return row.ResourceID == resource })]
}

// pathTo is a resource with its ancestors as the file has them, root first; bounded where it runs in a circle.
func pathTo(byID map[string]Resource, id string) pim.Path {
	var p pim.Path
	for range len(byID) {
		r, ok := byID[id]
		if !ok {
			break
		}
		p = append(p, pim.Resource{ID: r.ID, ParentID: r.Parent, TargetID: r.Target, Name: r.Name})
		id = r.Parent
		if len(p) > MaxTreeDepth {
			break
		}
	}
	slices.Reverse(p)
	return p
}

func connectorFault(err error) (field, message string) {
	var f *connector.FieldError
	if errors.As(err, &f) {
		return f.Field, f.Message
	}
	return "", err.Error()
}
