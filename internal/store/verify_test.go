package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"stint/internal/audit"
	"stint/internal/pim"
)

const verifyEntries = 2*verifyPage + 7 // so that pages meet in the middle of the log

// loggedStore is a store with a log longer than two pages and a checkpoint over all but the last entry.
func loggedStore(t *testing.T) (*Store, *audit.Signer, audit.Checkpoint) {
	t.Helper()
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "stint.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	emit := func(from, to int) {
		err := Do(ctx, s, func(tx *Tx) error {
			for i := from; i < to; i++ {
				e := pim.PersonEvent(pim.EvPrincipalSaved, "admin", fmt.Sprintf("p%d", i), "")
				tx.Emit(e.WithText("name", fmt.Sprintf("Name %d", i)).WithText("mail", "x@example.org"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	emit(0, verifyEntries-1)
	signer, err := audit.OpenSigner(filepath.Join(t.TempDir(), "keys", "audit.key"), "stint.test/stint/audit", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := signer.Sign(s.Head())
	if err != nil {
		t.Fatal(err)
	}
	if err := Do(ctx, s, func(tx *Tx) error { return tx.SaveCheckpoint(c) }); err != nil {
		t.Fatal(err)
	}
	emit(verifyEntries-1, verifyEntries)
	return s, signer, c
}

func verify(t *testing.T, s *Store, signer *audit.Signer, remembered ...[]byte) audit.Report {
	t.Helper()
	report, err := Read(context.Background(), s, func(r *Reader) (audit.Report, error) {
		l, err := r.VerifyLog()
		if err != nil {
			return audit.Report{}, err
		}
		l.Origin, l.VKeys, l.Remembered = signer.Origin(), []string{signer.VKey()}, remembered
		return audit.Verify(l)
	})
	if err != nil {
		t.Fatalf("verification gave up instead of a verdict: %v", err)
	}
	return report
}

// What joins columns on their way to the verifier may stand in a text.
func TestVerifyLogReadsTextsWithControlCharacters(t *testing.T) {
	s, signer, _ := loggedStore(t)
	if err := Do(context.Background(), s, func(tx *Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvPrincipalSaved, "admin", "p", "").WithText("name", "a"+unit+"b,"+unit))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if report := verify(t, s, signer); !report.OK() || report.Size != verifyEntries+1 {
		t.Fatalf("%+v", report)
	}
}

func TestVerifyLogReadsItAll(t *testing.T) {
	s, signer, c := loggedStore(t)
	report := verify(t, s, signer, c.Note)
	if !report.OK() || report.Size != verifyEntries || report.Signed != verifyEntries-1 || report.Checked != 2 || len(report.Erased) != 0 {
		t.Fatalf("%+v", report)
	}
	if _, err := s.w.Exec("DELETE FROM audit_texts WHERE seq = 3 AND field = 'name'"); err != nil {
		t.Fatal(err)
	}
	if report := verify(t, s, signer, c.Note); !report.OK() || report.Erased["name"] != 1 {
		t.Fatalf("an erased name breaks nothing and is counted: %+v", report)
	}
}

// Whoever writes to the database directly is found out, at the entry they touched (THREATS T20).
func TestVerifyLogNamesTheFirstBadEntry(t *testing.T) {
	s, signer, c := loggedStore(t)
	at := verifyPage + 3
	first, n := audit.HashesOf(int64(at))
	for _, tamper := range []struct {
		name, sql string
		seq       int64
		what      string
	}{
		{"leaf", fmt.Sprintf("UPDATE audit_entries SET leaf = REPLACE(leaf, 'admin', 'nobody') WHERE seq = %d", at), int64(at), "do not have the stored hash"},
		{"column", fmt.Sprintf("UPDATE audit_entries SET actor_id = 'other' WHERE seq = %d", at), int64(at), "column actor"},
		{"time made to text", fmt.Sprintf("UPDATE audit_entries SET at = 'noon' WHERE seq = %d", at), int64(at), "column at"},
		{"number made to text", fmt.Sprintf("UPDATE audit_entries SET seq = 'five' WHERE seq = %d", at), int64(at), "missing"},
		{"entry removed", fmt.Sprintf("DELETE FROM audit_entries WHERE seq = %d", at), int64(at), "missing"},
		{"entry before the first", "UPDATE audit_entries SET seq = -4 WHERE seq = 9", 0, "out of order"},
		{"leaf made to a number", fmt.Sprintf("UPDATE audit_entries SET leaf = 5 WHERE seq = %d", at), int64(at), "do not have the stored hash"},
		{"hash unreadable", fmt.Sprintf("UPDATE audit_hashes SET hash = 'junk' WHERE idx = %d", first), int64(at), "do not have the stored hash"},
		{"hash removed", fmt.Sprintf("DELETE FROM audit_hashes WHERE idx = %d", first+int64(n)-1), int64(at), ""},
		{"text changed", fmt.Sprintf("UPDATE audit_texts SET value = 'Mallory' WHERE seq = %d AND field = 'name'", at), int64(at), `"name"`},
		{"salt unreadable", fmt.Sprintf("UPDATE audit_texts SET salt = '%%' WHERE seq = %d AND field = 'mail'", at), int64(at), `"mail"`},
		{"text added", fmt.Sprintf("INSERT INTO audit_texts (seq, field, salt, value) VALUES (%d, 'zz', '', 'x')", at), int64(at), `"zz"`},
		{"column that holds what joins columns", fmt.Sprintf("UPDATE audit_entries SET actor_id = actor_id || char(31) WHERE seq = %d", at), int64(at), "column actor"},
		{"columns shifted", fmt.Sprintf("UPDATE audit_entries SET type = type || char(31) || actor_id, actor_id = subject_id, subject_id = '' WHERE seq = %d", at), int64(at), "column type"},
		{"two hashes in one row", fmt.Sprintf("UPDATE audit_hashes SET hash = hash || ',' || (idx + 1) || ':' || (SELECT h.hash FROM audit_hashes h WHERE h.idx = %d) WHERE idx = %[1]d - 1; DELETE FROM audit_hashes WHERE idx = %[1]d",
			first+1), int64(at), "do not have the stored hash"},
		{"hashes swapped", fmt.Sprintf("UPDATE audit_hashes SET hash = (SELECT h.hash FROM audit_hashes h WHERE h.idx = %d - audit_hashes.idx) WHERE idx IN (%d, %d)", 2*first+1, first, first+1), int64(at), "do not have the stored hash"},
		{"text shifted", fmt.Sprintf("UPDATE audit_texts SET field = field || char(31) || salt, salt = value, value = '' WHERE seq = %d AND field = 'name'", at), int64(at), "does not commit to one"},
		{"tail cut", fmt.Sprintf("DELETE FROM audit_entries WHERE seq >= %d", verifyEntries-3), verifyEntries - 3, "missing"},
		{"head unreadable", "UPDATE audit_head SET root = 'junk'", -1, "head row"},
		{"head removed", "DELETE FROM audit_head", 0, "head row"},
		{"checkpoint", "UPDATE audit_checkpoints SET note = 'junk'", -1, "cannot be trusted"},
	} {
		t.Run(tamper.name, func(t *testing.T) {
			broken := copyOf(t, s, tamper.sql)
			found, bad := verify(t, broken, signer, c.Note).First()
			if !bad || found.Seq != tamper.seq || !strings.Contains(found.What, tamper.what) {
				t.Fatalf("found %v %q, want entry %d: …%s…", bad, found, tamper.seq, tamper.what)
			}
		})
	}
}

// copyOf is a copy of a database that somebody changed by hand, opened read-only as audit verify does.
func copyOf(t *testing.T, s *Store, change string) *Store {
	t.Helper()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "stint.db")
	if err := vacuumInto(ctx, s.w, path); err != nil {
		t.Fatal(err)
	}
	w, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"DROP TRIGGER audit_entries_keep_update", "DROP TRIGGER audit_entries_keep_delete",
		"DROP TRIGGER audit_hashes_keep_update", "DROP TRIGGER audit_hashes_keep_delete", change} {
		if _, err := w.ExecContext(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	broken, err := Open(ctx, Options{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broken.Close() })
	return broken
}
