package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// T32: the server's time-outs, which end slow requests and answers, do not end a stream that has nothing to say, by
// HTTP/1.1 and by HTTP/2.
func TestStreamOutlivesTheServersTimeouts(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).Start,
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, alice, _, _ := newOffice(t)
			limit := 100 * time.Millisecond
			server, answer, err := streamUnder(t, w, alice, start, limit)
			for err != nil && limit < 10*time.Second { // too short for a busy machine to begin within
				limit *= 2
				server, answer, err = streamUnder(t, w, alice, start, limit)
			}
			w.OK(err)
			if answer.StatusCode != http.StatusOK || answer.Proto != map[string]string{"HTTP/1.1": "HTTP/1.1", "HTTP/2": "HTTP/2.0"}[name] {
				t.Fatalf("%s by %s", answer.Status, answer.Proto)
			}
			l := &listener{t: t, answer: answer, events: make(chan string, 8)}
			go l.read()
			over := time.NewTimer(4 * limit)
			select {
			case got := <-l.events:
				t.Fatalf("told %q", got)
			case <-over.C:
			}
			w.Do(func(tx *store.Tx) error {
				return tx.InsertNotice(store.Notice{ID: "n", PrincipalID: "alice", Text: "Hello"})
			})
			l.want("news")
			server.CloseClientConnections()
			l.want("")
		})
	}
}

// streamUnder opens alice's stream at a server whose reading and writing may last limit.
func streamUnder(t *testing.T, w *stinttest.World, alice *stinttest.Person, start func(*httptest.Server), limit time.Duration) (*httptest.Server, *http.Response, error) {
	server := httptest.NewUnstartedServer(w.Web.Handler())
	server.Config.ReadTimeout, server.Config.WriteTimeout = limit, limit
	start(server)
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/events?since="+head(w), nil)
	w.OK(err)
	r.AddCookie(&http.Cookie{Name: "stint", Value: alice.Cookie("stint")})
	r.Header.Set("HX-Request", "true")
	answer, err := server.Client().Do(r)
	return server, answer, err
}

// T32: what a commit changes is said at most once in 250 ms, however much happens, and the last of it is said.
func TestNewsIsGathered(t *testing.T) {
	t.Parallel()
	w, alice, _, _ := newOffice(t)
	l := listen(t, alice, "/events")
	for i := range 50 {
		w.Do(func(tx *store.Tx) error {
			return tx.InsertNotice(store.Notice{ID: string(rune('a'+i)) + "n", PrincipalID: "alice", Text: "Hello"})
		})
	}
	began := time.Now()
	l.want("news")
	l.want("news") // after the last
	if n := 2 + len(l.events); n > 3+int(time.Since(began)/(250*time.Millisecond)) {
		t.Errorf("told %d times", n)
	}
}
