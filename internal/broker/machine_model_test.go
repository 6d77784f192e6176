package broker_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"stint/internal/audit"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	"stint/internal/store"
)

// machineMeans is what each role means at the target.
var machineMeans = map[string][]string{"dba": {"cn=dba", "cn=backup"}, "dba2": {"cn=dba"}, "vault": {"cn=backup"}, "ops": {"cn=backup"}}

// machineApprovers decide every request.
var machineApprovers = []string{"bob", "dave"}

// rules are a role's settings as the model knows them.
type rules struct {
	max, total     time.Duration
	approval, free bool
}

func (r rules) settings(role string) pim.RoleSettings {
	total, extension := r.whole(), pim.ExtensionAsActivation
	if r.free {
		extension = pim.ExtensionFree
	}
	return pim.RoleSettings{RoleID: role, MaxDuration: &r.max, MaxTotal: &total, Approval: &r.approval, Approvers: machineApprovers, ExtensionApproval: &extension, Source: pim.SourceFile}
}

// whole is how long an activation may last with its extensions.
func (r rules) whole() time.Duration {
	if r.total > 0 {
		return r.total
	}
	return min(2*r.max, 24*time.Hour)
}

func (r rules) longest() time.Duration { return min(r.max, r.whole()) }

// tale is one activation as the log tells it.
type tale struct {
	state      pim.ActivationState
	assignment string
	asked      time.Duration
	then       rules // of its role, at the request
	approved   bool
	start, end time.Time // as fixed last
	told       map[string]int
}

// model is what the machine knows without asking the broker: who was given what, what the rules are, what the log said.
type model struct {
	rules    map[string]rules
	granted  map[string]pim.Assignment
	disabled map[string]bool
	tales    map[string]*tale
	rows     map[string]pim.Activation // as read last
	order    []string                  // their ids in the order of appearance
	next     int64                     // entry to read
	calls    int                       // of the target's journal, read
	doing    string
	asks     map[string]int // person and assignment -> requests of this step
}

func newModel() *model {
	m := &model{disabled: map[string]bool{}, tales: map[string]*tale{}, rows: map[string]pim.Activation{}, asks: map[string]int{}, granted: map[string]pim.Assignment{},
		rules: map[string]rules{"dba": {max: 2 * time.Hour, approval: true}, "dba2": {max: 8 * time.Hour}, "vault": {max: 2 * time.Hour, approval: true}}}
	give := func(person, role string, kind pim.AssignmentKind, to time.Duration) {
		a := pim.Assignment{ID: person + "-" + role, PrincipalID: person, RoleID: role, ResourceID: "org", Kind: kind, StartsAt: epoch, Source: pim.SourceFile}
		if to > 0 {
			a.EndsAt = epoch.Add(to)
		}
		m.granted[a.ID] = a
	}
	give("alice", "dba", pim.Eligible, 0)
	give("alice", "dba2", pim.Eligible, 0)
	give("alice", "vault", pim.Eligible, 30*time.Hour)
	give("bob", "dba2", pim.Eligible, 0)
	give("bob", "vault", pim.Eligible, 0)
	give("alice", "ops", pim.Active, 10*time.Hour)
	give("dave", "dba2", pim.Active, 0)
	return m
}

func (m *model) now(doing string)        { m.doing = doing; clear(m.asks) }
func (m *model) enabled(who string) bool { return !m.disabled[who] }
func (m *machine) live(id string) bool   { return m.granted[id].InForceAt(m.clock.Now()) }
func (m *machine) over(id string) bool {
	a := m.granted[id]
	return !a.EndsAt.IsZero() && !m.clock.Now().Before(a.EndsAt)
}
func (m *model) eligibilities() (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(m.granted)) {
		if m.granted[id].Kind == pim.Eligible {
			ids = append(ids, id)
		}
	}
	return ids
}

// expect says which activations may appear in this step.
func (m *model) expect(who string, asks ...pim.ActivationRequest) {
	for _, a := range asks {
		m.asks[who+" "+a.AssignmentID]++
	}
}

// mustBeGiven reports whether nothing at all speaks against a request.
func (m *machine) mustBeGiven(req pim.ActivationRequest) bool {
	a, now := m.granted[req.AssignmentID], m.clock.Now()
	r := m.rules[a.RoleID]
	for _, row := range m.rows {
		if row.PrincipalID == a.PrincipalID && row.RoleID == a.RoleID && row.State.Open() {
			return false
		}
	}
	helped := !r.approval || slices.ContainsFunc(machineApprovers, func(id string) bool { return id != a.PrincipalID && m.enabled(id) })
	return helped && m.enabled(a.PrincipalID) && m.live(a.ID) && (a.EndsAt.IsZero() || a.EndsAt.After(now.Add(req.Duration))) &&
		req.Duration >= time.Minute && req.Duration <= r.longest()
}

// check holds rows, log and target against the model and one another.
func (m *machine) check() {
	m.Helper()
	type facts struct {
		rows    []pim.Activation
		entries []store.EntryRow
	}
	f, err := store.Read(m.ctx, m.b.Store(), func(r *store.Reader) (f facts, err error) {
		for _, id := range []string{"alice", "bob"} {
			rows, err := r.ActivationsOf(id, store.Keyset{}, 500)
			if err != nil {
				return f, err
			}
			f.rows = append(f.rows, rows...)
		}
		f.entries, err = entriesFrom(r, m.next)
		return f, err
	})
	m.ok(err)
	for _, e := range slices.Backward(f.entries) {
		m.next = e.Seq + 1
		m.fold(e.Entry)
	}
	slices.SortFunc(f.rows, func(a, b pim.Activation) int { return strings.Compare(a.ID, b.ID) })
	slices.SortStableFunc(f.rows, func(a, b pim.Activation) int { return a.RequestedAt.Compare(b.RequestedAt) })
	for _, a := range f.rows {
		m.checkRow(a)
	}
	if len(m.rows) != len(m.tales) {
		m.Errorf("%s: %d activations, and the log tells of %d", m.doing, len(m.rows), len(m.tales))
	}
	m.checkBeside(f.rows)
	m.checkCalls()
	m.stopIfFailed()
}

// stopIfFailed ends a failed run with what the target and the log say of it.
func (m *machine) stopIfFailed() {
	m.Helper()
	if !m.Failed() {
		return
	}
	for _, c := range m.target.Journal() {
		who, name := m.called(c)
		m.Logf("target %s: %s %s %s, changed %v", c.At.Format(time.StampMilli), c.Op, who, name, c.Changed)
	}
	entries, err := store.Read(m.ctx, m.b.Store(), func(r *store.Reader) ([]store.EntryRow, error) { return entriesFrom(r, 0) })
	m.ok(err)
	for _, e := range slices.Backward(entries) {
		m.Logf("log %s: %d %s %s by %s %v", e.At.Format(time.StampMilli), e.Seq, e.Type, e.ObjectID, e.Actor, e.Facts)
	}
	m.FailNow()
}

// entriesFrom reads the log from an entry on, newest first.
func entriesFrom(r *store.Reader, next int64) (out []store.EntryRow, err error) {
	f := store.EntryFilter{Limit: 30}
	for {
		page, err := r.Entries(f)
		if err != nil || len(page) == 0 {
			return out, err
		}
		for _, e := range page {
			if e.Seq < next {
				return out, nil
			}
			out = append(out, e)
		}
		if f.Before = page[len(page)-1].Seq; f.Before <= next {
			return out, nil
		}
	}
}

var overAs = map[pim.EventType]pim.ActivationState{pim.EvActDenied: pim.Denied, pim.EvActCanceled: pim.Canceled, pim.EvActTimedOut: pim.TimedOut,
	pim.EvActFailed: pim.Failed, pim.EvActRefusedAtStart: pim.RefusedAtStart}

// fold takes the next entry: one for every transition, and none twice (I6).
func (m *machine) fold(e audit.Entry) {
	m.Helper()
	t, kind := m.tales[e.Correlation], pim.EventType(e.Type)
	switch {
	case e.Result == audit.ResultRefused:
		return
	case kind == pim.EvPersonDisabled:
		m.disabled[e.Subject] = true
	case kind == pim.EvPersonEnabled:
		delete(m.disabled, e.Subject)
	case kind == pim.EvActRequested:
		id, _ := e.Facts["assignment"].(string)
		m.tales[e.Correlation] = &tale{assignment: id, asked: time.Duration(number(e, "duration_s")) * time.Second, then: m.rules[e.RoleID], told: map[string]int{e.Type: 1}}
		return
	case !strings.HasPrefix(e.Type, "activation.") && !strings.HasPrefix(e.Type, "extension."):
		return
	case t == nil:
		m.Fatalf("%s: entry %d, %s, is of no activation", m.doing, e.Seq, e.Type)
	default:
		m.tell(t, kind, e)
	}
}

func number(e audit.Entry, name string) int64 { n, _ := e.Facts[name].(int64); return n }

func instant(e audit.Entry, name string) time.Time { return time.UnixMicro(number(e, name)).UTC() }

func (m *machine) tell(t *tale, kind pim.EventType, e audit.Entry) {
	m.Helper()
	next := pim.ActivationState("")
	switch kind {
	case pim.EvActApprovalAsked:
		next = pim.PendingApproval
	case pim.EvActApproved:
		t.approved = true
		m.checkApprover(e)
	case pim.EvExtApproved:
		if !t.then.free || e.Actor != pim.System {
			m.checkApprover(e)
		}
	case pim.EvActScheduled, pim.EvActProvisioning:
		next = pim.Provisioning
		if kind == pim.EvActScheduled {
			next = pim.Scheduled
		}
		m.checkWindow(t, e)
	case pim.EvActConfirmed:
		next = pim.ActiveConfirmed
	case pim.EvActExtended:
		m.checkExtended(t, e)
	case pim.EvActEnded:
		s, _ := e.Facts["state"].(string)
		next = pim.ActivationState(s)
	case pim.EvActSettled:
		if t.state.Open() {
			m.Errorf("%s: %s is settled and %s", m.doing, e.Correlation, t.state)
		}
	default:
		next = overAs[kind]
	}
	if t.told[e.Type]++; t.told[e.Type] > 1 && strings.HasPrefix(e.Type, "activation.") && kind != pim.EvActExtended {
		m.Errorf("%s: %s is told twice of %s", m.doing, e.Type, e.Correlation)
	}
	if next == "" {
		return
	}
	if t.state != "" && !t.state.Open() { // I4
		m.Errorf("%s: %s was %s and is %s", m.doing, e.Correlation, t.state, next)
	}
	t.state = next
	m.seen.saw(string(next))
}

// checkApprover: nobody decides on their own, nobody who was not asked (I2).
func (m *machine) checkApprover(e audit.Entry) {
	m.Helper()
	if e.Actor == e.Subject || !slices.Contains(machineApprovers, e.Actor) || !m.enabled(e.Actor) {
		m.Errorf("%s: %s by %s for %s", m.doing, e.Type, e.Actor, e.Subject)
	}
}

// checkWindow: a window begins in a live eligibility of an enabled person, approved where that is asked for, and ends
// within every cap (I1, I3).
func (m *machine) checkWindow(t *tale, e audit.Entry) {
	m.Helper()
	start, end, now := instant(e, "starts_at"), instant(e, "ends_at"), m.rules[e.RoleID]
	asg := m.granted[t.assignment]
	if cap := min(t.asked, t.then.longest(), now.longest()); !end.After(start) || end.Sub(start) > cap {
		m.Errorf("%s: %s from %s to %s, at most %s", m.doing, e.Type, start, end, cap)
	}
	if t.state == pim.Scheduled && end.After(t.end) {
		m.Errorf("%s: planned until %s, started until %s", m.doing, t.end, end)
	}
	if !m.enabled(e.Subject) || start.Before(asg.StartsAt) || (!asg.EndsAt.IsZero() && (!start.Before(asg.EndsAt) || end.After(asg.EndsAt))) {
		m.Errorf("%s: %s from %s to %s, enabled %v, eligible from %s to %s", m.doing, e.Type, start, end, m.enabled(e.Subject), asg.StartsAt, asg.EndsAt)
	}
	if (t.then.approval || now.approval) && !t.approved {
		m.Errorf("%s: %s without the approval that is asked for", m.doing, e.Type)
	}
	t.start, t.end = start, end
}

// checkExtended: an end moves at most as far as each cap, of then and of now (I3, T15).
func (m *machine) checkExtended(t *tale, e audit.Entry) {
	m.Helper()
	end, now, asg := instant(e, "ends_at"), m.rules[e.RoleID], m.granted[t.assignment]
	gain, total := end.Sub(t.end), end.Sub(t.start)
	if !t.state.Holds() || gain <= 0 || gain > min(t.then.longest(), now.longest()) || total > min(t.then.whole(), now.whole()) {
		m.Errorf("%s: %s was extended by %s to %s in all: then %+v, now %+v", m.doing, t.state, gain, total, t.then, now)
	}
	if !asg.EndsAt.IsZero() && end.After(asg.EndsAt) {
		m.Errorf("%s: extended to %s, eligible until %s", m.doing, end, asg.EndsAt)
	}
	if needs := (t.then.approval || now.approval) && !(t.then.free && now.free); needs && t.told[string(pim.EvExtApproved)] == 0 {
		m.Errorf("%s: extended without approval", m.doing)
	}
	t.end = end
}

// checkRow holds one row against what the log told and what it was before (I3, I4, I6).
func (m *machine) checkRow(a pim.Activation) {
	m.Helper()
	was, known := m.rows[a.ID]
	t := m.tales[a.ID]
	if t == nil || t.state != a.State {
		m.Fatalf("%s: %s is %s, and the log tells %+v", m.doing, a.ID, a.State, t)
	}
	if !known {
		key := a.PrincipalID + " " + a.AssignmentID
		if m.asks[key]--; m.asks[key] < 0 {
			m.Errorf("%s: nobody asked for %s", m.doing, key)
		}
		m.order = append(m.order, a.ID)
	}
	m.rows[a.ID] = a
	if known && !was.State.Open() && (was.State != a.State || !was.EndedAt.Equal(a.EndedAt) || !was.EndsAt.Equal(a.EndsAt)) {
		m.Errorf("%s: what was over changed from %+v to %+v", m.doing, was, a)
	}
	if a.State.Holds() && (!a.StartsAt.Equal(t.start) || !a.EndsAt.Equal(t.end)) {
		m.Errorf("%s: from %s to %s, told were %s to %s", m.doing, a.StartsAt, a.EndsAt, t.start, t.end)
	}
	if now := m.clock.Now(); a.ActiveAt(now) && (now.Before(t.start) || !now.Before(t.end) || !m.enabled(a.PrincipalID)) {
		m.Errorf("%s: active at %s, told were %s to %s", m.doing, now, t.start, t.end)
	}
}

// checkBeside: of one role of one person one is open, and no windows overlap.
func (m *machine) checkBeside(rows []pim.Activation) {
	m.Helper()
	type held struct{ person, role string }
	open, windows := map[held]int{}, map[held][]pim.Activation{}
	for _, a := range rows {
		k := held{a.PrincipalID, a.RoleID}
		if a.State.Holds() || a.State == pim.PendingApproval && a.StartAsked.IsZero() {
			open[k]++
		}
		if a.State.Holds() || a.State == pim.Scheduled {
			windows[k] = append(windows[k], a)
		}
	}
	for k, n := range open {
		if n > 1 && !m.overdue(windows[k]) {
			m.Errorf("%s: %s has %d open activations of %s", m.doing, k.person, n, k.role)
		}
	}
	for k, all := range windows {
		for i, a := range all {
			for _, b := range all[:i] {
				if a.StartsAt.Before(b.EndsAt) && b.StartsAt.Before(a.EndsAt) {
					m.Errorf("%s: windows of %s and %s overlap: %s to %s, %s to %s", m.doing, k.person, k.role, a.StartsAt, a.EndsAt, b.StartsAt, b.EndsAt)
				}
			}
		}
	}
}

// overdue reports whether one of them is over and not swept yet, so that it holds nothing.
func (m *machine) overdue(all []pim.Activation) bool {
	return slices.ContainsFunc(all, func(a pim.Activation) bool { return !m.clock.Now().Before(a.EndsAt) })
}

// checkCalls: what was written to the target since was needed, or no longer needed, in that moment (I1, I7).
func (m *machine) checkCalls() {
	m.Helper()
	journal := m.target.Journal()
	for _, c := range journal[m.calls:] {
		who, name := m.called(c)
		switch needed := m.needed(who, name, c.At); {
		case c.Op == "grant" && !needed:
			m.Errorf("%s: at %s %s was given %s, which nothing needed", m.doing, c.At, who, name)
		case c.Op == "revoke" && needed && m.needed(who, name, c.At.Add(-time.Microsecond)): // rows know whole microseconds: what began in this one may have begun after the call
			m.Errorf("%s: at %s %s was taken from %s and still needed", m.doing, c.At, name, who)
		case c.Op == "revoke" && m.before(who, name):
			m.Errorf("%s: what was there before Stint was taken away", m.doing)
		}
	}
	m.calls = len(journal)
}

func (m *machine) called(c faketarget.Call) (who, name string) {
	for id, acc := range m.acc {
		if acc == c.Account {
			who = id
		}
	}
	for n, ent := range m.ent {
		if ent == c.Entitlement {
			name = n
		}
	}
	return who, name
}

func (m *machine) before(who, name string) bool { return who == "bob" && name == "cn=dba" }

// needed reports whether an open activation or an active assignment needs a membership at an instant.
func (m *machine) needed(who, name string, at time.Time) bool {
	for _, a := range m.granted {
		if a.Kind == pim.Active && a.PrincipalID == who && m.enabled(who) && a.InForceAt(at) && slices.Contains(machineMeans[a.RoleID], name) {
			return true
		}
	}
	for _, a := range m.rows {
		if a.PrincipalID == who && slices.Contains(machineMeans[a.RoleID], name) && !a.StartsAt.IsZero() && a.State != pim.Scheduled &&
			!at.Before(a.StartsAt) && at.Before(a.EndsAt) && (a.EndedAt.IsZero() || at.Before(a.EndedAt)) {
			return true
		}
	}
	return false
}

// quiesce heals the target and lets time pass, first a little and then until everything is over: the target holds
// exactly what is needed and what was there before, and everything that ended is settled (I5).
func (m *machine) quiesce() {
	m.Helper()
	m.now("quiet")
	m.cut = false
	m.target.Misbehave(faketarget.Faults{})
	for _, d := range []time.Duration{time.Minute, 9 * time.Hour, 30 * time.Hour, 30 * time.Hour} {
		m.clock.add(d)
		for range 8 {
			m.clock.add(time.Minute)
			m.tick()
		}
		m.check()
		m.checkTarget()
	}
	for _, a := range m.rows {
		if a.State.Open() {
			m.Errorf("quiet: %s is still %s", a.ID, a.State)
		}
	}
	m.stopIfFailed()
}

func (m *machine) checkTarget() {
	m.Helper()
	for who, acc := range m.acc {
		for name, ent := range m.ent {
			want := m.before(who, name) || m.needed(who, name, m.clock.Now())
			if got := m.target.Holds(connector.AccountID(acc), ent); got != want {
				m.Errorf("quiet at %s: %s holds %s: %v, should be %v", m.clock.Now(), who, name, got, want)
			}
		}
	}
	for _, a := range m.rows {
		if a.Ending() {
			m.Errorf("quiet: %s is %s and not settled", a.ID, a.State)
		}
		if a.State == pim.Provisioning {
			m.Errorf("quiet: %s is not confirmed", a.ID)
		}
		if a.State == pim.LostAtTarget || a.State == pim.Failed {
			m.Errorf("quiet: %s is %s, though nobody but Stint wrote", a.ID, a.State)
		}
	}
	m.stopIfFailed()
}

// verify proves the whole log, bytes and meaning (I6).
func (m *machine) verify() {
	m.Helper()
	p := play{world: m.world, signer: m.signer}
	for _, open := range p.verify() {
		m.Errorf("the story %s never ends in the log: %s since entry %d", open.ID, open.State, open.Seq)
	}
}
