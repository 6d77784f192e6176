package web_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/stepup"
	"stint/internal/stinttest/database"
	"stint/internal/store"
	"stint/web"
)

// otherNode is one of several nodes on one PostgreSQL.
type otherNode struct {
	*httptest.Server
	broker *broker.Broker
}

func newNode(t *testing.T, url, keys string) otherNode {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const public = "http://localhost:8080"
	rp, err := stepup.New(public, "Stint")
	check(err)
	sealer, err := broker.OpenSealer(keys, "")
	check(err)
	b := broker.New(broker.Config{Store: s, StepUp: rp, Sealer: sealer})
	check(b.EnsureBuiltin(t.Context()))
	site, err := web.New(web.Config{Broker: b, PublicURL: public})
	check(err)
	server := httptest.NewServer(site.Handler())
	t.Cleanup(server.Close)
	return otherNode{server, b}
}

// stream opens the events of a session and reports when it is said to be over.
func (n otherNode) stream(t *testing.T, secret string) <-chan bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "stint", Value: secret})
	r.Header.Set("HX-Request", "true")
	answer, err := n.Client().Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the stream: %v, %v", answer, err)
	}
	over := make(chan bool, 1)
	go func() {
		defer answer.Body.Close()
		said := false
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			said = said || lines.Text() == "event: session-ended"
		}
		over <- said
	}()
	return over
}

// T1, T32: what ends a session on one node ends its streams on another within 5 s, and its cookie opens nothing there.
func TestSessionsEndOnEveryNode(t *testing.T) {
	t.Parallel()
	url, keys := database.Empty(t), filepath.Join(t.TempDir(), "seal.key")
	here, there := newNode(t, url, keys), newNode(t, url, keys)
	do := func(fn func(*store.Tx) error) {
		t.Helper()
		if err := store.Do(t.Context(), here.broker.Store(), fn); err != nil {
			t.Fatal(err)
		}
	}
	ends := map[string]func(id string){
		"logout": func(id string) {
			if err := here.broker.ProviderLogout(t.Context(), signin.Logout{Issuer: "iss", Subject: id, ID: "one", IssuedAt: here.broker.Store().Clock().Now()}); err != nil {
				t.Fatal(err)
			}
		},
		"disabled": func(id string) {
			do(func(tx *store.Tx) error {
				p, err := tx.Principal(id)
				if err != nil {
					return err
				}
				p.Enabled = false
				tx.Emit(pim.PersonEvent(pim.EvPersonDisabled, pim.System, id, id))
				return tx.UpdatePrincipal(p)
			})
		},
	}
	for id, end := range ends {
		secret := strings.Repeat("A", 51) + strings.ToUpper(id[:1])
		sum := sha256.Sum256([]byte(secret))
		do(func(tx *store.Tx) error {
			if err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Key: id, Name: id, Issuer: "iss", Subject: id, PersonID: id, Enabled: true, Source: pim.SourceFile}); err != nil {
				return err
			}
			return tx.InsertSession(store.SessionRow{ID: hex.EncodeToString(sum[:]), Handle: "handle-" + id, PrincipalID: id, Data: "{}", ExpiresAt: tx.Now.Add(time.Hour)})
		})
		over := there.stream(t, secret)
		end(id)
		select {
		case said := <-over:
			if !said {
				t.Errorf("%s: the stream ended without a word", id)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the stream on the other node goes on", id)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, there.URL+"/my-roles", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: "stint", Value: secret})
		answer, err := there.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: the cookie is answered %s on the other node", id, answer.Status)
		}
	}
}
