package web

import (
	"net/http"
	"strconv"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// SyncsPage is GET /sync: the directories whose people Stint follows.
func (s *Server) SyncsPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.SyncsView, error) { return syncsIn(r, q) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Syncs(v))
}

// SyncPage is GET /sync/:id: how following one directory goes, and its settings.
func (s *Server) SyncPage(q *request) error { return s.syncPage(q, http.StatusOK, nil, nil) }

func (s *Server) syncPage(q *request, status int, typed *typedSync, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.SyncView, error) { return syncIn(r, q, typed) })
	if err != nil {
		return err
	}
	v.Errors = wrong
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.SyncPage(v))
}

// typedSync is what was typed into the form.
type typedSync struct {
	settings pim.SyncSettings
	every    string
	share    string
	groups   string
}

// SaveSync is POST /sync/:id; the passkey comes next.
func (s *Server) SaveSync(q *request) error {
	typed := syncForm(q)
	refused := func(wrong views.Errors) error { return s.syncPage(q, http.StatusUnprocessableEntity, &typed, wrong) }
	if wrong := typed.numbers(); wrong != nil {
		return refused(wrong)
	}
	groups, wrong, err := s.groupsTyped(q, typed.groups)
	if err != nil {
		return err
	}
	if wrong != nil {
		return refused(wrong)
	}
	typed.settings.Groups = groups
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64)
	out, err := s.broker.SaveSync(q.ctx(), q.actor(), q.Param("id"), version, typed.settings)
	if wrong, other := fieldErrors(err); wrong != nil {
		return refused(wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func syncForm(q *request) typedSync {
	f := func(name string) string { return strings.TrimSpace(clip(q.FormValue(name), 4000)) }
	return typedSync{every: f("every"), share: f("share"), groups: clip(q.FormValue("groups"), maxSetting),
		settings: pim.SyncSettings{Base: f("base"), Filter: f("filter"), Name: f("name"), Email: f("email"), Department: f("department"), Title: f("title"), Manager: f("manager"),
			Guest: f("guest"), GuestWhen: f("guest_when"), Disabled: f("disabled"), DisabledWhen: f("disabled_when"), Match: f("match"), Claim: f("claim"), Issuer: f("issuer")}}
}

func (t *typedSync) numbers() views.Errors {
	var err error
	if t.settings.EveryHours, err = strconv.Atoi(t.every); err != nil {
		return views.Errors{"every": "Write a number of hours; 0 to sync on demand only."}
	}
	if t.settings.MaxShare, err = strconv.Atoi(t.share); err != nil {
		return views.Errors{"share": "Write a whole number of percent."}
	}
	return nil
}

// groupsTyped reads lines "group in Stint = group in the directory".
func (s *Server) groupsTyped(q *request, text string) (out []pim.SyncGroup, wrong views.Errors, err error) {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		here, there, ok := strings.Cut(line, "=")
		here, there = strings.TrimSpace(here), strings.TrimSpace(there)
		if !ok || here == "" || there == "" {
			return nil, views.Errors{"groups": "Write each line as: group in Stint = group in the directory."}, nil
		}
		found, err := read(s, q, func(r *store.Reader) ([]pim.Principal, error) { return r.GroupNamed(here) })
		if err != nil {
			return nil, nil, err
		}
		if len(found) != 1 {
			return nil, views.Errors{"groups": "No group in Stint is called “" + clip(here, 120) + "”, or several are."}, nil
		}
		out = append(out, pim.SyncGroup{Directory: there, GroupID: found[0].ID})
	}
	return out, nil, nil
}

// PreviewSync is POST /sync/:id/preview: nobody is changed.
func (s *Server) PreviewSync(q *request) error { return s.askSync(q, true) }

// RunSync is POST /sync/:id/run.
func (s *Server) RunSync(q *request) error { return s.askSync(q, false) }

func (s *Server) askSync(q *request, preview bool) error {
	return s.answered(q)(s.broker.AskSync(q.ctx(), q.actor(), q.Param("id"), preview))
}

// ConfirmSync is POST /sync/:id/confirm: one run may take away what another stopped at; the passkey comes next.
func (s *Server) ConfirmSync(q *request) error {
	return s.answered(q)(s.broker.ConfirmSync(q.ctx(), q.actor(), q.Param("id"), q.FormValue("run")))
}

// RemoveSync is POST /sync/:id/remove; the passkey comes next.
func (s *Server) RemoveSync(q *request) error {
	return s.answered(q)(s.broker.RemoveSync(q.ctx(), q.actor(), q.Param("id")))
}

// SyncRunPage is GET /sync/:id/runs/:run: what a run would change, or changed.
func (s *Server) SyncRunPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.SyncRunView, error) { return syncRunIn(r, q) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.SyncRunPage(v))
}
