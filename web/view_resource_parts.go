package web

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

func pathUpTo(path pim.Path, id string) pim.Path {
	i := slices.IndexFunc(path, func(s pim.Resource) bool { return s.ID == id })
	return path[:i+1]
}

// ownTarget names the target of a node: its own, or the nearest above and whose that is.
func ownTarget(b resourceBook, path pim.Path, v *views.ResourceView) {
	for i := len(path) - 1; i >= 0; i-- {
		t, ok := b.targets[path[i].TargetID]
		if !ok {
			continue
		}
		v.Row.Health, v.Row.Target = t.Health, views.Link{Text: t.Name, Href: "/targets/" + t.ID}
		if i < len(path)-1 {
			v.TargetFrom = path[i].Name
		}
		return
	}
}

// heldAt lists who holds or may activate what here, what was made above with where from.
func heldAt(r *store.Reader, q *request, path pim.Path, v *views.ResourceView) error {
	ids := make([]string, len(path))
	for i, s := range path {
		ids[i] = s.ID
	}
	list, err := r.AssignmentsAt(ids, maxHeld+1)
	if err != nil {
		return err
	}
	if v.HeldMore = len(list) > maxHeld; v.HeldMore {
		list = list[:maxHeld]
	}
	var roles []string
	for _, a := range list {
		roles = append(roles, a.RoleID)
	}
	called, err := r.RoleNames(roles)
	if err != nil {
		return err
	}
	for _, a := range list {
		row, err := heldRow(r, q, a, called[a.RoleID])
		if err != nil {
			return err
		}
		if a.ResourceID != path.Leaf().ID {
			row.From = madeAt(q, path, a.ResourceID)
		}
		v.Held = append(v.Held, row)
	}
	return nil
}

func madeAt(q *request, path pim.Path, id string) views.Link {
	at := pathUpTo(path, id)
	if !q.powers.Reads(at) {
		return views.Link{Text: at.Leaf().Name}
	}
	return views.Link{Text: at.Leaf().Name, Href: "/resources/" + id}
}

func heldRow(r *store.Reader, q *request, a pim.Assignment, role string) (views.HeldAt, error) {
	row := views.HeldAt{ID: a.ID, Role: role, RoleID: a.RoleID, Kind: string(a.Kind), Until: views.TimeView{Reader: q.reader(), At: a.EndsAt, Style: views.End}}
	if a.StartsAt.After(r.Now) {
		row.Start = "from " + a.StartsAt.UTC().Format("2006-01-02")
	}
	p, err := r.Principal(a.PrincipalID)
	if errors.Is(err, store.ErrNotFound) {
		row.Who = views.Person{ID: a.PrincipalID, Name: "somebody removed"}
		return row, nil
	}
	row.Who, row.Group = personView(p), p.Kind == pim.Group
	return row, err
}

// maxMeanings is how much of what roles mean a resource's page looks at.
const maxMeanings = 500

// rolesAt lists the roles that can be held here: what they mean at this very resource, and at how many below.
func rolesAt(r *store.Reader, _ *request, path pim.Path, v *views.ResourceView) error {
	id := path.Leaf().ID
	meanings, err := r.MeaningsUnder(id, maxMeanings)
	if err != nil {
		return err
	}
	roles, err := r.Roles()
	if err != nil {
		return err
	}
	below := map[string]map[string]bool{}
	here := map[string][]string{}
	for _, m := range meanings {
		if m.ResourceID == id {
			here[m.RoleID] = append(here[m.RoleID], m.Called())
			continue
		}
		if below[m.RoleID] == nil {
			below[m.RoleID] = map[string]bool{}
		}
		below[m.RoleID][m.ResourceID] = true
	}
	for _, d := range roles {
		own := id == pim.StintResource && d.Source == pim.SourceBuiltin
		if len(here[d.ID])+len(below[d.ID]) > 0 || own {
			v.Roles = append(v.Roles, views.RoleAt{Role: views.Link{Text: d.Name, Href: d.ID}, Privileged: d.Privileged, Means: here[d.ID], Below: len(below[d.ID])})
		}
	}
	return nil
}

// settingsAt says the rules that are set at this very resource.
func settingsAt(r *store.Reader, _ *request, path pim.Path, v *views.ResourceView) error {
	rows, err := r.SettingsAmong([]string{path.Leaf().ID})
	if err != nil || len(rows) == 0 {
		return err
	}
	var roles, people []string
	for _, s := range rows {
		roles, people = append(roles, s.RoleID), append(people, s.Approvers...)
	}
	called, err := r.RoleNames(roles)
	if err != nil {
		return err
	}
	names, err := r.Names(people)
	for _, s := range rows {
		v.Settings = append(v.Settings, views.Detail{Term: called[s.RoleID], Value: strings.Join(setInWords(s, names), "; ")})
	}
	return err
}

// setInWords are the fields that a row sets, as the screen says them, with the approvers by name.
func setInWords(row pim.RoleSettings, names map[string]string) (out []string) {
	for _, f := range pim.Fields() {
		words := row.Words(f)
		if f == pim.FieldApprovers && len(row.Approvers) > 0 {
			called := make([]string, len(row.Approvers))
			for i, id := range row.Approvers {
				called[i] = names[id]
			}
			words = strings.Join(called, ", ")
		}
		if words != "" {
			out = append(out, f.Title()+": "+words)
		}
	}
	return out
}

func rightBelow(r *store.Reader, q *request, path pim.Path, v *views.ResourceView) error {
	id := path.Leaf().ID
	list, err := r.Children(id, store.ResourcePage{Limit: pageSize + 1})
	if len(list) > pageSize {
		list = list[:pageSize]
		v.BelowMore = "/resources?in=" + id
	}
	for _, s := range list {
		v.Below = append(v.Below, views.ResourceRow{ID: s.ID, Name: s.Name, Kind: s.Kind, KindName: pim.KindName(s.Kind)})
	}
	return err
}

// resourceFormIn is the form of a node, new or not, for somebody who administers the place.
func resourceFormIn(r *store.Reader, q *request, f broker.ResourceForm) (v views.ResourceFormView, err error) {
	v = views.ResourceFormView{ID: f.ID, BelowID: f.ParentID, Title: "Add a resource", Kind: f.Kind, Name: f.Name, Target: f.TargetID, Version: strconv.FormatInt(f.Version, 10)}
	parent, own := f.ParentID, ""
	if f.ID != "" {
		row, err := r.Resource(f.ID)
		if err != nil {
			return v, err
		}
		parent, own, v.Title, v.FromFile, v.BelowID = row.ParentID, row.Kind, "Edit "+row.Name, row.Source == pim.SourceFile, ""
		if row.ID == pim.StintResource {
			return v, pim.Refuse(pim.KindForbidden, "This is Stint itself; it stays as it is.")
		}
		v.Below = views.Link{Text: row.Name, Href: "/resources/" + row.ID}
	}
	place := f.ID
	if place == "" {
		place = parent
	}
	if may, err := administersHere(r, q, place); err != nil || !may {
		return v, errors.Join(err, notFoundUnless(may))
	}
	above := pim.Resource{}
	if parent != "" {
		if above, err = r.Resource(parent); err != nil {
			return v, err
		}
		if f.ID == "" {
			v.Title, v.Below = "Add below "+above.Name, views.Link{Text: above.Name, Href: "/resources/" + above.ID}
		}
	} else if f.ID == "" {
		v.Below = views.Link{Text: "The top", Href: "/resources"}
	}
	v.Kinds = kindChoices(above.Kind, own)
	if q.powers.Administrator {
		v.Targets, err = targetOptions(r, parent)
	}
	return v, err
}

func notFoundUnless(ok bool) error {
	if ok {
		return nil
	}
	return pim.NotFound()
}

func kindChoices(above, own string) (out []views.Choice) {
	usual, other := pim.KindsBelow(above)
	for _, k := range usual {
		out = append(out, views.Choice{Value: k.Kind, Label: k.Name, Usual: true})
	}
	for _, k := range other {
		out = append(out, views.Choice{Value: k.Kind, Label: k.Name})
	}
	if own != "" && !slices.ContainsFunc(out, func(c views.Choice) bool { return c.Value == own }) {
		out = append(out, views.Choice{Value: own, Label: pim.KindName(own)})
	}
	return out
}

func targetOptions(r *store.Reader, parentID string) ([]views.Option, error) {
	list, err := r.Targets()
	if err != nil {
		return nil, err
	}
	above := "none"
	if parentID != "" {
		path, err := r.Path(parentID)
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			if t.ID == path.TargetID() {
				above = t.Name
			}
		}
	}
	out := []views.Option{{Value: "", Label: "The one from above (" + above + ")"}}
	for _, t := range list {
		if t.ID != pim.StintTarget {
			out = append(out, views.Option{Value: t.ID, Label: t.Name})
		}
	}
	return out, nil
}

// changeIn is what a move and retiring show of their node, for somebody who administers it.
func changeIn(r *store.Reader, q *request) (v views.ResourceChangeView, err error) {
	s, err := r.Resource(q.Param("id"))
	if err != nil {
		return v, err
	}
	if may, err := administersHere(r, q, s.ID); err != nil || !may {
		return v, errors.Join(err, notFoundUnless(may))
	}
	path, err := r.Path(s.ID)
	v.Row = views.ResourceRow{ID: s.ID, Name: s.Name, Kind: s.Kind, KindName: pim.KindName(s.Kind)}
	v.Path, v.Version, v.FromFile = path.Names(), strconv.FormatInt(s.Version, 10), s.Source == pim.SourceFile
	return v, err
}

// placesIn lists where a node can go: by name, what the visitor administers, neither itself nor below it.
func placesIn(r *store.Reader, q *request, v *views.ResourceChangeView) error {
	v.Q = strings.TrimSpace(clip(q.QueryParam("q"), 200))
	list, err := r.FindResources(store.ResourcePage{Query: v.Q, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	if v.MoreHit = len(list) > pageSize; v.MoreHit {
		list = list[:pageSize]
	}
	ids := []string{v.Row.ID}
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	paths, err := r.Paths(ids)
	if err != nil {
		return err
	}
	own := paths[v.Row.ID]
	for _, s := range list {
		p := paths[s.ID]
		if p.Contains(v.Row.ID) || p.Contains(pim.StintResource) || s.ID == own.Leaf().ParentID {
			continue
		}
		if may, err := administersHere(r, q, s.ID); err != nil || !may {
			if err != nil {
				return err
			}
			continue
		}
		v.Places = append(v.Places, views.ResourceRow{ID: s.ID, Name: s.Name, Kind: s.Kind, Path: p.Names()})
	}
	v.AtTop = v.Q == "" && own.Leaf().ParentID != "" && q.powers.Administrator
	return nil
}
