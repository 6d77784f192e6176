package web

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"stint/internal/pim"
	"stint/internal/store"
)

// Limits of open streams (THREATS T32). Whoever is over one looks by themselves, every 15 s.
const (
	streamsEach = 4     // of one person
	streamsAll  = 2_000 // of this node
)

// stream is one open page that is told of changes.
type stream struct {
	person  string
	session string        // owned by streams, as next is
	next    string        // what the session's id is renewed to
	topics  []string      // what it is told of; owned by streams
	news    chan struct{} // something it shows has changed; holds one
	later   atomic.Bool   // likewise, but nobody waits for it
	ended   chan struct{} // closed when the session is over
}

// streams is every open stream of this node, by what it is told of.
type streams struct {
	watch func(stop <-chan struct{}) // runs while there is a stream
	check chan struct{}              // asks the watch to look now; holds one
	done  chan struct{}              // closed at shutdown

	mu     sync.Mutex
	open   map[*stream]bool
	each   map[string]int
	by     map[string]map[*stream]bool
	stop   chan struct{}
	closed bool
}

func newStreams(watch func(stop <-chan struct{})) *streams {
	return &streams{watch: watch, check: make(chan struct{}, 1), done: make(chan struct{}), open: map[*stream]bool{}, each: map[string]int{}, by: map[string]map[*stream]bool{}}
}

// add opens a stream; false: there are too many, or the program ends.
func (h *streams) add(person, session string, topics []string) (*stream, bool) {
	st := &stream{person: person, session: session, news: make(chan struct{}, 1), ended: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.open) >= streamsAll || h.each[person] >= streamsEach {
		return nil, false
	}
	if len(h.open) == 0 {
		h.stop = make(chan struct{})
		go h.watch(h.stop)
	}
	h.open[st] = true
	h.each[person]++
	h.subscribe(st, topics)
	return st, true
}

// remove closes a stream.
func (h *streams) remove(st *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subscribe(st, nil)
	delete(h.open, st)
	if h.each[st.person]--; h.each[st.person] == 0 {
		delete(h.each, st.person)
	}
	if len(h.open) == 0 {
		close(h.stop)
	}
}

// move changes what a stream is told of.
func (h *streams) move(st *stream, topics []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subscribe(st, topics)
}

func (h *streams) subscribe(st *stream, topics []string) {
	for _, t := range st.topics {
		if delete(h.by[t], st); len(h.by[t]) == 0 {
			delete(h.by, t)
		}
	}
	for _, t := range topics {
		if h.by[t] == nil {
			h.by[t] = map[*stream]bool{}
		}
		h.by[t][st] = true
	}
	st.topics = topics
}

// publish wakes whoever shows something that a commit changed. It runs in the store's writer.
func (h *streams) publish(c store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.open) == 0 {
		return
	}
	about := aboutOf(c)
	for t := range about.topics {
		for st := range h.by[t] {
			signal(st.news)
		}
	}
	if about.everyone {
		for st := range h.open {
			st.later.Store(true)
		}
	}
	if about.sessions {
		signal(h.check)
	}
}

// renewing lets the streams of a session follow its next id. It is called before the id changes, and either
// id counts, so that no look in between ends them.
func (h *streams) renewing(old, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for st := range h.open {
		if st.session == old || st.next == old {
			st.session, st.next = old, id
		}
	}
}

// sessionsOf are the ids of a stream's session: now, and next.
func (h *streams) sessionsOf(st *stream) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return []string{st.session, st.next}
}

// keep ends the streams of all sessions but these.
func (h *streams) keep(live map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for st := range h.open {
		select {
		case <-st.ended:
		default:
			if !live[st.session] && !live[st.next] {
				close(st.ended)
			}
		}
	}
}

// close ends every stream and opens no more.
func (h *streams) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is told already
	}
}

// about is what a commit changes on pages.
type about struct {
	topics   map[string]bool
	everyone bool // a definition changed: every page may show something else
	sessions bool // a session may be over
}

// Topics name whose and which things a page shows; a reader is subscribed only to what they may see.
const (
	ofPerson     = "person:"     // what happens to somebody, or to a group
	ofActivation = "activation:" // one story
	ofGrant      = "grant:"      // one fact at a target
	ofTarget     = "target:"     // a target and everything granted there
	ofRole       = "requests:"   // requests of a role, for its approvers
	allRequests  = "requests"
	allTargets   = "targets" // which targets answer
)

// queued are the events that change what waits for an approver.
var queued = map[pim.EventType]bool{pim.EvActApprovalAsked: true, pim.EvActApproved: true, pim.EvActDenied: true, pim.EvActCanceled: true,
	pim.EvActTimedOut: true, pim.EvActEnded: true, pim.EvExtRequested: true, pim.EvExtApproved: true, pim.EvExtDenied: true, pim.EvExtCanceled: true,
	pim.EvExtTimedOut: true, pim.EvExtEnded: true}

var sessionsOver = map[pim.EventType]bool{pim.EvSignedOut: true, pim.EvSessionsEnded: true, pim.EvSessionRevoked: true, pim.EvPersonDisabled: true, pim.EvPrincipalRemoved: true, pim.EvEpochOpened: true}

var targetsAnswer = map[pim.EventType]bool{pim.EvTargetFailing: true, pim.EvTargetRecovered: true, pim.EvGrantLate: true}

func aboutOf(c store.Change) about {
	a := about{topics: map[string]bool{}}
	add := func(kind, id string) {
		if id != "" {
			a.topics[kind+id] = true
		}
	}
	for _, id := range c.People {
		add(ofPerson, id)
	}
	for _, e := range c.Entries {
		kind := pim.EventType(e.Type)
		add(ofPerson, e.Actor)
		add(ofPerson, e.Subject)
		add(ofActivation, e.Correlation)
		add(ofTarget, e.TargetID)
		if strings.HasPrefix(e.Type, "grant.") {
			add(ofGrant, e.ObjectID)
		}
		if queued[kind] {
			add(ofRole, e.RoleID)
			a.topics[allRequests] = true
		}
		if targetsAnswer[kind] {
			a.topics[allTargets] = true
		}
		a.everyone = a.everyone || slices.Contains(definitions, kind)
		a.sessions = a.sessions || sessionsOver[kind]
	}
	return a
}
