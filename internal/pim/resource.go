package pim

import (
	"slices"
	"strings"
)

// Resource is a node of the scope tree. Assignments made at a node hold below it. Ids are opaque and
// are never compared by prefix (THREATS T22).
type Resource struct {
	ID       string
	Key      string // id in the file
	ParentID string // empty: a root
	TargetID string // own target; empty: the nearest ancestor's
	Kind     string // organisation, directory, server, database, cluster, namespace, group, stint, …
	Name     string
	Source   Source
	Version  int64
}

// Path is a resource with its ancestors, root first.
type Path []Resource

// Leaf returns the resource itself; the zero Resource for an empty path.
func (p Path) Leaf() Resource {
	if len(p) == 0 {
		return Resource{}
	}
	return p[len(p)-1]
}

// Contains reports whether id is the resource or one of its ancestors.
func (p Path) Contains(id string) bool {
	for _, r := range p {
		if r.ID == id {
			return true
		}
	}
	return false
}

// TargetID returns the target the resource belongs to: its own or its nearest ancestor's.
func (p Path) TargetID() string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].TargetID != "" {
			return p[i].TargetID
		}
	}
	return ""
}

// Names returns the names from root to leaf.
func (p Path) Names() []string {
	names := make([]string, len(p))
	for i, r := range p {
		names[i] = r.Name
	}
	return names
}

// MaxTreeDepth is how deep resources nest, the root counted (THREATS T22).
const MaxTreeDepth = 10

// ResourceKind is what a node of the tree is, with the kinds that usually stand below it: a template, not a rule.
type ResourceKind struct {
	Kind  string
	Name  string
	Below []string // the most usual first
}

// ResourceKinds are the kinds that are offered. A file may name others.
var ResourceKinds = []ResourceKind{
	{"organisation", "Organisation", []string{"directory", "management-group", "cluster", "server"}},
	{"management-group", "Management group", []string{"subscription", "management-group"}},
	{"subscription", "Subscription", []string{"resource-group"}},
	{"resource-group", "Resource group", []string{"resource"}},
	{"resource", "Resource", nil},
	{"directory", "Directory", []string{"group"}},
	{"group", "Group", nil},
	{"cluster", "Cluster", []string{"namespace"}},
	{"namespace", "Namespace", nil},
	{"server", "Server", []string{"database", "database-role"}},
	{"database", "Database", nil},
	{"database-role", "Database role", nil},
}

// KindsBelow lists the kinds for a new node below one of a kind: the usual ones first, then every other. Below
// nothing the usual ones are those that begin a tree.
func KindsBelow(kind string) (usual, other []ResourceKind) {
	names := []string{"organisation", "directory", "server", "cluster"}
	if i := slices.IndexFunc(ResourceKinds, func(k ResourceKind) bool { return k.Kind == kind }); kind != "" && i >= 0 {
		names = ResourceKinds[i].Below
	} else if kind != "" {
		names = nil
	}
	for _, n := range names {
		for _, k := range ResourceKinds {
			if k.Kind == n {
				usual = append(usual, k)
			}
		}
	}
	for _, k := range ResourceKinds {
		if !slices.Contains(names, k.Kind) {
			other = append(other, k)
		}
	}
	return usual, other
}

// KindName is a kind in words; one that only a file knows is made readable.
func KindName(kind string) string {
	for _, k := range ResourceKinds {
		if k.Kind == kind {
			return k.Name
		}
	}
	words := strings.ReplaceAll(kind, "-", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// CheckPlace refuses a place in the tree: below itself, below Stint's own resource, or too deep. above is the path
// of the node it shall stand below, empty at the top; levels is how deep its own tree is, itself included.
func CheckPlace(id string, above Path, levels int) *Refusal {
	switch {
	case id == StintResource || above.Contains(StintResource):
		return Invalid("parent", "Stint's own resource stands alone; nothing is moved there or below it.")
	case above.Contains(id):
		return Invalid("parent", "%s stands at or below it. Choose a place outside of what is moved.", above.Leaf().Name)
	case len(above)+levels > MaxTreeDepth:
		return Invalid("parent", "The tree would be %d levels deep; at most %d are allowed.", len(above)+levels, MaxTreeDepth)
	}
	return nil
}

// Ancestors returns the ids that stand in one path and not in the other, root first: what a node that moves from
// below the first to below the second leaves.
func (p Path) Ancestors(except Path) (ids []string) {
	for _, s := range p {
		if !except.Contains(s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Target is an external system. Secrets are sealed beside it and never part of this value.
type Target struct {
	ID       string
	Key      string
	Kind     string // a registered connector, or "stint"
	Name     string
	Settings map[string]string // not secret
	MayWrite []string          // entitlements the connector may write (THREATS T40)
	// Authoritative: what appears beside Stint is taken away, and permanent active assignments found gone are granted again.
	Authoritative bool
	SecretFrom    string // "env:NAME" or "file:PATH" as written; the value itself is sealed
	Source        Source
	Version       int64
}
