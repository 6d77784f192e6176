package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// NewTargetPage is GET /targets/new: which kind, and then the settings of that kind.
func (s *Server) NewTargetPage(q *request) error {
	return s.targetForm(q, http.StatusOK, broker.TargetForm{Kind: q.QueryParam("kind")}, nil, nil)
}

// AddTarget is POST /targets: tests the connection, or leads to the passkey.
func (s *Server) AddTarget(q *request) error {
	f := targetFields(q, q.FormValue("kind"))
	f.BelowID = q.FormValue("below")
	return s.saveTarget(q, f)
}

// EditTargetPage is GET /targets/:id/edit. What is kept of the credential is that there is one.
func (s *Server) EditTargetPage(q *request) error {
	row, err := s.editable(q)
	if err != nil {
		return err
	}
	f := broker.TargetForm{ID: row.ID, Kind: row.Kind, Name: row.Name, Settings: row.Settings, MayWrite: row.MayWrite, Authoritative: row.Authoritative, Version: row.Version}
	return s.targetForm(q, http.StatusOK, f, nil, nil)
}

// EditTarget is POST /targets/:id: tests the connection, or leads to the passkey.
func (s *Server) EditTarget(q *request) error {
	row, err := s.editable(q)
	if err != nil {
		return err
	}
	f := targetFields(q, row.Kind)
	f.ID = row.ID
	f.Version, _ = strconv.ParseInt(q.FormValue("version"), 10, 64)
	return s.saveTarget(q, f)
}

func (s *Server) editable(q *request) (store.TargetRow, error) {
	row, err := read(s, q, func(r *store.Reader) (store.TargetRow, error) { return r.Target(q.Param("id")) })
	if err == nil && row.ID == pim.StintTarget {
		err = pim.Refuse(pim.KindForbidden, "This is Stint itself; it stays as it is.")
	}
	return row, err
}

// maxSetting is the longest setting of a form, in bytes.
const maxSetting = 16 << 10

func targetFields(q *request, kind string) broker.TargetForm {
	f := broker.TargetForm{Kind: kind, Name: clip(q.FormValue("name"), 1000), Settings: map[string]string{}, Secret: q.FormValue("secret"),
		Authoritative: q.FormValue("authoritative") == "yes", MayWrite: strings.Split(clip(q.FormValue("may_write"), maxSetting), "\n")}
	for _, field := range broker.TargetFields(kind) {
		f.Settings[field.Name] = clip(q.FormValue("s-"+field.Name), maxSetting)
	}
	return f
}

func (s *Server) saveTarget(q *request, f broker.TargetForm) error {
	if q.FormValue("do") == "test" {
		found, err := s.broker.TestTargetForm(q.ctx(), q.actor(), f)
		if wrong, other := fieldErrors(err); wrong != nil {
			return s.targetForm(q, http.StatusUnprocessableEntity, f, nil, wrong)
		} else if other != nil {
			return other
		}
		return s.targetForm(q, http.StatusOK, f, &found, nil)
	}
	out, err := s.broker.SaveTarget(q.ctx(), q.actor(), f)
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.targetForm(q, http.StatusUnprocessableEntity, f, nil, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func (s *Server) targetForm(q *request, status int, f broker.TargetForm, test *broker.TargetTest, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.TargetFormView, error) { return targetFormIn(r, f) })
	if err != nil {
		return err
	}
	v.Errors = wrong
	if test != nil {
		v.Test = &views.TestResult{OK: test.OK, At: q.now, Took: test.Took, Words: test.Message}
		v.Kept = v.Kept && f.Secret == ""
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.TargetForm(v))
}

// RetireTargetPage is GET /targets/:id/retire.
func (s *Server) RetireTargetPage(q *request) error {
	v, err := s.targetRetirement(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.TargetChange(v))
}

func (s *Server) targetRetirement(q *request) (v views.TargetChangeView, err error) {
	row, err := s.editable(q)
	if err != nil {
		return v, err
	}
	v, err = read(s, q, func(r *store.Reader) (v views.TargetChangeView, err error) {
		v = views.TargetChangeView{ID: row.ID, Name: row.Name, Typed: views.Typed{Name: row.Name}, Version: strconv.FormatInt(row.Version, 10), FromFile: row.Source == pim.SourceFile}
		v.Says, err = s.broker.PreviewRetireTarget(r, q.who, row.ID)
		var refusal *pim.Refusal
		if errors.As(err, &refusal) && refusal.Kind == pim.KindConflict {
			v.Refused, err = refusal.Message, nil
		}
		return v, err
	})
	if err != nil {
		return v, err
	}
	v.Shell, err = s.shell(q)
	return v, err
}

// RetireTarget is POST /targets/:id/retire; the passkey comes next.
func (s *Server) RetireTarget(q *request) error {
	v, err := s.targetRetirement(q)
	if err != nil {
		return err
	}
	if !typedOut(q, &v.Typed) && v.Refused == "" {
		return s.page(q, http.StatusUnprocessableEntity, views.TargetChange(v))
	}
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64)
	out, err := s.broker.RetireTarget(q.ctx(), q.actor(), q.Param("id"), version)
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// BrowseTargetPage is GET /targets/:id/browse: what can be held there, looked up now.
func (s *Server) BrowseTargetPage(q *request) error {
	return s.browse(q, http.StatusOK, views.BrowseView{Q: q.QueryParam("q"), Privileged: true, PrivilegedOwners: true}, nil)
}

// BringIn is POST /targets/:id/browse: makes resources and roles of what was picked; the passkey comes next.
func (s *Server) BringIn(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	v := views.BrowseView{Q: form.Get("q"), Below: form.Get("below"), Privileged: form.Get("privileged") == "yes", PrivilegedOwners: form.Get("privileged_owners") == "yes"}
	out, err := s.broker.BringIn(q.ctx(), q.actor(), broker.BringIn{TargetID: q.Param("id"), ParentID: v.Below, Picked: form["pick"],
		Privileged: v.Privileged, PrivilegedOwners: v.PrivilegedOwners})
	if wrong, other := fieldErrors(err); wrong != nil {
		v.Errors = wrong
		return s.browse(q, http.StatusUnprocessableEntity, v, form["pick"])
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func (s *Server) browse(q *request, status int, v views.BrowseView, picked []string) error {
	row, err := s.editable(q)
	if err != nil {
		return err
	}
	v.Q = strings.TrimSpace(clip(v.Q, 200))
	found, err := s.broker.BrowseTarget(q.ctx(), q.actor(), row.ID, v.Q)
	if err != nil {
		return err
	}
	v.ID, v.Name, v.Kind, v.More, v.Failed = row.ID, row.Name, row.Kind, found.More, found.Failed
	v.Rows = foundRows(found.Entries, picked)
	if v.Places, err = read(s, q, func(r *store.Reader) ([]views.Option, error) { return placesOfTarget(r, row.ID) }); err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.Browse(v))
}
