package web

import (
	"bytes"
	"net/http"
	"sync"
	"time"

	"github.com/a-h/templ"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// read runs fn on one snapshot of the database.
func read[T any](s *Server, q *request, fn func(*store.Reader) (T, error)) (T, error) {
	return store.Read(q.ctx(), s.store, fn)
}

// buffers are pages being rendered; one that has grown is used again.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// page renders into a buffer first, so that a template's error can still become a 500.
func (s *Server) page(q *request, status int, c templ.Component) error {
	out, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(out)
	out.Reset()
	if err := c.Render(q.ctx(), out); err != nil {
		return err
	}
	return q.HTMLBlob(status, out.Bytes())
}

// ok answers a page.
func (s *Server) ok(q *request, c templ.Component) error { return s.page(q, http.StatusOK, c) }

// reader is who reads the answer and when.
func (q *request) reader() views.Reader {
	return views.Reader{Now: q.now, Zone: zoneOf(q.who), Nonce: q.nonce}
}

// zoneOf is the zone a person chose; nil: the browser's.
func zoneOf(p pim.Principal) *time.Location {
	if p.Zone == "" {
		return nil
	}
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return nil
	}
	return zone
}

const demoBanner = "This is the demo: everybody here is invented, and nobody needs a password."

// frame is what every page has, signed in or not.
func (s *Server) frame(q *request) views.Frame {
	f := views.Frame{Reader: q.reader(), Org: s.org, Theme: q.who.Theme, Version: s.version, Contact: s.contact}
	if s.demo {
		f.Demo = demoBanner
	}
	return f
}

// shell is everything around a page of somebody signed in: what they may see, what waits for them, what
// they hold, and which targets fail. It says the sentence of the last action, once.
func (s *Server) shell(q *request) (views.Shell, error) {
	sh, err := read(s, q, func(r *store.Reader) (views.Shell, error) { return s.shellIn(r, q) })
	return s.done(q, sh, err), err
}

// shelled reads what surrounds a page and then the page from one snapshot: on PostgreSQL each one more is three round trips.
func (s *Server) shelled(q *request, sh *views.Shell, fill func(*store.Reader) error) error {
	_, err := read(s, q, func(r *store.Reader) (struct{}, error) {
		var err error
		if *sh, err = s.shellIn(r, q); err == nil {
			err = fill(r)
		}
		return struct{}{}, err
	})
	*sh = s.done(q, *sh, err)
	return err
}

// done says the sentence of the last action, once.
func (s *Server) done(q *request, sh views.Shell, err error) views.Shell {
	if done := s.sessions.said(q.Request()); done != "" && err == nil && !q.fragment() { // a tab beside it takes nothing away
		sh.Done = done
		q.SetCookie(s.sessions.forget(s.sessions.flash))
	}
	return sh
}

// ShellParts is GET /shell: what surrounds a page and follows what happens, for htmx.
func (s *Server) ShellParts(q *request) error {
	sh, err := s.shell(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.ShellParts(sh, views.Nav(q.QueryParam("nav"))))
}

func (s *Server) shellIn(r *store.Reader, q *request) (views.Shell, error) {
	p := q.powers
	sh := views.Shell{Frame: s.frame(q), Since: q.head, Person: personView(q.who),
		Can: views.Can{Approve: q.approver || p.Administrator, People: p.MayAudit(), Targets: p.MayAudit(), Resources: p.MayRead(), Audit: true}} // everybody may read their own audit
	sh.Can.Groups = p.MayAudit()
	sh.Can.Roles = p.MayRead()
	sh.Can.Sync = p.MayAudit()
	unread, err := r.UnreadNotices(q.who.ID)
	if err != nil {
		return sh, err
	}
	sh.Unread = int(unread)
	if q.approver {
		if sh.Waiting, err = waitingFor(r, q.who.ID); err != nil {
			return sh, err
		}
	}
	if sh.Can.Assignments = p.MayRead(); p.MayManage() {
		if sh.Asking, err = broker.CountAssignmentRequests(r, q.who); err != nil {
			return sh, err
		}
	}
	mine, err := r.CountReviewsToAnswer(q.who.ID, views.CountUpTo)
	if err != nil {
		return sh, err
	}
	sh.Can.Reviews, sh.Review = p.MayRead(), int(mine)
	sh.Can.BreakGlass = p.MayAudit()
	if sh.Uses, err = emergencyUsesIn(r, q); err != nil {
		return sh, err
	}
	if sh.Live, err = liveOf(r, q.who.PersonID); err != nil || !p.Administrator {
		return sh, err
	}
	if sh.Alarms, err = alarmsIn(r); err != nil {
		return sh, err
	}
	sh.Stops, err = stopsIn(r)
	return sh, err
}

// stopsIn lists the syncs that stopped for safety.
func stopsIn(r *store.Reader) (out []views.SyncStop, err error) {
	stops, err := r.SyncStops()
	for _, s := range stops {
		out = append(out, views.SyncStop{ID: s.TargetID, Name: s.Name, At: s.At})
	}
	return out, err
}

// waitingFor counts what waits for somebody's decision: requests, and extensions of what runs.
func waitingFor(r *store.Reader, id string) (int, error) {
	n, err := broker.CountQueue(r, id, views.CountUpTo)
	if err != nil {
		return n, err
	}
	longer, err := broker.ExtensionQueueOf(r, id, views.CountUpTo)
	return n + len(longer), err
}

// liveOf is what a person holds now, for the pill in the top bar.
func liveOf(r *store.Reader, personID string) (views.Live, error) {
	open, err := r.OpenActivationsOf(personID)
	var live views.Live
	for _, a := range open {
		if !a.ActiveAt(r.Now) {
			continue
		}
		live.Active++
		if live.NextEnd.IsZero() || a.EndsAt.Before(live.NextEnd) {
			live.NextEnd = a.EndsAt
		}
	}
	return live, err
}

// alarmsIn lists the targets that do not answer, with what is late there.
func alarmsIn(r *store.Reader) ([]views.TargetAlarm, error) {
	failing, err := r.FailingTargets()
	if err != nil {
		return nil, err
	}
	alarms := make([]views.TargetAlarm, 0, len(failing))
	for _, t := range failing {
		grants, err := r.GrantsAt(t.ID, 200) // the late ones come first
		if err != nil {
			return nil, err
		}
		alarm := views.TargetAlarm{ID: t.ID, Name: t.Name, Since: t.FailingAt}
		for _, g := range grants {
			if !g.LateSince.IsZero() && r.Now.Sub(g.LateSince) >= pim.LateAfter {
				alarm.Late++
			}
		}
		alarms = append(alarms, alarm)
	}
	return alarms, nil
}

// follow goes where an operation led: the passkey, the activation, or back with one sentence.
func (s *Server) follow(q *request, out broker.Outcome) error {
	if out.Done != "" {
		q.SetCookie(s.sessions.say(out.Done))
	}
	switch {
	case out.CeremonyID != "":
		return q.redirect("/step-up/" + out.CeremonyID)
	case out.ResultsID != "":
		return q.redirect("/results/" + out.ResultsID)
	case out.ActivationID != "" && out.Done == "": // it has only begun: its page tells how it goes on
		return q.redirect("/activations/" + out.ActivationID)
	case out.AssignmentID != "":
		return q.redirect("/assignments/" + out.AssignmentID)
	case out.Back != "":
		return q.redirect(out.Back)
	case out.ActivationID != "":
		return q.redirect("/activations/" + out.ActivationID)
	}
	return q.redirect("/my-roles")
}
