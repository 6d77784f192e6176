package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// SeveralPage is GET /assignments/several: what is ticked in a list of assignments, to be changed or removed together.
func (s *Server) SeveralPage(q *request) error {
	return s.severalPage(q, http.StatusOK, q.QueryParams()[picks], severalAsked{values: views.AssignmentValues{End: "longest", Zone: q.zoneOf("")}})
}

// severalAsked is what the two forms held, and what is wrong with them.
type severalAsked struct {
	values          views.AssignmentValues
	removal         broker.AssignmentRemoval
	changed, remove views.Errors
}

// ChangeEnds is POST /assignments/several/end: another end for each that is ticked.
func (s *Server) ChangeEnds(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	picked := unique(slices.Clone(form[picks]))
	if len(picked) == 0 {
		return q.redirect("/assignments")
	}
	values, terms, wrong := termsIn(q, form)
	a := severalAsked{values: values, changed: wrong}
	if len(wrong) > 0 {
		return s.severalPage(q, http.StatusUnprocessableEntity, picked, a)
	}
	out, err := s.broker.ChangeEnds(q.ctx(), q.actor(), broker.AssignmentEnds{IDs: picked, AssignmentTerms: pim.AssignmentTerms{End: terms.End, After: terms.After, Permanent: terms.Permanent},
		Justification: strings.TrimSpace(values.Justification), TicketNumber: values.TicketNumber, TicketSystem: values.TicketSystem}, severalAt(picked))
	if status, wrong, other := formRefusal(err); wrong != nil {
		a.changed = wrong
		return s.severalPage(q, status, picked, a)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// RemoveSeveral is POST /assignments/several/remove: takes each away that is ticked.
func (s *Server) RemoveSeveral(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	picked := unique(slices.Clone(form[picks]))
	removal := removalIn(q, picked...)
	if len(picked) == 0 {
		return q.redirect("/assignments")
	}
	out, err := s.broker.RemoveAssignments(q.ctx(), q.actor(), removal, severalAt(picked))
	if status, wrong, other := formRefusal(err); wrong != nil {
		return s.severalPage(q, status, picked, severalAsked{values: views.AssignmentValues{End: "longest", Zone: q.zoneOf("")}, removal: removal,
			remove: removalErrors(wrong)})
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func severalAt(picked []string) string {
	return "/assignments/several?" + url.Values{picks: picked}.Encode()
}

func (s *Server) severalPage(q *request, status int, picked []string, a severalAsked) error {
	if len(picked) == 0 {
		return q.redirect("/assignments")
	}
	if len(picked) > pim.MaxAssign {
		picked = picked[:pim.MaxAssign]
		status, a.changed = http.StatusUnprocessableEntity, views.Errors{"pick": fmt.Sprintf("At most %d at once. These are the first of them.", pim.MaxAssign)}
	}
	v := views.SeveralView{Change: views.AssignmentForm{Values: a.values, Errors: a.changed, ZoneKnown: q.who.Zone != "", Permanent: true, Longest: true, Ticket: true},
		Remove: views.AssignmentForm{Values: removalValues(a.removal), Errors: a.remove}}
	var err error
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.SeveralView, error) { return v, fillSeveral(r, q, picked, &v) })
	if err != nil {
		return err
	}
	return s.page(q, status, views.Several(v))
}

// fillSeveral loads what is ticked; what the reader may not change is not there.
func fillSeveral(r *store.Reader, q *request, picked []string, v *views.SeveralView) error {
	rows := make([]store.AssignmentRow, len(picked))
	for i, id := range picked {
		a, err := r.Assignment(id)
		if errors.Is(err, store.ErrNotFound) {
			return pim.NotFound()
		}
		if err != nil {
			return err
		}
		rows[i].Assignment = a
		if holder, err := r.Principal(a.PrincipalID); err == nil {
			rows[i].PrincipalName, rows[i].PrincipalKind = holder.Name, holder.Kind
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		} else {
			rows[i].Suspended = "removed"
		}
		role, err := r.Role(a.RoleID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		v.Passkey = v.Passkey || role.Privileged || role.Source == pim.SourceBuiltin
	}
	may, err := managedAmong(r, q, rows)
	if err != nil {
		return err
	}
	for _, a := range rows {
		if !may[placeOf(a)] {
			return pim.NotFound()
		}
	}
	v.Rows, err = assignmentRows(r, q, v.Can, rows, "")
	return err
}
