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

// A sync that stopped is told of until one is let go on or comes through; members of a group that it does not feed any
// more become members added by hand, some at a time.
func syncsStop(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error {
				return tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Kind: "ldap", Name: "Dir", Source: pim.SourceFile}})
			},
			func() error { return tx.SaveSync(store.Sync{TargetID: "dir", Salt: "s"}) },
			func() error {
				return tx.InsertPrincipals([]pim.Principal{group("g"), person("a", "A"), person("b", "B"), person("c", "C")})
			},
			func() error {
				return tx.AddMember(pim.Membership{GroupID: "g", MemberID: "b", Source: pim.SourceBrowser})
			})
	})
	stops := func() int { return len(get(t, s, (*store.Reader).SyncStops)) }
	run := func(id string, state pim.SyncState, preview bool) {
		do(t, s, func(tx *store.Tx) error {
			v := store.SyncRun{ID: id, TargetID: "dir", AskedBy: "a", State: pim.SyncRunning, Preview: preview}
			if err := tx.InsertSyncRun(v); err != nil {
				return err
			}
			v.State = state
			return tx.EndSyncRun(v, 30)
		})
	}
	if run("r1", pim.SyncStopped, true); stops() != 0 {
		t.Error("a preview is no stop")
	}
	if run("r2", pim.SyncStopped, false); stops() != 1 {
		t.Error("a stop is not told of")
	}
	if run("r3", pim.SyncFailed, false); stops() != 1 {
		t.Error("a failure lifts a stop")
	}
	do(t, s, func(tx *store.Tx) error { return tx.AskSync("dir", "run", "a", 9) })
	if stops() != 0 {
		t.Error("a stop that is let go on is still told of")
	}
	do(t, s, func(tx *store.Tx) error { return tx.AskSync("dir", "run", "a", 0) })
	if run("r4", pim.SyncDone, false); stops() != 0 {
		t.Error("a run that came through does not lift it")
	}
	for _, id := range []string{"a", "b", "c"} {
		do(t, s, func(tx *store.Tx) error {
			return tx.AddMember(pim.Membership{GroupID: "g", MemberID: id, Source: pim.SourceDirectory})
		})
	}
	for _, want := range []int{2, 1, 0} {
		n := 0
		do(t, s, func(tx *store.Tx) (err error) { n, err = tx.LeaveMembers("g", 2); return err })
		if n != want {
			t.Errorf("%d members left, want %d", n, want)
		}
	}
	for source, want := range map[pim.Source]int64{pim.SourceDirectory: 0, pim.SourceBrowser: 3} {
		if n := get(t, s, func(r *store.Reader) (int64, error) { return r.CountMembersFrom("g", source) }); n != want {
			t.Errorf("%d members from %s, want %d", n, source, want)
		}
	}
}
