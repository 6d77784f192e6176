package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// TestAuditScripts runs the scripts of `stint audit`. They may use two commands more: makelog DIR writes a
// database with a signed log into DIR and its keys into DIR-keys; tamper DB SQL changes it as somebody with the file does.
func TestAuditScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/audit", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"makelog": makeLog, "tamper": tamper}})
}

func makeLog(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "stint.db")})
	ts.Check(err)
	origin, err := audit.Origin("localhost:8080", 1)
	ts.Check(err)
	signer, err := audit.OpenSigner(filepath.Join(dir+"-keys", "audit.key"), origin, "")
	ts.Check(err)
	ts.Setenv("VKEY", signer.VKey())
	ts.Check(store.Do(ctx, s, func(tx *store.Tx) error {
		for name, value := range map[string]string{store.MetaAuditHost: "localhost:8080", store.MetaVKey: signer.VKey(), store.MetaEpoch: "1"} {
			if err := tx.SetMeta(name, value); err != nil {
				return err
			}
		}
		for _, e := range story(tx.Now) {
			tx.Emit(e)
		}
		return nil
	}))
	c, err := signer.Sign(s.Head())
	ts.Check(err)
	ts.Check(store.Do(ctx, s, func(tx *store.Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvSignedOut, "alice", "alice", "")) // not signed yet
		return tx.SaveCheckpoint(c)
	}))
	ts.Check(broker.WriteOutside(filepath.Join(dir+"-keys", "checkpoint"), c))
	ts.Check(s.Close())
}

// story is an activation from request to settled, entries 0 to 6.
func story(now time.Time) []pim.Event {
	a := pim.Activation{ID: "act1", AssignmentID: "asg1", PrincipalID: "alice", PersonID: "alice", RoleID: "dba", ResourceID: "prod", Duration: time.Hour,
		Justification: "Repair the ledger", StartsAt: now, EndsAt: now.Add(time.Hour), State: pim.Expired, EndedAt: now.Add(time.Hour),
		Settings: pim.Effective{Settings: pim.Settings{StepUp: pim.StepUpNone}}}
	g := pim.Grant{ID: "g1", TargetID: "dir", AccountID: "acc", EntitlementID: "ent", Before: pim.Absent, Seen: pim.Present}
	gone := g
	gone.Seen = pim.Absent
	return []pim.Event{
		pim.PersonEvent(pim.EvSignedIn, "alice", "alice", ""), pim.ActivationRequested(a), pim.ActivationProvisioning(a, "alice"),
		pim.GrantEventOf(pim.EvGrantConfirmed, g, nil), pim.ActivationConfirmed(a), pim.ActivationOver(a, pim.System, ""),
		pim.GrantEventOf(pim.EvGrantGone, gone, nil), pim.ActivationSettled(a, map[string]pim.Outcome{"g1": pim.OutcomeGone}),
	}
}

func tamper(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	for _, q := range []string{"DROP TRIGGER IF EXISTS audit_entries_keep_update", "DROP TRIGGER IF EXISTS audit_entries_keep_delete",
		"DROP TRIGGER IF EXISTS audit_hashes_keep_update", "DROP TRIGGER IF EXISTS audit_hashes_keep_delete", args[1]} {
		_, err := db.Exec(q)
		ts.Check(err)
	}
	ts.Check(db.Close())
}
