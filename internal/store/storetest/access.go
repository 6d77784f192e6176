package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var access = []testCase{
	{"assignments in force", assignmentsInForce},
	{"assignments through groups", assignmentsThroughGroups},
	{"one assignment of a kind", oneAssignmentOfAKind},
	{"assignments end", assignmentsEnd},
	{"Stint's own roles", stintRoles},
	{"which roles owners hand out", handOuts},
	{"what lies below", subtrees},
	{"accounts for emergencies", breakGlass},
	{"settings come back as they were", settingsComeBack},
	{"settings on a path", settingsOnPath},
	{"every version of settings", settingsHistory},
	{"settings locks", settingsLocks},
	{"whom settings touch", settingsReach},
	{"meanings below a resource", meaningsBelow},
	{"accounts", accounts},
	{"targets and their health", targets},
}

// Windows are judged by the instant of the snapshot (A-06, invariant 1).
func assignmentsInForce(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	windows := map[string]struct {
		from, to time.Duration
		want     bool
	}{
		"permanent":   {-time.Hour, 0, true},
		"in force":    {-time.Hour, time.Hour, true},
		"not begun":   {time.Hour, 2 * time.Hour, false},
		"over":        {-2 * time.Hour, -time.Hour, false},
		"began later": {time.Hour, 0, false},
	}
	for name, w := range windows {
		do(t, s, func(tx *store.Tx) error {
			if err := tx.InsertResource(resource(name, "")); err != nil {
				return err
			}
			a := assignment(name, "bob", pim.Eligible, at.Add(w.from))
			if a.ResourceID = name; w.to != 0 {
				a.EndsAt = at.Add(w.to)
			}
			return tx.InsertAssignment(a)
		})
	}
	have := eligible(t, s, "bob")
	for name, w := range windows {
		if slices.Contains(have, name) != w.want {
			t.Errorf("%s: bob has %v", name, have)
		}
	}
	if got := eligible(t, s, "alice"); !slices.Equal(got, []string{"asg"}) {
		t.Errorf("alice has her own alone: %v", got)
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsFor("bob", pim.Active) }); len(got) != 0 {
		t.Errorf("eligible is not active: %v", got)
	}
	due := get(t, s, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsDue(10) })
	if len(due) != 1 || due[0].ID != "over" {
		t.Errorf("due: %v", due)
	}
}

// P-04: each member of an eligible group may activate; who leaves may no longer.
func assignmentsThroughGroups(t *testing.T, s *store.Store) {
	world(t, s)
	edge := pim.Membership{GroupID: "dbas", MemberID: "bob", Source: pim.SourceFile}
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.AddMember(edge) },
			func() error {
				return tx.InsertAssignment(assignment("of dbas", "dbas", pim.Eligible, tx.Now.Add(-time.Hour)))
			},
			func() error { return tx.InsertPrincipal(group("outer")) },
			func() error {
				return tx.AddMember(pim.Membership{GroupID: "outer", MemberID: "dbas", Source: pim.SourceFile})
			},
			func() error { return tx.InsertResource(resource("outer-res", "")) },
			func() error {
				a := assignment("of outer", "outer", pim.Eligible, tx.Now.Add(-time.Hour))
				a.ResourceID = "outer-res"
				return tx.InsertAssignment(a)
			},
		)
	})
	if got := eligible(t, s, "bob"); !slices.Equal(got, []string{"of dbas", "of outer"}) {
		t.Errorf("bob has %v", got)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemoveMember(edge) })
	if got := eligible(t, s, "bob"); len(got) != 0 {
		t.Errorf("bob left and has %v", got)
	}
}

// one of each kind; an ended one makes room.
func oneAssignmentOfAKind(t *testing.T, s *store.Store) {
	world(t, s)
	insert := func(id string, kind pim.AssignmentKind) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertAssignment(assignment(id, "alice", kind, tx.Now)) })
	}
	if insert("again", pim.Eligible) == nil {
		t.Error("two eligible assignments of one role and scope")
	}
	if err := insert("active", pim.Active); err != nil {
		t.Errorf("A-12: eligible and active stand side by side: %v", err)
	}
	do(t, s, func(tx *store.Tx) error {
		a, err := tx.Assignment("asg")
		if err != nil {
			return err
		}
		return tx.EndAssignment(a, false)
	})
	if err := insert("again", pim.Eligible); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
}

func assignmentsEnd(t *testing.T, s *store.Store) {
	world(t, s)
	a := get(t, s, func(r *store.Reader) (pim.Assignment, error) { return r.Assignment("asg") })
	end := func(int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.EndAssignment(a, true) })
	}
	if won := race(t, end, store.ErrConflict); won != 1 {
		t.Errorf("ended %d times", won)
	}
	got := get(t, s, func(r *store.Reader) (pim.Assignment, error) { return r.Assignment("asg") })
	if got.EndedAt.IsZero() || len(eligible(t, s, "alice")) != 0 {
		t.Errorf("ended, still readable, no longer counting: %+v", got)
	}
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.UpdateAssignment(got) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an ended assignment is changed: %v", err)
	}
}

// Stint's own roles hold by an active assignment, also through a group, or by an activation in its window.
func stintRoles(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	do(t, s, func(tx *store.Tx) error {
		auditor := pim.Assignment{ID: "auditor", PrincipalID: "dbas", RoleID: pim.RoleAuditor, ResourceID: pim.StintResource, Kind: pim.Active, StartsAt: at.Add(-time.Hour), Source: pim.SourceFile}
		admin := pim.Assignment{ID: "admin", PrincipalID: "alice", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Eligible, StartsAt: at.Add(-time.Hour), Source: pim.SourceLink}
		owner, dba := auditor, auditor
		owner.ID, owner.PrincipalID, owner.RoleID, owner.ResourceID = "owner", "bob", pim.RoleOwner, "prod"
		dba.ID, dba.RoleID, dba.ResourceID = "dba-too", "dba", "prod"
		planned := activation("a3", pim.Scheduled, at.Add(-time.Minute)) // its start has come and was not checked again yet
		planned.AssignmentID, planned.RoleID, planned.ResourceID, planned.StartAsked, planned.StartDue = "auditor", pim.RoleAuditor, pim.StintResource, planned.StartsAt, planned.StartsAt
		active, over := activation("a1", pim.Provisioning, at.Add(-time.Minute)), activation("a2", pim.ActiveConfirmed, at.Add(-2*time.Hour))
		active.AssignmentID, active.RoleID, active.ResourceID = "admin", pim.RoleAdministrator, pim.StintResource
		over.AssignmentID, over.RoleID, over.ResourceID = "auditor", pim.RoleAuditor, pim.StintResource
		return all(
			func() error {
				return tx.InsertResource(pim.Resource{ID: pim.StintResource, Kind: "stint", Name: "Stint", Source: pim.SourceBuiltin})
			},
			func() error {
				return tx.InsertRole(pim.RoleDefinition{ID: pim.RoleAuditor, Name: "Auditor", Source: pim.SourceBuiltin})
			},
			func() error {
				return tx.InsertRole(pim.RoleDefinition{ID: pim.RoleAdministrator, Name: "Administrator", Source: pim.SourceBuiltin})
			},
			func() error {
				return tx.InsertRole(pim.RoleDefinition{ID: pim.RoleOwner, Name: "Resource Administrator", Source: pim.SourceBuiltin})
			},
			func() error {
				return tx.AddMember(pim.Membership{GroupID: "dbas", MemberID: "bob", Source: pim.SourceFile})
			},
			func() error { return tx.InsertAssignment(auditor) },
			func() error { return tx.InsertAssignment(owner) },
			func() error { return tx.InsertAssignment(dba) },
			func() error { return tx.InsertAssignment(admin) },
			func() error { return tx.InsertActivation(active) },
			func() error { return tx.InsertActivation(over) },
			func() error { return tx.InsertActivation(planned) },
		)
	})
	roles := func(who string) []pim.Held {
		return get(t, s, func(r *store.Reader) ([]pim.Held, error) { return r.StintRoles(who) })
	}
	if got := roles("bob"); !slices.Equal(got, []pim.Held{{RoleID: pim.RoleAuditor, ResourceID: pim.StintResource}, {RoleID: pim.RoleOwner, ResourceID: "prod"}}) &&
		!slices.Equal(got, []pim.Held{{RoleID: pim.RoleOwner, ResourceID: "prod"}, {RoleID: pim.RoleAuditor, ResourceID: pim.StintResource}}) {
		t.Errorf("bob, through his group and on a resource; dba is none of Stint's own: %v", got)
	}
	if got := roles("alice"); !slices.Equal(got, []pim.Held{{RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource}}) {
		t.Errorf("alice, by her activation; one whose window is over or not begun gives nothing, swept or not: %v", got)
	}
}

func ptr[T any](v T) *T { return &v }

// K-19: what is not set is inherited, and stays different from what is set to nothing.
func settingsComeBack(t *testing.T, s *store.Store) {
	world(t, s)
	for _, want := range []pim.RoleSettings{
		{RoleID: "dba", Source: pim.SourceFile},
		{RoleID: "dba", ResourceID: "prod", MaxDuration: ptr(90 * time.Minute), DefaultDuration: ptr(time.Hour), StepUp: ptr(pim.StepUpNone), Justification: ptr(false),
			Ticket: ptr(true), Approval: ptr(true), Approvers: []string{"bob", "dbas"}, ApprovalTimeout: ptr(time.Hour),
			MaxLead: ptr(time.Duration(0)), MaxTotal: ptr(12 * time.Hour), ExtensionApproval: ptr(pim.ExtensionFree), Context: ptr("c1"),
			PermanentEligible: ptr(false), EligibleMax: ptr(90 * 24 * time.Hour), PermanentActive: ptr(false), ActiveMax: ptr(30 * 24 * time.Hour),
			AssignStepUp: ptr(true), AssignJustification: ptr(false), Enforced: []pim.Field{pim.FieldApproval, pim.FieldTicket},
			ChangedBy: "alice", Source: pim.SourceBrowser},
		{RoleID: "dba", ResourceID: "other", Approvers: []string{}, Justification: ptr(true), Source: pim.SourceFile},
	} {
		for version := int64(1); version <= 2; version++ {
			do(t, s, func(tx *store.Tx) error { return tx.SaveSettings(want) })
			want.Version, want.ChangedAt = version, get(t, s, func(r *store.Reader) (time.Time, error) {
				row, err := r.SettingsAt("dba", want.ResourceID)
				return row.ChangedAt, err
			})
			if want.ChangedAt.IsZero() {
				t.Errorf("%q: nobody knows when", want.ResourceID)
			}
			rows := get(t, s, func(r *store.Reader) ([]pim.RoleSettings, error) { return r.Settings("dba", "absent") })
			i := slices.IndexFunc(rows, func(r pim.RoleSettings) bool { return r.ResourceID == want.ResourceID })
			if i < 0 || !reflect.DeepEqual(rows[i], want) {
				t.Errorf("%q, saved %d times:\n have %+v\n want %+v", want.ResourceID, version, rows, want)
			}
		}
	}
	if rows := get(t, s, func(r *store.Reader) ([]pim.RoleSettings, error) { return r.Settings() }); len(rows) != 0 {
		t.Errorf("settings of no role: %v", rows)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemoveSettings("dba", "prod", "alice") })
	if rows := get(t, s, (*store.Reader).AllSettings); len(rows) != 2 {
		t.Errorf("%d rows after one was removed", len(rows))
	}
	if _, err := store.Read(context.Background(), s, func(r *store.Reader) (pim.RoleSettings, error) { return r.SettingsAt("dba", "prod") }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was removed: %v", err)
	}
}

// Of a role's settings a node needs those everywhere and on its path, and nothing beside it.
func settingsOnPath(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for _, node := range []string{"", "prod", "beside"} {
			if err := tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: node, Source: pim.SourceFile}); err != nil {
				return err
			}
		}
		return nil
	})
	rows := get(t, s, func(r *store.Reader) ([]pim.RoleSettings, error) {
		return r.SettingsOn("dba", pim.Path{{ID: "above"}, {ID: "prod"}})
	})
	if len(rows) != 2 || rows[0].ResourceID != "" || rows[1].ResourceID != "prod" {
		t.Errorf("%+v", rows)
	}
}

// Every version of a row stays, with who and when, the removal too; a row that comes again goes on counting.
func settingsHistory(t *testing.T, s *store.Store) {
	world(t, s)
	save := func(max time.Duration, by string) {
		do(t, s, func(tx *store.Tx) error {
			return tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: "prod", MaxDuration: &max, Approvers: []string{}, ChangedBy: by, Source: pim.SourceBrowser})
		})
	}
	save(time.Hour, "alice")
	save(2*time.Hour, "bob")
	do(t, s, func(tx *store.Tx) error { return tx.RemoveSettings("dba", "prod", "bob") })
	save(3*time.Hour, "alice")
	page := func(before int64, limit int) []store.SettingsVersion {
		return get(t, s, func(r *store.Reader) ([]store.SettingsVersion, error) {
			return r.SettingsHistory("dba", "prod", before, limit)
		})
	}
	all := page(0, 10)
	var got []string
	for _, v := range all {
		length := "-"
		if v.MaxDuration != nil {
			length = v.MaxDuration.String()
		}
		got = append(got, fmt.Sprintf("%d %v %s %s %v", v.Version, v.Removed, v.ChangedBy, length, v.ChangedAt.IsZero()))
	}
	if want := []string{"4 false alice 3h0m0s false", "3 true bob - false", "2 false bob 2h0m0s false", "1 false alice 1h0m0s false"}; !slices.Equal(got, want) {
		t.Errorf("have %q\nwant %q", got, want)
	}
	if v := all[0]; v.RoleID != "dba" || v.ResourceID != "prod" || v.Approvers == nil || v.Source != pim.SourceBrowser || v.Justification != nil {
		t.Errorf("%+v", v)
	}
	if p := page(3, 1); len(p) != 1 || p[0].Version != 2 {
		t.Errorf("a page before version 3: %+v", p)
	}
	if v := get(t, s, func(r *store.Reader) (store.SettingsVersion, error) { return r.SettingsVersion("dba", "prod", 2) }); *v.MaxDuration != 2*time.Hour {
		t.Errorf("%+v", v)
	}
	if row := get(t, s, func(r *store.Reader) (pim.RoleSettings, error) { return r.SettingsAt("dba", "prod") }); row.Version != 4 {
		t.Errorf("%+v", row)
	}
}

// Whom settings touch: the eligible at the node, above and below it, through groups too, and never beside it.
func settingsReach(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		eligible := func(who, node string) func() error {
			return func() error {
				return tx.InsertAssignment(pim.Assignment{ID: who + node, PrincipalID: who, RoleID: "dba", ResourceID: node, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
			}
		}
		return all(
			func() error { return tx.InsertPrincipal(person("cem", "Cem")) },
			func() error {
				return tx.AddMember(pim.Membership{GroupID: "dbas", MemberID: "bob", Source: pim.SourceFile})
			},
			func() error { return tx.InsertResource(resource("table", "prod")) },
			func() error { return tx.InsertResource(resource("beside", "")) },
			eligible("dbas", "table"), eligible("cem", "beside"),
			func() error {
				return tx.InsertCredential(pim.Credential{ID: "key", PrincipalID: "bob", Name: "key", RawID: []byte("bob"), PublicKey: []byte("bob"), AAGUID: []byte{7}, AttestedBy: "root"})
			})
	})
	for _, c := range []struct {
		node           string
		people, groups int64
		names, bare    string
	}{{"", 2, 1, "Alice Bob Cem", "Alice Cem"}, {"prod", 1, 1, "Alice Bob", "Alice"}, {"table", 1, 1, "Alice Bob", "Alice"}, {"beside", 1, 0, "Cem", "Cem"}} {
		get(t, s, func(r *store.Reader) (struct{}, error) {
			var path pim.Path
			var err error
			if c.node != "" {
				if path, err = r.Path(c.node); err != nil {
					return struct{}{}, err
				}
			}
			people, groups, err := r.EligibleCounts("dba", path)
			if err != nil || people != c.people || groups != c.groups {
				t.Errorf("%q: %d people, %d groups, %v", c.node, people, groups, err)
			}
			attested := pim.KeyRule{Roots: []string{"root"}, Models: [][]byte{{7}}}
			for bare, want := range map[*pim.KeyRule]string{nil: c.names, {}: c.bare, &attested: c.bare, {Roots: []string{"other"}}: c.names, {Roots: []string{"root"}, Models: [][]byte{{8}}}: c.names} {
				list, err := r.EligiblePeople("dba", path, bare, 10)
				n, wrong := r.CountEligiblePeople("dba", path, bare)
				if got := strings.Join(namesOf(list), " "); err != nil || wrong != nil || got != want || int(n) != len(list) {
					t.Errorf("%q, without a passkey %v: %s (%d), want %s; %v %v", c.node, bare, got, n, want, err, wrong)
				}
			}
			held, err := r.HeldNow("dba", path)
			if err != nil || held != 0 {
				t.Errorf("%q: %d held, %v", c.node, held, err)
			}
			return struct{}{}, nil
		})
	}
	able := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.AbleIn([]string{"alice", "dbas"}, 10) })
	if got := strings.Join(namesOf(able), " "); got != "Bob" {
		t.Errorf("able: %s", got)
	}
}

func namesOf(people []pim.Principal) (names []string) {
	for _, p := range people {
		names = append(names, p.Name)
	}
	return names
}

// T21: a lock holds until its end, and a second one moves it.
func settingsLocks(t *testing.T, s *store.Store) {
	world(t, s)
	lock := func(who string, until time.Time) {
		do(t, s, func(tx *store.Tx) error {
			return tx.LockSettings(store.SettingsLock{RoleID: "dba", ResourceID: "prod", PrincipalID: who, Until: until})
		})
	}
	later := now(s).Add(time.Hour)
	lock("alice", later)
	lock("alice", later.Add(time.Hour))
	lock("bob", now(s).Add(-time.Minute))
	locks := get(t, s, func(r *store.Reader) ([]store.SettingsLock, error) { return r.SettingsLocks("dba") })
	if len(locks) != 1 || locks[0] != (store.SettingsLock{RoleID: "dba", ResourceID: "prod", PrincipalID: "alice", Until: later.Add(time.Hour)}) {
		t.Errorf("%+v", locks)
	}
	if others := get(t, s, func(r *store.Reader) ([]store.SettingsLock, error) { return r.SettingsLocks("another") }); len(others) != 0 {
		t.Errorf("%+v", others)
	}
}

func meaningsBelow(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for _, n := range []pim.Resource{resource("table", "prod"), resource("column", "table"), resource("beside", ""), resource("gone", "prod"), resource("under-gone", "gone")} {
			if err := tx.InsertResource(n); err != nil {
				return err
			}
			if err := tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: n.ID, Name: "cn=" + n.ID}); err != nil {
				return err
			}
		}
		return all(
			func() error {
				return tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "table", Name: "cn=table", EntitlementID: "uuid"})
			},
			func() error { return tx.RemoveResource("gone") },
		)
	})
	var got []string
	for _, m := range get(t, s, func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsBelow("dba", "prod") }) {
		got = append(got, m.Name+m.EntitlementID)
	}
	if !slices.Equal(got, []string{"cn=column", "cn=tableuuid"}) {
		t.Errorf("below prod: %v", got)
	}
}

func accounts(t *testing.T, s *store.Store) {
	world(t, s)
	a := pim.Account{ID: "acc", PrincipalID: "alice", TargetID: "dir", Name: "alice", Source: pim.SourceFile, Version: 1}
	do(t, s, func(tx *store.Tx) error { return tx.InsertAccount(a) })
	again := a
	again.ID = "acc2"
	if store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertAccount(again) }) == nil {
		t.Error("two accounts of one person at one target")
	}
	if got := get(t, s, (*store.Reader).AccountsUnresolved); len(got) != 1 {
		t.Errorf("unresolved: %v", got)
	}
	a.ExternalID, a.ConfirmedAt, a.ConfirmedBy, a.TakenBy = "uuid-1", now(s).Truncate(time.Second), "bob", "carol"
	do(t, s, func(tx *store.Tx) error { return tx.UpdateAccount(a) })
	a.Version = 2
	if got := get(t, s, func(r *store.Reader) (pim.Account, error) { return r.AccountAt("alice", "dir") }); got != a || !got.Confirmed() {
		t.Errorf("have %+v\nwant %+v", got, a)
	}
	shared := pim.Account{ID: "acc3", PrincipalID: "bob", TargetID: "dir", Name: "alice", ExternalID: "uuid-1", Source: pim.SourceFile}
	do(t, s, func(tx *store.Tx) error { return tx.InsertAccount(shared) })
	owners := get(t, s, func(r *store.Reader) ([]string, error) { return r.OwnersOf("dir", "uuid-1") })
	slices.Sort(owners)
	if !slices.Equal(owners, []string{"alice", "bob"}) {
		t.Errorf("two principals on one account: %v", owners)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemoveAccount("acc") })
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.RemoveAccount("acc") }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("removed twice: %v", err)
	}
}

func targets(t *testing.T, s *store.Store) {
	world(t, s)
	row := get(t, s, func(r *store.Reader) (store.TargetRow, error) { return r.Target("dir") })
	row.Settings, row.MayWrite, row.Sealed = map[string]string{"url": "ldaps://x"}, []string{"cn=a", "cn=b"}, "ciphertext"
	do(t, s, func(tx *store.Tx) error { return tx.UpdateTarget(row) })
	failed := func() bool {
		first, err := store.Write(context.Background(), s, func(tx *store.Tx) (bool, error) { return tx.TargetFailed("dir", "transient", "timeout") })
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	recovered := func() bool {
		again, err := store.Write(context.Background(), s, func(tx *store.Tx) (bool, error) { return tx.TargetOK("dir") })
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	if recovered() || !failed() || failed() || !recovered() || recovered() {
		t.Error("an outage begins once and ends once")
	}
	got := get(t, s, func(r *store.Reader) (store.TargetRow, error) { return r.Target("dir") })
	if !reflect.DeepEqual(got.Settings, row.Settings) || !slices.Equal(got.MayWrite, row.MayWrite) || got.Error != "" || got.OKAt.IsZero() {
		t.Errorf("%+v", got)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemoveTarget("dir") })
	if got := get(t, s, (*store.Reader).Targets); len(got) != 0 {
		t.Errorf("removed and listed: %v", got)
	}
}
