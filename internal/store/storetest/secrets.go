package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var secrets = []testCase{
	{"a ceremony is taken once", ceremonyOnce},
	{"a ceremony is its person's and session's", ceremonyOwner},
	{"a session's newest 20 ceremonies wait", ceremonyLimit},
	{"a voucher is taken once", voucherOnce},
	{"a voucher is for one person, one use and a time", voucherBounds},
	{"a new voucher kills the old", voucherReplaced},
	{"passkeys", credentials},
	{"step-up evidence comes back as it was", stepUps},
	{"sessions", sessions},
	{"a new epoch ends everything", newEpoch},
	{"a session gets another id", renewedSession},
	{"a session is named by its handle and by the provider", namedSessions},
	{"one asks about a session at a time", recheckTurns},
}

func ceremony(id string, expires time.Time) store.Ceremony {
	return store.Ceremony{ID: id, Kind: "get", PrincipalID: "alice", SessionID: "session", Purpose: "activation.request", Payload: []byte{0, 255, 1}, Ceremony: []byte("{}"), Back: "/x", ExpiresAt: expires}
}

// T9: of 50 parallel callers exactly one gets the ceremony.
func ceremonyOnce(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error { return tx.InsertCeremony(ceremony("c", tx.Now.Add(time.Minute))) })
	won := race(t, func(int) error {
		c, err := store.Write(context.Background(), s, func(tx *store.Tx) (store.Ceremony, error) { return tx.TakeCeremony("c", "alice", "session") })
		if err == nil && (string(c.Payload) != "\x00\xff\x01" || c.Purpose != "activation.request") {
			t.Errorf("taken, but not as stored: %+v", c)
		}
		return err
	}, store.ErrNotFound)
	if won != 1 {
		t.Errorf("taken %d times", won)
	}
}

// T9: another person or session does not get it, and does not use it up.
func ceremonyOwner(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.InsertCeremony(ceremony("c", tx.Now.Add(time.Minute))) },
			func() error { return tx.InsertCeremony(ceremony("old", tx.Now.Add(-time.Second))) })
	})
	take := func(id, who, session string) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error { _, err := tx.TakeCeremony(id, who, session); return err })
	}
	if err := take("c", "bob", "session"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("bob: %v", err)
	}
	if err := take("c", "alice", "another"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another session: %v", err)
	}
	if err := take("c", "alice", "session"); err != nil {
		t.Errorf("its own: %v", err)
	}
	if _, err := store.Read(context.Background(), s, func(r *store.Reader) (store.Ceremony, error) { return r.Ceremony("old") }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an expired one is shown: %v", err)
	}
	do(t, s, func(tx *store.Tx) error { return tx.InsertCeremony(ceremony("next", tx.Now.Add(time.Minute))) })
	if err := take("old", "alice", "session"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an expired one is kept: %v", err)
	}
}

// One signed-in person cannot fill the database: the oldest ceremonies of the session go, nobody else's do, and the
// newest always waits, even when all began in one instant.
func ceremonyLimit(t *testing.T, s *store.Store) {
	world(t, s)
	const limit = 20
	another := ceremony("another", time.Time{})
	another.SessionID = "another"
	do(t, s, func(tx *store.Tx) error {
		another.ExpiresAt = tx.Now.Add(time.Minute)
		return tx.InsertCeremony(another)
	})
	for i := range 2*limit + 1 {
		do(t, s, func(tx *store.Tx) error {
			return tx.InsertCeremony(ceremony(fmt.Sprintf("%02d", 99-i), tx.Now.Add(time.Minute)))
		})
	}
	waits := func(id string) error {
		_, err := store.Read(context.Background(), s, func(r *store.Reader) (store.Ceremony, error) { return r.Ceremony(id) })
		return err
	}
	left := 0
	for i := range 2*limit + 1 {
		if waits(fmt.Sprintf("%02d", 99-i)) == nil {
			left++
		}
	}
	if left != limit {
		t.Errorf("%d ceremonies of one session wait, want %d", left, limit)
	}
	if err := waits(fmt.Sprint(99 - 2*limit)); err != nil {
		t.Errorf("the newest: %v", err)
	}
	if err := waits("another"); err != nil {
		t.Errorf("another session's: %v", err)
	}
}

func voucher(id, person string, expires time.Time) store.Voucher {
	return store.Voucher{ID: id, Kind: "passkey", Hash: "hash of " + id, PersonID: person, IssuedBy: "bob", ExpiresAt: expires}
}

func takeVoucher(s *store.Store, kind, hash, person string) error {
	return store.Do(context.Background(), s, func(tx *store.Tx) error { _, err := tx.TakeVoucher(kind, hash, person); return err })
}

// T2: of 50 parallel callers exactly one uses the voucher.
func voucherOnce(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error { return tx.InsertVoucher(voucher("v", "alice", tx.Now.Add(time.Minute))) })
	won := race(t, func(int) error { return takeVoucher(s, "passkey", "hash of v", "alice") }, store.ErrNotFound)
	if won != 1 {
		t.Errorf("used %d times", won)
	}
}

// T2: unknown, expired, of another kind or somebody else's: all the same answer, and nothing is used up.
func voucherBounds(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.InsertVoucher(voucher("old", "bob", tx.Now)) },
			func() error { return tx.InsertVoucher(voucher("v", "alice", tx.Now.Add(time.Minute))) })
	})
	for name, c := range map[string][3]string{
		"unknown": {"passkey", "hash of x", "alice"}, "expired": {"passkey", "hash of old", "bob"},
		"another kind": {"admin", "hash of v", "alice"}, "somebody else's": {"passkey", "hash of v", "bob"}, "nobody's": {"passkey", "hash of v", ""},
	} {
		if err := takeVoucher(s, c[0], c[1], c[2]); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := takeVoucher(s, "passkey", "hash of v", "alice"); err != nil {
		t.Errorf("after all that, its own: %v", err)
	}
}

// DESIGN §3: a new link kills the old one; one person's does not touch another's, nor another kind.
func voucherReplaced(t *testing.T, s *store.Store) {
	world(t, s)
	until := now(s).Add(time.Minute)
	link := voucher("link", "", until)
	link.Kind = "admin"
	for _, v := range []store.Voucher{voucher("first", "alice", until), voucher("bob's", "bob", until), link, voucher("second", "alice", until)} {
		do(t, s, func(tx *store.Tx) error { return tx.InsertVoucher(v) })
	}
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"first":  {takeVoucher(s, "passkey", "hash of first", "alice"), store.ErrNotFound},
		"second": {takeVoucher(s, "passkey", "hash of second", "alice"), nil},
		"bob's":  {takeVoucher(s, "passkey", "hash of bob's", "bob"), nil},
		"link":   {takeVoucher(s, "admin", "hash of link", ""), nil},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

func credential(id, who string, raw ...byte) pim.Credential {
	return pim.Credential{ID: id, PrincipalID: who, Name: "Key", RawID: raw, PublicKey: []byte{1, 2}, AAGUID: make([]byte, 16), Attestation: "none", Transports: []string{"usb"}}
}

// WebAuthn L3 §7.1 step 26: no credential id twice, removed ones included; the counter never goes back.
func credentials(t *testing.T, s *store.Store) {
	world(t, s)
	want := credential("c", "alice", 0, 1, 255)
	want.BackupEligible, want.BackedUp = true, true
	do(t, s, func(tx *store.Tx) error { return tx.InsertCredential(want) })
	got := get(t, s, func(r *store.Reader) (pim.Credential, error) { return r.Credential("c") })
	want.CreatedAt = got.CreatedAt
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n have %+v\n want %+v", got, want)
	}
	use := func(count uint32) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error {
			return tx.UsedCredential(pim.StepUp{CredentialID: "c", SignCount: count, At: tx.Now})
		})
	}
	for i, count := range []uint32{5, 5, 4, 6} {
		if err := use(count); (err == nil) != (count != 4) || err != nil && !errors.Is(err, store.ErrConflict) {
			t.Errorf("use %d with counter %d: it goes on or stands, never back: %v", i, count, err)
		}
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemoveCredential("c") })
	for _, who := range []string{"alice", "bob"} {
		if store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertCredential(credential("again", who, 0, 1, 255)) }) == nil {
			t.Errorf("%s has a credential id that was known", who)
		}
	}
	if use(7) == nil || len(get(t, s, func(r *store.Reader) ([]pim.Credential, error) { return r.CredentialsOf("alice") })) != 0 {
		t.Error("removed and still usable")
	}
	if !get(t, s, func(r *store.Reader) (bool, error) { return r.EverHadCredential("alice") }) || get(t, s, func(r *store.Reader) (bool, error) { return r.EverHadCredential("bob") }) {
		t.Error("T2: who ever had a passkey gets no first one again")
	}
}

func stepUps(t *testing.T, s *store.Store) {
	world(t, s)
	want := pim.StepUp{CeremonyID: "su", PrincipalID: "alice", CredentialID: "c", At: now(s).Truncate(time.Second), UserVerified: true, BackedUp: true, SignCount: 1<<32 - 1,
		Random: []byte{0}, Canonical: []byte("{}"), Salt: []byte{255}, AuthData: []byte{1}, ClientData: []byte("c"), Signature: []byte{2, 3}}
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.InsertCredential(credential("c", "alice", 9)) }, func() error { return tx.InsertStepUp(want) })
	})
	type evidence struct {
		s   pim.StepUp
		key []byte
	}
	got := get(t, s, func(r *store.Reader) (e evidence, err error) { e.s, e.key, err = r.StepUp("su"); return e, err })
	if !reflect.DeepEqual(got.s, want) || len(got.key) != 2 || got.s.Digest() != want.Digest() {
		t.Errorf("\n have %+v\n want %+v", got.s, want)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemoveCredential("c") })
	if again := get(t, s, func(r *store.Reader) (e evidence, err error) { e.s, e.key, err = r.StepUp("su"); return e, err }); len(again.key) != 2 {
		t.Error("evidence verifies after its passkey was removed")
	}
}

// T1: sessions end idle, absolutely, by sign-out, all of a person's at once.
func sessions(t *testing.T, s *store.Store) {
	world(t, s)
	start := func(id, who string, life time.Duration) {
		do(t, s, func(tx *store.Tx) error {
			return tx.InsertSession(store.SessionRow{ID: id, PrincipalID: who, Data: "{}", ExpiresAt: tx.Now.Add(life)})
		})
	}
	alive := func(id string, idle time.Duration) bool {
		_, err := store.Read(context.Background(), s, func(r *store.Reader) (store.SessionRow, error) { return r.Session(id, idle) })
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	start("over", "alice", 0)
	if alive("over", time.Hour) {
		t.Error("alive past its absolute end")
	}
	start("a1", "alice", time.Hour)
	start("a2", "alice", time.Hour)
	start("b", "bob", time.Hour)
	if !alive("a1", time.Hour) || alive("a1", -time.Second) || alive("", time.Hour) {
		t.Error("idle is counted from the last use")
	}
	live := func(idle time.Duration) map[string]bool {
		return get(t, s, func(r *store.Reader) (map[string]bool, error) { return r.LiveSessions(idle) })
	}
	if got := live(time.Hour); !reflect.DeepEqual(got, map[string]bool{"a1": true, "a2": true, "b": true}) || len(live(-time.Second)) != 0 {
		t.Errorf("live: %v", got)
	}
	do(t, s, func(tx *store.Tx) error { return tx.InsertCeremony(ceremony("c", tx.Now.Add(time.Minute))) })
	do(t, s, func(tx *store.Tx) error {
		bob, err := tx.Principal("bob")
		bob.Enabled = false
		return errors.Join(err, tx.UpdatePrincipal(bob))
	})
	if live(time.Hour)["b"] {
		t.Error("a disabled person's session is live")
	}
	ended, err := store.Write(context.Background(), s, func(tx *store.Tx) (int64, error) { return tx.EndSessionsOf("alice") })
	if err != nil || ended != 2 || alive("a1", time.Hour) || alive("a2", time.Hour) || !alive("b", time.Hour) {
		t.Errorf("%d ended, %v", ended, err)
	}
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { _, err := tx.TakeCeremony("c", "alice", "session"); return err }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a ceremony outlives its sessions: %v", err)
	}
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.SaveSession(store.SessionRow{ID: "a1", Data: "{}"}) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an ended session is saved: %v", err)
	}
}

// T5: a session gets another id with everything begun in it, and keeps its ends; one that is over gets none.
func renewedSession(t *testing.T, s *store.Store) {
	world(t, s)
	ends := now(s).Add(time.Hour).Truncate(time.Second)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error {
				return tx.InsertSession(store.SessionRow{ID: "session", PrincipalID: "alice", Data: "{}", ExpiresAt: ends})
			},
			func() error { return tx.InsertSession(store.SessionRow{ID: "nobody", Data: "{}", ExpiresAt: ends}) },
			func() error { return tx.InsertCeremony(ceremony("c", ends)) },
		)
	})
	do(t, s, func(tx *store.Tx) error { return tx.RenewSession("session", "next") })
	for _, id := range []string{"session", "nobody"} {
		if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.RenewSession(id, "other") }); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s is renewed: %v", id, err)
		}
	}
	if got := get(t, s, func(r *store.Reader) (store.SessionRow, error) { return r.Session("next", time.Hour) }); got.PrincipalID != "alice" || !got.ExpiresAt.Equal(ends) {
		t.Errorf("renewed: %+v", got)
	}
	waiting := get(t, s, func(r *store.Reader) ([]store.Ceremony, error) { return r.CeremoniesOf("session") })
	if len(waiting) != 1 || waiting[0].ID != "c" {
		t.Fatalf("waiting: %+v", waiting)
	}
	do(t, s, func(tx *store.Tx) error { return tx.MoveCeremony("c", "next", []byte("{1}")) })
	c, err := store.Write(context.Background(), s, func(tx *store.Tx) (store.Ceremony, error) { return tx.TakeCeremony("c", "alice", "next") })
	if err != nil || string(c.Ceremony) != "{1}" {
		t.Errorf("moved: %+v %v", c, err)
	}
}

// Invariant 14: opening a backup is a new epoch: sessions, challenges and tokens die.
func newEpoch(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error {
				return tx.InsertSession(store.SessionRow{ID: "x", PrincipalID: "alice", Data: "{}", ExpiresAt: tx.Now.Add(time.Hour)})
			},
			func() error { return tx.InsertCeremony(ceremony("c", tx.Now.Add(time.Hour))) },
			func() error { return tx.InsertVoucher(voucher("v", "alice", tx.Now.Add(time.Hour))) },
		)
	})
	do(t, s, func(tx *store.Tx) error { return tx.EndAllSessions() })
	_, session := store.Read(context.Background(), s, func(r *store.Reader) (store.SessionRow, error) { return r.Session("x", time.Hour) })
	_, challenge := store.Read(context.Background(), s, func(r *store.Reader) (store.Ceremony, error) { return r.Ceremony("c") })
	for name, err := range map[string]error{"session": session, "challenge": challenge, "voucher": takeVoucher(s, "passkey", "hash of v", "alice")} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the %s lives on: %v", name, err)
		}
	}
}

// T1: a session comes back as it was stored, by its person, handle and the provider's name; neither name is its id.
func namedSessions(t *testing.T, s *store.Store) {
	world(t, s)
	ends := now(s).Add(time.Hour).Truncate(time.Second)
	row := func(id, who, sid string) store.SessionRow {
		return store.SessionRow{ID: id, PrincipalID: who, Data: "{}", ExpiresAt: ends, Handle: "handle-" + id, Browser: "Firefox on Linux", Address: "192.0.2.1", SID: sid, Refresh: "sealed", RecheckAt: ends}
	}
	do(t, s, func(tx *store.Tx) error {
		alice, err := tx.Principal("alice")
		alice.Issuer, alice.Subject = "iss", "sub"
		return errors.Join(err, tx.UpdatePrincipal(alice), tx.InsertSession(row("a1", "alice", "sid")), tx.InsertSession(row("a2", "alice", "")),
			tx.InsertSession(row("b", "bob", "sid")), tx.InsertSession(store.SessionRow{ID: "old", PrincipalID: "bob", Data: "{}", ExpiresAt: ends}))
	})
	if got := get(t, s, func(r *store.Reader) ([]store.SessionRow, error) { return r.SessionsOf("alice", time.Hour) }); len(got) != 2 {
		t.Errorf("alice has %d sessions", len(got))
	}
	got := get(t, s, func(r *store.Reader) (store.SessionRow, error) { return r.SessionByHandle("handle-a1") })
	want := row("a1", "alice", "sid")
	want.CreatedAt, want.SeenAt = got.CreatedAt, got.SeenAt
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stored %+v, read %+v", want, got)
	}
	if named := get(t, s, func(r *store.Reader) ([]store.SessionRow, error) { return r.SessionsNamed("iss", "sid") }); len(named) != 1 || named[0].ID != "a1" {
		t.Errorf("the provider's sid names %+v", named)
	}
	if named := get(t, s, func(r *store.Reader) ([]store.SessionRow, error) { return r.SessionsNamed("iss", "") }); len(named) != 0 {
		t.Errorf("no sid names %+v", named)
	}
	for _, handle := range []string{"", "a1"} {
		if _, err := store.Read(context.Background(), s, func(r *store.Reader) (store.SessionRow, error) { return r.SessionByHandle(handle) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q is taken for a handle: %v", handle, err)
		}
	}
	do(t, s, func(tx *store.Tx) error {
		c := ceremony("c", tx.Now.Add(time.Minute))
		c.SessionID = "a1"
		_, err := tx.EndSession("a1")
		return errors.Join(tx.InsertCeremony(c), err)
	})
	do(t, s, func(tx *store.Tx) error { _, err := tx.EndSession("a1"); return err })
	if left := get(t, s, func(r *store.Reader) ([]store.Ceremony, error) { return r.CeremoniesOf("a1") }); len(left) != 0 {
		t.Error("a ceremony outlives its session")
	}
}

// F13: of all who would ask the provider about a session one may; the others and a session that is over get nothing.
func recheckTurns(t *testing.T, s *store.Store) {
	world(t, s)
	due := now(s).Truncate(time.Second)
	session := store.SessionRow{ID: "a", PrincipalID: "alice", Data: "{}", ExpiresAt: due.Add(time.Hour), Handle: "h", Refresh: "one", RecheckAt: due}
	do(t, s, func(tx *store.Tx) error { return tx.InsertSession(session) })
	won := race(t, func(int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.ClaimRecheck(session, due.Add(time.Minute)) })
	}, store.ErrConflict)
	if won != 1 {
		t.Errorf("%d may ask", won)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RenewSession("a", "next") })
	do(t, s, func(tx *store.Tx) error { return tx.SaveRefresh("h", "two", due.Add(time.Hour)) })
	got := get(t, s, func(r *store.Reader) (store.SessionRow, error) { return r.Session("next", time.Hour) })
	if got.Refresh != "two" || !got.RecheckAt.Equal(due.Add(time.Hour)) {
		t.Errorf("kept %+v", got)
	}
	for _, handle := range []string{"", "other"} {
		if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.SaveRefresh(handle, "x", due) }); !errors.Is(err, store.ErrConflict) {
			t.Errorf("kept for %q: %v", handle, err)
		}
	}
}
