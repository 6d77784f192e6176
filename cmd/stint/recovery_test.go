//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stint/internal/pim"
	"stint/internal/stinttest/slapd"
	"stint/internal/store"
)

// operator signs Ada in at a running Stint with a passkey and the role Operator to activate.
func (s *site) operator() (ada *visitor, assignment string) {
	s.Helper()
	ada = s.visitor("ada")
	ada.signIn(s.provider)
	s.stint("admin", "voucher", "ada")
	ada.enrol(s.read("data/voucher"))
	return ada, s.assignment("ada", "operator")
}

// A backup comes back as a new epoch: whoever was signed in is not, and what happened after it is looked at again at
// the target, the role taken after the backup included (invariant 14, THREATS §5).
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.stint("apply", "org.yaml")
	s.serve("/readyz")
	ada, operator := s.operator()
	given := ada.Activate(operator)
	s.awaitMember(true, "ada", "operators", soon)
	ada.Post("/activations/"+given+"/deactivate").Want(t, http.StatusSeeOther)
	s.awaitMember(false, "ada", "operators", soon)
	ada.awaitPage("/activations/"+given, soon, "confirmed gone at")

	s.says(s.stint("backup", s.path("monday.db")), "It does not hold the key files")
	s.isPrivateWithoutKeys("monday.db")
	s.refused([]string{"exists already"}, "backup", s.path("monday.db"))
	ada.Activate(operator) // which the backup knows nothing of
	s.awaitMember(true, "ada", "operators", soon)
	s.refused([]string{"another Stint process uses this database"}, "restore", "--reason", "a trial", s.path("monday.db"))
	s.stop()
	s.says(s.stint("audit", "verify"), "are good")
	s.write("noted", s.read("elsewhere/checkpoint")) // by an auditor

	s.says(s.stint("restore", "--reason", "The disk of Tuesday is broken", s.path("monday.db")), "Everybody has to sign in again", "is kept at")
	s.stint("audit", "verify")
	s.serve("/readyz")
	if page := ada.Get("/my-roles"); page.StatusCode != http.StatusSeeOther || !strings.HasPrefix(page.Location(), "/sign-in") {
		t.Errorf("the cookie of before the restore opens a page: %d", page.StatusCode)
	}
	s.awaitMember(false, "ada", "operators", soon)
	ada.signIn(s.provider)
	again := ada.Activate(operator) // the passkey is in the backup
	s.awaitMember(true, "ada", "operators", soon)
	ada.awaitPage("/activations/"+again, soon, "confirmed at the target")
	opened := inDatabase(s.host, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: string(pim.EvEpochOpened), Limit: 10})
	})
	if len(opened) != 1 || opened[0].Texts["reason"] != "The disk of Tuesday is broken" || !strings.Contains(string(opened[0].Leaf), `/stint/audit\n`) {
		t.Errorf("epoch.opened does not say why, or not what the log before had signed: %+v", opened)
	}
	s.says(s.stint("doctor"), "ok checkpoint")
	s.stop()
	s.says(s.stint("audit", "verify"), "are good")
	s.says(s.stint("audit", "verify", "--checkpoint", s.path("noted")), "are good", "lost by a restore")
	s.restoredTwice()
}

// T19 ("revoke unless proven"): a role first taken after the backup leaves no row in it; the journal outside takes it
// back all the same. Standing access is listed, by restore and doctor, and left.
func TestRestoreForgetsNothingItGave(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.stint("apply", "org.yaml")
	s.serve("/readyz")
	ada, operator := s.operator()
	s.stint("backup", s.path("monday.db"))
	held := ada.Activate(operator)
	ada.awaitPage("/activations/"+held, soon, "confirmed at the target")
	grace := "uid=grace,ou=people," + slapd.BaseDN
	s.directory.Modify(t, "cn=operators"+engineerDN, "member", grace, true)
	s.stop()
	if mode := s.mode("elsewhere/checkpoint.grants"); mode != 0o600 {
		t.Errorf("the journal has mode %04o", mode)
	}

	restored := s.stint("restore", "--reason", "The disk of Tuesday is broken", s.path("monday.db"))
	s.says(restored, "unwanted in the backup, by the journal of grants: 1", "Held beside Stint at Company directory", "grace in cn=operators")
	if strings.Contains(restored, "ada in") {
		t.Errorf("what the journal proves is called standing access:\n%s", restored)
	}
	s.serve("/readyz")
	s.awaitMember(false, "ada", "operators", soon)
	if !s.member("grace", "operators") {
		t.Error("standing access was taken away")
	}
	s.says(s.stint("doctor"), "ok beside Stint", "grace in cn=operators", "Stint has no record of giving this")
	s.stop()
	s.says(s.stint("audit", "verify"), "are good")
}

func (s *site) mode(name string) os.FileMode {
	s.Helper()
	info, err := os.Stat(s.path(name))
	s.ok(err)
	return info.Mode().Perm()
}

// isPrivateWithoutKeys looks at a backup: mode 0600, and no byte of a key file or password in it.
func (s *site) isPrivateWithoutKeys(name string) {
	s.Helper()
	info, err := os.Stat(s.path(name))
	s.ok(err)
	if info.Mode().Perm() != 0o600 {
		s.Errorf("the backup has mode %04o", info.Mode().Perm())
	}
	content, err := os.ReadFile(s.path(name))
	s.ok(err)
	for _, secret := range []string{s.read("keys/" + auditKeyFile), s.read("keys/" + sealKeyFile), slapd.ServicePassword} {
		if bytes.Contains(content, []byte(secret)) {
			s.Error("the backup holds a key or a password")
		}
	}
}

// restoredTwice brings the same backup back once more: the log must not get the name of the one it replaces.
func (s *site) restoredTwice() {
	s.Helper()
	before := s.read("elsewhere/checkpoint")
	s.stint("restore", "--reason", "Once more", s.path("monday.db"))
	after := s.read("elsewhere/checkpoint")
	origin := func(note string) string { return strings.SplitN(note, "\n", 2)[0] }
	if origin(before) == origin(after) || !strings.HasSuffix(origin(after), "/3") {
		s.Errorf("the log after the second restore is called %s, the one it replaces %s", origin(after), origin(before))
	}
	s.stint("audit", "verify")

	// F4: the database that was replaced is put back by hand; doctor says which of the two is the newer.
	s.putBack("monday.db")
	s.refused([]string{"BAD checkpoint", "of epoch 3, the database of epoch 1", "from before a restore", "put the newest database back", "stint restore"}, "doctor")
}

// What does not fit is refused in plain words, and nothing is changed by the attempt.
func TestRestoreRefusals(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.configure("oidc_issuer: https://login.example", "oidc_client_id: stint")
	h.serve("/readyz")
	h.stop()
	h.stint("backup", h.path("good.db"))
	before := h.fingerprint()

	h.write("text.db", "This is no database")
	h.refused([]string{"text.db is not a backup this Stint can restore"}, "restore", "--reason", "x", h.path("text.db"))
	h.refused([]string{"no such file"}, "restore", "--reason", "x", h.path("nowhere.db"))
	h.refused([]string{"--reason"}, "restore", h.path("good.db"))
	content, err := os.ReadFile(h.path("good.db"))
	h.ok(err)
	h.ok(os.WriteFile(h.path("short.db"), content[:len(content)/2], 0o600))
	h.refused([]string{"short.db is"}, "restore", "--reason", "x", h.path("short.db"))

	other := newHost(t)
	other.configure("oidc_issuer: https://login.example", "oidc_client_id: stint")
	other.serve("/readyz")
	other.stop()
	other.stint("backup", h.path("foreign.db"))
	h.refused([]string{"key"}, "restore", "--reason", "x", h.path("foreign.db"))
	if after := h.fingerprint(); after != before {
		t.Errorf("a refused restore changed something:\n%s\n%s", before, after)
	}
	h.serve("/readyz")
}

// fingerprint is what is in the data and key directories.
func (h *host) fingerprint() string {
	h.Helper()
	var out strings.Builder
	for _, dir := range []string{"data", "keys"} {
		h.ok(filepath.WalkDir(h.path(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "-shm") {
				return err
			}
			info, err := d.Info()
			fmt.Fprintf(&out, "%s %d; ", path, info.Size())
			return err
		}))
	}
	return out.String()
}

// T20: one changed byte anywhere in an entry is found, and named.
func TestAuditNamesTheFirstBadEntry(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.stint("apply", "org.yaml")
	s.stint("admin", "voucher", "ada")
	s.stint("backup", s.path("copy.db"))
	s.says(s.stint("audit", "verify", "--database", s.path("copy.db")), "are good")
	entry := inDatabase(s.host, func(r *store.Reader) (store.EntryRow, error) {
		all, err := r.Entries(store.EntryFilter{Type: string(pim.EvVoucherIssued), Limit: 1})
		if err != nil || len(all) != 1 {
			return store.EntryRow{}, fmt.Errorf("%d entries, %w", len(all), err)
		}
		return all[0], nil
	})
	content, err := os.ReadFile(s.path("copy.db"))
	s.ok(err)
	at := bytes.Index(content, entry.Leaf)
	if at < 0 {
		t.Fatal("the leaf is not in the file in one piece")
	}
	for _, offset := range []int{1, len(entry.Leaf) / 2, len(entry.Leaf) - 2} {
		bad := bytes.Clone(content)
		bad[at+offset] ^= 1
		s.ok(os.WriteFile(s.path("bad.db"), bad, 0o600))
		s.refused([]string{fmt.Sprintf("The first thing wrong: entry %d", entry.Seq)}, "audit", "verify", "--database", s.path("bad.db"))
	}
}

// F4: a database put back behind Stint's back is found at the start. Nothing is granted, and what is due is taken away.
func TestRolledBackDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.stint("apply", "org.yaml")
	s.serve("/readyz")
	ada, operator := s.operator()
	held := ada.Activate(operator)
	s.awaitMember(true, "ada", "operators", soon)
	ada.awaitPage("/activations/"+held, soon, "confirmed at the target")
	s.stint("backup", s.path("monday.db"))
	brief := ada.Activate(s.assignment("ada", "wiki-editor"), "duration", "1", "justification", "Mend a page")
	s.awaitMember(true, "ada", "wiki", soon)
	ada.Post("/activations/"+brief+"/deactivate").Want(t, http.StatusSeeOther)
	s.awaitMember(false, "ada", "wiki", soon)
	s.stop() // signs what happened
	s.putBack("monday.db")

	s.refused([]string{"BAD checkpoint", "it was rolled back or shortened"}, "doctor")
	s.serve("/healthz")
	if page := ada.Get("/readyz"); page.StatusCode != http.StatusServiceUnavailable || page.Body != "granting is paused\n" {
		t.Errorf("readyz: %d %s", page.StatusCode, page.Body)
	}
	refusal := ada.Ask(s.assignment("ada", "wiki-editor"), "duration", "1", "justification", "Mend a page")
	if refusal.StatusCode < 400 {
		t.Errorf("safe mode grants: %d %s", refusal.StatusCode, refusal.Location())
	}
	s.says(refusal.Text("main"), "rolled back", "Nothing new is granted")
	ada.Post("/activations/"+held+"/deactivate").Want(t, http.StatusSeeOther)
	s.awaitMember(false, "ada", "operators", soon)
	ada.awaitPage("/activations/"+held, soon, "confirmed gone at")
	s.stop()
	s.refused([]string{"BAD checkpoint"}, "doctor") // stopping did not sign the rollback away
	s.serve("/healthz")
	s.refused([]string{"Nothing new is granted now"}, "apply", "--wait=0s", s.orgWith("grace"))
	s.stop()

	s.stint("restore", "--reason", "Tuesday is lost", s.path("monday.db"))
	s.serve("/readyz")
}

// putBack does what somebody does who copies an old file over the database.
func (s *site) putBack(name string) {
	s.Helper()
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(s.database() + suffix)
	}
	content, err := os.ReadFile(s.path(name))
	s.ok(err)
	s.ok(os.WriteFile(s.database(), content, 0o600))
}

// orgWith writes a file that also lets somebody edit the wiki.
func (s *site) orgWith(login string) string {
	s.Helper()
	s.write("more.yaml", s.read("org.yaml"), "  - {principal: person/"+login+", role: wiki-editor, resource: example, kind: eligible}")
	return s.path("more.yaml")
}

// Keys and targets that are not as they should be: doctor says what to do, serve refuses what it must not use.
func TestDoctor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.refused([]string{"BAD " + auditKeyFile, "there is no database"}, "doctor")
	s.stint("apply", "org.yaml")
	s.says(s.stint("doctor"), "ok configuration", "ok "+auditKeyFile, "ok "+sealKeyFile, "ok database", "ok clock", "ok checkpoint", "ok provider", "ok target directory")

	seal := s.path("keys/" + sealKeyFile)
	s.ok(os.Chmod(seal, 0o644))
	s.refused([]string{"BAD " + sealKeyFile, "can be read by others (mode 0644)", "chmod 600"}, "doctor")
	s.refused([]string{"can be read by others"}, "serve")
	s.ok(os.Chmod(seal, 0o600))

	right, err := os.ReadFile(seal)
	s.ok(err)
	s.ok(os.WriteFile(seal, []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), 0o600))
	s.refused([]string{"does not fit this database"}, "doctor")
	s.refused([]string{"does not fit this database", "put the right key back"}, "serve")
	s.refused([]string{"does not fit this database"}, "apply", "org.yaml")
	s.ok(os.WriteFile(seal, right, 0o600))

	s.ok(os.Rename(s.path("keys/"+auditKeyFile), s.path("away")))
	s.refused([]string{"BAD " + auditKeyFile, "put it back from its safe copy"}, "doctor")
	s.refused([]string{auditKeyFile}, "serve")
	if _, err := os.Stat(s.path("keys/" + auditKeyFile)); err == nil {
		t.Error("a second signing key was made for a log that has one")
	}
	s.ok(os.Rename(s.path("away"), s.path("keys/"+auditKeyFile)))

	s.directory.Stop()
	s.refused([]string{"BAD target directory"}, "doctor")
	s.directory.Run(t)
	s.says(s.stint("doctor"), "ok target directory")
	s.damaged()
}

// damaged flips bytes in the middle of the database.
func (s *site) damaged() {
	s.Helper()
	s.stint("backup", s.path("whole.db"))
	content, err := os.ReadFile(s.path("whole.db"))
	s.ok(err)
	const page = 4096
	copy(content[2*page:], bytes.Repeat([]byte{0xff}, 3*page))
	s.ok(os.WriteFile(s.path("whole.db"), content, 0o600))
	s.putBack("whole.db")
	if out, err := s.try("doctor"); err == nil {
		s.Errorf("doctor finds nothing in a damaged database:\n%s", out)
	}
}
