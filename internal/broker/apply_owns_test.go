package broker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/store"
)

const issuer = "https://idp.example.org"

// signsIn lets somebody sign in and returns who they are here.
func (o *office) signsIn(subject, username string, groups ...string) pim.Principal {
	o.Helper()
	p, err := o.b.SignIn(o.ctx, signin.Identity{Issuer: issuer, Subject: subject, Name: username, PreferredUsername: username, Groups: groups, GroupsPresent: len(groups) > 0,
		Claims: map[string]any{"preferred_username": username}}, broker.Arrival{Session: store.SessionRow{ID: "session-" + subject + o.clock.Now().String(), Data: "{}", ExpiresAt: o.clock.Now().Add(time.Hour)}, GroupsFresh: 24 * time.Hour})
	o.ok(err)
	return p
}

// What came from sign-in or a link is left alone and listed, in the plan and as comments of the export; what the
// file no longer names is taken away.
func TestTheFileOwnsWhatItWroteAndNothingElse(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	withClaim := replace(base, "{id: inner, name: Inner, members", "{id: inner, name: Inner, claim: staff, members")
	o.apply(withClaim)
	mallory := o.signsIn("s-1", "mallory\u202e\n  - evil", "staff")
	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "by-link", PrincipalID: mallory.ID, RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Eligible,
			StartsAt: tx.Now, Source: pim.SourceLink})
	}))
	done := o.apply(withClaim)
	if len(done.Changes) != 0 || len(done.Left) != 3 {
		t.Fatalf("changes:\n%sleft:\n%s", lines(done.Changes), lines(done.Left))
	}
	for _, want := range []string{`person "mallory`, "member person", "from sign-in, left alone", "assignment person", "made by `stint admin link`, left alone"} {
		if !strings.Contains(lines(done.Left), want) {
			t.Errorf("%q is not listed in\n%s", want, lines(done.Left))
		}
	}
	exported, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	_, comments, _ := strings.Cut(string(exported), "Not owned by a file.")
	if !strings.Contains(comments, "s-1") || strings.Contains(comments, "\u202e") { // T29
		t.Errorf("comments:\n%s", comments)
	}
	for _, line := range strings.Split(strings.TrimSpace(comments), "\n")[1:] {
		if line != "" && !strings.HasPrefix(line, "# ") {
			t.Errorf("not a comment: %q", line)
		}
	}
	if again := o.apply(string(exported)); len(again.Changes) > 0 {
		t.Errorf("the export changes something:\n%s", lines(again.Changes))
	}
	empty := o.apply("version: 1\n")
	if !strings.Contains(lines(empty.Changes), "- person/alice") || len(empty.Left) != 2 { // the group that had the claim's member left
		t.Errorf("changes:\n%sleft:\n%s", lines(empty.Changes), lines(empty.Left))
	}
	exported, err = broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	if body, _, _ := strings.Cut(string(exported), "\n# Not"); strings.Contains(body, "alice") || strings.Contains(body, "dba") {
		t.Errorf("still there:\n%s", body)
	}
	// Nothing left behind stumbles: the claim's membership of a removed group would once have lapsed.
	o.clock.add(25 * time.Hour)
	o.tick()
}

// P-11: `enabled: false` ends everything a person holds, really, and their sign-in; in the portal disabled
// stays disabled until the file says otherwise.
func TestDisabledInTheFileEndsEverything(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	a := o.hold("person/alice")
	if !o.held("alice", "cn=dba") || !o.held("bob", "cn=backup") {
		t.Fatal("not held")
	}
	off := replace(base, "match: {preferred_username: alice}}", "match: {preferred_username: alice}, enabled: false}", "match: {preferred_username: bob}}", "match: {preferred_username: bob}, enabled: false}")
	done := o.apply(off)
	if got := o.activation(a.ID); got.State != pim.PersonDisabled || len(done.Changes) != 2 {
		t.Fatalf("activation is %s\n%s", got.State, lines(done.Changes))
	}
	o.tick()
	if got := o.activation(a.ID); got.SettledAt.IsZero() || o.held("alice", "cn=dba") || o.held("bob", "cn=backup") {
		t.Errorf("settled %v, held %v and %v", got.SettledAt, o.held("alice", "cn=dba"), o.held("bob", "cn=backup"))
	}
	done = o.apply(base)
	if len(done.Changes) != 0 || len(done.Left) != 2 || !strings.Contains(lines(done.Left), "= person/alice: disabled, and stays so until somebody enables them") {
		t.Errorf("changes:\n%sleft:\n%s", lines(done.Changes), lines(done.Left))
	}
	o.apply(replace(base, "match: {preferred_username: alice}}", "match: {preferred_username: alice}, enabled: true}", "match: {preferred_username: bob}}", "match: {preferred_username: bob}, enabled: true}"))
	o.tick()
	if !o.held("bob", "cn=backup") || o.held("alice", "cn=dba") {
		t.Error("an active assignment begins again when its person is enabled; an activation does not")
	}
}

// EC-11, EC-03: eligibility taken away while active ends the activation at once, at any age, by whatever path it goes.
func TestEligibilityLeavesTheFile(t *testing.T) {
	t.Parallel()
	for name, pairs := range map[string][]string{
		"the assignment":   {"  - {principal: group/outer, role: dba, resource: org, kind: eligible}\n", ""},
		"the membership":   {"members: [person/alice]", "members: [person/carol]"},
		"a nested group":   {"members: [group/inner]", "members: [person/carol]"},
		"the groups":       {"  - {id: inner, name: Inner, members: [person/alice]}\n  - {id: outer, name: Outer, members: [group/inner]}\n", "  - {id: other, name: Other}\n", "group/outer", "group/other"},
		"the person's id":  {"id: alice,", "id: alicia,", "person: alice,", "person: alicia,", "[person/alice]", "[person/alicia]"},
		"the role":         {base[strings.Index(base, "  - id: dba\n"):strings.Index(base, "  - id: backup\n")], "", "  - {principal: group/outer, role: dba, resource: org, kind: eligible}\n", ""},
		"only the holding": {"group/outer, role: dba, resource: org, kind: eligible}", "group/outer, role: dba, resource: db, kind: eligible}"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.apply(base)
			a := o.hold("person/alice")
			o.apply(replace(base, pairs...))
			if got := o.activation(a.ID); got.State != pim.EligibilityEnded && got.State != pim.PersonDisabled {
				t.Fatalf("activation is %s", got.State)
			}
			o.tick()
			if got := o.activation(a.ID); got.SettledAt.IsZero() || o.held("alice", "cn=dba") {
				t.Errorf("settled %v, held %v", got.SettledAt, o.held("alice", "cn=dba"))
			}
		})
	}
}

// What does not touch an eligibility leaves its activation alone: names, settings (EC-13), other groups.
func TestRunningActivationsGoOn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	a := o.hold("person/alice")
	o.apply(replace(base, "name: Alice Keller", "name: Alice Novak", "max_duration: 4h, default_duration: 30m", "max_duration: 10m", "members: [person/alice]", "members: [person/carol, person/alice]",
		"name: Outer", "name: Outermost", `entitlement: "cn=dba"`, `entitlement: "cn=dba-2"`, "kind: eligible}", "kind: eligible, until: 2030-01-31}"))
	o.tick()
	if got := o.activation(a.ID); got.State != pim.ActiveConfirmed || !o.held("alice", "cn=dba") || o.held("alice", "cn=dba-2") {
		t.Errorf("activation is %s; holds the old meaning %v, the new one %v", got.State, o.held("alice", "cn=dba"), o.held("alice", "cn=dba-2"))
	}
	o.clock.add(30 * time.Minute)
	o.tick()
	if o.held("alice", "cn=dba") {
		t.Error("the old meaning outlived the activation")
	}
}

// An active assignment follows the file at once: a new meaning, a member more, a member less.
func TestActiveAssignmentsFollow(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	active := replace(base, "person/bob, role: backup, resource: db, kind: active", "group/outer, role: backup, resource: db, kind: active", "  - {principal: group/outer, role: dba, resource: org, kind: eligible}\n", "")
	o.apply(active)
	o.tick()
	if !o.held("alice", "cn=backup") || o.held("bob", "cn=backup") {
		t.Fatal("a group's active assignment holds for each member")
	}
	active = replace(active, "members: [person/alice]", "members: [person/bob]", `"cn=backup"`, `"cn=backup-2"`)
	o.apply(active)
	o.tick() // finds the new name
	o.tick()
	for _, h := range []struct {
		who, what string
		want      bool
	}{{"alice", "cn=backup", false}, {"alice", "cn=backup-2", false}, {"bob", "cn=backup", false}, {"bob", "cn=backup-2", true}} {
		if got := o.held(h.who, h.what); got != h.want {
			t.Errorf("%s holds %s: %v", h.who, h.what, got)
		}
	}
	o.apply(replace(active, "kind: active}", "kind: active, until: \"2026-11-22T10:00:00Z\"}"))
	o.clock.add(time.Hour)
	o.tick()
	if o.held("bob", "cn=backup-2") {
		t.Error("held beyond the end the file set")
	}
}

// An account whose name changed is another one: what was held through the old one ends and goes.
func TestAccountOfAnotherName(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	a := o.hold("person/alice")
	o.apply(replace(base, "account: alice}", "account: alice2}", "account: bob}", "account: bob2}"))
	if got := o.activation(a.ID); got.State != pim.Revoked || got.EndReason == "" {
		t.Errorf("activation is %s %q", got.State, got.EndReason)
	}
	o.tick()
	o.tick()
	for _, h := range []struct {
		who, what string
		want      bool
	}{{"alice", "cn=dba", false}, {"alice2", "cn=dba", false}, {"bob", "cn=backup", false}, {"bob2", "cn=backup", true}} {
		if got := o.held(h.who, h.what); got != h.want {
			t.Errorf("%s holds %s: %v", h.who, h.what, got)
		}
	}
	account := read(o, func(r *store.Reader) (pim.Account, error) {
		p, err := r.PrincipalByKey(pim.Person, "alice")
		if err != nil {
			return pim.Account{}, err
		}
		accounts, err := r.AccountsOf(p.ID)
		return accounts[0], err
	})
	if !account.Confirmed() || account.ConfirmedBy != pim.System || account.ExternalID != "id:alice2" {
		t.Errorf("%+v", account)
	}
}

// Whoever signed in before the file knew them is taken over by issuer and subject, openly; an id is never
// handed on, and without them a new person is made.
func TestPeopleWhoSignedInBefore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	eve := o.signsIn("s-eve", "eve")
	person := func(id string) string {
		return "people:\n  - {id: " + id + ", name: Eve Adler, issuer: \"" + issuer + "\", subject: s-eve}\n"
	}
	withEve := replace(base, "people:\n", person("eve"))
	done := o.apply(withEve)
	if got := lines(done.Changes); !strings.HasPrefix(got, "~ person/eve: now owned by the file (from sign-in)") || o.who("person/eve") != eve.ID {
		t.Fatalf("%s", got)
	}
	if again := o.apply(withEve); len(again.Changes) > 0 {
		t.Errorf("the second time:\n%s", lines(again.Changes))
	}
	done = o.apply(replace(base, "people:\n", person("eva"))) // another id for the same person
	if got := lines(done.Changes); !strings.HasPrefix(got, "~ person/eva: was person/eve") || len(done.Changes) != 1 || o.who("person/eva") != eve.ID {
		t.Errorf("%s", got)
	}
	if got := o.refused(replace(base, "people:\n", strings.Replace(person("eva"), "s-eve", "s-other", 1))); !strings.Contains(got, "org.yaml:18:5: people[eva].subject: person/eva signed in as somebody else already") {
		t.Errorf("%s", got)
	}
	mine := strings.TrimPrefix(strings.Replace(person("alice"), "Eve Adler", "Alice Keller", 1), "people:\n")
	got := o.refused(replace(base, "  - {id: alice, name: Alice Keller, email: alice@example.org, match: {preferred_username: alice}}\n", mine))
	if !strings.Contains(got, "people[alice].subject: whoever has this subject is known already as person/eva. Use a new id here") {
		t.Errorf("%s", got)
	}
	o.apply(base) // leaves: as a stranger they may sign in again, with nothing
	stranger := o.signsIn("s-eve", "eve")
	if stranger.ID == eve.ID || stranger.Source != pim.SourceSignIn {
		t.Errorf("a removed person came back: %+v", stranger)
	}
	if again := o.apply(withEve); !strings.HasPrefix(lines(again.Changes), "~ person/eve: now owned by the file") {
		t.Errorf("%s", lines(again.Changes))
	}
}

// EC-16: nobody able to administer Stint would be left.
func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	admin := func(lines ...string) string {
		return replace(base, "assignments:\n", "assignments:\n  - "+strings.Join(lines, "\n  - ")+"\n")
	}
	carol, bob := "{principal: person/carol, role: privileged-role-administrator, resource: stint, kind: eligible}", "{principal: person/bob, role: privileged-role-administrator, resource: stint, kind: eligible}"
	o.apply(admin(carol))
	o.apply(admin(bob)) // nobody had a passkey yet: there was nobody to keep
	o.apply(admin(carol))
	o.enrol(o.who("person/carol"))
	for name, text := range map[string]string{
		"taken away":        base,
		"disabled":          replace(admin(carol), "name: Carol Lindqvist}", "name: Carol Lindqvist, enabled: false}"),
		"handed to no key":  admin(bob),
		"approved by none":  replace(admin(carol), "roles:\n", "roles:\n  - {id: privileged-role-administrator, settings: [{approval: required, approvers: [person/carol]}]}\n"),
		"out of everything": "version: 1\n",
	} {
		if got := o.refused(text); !strings.Contains(got, "nobody able to administer Stint would be left") {
			t.Errorf("%s: %s", name, got)
		}
	}
	o.apply(admin(carol, bob))
	o.enrol(o.who("person/bob"))
	o.apply(admin(bob))
}

// Stint's own roles: the file sets their settings, and they fall back when it says nothing any more.
func TestSettingsOfStintsOwnRoles(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	maxOf := func() time.Duration {
		rows := read(o, func(r *store.Reader) ([]pim.RoleSettings, error) { return r.Settings(pim.RoleAdministrator) })
		return *rows[0].MaxDuration
	}
	o.apply(base)
	own := maxOf()
	set := replace(base, "roles:\n", "roles:\n  - {id: privileged-role-administrator, settings: [{max_duration: 15m}]}\n")
	o.apply(set)
	if maxOf() != 15*time.Minute {
		t.Error("not set")
	}
	exported, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	if again := o.apply(string(exported)); len(again.Changes) > 0 {
		t.Errorf("the export changes something:\n%s", lines(again.Changes))
	}
	done := o.apply(base)
	if maxOf() != own || lines(done.Changes) != "~ settings of role/privileged-role-administrator: back to Stint's own\n" {
		t.Errorf("%s: %s", maxOf(), lines(done.Changes))
	}
}

// A-05, EC-02 and dates that are past: refused with their line, and nothing is changed.
func TestEndsOfAssignments(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	ends := func(text string) string { return replace(base, "kind: eligible}", "kind: eligible, until: "+text+"}") }
	for text, want := range map[string]string{
		"2026-11-22T09:04:59Z": "org.yaml:28:79: assignments.until: An assignment lasts at least 5 minutes; choose a later end.", // the row began at 9:00
		"2026-11-22T09:00:00Z": "org.yaml:28:79: assignments.until: 2026-11-22T09:00:00Z is past; give a later end, or take the assignment out of the file to end it now",
		"2026-11-21":           "2026-11-21 is past",
		"2001-01-01":           "2001-01-01 is past",
	} {
		if got := o.refused(ends(text)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
	o.apply(ends("2026-11-22T09:05:00Z"))
	o.clock.add(5 * time.Minute)
	o.tick()
	done := o.apply(ends("2026-11-22T09:05:00Z"))
	if len(done.Changes) != 0 || lines(done.Left) != "= assignment group/outer eligible for role/dba on resource/org until 2026-11-22T09:05:00Z: ended by time, can leave the file\n" {
		t.Errorf("a file does not break because time went on:\n%s%s", lines(done.Changes), lines(done.Left))
	}
	if got := o.refused(ends("2026-11-22T09:04:00Z")); !strings.Contains(got, "is past") {
		t.Errorf("%s", got)
	}
	o.apply(ends("2026-11-22")) // made again
	if n := len(o.assignments("person/alice", pim.Eligible)); n != 1 {
		t.Errorf("%d assignments", n)
	}
}

// T28: a secret is sealed, sealed again only when it changed, and found in no plan, event or export.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	sealed := func() string {
		rows := read(o, func(r *store.Reader) ([]store.TargetRow, error) { return r.Targets() })
		return rows[0].Sealed
	}
	opts := broker.ApplyOptions{Secrets: map[string]string{"dir": canary}}
	done, err := o.b.Apply(o.ctx, o.parse(base), opts)
	o.ok(err)
	first := sealed()
	said := fmt.Sprint(done)
	if _, err := o.b.Apply(o.ctx, o.parse(base), opts); err != nil || sealed() != first || first == "" {
		t.Errorf("sealed again without need: %v", err)
	}
	opts.Secrets = map[string]string{"dir": canary + "-2"}
	done, err = o.b.Apply(o.ctx, o.parse(base), opts)
	o.ok(err)
	if len(done.Changes) != 1 || done.Changes[0].Text != "target/dir: the secret at env:WARD has changed" || sealed() == first {
		t.Errorf("%s", lines(done.Changes))
	}
	opts.Reseal = true
	second := sealed()
	if _, err := o.b.Apply(o.ctx, o.parse(base), opts); err != nil || sealed() == second {
		t.Errorf("not sealed anew: %v", err)
	}
	said += fmt.Sprint(done) + o.state()
	for _, e := range o.entries(store.EntryFilter{}) {
		said += string(e.Leaf) + fmt.Sprint(e.Texts)
	}
	for _, suffix := range []string{"", "-wal"} {
		file, err := os.ReadFile(o.b.Store().Name() + suffix)
		o.ok(err)
		said += string(file)
	}
	if strings.Contains(said, canary) {
		t.Error("the secret is there in the clear")
	}
	_, err = o.b.Apply(o.ctx, o.parse(base), broker.ApplyOptions{Env: func(string) (string, bool) { return "", false }})
	if err == nil || err.Error() != "org.yaml:3:52: targets[dir].secret: the environment variable WARD is not set; set it for the command that applies the file" {
		t.Errorf("%v", err)
	}
}

// Names that are not found at the target are told, with why, and wait; a target that is down is told of once.
func TestNamesThatAreNotFound(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.conn = lost{o.ward}
	wait := broker.ApplyOptions{Env: env, Wait: 5 * time.Second}
	done, err := o.b.Apply(o.ctx, o.parse(base), wait)
	o.ok(err)
	if len(done.Missing) != 1 || done.Missing[0] != (broker.Missing{Target: "dir", What: `entitlement "cn=dba"`, Why: "there is no such group"}) {
		t.Errorf("%+v", done.Missing)
	}
	o.ward.down = true
	done, err = o.b.Apply(o.ctx, o.parse(replace(base, "account: bob}", "account: bob2}")), wait)
	o.ok(err)
	if len(done.Missing) != 1 || done.Missing[0].What != `entitlement "cn=dba" and 1 more` || done.Missing[0].Why != "the target is down" {
		t.Errorf("%+v", done.Missing)
	}
}

// A target keeps its place while something is held there: without it nothing could be taken away any more.
func TestATargetInUseCannotLeave(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	o.tick()
	if !o.held("bob", "cn=backup") {
		t.Fatal("not held")
	}
	if got := o.refused("version: 1\n"); !strings.Contains(got, "target/dir cannot leave the file while 1 grants are held or being taken away there") {
		t.Errorf("%s", got)
	}
	bare := base[:strings.Index(base, "resources:")]
	o.apply(bare)
	o.tick()
	if o.held("bob", "cn=backup") {
		t.Fatal("still held")
	}
	o.apply("version: 1\n")
	if n := len(read(o, func(r *store.Reader) ([]store.TargetRow, error) { return r.Targets() })); n != 1 {
		t.Errorf("%d targets, want Stint's own alone", n)
	}
	if again := o.apply(base); len(again.Changes) == 0 {
		t.Error("nothing came back")
	}
	o.tick()
	if !o.held("bob", "cn=backup") {
		t.Error("not held again")
	}
}

// DESIGN §3: a target that is reached otherwise may be another one: what its first scan finds was there before Stint looked,
// and an authoritative one does not take it away.
func TestATargetReachedOtherwiseIsScannedAnew(t *testing.T) {
	o := newOffice(t)
	o.apply(base)
	dir := ""
	for _, row := range read(o, (*store.Reader).Targets) {
		if row.Key == "dir" {
			dir = row.ID
		}
	}
	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error { return tx.KeepScanned(dir, "cn=dba") }))
	scanned := func() bool {
		return read(o, func(r *store.Reader) (bool, error) { return r.Scanned(dir, "cn=dba") })
	}
	o.apply(replace(base, "name: Directory", "name: The directory"))
	if !scanned() {
		t.Error("a new name begins anew")
	}
	o.apply(replace(base, "name: Directory", "name: The directory, settings: {colour: red}"))
	if scanned() {
		t.Error("another place, and what is held there would be strangers")
	}
}

// Assignments and accounts of another origin are taken over openly when the file names them.
func TestTakingOverIsShown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	without := replace(base, "  - {principal: person/bob, role: backup, resource: db, kind: active}\n", "", "  - {person: bob, target: dir, account: bob}\n", "")
	o.apply(without)
	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error {
		ids := map[string]string{}
		roles, err := tx.Roles()
		if err != nil {
			return err
		}
		for _, r := range roles {
			ids[r.Key] = r.ID
		}
		resources, err := tx.Resources()
		if err != nil {
			return err
		}
		for _, r := range resources {
			ids[r.Key] = r.ID
		}
		targets, err := tx.Targets()
		if err != nil {
			return err
		}
		for _, r := range targets {
			ids[r.Key] = r.ID
		}
		bob, err := tx.PrincipalByKey(pim.Person, "bob")
		if err != nil {
			return err
		}
		if err := tx.InsertAccount(pim.Account{ID: "acc", PrincipalID: bob.ID, TargetID: ids["dir"], Name: "bob", Source: pim.SourceBrowser}); err != nil {
			return err
		}
		return tx.InsertAssignment(pim.Assignment{ID: "asg", PrincipalID: bob.ID, RoleID: ids["backup"], ResourceID: ids["db"], Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceBrowser, MadeBy: bob.ID})
	}))
	if left := o.apply(without); len(left.Changes) > 0 || len(left.Left) != 2 {
		t.Fatalf("%s%s", lines(left.Changes), lines(left.Left))
	}
	done := o.apply(base)
	if got := lines(done.Changes); len(done.Changes) != 2 || !strings.Contains(got, "confirmed by the file") || !strings.Contains(got, "now owned by the file (made in the portal by person/bob)") {
		t.Errorf("%s", got)
	}
	if again := o.apply(base); len(again.Changes) > 0 || len(again.Left) > 0 {
		t.Errorf("%s", lines(again.Changes))
	}
	// What rests on something that leaves goes with it, whoever made it.
	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error {
		a, err := tx.Assignment("asg")
		a.Source = pim.SourceBrowser
		if err != nil {
			return err
		}
		return tx.UpdateAssignment(a)
	}))
	done = o.apply(replace(without, base[strings.Index(base, "  - id: backup\n"):strings.Index(base, "people:")], ""))
	if got := lines(done.Changes); !strings.Contains(got, "- assignment person/bob active for role/backup on resource/db") {
		t.Errorf("%s", got)
	}
}

// lost is a ward that does not know the database group.
type lost struct{ *ward }

func (l lost) Canonical(ctx context.Context, name string) (connector.EntitlementID, error) {
	if name == "cn=dba" && l.err() == nil {
		return "", connector.Errorf(connector.Gone, "there is no such group")
	}
	return l.ward.Canonical(ctx, name)
}

// The file's path matters for secrets in files alone; errors say how the file was called.
func TestSecretFilesStandBesideTheFile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	dir := t.TempDir()
	o.ok(os.WriteFile(filepath.Join(dir, "ward.password"), []byte(canary+"\n"), 0o600))
	doc, err := orgfile.Parse(filepath.Join(dir, "org.yaml"), []byte(replace(base, "{env: WARD}", "{file: ward.password}")))
	o.ok(err)
	if _, err := o.b.Apply(o.ctx, doc, broker.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	o.ok(os.Chmod(filepath.Join(dir, "ward.password"), 0o644))
	if _, err := o.b.Apply(o.ctx, doc, broker.ApplyOptions{}); err == nil || !strings.Contains(err.Error(), "is open to everybody on this machine") {
		t.Errorf("%v", err)
	}
}

// what the file plans begins on time, whatever applies meanwhile; an export says the same.
func TestStartsOfAssignments(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	start := o.clock.Now().Add(48 * time.Hour).Truncate(time.Second)
	line := "  - {principal: person/bob, role: backup, resource: db, kind: active"
	from := replace(base, line, line+", from: "+start.UTC().Format(time.RFC3339)+", reason: Release")
	if got := lines(o.apply(from).Changes); !strings.Contains(got, "from ") || !strings.Contains(got, "reason \"\" → \"Release\"") {
		t.Errorf("%s", got)
	}
	if again := o.apply(from); len(again.Changes) > 0 {
		t.Errorf("applied twice: %s", lines(again.Changes))
	}
	text, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	if !strings.Contains(string(text), start.UTC().Format(time.RFC3339)) || !strings.Contains(string(text), "reason: Release") {
		t.Errorf("%s", text)
	}
	in := func() pim.AssignmentState {
		return o.assignmentOf("person/bob").StateAt(o.clock.Now())
	}
	if s := in(); s != pim.AssignmentFuture {
		t.Errorf("before its start: %s", s)
	}
	o.clock.add(48 * time.Hour)
	o.tick()
	if again := o.apply(from); in() != pim.AssignmentInForce || len(again.Changes) > 0 {
		t.Errorf("after its start: %s, %s", in(), lines(again.Changes))
	}
}

// assignmentOf is the one active assignment of somebody.
func (o *office) assignmentOf(ref string) pim.Assignment {
	o.Helper()
	id := o.who(ref)
	all := read(o, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsOf(id) })
	for _, a := range all {
		if a.Kind == pim.Active {
			return a
		}
	}
	o.Fatal("none")
	return pim.Assignment{}
}
