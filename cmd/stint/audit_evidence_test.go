package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

// keptIn is evidence in memory.
type keptIn map[string]store.Evidence

func (k keptIn) Evidence(id string) (store.Evidence, error) {
	if e, ok := k[id]; ok {
		return e, nil
	}
	return store.Evidence{}, store.ErrNotFound
}

func (k keptIn) EvidenceIDs(after string, _ int) (ids []string, _ error) {
	for _, id := range []string{"c1", "c2", "c3"} {
		if _, ok := k[id]; ok && id > after {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// touched is one touch of a passkey of somebody that confirms an activation.
func touched(t *testing.T, who string) store.Evidence {
	t.Helper()
	rp, err := stepup.New("https://stint.example", "Stint")
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(err)
	key := passkey.New("https://stint.example", "stint.example")
	visit := stepup.Visit{Person: stepup.Person{ID: who, Name: who, DisplayName: who, Handle: []byte("handle-of-" + who + "-01")}, SessionHash: "s", Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	seed := func(id string) stepup.Seed { return stepup.Seed{ID: id, Random: []byte(strings.Repeat("r", 32))} }
	options, ceremony, err := rp.BeginRegistration(visit, seed("r"), nil)
	ok(err)
	response, err := key.Create(options)
	ok(err)
	c, err := rp.FinishRegistration(visit, ceremony, response)
	ok(err)
	c.ID = "key-" + who
	items := []pim.StepUpItem{{Action: pim.ActionActivate, Object: "as", RoleID: "dba", ResourceID: "prod", Duration: 3600}}
	options, ceremony, err = rp.BeginAssertion(visit, seed("c1"), []pim.Credential{c}, pim.CanonicalItems(who, items))
	ok(err)
	response, err = key.Get(options)
	ok(err)
	su, err := rp.FinishAssertion(visit, ceremony, []pim.Credential{c}, response)
	ok(err)
	return store.Evidence{StepUp: su, PublicKey: c.PublicKey, Owner: who}
}

func wasAdded(e store.Evidence) audit.Entry {
	return audit.Entry{Type: string(pim.EvCredentialAdded), Actor: e.PrincipalID, Subject: e.PrincipalID, ObjectID: e.CredentialID, Result: audit.ResultOK, Facts: map[string]any{"key": pim.KeyDigest(e.PublicKey)}}
}

func wasRequested(who, stepUp string, e store.Evidence) audit.Entry {
	return audit.Entry{Type: string(pim.EvActRequested), Actor: who, Subject: who, ObjectID: "act", RoleID: "dba", ResourceID: "prod", Result: audit.ResultOK,
		Facts: map[string]any{"step_up": stepUp, "evidence": e.Digest(), "assignment": "as", "duration_s": int64(3600)}}
}

// T9, T20: whoever writes entries and evidence without a passkey cannot use one touch twice under another id, nor the
// passkey of somebody else or of nobody for a person.
func TestEvidenceIsOfOneTouchAndOnePerson(t *testing.T) {
	t.Parallel()
	ada, mallory := touched(t, "ada"), touched(t, "mallory")
	as := func(e store.Evidence, id, who string) store.Evidence {
		e.CeremonyID, e.PrincipalID, e.Owner = id, who, who
		return e
	}
	other := func(e store.Evidence, credential string) store.Evidence {
		e.CredentialID = credential
		return e
	}
	for name, c := range map[string]struct {
		kept  keptIn
		log   []audit.Entry
		words string
	}{
		"good":                    {keptIn{"c1": ada}, []audit.Entry{wasAdded(ada), wasRequested("ada", "c1", ada)}, ""},
		"twice":                   {keptIn{"c1": ada}, []audit.Entry{wasAdded(ada), wasRequested("ada", "c1", ada), wasRequested("ada", "c1", ada)}, "stood for the same before"},
		"twice under another id":  {keptIn{"c1": ada, "c2": as(ada, "c2", "ada")}, []audit.Entry{wasAdded(ada), wasRequested("ada", "c1", ada), wasRequested("ada", "c2", ada)}, "stood for the same before"},
		"of somebody else":        {keptIn{"c1": as(mallory, "c1", "ada")}, []audit.Entry{wasAdded(ada), wasAdded(mallory), wasRequested("ada", "c1", mallory)}, "somebody else's passkey"},
		"of nobody":               {keptIn{"c1": other(as(mallory, "c1", "ada"), "made-up")}, []audit.Entry{wasAdded(ada), wasRequested("ada", "c1", mallory)}, "a passkey that nobody had added"},
		"added after it was used": {keptIn{"c1": ada}, []audit.Entry{wasRequested("ada", "c1", ada), wasAdded(ada)}, "a passkey that nobody had added"},
	} {
		v, err := newEvidence(c.kept, []string{"https://stint.example"})
		for _, e := range c.log {
			if err == nil {
				err = v.Replay(e)
			}
		}
		if said := fmt.Sprint(err); c.words == "" && err != nil || c.words != "" && !strings.Contains(said, c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
	decided := audit.Entry{Type: string(pim.EvSettingsSaved), Actor: "ada", Result: audit.ResultOK, Facts: map[string]any{"evidence": mallory.Digest()}}
	v, err := newEvidence(keptIn{"c1": other(as(mallory, "c1", "ada"), "made-up")}, []string{"https://stint.example"})
	if err == nil {
		err = v.Replay(decided)
	}
	if err != nil {
		t.Fatal(err)
	}
	if found, err := v.rest(); err != nil || len(found) != 1 || !strings.Contains(found[0].What, "a passkey that nobody had added") {
		t.Errorf("what administration rests on: %v, %v", found, err)
	}
}

// A file that went through a machine whose lines end in two bytes is read as it is; one that changes meanwhile is not.
func TestEvidenceFileKnowsItsLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "passkeys.jsonl")
	text := "{\"format\":\"stint-passkey-evidence\",\"v\":1}\r\n{\"id\":\"a\",\"person\":\"ada\"}\r\n{\"id\":\"b\",\"person\":\"bob\"}\r\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openEvidence(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.close() })
	for id, who := range map[string]string{"a": "ada", "b": "bob"} {
		if e, err := f.Evidence(id); err != nil || e.CeremonyID != id || e.PrincipalID != who {
			t.Errorf("%s is %q of %q, %v", id, e.CeremonyID, e.PrincipalID, err)
		}
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, `"id":"b"`, `"id":"c"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := f.Evidence("b"); err == nil {
		t.Errorf("another line is taken for it: %+v", e)
	}
}

// Of two files under one name the second would take the place of the first.
func TestEvidenceIsExportedBesideTheLog(t *testing.T) {
	t.Parallel()
	c := auditExportCmd{To: "log.jsonl", Passkeys: "./log.jsonl"}
	if err := c.Run(t.Context(), &environment{stdout: io.Discard}); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("%v", err)
	}
}
