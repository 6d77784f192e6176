package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// followed is a world whose directory is followed; carol administers.
type followed struct {
	*stinttest.World
	carol  *stinttest.Person
	target string
	people []connector.PersonEntry
}

func settings(w *stinttest.World) pim.SyncSettings {
	return pim.SyncSettings{Filter: "(person)", Name: "name", Email: "mail", Department: "dept", Title: "title", Manager: "manager", Disabled: "uac", DisabledWhen: "bit 2",
		Match: "sub", Issuer: w.Provider.Issuer, EveryHours: 6, MaxShare: 10}
}

func follow(t *testing.T, n int) *followed {
	t.Helper()
	w := stinttest.New(t)
	f := &followed{World: w, carol: w.Person("carol"), target: stinttest.Directory}
	w.Administrator("carol")
	f.carol.Ready()
	for i := range n {
		f.people = append(f.people, member(i))
	}
	f.show()
	w.Do(func(tx *store.Tx) error {
		return tx.SaveSync(store.Sync{TargetID: stinttest.Directory, Salt: "salt", Settings: settings(w)})
	})
	return f
}

func member(i int, pairs ...string) connector.PersonEntry {
	id := fmt.Sprintf("e%03d", i)
	all := append([]string{"sub", "s" + id, "name", "Person " + id, "mail", id + "@x.example", "dept", "Sales"}, pairs...)
	if !slices.Contains(pairs, "uac") {
		all = append(all, "uac", "512")
	}
	return faketarget.Someone(id, all...)
}

func (f *followed) show() { f.Target.SetPeople(slices.Values(slices.Clone(f.people))) }

func (f *followed) run(preview bool) store.SyncRun {
	f.Helper()
	f.Clock.Advance(time.Minute)
	_, err := f.Broker.AskSync(f.Context(), broker.Actor{PrincipalID: "carol"}, f.target, preview)
	f.OK(err)
	return f.work()
}

// work runs what is due and returns the latest run.
func (f *followed) work() store.SyncRun {
	f.Helper()
	f.OK(f.Broker.SyncDue(f.Context()))
	runs := stinttest.Read(f.World, func(r *store.Reader) ([]store.SyncRun, error) { return r.SyncRuns(f.target, 1) })
	if len(runs) == 0 {
		f.Fatal("no run was kept")
	}
	return runs[0]
}

func (f *followed) first() {
	f.Helper()
	if r := f.run(true); r.State != pim.SyncDone {
		f.Fatalf("preview: %+v", r)
	}
	if r := f.run(false); r.State != pim.SyncDone || r.Counts.Added == 0 {
		f.Fatalf("first run: %+v", r)
	}
}

func (f *followed) who(subject string) pim.Principal {
	f.Helper()
	return stinttest.Read(f.World, func(r *store.Reader) (pim.Principal, error) {
		return r.PrincipalBySubject(f.Provider.Issuer, subject)
	})
}

func (f *followed) enabled() (n int) {
	for _, p := range stinttest.Read(f.World, func(r *store.Reader) ([]pim.Principal, error) { return r.Principals(pim.Person) }) {
		if p.Enabled {
			n++
		}
	}
	return n
}

// A preview is asked for before the first run, changes nobody, and says what would change.
func TestSyncIsPreviewedFirst(t *testing.T) {
	t.Parallel()
	f := follow(t, 250)
	f.people[7] = member(7, "manager", "e249", "title", "Clerk")
	f.show()
	if _, err := f.Broker.AskSync(f.Context(), broker.Actor{PrincipalID: "carol"}, stinttest.Directory, false); err == nil || !strings.Contains(err.Error(), "preview") {
		t.Fatalf("a run before the first preview: %v", err)
	}
	before := f.enabled()
	r := f.run(true)
	if r.State != pim.SyncDone || r.Counts.Added != 250 || r.Counts.Read != 250 || f.enabled() != before {
		t.Fatalf("preview: %+v, %d people before, %d after", r, before, f.enabled())
	}
	changes := stinttest.Read(f.World, func(r *store.Reader) ([]store.SyncChange, error) {
		runs, err := r.SyncRuns(stinttest.Directory, 1)
		if err != nil {
			return nil, err
		}
		c, _, err := r.SyncChanges(runs[0].ID, "added", 0, 10)
		return c, err
	})
	if len(changes) != 10 || changes[0].Name != "Person e000" {
		t.Errorf("the preview lists %+v", changes)
	}
	r = f.run(false)
	if r.State != pim.SyncDone || r.Counts.Added != 250 || f.enabled() != before+250 {
		t.Fatalf("run: %+v", r)
	}
	seven, boss := f.who("se007"), f.who("se249")
	if seven.ManagerID != boss.ID || seven.Title != "Clerk" || seven.Source != pim.SourceDirectory || seven.Email != "e007@x.example" {
		t.Errorf("synced: %+v; the manager is %s", seven, boss.ID)
	}
	f.people[7] = member(7, "manager", "e001", "dept", "")
	f.people[7].Values["dept"] = []string{"Buying"}
	f.show()
	if r = f.run(false); r.Counts.Changed != 1 || r.Counts.Added != 0 || f.who("se007").Department != "Buying" || f.who("se007").ManagerID != f.who("se001").ID {
		t.Errorf("a change: %+v", r)
	}
	if r = f.run(false); r.Counts.Changed+r.Counts.Added+r.Counts.Losing() != 0 {
		t.Errorf("nothing changed: %+v", r)
	}
}

// A synced person is the one who signs in: the key is issuer and subject. Disabled in the directory ends everything at
// once; only whom the sync disabled it enables again.
func TestSyncDisablesAndEnables(t *testing.T) {
	t.Parallel()
	f := follow(t, 40)
	alice := f.Person("alice")
	f.Role("dba", stinttest.Rules{NoPasskey: true})
	asg := f.Eligible("alice", "dba", time.Time{})
	alice.SignIn()
	f.people = append(f.people, member(900, "uac", "512"))
	f.people[40].Values["sub"] = []string{"alice"}
	f.show()
	f.first()
	act := alice.Activate(asg)
	f.Tick()
	f.people[40].Values["uac"] = []string{"514"}
	f.show()
	if r := f.run(false); r.Counts.Disabled != 1 || r.State != pim.SyncDone {
		t.Fatalf("run: %+v", r)
	}
	if p := f.who("alice"); p.Enabled {
		t.Fatal("alice is enabled")
	}
	if a := f.Activation(act); a.State != pim.PersonDisabled {
		t.Errorf("her activation is %s", a.State)
	}
	if page := alice.Get("/my-roles"); page.StatusCode == 200 {
		t.Error("her session goes on")
	}
	f.people[40].Values["uac"] = []string{"512"}
	f.show()
	if r := f.run(false); r.Counts.Enabled != 1 || !f.who("alice").Enabled {
		t.Errorf("enabled again: %+v", r)
	}
	f.DisablePerson("alice")
	if r := f.run(false); r.Counts.Enabled != 0 || f.who("alice").Enabled {
		t.Errorf("whom an administrator disabled the sync leaves: %+v", r)
	}
}

// Gone from the directory is disabled too, and comes back with the entry.
func TestSyncOfWhoIsGone(t *testing.T) {
	t.Parallel()
	f := follow(t, 50)
	f.first()
	gone := f.people[3]
	f.people = slices.Delete(f.people, 3, 4)
	f.show()
	if r := f.run(false); r.Counts.Missing != 1 || f.who("se003").Enabled {
		t.Fatalf("gone: %+v", r)
	}
	f.people = append(f.people, gone)
	f.show()
	if r := f.run(false); r.Counts.Enabled != 1 || !f.who("se003").Enabled {
		t.Errorf("back: %+v", r)
	}
	again := member(3)
	again.ID = "another-entry"
	f.people[len(f.people)-1] = again
	f.show()
	if r := f.run(false); r.Counts.Skipped != 1 || r.Counts.Missing != 1 || f.who("se003").Enabled {
		t.Errorf("an entry made anew inherits nothing: %+v", r)
	}
}

// Absent is not empty: an answer that breaks off, is empty or loses too many disables nobody, loudly (invariant 9).
func TestSyncStops(t *testing.T) {
	t.Parallel()
	f := follow(t, 250)
	dan := f.Person("dan")
	dan.SignIn()
	f.first()
	all := f.enabled()
	for _, c := range []struct {
		name   string
		faults faketarget.Faults
		want   pim.SyncState
	}{
		{"half", faketarget.Faults{HalfPages: true}, pim.SyncFailed},
		{"down", faketarget.Faults{Down: true}, pim.SyncFailed},
		{"denied", faketarget.Faults{Denied: true}, pim.SyncFailed},
		{"nobody", faketarget.Faults{NoPeople: true}, pim.SyncStopped},
	} {
		f.Target.Misbehave(c.faults)
		if r := f.run(false); r.State != c.want || r.Message == "" || f.enabled() != all {
			t.Errorf("%s: %+v; %d of %d people are enabled", c.name, r, f.enabled(), all)
		}
	}
	f.Target.Misbehave(faketarget.Faults{})
	f.people = f.people[:220]
	f.show()
	stopped := f.run(false)
	if stopped.State != pim.SyncStopped || stopped.Counts.Missing != 30 || f.enabled() != all {
		t.Fatalf("30 of 250 gone: %+v", stopped)
	}
	if n := len(f.Events(pim.EvSyncStopped)); n != 2 {
		t.Errorf("%d events of a stop, want 2", n)
	}
	if page := f.carol.Get("/notices").Text("main"); !strings.Contains(page, "stopped and changed nothing") {
		t.Error("no notice tells an administrator")
	}
	banner := func(p *stinttest.Person) bool {
		return strings.Contains(p.Get("/my-roles").Text("[role=alert]"), "stopped for safety")
	}
	if !banner(f.carol) || banner(dan) {
		t.Error("the banner is for administrators")
	}
	f.Target.Misbehave(faketarget.Faults{Down: true})
	if f.run(false); !banner(f.carol) {
		t.Error("a run that fails lifts the banner")
	}
	f.Target.Misbehave(faketarget.Faults{})
	if stopped = f.run(false); stopped.State != pim.SyncStopped {
		t.Fatalf("again: %+v", stopped)
	}
	f.confirm(stopped.ID)
	if banner(f.carol) {
		t.Error("the banner stays after a confirmation")
	}
	if r := f.work(); r.State != pim.SyncDone || r.Counts.Missing != 30 || f.enabled() != all-30 {
		t.Fatalf("confirmed: %+v", r)
	}
	if banner(f.carol) {
		t.Error("the banner stays after a run came through")
	}
	f.people = f.people[:180]
	f.show()
	if r := f.run(false); r.State != pim.SyncStopped || f.enabled() != all-30 {
		t.Errorf("a confirmation is of one run: %+v", r)
	}
}

// actor is carol in her browser.
func (f *followed) actor() broker.Actor {
	f.Helper()
	f.Clock.Advance(time.Minute)
	s := stinttest.Read(f.World, func(r *store.Reader) ([]store.SessionRow, error) { return r.SessionsOf("carol", time.Hour) })
	return broker.Actor{PrincipalID: "carol", SessionID: s[0].ID, Session: s[0].Handle}
}

func (f *followed) confirm(run string) {
	f.Helper()
	out, err := f.Broker.ConfirmSync(f.Context(), f.actor(), stinttest.Directory, run)
	f.OK(err)
	if out.CeremonyID == "" {
		f.Fatal("no passkey was asked for")
	}
	if page := f.carol.Confirm("/step-up/"+out.CeremonyID).Want(f, 303); page.Location() != "/sync/dir" {
		f.Fatalf("confirming led to %s", page.Location())
	}
}

// Who is needed here stays, loudly: the last able administrator and accounts for emergencies (EC-16, B-01).
func TestSyncKeepsWhoIsNeeded(t *testing.T) {
	t.Parallel()
	f := follow(t, 60)
	f.Person("glass")
	f.Do(func(tx *store.Tx) error { return tx.MarkBreakGlass("glass", pim.System) })
	f.people = append(f.people, member(901), member(902))
	f.people[60].Values["sub"], f.people[61].Values["sub"] = []string{"carol"}, []string{"glass"}
	f.show()
	f.first()
	f.people[60].Values["uac"], f.people[61].Values["uac"] = []string{"514"}, []string{"514"}
	f.people[5].Values["uac"] = []string{"514"}
	f.show()
	r := f.run(false)
	if r.Counts.Kept != 2 || !f.who("carol").Enabled || !f.who("glass").Enabled || f.who("se005").Enabled {
		t.Errorf("run: %+v", r)
	}
	if !strings.Contains(r.Message, "nobody would be able to administer") || !strings.Contains(r.Message, "emergencies") {
		t.Errorf("the run says %q", r.Message)
	}
	if n := len(f.Events(pim.EvSyncKept)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// Entries that cannot be told apart, have no name or hide whether they are disabled change nothing and are not missing.
func TestSyncSkipsWhatItCannotUse(t *testing.T) {
	t.Parallel()
	f := follow(t, 30)
	f.first()
	delete(f.people[1].Values, "uac")
	f.people[2].Values["name"] = []string{"\u3164"}
	f.people[3].Values["sub"] = []string{"se004"}
	f.show()
	r := f.run(false)
	if r.State != pim.SyncDone || r.Counts.Skipped != 4 || r.Counts.Losing() != 0 || !f.who("se001").Enabled || !f.who("se002").Enabled {
		t.Errorf("run: %+v", r)
	}
}

// Two nodes never run one sync at once, and one that comes back late writes nothing more.
func TestSyncIsRunByOne(t *testing.T) {
	t.Parallel()
	f := follow(t, 250)
	f.run(true)
	once := true
	f.Target.Misbehave(faketarget.Faults{BetweenPage: func(page int) {
		if page != 2 || !once {
			return
		}
		once = false
		f.OK(f.Broker.SyncDue(f.Context())) // another node looks: it is taken
		f.Clock.Advance(3 * time.Minute)    // and now hangs longer than the lease
		f.Target.Misbehave(faketarget.Faults{})
		f.OK(f.Broker.SyncDue(f.Context()))
	}})
	f.Clock.Advance(time.Minute)
	_, err := f.Broker.AskSync(f.Context(), broker.Actor{PrincipalID: "carol"}, stinttest.Directory, false)
	f.OK(err)
	f.OK(f.Broker.SyncDue(f.Context()))
	runs := stinttest.Read(f.World, func(r *store.Reader) ([]store.SyncRun, error) { return r.SyncRuns(stinttest.Directory, 10) })
	if len(runs) != 3 || runs[0].State != pim.SyncDone || runs[0].Counts.Added != 250 || runs[1].State != pim.SyncFailed {
		t.Errorf("runs: %+v", runs)
	}
}

// Groups follow the directory's by memberships of their own, which end nothing that somebody holds otherwise.
func TestSyncOfGroups(t *testing.T) {
	t.Parallel()
	f := follow(t, 20)
	f.Group("ops", "carol")
	ent := f.Target.AddEntitlement("cn=ops")
	for _, i := range []int{1, 2} {
		f.people[i].ID = string(f.Target.AddAccount(f.people[i].ID))
		f.Target.Put(connector.AccountID(f.people[i].ID), ent)
	}
	f.show()
	f.Do(func(tx *store.Tx) error {
		s, err := tx.Sync(stinttest.Directory)
		if err != nil {
			return err
		}
		s.Settings.Groups = []pim.SyncGroup{{Directory: "cn=ops", ID: string(ent), GroupID: "ops"}}
		return tx.SaveSync(s)
	})
	if r := f.run(true); r.Counts.Joined != 2 || f.members("ops") != 1 {
		t.Errorf("a preview of people nobody knows yet: %+v", r)
	}
	f.first()
	if got := f.members("ops"); got != 3 {
		t.Fatalf("%d members, want 3", got)
	}
	f.Target.Take(connector.AccountID(f.people[1].ID), ent)
	if r := f.run(true); r.Counts.Left != 1 || r.Counts.Joined != 0 || f.members("ops") != 3 {
		t.Errorf("a preview of one who left: %+v", r)
	}
	if got := f.listed("left"); len(got) != 1 || got[0].Name != "Person e001" || got[0].Words[0] != "ops" {
		t.Errorf("it lists %+v", got)
	}
	if r := f.run(false); r.Counts.Left != 1 || f.members("ops") != 2 {
		t.Errorf("one left: %+v", r)
	}
	f.Target.Misbehave(faketarget.Faults{HalfPages: true})
	f.Target.Take(connector.AccountID(f.people[2].ID), ent)
	f.Target.Misbehave(faketarget.Faults{})
	if r := f.run(false); r.Counts.Left != 0 || f.members("ops") != 2 || !strings.Contains(r.Message, "cn=ops") {
		t.Errorf("an empty group: %+v", r)
	}
}

// listed are the changes of one kind that the latest run lists.
func (f *followed) listed(kind string) []store.SyncChange {
	f.Helper()
	return stinttest.Read(f.World, func(r *store.Reader) ([]store.SyncChange, error) {
		runs, err := r.SyncRuns(f.target, 1)
		if err != nil {
			return nil, err
		}
		c, _, err := r.SyncChanges(runs[0].ID, kind, 0, 500)
		return c, err
	})
}

// Who is in a group from a directory that is not followed any more stays as if added by hand, as the confirmation says:
// in small writes that a crash may come between, and not where the directory is followed again meanwhile.
func TestSyncLeavesMembersBehind(t *testing.T) {
	t.Parallel()
	f := follow(t, 450)
	f.Group("ops", "carol")
	f.Group("kept")
	ops, kept := f.Target.AddEntitlement("cn=ops"), f.Target.AddEntitlement("cn=kept")
	for i := range f.people {
		f.people[i].ID = string(f.Target.AddAccount(f.people[i].ID))
		f.Target.Put(connector.AccountID(f.people[i].ID), ops)
	}
	f.Target.Put(connector.AccountID(f.people[0].ID), kept)
	f.show()
	f.Do(func(tx *store.Tx) error {
		s, err := tx.Sync(f.target)
		if err != nil {
			return err
		}
		s.Settings.Groups = []pim.SyncGroup{{Directory: "cn=ops", ID: string(ops), GroupID: "ops"}, {Directory: "cn=kept", ID: string(kept), GroupID: "kept"}}
		return tx.SaveSync(s)
	})
	f.first()
	both := f.who("se001").ID
	f.Do(func(tx *store.Tx) error {
		return tx.AddMember(pim.Membership{GroupID: "ops", MemberID: both, Source: pim.SourceBrowser})
	})
	fed := func(group string) int {
		return int(stinttest.Read(f.World, func(r *store.Reader) (int64, error) { return r.CountMembersFrom(group, pim.SourceDirectory) }))
	}
	if fed("ops") != 450 || fed("kept") != 1 {
		t.Fatalf("fed: %d and %d", fed("ops"), fed("kept"))
	}
	s := stinttest.Read(f.World, func(r *store.Reader) (store.Sync, error) { return r.Sync(f.target) })
	s.Settings.Groups = s.Settings.Groups[1:]
	out, err := f.Broker.SaveSync(f.Context(), f.actor(), f.target, s.Version, s.Settings)
	f.OK(err)
	page := f.carol.Get("/step-up/" + out.CeremonyID)
	if text := page.Text("main"); !strings.Contains(text, "ops keeps 450 members it has from the directory, from then on as if added by hand") || strings.Contains(text, "kept keeps") {
		t.Errorf("the confirmation says %s", text)
	}
	f.carol.Confirm("/step-up/"+out.CeremonyID).Want(t, 303)
	f.OK(f.Broker.SyncDue(f.Context()))
	if fed("ops") != 0 || fed("kept") != 1 || f.count("ops") != 451 {
		t.Errorf("after the group is fed no more: %d and %d from the directory, %d members", fed("ops"), fed("kept"), f.count("ops"))
	}
	if n := len(f.Events(pim.EvSyncLeft)); n != 3 {
		t.Errorf("%d events of writes, want 3", n)
	}
	out, err = f.Broker.RemoveSync(f.Context(), f.actor(), f.target)
	f.OK(err)
	f.carol.Confirm("/step-up/"+out.CeremonyID).Want(t, 303)
	f.OK(f.Broker.SyncDue(f.Context()))
	if fed("kept") != 0 || f.members("kept") != 1 {
		t.Errorf("after the directory is followed no more: %d from it, %d members", fed("kept"), f.members("kept"))
	}
}

// Whom a directory left is kept here: not before it is followed no more, and the entry says so.
func TestWhomADirectoryLeftIsKeptHere(t *testing.T) {
	t.Parallel()
	f := follow(t, 12)
	f.first()
	var left pim.Principal
	for _, p := range stinttest.Read(f.World, func(r *store.Reader) ([]pim.Principal, error) { return r.Principals(pim.Person) }) {
		if p.Source == pim.SourceDirectory {
			left = p
		}
	}
	form := broker.PersonForm{Name: "Renamed", Email: left.Email, MatchClaim: left.MatchClaim, MatchValue: left.MatchValue}
	if left.MatchClaim == "" {
		form.Issuer, form.Subject = left.Issuer, left.Subject
	}
	var refusal *pim.Refusal
	if _, err := f.Broker.SavePerson(f.Context(), f.actor(), left.ID, left.Version, form); !errors.As(err, &refusal) || refusal.Kind != pim.KindConflict {
		t.Fatalf("while it is followed: %v", err)
	}
	if f.carol.Get("/people/"+left.ID).Want(t, 200).Find(`a[href="/people/`+left.ID+`/edit"]`).Length() != 0 {
		t.Error("the page offers to edit who is followed")
	}
	out, err := f.Broker.RemoveSync(f.Context(), f.actor(), f.target)
	f.OK(err)
	f.carol.Confirm("/step-up/"+out.CeremonyID).Want(t, 303)
	if f.carol.Get("/people/"+left.ID).Want(t, 200).Find(`a[href="/people/`+left.ID+`/edit"]`).Length() != 1 {
		t.Error("the page does not offer to edit who is left")
	}
	if got := f.carol.Get("/people/"+left.ID+"/edit").Want(t, 200).Text("main"); !strings.Contains(got, "not followed any more") {
		t.Errorf("the form says %q", got)
	}
	out, err = f.Broker.SavePerson(f.Context(), f.actor(), left.ID, left.Version, form)
	f.OK(err)
	now := stinttest.Read(f.World, func(r *store.Reader) (pim.Principal, error) { return r.Principal(left.ID) })
	if out.CeremonyID != "" || now.Name != "Renamed" || now.Source != pim.SourceBrowser {
		t.Errorf("%+v %+v", out, now)
	}
	saved := f.Events(pim.EvPrincipalSaved)
	if e := saved[0]; e.ObjectID != left.ID || e.Actor != "carol" || e.Facts["source"] != string(pim.SourceBrowser) {
		t.Errorf("the entry: %+v", e)
	}
}

// count is how many edges a group has.
func (f *followed) count(group string) (n int) {
	for _, m := range stinttest.Read(f.World, (*store.Reader).Members) {
		if m.GroupID == group {
			n++
		}
	}
	return n
}

func (f *followed) members(group string) int {
	return len(stinttest.Read(f.World, func(r *store.Reader) ([]store.Member, error) {
		members, _, err := r.MembersIn(group, store.PrincipalPage{Limit: 100})
		return members, err
	}))
}

// A scheduled run comes by itself, and sooner after one that failed.
func TestSyncIsScheduled(t *testing.T) {
	t.Parallel()
	f := follow(t, 12)
	f.first()
	f.Clock.Advance(5 * time.Hour)
	f.OK(f.Broker.SyncDue(f.Context()))
	if n := len(f.Events(pim.EvSyncCompleted)); n != 2 {
		t.Fatalf("%d runs before the time, want 2", n)
	}
	f.Clock.Advance(time.Hour)
	f.Target.Misbehave(faketarget.Faults{Down: true})
	if r := f.work(); r.State != pim.SyncFailed || r.AskedBy != pim.System {
		t.Fatalf("%+v", r)
	}
	f.Target.Misbehave(faketarget.Faults{})
	f.Clock.Advance(10 * time.Minute)
	if r := f.work(); r.State != pim.SyncDone {
		t.Errorf("after the failure: %+v", r)
	}
}
