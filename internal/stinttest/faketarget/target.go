package faketarget

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"stint/internal/connector"
)

// Target is the system. Its methods are safe for concurrent use.
type Target struct {
	name string
	now  func() time.Time

	mu           sync.Mutex
	accounts     map[connector.AccountID]string // id to login
	entitlements map[connector.EntitlementID]string
	changes      []change
	coming       []change // what late writes will do
	journal      []Call
	faults       Faults
	expires      bool
	slowest      time.Duration // the latest it ever was
	made         int
	people       func(yield func(connector.PersonEntry) bool)
}

// Faults are ways to misbehave; the zero value is a good target.
type Faults struct {
	Down        bool                    // answers nothing: Transient, and nothing changes
	Denied      bool                    // refuses Stint's credentials
	Hang        <-chan struct{}         // every call waits until this is closed or its deadline passes; nil: none waits
	LoseAnswers int                     // so many of the next writes take effect, but their answer is lost
	LoseWrites  int                     // so many of the next writes are lost with their answer
	Lies        bool                    // writes are answered with yes and do nothing (THREATS T40)
	Only        connector.EntitlementID // the three faults of writes above hit this one alone; empty: every one
	Slow        time.Duration           // every call takes so long
	Hidden      connector.AccountID     // is not shown: it is Unseen, and what it holds is listed under a value
	NoGroup     connector.EntitlementID // is not shown: it is Unseen
	HalfPages   bool                    // List, Browse and ReadPeople break off in the middle
	NoPeople    bool                    // ReadPeople finds nobody and calls it everybody
	BetweenPage func(page int)          // called before each page of people; may do anything
	ReadDelay   time.Duration           // reads show what was there so long ago
	Late        time.Duration           // writes are answered with yes and take effect so much later
}

// Call is one line of the journal: what somebody asked of the target.
type Call struct {
	At          time.Time
	Op          string // observe, grant, revoke, list, or put and take for another hand
	Account     connector.AccountID
	Entitlement connector.EntitlementID
	Until       time.Time // of a grant
	Changed     bool      // it changed who holds what
}

type change struct {
	at   time.Time
	acc  connector.AccountID
	ent  connector.EntitlementID
	held bool

	until time.Time // it ends by itself; zero: never
}

// New returns an empty target that judges time by now; nil is the wall clock. It is forgotten with the test.
func New(t testing.TB, now func() time.Time) *Target {
	if now == nil {
		now = time.Now
	}
	target := &Target{now: now, accounts: map[connector.AccountID]string{}, entitlements: map[connector.EntitlementID]string{}}
	target.name = enlist(target)
	t.Cleanup(func() { dismiss(target.name) })
	return target
}

// Kind is the kind of connector it is reached by.
const Kind = "fake"

// ClusterKind reaches one at which owners are members.
const ClusterKind = "fake-cluster"

// Settings are the plain settings that reach this target; it may write every entitlement.
func (t *Target) Settings() map[string]string {
	return map[string]string{"name": t.name, connector.MayWrite: "*"}
}

// AddAccount makes an account and returns its immutable id.
func (t *Target) AddAccount(login string) connector.AccountID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made++
	id := connector.AccountID(fmt.Sprintf("account-%d", t.made))
	t.accounts[id] = login
	return id
}

// AddEntitlement makes a group that nobody holds and returns its immutable id.
func (t *Target) AddEntitlement(name string) connector.EntitlementID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made++
	id := connector.EntitlementID(fmt.Sprintf("entitlement-%d", t.made))
	t.entitlements[id] = name
	return id
}

// Rename gives an entitlement another name; its id stays.
func (t *Target) Rename(ent connector.EntitlementID, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entitlements[ent] = name
}

// RemoveAccount deletes an account with everything it holds.
func (t *Target) RemoveAccount(acc connector.AccountID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.accounts, acc)
	for ent := range t.entitlements {
		t.set("take", acc, ent, false)
	}
}

// RemoveEntitlement deletes a group.
func (t *Target) RemoveEntitlement(ent connector.EntitlementID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.entitlements, ent)
	for acc := range t.accounts {
		t.set("take", acc, ent, false)
	}
}

// Put is another hand: it makes an account hold an entitlement beside Stint.
func (t *Target) Put(acc connector.AccountID, ent connector.EntitlementID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set("put", acc, ent, true)
}

// Take is another hand: it takes an entitlement away beside Stint.
func (t *Target) Take(acc connector.AccountID, ent connector.EntitlementID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set("take", acc, ent, false)
}

// Holds reports what is true at the target now, whatever reads show.
func (t *Target) Holds(acc connector.AccountID, ent connector.EntitlementID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arrive()
	return t.heldAt(acc, ent, t.now())
}

// Holders lists who holds an entitlement now, sorted by id.
func (t *Target) Holders(ent connector.EntitlementID) []connector.AccountID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arrive()
	return t.holdersAt(ent, t.now())
}

// Journal returns a copy of everything that was asked so far, oldest first.
func (t *Target) Journal() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.journal)
}

// Misbehave sets the faults from now on; the zero Faults heal it.
func (t *Target) Misbehave(f Faults) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults, t.slowest = f, max(t.slowest, f.ReadDelay, f.Late)
}

// arrive lets late writes take effect that are due; the caller holds the lock.
func (t *Target) arrive() {
	now := t.now()
	due := func(c change) bool { return !c.at.After(now) }
	late := slices.DeleteFunc(slices.Clone(t.coming), func(c change) bool { return !due(c) })
	slices.SortStableFunc(late, func(a, b change) int { return a.at.Compare(b.at) })
	t.changes, t.coming = append(t.changes, late...), slices.DeleteFunc(t.coming, due)
}

// set changes who holds what and writes the journal; the caller holds the lock.
func (t *Target) set(op string, acc connector.AccountID, ent connector.EntitlementID, held bool) {
	t.arrive()
	now := t.now()
	changed := t.heldAt(acc, ent, now) != held
	if changed {
		t.changes = append(t.changes, change{at: now, acc: acc, ent: ent, held: held})
	}
	if changed || op == "grant" || op == "revoke" {
		t.journal = append(t.journal, Call{At: now, Op: op, Account: acc, Entitlement: ent, Changed: changed})
	}
}

func (t *Target) heldAt(acc connector.AccountID, ent connector.EntitlementID, at time.Time) bool {
	for _, c := range slices.Backward(t.changes) {
		if c.acc == acc && c.ent == ent && !c.at.After(at) {
			return c.held && (c.until.IsZero() || at.Before(c.until))
		}
	}
	return false
}

// EndsByItself makes the target one with native expiry: it ends what was granted at the time it was told.
func (t *Target) EndsByItself() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expires = true
}

// Until is when the target ends by itself what somebody holds; zero: never.
func (t *Target) Until(acc connector.AccountID, ent connector.EntitlementID) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.untilAt(acc, ent, t.now())
}

func (t *Target) untilAt(acc connector.AccountID, ent connector.EntitlementID, at time.Time) time.Time {
	for _, c := range slices.Backward(t.changes) {
		if c.acc == acc && c.ent == ent && !c.at.After(at) {
			return c.until
		}
	}
	return time.Time{}
}

// end sets when it ends by itself what is held; the caller holds the lock.
func (t *Target) end(acc connector.AccountID, ent connector.EntitlementID, until time.Time) {
	if t.expires {
		t.changes = append(t.changes, change{at: t.now(), acc: acc, ent: ent, held: true, until: until})
	}
}

func (t *Target) holdersAt(ent connector.EntitlementID, at time.Time) []connector.AccountID {
	var out []connector.AccountID
	for _, acc := range slices.Sorted(maps.Keys(t.accounts)) {
		if t.heldAt(acc, ent, at) {
			out = append(out, acc)
		}
	}
	return out
}

var (
	listMu sync.Mutex
	list   = map[string]*Target{}
	count  int
)

func enlist(t *Target) string {
	listMu.Lock()
	defer listMu.Unlock()
	count++
	name := fmt.Sprintf("fake-%d", count)
	list[name] = t
	return name
}

func dismiss(name string) {
	listMu.Lock()
	defer listMu.Unlock()
	delete(list, name)
}

func find(name string) (*Target, bool) {
	listMu.Lock()
	defer listMu.Unlock()
	t, ok := list[name]
	return t, ok
}
