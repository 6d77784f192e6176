package web

import (
	"errors"
	"net/http"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// usesShown is how many emergency sign-ins the page lists of each kind.
const usesShown = 100

// BreakGlassPage is GET /break-glass: accounts for emergencies, and the uses that nobody has reviewed yet.
func (s *Server) BreakGlassPage(q *request) error { return s.breakGlassPage(q, http.StatusOK, nil) }

func (s *Server) breakGlassPage(q *request, status int, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.BreakGlassView, error) { return breakGlassIn(r, q) })
	if err != nil {
		return err
	}
	v.Errors, v.Typed = wrong, views.BreakGlassForm{Person: clip(q.FormValue("person"), 200), Use: q.Param("id"), Words: clip(q.FormValue("words"), 2000), Drill: q.FormValue("drill") != ""}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.BreakGlass(v))
}

func breakGlassIn(r *store.Reader, q *request) (v views.BreakGlassView, err error) {
	v.CanManage = q.powers.Administrator
	accounts, err := r.BreakGlass()
	if err != nil {
		return v, err
	}
	for _, a := range accounts {
		row, err := breakGlassRow(r, a)
		if err != nil {
			return v, err
		}
		v.Accounts = append(v.Accounts, row)
	}
	v.Min = pim.MinBreakGlass
	beside, err := r.PermanentBeside()
	if err != nil {
		return v, err
	}
	v.Beside = int(beside)
	open, err := r.UnreviewedUses(usesShown)
	if err != nil {
		return v, err
	}
	v.Open, err = useRows(r, q, open)
	return v, err
}

// breakGlassRow says of one account whether it would work when it must.
func breakGlassRow(r *store.Reader, a pim.BreakGlass) (row views.BreakGlassRow, err error) {
	p, err := r.Principal(a.PrincipalID)
	if err != nil {
		return row, err
	}
	row.Person, row.Marked = personView(p), a.MarkedAt
	keys, err := r.CredentialsOf(p.ID)
	if err != nil {
		return row, err
	}
	row.Passkeys = len(keys)
	uses, err := r.UsesOf(p.ID, usesShown)
	if err != nil {
		return row, err
	}
	for _, u := range uses {
		if row.LastUse.IsZero() {
			row.LastUse = u.UsedAt
		}
		if u.Drill && row.LastDrill.IsZero() {
			row.LastDrill = u.UsedAt
		}
	}
	row.Missing, err = missing(r, p, len(keys))
	if a.DrillDue(row.LastUse, r.Now) {
		row.Missing = append(row.Missing, "not used for 90 days: a drill is due")
	}
	return row, err
}

// missing lists why an account for emergencies would not help in one (B-01, B-02).
func missing(r *store.Reader, p pim.Principal, keys int) (out []string, err error) {
	if !p.Enabled {
		out = append(out, "disabled")
	}
	if keys == 0 {
		out = append(out, "no passkey")
	}
	if keys == 1 {
		out = append(out, "one passkey only: keep a second one in another place")
	}
	active, err := r.AssignmentsFor(p.ID, pim.Active)
	if err != nil {
		return nil, err
	}
	for _, a := range active {
		if a.RoleID == pim.RoleAdministrator && a.EndsAt.IsZero() {
			return out, nil
		}
	}
	return append(out, "not permanently active as Privileged Role Administrator"), nil
}

func useRows(r *store.Reader, q *request, uses []pim.BreakGlassUse) (rows []views.BreakGlassUse, err error) {
	for _, u := range uses {
		p, err := r.Principal(u.PrincipalID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		rows = append(rows, views.BreakGlassUse{ID: u.ID, Person: personView(p), At: u.UsedAt, Browser: u.Browser, Address: u.Address, Own: q.who.Same(p.PersonID)})
	}
	return rows, nil
}

// MarkBreakGlass is POST /break-glass/accounts.
func (s *Server) MarkBreakGlass(q *request) error {
	typed := strings.TrimSpace(clip(q.FormValue("person"), 200))
	id, err := read(s, q, func(r *store.Reader) (string, error) { return exactPerson(r, typed) })
	if err != nil {
		return err
	}
	if id == "" {
		return s.breakGlassPage(q, http.StatusUnprocessableEntity, views.Errors{"person": "Write the whole name or e-mail address of one person that Stint knows."})
	}
	out, err := s.broker.MarkBreakGlass(q.ctx(), q.actor(), id, true)
	return s.breakGlassDone(q, out, err)
}

// exactPerson finds the one person of this very name or address; "" for none and for several.
func exactPerson(r *store.Reader, typed string) (string, error) {
	if typed == "" {
		return "", nil
	}
	people, err := r.People(store.PrincipalPage{Query: typed, Limit: usesShown})
	if err != nil {
		return "", err
	}
	var hits []string
	for _, p := range people {
		if strings.EqualFold(p.Name, typed) || strings.EqualFold(p.Email, typed) {
			hits = append(hits, p.ID)
		}
	}
	if len(hits) != 1 {
		return "", nil
	}
	return hits[0], nil
}

// UnmarkBreakGlass is POST /break-glass/accounts/:id/unmark.
func (s *Server) UnmarkBreakGlass(q *request) error {
	out, err := s.broker.MarkBreakGlass(q.ctx(), q.actor(), q.Param("id"), false)
	if err != nil {
		return unknownPerson(err)
	}
	return s.follow(q, out)
}

// unknownPerson answers for somebody in an address, who is not there, as for everything that is not.
func unknownPerson(err error) error {
	if wrong, _ := fieldErrors(err); wrong != nil {
		return pim.NotFound()
	}
	return err
}

// ReviewUse is POST /break-glass/uses/:id/review.
func (s *Server) ReviewUse(q *request) error {
	out, err := s.broker.ReviewUse(q.ctx(), q.actor(), q.Param("id"), q.FormValue("words"), q.FormValue("drill") != "")
	return s.breakGlassDone(q, out, err)
}

func (s *Server) breakGlassDone(q *request, out broker.Outcome, err error) error {
	wrong, other := fieldErrors(err)
	if wrong != nil {
		return s.breakGlassPage(q, http.StatusUnprocessableEntity, wrong)
	}
	if other != nil {
		return other
	}
	return s.follow(q, out)
}

// emergencyUsesIn is the banner of uses that are not reviewed, for whoever is or may become an administrator.
func emergencyUsesIn(r *store.Reader, q *request) (u views.EmergencyUses, err error) {
	open, err := r.UnreviewedUses(usesShown)
	if err != nil || len(open) == 0 {
		return u, err
	}
	if told, err := broker.MayBecomeAdministrator(r, q.who.ID); err != nil || !told {
		return u, err
	}
	names, err := r.Names([]string{open[0].PrincipalID})
	return views.EmergencyUses{Open: len(open), Person: names[open[0].PrincipalID], At: open[0].UsedAt, Review: q.powers.MayAudit()}, err
}
