package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/store"
)

// touchEvery is how often use of a session is recorded at most (DESIGN §4 invariant 10).
const touchEvery = time.Minute

// sessionData is what a session keeps beside who it is.
type sessionData struct {
	Claim       bool   `json:"claim"`                  // signed in with the provider's claim for enrolling (THREATS T2)
	PasskeyName string `json:"passkey_name,omitempty"` // of the passkey that is being made
}

// sessionStore keeps sessions in the database: the cookie holds 256 random bits, the table their SHA-256,
// so that neither a stolen database nor a guess opens anything (THREATS T1). It is a sessions.Store.
type sessionStore struct {
	broker    *broker.Broker
	cookie    string // of sessions
	pre       string // of what happens before: it can never become a session (THREATS T5)
	emergency string // of an emergency sign-in that was begun
	flash     string // of the sentence shown after an action
	known     string // of who has signed in with this browser: it opens nothing, and keeps a notice away
	options   sessions.Options
	idle      time.Duration
	absolute  time.Duration
}

var _ sessions.Store = (*sessionStore)(nil)

func newSessionStore(b *broker.Broker, secure bool, idle, absolute time.Duration) *sessionStore {
	prefix := ""
	if secure {
		prefix = "__Host-" // RFC 6265bis §4.1.3.2: this host only, https only, whole site
	}
	return &sessionStore{broker: b, cookie: prefix + "stint", pre: prefix + "stint-signin", emergency: prefix + "stint-emergency", flash: prefix + "stint-done", known: prefix + "stint-known",
		options: sessions.Options{Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode}, idle: idle, absolute: absolute}
}

var secretCoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// newSecret returns 256 random bits for a cookie.
func newSecret() string {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		panic("web: no randomness: " + err.Error()) // crypto/rand does not fail on supported systems
	}
	return secretCoding.EncodeToString(b)
}

// sessionID is how a cookie's secret is known in the table.
func sessionID(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Get returns the request's session, read once a request.
func (st *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(st, name)
}

// New reads the request's session; IsNew when there is none that is signed in, alive and in use.
func (st *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	s := sessions.NewSession(st, name)
	options := st.options
	s.Options, s.IsNew = &options, true
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) != secretCoding.EncodedLen(32) {
		return s, nil
	}
	row, err := store.Read(r.Context(), st.broker.Store(), func(rd *store.Reader) (store.SessionRow, error) {
		return rd.Session(sessionID(c.Value), st.idle)
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && row.PrincipalID == "" {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.ID, s.IsNew = row.ID, false
	s.Values[rowKey] = row
	return s, nil
}

type sessionKey string

const rowKey sessionKey = "row"

func rowOf(s *sessions.Session) store.SessionRow {
	row, _ := s.Values[rowKey].(store.SessionRow)
	return row
}

// Save writes a session's data, or ends it when its MaxAge is negative.
func (st *sessionStore) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	if s.IsNew {
		return nil
	}
	row := rowOf(s)
	if s.Options.MaxAge >= 0 {
		return st.broker.SaveSession(r.Context(), row)
	}
	http.SetCookie(w, sessions.NewCookie(s.Name(), "", s.Options))
	return st.broker.SignOut(r.Context(), broker.Actor{PrincipalID: row.PrincipalID, SessionID: row.ID, Session: row.Handle})
}

// data reads what a session keeps.
func data(s *sessions.Session) (d sessionData, err error) {
	return d, json.Unmarshal([]byte(rowOf(s).Data), &d)
}

// keep changes what the visitor's session keeps.
func (q *request) keep(d sessionData) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	row := rowOf(q.session)
	row.Data = string(text)
	q.session.Values[rowKey] = row
	return q.session.Save(q.Request(), q.Response())
}

// issue makes the row of a new session and the cookie that opens it; the caller stores the row.
func (st *sessionStore) issue(d sessionData, now time.Time) (store.SessionRow, *http.Cookie, error) {
	secret := newSecret()
	text, err := json.Marshal(d)
	options := st.options
	return store.SessionRow{ID: sessionID(secret), Data: string(text), ExpiresAt: now.Add(st.absolute)}, sessions.NewCookie(st.cookie, secret, &options), err
}

// maxKnown is how many people one browser is known for; a shared one forgets the oldest.
const maxKnown = 8

// knows lists who has signed in with a browser.
func (st *sessionStore) knows(r *http.Request) []string {
	c, err := r.Cookie(st.known)
	if err != nil {
		return nil
	}
	return st.broker.Known(c.Value)
}

// issueKnown makes the cookie that keeps who has signed in with a browser, sealed, and now somebody more.
func (st *sessionStore) issueKnown(before []string, id string) (*http.Cookie, error) {
	people := append([]string{id}, slices.DeleteFunc(before, func(p string) bool { return p == id })...)
	kept, err := st.broker.KeepKnown(people[:min(len(people), maxKnown)])
	options := st.options
	options.MaxAge = int((400 * 24 * time.Hour).Seconds()) // the most browsers keep one (RFC 6265bis §5.5)
	return sessions.NewCookie(st.known, kept, &options), err
}

// issuePre makes the cookie that keeps what a sign-in needs until the provider's answer, sealed: no row is
// written for somebody who is nobody yet.
func (st *sessionStore) issuePre(state signin.State) (*http.Cookie, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	kept, err := st.broker.KeepBegun(text)
	if err == nil && len(kept) > maxBegun { // a browser would drop the cookie: better to land on the start page
		state.ReturnTo = "/"
		return st.issuePre(state)
	}
	options := st.options
	options.MaxAge = int((10 * time.Minute).Seconds())
	return sessions.NewCookie(st.pre, kept, &options), err
}

// maxBegun leaves room for name and attributes within the 4096 bytes every browser keeps (RFC 6265 §6.1).
const maxBegun = 3800

// begun opens what this browser began, once.
func (st *sessionStore) begun(kept string) (state signin.State) {
	var opened signin.State
	_, ok := st.broker.TakeBegun(kept, func(text []byte) time.Time {
		if json.Unmarshal(text, &opened) != nil {
			return time.Time{}
		}
		return opened.ExpiresAt
	})
	if ok {
		state = opened
	}
	return state
}

// renew gives the visitor's session another id, in the table and in the browser: an id that somebody knew
// before a step-up or a change of rights opens nothing after it (THREATS T5). What the visitor asked for is
// done, so a failure is not theirs.
func (s *Server) renew(q *request) {
	row := rowOf(q.session)
	secret := newSecret()
	id := sessionID(secret)
	s.streams.renewing(row.ID, id)
	// Also when the browser is gone: whoever copied the id of before is out, and the person signs in again.
	if err := s.broker.RenewSession(context.WithoutCancel(q.ctx()), q.actor(), id); err != nil {
		s.log.Warn("renewing a session", "id", q.id, "error", err)
		return
	}
	row.ID = id
	q.session.ID, q.session.Values[rowKey] = id, row
	options := s.sessions.options
	q.SetCookie(sessions.NewCookie(s.sessions.cookie, secret, &options))
}

// renewIfRisen renews the session when what the visitor may do in Stint changed with this request. That their browser
// is gone says nothing of it: renewed for that alone, a session would end with every connection that drops.
func (s *Server) renewIfRisen(q *request) {
	powers, err := store.Read(context.WithoutCancel(q.ctx()), s.store, func(r *store.Reader) (pim.Powers, error) { return broker.Powers(r, q.who.ID) })
	if err != nil || !powers.Equal(q.powers) {
		s.renew(q)
	}
}

// forget makes the browser drop a cookie.
func (st *sessionStore) forget(name string) *http.Cookie {
	options := st.options
	options.MaxAge = -1
	return sessions.NewCookie(name, "", &options)
}

// say keeps one sentence for the next page in the browser itself: showing it writes nothing (invariant 10).
func (st *sessionStore) say(sentence string) *http.Cookie {
	options := st.options
	options.MaxAge = 60
	return sessions.NewCookie(st.flash, hex.EncodeToString([]byte(sentence)), &options)
}

// said reads that sentence; anything but a short plain one is nothing.
func (st *sessionStore) said(r *http.Request) string {
	c, err := r.Cookie(st.flash)
	if err != nil || len(c.Value) > 600 {
		return ""
	}
	b, err := hex.DecodeString(c.Value)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(b), "")
}
