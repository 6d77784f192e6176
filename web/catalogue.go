package web

import (
	"slices"
	"strings"
	"sync"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
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

	mu    sync.Mutex
	lines map[[2]string]*roleLine // by role and resource, of those that pages asked for so far
	named map[string]pim.Path     // of the resources that pages named so far, removed ones too
}

// maxLines bounds what the catalogue keeps ready of each.
const maxLines = 10_000

// definitions are the entries that say that a definition changed: every open page may show something else then.
var definitions = []pim.EventType{pim.EvTargetSaved, pim.EvTargetRemoved, pim.EvResourceSaved, pim.EvResourceRemoved, pim.EvRoleSaved,
	pim.EvRoleRemoved, pim.EvMeaningSaved, pim.EvMeaningRemoved, pim.EvSettingsSaved, pim.EvSettingsRemoved}

type catalogueKey struct{}

// catalogueIn returns what holds in the reader's snapshot, decoded once for as long as no definition changes.
func catalogueIn(r *store.Reader) (*catalogue, error) {
	return store.Remembered(r, catalogueKey{}, func() (*catalogue, error) { return loadCatalogue(r) })
}

func loadCatalogue(r *store.Reader) (*catalogue, error) {
	c := &catalogue{roles: map[string]pim.RoleDefinition{}, settings: map[string][]pim.RoleSettings{}, approvers: map[string]bool{},
		meanings: map[string][]pim.Meaning{}, targets: map[string]string{}, lines: map[[2]string]*roleLine{}, named: map[string]pim.Path{}}
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

// roleLine is what a list says of a role on a resource, whoever holds it.
type roleLine struct {
	role  pim.RoleDefinition
	path  pim.Path
	eff   pim.Effective
	shown views.Role
	needs []views.Need
	order string // role and scope, as lists are ordered
	text  string // what a search looks at
}

// linesOf returns the line of each role and resource; a role that was removed has none.
func (c *catalogue) linesOf(r *store.Reader, list []store.Holding) (map[[2]string]*roleLine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lines) > maxLines {
		clear(c.lines)
	}
	var missing [][2]string
	var resources []string
	out := make(map[[2]string]*roleLine, len(list))
	for _, a := range list {
		key := a.At()
		if line, ok := c.lines[key]; ok {
			out[key] = line
		} else if _, ok := c.roles[a.RoleID]; ok {
			missing, resources = append(missing, key), append(resources, a.ResourceID)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	paths, err := r.Paths(unique(resources))
	if err != nil {
		return nil, err
	}
	for _, key := range missing {
		c.lines[key] = newRoleLine(c.roles[key[0]], paths[key[1]], c.settings[key[0]])
		out[key] = c.lines[key]
	}
	return out, nil
}

// pathsOf returns the paths of resources; one that never was has none.
func (c *catalogue) pathsOf(r *store.Reader, ids []string) (map[string]pim.Path, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.named) > maxLines {
		clear(c.named)
	}
	var missing []string
	out := make(map[string]pim.Path, len(ids))
	for _, id := range ids {
		if path, ok := c.named[id]; ok {
			out[id] = path
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	found, err := r.Paths(unique(missing))
	for id, path := range found {
		c.named[id], out[id] = path, path
	}
	return out, err
}

func newRoleLine(role pim.RoleDefinition, path pim.Path, settings []pim.RoleSettings) *roleLine {
	l := &roleLine{role: role, path: path, eff: pim.ResolveSettings(role, path, settings), shown: roleView(role.Name, path)}
	l.needs, l.order, l.text = needViews(l.eff.Settings), strings.ToLower(l.shown.On()), searchText(l.shown)
	return l
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

// approvedBy lists the roles some settings of which name one of these principals as an approver.
func (c *catalogue) approvedBy(ids []string) (roles []string) {
	for role, rows := range c.settings {
		if slices.ContainsFunc(rows, func(row pim.RoleSettings) bool {
			return slices.ContainsFunc(row.Approvers, func(id string) bool { return slices.Contains(ids, id) })
		}) {
			roles = append(roles, role)
		}
	}
	return roles
}
