package web_test

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/web"
)

// soon is how long a test waits for what comes by itself.
const soon = 10 * time.Second

// listener is one open page.
type listener struct {
	t      *testing.T
	answer *http.Response
	events chan string // closed when the stream ends
}

// listen opens a stream as a page does that was made just now.
func listen(t *testing.T, p *stinttest.Person, path string) *listener {
	t.Helper()
	return openAt(t, p, path+"?since="+head(p.World))
}

func head(w *stinttest.World) string { return strconv.FormatInt(w.Store.Head().Size, 10) }

func openAt(t *testing.T, p *stinttest.Person, path string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("HX-Request", "true")
	r.Header.Set("Accept", "text/html, text/event-stream")
	answer, err := p.Client.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, answer: answer, events: make(chan string, 64)}
	go l.read()
	return l
}

func (l *listener) read() {
	defer close(l.events)
	defer l.answer.Body.Close()
	for lines := bufio.NewScanner(l.answer.Body); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok && name != "beat" {
			l.events <- name
		} else if line := lines.Text(); !ok && line != "" && line != "data:" {
			l.events <- "unexpected: " + line
		}
	}
}

// next is the next event; "" when the stream has ended.
func (l *listener) next() string {
	l.t.Helper()
	select {
	case name := <-l.events:
		return name
	case <-time.After(soon):
		l.t.Fatal("nothing comes")
		return ""
	}
}

func await(t *testing.T, is func() bool) {
	t.Helper()
	within(t, soon, is)
}

func within(t *testing.T, limit time.Duration, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(limit); !is(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("it does not come")
		}
	}
}

func (l *listener) want(names ...string) {
	l.t.Helper()
	for _, want := range names {
		if got := l.next(); got != want {
			l.t.Fatalf("told %q, want %q", got, want)
		}
	}
}

// newOffice has a role alice may activate and carol approves; dave has nothing to do with either.
func newOffice(t *testing.T, options ...stinttest.Option) (w *stinttest.World, alice, carol, dave *stinttest.Person) {
	w = stinttest.New(t, options...)
	w.Role("dba", stinttest.Rules{NoPasskey: true, Approvers: []string{"approvers"}})
	alice, carol, dave = w.Person("alice"), w.Person("carol"), w.Person("dave")
	w.Group("approvers", "carol")
	w.Eligible("alice", "dba", time.Time{})
	for _, p := range []*stinttest.Person{alice, carol, dave} {
		p.SignIn()
	}
	return w, alice, carol, dave
}

func requestRole(t *testing.T, alice *stinttest.Person) string {
	t.Helper()
	page := alice.Post("/my-roles/alice-dba/activations", "duration", "60", "justification", why).Want(t, http.StatusSeeOther)
	return strings.TrimPrefix(page.Location(), "/activations/")
}

// A request wakes who asked and who decides, and nobody else; the stream itself says nothing of it.
func TestRequestWakesWhomItConcerns(t *testing.T) {
	t.Parallel()
	w, alice, carol, dave := newOffice(t)
	root := w.Person("root")
	w.Administrator("root")
	root.SignIn()
	mine, queue, other, all := listen(t, alice, "/events"), listen(t, carol, "/events"), listen(t, dave, "/events"), listen(t, root, "/events/approvals")
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store"} {
		if got := mine.answer.Header.Get(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	id := requestRole(t, alice)
	mine.want("news")
	queue.want("news")
	all.want("news")
	follows := listen(t, alice, "/events/activations/"+id)
	w.Do(func(tx *store.Tx) error {
		tx.Emit(pim.ActivationConfirmed(w.Activation(id)))
		return tx.InsertNotice(store.Notice{ID: "n", PrincipalID: "dave", Text: "Hello"})
	})
	follows.want("news")
	other.want("news") // the notice; the request before it would have been an event of its own
	if n := len(other.events); n != 0 {
		t.Errorf("dave was told %d times more", n)
	}
}

// A page that was made before the last change is told at once: nothing is missed between page and stream.
func TestNothingIsMissedBeforeTheStreamOpens(t *testing.T) {
	t.Parallel()
	w, alice, _, _ := newOffice(t)
	page := alice.Get("/my-roles").Want(t, http.StatusOK)
	stream := page.Find("#events").AttrOr("hx-sse:connect", "")
	if stream != "/events?since="+head(w) {
		t.Fatalf("the page listens to %q", stream)
	}
	requestRole(t, alice)
	late := openAt(t, alice, stream)
	late.want("news")
}

// T1, T32: whatever ends a session ends its streams, and only its own.
func TestStreamsEndWithTheSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*stinttest.World, *stinttest.Person){
		"signed out": func(_ *stinttest.World, alice *stinttest.Person) { alice.Post("/sign-out") },
		"disabled":   func(w *stinttest.World, _ *stinttest.Person) { w.DisablePerson("alice") },
		"sessions ended": func(w *stinttest.World, _ *stinttest.Person) {
			w.Do(func(tx *store.Tx) error { _, err := tx.EndSessionsOf("alice"); return err })
		},
		"idle": func(w *stinttest.World, _ *stinttest.Person) { w.Clock.Advance(11 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, alice, carol, _ := newOffice(t)
			w.Clock.Advance(20 * time.Minute)
			carol.Get("/my-roles").Want(t, http.StatusOK) // is still there
			mine, other := listen(t, alice, "/events"), listen(t, carol, "/events")
			end(w, alice)
			for got := mine.next(); got != "session-ended"; got = mine.next() {
				if got != "news" {
					t.Fatalf("told %q", got)
				}
			}
			mine.want("")
			w.Do(func(tx *store.Tx) error {
				return tx.InsertNotice(store.Notice{ID: "n", PrincipalID: "carol", Text: "Hello"})
			})
			other.want("news")
		})
	}
}

// An open stream is no use of the session, whoever opens it (invariant 10).
func TestOpenStreamKeepsNoSession(t *testing.T) {
	t.Parallel()
	w, alice, _, _ := newOffice(t)
	w.Clock.Advance(20 * time.Minute)
	alice.Header = map[string]string{"HX-Request": ""}
	alice.Do(http.MethodHead, "/events", nil).Want(t, http.StatusOK)
	w.Clock.Advance(11 * time.Minute)
	if page := alice.Get("/my-roles"); !toSignIn(page) {
		t.Errorf("31 minutes after the last page somebody opened: %d", page.StatusCode)
	}
}

// T32: four streams a person; one more page looks by itself, and a closed one makes room.
func TestStreamsAreFewForOnePerson(t *testing.T) {
	t.Parallel()
	w, alice, carol, _ := newOffice(t)
	var four []*listener
	for range 4 {
		four = append(four, listen(t, alice, "/events"))
	}
	if over := listen(t, alice, "/events"); over.answer.StatusCode != http.StatusNoContent {
		t.Errorf("a fifth stream: %d", over.answer.StatusCode)
	}
	listen(t, carol, "/events")
	four[0].answer.Body.Close()
	await(t, func() bool { return web.OpenStreams(w.Web) == 4 })
	if again := listen(t, alice, "/events"); again.answer.StatusCode != http.StatusOK {
		t.Errorf("after one closed: %d", again.answer.StatusCode)
	}
}

// T32: 2,000 streams in all.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	w, alice, _, _ := newOffice(t)
	empty := web.FillStreams(w.Web, 2_000)
	if over := listen(t, alice, "/events"); over.answer.StatusCode != http.StatusNoContent || over.answer.Header.Get("Content-Type") != "" {
		t.Errorf("one more: %d", over.answer.StatusCode)
	}
	empty()
	if again := listen(t, alice, "/events"); again.answer.StatusCode != http.StatusOK {
		t.Errorf("when there is room: %d", again.answer.StatusCode)
	}
}

// A changed definition reaches every page, in its own time: a thousand pages do not read themselves at once.
func TestDefinitionsReachEveryone(t *testing.T) {
	t.Parallel()
	w, alice, _, dave := newOffice(t)
	l := listen(t, dave, "/events")
	w.Rules("dba", stinttest.Rules{NoPasskey: true, Approvers: []string{"dave"}})
	l.want("news") // at the next tick, with what he approves from now on
	requestRole(t, alice)
	l.want("news")
}

// Who may no longer see a thing is told nothing more of it.
func TestStreamEndsWithTheRight(t *testing.T) {
	t.Parallel()
	w, _, _, dave := newOffice(t)
	w.Auditor("dave")
	watch := listen(t, dave, "/events/targets/"+stinttest.Directory)
	change := func() {
		w.Do(func(tx *store.Tx) error {
			tx.Emit(pim.Event{Type: pim.EvTargetFailing, Actor: pim.System, TargetID: stinttest.Directory, Result: pim.OK})
			return nil
		})
	}
	change()
	watch.want("news")
	w.Do(func(tx *store.Tx) error {
		a, err := tx.Assignment("dave-" + pim.RoleAuditor)
		if err != nil {
			return err
		}
		return tx.EndAssignment(a, false)
	})
	change()
	watch.want("")
}

// At the end of the program every stream ends, and no new one opens.
func TestStreamsEndAtShutdown(t *testing.T) {
	t.Parallel()
	w, alice, carol, _ := newOffice(t)
	early := listen(t, alice, "/events")
	w.Web.EndStreams()
	early.want("")
	if late := listen(t, carol, "/events"); late.answer.StatusCode != http.StatusNoContent {
		t.Errorf("a stream opens: %d", late.answer.StatusCode)
	}
}
