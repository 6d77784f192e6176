package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var incidents = []testCase{
	{"an incident is open once", incidentOnce},
	{"incidents come in pages", incidentPages},
	{"a target is scanned by one", scannedByOne},
	{"scans after a restore", scansForgotten},
	{"the figures of the whole", figures},
}

func incident(id, account string, kind pim.IncidentKind) pim.Incident {
	return pim.Incident{ID: id, Kind: kind, TargetID: "dir", AccountID: account, EntitlementID: "uuid-dba", AccountName: account, Entitlement: "cn=dba", GrantID: "g"}
}

// However many open one, it is open once; closed, it can be opened anew.
func incidentOnce(t *testing.T, s *store.Store) {
	world(t, s)
	opened := make([]bool, parallel)
	race(t, func(i int) (err error) {
		opened[i], err = store.Write(context.Background(), s, func(tx *store.Tx) (bool, error) {
			return tx.OpenIncident(incident(id("i", i), "mallory", pim.Stranger))
		})
		return err
	})
	n := 0
	for _, yes := range opened {
		if yes {
			n++
		}
	}
	open := get(t, s, func(r *store.Reader) ([]pim.Incident, error) { return r.OpenIncidents("dir", "mallory", "uuid-dba") })
	if n != 1 || len(open) != 1 || open[0].AccountName != "mallory" || open[0].Entitlement != "cn=dba" || open[0].FirstSeenAt.IsZero() {
		t.Fatalf("%d opened: %+v", n, open)
	}
	other := incident("other", "mallory", pim.LostHold)
	other.EndsAt = now(s).Add(-time.Second)
	do(t, s, func(tx *store.Tx) error {
		_, err := tx.OpenIncident(other)
		return err
	})
	if over := get(t, s, func(r *store.Reader) ([]pim.Incident, error) { return r.IncidentsOver(10) }); len(over) != 1 || over[0].ID != "other" {
		t.Errorf("over: %+v", over)
	}
	if unseen := get(t, s, func(r *store.Reader) ([]pim.Incident, error) {
		return r.IncidentsUnseen("dir", "uuid-dba", r.Now.Add(time.Hour), 10)
	}); len(unseen) != 1 || unseen[0].ID != open[0].ID {
		t.Errorf("unseen: %+v", unseen)
	}
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.AdoptIncident(open[0].ID, "taken") }, func() error { return tx.SeeIncidents("dir", "uuid-dba", []string{"mallory", "trent"}) },
			func() error { return tx.SeeIncidents("dir", "uuid-dba", nil) }, func() error { return tx.CloseIncident(open[0].ID, pim.EndedRemoved) })
	})
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.CloseIncident(open[0].ID, pim.EndedGone) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("closed twice: %v", err)
	}
	closed := get(t, s, func(r *store.Reader) ([]pim.Incident, error) {
		return r.Incidents("dir", false, false, store.Keyset{}, 10)
	})
	if len(closed) != 1 || closed[0].How != pim.EndedRemoved || closed[0].GrantID != "taken" || closed[0].ClosedAt.IsZero() {
		t.Errorf("closed: %+v", closed)
	}
	do(t, s, func(tx *store.Tx) error {
		_, err := tx.OpenIncident(incident("anew", "mallory", pim.Stranger))
		return err
	})
	if n := get(t, s, func(r *store.Reader) (int64, error) { return r.CountIncidents("dir", pim.Stranger) }); n != 1 {
		t.Errorf("%d open after it was opened anew", n)
	}
}

// THREATS T31: a page holds so many, and the next begins where it ended.
func incidentPages(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for i := range 7 {
			if _, err := tx.OpenIncident(incident(id("s", i), id("acc", i), pim.Standing)); err != nil {
				return err
			}
			if _, err := tx.OpenIncident(incident(id("x", i), id("acc", i), pim.Stranger)); err != nil {
				return err
			}
		}
		return nil
	})
	seen, from := map[string]bool{}, store.Keyset{}
	for range 4 {
		page := get(t, s, func(r *store.Reader) ([]pim.Incident, error) { return r.Incidents("dir", false, true, from, 3) })
		if len(page) > 3 {
			t.Fatalf("%d in a page of 3", len(page))
		}
		for _, i := range page {
			if seen[i.ID] || i.Kind != pim.Stranger {
				t.Errorf("twice, or in the wrong list: %+v", i)
			}
			seen[i.ID], from = true, store.Keyset{At: i.FirstSeenAt, ID: i.ID}
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d of 7 in pages", len(seen))
	}
}

// A scan is claimed once, however many ask, and a stale scanner is refused.
func scannedByOne(t *testing.T, s *store.Store) {
	world(t, s)
	due := func() []string { return get(t, s, (*store.Reader).ScansDue) }
	if got := due(); len(got) != 1 || got[0] != "dir" {
		t.Fatalf("due at first: %v", got)
	}
	claimed := make([]bool, parallel)
	race(t, func(i int) (err error) {
		claimed[i], err = store.Write(context.Background(), s, func(tx *store.Tx) (bool, error) { return tx.ClaimScan("dir", time.Hour) })
		return err
	})
	n := 0
	for _, yes := range claimed {
		if yes {
			n++
		}
	}
	at := get(t, s, func(r *store.Reader) (store.Scan, error) { return r.ScanOf("dir") })
	if n != 1 || at.Attempt != 1 || at.BegunAt.IsZero() || len(due()) != 0 {
		t.Fatalf("%d claims: %+v", n, at)
	}
	at.Done, at.Total, at.Error, at.Tries, at.LeaseUntil, at.DueAt = 2, 3, "broke off", 1, time.Time{}, now(s).Add(time.Hour)
	do(t, s, func(tx *store.Tx) error { return tx.SaveScan(at) })
	if got := get(t, s, func(r *store.Reader) (store.Scan, error) { return r.ScanOf("dir") }); got != at {
		t.Errorf("came back as %+v, was %+v", got, at)
	}
	do(t, s, func(tx *store.Tx) error { return tx.AskScan("dir", "alice") })
	if got := due(); len(got) != 1 {
		t.Errorf("asked for and not due: %v", got)
	}
	do(t, s, func(tx *store.Tx) error {
		ok, err := tx.ClaimScan("dir", time.Hour)
		if err == nil && !ok {
			err = errors.New("not claimed")
		}
		return err
	})
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.SaveScan(at) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a stale scanner: %v", err)
	}
	do(t, s, func(tx *store.Tx) error { _, err := tx.TargetFailed("dir", "transient", "timeout"); return err })
	if got := due(); len(got) != 0 {
		t.Errorf("claimed and due: %v", got)
	}
}

func scansForgotten(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.KeepScanned("dir", "uuid-dba") }, func() error { return tx.KeepScanned("dir", "uuid-dba") })
	})
	scanned := func() bool {
		return get(t, s, func(r *store.Reader) (bool, error) { return r.Scanned("dir", "uuid-dba") })
	}
	if !scanned() {
		t.Error("kept and forgotten")
	}
	do(t, s, func(tx *store.Tx) error {
		_, err := tx.OpenIncident(incident("left", "mallory", pim.Stranger))
		return err
	})
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { _, err := tx.OpenIncident(incident("value", "dn:cn=old", pim.Standing)); return err },
			func() error { _, err := tx.OpenIncident(incident("named", "old", pim.Standing)); return err })
	})
	values := func() []string {
		return get(t, s, func(r *store.Reader) ([]string, error) { return r.StandingUnnamed("dir", "uuid-dba") })
	}
	if got := values(); len(got) != 1 || got[0] != "dn:cn=old" {
		t.Errorf("standing under a value: %q", got)
	}
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.CloseIncident("value", pim.EndedGone) }, func() error { return tx.CloseIncident("named", pim.EndedGone) })
	})
	if got := values(); len(got) != 0 {
		t.Errorf("closed, and standing under a value: %q", got)
	}
	left := func(managed ...string) int {
		return len(get(t, s, func(r *store.Reader) ([]pim.Incident, error) { return r.IncidentsLeft("dir", managed, 10) }))
	}
	if left("uuid-dba") != 0 || left("other") != 1 || left() != 1 {
		t.Errorf("left: %d, %d, %d", left("uuid-dba"), left("other"), left())
	}
	do(t, s, func(tx *store.Tx) error { return tx.KeepScannedOnly("dir", []string{"uuid-dba"}) })
	if !scanned() {
		t.Error("managed and forgotten")
	}
	do(t, s, func(tx *store.Tx) error { return tx.KeepScannedOnly("dir", nil) })
	if scanned() {
		t.Error("not managed and kept")
	}
	do(t, s, func(tx *store.Tx) error { _, err := tx.TargetFailed("dir", "transient", "timeout"); return err })
	do(t, s, (*store.Tx).ForgetScans)
	at := get(t, s, func(r *store.Reader) (store.Scan, error) { return r.ScanOf("dir") })
	if scanned() || at.RestoredAt.IsZero() || at.AskedBy != pim.System || len(get(t, s, (*store.Reader).ScansDue)) != 1 {
		t.Errorf("after a restore: %+v, scanned %v", at, scanned())
	}
}

// What watchers are told is what the rows say; what is closed, over or settled does not count.
func figures(t *testing.T, s *store.Store) {
	world(t, s)
	if got := get(t, s, (*store.Reader).Figures); got != (store.Figures{}) {
		t.Fatalf("of nothing: %+v", got)
	}
	at := now(s)
	since := at.Add(-time.Minute).Truncate(time.Microsecond)
	do(t, s, func(tx *store.Tx) error {
		late, early := grantRow("late", "acc1", at), grantRow("settled", "acc2", time.Time{})
		late.LateSince = since
		running := activation("running", pim.ActiveConfirmed, at)
		running.PrincipalID, running.PersonID = "bob", "human-bob"
		_, opened := tx.OpenIncident(incident("i1", "mallory", pim.Stranger))
		_, lost := tx.OpenIncident(incident("i2", "mallory", pim.LostHold))
		_, known := tx.OpenIncident(incident("i3", "olga", pim.Standing))
		_, failing := tx.TargetFailed("dir", "denied", "bind refused")
		return errors.Join(tx.InsertGrant(late), tx.InsertGrant(early), tx.InsertActivation(activation("waiting", pim.PendingApproval, at)),
			tx.InsertActivation(running), opened, lost, known, failing)
	})
	got := get(t, s, (*store.Reader).Figures)
	got.LateSince = got.LateSince.UTC()
	if want := (store.Figures{Pending: 1, Active: 1, Late: 1, LateSince: since.UTC(), Failing: 1, Strangers: 1, Lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
