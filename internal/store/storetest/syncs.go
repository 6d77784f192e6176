package storetest

import (
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// testSyncs: one run at a time, a stale one is refused, and who an entry is stays known.
func testSyncs(t *testing.T, f Fixture) {
	f.Do(t, func(tx *store.Tx) error {
		if err := tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Kind: "ldap", Name: "Dir", Source: pim.SourceFile}}); err != nil {
			return err
		}
		if err := tx.InsertPrincipal(pim.Principal{ID: "p", Kind: pim.Person, Name: "P", PersonID: "p", Enabled: true, Source: pim.SourceDirectory, MatchClaim: "upn", MatchValue: "p@x"}); err != nil {
			return err
		}
		if err := tx.InsertSyncLink("dir", "e", "p"); err != nil {
			return err
		}
		return tx.SaveSync(store.Sync{TargetID: "dir", Salt: "s", Settings: pim.SyncSettings{Filter: "(x)", EveryHours: 3}})
	})
	var claimed []bool
	for range 2 {
		f.Do(t, func(tx *store.Tx) error { return tx.AskSync("dir", "run", "p", 7) })
		ok := write(t, f, func(tx *store.Tx) (bool, error) {
			ok, err := tx.ClaimSync("dir", "run"+string(rune('a'+len(claimed))), time.Minute)
			if ok && err == nil {
				err = tx.InsertSyncRun(store.SyncRun{ID: "runa", TargetID: "dir", AskedBy: "p", State: pim.SyncRunning})
			}
			return ok, err
		})
		claimed = append(claimed, ok)
	}
	if !claimed[0] || claimed[1] {
		t.Fatalf("claimed: %v", claimed)
	}
}
