//go:build linux

package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// confirmedSite is a site that stopped after ada confirmed an activation, which was seen at the target.
func confirmedSite(t *testing.T) (s *site, held string) {
	t.Helper()
	s = newSite(t)
	s.stint("apply", "org.yaml")
	s.serve("/readyz")
	ada, operator := s.operator()
	held = ada.Activate(operator)
	ada.awaitPage("/activations/"+held, soon, "confirmed at the target")
	s.stop()
	return s, held
}

// THREATS §5 (offline verify 4), T9: the log's proof includes what the passkeys signed; a signature that was changed,
// or that is gone, is named with the entry that rests on it.
func TestAuditVerifiesPasskeys(t *testing.T) {
	t.Parallel()
	s, _ := confirmedSite(t)
	s.says(s.stint("audit", "verify"), "are good", "1 confirmations by passkey verify again, 1 of them activations")
	requested := inDatabase(s.host, func(r *store.Reader) (int64, error) {
		all, err := r.Entries(store.EntryFilter{Type: string(pim.EvActRequested), Limit: 1})
		if err != nil || len(all) != 1 {
			return 0, fmt.Errorf("%d entries, %w", len(all), err)
		}
		return all[0].Seq, nil
	})
	first := fmt.Sprintf("The first thing wrong: entry %d: activation.requested: ", requested)
	for change, words := range map[string]string{
		"UPDATE step_ups SET signature = 'MEUCIQ=='":                                                                  "evidence of ceremony",
		"UPDATE step_ups SET user_verified = 0":                                                                       "the recorded facts are not those that were signed",
		"UPDATE step_ups SET canonical = 'e30='":                                                                      "evidence of ceremony",
		"UPDATE credentials SET public_key = 'pQECAyYgASFYIA=='":                                                      "another key than the passkey had when it was added",
		"UPDATE credentials SET principal_id = (SELECT MIN(id) FROM principals WHERE id <> credentials.principal_id)": "is of somebody else's passkey",
		"PRAGMA foreign_keys = off; DELETE FROM step_ups":                                                             "is missing or cannot be read",
		"UPDATE step_ups SET salt = ''":                                                                               "",
		"UPDATE step_ups SET client_data = 'eyJvcmlnaW4iOiJodHRwczovL2V2aWwifQ=='":                                    `was signed at "https://evil"`,
	} {
		s.stint("backup", s.path("copy.db"))
		s.change("copy.db", change)
		if words == "" { // the reason was erased: the signature stays good
			s.says(s.stint("audit", "verify", "--database", s.path("copy.db")), "Of 1 the reason is erased")
		} else {
			s.refused([]string{first, words}, "audit", "verify", "--database", s.path("copy.db"))
		}
		s.ok(os.Remove(s.path("copy.db")))
	}
}

// THREATS §5 (offline verify 4), T9: what passkeys signed is verified beside an export too, without the database; the log
// names the key that a passkey had when it was added.
func TestAuditVerifiesPasskeysOffline(t *testing.T) {
	t.Parallel()
	s, _ := confirmedSite(t)
	log, file := s.path("log.jsonl"), s.path("passkeys.jsonl")
	s.says(s.stint("audit", "export", log, "--passkeys", file), "1 confirmation by passkey is in "+file)
	key := strings.TrimSpace(s.stint("audit", "key"))
	s.says(s.stint("audit", "verify", log, "--vkey", key), "What passkeys signed was not looked at")
	s.says(s.stint("audit", "verify", log, "--vkey", key, "--passkeys", file), "1 confirmations by passkey verify again, 1 of them activations")
	good, err := os.ReadFile(file)
	s.ok(err)
	head, line, _ := strings.Cut(string(good), "\n")
	var fields map[string]any
	s.ok(json.Unmarshal([]byte(line), &fields))
	with := func(name string, value any) string {
		other := maps.Clone(fields)
		other[name] = value
		b, err := json.Marshal(other)
		s.ok(err)
		return head + "\n" + string(b) + "\n"
	}
	for name, c := range map[string]struct{ text, words string }{
		"signature":    {with("signature", "MEUCIQ=="), "the signature is not that of this key"},
		"key":          {with("key", "pQECAyYgASFYIA=="), "another key than the passkey had when it was added"},
		"owner":        {with("owner", "somebody"), "is of somebody else's passkey"},
		"facts":        {with("user_verified", false), "the recorded facts are not those that were signed"},
		"missing":      {head + "\n", "is missing or cannot be read"},
		"twice":        {string(good) + line, "line 3 is not in the order of ids, or stands twice"},
		"another file": {"{}\n", "this is no file of stint audit export --passkeys"},
		"damaged":      {head + "\n{\n", "line 2 cannot be read"},
		"empty":        {"", "the file is empty"},
	} {
		changed := s.path(name)
		s.ok(os.WriteFile(changed, []byte(c.text), 0o600))
		s.refused([]string{c.words}, "audit", "verify", log, "--vkey", key, "--passkeys", changed)
	}
	s.refused([]string{"--passkeys: the database holds"}, "audit", "verify", "--passkeys", file)
}

// T9, T20: whoever holds the database but neither the key nor a passkey can add entries that hash; an approval
// without a touch and a touch that is told twice are named all the same.
func TestAuditNamesForgedConfirmations(t *testing.T) {
	t.Parallel()
	s, held := confirmedSite(t)
	a := inDatabase(s.host, func(r *store.Reader) (pim.Activation, error) { return r.Activation(held) })
	again, approved := a, a
	again.ID, approved.ID, approved.StepUpID = "forged", "forged", ""
	longer := again
	longer.Duration += time.Second
	for words, forged := range map[string][]pim.Event{
		"stood for the same before":      {pim.ActivationRequested(again)},
		"without the passkey":            {pim.ActivationRequested(approved)},
		"is for something else":          {pim.ActivationRequested(longer)},
		"names no evidence of a passkey": {pim.ActivationRequested(approved), pim.ActivationApprovalAsked(approved, pim.ApprovalStage{Number: 1, Quorum: 1}), pim.ActivationDecided(approved, pim.ApprovalDecision{PrincipalID: "somebody", Approve: true, Stage: 1})},
	} {
		s.stint("backup", s.path("copy.db"))
		db, err := store.Open(t.Context(), store.Options{Path: s.path("copy.db")})
		s.ok(err)
		s.ok(store.Do(t.Context(), db, func(tx *store.Tx) error {
			for _, e := range forged {
				tx.Emit(e)
			}
			return nil
		}))
		s.ok(db.Close())
		s.refused([]string{words}, "audit", "verify", "--database", s.path("copy.db"))
		s.ok(os.Remove(s.path("copy.db")))
	}
}

// change does to a database what somebody with the file can do.
func (s *site) change(name, statements string) {
	s.Helper()
	db, err := sql.Open("sqlite", "file:"+s.path(name))
	s.ok(err)
	_, err = db.Exec(statements)
	s.ok(err)
	s.ok(db.Close())
}
