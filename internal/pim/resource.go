package pim

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
