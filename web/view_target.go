package web

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// maxGrants is how many grants of a target its page looks at; the late ones come first.
const maxGrants = 500

func targetRows(r *store.Reader) ([]views.TargetRow, error) {
	targets, err := r.Targets()
	if err != nil {
		return nil, err
	}
	var out []views.TargetRow
	for _, t := range targets {
		grants, err := r.GrantsAt(t.ID, maxGrants)
		if err != nil {
			return nil, err
		}
		out = append(out, targetRow(t, grants, r.Now))
	}
	return out, nil
}

func targetRow(t store.TargetRow, grants []store.GrantRow, now time.Time) views.TargetRow {
	row := views.TargetRow{ID: t.ID, Name: t.Name, Kind: t.Kind, Address: t.Settings["address"], Health: health(t), Contact: t.OKAt}
	if t.ID == pim.StintTarget {
		row.Address = "built in"
	}
	for _, g := range grants {
		if held(g) {
			row.Held++
		}
		if late(g, now) {
			row.Late++
		}
	}
	return row
}

func held(g store.GrantRow) bool { return g.Wanted && g.Seen == pim.Present }

// late reports whether a grant is not as it should be for longer than a target may need (THREATS F7).
func late(g store.GrantRow, now time.Time) bool {
	return !g.LateSince.IsZero() && now.Sub(g.LateSince) >= pim.LateAfter
}

func health(t store.TargetRow) views.Health {
	switch {
	case t.ID == pim.StintTarget:
		return views.BuiltIn
	case !t.FailingAt.IsZero() && t.ErrorKind == string(connector.Denied):
		return views.Refuses
	case !t.FailingAt.IsZero():
		return views.Dead
	case t.OKAt.IsZero():
		return views.NotLooked
	}
	return views.Answers
}

// targetIn is a target's page: what is set, what may be written, and each grant with what was last seen.
func targetIn(r *store.Reader, q *request) (v views.TargetView, err error) {
	t, err := r.Target(q.Param("id"))
	if err != nil {
		return v, err
	}
	grants, err := r.GrantsAt(t.ID, maxGrants)
	if err != nil {
		return v, err
	}
	v.Target, v.Since, v.LastError = targetRow(t, grants, r.Now), t.FailingAt, t.Error
	v.Facts, v.Allowed, v.Tab = targetFacts(t), t.MayWrite, targetTab(q)
	if v.Incidents, err = incidentsIn(r, q, t); err != nil {
		return v, err
	}
	if v.Scan, err = scanIn(r, t.ID); err != nil {
		return v, err
	}
	if v.State = q.QueryParam("state"); v.State != "held" && v.State != "late" {
		v.State = ""
	}
	book := needBook{r: r, names: map[string]string{}, accepts: q.powers.Administrator}
	for _, g := range grants {
		if v.State == "held" && !held(g) || v.State == "late" && !late(g, r.Now) {
			continue
		}
		row, err := book.grantRow(g)
		if err != nil {
			return v, err
		}
		v.Grants = append(v.Grants, row)
	}
	if len(grants) == maxGrants {
		v.Pager.Note = fmt.Sprintf("The first %d grants; what is late comes first.", maxGrants)
	}
	return v, nil
}

// targetTab is the part of the page that is asked for; a list of incidents is asked for by its name alone, too.
func targetTab(q *request) string {
	switch tab := q.QueryParam("tab"); {
	case tab == views.TargetIncidents || tab == views.TargetConnection:
		return tab
	case q.QueryParam("list") != "":
		return views.TargetIncidents
	}
	return ""
}

// targetFacts are the plain settings; a credential is named by where it is read from, never shown (THREATS T28).
func targetFacts(t store.TargetRow) []views.Detail {
	var out []views.Detail
	for _, name := range slices.Sorted(maps.Keys(t.Settings)) {
		if value := t.Settings[name]; value != "" && name != connector.MayWrite {
			out = append(out, views.Detail{Term: settingTerm(name), Value: value, Code: true})
		}
	}
	if t.SecretFrom != "" {
		out = append(out, views.Detail{Term: "Credential from", Value: t.SecretFrom, Code: true})
	}
	if t.Authoritative {
		out = append(out, views.Detail{Term: "Authoritative", Value: "yes"})
	}
	return append(out, views.Detail{Term: "Known from", Value: sourceWords[t.Source]})
}

// settingTerm is a setting's name in words: bind_dn is "Bind DN".
func settingTerm(name string) string {
	words := strings.Fields(plain(name))
	for i, w := range words {
		switch w := strings.ToUpper(w); w {
		case "DN", "TLS", "CA", "URL", "ID":
			words[i] = w
		}
	}
	return strings.Join(words, " ")
}

// needBook names who and what a target's grants are for, each once.
type needBook struct {
	r     *store.Reader
	names map[string]string // role on scope, by "role/resource"

	accepts bool // the reader may state that something is gone
}

func (b needBook) grantRow(g store.GrantRow) (views.GrantRow, error) {
	row := views.GrantRow{Account: g.AccountName, Entitlement: g.Entitlement, Wanted: g.Wanted, Before: string(g.Before), Seen: string(g.Seen),
		SeenAt: g.SeenAt, Due: g.DueAt, Error: g.Error, Accepted: g.Accepted}
	if g.MayBeAccepted(b.r.Now) && b.accepts {
		row.Accept = "/targets/" + url.PathEscape(g.TargetID) + "/grants/" + url.PathEscape(g.ID) + "/gone"
	}
	if late(g, b.r.Now) {
		row.LateSince = g.LateSince
	}
	var err error
	if row.Person, err = ownerOf(b.r, g.TargetID, g.AccountID); err != nil {
		return row, err
	}
	needs, err := b.r.OpenNeeds(g.ID)
	if err != nil {
		return row, err
	}
	for _, n := range needs {
		words, err := b.reason(n)
		if err != nil {
			return row, err
		}
		row.Reasons = append(row.Reasons, words)
	}
	return row, nil
}

// reason says which activation or assignment needs a grant, and until when.
func (b needBook) reason(n pim.GrantNeed) (views.GrantReason, error) {
	roleID, resourceID, kind := "", "", "Activation of "
	if n.ActivationID != "" {
		a, err := b.r.Activation(n.ActivationID)
		if err != nil {
			return views.GrantReason{}, err
		}
		roleID, resourceID = a.RoleID, a.ResourceID
	} else {
		a, err := b.r.Assignment(n.AssignmentID)
		if err != nil {
			return views.GrantReason{}, err
		}
		roleID, resourceID, kind = a.RoleID, a.ResourceID, "Active assignment of "
	}
	name, err := b.role(roleID, resourceID)
	if err != nil {
		return views.GrantReason{}, err
	}
	why := views.GrantReason{Text: kind + name, Until: n.EndsAt}
	switch {
	case !n.EndedAt.IsZero() || !n.EndsAt.IsZero() && !n.EndsAt.After(b.r.Now):
		why = views.GrantReason{Text: why.Text + ", which is over"}
	case n.EndsAt.IsZero():
		why.Text += " without an end"
	}
	return why, nil
}

func (b needBook) role(roleID, resourceID string) (string, error) {
	key := roleID + "/" + resourceID
	if name, ok := b.names[key]; ok {
		return name, nil
	}
	n, err := namesOf(b.r, ids{roles: []string{roleID}, resources: []string{resourceID}})
	b.names[key] = n.role(roleID, resourceID).On()
	return b.names[key], err
}
