package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// TestAuditScripts runs the scripts of `stint audit`. They may use more commands: makelog DIR [STEPS] writes a database with
// a signed log into DIR and its keys into DIR-keys, with steps of its story exchanged; growlog DIR N adds entries and signs;
// tamper DB SQL changes it as somebody with the file does; edit FILE OLD NEW and lines FILE A-B,C change a file; proof DIR SEQ
// FILE writes what the page of an entry hands out; web NAME mirror|- serves the mirror, with a dash behind a sign-in.
func TestAuditScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/audit", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"makelog": makeLog, "growlog": growLog, "tamper": tamper, "edit": editFile, "lines": someLines, "proof": proofOf, "web": serveDir}})
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
		events := story(tx.Now)
		if len(args) > 1 {
			var a, b int
			if _, err := fmt.Sscanf(args[1], "%d,%d", &a, &b); err != nil {
				return err
			}
			events[a], events[b] = events[b], events[a]
		}
		for _, e := range events {
			tx.Emit(e)
		}
		return nil
	}))
	sign(ts, s, signer, dir)
	ts.Check(s.Close())
}

// sign signs what is there; one entry more follows that is not signed yet.
func sign(ts *testscript.TestScript, s *store.Store, signer *audit.Signer, dir string) {
	c, err := signer.Sign(s.Head())
	ts.Check(err)
	ts.Check(store.Do(context.Background(), s, func(tx *store.Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvSignedOut, "alice", "alice", ""))
		return tx.SaveCheckpoint(c)
	}))
	ts.Check(broker.WriteOutside(filepath.Join(dir+"-keys", "checkpoint"), c))
}

func growLog(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	s, err := store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "stint.db")})
	ts.Check(err)
	signer, err := audit.OpenSigner(filepath.Join(dir+"-keys", "audit.key"), "localhost:8080/stint/audit", "")
	ts.Check(err)
	ts.Check(store.Do(context.Background(), s, func(tx *store.Tx) error {
		for range n {
			tx.Emit(pim.PersonEvent(pim.EvSignedIn, "alice", "alice", ""))
		}
		return nil
	}))
	sign(ts, s, signer, dir)
	ts.Check(s.Close())
}

func editFile(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not say %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

func someLines(ts *testscript.TestScript, _ bool, args []string) {
	all := strings.SplitAfter(ts.ReadFile(args[0]), "\n")
	var kept []string
	for part := range strings.SplitSeq(args[1], ",") {
		from, to, span := strings.Cut(part, "-")
		if !span {
			to = from
		}
		a, err := strconv.Atoi(from)
		ts.Check(err)
		b, err := strconv.Atoi(to)
		ts.Check(err)
		kept = append(kept, all[a-1:b]...)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(kept, "")), 0o600))
}

func proofOf(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	seq, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(ts.MkAbs(args[0]), "stint.db"), ReadOnly: true})
	ts.Check(err)
	p, err := store.Read(ctx, s, func(r *store.Reader) (audit.Proof, error) {
		kept, err := r.CheckpointOver(seq)
		if err != nil {
			return audit.Proof{}, err
		}
		e, err := r.Entry(seq)
		if err != nil {
			return audit.Proof{}, err
		}
		c, err := audit.ReadCheckpoint([]byte(kept.Note))
		if err != nil {
			return audit.Proof{}, err
		}
		return audit.Receipt(c, seq, e.Leaf, r.HashReader())
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), p.Format(), 0o600))
	ts.Check(s.Close())
}

func serveDir(ts *testscript.TestScript, _ bool, args []string) {
	files := http.FileServer(http.Dir(ts.MkAbs("mirror")))
	if args[1] == "-" {
		open := files
		files = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") != "stint=auditor" {
				w.WriteHeader(http.StatusUnauthorized) // as Stint answers what is no browser
				return
			}
			open.ServeHTTP(w, r)
		})
	}
	server := httptest.NewServer(files)
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
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
