package signin_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

// clock is a clock that tests set; safe for the client's goroutines.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// counted counts the requests for one path.
type counted struct {
	path string
	n    atomic.Int64
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == c.path {
		c.n.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

const wellKnown = "/.well-known/openid-configuration"

// Issue 2 item 3: a provider that is down does not stop the start; it is asked again with a small back-off.
func TestProviderComesUpLater(t *testing.T) {
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := reserved.Addr().String()
	_ = reserved.Close()

	now, asked := newClock(), &counted{path: wellKnown}
	p := oidc.New(t)
	p.Issuer, p.Now = "http://"+address, now.now
	p.SignInAs("u-1", nil)
	c := newClient(t, p, func(cfg *signin.Config) { cfg.HTTPClient = &http.Client{Transport: asked} })
	for range 3 { // the second and third are answered by the back-off
		_, _, err = c.Begin(t.Context(), "/")
		wantRefusal(t, err, signin.CodeUnavailable)
	}
	if asked.n.Load() != 1 || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("asked %d times, refused with %v", asked.n.Load(), err)
	}
	now.advance(time.Second)
	_, _, err = c.Begin(t.Context(), "/")
	wantRefusal(t, err, signin.CodeUnavailable)
	now.advance(time.Second) // after two failures: two seconds
	if _, _, err = c.Begin(t.Context(), "/"); err == nil || asked.n.Load() != 2 {
		t.Errorf("asked %d times within the second back-off", asked.n.Load())
	}

	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: p}}
	server.Start()
	t.Cleanup(server.Close)
	now.advance(30 * time.Second) // the longest a back-off gets
	if id, err := signIn(t, c); err != nil || id.Subject != "u-1" {
		t.Errorf("after it came up: %v %v", id, err)
	}
}

func TestDiscoveryIsAskedOnceAndKept(t *testing.T) {
	now, asked := newClock(), &counted{path: wellKnown}
	p := oidc.Start(t)
	p.Now = now.now
	p.SignInAs("u-1", nil)
	c := newClient(t, p, func(cfg *signin.Config) { cfg.HTTPClient = &http.Client{Transport: asked} })
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, _, err := c.Begin(t.Context(), "/"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if asked.n.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.n.Load())
	}

	p.Rogue.Metadata = func(m map[string]any) { m["end_session_endpoint"] = p.Issuer + "/new-logout" }
	now.advance(time.Hour)
	if _, err := signIn(t, c); err != nil || !strings.Contains(c.LogoutURL("", ""), "/new-logout?") {
		t.Errorf("after an hour: %v %s", err, c.LogoutURL("", ""))
	}
	p.Rogue.Metadata = func(m map[string]any) { m["issuer"] = "https://other.example" }
	now.advance(time.Hour)
	if _, err := signIn(t, c); err != nil {
		t.Errorf("a failed refresh must keep the last good answer: %v", err)
	}
}

// One person's closed browser does not fail the others who wait for the same discovery.
func TestCanceledCallerFailsAlone(t *testing.T) {
	p := oidc.Start(t)
	p.SignInAs("u-1", nil)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.Rogue.Handle = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == wellKnown {
			once.Do(func() { close(entered) })
			<-release
		}
		return false
	}
	c := newClient(t, p, nil)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, _, err := c.Begin(ctx, "/"); first <- err }()
	<-entered
	go func() { _, _, err := c.Begin(t.Context(), "/"); second <- err }()
	cancel()
	wantRefusal(t, <-first, signin.CodeUnavailable)
	close(release)
	if err := <-second; err != nil {
		t.Errorf("the other one: %v", err)
	}
}

// A provider that accepts and never answers costs the caller the client's time-out, at every endpoint.
func TestHangingEndpoints(t *testing.T) {
	for _, path := range []string{wellKnown, "/token", "/jwks", "/userinfo"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			p := oidc.Start(t)
			p.SignInAs("u-1", nil)
			release := make(chan struct{})
			t.Cleanup(func() { close(release) }) // runs before the server is closed
			p.Rogue.Handle = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == path {
					<-release
				}
				return r.URL.Path == path
			}
			c := newClient(t, p, func(cfg *signin.Config) { cfg.HTTPClient = &http.Client{Timeout: 300 * time.Millisecond} })
			begun := time.Now()
			_, err := signIn(t, c)
			wantRefusal(t, err, signin.CodeUnavailable)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if !strings.Contains(err.Error(), "no answer within 300ms") {
				t.Errorf("refused with %v", err)
			}
		})
	}
}

// Keys change without a restart; the library fetches them again when it meets an unknown kid.
func TestKeyRotation(t *testing.T) {
	p := oidc.Start(t)
	p.SignInAs("u-1", nil)
	c := newClient(t, p, nil)
	for range 2 {
		if _, err := signIn(t, c); err != nil {
			t.Fatal(err)
		}
		p.RotateKeys(t)
	}
	if _, err := signIn(t, c); err != nil {
		t.Error(err)
	}
}

// What Begin asks for.
func TestAuthorizationRequest(t *testing.T) {
	p := oidc.Start(t)
	c := newClient(t, p, nil)
	address, state, err := c.Begin(t.Context(), "https://e/steal")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_type": "code", "client_id": p.ClientID, "redirect_uri": callback, "scope": "openid profile email groups",
		"state": state.State, "nonce": state.Nonce, "code_challenge_method": "S256", "max_age": "3600",
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(address, state.Verifier) || len(state.State) < 26 || len(state.Nonce) < 26 || state.ReturnTo != "/" {
		t.Errorf("address %s, return to %q", address, state.ReturnTo)
	}
	_, other, err := c.Begin(t.Context(), "/")
	if err != nil || other.State == state.State || other.Nonce == state.Nonce || other.Verifier == state.Verifier {
		t.Errorf("two sign-ins share a secret (%v)", err)
	}
}

func TestCheckNamesTheTrouble(t *testing.T) {
	p := oidc.Start(t)
	p.Issuer += "/"
	err := newClient(t, p, nil).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Rogue.Metadata = func(m map[string]any) { m["issuer"] = strings.TrimSuffix(p.Issuer, "/") }
	err = newClient(t, p, nil).Check(t.Context())
	var r signin.Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Detail, "must be equal to the letter") || strings.Contains(r.Message, p.Issuer) {
		t.Errorf("got %v", err)
	}
}
