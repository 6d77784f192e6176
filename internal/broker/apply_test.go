package broker_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	_ "stint/internal/connector/ldap"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/database"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

func init() {
	connector.Register("ward", connector.Factory{
		Open: func(connector.Config) (connector.Connector, error) { return nil, errors.New("tests open their own") },
		Validate: func(settings map[string]string) error {
			if settings["colour"] == "mauve" {
				return &connector.FieldError{Field: "colour", Message: "red or green"}
			}
			return nil
		},
		Secrets:   func(map[string]string) []string { return []string{"password"} },
		Protected: func(map[string]string) []string { return nil },
		Covers:    func(string, string) connector.Match { return connector.Yes },
	})
}

// canary is the ward's password: it must be found nowhere (THREATS T28).
const canary = "canary-b7f3-secret"

// base is a small organisation; tests change it by replacing parts of its text.
const base = `version: 1
targets:
  - {id: dir, kind: ward, name: Directory, secret: {env: WARD}, may_write: ["*"]}
resources:
  - {id: org, kind: organisation, name: Northwind, target: dir}
  - {id: db, kind: database, name: Database, parent: org}
roles:
  - id: dba
    name: DBA
    privileged: true
    means: [{resource: db, entitlement: "cn=dba"}]
    settings: [{max_duration: 4h, default_duration: 30m}]
  - id: backup
    name: Backup
    privileged: false
    means: [{resource: db, entitlement: "cn=backup"}]
people:
  - {id: alice, name: Alice Keller, email: alice@example.org, match: {preferred_username: alice}}
  - {id: bob, name: Bob Okafor, match: {preferred_username: bob}}
  - {id: carol, name: Carol Lindqvist}
groups:
  - {id: inner, name: Inner, members: [person/alice]}
  - {id: outer, name: Outer, members: [group/inner]}
accounts:
  - {person: alice, target: dir, account: alice}
  - {person: bob, target: dir, account: bob}
assignments:
  - {principal: group/outer, role: dba, resource: org, kind: eligible}
  - {principal: person/bob, role: backup, resource: db, kind: active}
`

// office is a broker without anything but what files bring.
type office struct {
	*world
	conn connector.Connector // what targets open; the ward unless a test says otherwise
}

func newOffice(t testing.TB) *office { t.Helper(); return newOfficeOn(t, true) }

func newOfficeOn(t testing.TB, twice bool) *office {
	t.Helper()
	o := &office{world: &world{TB: t, ctx: t.Context(), ward: &ward{held: map[string]bool{}}, clock: &clock{now: epoch}, keys: map[string]*passkey.Passkey{}}}
	o.conn = o.ward
	s, err := store.Open(o.ctx, store.Options{Path: database.Migrated(t, filepath.Join(t.TempDir(), "stint.db")), Now: o.clock.Now, Mono: o.clock.Mono, Twice: twice})
	o.ok(err)
	t.Cleanup(func() { s.Close() })
	rp, err := stepup.New("http://localhost:8080", "Stint")
	o.ok(err)
	sealer, err := broker.OpenSealer(filepath.Join(t.TempDir(), "keys", "seal.key"), "")
	o.ok(err)
	o.b = broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), StepUp: rp, Sealer: sealer,
		Open: func(string, connector.Config) (connector.Connector, error) { return o.conn, nil }})
	o.ok(o.b.EnsureBuiltin(o.ctx))
	return o
}

func (o *office) parse(text string) *orgfile.Doc {
	o.Helper()
	doc, err := orgfile.Parse("org.yaml", []byte(text))
	o.ok(err)
	return doc
}

func env(string) (string, bool) { return canary, true }

var plain = broker.ApplyOptions{Env: env}

func (o *office) apply(text string) broker.Applied {
	o.Helper()
	done, err := o.b.Apply(o.ctx, o.parse(text), plain)
	o.ok(err)
	return done
}

// refused applies a file that must change nothing, and returns why.
func (o *office) refused(text string) string {
	o.Helper()
	before := o.state()
	_, err := o.b.Apply(o.ctx, o.parse(text), plain)
	if err == nil {
		o.Fatal("this file was applied")
	}
	if after := o.state(); after != before {
		o.Fatalf("a refused file changed something:\n%s\n---\n%s", before, after)
	}
	return err.Error()
}

// state is everything a file can change, and how long the log is.
func (o *office) state() string {
	o.Helper()
	text, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	return fmt.Sprintf("%s\n%d entries", text, o.b.Store().Head().Size)
}

func read[T any](o *office, fn func(*store.Reader) (T, error)) T {
	o.Helper()
	v, err := store.Read(o.ctx, o.b.Store(), fn)
	o.ok(err)
	return v
}

// who returns the id of a principal of the file.
func (o *office) who(ref string) string {
	o.Helper()
	kind, key, _ := strings.Cut(ref, "/")
	return read(o, func(r *store.Reader) (pim.Principal, error) { return r.PrincipalByKey(pim.PrincipalKind(kind), key) }).ID
}

func (o *office) assignments(person string, kind pim.AssignmentKind) []pim.Assignment {
	o.Helper()
	return read(o, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsFor(o.who(person), kind) })
}

// hold lets a person activate their only eligible assignment and really hold it.
func (o *office) hold(person string) pim.Activation {
	o.Helper()
	id := o.who(person)
	if o.keys[id] == nil {
		o.enrol(id)
	}
	o.tick()
	mine := o.assignments(person, pim.Eligible)
	if len(mine) != 1 {
		o.Fatalf("%s has %d eligible assignments", person, len(mine))
	}
	a := o.activate(id, mine[0].ID, 30*time.Minute)
	o.tick()
	if got := o.activation(a); got.State != pim.ActiveConfirmed {
		o.Fatalf("activation is %s", got.State)
	}
	return o.activation(a)
}

func (o *office) held(who, entitlement string) bool {
	o.ward.mu.Lock()
	defer o.ward.mu.Unlock()
	return o.ward.held["id:"+who+"/id:"+entitlement]
}

func (o *office) entries(f store.EntryFilter) []store.EntryRow {
	o.Helper()
	if f.Limit == 0 {
		f.Limit = 10000
	}
	return read(o, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(f) })
}

// since returns the events after a size of the log, oldest first.
func (o *office) since(size int64) (types []string) {
	o.Helper()
	for _, e := range o.entries(store.EntryFilter{}) {
		if e.Seq >= size {
			types = append(types, e.Type)
		}
	}
	slices.Reverse(types)
	return types
}

func lines(changes []broker.Change) string {
	var b strings.Builder
	for _, c := range changes {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

func replace(text string, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			panic("the text to replace is not there: " + pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// The sample organisation of the demo applies cleanly; a second time nothing happens, not even an event; and
// what is exported is the same.
func TestApplyNorthwindTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	text, err := os.ReadFile(filepath.Join("..", "demo", "northwind.yaml"))
	o.ok(err)
	done, err := o.b.Apply(o.ctx, o.parse(string(text)), broker.ApplyOptions{Env: env, Wait: 10 * time.Second})
	o.ok(err)
	if len(done.Missing) > 0 || len(done.Left) > 0 || len(done.Warnings) > 0 || len(done.Changes) < 60 {
		t.Errorf("%d changes, missing %v, left %v, warnings %v", len(done.Changes), done.Missing, done.Left, done.Warnings)
	}
	o.tick()
	size := o.b.Store().Head().Size
	if again := o.apply(string(text)); len(again.Changes) > 0 || o.b.Store().Head().Size != size {
		t.Errorf("the second time:\n%s%v", lines(again.Changes), o.since(size))
	}
	exported, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	if again := o.apply(string(exported)); len(again.Changes) > 0 || o.b.Store().Head().Size != size {
		t.Errorf("what was exported changes something:\n%s", lines(again.Changes))
	}
}

// changed is base with something of every kind made, changed and taken away.
var changed = replace(base,
	"name: Directory, secret", "name: Company directory, secret",
	"  - {id: db, kind: database, name: Database, parent: org}\n", "  - {id: db, kind: database, name: Databases, parent: org}\n  - {id: wiki, kind: wiki, name: Wiki, parent: org}\n",
	"name: DBA\n", "name: Database administrator\n",
	"{max_duration: 4h, default_duration: 30m}", "{max_duration: 2h, approval: required, approvers: [group/inner, person/bob]}, {resource: db, ticket: required}",
	`entitlement: "cn=dba"`, `entitlement: "cn=dba-2"`,
	"  - id: backup\n    name: Backup\n    privileged: false\n    means: [{resource: db, entitlement: \"cn=backup\"}]\n", "  - {id: editor, name: Editor, privileged: false}\n  - {id: auditor, settings: [{max_duration: 1h}]}\n",
	"name: Alice Keller", "name: Alice Novak", "  - {id: carol, name: Carol Lindqvist}\n", "  - {id: dave, name: Dave Marsh}\n",
	"members: [person/alice]}", "members: [person/dave]}", "{id: outer, name: Outer,", "{id: outer, name: Outermost,",
	"account: alice}", "account: alice2}", "  - {person: bob, target: dir, account: bob}\n", "",
	"kind: eligible}\n", "kind: eligible, until: 2030-12-31}\n",
	"{principal: person/bob, role: backup, resource: db, kind: active}", "{principal: person/dave, role: editor, resource: wiki, kind: eligible}")

// Every change is one line and one event, the dry run says the same and changes nothing, and the file itself is
// one event more. So is that a privileged role became less strict: the usual duration of dba grew from 30 minutes to an hour (T21).
func TestEachChangeIsOneLineAndOneEvent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	size := o.b.Store().Head().Size
	plan, err := o.b.Plan(o.ctx, o.parse(changed), plain)
	o.ok(err)
	if got := o.b.Store().Head().Size; got != size {
		t.Fatal("the dry run left an event")
	}
	done := o.apply(changed)
	if lines(plan.Changes) != lines(done.Changes) {
		t.Errorf("the plan said\n%sand it did\n%s", lines(plan.Changes), lines(done.Changes))
	}
	want := map[string]int{"target.saved": 1, "resource.saved": 2, "role.saved": 2, "role.removed": 1, "meaning.saved": 1, "meaning.removed": 2, "settings.saved": 3, "settings.loosened": 1,
		"principal.saved": 3, "principal.removed": 1, "member.added": 1, "member.removed": 1, "account.confirmed": 1, "account.unlinked": 2,
		"assignment.made": 1, "assignment.changed": 1, "assignment.removed": 1, "file.applied": 1}
	total := 0
	for _, e := range o.since(size) {
		want[e]--
		total++
	}
	for e, n := range want {
		if n != 0 {
			t.Errorf("%s: %d too few", e, n)
		}
	}
	if total != len(done.Changes)+2 {
		t.Errorf("%d events of %d changes, the file and what it loosened\n%s", total, len(done.Changes), lines(done.Changes))
	}
	for _, line := range []string{
		`~ target/dir: name "Directory" → "Company directory" (line 3)`,
		`+ settings of role/dba at resource/db: ticket required (line 13)`,
		`- member person/alice of group/inner`,
		`+ account person/alice at target/dir: "alice2" instead of "alice" (line 24)`,
		`~ assignment group/outer eligible for role/dba on resource/org until 2030-12-31: until "for good" → "2030-12-31" (line 26)`,
		`- role/backup`,
	} {
		if !strings.Contains(lines(done.Changes), line+"\n") {
			t.Errorf("no line %q in\n%s", line, lines(done.Changes))
		}
	}
	if again := o.apply(changed); len(again.Changes) > 0 {
		t.Errorf("the second time: %s", lines(again.Changes))
	}
}
