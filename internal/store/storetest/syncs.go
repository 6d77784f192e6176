package storetest

import (
	"errors"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// syncsRunOnce: one run at a time, a run that was replaced writes nothing more, and what it said is kept.
func syncsRunOnce(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		p := person("p", "P")
		p.MatchClaim, p.MatchValue = "upn", "p@x"
		return all(
			func() error {
				return tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Kind: "ldap", Name: "Dir", Source: pim.SourceFile}})
			},
			func() error { return tx.InsertPrincipal(p) },
			func() error { return tx.InsertSyncLinks("dir", []store.SyncMatch{{ExternalID: "e", PrincipalID: "p"}}) },
			func() error {
				return tx.SaveSync(store.Sync{TargetID: "dir", Salt: "s", Settings: pim.SyncSettings{Filter: "(x)", EveryHours: 3}})
			},
			func() error { return tx.AskSync("dir", "run", "p", 7) })
	})
	claim := func(id string) (ok bool) {
		do(t, s, func(tx *store.Tx) (err error) {
			if ok, err = tx.ClaimSync("dir", id, time.Minute); !ok || err != nil {
				return err
			}
			return tx.InsertSyncRun(store.SyncRun{ID: id, TargetID: "dir", AskedBy: "p", State: pim.SyncRunning})
		})
		return ok
	}
	if !claim("a") || claim("b") {
		t.Fatal("a run is claimed once")
	}
	first := get(t, s, func(r *store.Reader) (store.Sync, error) { return r.Sync("dir") })
	if first.Allowed != 7 || first.Settings.Filter != "(x)" || first.RunID != "a" {
		t.Errorf("the sync: %+v", first)
	}
	do(t, s, func(tx *store.Tx) error { return tx.KeepSync(first, 0) })
	if !claim("c") {
		t.Fatal("a lease that ended is taken over")
	}
	do(t, s, func(tx *store.Tx) error {
		if err := tx.KeepSync(first, time.Minute); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a run that was replaced goes on: %v", err)
		}
		return nil
	})
	if old := get(t, s, func(r *store.Reader) (store.SyncRun, error) { return r.SyncRun("a") }); old.State != pim.SyncFailed || old.Message == "" {
		t.Errorf("the one before: %+v", old)
	}
	do(t, s, func(tx *store.Tx) error {
		second, err := tx.Sync("dir")
		if err != nil {
			return err
		}
		second.DueAt = tx.Now.Add(time.Hour)
		return all(
			func() error {
				return tx.InsertSyncChanges("c", 1, []store.SyncChange{{Kind: "added", Name: "P"}, {Kind: "missing", Name: "Q", Words: []string{"w"}}})
			},
			func() error { return tx.EndSync(second) },
			func() error {
				return tx.EndSyncRun(store.SyncRun{ID: "c", TargetID: "dir", State: pim.SyncDone, Counts: pim.SyncCounts{Read: 9}}, 1)
			})
	})
	runs := get(t, s, func(r *store.Reader) ([]store.SyncRun, error) { return r.SyncRuns("dir", 10) })
	due := get(t, s, func(r *store.Reader) ([]string, error) { return r.SyncsDue() })
	if len(runs) != 1 || runs[0].Counts.Read != 9 || len(due) != 0 {
		t.Errorf("runs %+v, due %v", runs, due)
	}
	syncLinks(t, s)
}

func syncLinks(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error { return tx.SetSyncOff("dir", "e", true) })
	links := get(t, s, func(r *store.Reader) (map[string]store.SyncLink, error) {
		return r.SyncLinks("dir", []string{"e", "f"})
	})
	hits := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.MatchedBy("upn", []string{"p@x", "q@x"}) })
	if len(links) != 1 || !links["e"].Off || links["e"].Removed || links["e"].Principal.Name != "P" || len(hits) != 1 {
		t.Errorf("links %+v, matched %v", links, hits)
	}
	do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.ForgetSyncOff("p"), tx.RemovePrincipal("p"), tx.RemoveSync("dir"))
	})
	links = get(t, s, func(r *store.Reader) (map[string]store.SyncLink, error) { return r.SyncLinks("dir", []string{"e"}) })
	if l := links["e"]; l.Off || !l.Removed {
		t.Errorf("of who was removed is remembered: %+v", l)
	}
}
