package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var grants = []testCase{
	{"a grant is claimed once", claimedOnce},
	{"a claim lapses and the late worker is refused", staleWorker},
	{"a lease is renewed by its holder", renewedLease},
	{"busy targets are left alone", busyTargets},
	{"grants come back as they were", grantsComeBack},
	{"a restart forgets what was seen", restartForgets},
	{"needs", needs},
}

func grantRow(id, account string, due time.Time) store.GrantRow {
	return store.GrantRow{AccountName: account, Entitlement: "cn=dba", Grant: pim.Grant{ID: id, TargetID: "dir", AccountID: account, EntitlementID: "uuid-dba",
		Before: pim.Unknown, Seen: pim.Unknown, DueAt: due, Version: 1}}
}

func claim(s *store.Store, limit int, busy ...string) ([]store.GrantRow, error) {
	return store.Write(context.Background(), s, func(tx *store.Tx) (out []store.GrantRow, err error) {
		due, err := tx.TargetsDue()
		for _, target := range due {
			if err == nil && !slices.Contains(busy, target) {
				var some []store.GrantRow
				some, err = tx.ClaimGrants(target, limit, time.Hour)
				out = append(out, some...)
			}
		}
		return out, err
	})
}

// One worker at a time per grant (DESIGN §3), however many ask at once.
func claimedOnce(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	do(t, s, func(tx *store.Tx) error {
		for i := range 10 {
			if err := tx.InsertGrant(grantRow(id("g", i), id("acc", i), at.Add(-time.Second))); err != nil {
				return err
			}
		}
		return all(func() error { return tx.InsertGrant(grantRow("later", "later", at.Add(time.Hour))) },
			func() error { return tx.InsertGrant(grantRow("settled", "settled", time.Time{})) })
	})
	claims := make([][]store.GrantRow, parallel)
	race(t, func(i int) (err error) { claims[i], err = claim(s, 3); return err })
	seen := map[string]bool{}
	for _, c := range claims {
		if len(c) > 3 {
			t.Errorf("%d claimed, 3 asked for", len(c))
		}
		for _, g := range c {
			if seen[g.ID] || g.Attempt != 1 || g.LeaseUntil.IsZero() || g.DueAt.After(at) {
				t.Errorf("claimed: %+v, before: %v", g, seen[g.ID])
			}
			seen[g.ID] = true
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d of 10 due ones claimed: %v", len(seen), seen)
	}
}

// F6: a result that carries an older attempt is refused.
func staleWorker(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error { return tx.InsertGrant(grantRow("g", "acc", tx.Now.Add(-time.Second))) })
	first, err := store.Write(context.Background(), s, func(tx *store.Tx) ([]store.GrantRow, error) { return tx.ClaimGrants("dir", 1, -time.Second) })
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	second, err := claim(s, 1)
	if err != nil || len(second) != 1 || second[0].Attempt != 2 {
		t.Fatalf("a lapsed claim is taken over: %+v, %v", second, err)
	}
	save := func(g store.GrantRow) error {
		g.Seen = pim.Present
		return store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.SaveGrant(g) })
	}
	if err := save(first[0]); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the late worker is heard: %v", err)
	}
	stale := first[0]
	stale.Version = second[0].Version
	if err := save(stale); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the attempt fences by itself: %v", err)
	}
	if err := save(second[0]); err != nil {
		t.Errorf("the worker that holds it: %v", err)
	}
	if err := save(second[0]); !errors.Is(err, store.ErrConflict) {
		t.Errorf("one version is saved twice: %v", err)
	}
}

// F6: a lease is renewed by whoever holds it, and by nobody else; a node that starts leaves leases alone.
func renewedLease(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error { return tx.InsertGrant(grantRow("g", "acc", tx.Now.Add(-time.Second))) })
	first, err := store.Write(context.Background(), s, func(tx *store.Tx) ([]store.GrantRow, error) { return tx.ClaimGrants("dir", 1, -time.Second) })
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	renew := func(g store.GrantRow, lease time.Duration) store.GrantRow {
		do(t, s, func(tx *store.Tx) error { return tx.RenewLease(g, lease) })
		return get(t, s, func(r *store.Reader) (store.GrantRow, error) { return r.Grant("g") })
	}
	if g := renew(first[0], time.Hour); !g.LeaseUntil.After(now(s).Add(59*time.Minute)) || g.Version != first[0].Version {
		t.Errorf("renewed: %+v", g.Grant)
	}
	if got, err := claim(s, 1); err != nil || len(got) != 0 {
		t.Errorf("claimed although renewed: %v, %v", got, err)
	}
	if n, err := store.Write(context.Background(), s, func(tx *store.Tx) (int64, error) { return tx.RestartGrants(tx.Now) }); err != nil || n != 0 {
		t.Errorf("a starting node took a lease: %d, %v", n, err)
	}
	renew(first[0], -time.Second)
	second, err := claim(s, 1)
	if err != nil || len(second) != 1 {
		t.Fatal(second, err)
	}
	if g := renew(first[0], 48*time.Hour); !g.LeaseUntil.Equal(second[0].LeaseUntil) {
		t.Errorf("renewed by a worker that lost it: until %v", g.LeaseUntil)
	}
}

// A hanging target delays no other (DESIGN §3).
func busyTargets(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		other := grantRow("other", "acc", tx.Now.Add(-time.Second))
		other.TargetID = "db"
		return all(
			func() error {
				return tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "db", Kind: "postgres", Name: "DB", Source: pim.SourceFile}})
			},
			func() error { return tx.InsertGrant(grantRow("g", "acc", tx.Now.Add(-time.Minute))) },
			func() error { return tx.InsertGrant(other) },
		)
	})
	if got, err := claim(s, 1, "dir"); err != nil || len(got) != 1 || got[0].ID != "other" {
		t.Errorf("past the busy target: %v, %v", got, err)
	}
	if got, err := claim(s, 5, "dir", "db", "absent"); err != nil || len(got) != 0 {
		t.Errorf("all are busy: %v, %v", got, err)
	}
	if got, err := claim(s, 5); err != nil || len(got) != 1 || got[0].ID != "g" {
		t.Errorf("none is busy: %v, %v", got, err)
	}
}

func grantsComeBack(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error { return tx.InsertGrant(grantRow("g", "acc", tx.Now)) })
	g := get(t, s, func(r *store.Reader) (store.GrantRow, error) { return r.Grant("g") })
	at := now(s).Truncate(time.Second)
	g.Before, g.Seen, g.SeenAt, g.Wanted, g.Confirmed, g.Lost = pim.Absent, pim.Present, at, true, true, true
	g.WantedUntil, g.UnsureUntil, g.Adopted, g.DueAt = at.Add(1*time.Hour), at.Add(2*time.Hour), true, at.Add(3*time.Hour)
	g.LateSince, g.LateToldAt, g.Tries, g.LeaseUntil, g.ErrorKind, g.Error = at.Add(4*time.Hour), at.Add(5*time.Hour), 6, at.Add(7*time.Hour), "denied", "no rights"
	do(t, s, func(tx *store.Tx) error { return tx.SaveGrant(g) })
	g.Version++
	if got := get(t, s, func(r *store.Reader) (*store.GrantRow, error) { return r.GrantOf("dir", "acc", "uuid-dba") }); got == nil || *got != g {
		t.Errorf("\n have %+v\n want %+v", got, g)
	}
	if got := get(t, s, func(r *store.Reader) (*store.GrantRow, error) { return r.GrantOf("dir", "acc", "uuid-db") }); got != nil {
		t.Errorf("another entitlement: %+v", got)
	}
	twin := grantRow("twin", "acc", time.Time{})
	if store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertGrant(twin) }) == nil {
		t.Error("two grants of one fact")
	}
	late := func(since, told time.Time) int {
		return len(get(t, s, func(r *store.Reader) ([]store.GrantRow, error) { return r.LateGrants(since, told, 100) }))
	}
	if late(at.Add(4*time.Hour), at.Add(5*time.Hour)) != 1 || late(at.Add(4*time.Hour-1e3), at.Add(9*time.Hour)) != 0 || late(at.Add(9*time.Hour), at.Add(5*time.Hour-1e3)) != 0 {
		t.Error("late since, and not told since")
	}
}

// After a restart everything unsettled is looked at again before anything is believed.
func restartForgets(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for i, due := range []time.Time{tx.Now.Add(time.Hour), {}, {}} {
			g := grantRow(id("g", i), id("acc", i), due)
			if err := tx.InsertGrant(g); err != nil {
				return err
			}
			g.Before, g.Seen, g.Wanted, g.LeaseUntil = pim.Absent, pim.Absent, i == 1, tx.Now.Add(time.Hour)
			if err := tx.SaveGrant(g); err != nil {
				return err
			}
		}
		return nil
	})
	do(t, s, func(tx *store.Tx) error { _, err := tx.RestartGrants(tx.Now.Add(24 * time.Hour)); return err })
	for i, again := range []bool{true, true, false} {
		g := get(t, s, func(r *store.Reader) (store.GrantRow, error) { return r.Grant(id("g", i)) })
		if (g.Seen == pim.Unknown) != again || g.LeaseUntil.IsZero() != again || g.DueAt.IsZero() == again || g.Before != pim.Absent {
			t.Errorf("grant %d: %+v", i, g.Grant)
		}
	}
	if got, err := claim(s, 5); err != nil || len(got) != 2 {
		t.Errorf("claimed after a restart: %v, %v", got, err)
	}
	if live := get(t, s, (*store.Reader).LiveGrants); len(live) != 2 {
		t.Errorf("live: %v", live)
	}
	if n := get(t, s, func(r *store.Reader) (int64, error) { return r.UnsettledGrants("dir") }); n != 2 {
		t.Errorf("unsettled: %d", n)
	}
}

func needs(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s).Truncate(time.Second)
	byActivation := pim.GrantNeed{GrantID: "g", ActivationID: "a", StartsAt: at, EndsAt: at.Add(time.Hour)}
	byAssignment := pim.GrantNeed{GrantID: "g", AssignmentID: "a", StartsAt: at}
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.InsertGrant(grantRow("g", "acc", at)) },
			func() error { return tx.InsertNeed(byActivation) },
			func() error { return tx.InsertNeed(byAssignment) },
		)
	})
	open := func() []pim.GrantNeed {
		return get(t, s, func(r *store.Reader) ([]pim.GrantNeed, error) { return r.OpenNeeds("g") })
	}
	if got := open(); len(got) != 2 {
		t.Fatalf("an activation and an assignment of one id are two needs: %v", got)
	}
	byAssignment.EndedAt, byAssignment.Outcome, byAssignment.SharedWith, byAssignment.SettledAt = at, pim.OutcomeShared, "a", at
	do(t, s, func(tx *store.Tx) error { return tx.SaveNeed(byAssignment) })
	if got := open(); len(got) != 1 || got[0] != byActivation {
		t.Errorf("open: %v", got)
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.GrantNeed, error) { return r.NeedsOfAssignment("a") }); len(got) != 1 || got[0] != byAssignment {
		t.Errorf("settled: %v", got)
	}
	do(t, s, func(tx *store.Tx) error {
		return tx.InsertNeed(pim.GrantNeed{GrantID: "g", AssignmentID: "a", StartsAt: at.Add(time.Hour)})
	})
	if got := open(); len(got) != 2 {
		t.Errorf("a settled need opens again: %v", got)
	}
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.SaveNeed(pim.GrantNeed{GrantID: "g", ActivationID: "x"}) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an unknown need is saved: %v", err)
	}
}
