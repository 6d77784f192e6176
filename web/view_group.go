package web

import (
	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// groupsIn is a page of groups and the cursor to go on from.
func groupsIn(r *store.Reader, page store.PrincipalPage) (rows []views.GroupRow, next, note string, err error) {
	page.Limit = pageSize + 1
	groups, searched, err := r.Groups(page)
	next, note = onFrom(searched)
	if len(groups) > pageSize {
		groups = groups[:pageSize]
		next = nameCursor(groups[pageSize-1].ID, groups[pageSize-1].Name)
	}
	for _, g := range groups {
		rows = append(rows, views.GroupRow{ID: g.ID, Name: g.Name, From: sourceWords[g.Source], Claim: g.MatchValue, Members: int(g.Members), Roles: int(g.Roles)})
	}
	return rows, next, note, err
}

func groupNamedBy(r *store.Reader, id string) (pim.Principal, error) {
	g, err := r.Principal(id)
	if err != nil || g.Kind != pim.Group {
		return g, orNotFound(err)
	}
	return g, nil
}

// groupIn is everything on a group's page, with a page of its members.
func groupIn(r *store.Reader, id string, page store.PrincipalPage) (v views.GroupView, next string, err error) {
	g, err := groupNamedBy(r, id)
	if err != nil {
		return v, "", err
	}
	v = views.GroupView{ID: g.ID, Name: g.Name, From: sourceWords[g.Source], FromFile: g.Source == pim.SourceFile, Version: g.Version, Q: page.Query,
		Values: views.GroupValues{Name: g.Name, Claim: g.MatchValue}}
	page.Limit = pageSize + 1
	members, searched, err := r.MembersIn(g.ID, page)
	if err != nil {
		return v, "", err
	}
	next, v.Pager.Note = onFrom(searched)
	if len(members) > pageSize {
		members = members[:pageSize]
		next = nameCursor(members[pageSize-1].ID, members[pageSize-1].SortName)
	}
	for _, m := range members {
		v.Members = append(v.Members, memberRow(r, m))
	}
	if v.Approves, err = broker.ApprovesBy(r, g.ID); err != nil {
		return v, "", err
	}
	around, err := r.DirectGroupsOf(g.ID)
	if err != nil {
		return v, "", err
	}
	for _, up := range around {
		v.Inside = append(v.Inside, views.Link{Text: up.Name, Href: "/groups/" + up.ID})
	}
	v.Holds, err = heldByGroup(r, g.ID)
	return v, next, err
}

// memberRow says where a membership came from; of several the one that is no claim is named first.
func memberRow(r *store.Reader, m store.Member) views.MemberRow {
	row := views.MemberRow{Person: personView(m.Principal), Group: m.Kind == pim.Group, Disabled: !m.Enabled}
	for _, e := range m.Edges {
		switch {
		case e.FreshUntil.IsZero():
			row.Local = true
			if row.From == "" {
				row.From = "from " + sourceWords[e.Source]
			}
		case e.FreshUntil.After(r.Now):
			row.ByClaim, row.FreshUntil = true, e.FreshUntil
		}
	}
	switch {
	case row.Local && row.ByClaim:
		row.From += " and by the provider’s claim"
	case row.ByClaim:
		row.From = "by the provider’s claim"
	case !row.Local:
		row.From = "by a claim that has lapsed"
	}
	return row
}

// heldByGroup are the roles that being in a group gives, with the group around it that they come through.
func heldByGroup(r *store.Reader, id string) ([]views.HeldRole, error) {
	up, err := r.GroupsOf(id)
	if err != nil {
		return nil, err
	}
	assigned, err := r.AssignmentsOf(up...)
	if err != nil {
		return nil, err
	}
	var i ids
	for _, a := range assigned {
		i.roles, i.resources, i.people = append(i.roles, a.RoleID), append(i.resources, a.ResourceID), append(i.people, a.PrincipalID)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return nil, err
	}
	var out []views.HeldRole
	for _, a := range assigned {
		row := views.HeldRole{Role: n.role(a.RoleID, a.ResourceID), State: "eligible", Until: a.EndsAt}
		if a.Kind == pim.Active {
			row.State, row.Tone = "active", views.OK
		}
		if a.StartsAt.After(r.Now) && !a.StartsAt.Equal(store.Unopened) {
			row.From = a.StartsAt
		}
		if a.PrincipalID != id {
			row.Through = n.people[a.PrincipalID]
		}
		out = append(out, row)
	}
	return out, nil
}

// membersFound are people and groups that a search finds and that are not in the group yet.
func membersFound(r *store.Reader, id, search string) (views.AddMembersView, error) {
	g, err := groupNamedBy(r, id)
	if err != nil {
		return views.AddMembersView{}, err
	}
	v := views.AddMembersView{ID: g.ID, Name: g.Name, Q: search}
	groups, _, err := r.Groups(store.PrincipalPage{Query: search, Limit: pageSize + 1})
	if err != nil {
		return v, err
	}
	people, err := r.People(store.PrincipalPage{Query: search, Limit: pageSize + 1})
	if err != nil {
		return v, err
	}
	found := make([]pim.Principal, 0, len(groups)+len(people))
	for _, other := range groups {
		found = append(found, other.Principal)
	}
	for _, p := range append(found, people...) {
		edges, err := r.Memberships(g.ID, p.ID)
		if err != nil {
			return v, err
		}
		row := memberRow(r, store.Member{Principal: p, Edges: edges})
		if row.Local || p.ID == g.ID {
			continue
		}
		if len(v.Hits) == pageSize {
			v.More = true
			break
		}
		if row.From = row.Person.Detail; row.Group {
			row.From = "group from " + sourceWords[p.Source]
		}
		v.Hits = append(v.Hits, row)
	}
	return v, nil
}
