package broker_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

const manyThings = 5_000

// region makes a subtree of ten databases with 5,000 assignments to as many people below org, and a place beside it. Alice
// may be DBA of the whole and of one database, carol is DBA of the whole, dan of another database, and bob owns the region.
func (d *desk) region() {
	d.Helper()
	d.do(func(tx *store.Tx) error {
		errs := []error{insertGroup(tx, "region", "org", "Region North"),
			insertGroup(tx, "beside", "org", "Beside")}
		for i := range 10 {
			id := fmt.Sprintf("db%d", i)
			errs = append(errs, tx.InsertResource(pim.Resource{ID: id, ParentID: "region", Kind: "database", Name: id, Source: pim.SourceFile}),
				tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: id, Name: "cn=" + id}))
		}
		return errors.Join(append(errs, tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: "db3", Source: pim.SourceFile}))...)
	})
	d.later() // what roles mean is looked up
	d.assigned("db%d", manyThings)
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertAssignment(pim.Assignment{ID: "alice-there", PrincipalID: "alice", RoleID: "dba", ResourceID: "db0", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}),
			tx.InsertAssignment(pim.Assignment{ID: "bob-there", PrincipalID: "bob", RoleID: "dba", ResourceID: "db2", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}),
			broker.InsertActive(tx, pim.Assignment{ID: "carol-org", PrincipalID: "carol", RoleID: "dba", ResourceID: "org", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}),
			broker.InsertActive(tx, pim.Assignment{ID: "dan-there", PrincipalID: "dan", RoleID: "dba", ResourceID: "db1", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}))
	})
	d.owner("bob", "region")
	d.later()
}

// later lets so much time pass that whatever waits is looked at again.
func (d *desk) later() {
	d.Helper()
	for range 3 {
		d.clock.add(time.Minute)
		d.tick()
	}
}

// assigned makes people who are eligible for dba at numbered resources, or at one.
func (d *desk) assigned(at string, n int) {
	d.Helper()
	for done := 0; done < n; done += 500 {
		d.do(func(tx *store.Tx) error {
			for i := done; i < done+500; i++ {
				id, place := fmt.Sprintf("%s-p%d", at, i), at
				if strings.Contains(at, "%") {
					place = fmt.Sprintf(at, i%10)
				}
				if err := errors.Join(tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
					tx.InsertAssignment(pim.Assignment{ID: "asg-" + id, PrincipalID: id, RoleID: "dba", ResourceID: place, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (d *desk) holdsAt(who, name string) bool {
	d.ward.mu.Lock()
	defer d.ward.mu.Unlock()
	return d.ward.held["id:"+who+"/id:"+name]
}

func (d *desk) holds(who, assignment string) string {
	d.Helper()
	id := d.activate(who, assignment, time.Hour)
	d.later()
	if a := d.activation(id); a.State != pim.ActiveConfirmed {
		d.Fatalf("%s is %s", assignment, a.State)
	}
	return id
}

func (d *desk) says(fn func(r *store.Reader, carol pim.Principal) ([]string, error)) string {
	d.Helper()
	says, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) ([]string, error) {
		carol, err := r.Principal("carol")
		if err != nil {
			return nil, err
		}
		return fn(r, carol)
	})
	d.ok(err)
	return strings.Join(says, " | ")
}

// again is another process on the same database: all that the one before kept in memory is gone.
func (d *desk) again() {
	d.b = broker.New(broker.Config{Store: d.b.Store(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Open: func(string, connector.Config) (connector.Connector, error) { return d.ward, nil }})
}

// carried holds the decision and its end against what must have been carried out.
func (d *desk) carried(kind pim.LongChangeKind, want map[string]int) {
	d.Helper()
	decided, done := d.events(pim.EvChangeDecided), d.events(pim.EvChangeFinished)
	if len(decided) != 1 || len(done) != 1 || decided[0].Actor != "carol" {
		d.Fatalf("%d decisions and %d ends: %+v", len(decided), len(done), decided)
	}
	facts := done[0].Facts
	if facts["kind"] != string(kind) {
		d.Errorf("%v", facts)
	}
	for what, n := range want {
		if fmt.Sprint(facts[what]) != fmt.Sprint(n) {
			d.Errorf("%s: %v were carried out, want %d", what, facts[what], n)
		}
	}
}

// Invariants 3 and 13, T23, A-20, EC-11: retiring what more than 5,000 things hang on is one small decision, from which
// on nobody activates, assigns or administers anything there; what follows is carried out in pieces, also after the
// process that began it is gone.
func TestRetireOfMuchIsDecidedAtOnceAndCarriedOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false) // each write once: there are many
	d.region()
	there, wide := d.holds("alice", "alice-there"), d.holds("alice", "alice-dba")
	for _, held := range [][2]string{{"alice", "cn=db0"}, {"alice", "cn=db5"}, {"carol", "cn=db5"}, {"dan", "cn=db1"}, {"alice", "cn=dba"}} {
		if !d.holdsAt(held[0], held[1]) {
			t.Fatalf("%v: the start is another one", held)
		}
	}
	says := d.says(func(r *store.Reader, carol pim.Principal) ([]string, error) {
		return d.b.PreviewRetire(r, carol, "region")
	})
	for _, want := range []string{"10 resources below it go too.", "About 5,000 assignments end", "1 activation or request there ends.", "10 meanings of roles", "1 row of role settings", "carried out in pieces"} {
		if !strings.Contains(says, want) {
			t.Errorf("the preview does not say %q: %s", want, says)
		}
	}
	out, err := d.b.RetireResource(d.ctx, d.as("carol"), "region", 0)
	d.ok(d.confirmed("carol", out, err))

	// nothing was carried out yet
	open, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) ([]pim.LongChange, error) { return r.LongChanges() })
	d.ok(err)
	if len(open) != 1 || open[0].Done != 0 || open[0].About < manyThings || d.activation(there).State != pim.ActiveConfirmed {
		t.Fatalf("%+v", open)
	}
	_, err = d.b.RequestActivation(d.ctx, d.as("bob"), pim.ActivationRequest{AssignmentID: "bob-there", Duration: time.Minute, Justification: "quickly"})
	wantRefusal(t, err, pim.KindConflict, "")
	_, err = d.b.RequestActivation(d.ctx, d.as("alice"), pim.ActivationRequest{AssignmentID: "alice-dba", ResourceID: "db7", Duration: time.Minute, Justification: "quickly"})
	wantRefusal(t, err, pim.KindInvalid, "resource")
	for _, who := range []string{"carol", "bob"} { // an administrator, and who owned it
		_, err = d.b.Assign(d.ctx, d.as(who), broker.AssignRequest{Principals: []string{"erin"}, Places: []broker.Place{{RoleID: "dba", ResourceID: "db4"}},
			AssignmentTerms: pim.AssignmentTerms{Kind: pim.Eligible, End: d.clock.Now().Add(24 * time.Hour)}, Justification: "quickly"}, "")
		wantRefusal(t, err, pim.KindNotFound, "")
		_, err = d.b.SaveResource(d.ctx, d.as(who), broker.ResourceForm{ID: "db4", Kind: "database", Name: "Other"})
		wantRefusal(t, err, pim.KindNotFound, "")
	}
	_, err = d.b.MoveResource(d.ctx, d.as("carol"), "beside", "region", 0)
	wantRefusal(t, err, pim.KindInvalid, "parent")
	_, err = d.b.MoveResource(d.ctx, d.as("carol"), "db4", "beside", 0)
	wantRefusal(t, err, pim.KindNotFound, "")

	for range 6 { // the activation there is over before any of the 5,000 ends
		_, err := d.b.CarryOn(d.ctx)
		d.ok(err)
	}
	if s := d.activation(there).State; s != pim.EligibilityEnded {
		t.Errorf("its activation is %s", s)
	}
	open, err = store.Read(d.ctx, d.b.Store(), func(r *store.Reader) ([]pim.LongChange, error) { return r.LongChanges() })
	d.ok(err)
	if len(open) != 1 || open[0].Done == 0 || open[0].Done > manyThings/2 {
		t.Fatalf("%+v", open)
	}
	d.again()
	d.later()

	d.carried(pim.LongRetire, map[string]int{"activations": 1, "assignments": manyThings + 4, "resources": 10, "meanings": 10, "settings": 1, "withdrawn": 1, "held": 11})
	for _, gone := range [][2]string{{"alice", "cn=db0"}, {"alice", "cn=db5"}, {"carol", "cn=db5"}, {"dan", "cn=db1"}} {
		if d.holdsAt(gone[0], gone[1]) {
			t.Errorf("%v is still held", gone)
		}
	}
	if !d.holdsAt("alice", "cn=dba") || !d.holdsAt("carol", "cn=dba") || d.activation(wide).State != pim.ActiveConfirmed {
		t.Error("what is above lost more than what was there")
	}
	left, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (store.Under, error) { return r.CountUnder("region") })
	d.ok(err)
	if left != (store.Under{Resources: 1}) {
		t.Errorf("left: %+v", left)
	}
	if n := len(d.events(pim.EvResourceRemoved)); n != 11 {
		t.Errorf("%d resources removed", n)
	}
	if !slices.ContainsFunc(d.noticesOf("carol"), func(s string) bool { return strings.Contains(s, "Region North is carried out") }) {
		t.Errorf("carol is told: %q", d.noticesOf("carol"))
	}
}

// T23, K-33: a move below where 5,000 are assigned, and from where as many were, holds at once: rules and reach are those
// of the new place. Activations and active assignments follow in pieces.
func TestMoveOfMuchHoldsAtOnceAndIsCarriedOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false) // each write once: there are many
	d.region()
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "old", "org", "Old"),
			tx.InsertResource(pim.Resource{ID: "vital", ParentID: "old", Kind: "database", Name: "Vital", Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "vital", Name: "cn=vital"}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: "region", MaxDuration: ptr(10 * time.Minute), Enforced: []pim.Field{pim.FieldMaxDuration}, Source: pim.SourceFile}),
			tx.InsertAssignment(pim.Assignment{ID: "alice-old", PrincipalID: "alice", RoleID: "dba", ResourceID: "old", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}),
			tx.InsertPrincipal(pim.Principal{ID: "team", Kind: pim.Group, Name: "Team", Enabled: true, Source: pim.SourceFile}),
			tx.AddMember(pim.Membership{GroupID: "team", MemberID: "erin", Source: pim.SourceFile}),
			tx.AddMember(pim.Membership{GroupID: "team", MemberID: "bob", Source: pim.SourceFile}))
	})
	d.later()
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			broker.InsertActive(tx, pim.Assignment{ID: "dan-old", PrincipalID: "dan", RoleID: "dba", ResourceID: "old", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}),
			broker.InsertActive(tx, pim.Assignment{ID: "team-region", PrincipalID: "team", RoleID: "dba", ResourceID: "region", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}))
	})
	d.assigned("region", manyThings)
	d.assigned("old", 1000)
	old := d.holds("alice", "alice-old")
	if !d.holdsAt("alice", "cn=vital") || !d.holdsAt("dan", "cn=vital") || d.holdsAt("erin", "cn=vital") || !d.holdsAt("erin", "cn=db3") {
		t.Fatal("the start is another one")
	}
	says := d.says(func(r *store.Reader, carol pim.Principal) ([]string, error) {
		v, err := d.b.PreviewMove(r, carol, "vital", "region")
		return v.Says, err
	})
	for _, want := range []string{"About 1,000 assignments made above reach it no longer.", "About 5,000 assignments made above reach it from then on.", "carried out in pieces", "Longest activation"} {
		if !strings.Contains(says, want) {
			t.Errorf("the preview does not say %q: %s", want, says)
		}
	}
	out, err := d.b.MoveResource(d.ctx, d.as("carol"), "vital", "region", 0)
	d.ok(d.confirmed("carol", out, err))
	_, err = d.b.RequestActivation(d.ctx, d.as("alice"), pim.ActivationRequest{AssignmentID: "alice-old", ResourceID: "vital", Duration: time.Minute, Justification: "quickly"})
	wantRefusal(t, err, pim.KindInvalid, "resource")
	_, err = d.b.RetireResource(d.ctx, d.as("carol"), "vital", 0)
	wantRefusal(t, err, pim.KindConflict, "")
	for more := true; more; { // a process of its own each time
		d.again()
		more, err = d.b.CarryOn(d.ctx)
		d.ok(err)
	}
	d.later()
	d.carried(pim.LongMove, map[string]int{"withdrawn": 1, "held": 1, "given": 2})
	if d.holdsAt("alice", "cn=vital") || d.holdsAt("dan", "cn=vital") {
		t.Error("what lost its basis is still held")
	}
	if !d.holdsAt("erin", "cn=vital") || !d.holdsAt("bob", "cn=vital") {
		t.Error("the active assignment of the new place did not follow")
	}
	if s := d.activation(old).State; s != pim.EligibilityEnded {
		t.Errorf("what is left with nothing is %s", s)
	}
}

// K-33, T10: what a large move gives is judged as that of a small one is: an owner gives themselves nothing by it.
func TestAnOwnerGivesThemselvesNothingByALargeMove(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false) // each write once: there are many
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "mine", "org", "Mine"),
			insertGroup(tx, "sandbox", "mine", "Sandbox"),
			insertGroup(tx, "payroll", "mine", "Payroll"),
			tx.SaveHandOut(pim.HandOut{ResourceID: "mine", Roles: []string{"dba"}}),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "payroll", Name: "cn=dba"}))
	})
	d.tick()
	d.assigned("sandbox", 1000)
	d.owner("bob", "mine")
	d.do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "zz-bob", PrincipalID: "bob", RoleID: "dba", ResourceID: "sandbox", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
	})
	out, err := d.b.MoveResource(d.ctx, d.as("bob"), "payroll", "sandbox", 0)
	wantRefusal(t, d.confirmed("bob", out, err), pim.KindForbidden, "")
	d.do(func(tx *store.Tx) error { // nor others what they do not hand out
		return errors.Join(tx.SaveHandOut(pim.HandOut{ResourceID: "mine", Roles: []string{}, Version: 1}), func() error {
			a, err := tx.Assignment("zz-bob")
			return errors.Join(err, tx.EndAssignment(a, false))
		}())
	})
	out, err = d.b.MoveResource(d.ctx, d.as("bob"), "payroll", "sandbox", 0)
	wantRefusal(t, d.confirmed("bob", out, err), pim.KindForbidden, "")
	out, err = d.b.MoveResource(d.ctx, d.as("carol"), "payroll", "sandbox", 0)
	d.ok(d.confirmed("carol", out, err))
}

// T10: nor do they give anything to an account that they said is somebody's who did not sign in since.
func TestALargeMoveGivesNothingToWhomTheyNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false) // each write once: there are many
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "wide", "org", "Wide"),
			insertGroup(tx, "narrow", "org", "Narrow"),
			insertGroup(tx, "payroll", "narrow", "Payroll"),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "payroll", Name: "cn=payroll"}),
			tx.InsertPrincipal(pim.Principal{ID: "made-up", Kind: pim.Person, Name: "Made Up", PersonID: "made-up", Enabled: true, Source: pim.SourceBrowser}),
			tx.InsertAccount(pim.Account{ID: "acc-made-up", PrincipalID: "made-up", TargetID: "dir", Name: "x", ExternalID: "id:x", ConfirmedAt: tx.Now, ConfirmedBy: "carol", Source: pim.SourceBrowser}))
	})
	d.assigned("wide", 1000)
	d.do(func(tx *store.Tx) error {
		var errs []error
		for _, id := range []string{"alice", "made-up", "erin"} { // whichever stands for all, it may be another's
			errs = append(errs, broker.InsertActive(tx, pim.Assignment{ID: id + "-wide", PrincipalID: id, RoleID: "dba", ResourceID: "wide", Kind: pim.Active, StartsAt: tx.Now, MadeBy: "dan", Source: pim.SourceBrowser}))
		}
		return errors.Join(errs...)
	})
	out, err := d.b.MoveResource(d.ctx, d.as("carol"), "payroll", "wide", 0)
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindForbidden, "")
	out, err = d.b.MoveResource(d.ctx, d.as("dan"), "payroll", "wide", 0)
	d.ok(d.confirmed("dan", out, err))
}
