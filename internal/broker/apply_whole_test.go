package broker_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stint/internal/broker"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// broken adds to a file, behind the back of its checks, an assignment to nobody: the database refuses it.
func broken(doc *orgfile.Doc) *orgfile.Doc {
	doc.Assignments = append(slices.Clone(doc.Assignments), orgfile.Assignment{Principal: "person/nobody", Role: "dba", Resource: "db", Kind: pim.Eligible})
	return doc
}

// Invariant 2: when the last change fails nothing was done, not even an event; the same file made whole is applied.
func TestNothingIsHalfDone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	before := o.state()
	_, err := o.b.Apply(o.ctx, broken(o.parse(base)), plain)
	if err == nil || !strings.Contains(err.Error(), "assignment person/nobody eligible for role/dba") {
		t.Fatalf("%v", err)
	}
	if after := o.state(); after != before {
		t.Errorf("half done:\n%s", after)
	}
	o.apply(base)
	before = o.state()
	if _, err := o.b.Apply(o.ctx, broken(o.parse(changed)), plain); err == nil {
		t.Fatal("no error")
	}
	if after := o.state(); after != before {
		t.Errorf("half done:\n%s\n---\n%s", before, after)
	}
}

// crowd is base with so many people more, all eligible for the role.
func crowd(n int) string {
	var people, assignments strings.Builder
	for i := range n {
		fmt.Fprintf(&people, "  - {id: p%d, name: Person %d}\n", i, i)
		fmt.Fprintf(&assignments, "  - {principal: person/p%d, role: dba, resource: org, kind: eligible}\n", i)
	}
	return replace(base, "people:\n", "people:\n"+people.String(), "assignments:\n", "assignments:\n"+assignments.String())
}

// Up to 1,000 changes are one transaction: one instant for all of them, and all or nothing.
func TestAThousandChangesAreOneTransaction(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	size := o.b.Store().Head().Size
	done := o.apply(crowd(500))
	if len(done.Changes) != 1000 || done.Pieces != 1 || o.b.Store().Head().Size != size+1001 {
		t.Fatalf("%d changes in %d transactions, %d events", len(done.Changes), done.Pieces, o.b.Store().Head().Size-size)
	}
	o.apply(base)
	before := o.state()
	if _, err := o.b.Apply(o.ctx, broken(o.parse(crowd(499))), plain); err == nil {
		t.Fatal("no error")
	}
	if after := o.state(); after != before {
		t.Error("half done")
	}
}

// Invariant 13: a larger file is made in pieces. Until the last of them nobody may use what it gives, and what
// was broken off is finished by applying it again; then all assignments begin in one instant.
func TestALargeFileIsOpenedAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	text := crowd(700)
	_, err := o.b.Apply(o.ctx, broken(o.parse(text)), plain)
	if err == nil || !strings.Contains(err.Error(), "no new assignment is open yet; apply the file again to go on") {
		t.Fatalf("%v", err)
	}
	if open := o.assignments("person/p7", pim.Eligible); len(open) != 0 {
		t.Fatal("open before the end")
	}
	prepared := 0
	for _, a := range read(o, func(r *store.Reader) ([]pim.Assignment, error) { return r.Assignments() }) {
		if a.StartsAt.Equal(store.Unopened) {
			prepared++
		}
	}
	if prepared < 600 {
		t.Fatalf("only %d are prepared", prepared)
	}
	o.tick()
	if o.held("bob", "cn=backup") {
		t.Fatal("an active assignment holds before it is open")
	}
	if applied := o.entries(store.EntryFilter{Type: string(pim.EvFileApplied)}); len(applied) != 0 {
		t.Fatal("the log says that the file was applied")
	}
	o.clock.add(time.Hour)
	o.apply(text)
	starts := map[time.Time]int{}
	for _, a := range read(o, func(r *store.Reader) ([]pim.Assignment, error) { return r.Assignments() }) {
		starts[a.StartsAt]++
	}
	if len(starts) != 1 || starts[o.clock.Now()] != 702 {
		t.Errorf("they begin at %v", starts)
	}
	o.tick()
	if !o.held("bob", "cn=backup") || len(o.assignments("person/p7", pim.Eligible)) != 1 {
		t.Error("not open after the end")
	}
	size := o.b.Store().Head().Size
	if again := o.apply(text); len(again.Changes) > 0 || o.b.Store().Head().Size != size {
		t.Errorf("the second time: %d changes", len(again.Changes))
	}
	made := o.entries(store.EntryFilter{Type: string(pim.EvAssignmentMade)})
	if len(made) != 702 {
		t.Errorf("%d events of 702 assignments", len(made))
	}
}

// A large file in one go: as many events as changes and the file, and the same state as from a small one.
func TestALargeFileInOneGo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	size := o.b.Store().Head().Size
	done := o.apply(crowd(700))
	if got := o.b.Store().Head().Size - size; got != int64(len(done.Changes))+1 || done.Pieces < 10 {
		t.Errorf("%d events of %d changes, %d pieces", got, len(done.Changes), done.Pieces)
	}
	o.tick()
	if !o.held("bob", "cn=backup") {
		t.Error("the active assignment is not followed")
	}
	done = o.apply(base) // 1,400 taken away
	if len(done.Changes) != 1400 {
		t.Errorf("%d changes", len(done.Changes))
	}
	exported, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	small := newOffice(t)
	small.apply(base)
	want, err := broker.Export(small.ctx, small.b.Store())
	o.ok(err)
	if string(exported) != string(want) {
		t.Errorf("have\n%s\nwant\n%s", exported, want)
	}
}

// A piece can be broken off between the opening and the following of active assignments; the next apply,
// of whatever file, follows them.
func TestOpenedAndNotFollowed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error {
		bob, err := tx.PrincipalByKey(pim.Person, "bob")
		if err != nil {
			return err
		}
		asg, err := tx.AssignmentsOf(bob.ID)
		if err != nil {
			return err
		}
		needs, err := tx.NeedsOfAssignment(asg[0].ID)
		if err != nil || len(needs) != 0 {
			return fmt.Errorf("bob's account is found already: %v, %w", needs, err)
		}
		return tx.SetMeta("apply_unfollowed", "x")
	}))
	o.apply(base)
	if left := read(o, func(r *store.Reader) (string, error) { return r.Meta("apply_unfollowed") }); left != "" {
		t.Error("not followed")
	}
}

// Fail closed to grant, open to revoke (invariant 6): with a clock in doubt a file that gives is refused, one
// that only takes away is applied.
func TestPausedFilesOnlyTake(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	o.b.EnterSafeMode("The database is older than its checkpoint.")
	if _, err := o.b.Apply(o.ctx, o.parse(crowd(1)), plain); err == nil || !strings.Contains(err.Error(), "older than its checkpoint") {
		t.Errorf("%v", err)
	}
	done := o.apply(replace(base, "  - {principal: person/bob, role: backup, resource: db, kind: active}\n", ""))
	if len(done.Changes) != 1 {
		t.Errorf("%s", lines(done.Changes))
	}
}

// Whatever is applied: applying again changes nothing, the export is the same file to apply, and from the export
// alone another Stint becomes the same.
func TestExportRoundTrip(t *testing.T) {
	t.Parallel()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue { // each opens three databases
		if err := checks.Value.Set("12"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		o := newOffice(t)
		for i := range 2 {
			text := randomFile(rt)
			if _, err := o.b.Apply(o.ctx, o.parse(text), plain); err != nil {
				rt.Fatalf("%v\n%s", err, text)
			}
			if again := o.apply(text); len(again.Changes) > 0 {
				rt.Fatalf("round %d: the second time\n%s\n%s", i, lines(again.Changes), text)
			}
			exported, err := broker.Export(o.ctx, o.b.Store())
			o.ok(err)
			if again := o.apply(string(exported)); len(again.Changes) > 0 {
				rt.Fatalf("round %d: the export changes\n%s\n%s\n%s", i, lines(again.Changes), text, exported)
			}
			other := newOffice(t)
			other.apply(string(exported))
			same, err := broker.Export(other.ctx, other.b.Store())
			o.ok(err)
			if string(same) != string(exported) {
				rt.Fatalf("round %d:\n%s\n---\n%s", i, exported, same)
			}
		}
	})
}

// randomFile draws a small organisation that a file may describe.
func randomFile(t *rapid.T) string {
	var b strings.Builder
	coin := func(label string) bool { return rapid.Bool().Draw(t, label) }
	some := func(label string, all ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, len(all), rapid.ID[string]).Draw(t, label)
	}
	name := rapid.SampledFrom([]string{"Database", "Zoë O'Neil", "Игорь", "- a: b", "#1 {x}", "yes", "“quoted” \\ \"", "データ", "12 & 3"})
	quote := func(label string) string { return fmt.Sprintf("%q", name.Draw(t, label)) }
	people := append([]string{"alice"}, some("people", "bob", "carol", "dave")...)
	groups := some("groups", "g1", "g2", "g3")
	b.WriteString("version: 1\ntargets:\n  - {id: dir, kind: ward, name: " + quote("target") + ", secret: {env: WARD}, may_write: [\"*\"]}\n")
	b.WriteString("resources:\n  - {id: org, kind: org, name: Org, target: dir}\n")
	parent := "org"
	for _, id := range some("resources", "r1", "r2", "r3") {
		fmt.Fprintf(&b, "  - {id: %s, kind: thing, name: %s, parent: %s}\n", id, quote("resource"), parent)
		if coin("deeper") {
			parent = id
		}
	}
	b.WriteString("roles:\n")
	roles := append([]string{"x"}, some("roles", "y", "z")...)
	for _, id := range roles {
		fmt.Fprintf(&b, "  - id: %s\n    name: %s\n    privileged: %v\n", id, quote("role"), coin("privileged"))
		if coin("means") {
			fmt.Fprintf(&b, "    means: [{resource: org, entitlement: %q}, {resource: %s, entitlement: e2}]\n", "cn="+id, parent)
		}
		if coin("settings") {
			fmt.Fprintf(&b, "    settings: [{max_duration: %s, ticket: required, approvers: [person/alice]}, {resource: %s, approval: required, justification: optional}]\n",
				rapid.SampledFrom([]string{"1m", "90s", "1h30m", "24h"}).Draw(t, "max"), parent)
		}
	}
	b.WriteString("people:\n")
	for _, id := range people {
		fmt.Fprintf(&b, "  - {id: %s, name: %s", id, quote("person"))
		if coin("match") {
			fmt.Fprintf(&b, ", match: {sub-claim: %q}", id+" 1")
		} else if coin("subject") {
			fmt.Fprintf(&b, ", issuer: \"https://idp\", subject: \"00%s\"", id)
		}
		b.WriteString(rapid.SampledFrom([]string{"", ", enabled: true", ", enabled: false, title: 007", ", email: a@b.example, department: \"\U0001F600\""}).Draw(t, "rest") + "}\n")
	}
	section := func(name string) {
		if !strings.Contains(b.String(), "\n"+name+":\n") {
			b.WriteString(name + ":\n")
		}
	}
	for i, id := range groups {
		section("groups")
		members := some("members", people...)
		for j := range members {
			members[j] = "person/" + members[j]
		}
		if i > 0 && coin("nest") {
			members = append(members, "group/"+groups[i-1])
		}
		fmt.Fprintf(&b, "  - {id: %s, name: %s, members: [%s]}\n", id, quote("group"), strings.Join(members, ", "))
	}
	for _, id := range some("accounts", people...) {
		section("accounts")
		fmt.Fprintf(&b, "  - {person: %s, target: dir, account: %s}\n", id, quote("account"))
	}
	for _, id := range people {
		for _, role := range some("assigned", roles...) {
			section("assignments")
			fmt.Fprintf(&b, "  - {principal: person/%s, role: %s, resource: %s, kind: %s%s}\n", id, role, rapid.SampledFrom([]string{"org", parent}).Draw(t, "at"),
				rapid.SampledFrom([]string{"eligible", "active"}).Draw(t, "kind"), rapid.SampledFrom([]string{"", ", until: 2031-02-28", ", until: 2031-02-28T12:34:56+02:00"}).Draw(t, "until"))
		}
	}
	return b.String()
}
