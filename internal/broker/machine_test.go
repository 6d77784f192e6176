package broker_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/faketarget"
	"stint/internal/stinttest/passkey"
	"stint/internal/stinttest/postgres"
	"stint/internal/store"
)

const machineSteps = 50

// TestMachine does at random what people, administrators, time, crashes and a bad target do, on the real broker and
// store, and holds DESIGN §4's invariants after every step (T12–T17, T40, F1, F7, F8). STINT_RUNS asks for more runs:
// make soak for 1,000.
func TestMachine(t *testing.T) {
	t.Parallel()
	runs := 100
	if raced || testing.Short() {
		runs = 30
	}
	seen := &sightings{count: map[string]int{}}
	t.Run("runs", func(t *testing.T) {
		runMachines(t, 2, askedRuns(t, runs), seen, func(t *testing.T) *template { return newTemplate(t, nil) })
	})
	seen.judge(t)
}

// TestMachineOnPostgres is the same on PostgreSQL, where every commit costs more.
func TestMachineOnPostgres(t *testing.T) {
	t.Parallel()
	server := postgres.Start(t)
	runs := 20
	if raced || testing.Short() {
		runs = 10
	}
	seen := &sightings{count: map[string]int{}}
	t.Run("runs", func(t *testing.T) {
		runMachines(t, 1, askedRuns(t, runs), seen, func(t *testing.T) *template { return newTemplate(t, server) })
	})
	seen.judge(t)
}

func askedRuns(t *testing.T, normal int) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("STINT_RUNS"), strconv.Itoa(normal)))
	if err != nil || n < 1 {
		t.Fatal("STINT_RUNS is the number of runs: ", err)
	}
	return n
}

// runMachines spreads runs over shards that run side by side.
func runMachines(t *testing.T, shards, runs int, seen *sightings, template func(*testing.T) *template) {
	for i := range shards {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if shards > 1 {
				t.Parallel()
			}
			tmpl := template(t)
			checkRuns(t, (runs+shards-1)/shards, func(rt *rapid.T) {
				m := tmpl.machine(rt, seen)
				for range machineSteps {
					m.step()
				}
				m.quiesce()
				m.verify()
			})
		})
	}
}

// checkRuns is rapid.Check with a number of runs of its own, unless -rapid.checks says another: that flag is one for all
// tests of the process, and two that set it side by side each get the other's. What shrinks a failure is not counted.
func checkRuns(t *testing.T, runs int, property func(*rapid.T)) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() != f.DefValue {
		rapid.Check(t, property)
		return
	}
	done, failing := 0, false
	for done < runs {
		rapid.Check(t, func(rt *rapid.T) {
			if done >= runs && !failing {
				return
			}
			done++
			ended := false
			defer func() { failing = failing || !ended || rt.Failed() }()
			property(rt)
			ended = true
		})
	}
}

// sightings count what the runs went through: a machine that sees nothing proves nothing.
type sightings struct {
	mu    sync.Mutex
	count map[string]int
}

func (s *sightings) saw(what string) { s.mu.Lock(); defer s.mu.Unlock(); s.count[what]++ }

func (s *sightings) judge(t *testing.T) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(s.count)) {
		t.Logf("%7d %s", s.count[what], what)
	}
	if t.Failed() || s.count["run"] < 1000 { // fewer may miss what is rare
		return
	}
	for _, state := range pim.ActivationStates {
		if s.count[string(state)] == 0 && state != pim.Failed && state != pim.LostAtTarget {
			t.Errorf("no run saw an activation that was %s", state)
		}
	}
	for _, c := range machineCommands {
		if s.count[c.name] == 0 {
			t.Errorf("no run did %q with success", c.name)
		}
	}
}

// trial lets helpers written for a test fail a rapid run instead.
type trial struct {
	testing.TB
	*rapid.T
}

func (t trial) Helper()                   { t.TB.Helper() }
func (t trial) Name() string              { return t.TB.Name() }
func (t trial) Log(a ...any)              { t.T.Log(a...) }
func (t trial) Logf(f string, a ...any)   { t.T.Logf(f, a...) }
func (t trial) Skip(a ...any)             { t.TB.Skip(a...) }
func (t trial) Skipf(f string, a ...any)  { t.TB.Skipf(f, a...) }
func (t trial) SkipNow()                  { t.TB.SkipNow() }
func (t trial) Error(a ...any)            { t.T.Error(a...) }
func (t trial) Errorf(f string, a ...any) { t.T.Errorf(f, a...) }
func (t trial) Fatal(a ...any)            { t.T.Fatal(a...) }
func (t trial) Fatalf(f string, a ...any) { t.T.Fatalf(f, a...) }
func (t trial) Fail()                     { t.T.Fail() }
func (t trial) FailNow()                  { t.T.FailNow() }
func (t trial) Failed() bool              { return t.T.Failed() }
func (t trial) Cleanup(f func())          { t.T.Cleanup(f) }
func (t trial) Context() context.Context  { return t.T.Context() }
func (t trial) Output() io.Writer         { return t.T.Output() }

// template is a migrated database of people with passkeys, of which every run takes a copy.
type template struct {
	t      *testing.T
	server *postgres.Server // nil: SQLite
	origin string           // path, or name of the database
	dir    string
	keys   map[string]*passkey.Passkey
	signer *audit.Signer
	runs   int
}

// quickDir is a directory in memory where there is one: what is proven here is not the disk.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "stint-machine-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newTemplate(t *testing.T, server *postgres.Server) *template {
	t.Helper()
	f := &template{t: t, server: server, dir: quickDir(t), keys: map[string]*passkey.Passkey{}}
	var err error
	if f.signer, err = audit.OpenSigner(filepath.Join(f.dir, "keys", "audit.key"), "stint.test/stint/audit", ""); err != nil {
		t.Fatal(err)
	}
	m := f.blank(t)
	if server == nil {
		f.origin = filepath.Join(f.dir, "template.db")
		m.options.Path = f.origin
	} else {
		m.options.URL = server.Lasting(t)
		f.origin = m.options.URL[strings.LastIndex(m.options.URL, "/")+1:]
		f.origin, _, _ = strings.Cut(f.origin, "?")
	}
	m.boot()
	m.ok(store.Do(m.ctx, m.b.Store(), m.seed))
	for _, id := range []string{"alice", "bob", "carol", "dave"} {
		m.enrol(id)
	}
	m.tick()
	m.ok(m.b.Store().Close())
	return f
}

// machine opens a copy of the template for one run.
func (f *template) machine(rt *rapid.T, seen *sightings) *machine {
	f.runs++
	m := f.blank(trial{f.t, rt})
	m.rt, m.seen = rt, seen
	if f.server != nil {
		m.options.URL = f.server.Copy(m, f.origin)
	} else {
		m.options.Path = filepath.Join(f.dir, fmt.Sprintf("run%d.db", f.runs))
		was, err := os.ReadFile(f.origin)
		m.ok(err)
		m.ok(os.WriteFile(m.options.Path, was, 0o600))
		m.Cleanup(func() {
			files, _ := filepath.Glob(m.options.Path + "*")
			for _, file := range files {
				_ = os.Remove(file)
			}
		})
	}
	m.Cleanup(func() { _ = m.b.Store().Close() })
	m.target.Put(m.acc["dave"], m.ent["cn=dba"]) // as the template left it
	m.target.Put(m.acc["alice"], m.ent["cn=backup"])
	m.clock.add(time.Minute)
	m.boot()
	m.check()
	seen.saw("run")
	return m
}

func (f *template) blank(t testing.TB) *machine {
	m := &machine{world: &world{TB: t, ctx: f.t.Context(), clock: &clock{now: epoch}, keys: f.keys}, template: f,
		acc: map[string]connector.AccountID{}, ent: map[string]connector.EntitlementID{}, model: newModel()}
	m.target = faketarget.New(t, m.clock.Now)
	for _, id := range []string{"alice", "bob", "carol", "dave"} {
		m.acc[id] = m.target.AddAccount(id)
	}
	for _, name := range []string{"cn=dba", "cn=backup"} {
		m.ent[name] = m.target.AddEntitlement(name)
	}
	m.target.Put(m.acc["bob"], m.ent["cn=dba"]) // before Stint
	m.options = store.Options{Now: m.clock.Now, Mono: m.clock.Mono}
	return m
}

// machine is one run.
type machine struct {
	*world
	*template
	*model
	rt      *rapid.T
	seen    *sightings
	options store.Options
	target  *faketarget.Target
	acc     map[string]connector.AccountID
	ent     map[string]connector.EntitlementID
	cut     bool // power is cut in the moment in which the next write has reached the target
	dead    bool
	waiting []waiting
}

// boot is a start of the program over whatever the database holds.
func (m *machine) boot() {
	m.Helper()
	s, err := store.Open(m.ctx, m.options)
	m.ok(err)
	rp, err := stepup.New("http://localhost:8080", "Stint")
	m.ok(err)
	sealer, err := broker.OpenSealer(filepath.Join(m.dir, "keys", "seal.key"), "")
	m.ok(err)
	m.b = broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), StepUp: rp, Sealer: sealer, Signer: m.signer,
		Open: func(_ string, c connector.Config) (connector.Connector, error) {
			c.Settings, c.Timeout = m.target.Settings(), machineTimeout
			conn, err := connector.Open(faketarget.Kind, c)
			return cable{conn, m}, err
		}})
	m.ok(m.b.EnsureBuiltin(m.ctx))
	m.ok(m.b.Restart(m.ctx))
	m.ok(m.b.Sweep(m.ctx))
	m.dead = false
}

// machineTimeout is how long a call may hang; it is real time.
const machineTimeout = 20 * time.Millisecond

// machineDelay is how late the target may read or write.
const machineDelay = 8 * time.Second

// cable is a way to the target at which the power can be cut.
type cable struct {
	connector.Connector
	m *machine
}

// Capabilities say from the beginning how late the target may be.
func (c cable) Capabilities() connector.Capabilities {
	out := c.Connector.Capabilities()
	out.ReadDelay = machineDelay
	return out
}

func (c cable) Grant(ctx context.Context, a connector.AccountID, e connector.EntitlementID, until time.Time) error {
	err := c.Connector.Grant(ctx, a, e, until)
	c.m.strike()
	return err
}

func (c cable) Revoke(ctx context.Context, a connector.AccountID, e connector.EntitlementID) error {
	err := c.Connector.Revoke(ctx, a, e)
	c.m.strike()
	return err
}

func (m *machine) strike() {
	if m.cut {
		m.cut, m.dead = false, true
		_ = m.b.Store().Close()
	}
}

// tick lets the program do what is due, or begins it anew when the power was cut meanwhile.
func (m *machine) tick() {
	m.Helper()
	m.clock.add(time.Millisecond)
	err := m.b.Tick(m.ctx)
	if !m.dead {
		m.ok(err)
		return
	}
	m.seen.saw("power cut after a write")
	m.boot()
}

// seed: alice may be DBA (which is also Backup), DBA2 on the same group and Vault, bob may be DBA2 and Vault; bob and
// dave approve; dave is DBA2 for good and alice holds Ops, which is Backup, for a while.
func (m *machine) seed(tx *store.Tx) error {
	errs := []error{
		tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Kind: faketarget.Kind, Name: "Directory", Settings: m.target.Settings(), Source: pim.SourceFile}}),
		tx.InsertResource(pim.Resource{ID: "org", Kind: "organisation", Name: "Northwind", TargetID: "dir", Source: pim.SourceFile}),
	}
	for _, role := range slices.Sorted(maps.Keys(machineMeans)) {
		errs = append(errs, tx.InsertRole(pim.RoleDefinition{ID: role, Name: role, Privileged: true, Source: pim.SourceFile}))
		for _, name := range machineMeans[role] {
			errs = append(errs, tx.SaveMeaning(pim.Meaning{RoleID: role, ResourceID: "org", Name: name}))
		}
		if r, ok := m.rules[role]; ok {
			errs = append(errs, tx.SaveSettings(r.settings(role)))
		}
	}
	for _, id := range []string{"alice", "bob", "carol", "dave"} {
		errs = append(errs, tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
			tx.InsertAccount(pim.Account{ID: "acc-" + id, PrincipalID: id, TargetID: "dir", Name: id, ConfirmedAt: tx.Now, ConfirmedBy: pim.System, Source: pim.SourceFile}))
	}
	for _, id := range slices.Sorted(maps.Keys(m.granted)) {
		errs = append(errs, tx.InsertAssignment(m.granted[id]))
	}
	errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: "carol-pra", PrincipalID: "carol", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}))
	return errors.Join(errs...)
}
