package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"stint/internal/broker"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	"stint/internal/store"
)

// Issue 4, point 3: how a directory is followed stands in the file and in an export; a later apply says what it overwrites.
// Groups that the directory feeds stay as the portal says, and so does all of it where the file is silent.
func TestASyncInTheFile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	silent := strings.Replace(base, "kind: ward,", "kind: "+faketarget.Kind+fmt.Sprintf(", settings: {name: %q},", faketarget.New(t, o.clock.Now).Settings()["name"]), 1)
	with := func(sync string) string {
		return strings.Replace(silent, `may_write: ["*"]}`, `may_write: ["*"], sync: {`+sync+`}}`, 1)
	}
	const some = `filter: "(objectClass=person)", match: uid, issuer: "https://login.example.org", name: cn, disabled: locked, disabled_when: "bit 2"`
	done := lines(o.apply(with(some)).Changes)
	if !strings.Contains(done, "+ sync of target/dir: (objectClass=person); look at a preview before the first run") {
		t.Errorf("the plan says\n%s", done)
	}
	dir := read(o, func(r *store.Reader) ([]store.Sync, error) { return r.Syncs() })[0]
	if s := dir.Settings; s.Filter != "(objectClass=person)" || s.EveryHours != 24 || s.MaxShare != pim.SyncShare || s.DisabledWhen != "bit 2" || dir.Previewed || dir.Salt == "" {
		t.Errorf("%+v", dir)
	}
	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error { // in the portal
		s, err := tx.Sync(dir.TargetID)
		s.Previewed, s.Settings.EveryHours, s.Settings.MaxShare = true, 6, 3
		s.Settings.Groups = []pim.SyncGroup{{Directory: "cn=all", ID: "id", GroupID: "g", By: "carol"}}
		return errors.Join(err, tx.SaveSync(s))
	}))
	text, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	if !strings.Contains(string(text), "every_hours: 6") || strings.Contains(string(text), "cn=all") {
		t.Errorf("exported:\n%s", text)
	}
	if again := o.apply(string(text)); len(again.Changes) > 0 {
		t.Errorf("the export changes something:\n%s", lines(again.Changes))
	}
	if done := o.apply(silent); len(done.Changes) > 0 || !strings.Contains(lines(done.Left), "sync of target/dir: as the portal says, left alone") {
		t.Errorf("without it:\n%s\n%s", lines(done.Changes), lines(done.Left))
	}
	if done = lines(o.apply(with(some)).Changes); !strings.Contains(done, `~ sync of target/dir: every_hours "6" → "24", max_share "3" → "10"`) {
		t.Errorf("what it overwrites:\n%s", done)
	}
	dir = read(o, func(r *store.Reader) ([]store.Sync, error) { return r.Syncs() })[0]
	if !dir.Previewed || dir.DueAt.IsZero() || len(dir.Settings.Groups) != 1 {
		t.Errorf("a schedule needs no preview: %+v", dir)
	}
	o.apply(with(strings.Replace(some, "objectClass=person", "objectClass=*", 1)))
	if dir = read(o, func(r *store.Reader) ([]store.Sync, error) { return r.Syncs() })[0]; dir.Previewed || !dir.DueAt.IsZero() {
		t.Errorf("other people need one: %+v", dir)
	}
	for wrong, said := range map[string]string{
		strings.Replace(some, "match: uid, ", "", 1): "sync.match: Give the one attribute",
		some + ", every_hours: 1000":                 "sync.every_hours: must be a number from 0 to 168",
		some + ", password: x":                       `"password" is not a field here`,
		strings.Replace(some, `issuer: "https://login.example.org"`, "claim: mail", 1): "only a claim named in oidc_binding_claims",
	} {
		doc, err := orgfile.Parse("org.yaml", []byte(with(wrong)))
		if err == nil {
			_, err = o.b.Plan(o.ctx, doc, plain)
		}
		if err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v", said, err)
		}
	}
}
