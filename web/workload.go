package web

import (
	"net/http"
	"net/url"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// WorkloadsPage is GET /workloads: every workload, by name.
func (s *Server) WorkloadsPage(q *request) error {
	search := strings.TrimSpace(clip(q.QueryParam("q"), 200))
	page, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	page.Query = search
	v := views.WorkloadsView{Q: search, CanManage: q.powers.Administrator}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	var next, note string
	v.Rows, err = read(s, q, func(r *store.Reader) (rows []views.WorkloadRow, err error) {
		rows, next, note, err = workloadsIn(r, page)
		return rows, err
	})
	if err != nil {
		return err
	}
	v.Pager = forwardPager("/workloads", url.Values{"q": {search}}, q.QueryParam("cursor"), next)
	v.Pager.Note = note
	return s.ok(q, views.Workloads(v))
}

// WorkloadPage is GET /workloads/:id.
func (s *Server) WorkloadPage(q *request) error {
	var v views.WorkloadView
	var err error
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.WorkloadView, error) { return v, fillWorkload(r, q, &v) })
	if err != nil {
		return err
	}
	return s.ok(q, views.WorkloadPage(v))
}

// NewWorkloadPage is GET /workloads/new.
func (s *Server) NewWorkloadPage(q *request) error {
	return s.workloadForm(q, http.StatusOK, views.WorkloadFormView{})
}

// NewWorkload is POST /workloads.
func (s *Server) NewWorkload(q *request) error { return s.saveWorkload(q, views.WorkloadFormView{}) }

// EditWorkloadPage is GET /workloads/:id/edit.
func (s *Server) EditWorkloadPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.WorkloadFormView, error) { return workloadEdited(r, q.Param("id")) })
	if err != nil {
		return err
	}
	return s.workloadForm(q, http.StatusOK, v)
}

// EditWorkload is POST /workloads/:id/edit.
func (s *Server) EditWorkload(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.WorkloadFormView, error) { return workloadEdited(r, q.Param("id")) })
	if err != nil {
		return err
	}
	return s.saveWorkload(q, v)
}

// saveWorkload makes or changes what the form says, or shows the form again with what is wrong.
func (s *Server) saveWorkload(q *request, v views.WorkloadFormView) error {
	field := func(name string) string { return strings.TrimSpace(clip(q.FormValue(name), 4000)) }
	before := v.Values.Owner
	v.Values = views.WorkloadValues{Name: field("name"), About: field("about"), Owner: field("owner")}
	f := broker.WorkloadForm{Name: v.Values.Name, About: v.Values.About}
	var err error
	if v.Values.Owner != "" && v.Values.Owner == before { // several may have the name that stands there
		f.Owner = v.OwnerID
	} else if f.Owner, v.Errors, err = s.ownerOf(q, v.Values.Owner); err != nil {
		return err
	}
	var out broker.Outcome
	if v.Errors == nil {
		if v.ID == "" {
			out, err = s.broker.NewWorkload(q.ctx(), q.actor(), f)
		} else {
			out, err = s.broker.SaveWorkload(q.ctx(), q.actor(), v.ID, version(q), f)
		}
		if v.Errors, err = fieldErrors(err); err != nil {
			return err
		}
	}
	if v.Errors != nil {
		return s.workloadForm(q, http.StatusUnprocessableEntity, v)
	}
	return s.follow(q, out)
}

// ownerOf finds the person or group that a text means; nothing typed is for the rules to refuse.
func (s *Server) ownerOf(q *request, text string) (string, views.Errors, error) {
	if text == "" {
		return "", nil, nil
	}
	wrong := views.Errors{}
	id, err := read(s, q, func(r *store.Reader) (string, error) { return ownerNamed(r, text, wrong) })
	if len(wrong) == 0 {
		wrong = nil
	}
	return id, wrong, err
}

func (s *Server) workloadForm(q *request, status int, v views.WorkloadFormView) error {
	var err error
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.WorkloadForm(v))
}

// RemoveWorkloadPage is GET /workloads/:id/remove: what would end.
func (s *Server) RemoveWorkloadPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (v views.RemovalView, err error) {
		w, err := workloadByID(r, q.Param("id"))
		if err != nil {
			return v, err
		}
		page := "/workloads/" + w.ID
		v = views.RemovalView{Nav: views.NavPeople, Crumbs: []views.Link{{Text: "Workloads", Href: "/workloads"}, {Text: w.Name, Href: page}}, Title: "Remove " + w.Name,
			Action: page + "/remove", Version: w.Version, Button: "Remove " + w.Name, Back: page}
		v.Says, err = broker.WorkloadRemoval(r, w)
		return v, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Removal(v))
}

// RemoveWorkload is POST /workloads/:id/remove.
func (s *Server) RemoveWorkload(q *request) error {
	return s.answered(q)(s.broker.RemoveWorkload(q.ctx(), q.actor(), q.Param("id"), version(q)))
}

// DisableWorkload is POST /workloads/:id/disable.
func (s *Server) DisableWorkload(q *request) error {
	return s.answered(q)(s.broker.SwitchWorkload(q.ctx(), q.actor(), q.Param("id"), version(q), false))
}

// EnableWorkload is POST /workloads/:id/enable.
func (s *Server) EnableWorkload(q *request) error {
	return s.answered(q)(s.broker.SwitchWorkload(q.ctx(), q.actor(), q.Param("id"), version(q), true))
}

func workloadByID(r *store.Reader, id string) (pim.Principal, error) {
	w, err := r.Principal(id)
	if err != nil || w.Kind != pim.Workload {
		return w, orNotFound(err)
	}
	return w, nil
}
