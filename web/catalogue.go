package web

import (
	"maps"
	"sync"

	"stint/internal/pim"
	"stint/internal/store"
)

// catalogue is what changes seldom and every page asks: roles, their settings and what they mean. It is
// for showing and for who may open a page; what an operation rests on is read in its own transaction.
type catalogue struct {
	roles     map[string]pim.RoleDefinition
	settings  map[string][]pim.RoleSettings // by role
	approvers map[string]bool               // people and groups some settings name
	meanings  map[string][]pim.Meaning      // by role
	paths     map[string]pim.Path           // of the meanings' resources
	targets   map[string]string             // names

	mu     sync.Mutex
	scopes map[string]pim.Path // of resources that pages asked for so far
}

// shelf keeps the catalogue as long as the audit log does not grow: each change of a definition is an
// entry (DESIGN §4 invariant 11).
type shelf struct {
	mu   sync.Mutex
	size int64
	last *catalogue
}

// catalogue returns what holds in the reader's snapshot, which was opened after q.head was read.
func (s *Server) catalogue(r *store.Reader, head int64) (*catalogue, error) {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	if s.shelf.last != nil && s.shelf.size == head {
		return s.shelf.last, nil
	}
	c, err := loadCatalogue(r)
	if err == nil {
		s.shelf.last, s.shelf.size = c, head
	}
	return c, err
}

func loadCatalogue(r *store.Reader) (*catalogue, error) {
	c := &catalogue{roles: map[string]pim.RoleDefinition{}, settings: map[string][]pim.RoleSettings{}, approvers: map[string]bool{},
		meanings: map[string][]pim.Meaning{}, targets: map[string]string{}, scopes: map[string]pim.Path{}}
	roles, err := r.Roles()
	if err != nil {
		return nil, err
	}
	for _, d := range roles {
		c.roles[d.ID] = d
	}
	settings, err := r.AllSettings()
	if err != nil {
		return nil, err
	}
	for _, row := range settings {
		c.settings[row.RoleID] = append(c.settings[row.RoleID], row)
		for _, id := range row.Approvers {
			c.approvers[id] = true
		}
	}
	return c, c.loadMeanings(r)
}

func (c *catalogue) loadMeanings(r *store.Reader) error {
	meanings, err := r.Meanings()
	if err != nil {
		return err
	}
	var resources []string
	for _, m := range meanings {
		c.meanings[m.RoleID] = append(c.meanings[m.RoleID], m)
		resources = append(resources, m.ResourceID)
	}
	if c.paths, err = r.Paths(resources); err != nil {
		return err
	}
	targets, err := r.Targets()
	for _, t := range targets {
		c.targets[t.ID] = t.Name
	}
	return err
}

// scopesOf returns resources with their ancestors, reading those that no page asked for before.
func (c *catalogue) scopesOf(r *store.Reader, ids []string) (map[string]pim.Path, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for _, id := range ids {
		if _, ok := c.scopes[id]; !ok {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		found, err := r.Paths(missing)
		if err != nil {
			return nil, err
		}
		maps.Copy(c.scopes, found)
	}
	out := make(map[string]pim.Path, len(ids))
	for _, id := range ids {
		out[id] = c.scopes[id]
	}
	return out, nil
}

// names reports whether some role's settings name one of these principals as an approver.
func (c *catalogue) names(ids []string) bool {
	for _, id := range ids {
		if c.approvers[id] {
			return true
		}
	}
	return false
}
