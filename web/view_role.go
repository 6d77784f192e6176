package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// meaningsShown is how many meanings a line of the list names.
const meaningsShown = 2

// placesShown is how many places a role's page lists; a search finds the others.
const placesShown = 50

func rolesIn(r *store.Reader, q *request, page store.RolePage) (views.RolesView, error) {
	v := views.RolesView{Q: page.Query, Only: string(page.Only), All: q.powers.MayAudit(), CanEdit: q.powers.Administrator}
	list, err := r.RolesBy(page)
	if err != nil {
		return v, err
	}
	next := ""
	if len(list) > pageSize {
		list = list[:pageSize]
		next = nameCursor(list[pageSize-1].ID, list[pageSize-1].Name)
	}
	v.Pager = pagerView("/roles", url.Values{"q": {page.Query}, "only": {string(page.Only)}}, q.QueryParam("cursor"), next)
	v.Pager.Forward = true
	v.Rows, err = roleDefRows(r, list)
	return v, err
}

func roleDefRows(r *store.Reader, list []pim.RoleDefinition) ([]views.RoleDefRow, error) {
	ids := make([]string, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	uses, err := r.RoleUses(ids, views.CountUpTo)
	if err != nil {
		return nil, err
	}
	c, err := catalogueIn(r)
	if err != nil {
		return nil, err
	}
	rows := make([]views.RoleDefRow, len(list))
	for i, d := range list {
		rows[i] = c.roleDefRow(d, uses[d.ID])
	}
	return rows, nil
}

func (c *catalogue) roleDefRow(d pim.RoleDefinition, use store.RoleUse) views.RoleDefRow {
	row := views.RoleDefRow{ID: d.ID, Name: d.Name, About: d.Description, Kind: c.signOf(d), Privileged: d.Privileged, Own: d.Source == pim.SourceBuiltin,
		Eligible: int(use.Eligible), Active: int(use.Assigned + use.Held), Needs: needViews(pim.ResolveSettings(d, nil, c.settings[d.ID]).Settings)}
	meanings := c.meanings[d.ID]
	for _, m := range meanings[:min(len(meanings), meaningsShown)] {
		row.Means = append(row.Means, c.meaningLine(m))
	}
	row.More = len(meanings) - len(row.Means)
	for _, s := range c.settings[d.ID] {
		if s.ResourceID != "" {
			row.Differs++
		}
	}
	return row
}

func (c *catalogue) meaningLine(m pim.Meaning) views.MeaningLine {
	path := c.paths[m.ResourceID]
	target := path.TargetID()
	return views.MeaningLine{Resource: m.ResourceID, Scope: path.Names(), Name: m.Name, TargetID: target, Target: c.targets[target], Found: m.EntitlementID, Owner: m.Relation == pim.Owner}
}

// signOf chooses a role's sign from where it means something.
func (c *catalogue) signOf(d pim.RoleDefinition) string {
	if d.Source == pim.SourceBuiltin {
		return "stint"
	}
	if list := c.meanings[d.ID]; len(list) > 0 {
		return c.paths[list[0].ResourceID].Leaf().Kind
	}
	return ""
}

// roleHead is the head of every page of one role.
func roleHead(r *store.Reader, q *request, id string) (h views.RoleHead, err error) {
	if h, err = roleHeadIn(r, q, id); err == nil {
		err = mayReadRole(r, q, id)
	}
	return h, err
}

// roleHeadIn is roleHead for whoever was let in already.
func roleHeadIn(r *store.Reader, q *request, id string) (h views.RoleHead, err error) {
	c, err := catalogueIn(r)
	if err != nil {
		return h, err
	}
	d, ok := c.roles[id]
	if !ok {
		return h, store.ErrNotFound
	}
	uses, err := r.RoleUses([]string{id}, views.CountUpTo)
	h = views.RoleHead{ID: d.ID, Name: d.Name, About: d.Description, Kind: c.signOf(d), Privileged: d.Privileged, Own: d.Source == pim.SourceBuiltin,
		FromFile: d.Source == pim.SourceFile, Members: true, CanEdit: q.powers.Administrator, All: q.powers.MayAudit(), Eligible: int(uses[id].Eligible), Active: int(uses[id].Assigned + uses[id].Held)}
	return h, err
}

// roleIn is the page of one role: the nodes where something is set, and the rules of each place.
func roleIn(r *store.Reader, q *request) (v views.RoleView, err error) {
	if v.Role, err = roleHead(r, q, q.Param("id")); err != nil {
		return v, err
	}
	d, err := r.Role(v.Role.ID)
	if err != nil {
		return v, err
	}
	if d.ID == pim.RoleAdministrator {
		if v.Ends, err = broker.AdministeredUntil(r); err != nil {
			return v, err
		}
	}
	rules, err := rulesBook(r, d, broker.ReadableBy(q.powers))
	if err != nil {
		return v, err
	}
	if v.Set, err = rules.set(); err != nil {
		return v, err
	}
	if v.Holds, v.More, err = rules.holds(); err != nil {
		return v, err
	}
	v.Q = strings.TrimSpace(clip(q.QueryParam("q"), 200))
	if v.Q != "" {
		v.Found, err = rules.found(v.Q)
	}
	return v, err
}

// ruleBook knows what is set for one role.
type ruleBook struct {
	r      *store.Reader
	role   pim.RoleDefinition
	rows   []pim.RoleSettings
	within store.Subtree // what the reader may see
}

func rulesBook(r *store.Reader, d pim.RoleDefinition, within store.Subtree) (ruleBook, error) {
	rows, err := r.Settings(d.ID)
	return ruleBook{r, d, rows, within}, err
}

func (b ruleBook) set() ([]views.RulesAt, error) {
	ids := []string{""}
	for _, row := range b.rows {
		if row.ResourceID != "" {
			ids = append(ids, row.ResourceID)
		}
	}
	return b.at(ids)
}

// holds lists the places where the role means something or is assigned; more says that there are others.
func (b ruleBook) holds() (list []views.RulesAt, more bool, err error) {
	ids, err := b.r.PlacesOf(b.role.ID, placesShown+1)
	if more = len(ids) > placesShown; more {
		ids = ids[:placesShown]
	}
	if err != nil {
		return nil, false, err
	}
	list, err = b.at(ids)
	return list, more, err
}

func (b ruleBook) found(query string) ([]views.RulesAt, error) {
	hits, err := b.r.ResourcesNamed(query, placesShown)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, n := range hits {
		if n.ID != pim.StintResource || b.role.Source == pim.SourceBuiltin {
			ids = append(ids, n.ID)
		}
	}
	return b.at(ids)
}

// at resolves the rules of each place, ordered by its path.
func (b ruleBook) at(ids []string) ([]views.RulesAt, error) {
	seen, err := b.r.ResourcesIn(ids, b.within)
	if err != nil {
		return nil, err
	}
	paths, err := b.r.Paths(seen)
	if err != nil {
		return nil, err
	}
	out := make([]views.RulesAt, 0, len(ids))
	for _, id := range ids {
		path, there := paths[id]
		if !there && id != "" {
			continue
		}
		out = append(out, b.rulesAt(id, path))
	}
	slices.SortStableFunc(out, func(a, b views.RulesAt) int {
		return cmp.Compare(strings.Join(a.Scope, "\x00"), strings.Join(b.Scope, "\x00"))
	})
	return out, nil
}

func (b ruleBook) rulesAt(id string, path pim.Path) views.RulesAt {
	eff := pim.ResolveSettings(b.role, path, b.rows)
	at := views.RulesAt{Resource: id, Scope: path.Names(), Needs: needViews(eff.Settings), Longest: views.Duration(eff.MaxDuration), From: b.from(path)}
	for _, row := range b.rows {
		if row.ResourceID == id {
			at.Set, at.By = strings.Join(setFields(row), ", "), sourceWords[row.Source]
		}
	}
	return at
}

// from names the nearest node above, or the role as a whole, where something is set.
func (b ruleBook) from(path pim.Path) string {
	has := func(id string) bool {
		return slices.ContainsFunc(b.rows, func(row pim.RoleSettings) bool { return row.ResourceID == id })
	}
	for i := len(path) - 2; i >= 0; i-- {
		if has(path[i].ID) {
			return "from " + path[i].Name
		}
	}
	if has("") {
		return "from everywhere"
	}
	return "Stint’s defaults"
}

// setFields names the fields a row sets.
func setFields(s pim.RoleSettings) (out []string) {
	for _, f := range s.Sets() {
		out = append(out, f.Title())
	}
	return out
}

// mayReadRole shows a role to whoever reads everything, and to owners of a place where it means something.
func mayReadRole(r *store.Reader, q *request, id string) error {
	if q.powers.MayAudit() {
		return nil
	}
	means, err := readableMeanings(r, q, id)
	if err == nil && len(means) == 0 {
		err = pim.NotFound()
	}
	return err
}

// readableMeanings is what a role means where the reader may look; only who reads everything is told of other roles.
func readableMeanings(r *store.Reader, q *request, roleID string) ([]views.MeaningLine, error) {
	list, err := meaningLines(r, roleID)
	if err != nil || q.powers.MayAudit() {
		return list, err
	}
	ids := make([]string, len(list))
	for i, m := range list {
		ids[i] = m.Resource
	}
	seen, err := r.ResourcesIn(ids, broker.ReadableBy(q.powers))
	list = slices.DeleteFunc(list, func(m views.MeaningLine) bool { return !slices.Contains(seen, m.Resource) })
	for i := range list {
		list[i].Same, list[i].TargetID = nil, ""
	}
	return list, err
}

// meaningLines is what a role means, each with the other roles that mean the same at the same target.
func meaningLines(r *store.Reader, roleID string) ([]views.MeaningLine, error) {
	meanings, err := r.MeaningsOfRoles(roleID)
	if err != nil {
		return nil, err
	}
	same, err := broker.SameMeanings(r, meanings)
	if err != nil {
		return nil, err
	}
	c, err := catalogueIn(r)
	if err != nil {
		return nil, err
	}
	out := make([]views.MeaningLine, len(meanings))
	for i, m := range meanings {
		out[i] = c.meaningLine(m)
		for _, s := range same {
			if s.Of == m {
				out[i].Same = append(out[i].Same, views.Link{Text: s.Role.Name, Href: "/roles/" + url.PathEscape(s.Role.ID) + "/meaning"})
			}
		}
	}
	return out, nil
}

// roleFormIn fills in what the form shows beside what was typed.
func roleFormIn(r *store.Reader, v views.RoleFormView) (views.RoleFormView, error) {
	known := map[broker.RoleMeaning]bool{}
	if v.ID != "" {
		d, err := r.Role(v.ID)
		if err != nil {
			return v, err
		}
		v.Was, v.FromFile, v.Passkey = d.Name, d.Source == pim.SourceFile, d.Privileged
		have, err := r.MeaningsOfRoles(v.ID)
		if err != nil {
			return v, err
		}
		for _, m := range have {
			known[broker.RoleMeaning{ResourceID: m.ResourceID, Name: m.Name, Relation: m.Relation}] = true
		}
		if v.Use, err = broker.RoleInUse(r, d); err != nil {
			return v, err
		}
	}
	ids := make([]string, len(v.Means))
	for i, m := range v.Means {
		ids[i] = m.Resource
	}
	paths, err := r.Paths(ids)
	if err != nil {
		return v, err
	}
	for i, m := range v.Means {
		v.Means[i].Scope, v.Means[i].New = paths[m.Resource].Names(), !known[meaningOf(m)]
	}
	if v.Where != "" {
		v.Found, err = resourcesOfTargets(r, v.Where)
	}
	return v, err
}

// resourcesOfTargets finds resources by name that belong to a target, each with its path (K-10).
func resourcesOfTargets(r *store.Reader, query string) ([]views.MeaningLine, error) {
	hits, err := r.ResourcesNamed(query, 20)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(hits))
	for i, n := range hits {
		ids[i] = n.ID
	}
	paths, err := r.Paths(ids)
	if err != nil {
		return nil, err
	}
	var out []views.MeaningLine
	for _, n := range hits {
		if target := paths[n.ID].TargetID(); target != "" && target != pim.StintTarget {
			out = append(out, views.MeaningLine{Resource: n.ID, Scope: paths[n.ID].Names()})
		}
	}
	return out, nil
}
