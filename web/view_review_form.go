package web

import (
	"errors"
	"slices"
	"strconv"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

func previewIn(r *store.Reader, q *request, a reviewAsked, v *views.ReviewFormView) error {
	p, err := broker.PreviewReview(r, q.who, pim.ReviewDefinition{ID: a.save.ID, Name: a.save.Name, Terms: a.save.Terms, When: a.save.When, Version: a.save.Version})
	if err != nil {
		return err
	}
	v.Passkey = p.Passkey
	v.Preview = &views.ReviewPreview{Items: p.Items, Fallback: p.Fallback, Nobody: p.Nobody, Warnings: p.Warnings, More: p.More, Starts: p.Starts}
	for _, row := range p.Rows {
		v.Preview.Rows = append(v.Preview.Rows, views.ReviewPreviewRow{Who: views.Person{ID: row.PrincipalID, Name: row.Name}, Items: row.Items, Fallback: row.Fallback})
	}
	return nil
}

func reviewFormIn(r *store.Reader, q *request, a reviewAsked, wrong views.Errors) (v views.ReviewFormView, err error) {
	v = views.ReviewFormView{ID: a.save.ID, Title: "New review", Values: a.values, ByOwner: !q.powers.Administrator, ZoneKnown: q.who.Zone != "" || a.save.ID != ""}
	if v.ID != "" {
		v.Title, v.Version = "Edit the series", strconv.FormatInt(a.save.Version, 10)
	}
	if a.save.Terms.Dangerous() && a.preview {
		v.Typed = views.Typed{Name: a.save.Name}
		if a.typed {
			typedOut(q, &v.Typed)
		}
	}
	c := choosing{r: r, q: q, a: a}
	v.Roles = c.roles()
	v.Resources = c.resources()
	v.Groups = c.groups()
	for n := range v.Reviewers {
		i := strconv.Itoa(n + 1)
		v.Reviewers[n] = c.people("reviewer_"+i, "Chosen reviewers", "Of a group, its members when the review starts.", "Nobody is chosen yet.")
		v.Fallbacks[n] = c.people("fallback_"+i, "Fallback", "They review what nobody else may: no manager, no owner, their own access.", "Administrators of Stint.")
	}
	v.SetErrors(wrong)
	return v, c.err
}

// choosing fills the choosers of the form: what is ticked, then what is found.
type choosing struct {
	r   *store.Reader
	q   *request
	a   reviewAsked
	err error
}

func (c *choosing) chooser(name, legend, help, none string) views.ReviewChooser {
	return views.ReviewChooser{Name: name, Legend: legend, Help: help, None: none, Q: c.a.find[name]}
}

func (c *choosing) fail(err error) bool {
	if c.err == nil {
		c.err = err
	}
	return err != nil
}

// keep adds a choice unless there are enough that were only found.
func (c *choosing) keep(out *views.ReviewChooser, id string, p views.ReviewPick) {
	ticked := slices.Contains(c.a.picked[out.Name], id)
	found := 0
	for _, row := range out.Rows {
		if row.Value == out.Name+":"+id {
			return
		}
		if !row.Ticked {
			found++
		}
	}
	if out.More = out.More || !ticked && found >= picksFound; !ticked && found >= picksFound {
		return
	}
	p.Value, p.Ticked = out.Name+":"+id, ticked
	out.Rows = append(out.Rows, p)
}

func (c *choosing) roles() views.ReviewChooser {
	out := c.chooser("role", "Roles", "Each with whoever holds it.", "Every role.")
	k, err := catalogueIn(c.r)
	if c.fail(err) {
		return out
	}
	add := func(role pim.RoleDefinition) {
		v := views.Role{Name: role.Name, Kind: kindOf(k, role)}
		if role.Description != "" {
			v.Scope = []string{role.Description}
		}
		c.keep(&out, role.ID, views.ReviewPick{Role: v})
	}
	for _, id := range c.a.picked["role"] {
		if role, ok := k.roles[id]; ok {
			add(role)
		}
	}
	if out.Q != "" {
		for _, role := range rolesNamed(k, out.Q) {
			add(role)
		}
	}
	return out
}

func (c *choosing) resources() views.ReviewChooser {
	out := c.chooser("resource", "Resources", "Each with everything below it.", "Everywhere.")
	if !c.q.powers.Administrator {
		out.None = "Choose the resources you own, or some below them."
	}
	ids := slices.Clone(c.a.picked["resource"])
	if out.Q != "" {
		found, err := c.r.FindResources(store.ResourcePage{Query: out.Q, Limit: placesExamined})
		if c.fail(err) {
			return out
		}
		for _, f := range found {
			ids = append(ids, f.ID)
		}
	} else if !c.q.powers.Administrator {
		ids = append(ids, c.q.powers.Owns...)
	}
	paths, err := c.r.Paths(ids)
	if c.fail(err) {
		return out
	}
	for _, id := range ids {
		if path := paths[id]; len(path) > 0 && c.q.powers.Administers(path) {
			c.keep(&out, id, views.ReviewPick{Role: roleView(path.Leaf().Name, path)})
		}
	}
	return out
}

func (c *choosing) groups() views.ReviewChooser {
	out := c.chooser("group", "Groups", "Their direct members are reviewed. Membership that a claim or a directory decides is told, not ended.", "No group is chosen.")
	if !c.q.powers.Administrator {
		out.None = "Administrators of Stint review members of groups."
		return out
	}
	c.ticked(&out)
	if out.Q == "" {
		return out
	}
	found, _, err := c.r.Groups(store.PrincipalPage{Query: out.Q, Limit: picksFound + 1})
	if c.fail(err) {
		return out
	}
	for _, g := range found {
		c.keep(&out, g.ID, views.ReviewPick{Holder: principalHolder(g.Principal)})
	}
	return out
}

// ticked adds the people and groups that are chosen already.
func (c *choosing) ticked(out *views.ReviewChooser) {
	for _, id := range c.a.picked[out.Name] {
		p, err := c.r.Principal(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if c.fail(err) {
			return
		}
		c.keep(out, id, views.ReviewPick{Holder: principalHolder(p)})
	}
}

func (c *choosing) people(name, legend, help, none string) views.ReviewChooser {
	out := c.chooser(name, legend, help, none)
	c.ticked(&out)
	if out.Q == "" {
		return out
	}
	found, err := c.r.FindPrincipals(out.Q, 2*picksFound)
	if c.fail(err) {
		return out
	}
	for _, p := range found {
		if p.Kind != pim.Workload {
			c.keep(&out, p.ID, views.ReviewPick{Holder: principalHolder(p)})
		}
	}
	return out
}
