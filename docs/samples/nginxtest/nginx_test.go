package nginxtest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stint/docs/samples/nginxtest"
)

const sample = "../nginx.conf"

// behind starts handler behind nginx and returns the proxy.
func behind(t *testing.T, handler http.HandlerFunc) *nginxtest.Proxy {
	t.Helper()
	upstream := httptest.NewServer(handler)
	t.Cleanup(upstream.Close)
	return nginxtest.Start(t, sample, nginxtest.Reserve(t), upstream.Listener.Addr().String())
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// THREATS T35: whatever a browser calls itself, Stint hears the address nginx saw.
func TestForwardedHeaders(t *testing.T) {
	seen := make(chan http.Header, 1)
	host := make(chan string, 1)
	p := behind(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Clone(); host <- r.Host })
	r, err := http.NewRequestWithContext(within(t), http.MethodGet, p.URL+"/my-roles", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip", "Forwarded",
		"x_forwarded_for", "X_Forwarded_Proto", "X_Forwarded_User"} {
		r.Header[name] = []string{"203.0.113.9", "evil"}
	}
	answer, err := p.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	h := <-seen
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "",
		"X-Forwarded-Port": "", "X-Real-Ip": "", "Forwarded": ""} {
		if got := strings.Join(h.Values(name), ","); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, values := range h {
		if strings.Contains(strings.Join(values, ","), "203.0.113.9") {
			t.Errorf("%s came through: %q", name, values)
		}
	}
	if got := <-host; "https://"+got != p.URL {
		t.Errorf("Host %q, want that of %s", got, p.URL)
	}
}

// Events arrive one by one: the second is sent only when the browser has the first.
func TestEventsAreNotHeldBack(t *testing.T) {
	next := make(chan struct{})
	p := behind(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		for i := range 3 {
			fmt.Fprintf(w, "event: changed\ndata: %d\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})
	r, err := http.NewRequestWithContext(within(t), http.MethodGet, p.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	answer, err := p.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("Content-Encoding") != "" {
		t.Error("events must not be compressed: compression holds them back")
	}
	lines := bufio.NewScanner(answer.Body)
	for want := range 3 {
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		}
		if got := lines.Text(); got != fmt.Sprintf("data: %d", want) {
			t.Fatalf("event %d: %q, %v", want, got, lines.Err())
		}
		next <- struct{}{}
	}
}

// A name that is not the public URL's is refused before anything is sent.
func TestForeignHostIsRefused(t *testing.T) {
	p := behind(t, func(http.ResponseWriter, *http.Request) { t.Error("a foreign name reached the upstream") })
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: p.CAs, ServerName: "evil.example", MinVersion: tls.VersionTLS12}}
	if conn, err := dialer.DialContext(within(t), "tcp", p.Addr); err == nil {
		t.Error("the handshake for evil.example succeeded")
		conn.Close()
	}
	r, err := http.NewRequestWithContext(within(t), http.MethodGet, p.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example" // the right name in the handshake, another one in the request
	if answer, err := p.Client.Do(r); err == nil {
		answer.Body.Close()
		if answer.StatusCode < 400 {
			t.Error(answer.Status)
		}
	}
}

func TestBigBodiesStopAtTheProxy(t *testing.T) {
	p := behind(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for size, want := range map[int]int{64 << 10: http.StatusOK, 256 << 10: http.StatusRequestEntityTooLarge} {
		r, err := http.NewRequestWithContext(within(t), http.MethodPost, p.URL+"/", strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%d bytes: %s, want %d", size, answer.Status, want)
		}
	}
}
