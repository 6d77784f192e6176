package broker

import (
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// weighedSettings is a change of a role's settings with all it touches: the node itself and every node below that has a
// row of its own.
type weighedSettings struct {
	role   pim.RoleDefinition
	path   pim.Path          // of the node; empty for everywhere
	was    *pim.RoleSettings // nil: nothing was set
	row    pim.RoleSettings  // as it is to be
	rows   []pim.RoleSettings
	places []settingsPlace // the node first
}

// settingsPlace is a node with what holds there before and after.
type settingsPlace struct {
	path    pim.Path
	was, is pim.Effective
}

// weighSettings loads a change; what is not there is not found.
func weighSettings(r *store.Reader, row pim.RoleSettings) (c weighedSettings, err error) {
	c.row = row
	if c.role, err = r.Role(row.RoleID); err != nil {
		return c, found(err)
	}
	if row.ResourceID != "" {
		if _, err = r.Resource(row.ResourceID); err != nil {
			return c, found(err)
		}
		if c.path, err = r.Path(row.ResourceID); err != nil {
			return c, found(err)
		}
	}
	if c.rows, err = r.Settings(row.RoleID); err != nil {
		return c, err
	}
	after := slices.Clone(c.rows)
	if i := slices.IndexFunc(after, func(o pim.RoleSettings) bool { return o.ResourceID == row.ResourceID }); i >= 0 {
		c.was = &c.rows[i]
		after[i] = row
	} else {
		after = append(after, row)
	}
	return c, c.findPlaces(r, after)
}

func (c *weighedSettings) findPlaces(r *store.Reader, after []pim.RoleSettings) error {
	place := func(path pim.Path) settingsPlace {
		return settingsPlace{path, pim.ResolveSettings(c.role, path, c.rows), pim.ResolveSettings(c.role, path, after)}
	}
	c.places = []settingsPlace{place(c.path)}
	var below []string
	for _, row := range c.rows {
		if row.ResourceID != c.row.ResourceID && row.ResourceID != "" {
			below = append(below, row.ResourceID)
		}
	}
	if len(below) == 0 {
		return nil
	}
	paths, err := r.Paths(below)
	for _, id := range below {
		if p := paths[id]; len(p) > 0 && (c.row.ResourceID == "" || p.Contains(c.row.ResourceID)) {
			c.places = append(c.places, place(p))
		}
	}
	return err
}

// name is the role, and where.
func (c weighedSettings) name() string {
	if len(c.path) == 0 {
		return c.role.Name
	}
	return c.role.Name + " at " + c.path.Leaf().Name
}

// own reports whether the role is one of Stint's.
func (c weighedSettings) own() bool { return c.role.Source == pim.SourceBuiltin }

// loosenedFields are those that become less strict somewhere.
func (c weighedSettings) loosenedFields() (out []pim.Field) {
	for _, f := range pim.Fields() {
		if slices.ContainsFunc(c.places, func(p settingsPlace) bool { return slices.Contains(p.is.Looser(p.was.Settings), f) }) {
			out = append(out, f)
		}
	}
	return out
}

// check refuses what contradicts itself or what a node above enforces.
func (c weighedSettings) check(r *store.Reader) error {
	if refusal := c.row.Check(c.role); refusal != nil {
		return refusal
	}
	if refusal := c.row.CheckBelow(c.role, c.path, c.rows); refusal != nil {
		return refusal
	}
	if err := c.attestable(r); err != nil {
		return err
	}
	return c.knownApprovers(r)
}

// attestable refuses to ask for an attested passkey where none could count.
func (c weighedSettings) attestable(r *store.Reader) error {
	if c.row.StepUp == nil || *c.row.StepUp != pim.StepUpAttested {
		return nil
	}
	rule, err := keyRule(r)
	if err == nil && !rule.Possible() {
		err = pim.Invalid(string(pim.FieldStepUp), "No make of passkey is trusted here yet, so nobody could activate: those who run Stint set passkey_roots first.")
	}
	return err
}

// knownApprovers refuses whoever is not there; who was named before may stay.
func (c weighedSettings) knownApprovers(r *store.Reader) error {
	for i, id := range c.row.Approvers {
		if slices.Contains(c.row.Approvers[:i], id) {
			return pim.Invalid("approvers", "An approver is there twice; keep one.")
		}
		if c.was != nil && slices.Contains(c.was.Approvers, id) {
			continue
		}
		if p, err := r.Principal(id); err != nil || p.Kind != pim.Person && p.Kind != pim.Group {
			return pim.Invalid("approvers", "Choose approvers among the people and groups that are there.")
		}
	}
	return nil
}
