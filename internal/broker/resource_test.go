package broker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// place makes a root of the same target beside org, at which bob holds dba.
func (p *play) place() {
	p.Helper()
	p.below()
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertResource(pim.Resource{ID: "elsewhere", Kind: "organisation", Name: "Elsewhere", TargetID: "dir", Source: pim.SourceFile}),
			broker.InsertActive(tx, pim.Assignment{ID: "bob-else", PrincipalID: "bob", RoleID: "dba", ResourceID: "elsewhere", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}),
			broker.InsertActive(tx, pim.Assignment{ID: "carol-org", PrincipalID: "carol", RoleID: "dba", ResourceID: "org", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}))
	}))
	p.later(time.Minute)
}

func (p *play) at(who, entitlement string) bool {
	return p.target.Holds(p.acc[who], p.extra[entitlement])
}

// narrow activates dba on one resource below the assignment's.
func (p *play) narrow(resource string) string {
	p.Helper()
	out, err := p.b.RequestActivation(p.ctx, p.as("alice"), pim.ActivationRequest{AssignmentID: "alice-dba", ResourceID: resource, Duration: time.Hour, Justification: "only there"})
	p.ok(err)
	out, err = p.touch("alice", out)
	p.ok(err)
	p.tick()
	p.is(out.ActivationID, pim.ActiveConfirmed)
	return out.ActivationID
}

// T23, A-33, EC-11: moving a node judges again whatever was active through its place: what rested on it ends, wider
// roles let go of what they held there, active assignments of the new place come, and all of it is in one transaction.
func TestMoveJudgesWhatIsActiveAgain(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.place()
	narrow := p.narrow("payments")
	if !p.at("alice", "cn=payments") || !p.at("carol", "cn=payments") || p.at("bob", "cn=payments") {
		t.Fatal("the start is another one")
	}
	says := p.readSays(func(r *store.Reader, carol pim.Principal) ([]string, error) {
		m, err := p.b.PreviewMove(r, carol, "payments", "elsewhere")
		return m.Says, err
	})
	for _, want := range []string{"below Elsewhere", "alice, eligible for dba on Northwind: reaches it no longer.", "carol, active for dba on Northwind: reaches it no longer.",
		"bob, active for dba on Elsewhere: reaches it from then on."} {
		if !strings.Contains(says, want) {
			t.Errorf("the preview does not say %q: %s", want, says)
		}
	}
	p.administer(p.b.MoveResource(p.ctx, p.as("carol"), "payments", "elsewhere", 0))
	p.later(time.Minute)
	p.is(narrow, pim.EligibilityEnded)
	if p.at("alice", "cn=payments") || p.at("carol", "cn=payments") {
		t.Error("what lost its basis is still held")
	}
	if !p.at("bob", "cn=payments") || !p.at("carol", "cn=ledger") {
		t.Error("the active assignment of the new place did not follow, or another one lost what it has")
	}
	if open := p.verify(); len(open) != 0 {
		t.Errorf("open stories: %v", open)
	}
}

// T23: an activation made above keeps what it still reaches and lets go of what was moved away; one that is left with
// nothing is over.
func TestMoveTakesFromWiderActivations(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.place()
	wide := p.hold("alice-dba", time.Hour)
	if !p.at("alice", "cn=payments") || !p.at("alice", "cn=ledger") {
		t.Fatal("not held below")
	}
	p.administer(p.b.MoveResource(p.ctx, p.as("carol"), "payments", "elsewhere", 0))
	p.later(time.Minute)
	p.is(wide, pim.ActiveConfirmed)
	if p.at("alice", "cn=payments") || !p.at("alice", "cn=ledger") || !p.target.Holds(p.acc["alice"], p.dba) {
		t.Error("not exactly what was moved away is gone")
	}
	p.later(time.Hour)
	if a := p.activation(wide); a.SettledAt.IsZero() {
		t.Errorf("its story does not close: %s", a.State)
	}
	if open := p.verify(); len(open) != 0 {
		t.Errorf("open stories: %v", open)
	}
}

// T22, T23: what a move refuses, and to whom.
func TestMoveRefuses(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.place()
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		errs := []error{tx.InsertResource(pim.Resource{ID: "twin", ParentID: "elsewhere", Kind: "database", Name: "LEDGER", Source: pim.SourceFile})}
		parent := "elsewhere"
		for _, id := range strings.Split("b c d e f g h i j", " ") { // elsewhere and nine below it: ten levels
			errs = append(errs, tx.InsertResource(pim.Resource{ID: "deep-" + id, ParentID: parent, Kind: "group", Name: id, Source: pim.SourceFile}))
			parent = "deep-" + id
		}
		return errors.Join(errs...)
	}))
	for _, c := range []struct{ who, id, to, field string }{
		{"carol", "org", "ledger", "parent"},       // into its own subtree
		{"carol", "org", "org", "parent"},          // below itself
		{"carol", "ledger", "elsewhere", "parent"}, // a twin by name stands there
		{"carol", "payments", "deep-j", "parent"},  // an eleventh level
		{"carol", "payments", "foreign", "parent"}, // another target, while carol holds it
		{"carol", "payments", "absent", "parent"},
		{"carol", "payments", "org", "parent"}, // it stands there
		{"carol", "payments", pim.StintResource, "parent"},
		{"carol", pim.StintResource, "org", "parent"},
	} {
		var refusal *pim.Refusal
		if _, err := p.b.MoveResource(p.ctx, p.as(c.who), c.id, c.to, 0); !errors.As(err, &refusal) || refusal.Kind != pim.KindInvalid || refusal.Field != c.field {
			t.Errorf("%s to %s: %v", c.id, c.to, err)
		}
	}
	var refusal *pim.Refusal
	if _, err := p.b.MoveResource(p.ctx, p.as("alice"), "payments", "elsewhere", 0); !errors.As(err, &refusal) || refusal.Kind != pim.KindNotFound {
		t.Errorf("somebody without the right: %v", err)
	}
	if _, err := p.b.MoveResource(p.ctx, p.as("carol"), "payments", "elsewhere", 99); !errors.As(err, &refusal) || refusal.Kind != pim.KindConflict {
		t.Errorf("as it was shown long ago: %v", err)
	}
	out, err := p.b.MoveResource(p.ctx, p.as("carol"), "payments", "elsewhere", 0)
	p.ok(err)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error { // somebody renames it while the passkey is looked for
		r, err := tx.Resource("payments")
		r.Name = "Other"
		return errors.Join(err, tx.UpdateResource(r))
	}))
	if _, err := p.touch("carol", out); !errors.As(err, &refusal) || refusal.Kind != pim.KindConflict {
		t.Errorf("confirmed what has changed since: %v", err)
	}
}

// Moving where nothing is held to another target looks every meaning up again there; what stays is not touched.
func TestMoveToAnotherTarget(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.below()
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		r, err := tx.Target("dir")
		r.Target.ID, r.Name = "dir2", "Other directory"
		return errors.Join(err, tx.InsertTarget(r),
			tx.InsertResource(pim.Resource{ID: "other", Kind: "directory", Name: "Other", TargetID: "dir2", Source: pim.SourceFile}))
	}))
	says := p.readSays(func(r *store.Reader, carol pim.Principal) ([]string, error) {
		m, err := p.b.PreviewMove(r, carol, "payments", "other")
		return m.Says, err
	})
	if !strings.Contains(says, "Other directory") || !strings.Contains(says, "looked up there again") {
		t.Errorf("the preview: %s", says)
	}
	p.administer(p.b.MoveResource(p.ctx, p.as("carol"), "payments", "other", 0))
	found, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsUnder("payments", 9) })
	p.ok(err)
	if len(found) != 1 || found[0].EntitlementID == "" { // found by its name at the new one, by the tick
		t.Errorf("meanings: %+v", found)
	}
	if !slices.ContainsFunc(p.events(pim.EvMeaningSaved), func(e store.EntryRow) bool { return e.ResourceID == "payments" && e.Actor == "carol" }) {
		t.Error("forgetting the old id left no event")
	}
}

// A-20, EC-11: retiring a node does exactly what the preview says: what is at it and below ends, with its activations;
// what was made above keeps the rest.
func TestRetireCascadesAsPreviewed(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.place()
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertResource(pim.Resource{ID: "table", ParentID: "payments", Kind: "database", Name: "Table", Source: pim.SourceBrowser}),
			tx.InsertAssignment(pim.Assignment{ID: "alice-there", PrincipalID: "alice", RoleID: "dba", ResourceID: "payments", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
	}))
	there := p.activate("alice", "alice-there", time.Hour)
	p.tick()
	p.is(there, pim.ActiveConfirmed)
	says := p.readSays(func(r *store.Reader, carol pim.Principal) ([]string, error) {
		return p.b.PreviewRetire(r, carol, "payments")
	})
	for _, want := range []string{"1 resource below it goes too.", "alice, eligible for dba on PAYMENTS: ends, and what is active through it.",
		"carol, active for dba on Northwind: loses what it gave there.", "1 meaning"} {
		if !strings.Contains(says, want) {
			t.Errorf("the preview does not say %q: %s", want, says)
		}
	}
	p.administer(p.b.RetireResource(p.ctx, p.as("carol"), "payments", 0))
	p.later(time.Minute)
	p.is(there, pim.EligibilityEnded)
	if p.at("alice", "cn=payments") || p.at("carol", "cn=payments") || !p.at("carol", "cn=ledger") {
		t.Error("the target is not as the preview said")
	}
	for _, id := range []string{"payments", "table"} {
		if _, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (pim.Resource, error) { return r.Resource(id) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	var refusal *pim.Refusal
	if _, err := p.b.RetireResource(p.ctx, p.as("carol"), pim.StintResource, 0); !errors.As(err, &refusal) || refusal.Kind != pim.KindForbidden {
		t.Errorf("Stint itself: %v", err)
	}
	if open := p.verify(); len(open) != 0 {
		t.Errorf("open stories: %v", open)
	}
}

// T22: names are kept composed and trimmed; what reads like a sibling is asked about, what is the same is refused.
func TestNamesOfResources(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.below()
	add := func(name string, alike bool) error {
		_, err := p.b.SaveResource(p.ctx, p.as("carol"), broker.ResourceForm{ParentID: "org", Kind: "group", Name: name, Alike: alike})
		return err
	}
	p.ok(add("  ops  team ", false))
	for name, field := range map[string]string{"ops team": "name", "OPS-team": "alike", "орѕ tеam": "name", "ops\x00": "name", "": "name"} {
		var refusal *pim.Refusal
		if err := add(name, false); !errors.As(err, &refusal) || refusal.Field != field {
			t.Errorf("%q: %v, want a refusal of %s", name, err, field)
		}
	}
	p.ok(add("OPS-team", true))
	var refusal *pim.Refusal
	if _, err := p.b.SaveResource(p.ctx, p.as("carol"), broker.ResourceForm{ParentID: "org", Kind: "castle", Name: "x"}); !errors.As(err, &refusal) || refusal.Field != "kind" {
		t.Errorf("an unknown kind: %v", err)
	}
	if _, err := p.b.SaveResource(p.ctx, p.as("alice"), broker.ResourceForm{ParentID: "org", Kind: "group", Name: "x"}); !errors.As(err, &refusal) || refusal.Kind != pim.KindNotFound {
		t.Errorf("somebody without the right: %v", err)
	}
}

// What stands above privileged roles is renamed with a passkey; anything else is not worth one.
func TestRenameOfWhatIsPrivilegedNeedsATouch(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.below()
	out, err := p.b.SaveResource(p.ctx, p.as("carol"), broker.ResourceForm{ID: "idle", Kind: "database", Name: "Idle database"})
	p.ok(err)
	if out.CeremonyID != "" {
		t.Error("an idle node asks for a passkey")
	}
	out, err = p.b.SaveResource(p.ctx, p.as("carol"), broker.ResourceForm{ID: "payments", Kind: "database", Name: "Payments of all"})
	p.ok(err)
	if out.CeremonyID == "" {
		t.Error("a node with a privileged role asks for none")
	}
	p.administer(out, err)
	row, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (pim.Resource, error) { return r.Resource("payments") })
	p.ok(err)
	if row.Name != "Payments of all" || row.Source != pim.SourceFile {
		t.Errorf("%+v", row)
	}
}

func (p *play) readSays(fn func(*store.Reader, pim.Principal) ([]string, error)) string {
	p.Helper()
	says, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]string, error) {
		carol, err := r.Principal("carol")
		if err != nil {
			return nil, err
		}
		return fn(r, carol)
	})
	p.ok(err)
	return strings.Join(says, " | ")
}

func (p *play) events(kind pim.EventType) []store.EntryRow {
	p.Helper()
	list, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: string(kind), Limit: 1000})
	})
	p.ok(err)
	return list
}

// insertGroup makes a resource that others stand below.
func insertGroup(tx *store.Tx, id, parent, name string) error {
	return tx.InsertResource(pim.Resource{ID: id, ParentID: parent, Kind: "group", Name: name, Source: pim.SourceFile})
}
