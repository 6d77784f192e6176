package web

import (
	"net/url"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// workloadsIn is a page of workloads and the cursor to go on from.
func workloadsIn(r *store.Reader, page store.PrincipalPage) (rows []views.WorkloadRow, next, note string, err error) {
	page.Limit = pageSize + 1
	list, searched, err := r.Workloads(page)
	next, note = onFrom(searched)
	if len(list) > pageSize {
		list = list[:pageSize]
		next = nameCursor(list[pageSize-1].ID, list[pageSize-1].Name)
	}
	for _, w := range list {
		rows = append(rows, views.WorkloadRow{ID: w.ID, Name: w.Name, About: w.About, Owner: w.Owner, Enabled: w.Enabled, Roles: int(w.Roles)})
	}
	return rows, next, note, err
}

// fillWorkload is everything on a workload's page.
func fillWorkload(r *store.Reader, q *request, v *views.WorkloadView) error {
	w, err := workloadByID(r, q.Param("id"))
	if err != nil {
		return err
	}
	v.ID, v.Name, v.About, v.Enabled, v.Version = w.ID, w.Name, w.About, w.Enabled, w.Version
	v.CanManage, v.CanAdd = q.powers.Administrator, q.powers.MayManage() && w.Enabled
	v.Facts = []views.Detail{{Term: "Known from", Value: sourceWords[w.Source]}, {Term: "Since", At: w.CreatedAt}}
	if w.Key != "" {
		v.Facts = append(v.Facts, views.Detail{Term: "Id in the file", Value: w.Key, Code: true})
	}
	if v.Owner, err = ownerLink(r, w); err != nil {
		return err
	}
	if v.Accounts, err = accountRows(r, w, holdings{}); err != nil {
		return err
	}
	rows, err := r.HeldBy(w.ID, store.AssignmentFilter{Limit: pageSize + 1})
	if err != nil {
		return err
	}
	if len(rows) > pageSize {
		rows = rows[:pageSize]
		v.More = "/assignments?" + url.Values{"q": {w.Name}}.Encode()
	}
	v.Rows, err = assignmentRows(r, q, v.Can, rows, "")
	return err
}

func ownerLink(r *store.Reader, w pim.Principal) (views.Link, error) {
	if w.OwnerID == "" {
		return views.Link{}, nil
	}
	h, err := r.Principal(w.OwnerID)
	if h.Kind == pim.Group {
		return views.Link{Text: h.Name, Href: "/groups/" + h.ID}, err
	}
	return views.Link{Text: h.Name, Href: "/people/" + h.ID}, err
}

// workloadEdited is the form with what is said of a workload now.
func workloadEdited(r *store.Reader, id string) (v views.WorkloadFormView, err error) {
	w, err := workloadByID(r, id)
	if err != nil {
		return v, err
	}
	owner, err := ownerLink(r, w)
	return views.WorkloadFormView{ID: w.ID, Name: w.Name, Version: w.Version, FromFile: w.Source == pim.SourceFile, OwnerID: w.OwnerID,
		Values: views.WorkloadValues{Name: w.Name, About: w.About, Owner: owner.Text}}, err
}

// ownerNamed finds the person or group that a text means: by id, by name or address.
func ownerNamed(r *store.Reader, text string, wrong views.Errors) (string, error) {
	byID, err := r.Names([]string{text})
	if err != nil || byID[text] != "" {
		return text, err
	}
	list, err := r.FindPrincipals(text, pageSize)
	var may candidates
	for _, p := range list {
		if p.Kind != pim.Workload {
			may.add(p.ID, p.Name, strings.EqualFold(p.Name, text) || strings.EqualFold(p.Email, text))
		}
	}
	return may.theOne("owner", "No person or group here has a name or e-mail address that begins with this.", wrong), err
}

// workloadsAnswered bounds how many workloads My roles looks at.
const workloadsAnswered = 20

// workloadRoles are the roles of workloads that the reader answers for, themselves or through a group.
func workloadRoles(r *store.Reader, q *request) (out []views.WorkloadRole, err error) {
	mine, err := r.GroupsOf(q.who.ID)
	if err != nil {
		return nil, err
	}
	list, err := r.WorkloadsOwnedBy(mine)
	for _, w := range list[:min(len(list), workloadsAnswered)] {
		rows, err := rolesOfWorkload(r, w)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, err
}

func rolesOfWorkload(r *store.Reader, w pim.Principal) ([]views.WorkloadRole, error) {
	held, err := r.HeldBy(w.ID, store.AssignmentFilter{Limit: pageSize})
	if err != nil {
		return nil, err
	}
	over, err := r.HeldBy(w.ID, store.AssignmentFilter{State: store.ListExpired, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	waiting, err := assignmentsAsked(r, w.ID)
	if err != nil {
		return nil, err
	}
	var i ids
	again := map[[2]string]bool{}
	for _, a := range held {
		again[[2]string{a.RoleID, a.ResourceID}] = true
	}
	for _, a := range append(held, over...) {
		i.roles, i.resources = append(i.roles, a.RoleID), append(i.resources, a.ResourceID)
	}
	n, err := namesOf(r, i)
	var out []views.WorkloadRole
	for _, a := range append(held, over...) {
		expired := a.StateAt(r.Now) == pim.AssignmentExpired
		if expired && again[[2]string{a.RoleID, a.ResourceID}] {
			continue
		}
		row := views.WorkloadRole{Assignment: a.ID, Workload: w.Name, Role: n.role(a.RoleID, a.ResourceID), State: assignmentStates[a.StateAt(r.Now)], Until: a.EndsAt}
		switch {
		case waiting[a.ID] && expired:
			row.Ask = "renewing"
		case waiting[a.ID]:
			row.Ask = "extending"
		case expired && a.MayRenewAt(r.Now):
			row.Ask = "renew"
		case a.MayExtendAt(r.Now):
			row.Ask = "extend"
		}
		out = append(out, row)
	}
	return out, err
}
