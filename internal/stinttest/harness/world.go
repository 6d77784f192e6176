package stinttest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/stepup"
	"stint/internal/stinttest/database"
	"stint/internal/stinttest/faketarget"
	"stint/internal/stinttest/oidc"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
	"stint/web"
)

// World is one installation with its surroundings.
type World struct {
	testing.TB
	Clock    *Clock
	Store    *store.Store
	Broker   *broker.Broker
	Web      *web.Server
	Provider *oidc.Provider
	Target   *faketarget.Target // behind the target "dir"
	Maker    *passkey.Maker     // of authenticators; trusted after TrustMaker
	Config   web.Config         // as the server was made with
	URL      string             // http://localhost:port
	Log      *Log
	Path     string        // of the database file; there is none when the tests run on PostgreSQL
	Database store.Options // as the database was opened

	addr   string
	people map[string]*Person
	signer *audit.Signer // made by Sign
	signIn sync.Mutex    // the provider signs in one person at a time
}

// Option changes the server before it starts.
type Option func(*web.Config)

// New starts a World without people; it ends with the test.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	w := &World{TB: t, Clock: newClock(), Log: &Log{}, people: map[string]*Person{}, Path: filepath.Join(t.TempDir(), "stint.db")}
	w.Target = faketarget.New(t, w.Clock.Now)
	w.Provider = oidc.Start(t)
	w.Provider.Now = w.Clock.Now
	server := httptest.NewUnstartedServer(nil)
	w.addr = server.Listener.Addr().String()
	_, port, err := net.SplitHostPort(w.addr)
	w.OK(err)
	w.URL = "http://localhost:" + port
	w.build(options)
	server.Config.Handler = w.Web.Handler()
	server.Start()
	t.Cleanup(server.Close)
	w.seed()
	return w
}

func (w *World) build(options []Option) {
	w.Helper()
	ctx := context.Background()
	o := database.Options(w.TB, w.Path)
	o.Now, o.Mono = w.Clock.Now, w.Clock.Mono
	w.Database = o
	var err error
	w.Store, err = store.Open(ctx, o)
	w.OK(err)
	w.Cleanup(func() { w.OK(w.Store.Close()) })
	rp, err := stepup.New(w.URL, "Stint")
	w.OK(err)
	w.Maker = passkey.NewMaker("Northkey")
	trust, err := stepup.ReadTrust(w.Maker.Root(), nil)
	w.OK(err)
	rp = rp.Trusting(trust)
	sealer, err := broker.OpenSealer(filepath.Join(w.TempDir(), "seal.key"), "")
	w.OK(err)
	log := slog.New(slog.NewJSONHandler(w.Log, nil))
	w.Broker = broker.New(broker.Config{Store: w.Store, Log: log, StepUp: rp, Sealer: sealer, Binding: []string{"employee_number"},
		Claims: broker.ClaimNames{Department: "department", Title: "job_title", Manager: "manager", Guest: "acct"}})
	w.OK(w.Broker.EnsureBuiltin(ctx))
	client, err := signin.New(signin.Config{Issuer: w.Provider.Issuer, ClientID: w.Provider.ClientID, ClientSecret: func() (string, error) { return w.Provider.ClientSecret, nil },
		RedirectURL: w.URL + "/sign-in/callback", EnrolClaim: "amr", EnrolValues: []string{"hwk"}, GroupsClaim: "groups", MaxAge: time.Hour, Now: w.Clock.Now})
	w.OK(err)
	w.Config = web.Config{Broker: w.Broker, SignIn: client, PublicURL: w.URL, OrgName: "Northwind", Provider: "Northwind sign-in", Log: log, EnrolClaimConfigured: true}
	for _, o := range options {
		o(&w.Config)
	}
	w.Web, err = web.New(w.Config)
	w.OK(err)
}

// TrustMaker lets passkeys that the Maker vouches for count as attested, as the configuration does at a start.
func (w *World) TrustMaker() {
	w.Helper()
	w.OK(w.Broker.EnsureKeyRule(context.Background()))
}

// Distrust takes the trust back, as a start without it does.
func (w *World) Distrust() {
	w.Helper()
	w.Do(func(tx *store.Tx) error { return tx.SetMeta(store.MetaKeyRule, "") })
}

// NeedsFile skips a test that looks into the database's file when the tests run on PostgreSQL.
func (w *World) NeedsFile() {
	w.Helper()
	if os.Getenv(database.Engine) != "" {
		w.Skip("looks into the file of the database")
	}
}

// OK stops the test on an error.
func (w *World) OK(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Do writes to the database beside the operations: builders and what a test must force.
func (w *World) Do(fn func(*store.Tx) error) {
	w.Helper()
	w.OK(store.Do(context.Background(), w.Store, fn))
}

// Read reads the database as a page would.
func Read[T any](w *World, fn func(*store.Reader) (T, error)) T {
	w.Helper()
	v, err := store.Read(context.Background(), w.Store, fn)
	w.OK(err)
	return v
}

// Tick does the worker's due work and waits for it.
func (w *World) Tick() {
	w.Helper()
	w.OK(w.Broker.Tick(context.Background()))
}

// Advance lets time pass, then does what became due.
func (w *World) Advance(d time.Duration) {
	w.Helper()
	w.Clock.Advance(d)
	w.Tick()
}

// Events lists the audit entries of a type, newest first.
func (w *World) Events(t pim.EventType) []store.EntryRow {
	w.Helper()
	return Read(w, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: string(t), Limit: 1000})
	})
}

// Transport reaches the server by its name, whatever that name resolves to here.
func (w *World) Transport() *http.Transport {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "localhost:") {
			addr = w.addr
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	t := &http.Transport{DialContext: dial}
	w.Cleanup(t.CloseIdleConnections)
	return t
}

// Log keeps the server's log lines.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write adds a line.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
