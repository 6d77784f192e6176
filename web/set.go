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

// ActivateSetPage is GET /my-roles/several: the form for the picked roles, or for a set that was kept.
func (s *Server) ActivateSetPage(q *request) error {
	picked, err := s.pickedIn(q, q.QueryParams()["pick"], q.QueryParam("set"))
	if err != nil {
		return err
	}
	return s.activateSetPage(q, http.StatusOK, picked, views.ActivateValues{}, nil)
}

// RequestSet is POST /my-roles/several: asks for all of them with one touch, or shows the form again with
// what is wrong with each (422).
func (s *Server) RequestSet(q *request) error {
	picked, values, err := s.pickedForm(q)
	if err != nil {
		return err
	}
	if picked.wrong() {
		return s.activateSetPage(q, http.StatusUnprocessableEntity, picked, values, views.Errors{})
	}
	out, err := s.broker.RequestActivations(q.ctx(), q.actor(), picked.requests)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && (refusal.Kind == pim.KindInvalid || len(picked.requests) > 1 && refusal.Kind == pim.KindConflict) {
		return s.activateSetPage(q, statuses[refusal.Kind], picked, values, setErrors(refusal))
	}
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// setErrors keeps at the form what is the form's; each role's own words stand in its row.
func setErrors(r *pim.Refusal) views.Errors {
	wrong := verdictErrors(r)
	for field := range wrong {
		if field != "justification" && field != "ticket_number" && field != "ticket_system" && field != "pick" && field != "name" {
			wrong[field] = ""
			wrong["pick"] = "Nothing was asked for yet: a role below says no. Leave it out or change it."
		}
	}
	return wrong
}

// DeactivateSet is POST /my-roles/deactivations: gives the picked ones back.
func (s *Server) DeactivateSet(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	out, err := s.broker.DeactivateAll(q.ctx(), q.actor(), form["pick"])
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// KeepSet is POST /my-roles/sets: keeps the form's roles and durations under a name.
func (s *Server) KeepSet(q *request) error {
	picked, values, err := s.pickedForm(q)
	if err != nil {
		return err
	}
	picked.name = strings.TrimSpace(q.FormValue("name"))
	if picked.wrong() {
		return s.activateSetPage(q, http.StatusUnprocessableEntity, picked, values, nil)
	}
	err = s.broker.SaveSet(q.ctx(), q.actor(), picked.name, picked.requests)
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.activateSetPage(q, http.StatusUnprocessableEntity, picked, values, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, broker.Outcome{Done: "The set " + picked.name + " is kept.", Back: "/my-roles"})
}

// DeleteSet is POST /my-roles/sets/:id/delete.
func (s *Server) DeleteSet(q *request) error {
	if err := s.broker.DeleteSet(q.ctx(), q.actor(), q.Param("id")); err != nil {
		return err
	}
	return s.follow(q, broker.Outcome{Done: "The set is deleted.", Back: "/my-roles"})
}

// ResultsPage is GET /results/:id: what became of each thing that was done together.
func (s *Server) ResultsPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.ResultsView, error) { return resultsView(r, q) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Results(v))
}

// DecideSetPage is GET /approvals/several: the picked requests and one decision.
func (s *Server) DecideSetPage(q *request) error {
	return s.decideSetPage(q, http.StatusOK, q.QueryParams()["pick"], "", nil)
}

// DecideSet is POST /approvals/several: one decision over exactly the listed requests; the passkey comes next.
func (s *Server) DecideSet(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	picked, reason, decision := form["pick"], form.Get("justification"), form.Get("decision")
	if decision != "approve" && decision != "deny" {
		return s.decideSetPage(q, http.StatusUnprocessableEntity, picked, reason, views.Errors{"decision": "Choose Approve or Deny."})
	}
	out, err := s.broker.DecideAll(q.ctx(), q.actor(), picked, decision == "approve", reason)
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.decideSetPage(q, http.StatusUnprocessableEntity, picked, reason, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func (s *Server) decideSetPage(q *request, status int, picked []string, reason string, wrong views.Errors) error {
	if refusal := pim.CheckTogether(picked, "request"); refusal != nil {
		if len(picked) == 0 {
			return s.follow(q, broker.Outcome{Done: "Choose at least one request.", Back: "/approvals"})
		}
		return refusal
	}
	v, err := read(s, q, func(r *store.Reader) (views.DecideSetView, error) { return decideSetView(r, q, picked) })
	if err != nil {
		return err
	}
	v.Reason, v.Errors = reason, wrong
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.DecideSet(v))
}
