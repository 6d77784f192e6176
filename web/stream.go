package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"stint/internal/store"
)

const (
	restAfter   = 250 * time.Millisecond // between two pieces of news on one stream
	tickEvery   = 5 * time.Second        // for news nobody waits for
	beatEvery   = 3                      // ticks: the page notices silence, the server a dead connection
	lookEvery   = 2 * time.Second        // at the sessions of open streams (they end within 5 s: T1, T32)
	writeWithin = 10 * time.Second       // or the reader is too slow
)

// watched says what a page shows beside its reader's own things; an error: they may not see it.
type watched func(*store.Reader, *request) ([]string, error)

// Events is GET /events: the stream of a page of its reader's own things. It says that something
// changed and never what: the page reads itself again, with the rights of its reader.
func (s *Server) Events(q *request) error {
	return s.stream(q, func(*store.Reader, *request) ([]string, error) { return nil, nil })
}

// QueueEvents is GET /events/approvals: with every request that waits.
func (s *Server) QueueEvents(q *request) error {
	return s.stream(q, func(_ *store.Reader, q *request) ([]string, error) {
		return []string{allRequests}, administrator.admit(q.visitor)
	})
}

// ActivationEvents is GET /events/activations/:id: with one activation and what is granted for it.
func (s *Server) ActivationEvents(q *request) error {
	return s.stream(q, func(r *store.Reader, q *request) ([]string, error) {
		a, err := seenActivation(r, q, q.Param("id"))
		if err != nil {
			return nil, err
		}
		needs, err := r.NeedsOf(a.ID)
		topics := []string{ofActivation + a.ID}
		for _, n := range needs {
			topics = append(topics, ofGrant+n.GrantID)
		}
		return topics, err
	})
}

// TargetEvents is GET /events/targets/:id: with a target and everything granted there.
func (s *Server) TargetEvents(q *request) error {
	return s.stream(q, func(r *store.Reader, q *request) ([]string, error) {
		if err := auditor.admit(q.visitor); err != nil {
			return nil, err
		}
		t, err := r.Target(q.Param("id"))
		return []string{ofTarget + t.ID}, err
	})
}

// EndStreams ends every open stream: the program is about to. Browsers come back by themselves.
func (s *Server) EndStreams() { s.streams.close() }

// stream tells a page of changes until one side goes. Over a limit it answers 204, and the page looks by
// itself (T32).
func (s *Server) stream(q *request, also watched) error {
	topics, err := s.topics(q, []string{rowOf(q.session).ID}, also)
	if err != nil {
		return err
	}
	h := q.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx passes each event on at once
	if q.Request().Method == http.MethodHead {
		return q.NoContent(http.StatusOK)
	}
	st, ok := s.streams.add(q.who.ID, rowOf(q.session).ID, topics)
	if !ok {
		h.Del("Content-Type")
		return q.NoContent(http.StatusNoContent)
	}
	defer s.streams.remove(st)
	if q.QueryParam("since") != strconv.FormatInt(s.store.Head().Size, 10) {
		signal(st.news) // something happened after the page was made
	}
	return s.tell(q, st, also)
}

// topics is what a page is told of, for a session that is alive and rights that hold now.
func (s *Server) topics(q *request, sessions []string, also watched) ([]string, error) {
	return read(s, q, func(r *store.Reader) ([]string, error) {
		if err := s.anyAlive(r, sessions); err != nil {
			return nil, endOr(err)
		}
		v, err := loadVisitor(r, q.who.ID)
		if err != nil {
			return nil, endOr(err)
		}
		now := *q
		now.visitor.who, now.visitor.powers, now.visitor.approver = v.who, v.powers, v.approver
		topics, err := ownTopics(r, &now)
		if err != nil {
			return nil, err
		}
		more, err := also(r, &now)
		return append(topics, more...), err
	})
}

// anyAlive is nil when one of the ids of a session opens it now.
func (s *Server) anyAlive(r *store.Reader, sessions []string) (err error) {
	for _, id := range sessions {
		if _, err = r.Session(id, s.sessions.idle); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return err
}

// endOr turns a session or person that is not there any more into the end of the session.
func endOr(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errSignIn
	}
	return err
}

// ownTopics is what every page of a reader shows: their own things, the number that waits for them, and
// for administrators which targets do not answer.
func ownTopics(r *store.Reader, q *request) ([]string, error) {
	mine, err := r.GroupsOf(q.who.ID) // with the person
	if err != nil {
		return nil, err
	}
	linked, err := r.LinkedTo(q.who.ID)
	if err != nil {
		return nil, err
	}
	c, err := catalogueIn(r)
	if err != nil {
		return nil, err
	}
	var topics []string
	for _, id := range unique(append(mine, linked...)) {
		topics = append(topics, ofPerson+id)
	}
	for _, role := range c.approvedBy(mine) {
		topics = append(topics, ofRole+role)
	}
	if q.powers.Administrator {
		topics = append(topics, allTargets)
	}
	return topics, nil
}

// tell writes what happens to a stream.
func (s *Server) tell(q *request, st *stream, also watched) error {
	out, err := newEvents(q)
	err = errors.Join(err, out.say("beat")) // so that a page knows whether events reach it
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	news := st.news
	var rested <-chan time.Time
	for ticks := 1; err == nil; {
		select {
		case <-q.ctx().Done():
			return nil
		case <-s.streams.done:
			return nil
		case <-st.ended:
			return out.say("session-ended")
		case <-tick.C:
			if ticks++; st.later.Swap(false) {
				signal(st.news)
			} else if ticks%beatEvery == 0 {
				err = out.say("beat")
			}
		case <-rested:
			news = st.news
		case <-news:
			news, rested = nil, time.After(restAfter)
			if err = s.tellNews(q, st, also, out); errors.Is(err, errSignIn) {
				return out.say("session-ended")
			}
		}
	}
	s.log.Debug("a stream ended", "id", q.id, "error", err) // the answer has begun: there is nothing else to say
	return nil
}

// tellNews looks first whether the reader still may, and at what: rights change with what happens.
func (s *Server) tellNews(q *request, st *stream, also watched, out events) error {
	topics, err := s.topics(q, s.streams.sessionsOf(st), also)
	if err != nil {
		return err
	}
	s.streams.move(st, topics)
	return out.say("news")
}

// events writes server-sent events; none carries data.
type events struct {
	to  http.ResponseWriter
	ctl *http.ResponseController
}

// newEvents begins the answer. The server's time-outs are those of pages; here each write has its own.
func newEvents(q *request) (events, error) {
	q.Response().WriteHeader(http.StatusOK)
	to := q.Response().Writer // echo's own Flush hides errors
	e := events{to: to, ctl: http.NewResponseController(to)}
	return e, errors.Join(e.ctl.SetReadDeadline(time.Time{}), e.ctl.SetWriteDeadline(time.Time{}), e.ctl.Flush())
}

func (e events) say(name string) error {
	if err := e.ctl.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil { // of the connection, no time of the domain
		return err
	}
	if _, err := io.WriteString(e.to, "event: "+name+"\ndata:\n\n"); err != nil {
		return err
	}
	return errors.Join(e.ctl.Flush(), e.ctl.SetWriteDeadline(time.Time{}))
}

// watchSessions ends the streams whose session is over, whatever ended it and wherever. A database that
// does not answer ends none: the pages it would have to make do not come either.
func (s *Server) watchSessions(stop <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-s.streams.check:
		case <-tick.C:
		}
		live, err := store.Read(context.Background(), s.store, func(r *store.Reader) (map[string]bool, error) { return r.LiveSessions(s.sessions.idle) })
		if err != nil {
			s.log.Warn("looking at sessions", "error", err)
			continue
		}
		s.streams.keep(live)
	}
}
