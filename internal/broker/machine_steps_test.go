package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	"stint/internal/store"
)

// command is something that can happen; it reports whether it did anything.
type command struct {
	name   string
	weight int
	do     func(*machine) bool
}

// The first is what a failing run shrinks to: time passes.
var machineCommands = []command{
	{"a while passes", 12, func(m *machine) bool {
		m.pass(pick(m, "while", time.Second, time.Minute, 10*time.Minute, 35*time.Minute, 2*time.Hour, 9*time.Hour))
		return true
	}},
	{"request", 14, (*machine).request},
	{"request several", 3, (*machine).requestSet},
	{"schedule", 5, (*machine).schedule},
	{"touch at the start", 4, (*machine).startNow},
	{"approve or deny", 9, (*machine).decide},
	{"approve or deny several", 2, (*machine).decideSeveral},
	{"cancel", 2, (*machine).cancel},
	{"extend", 7, (*machine).extend},
	{"decide an extension", 4, (*machine).decideExtension},
	{"cancel an extension", 2, (*machine).cancelExtension},
	{"deactivate", 4, (*machine).deactivate},
	{"deactivate several", 2, (*machine).deactivateSeveral},
	{"revoke", 3, (*machine).revoke},
	{"disable or enable", 3, (*machine).disableOrEnable},
	{"edit settings", 4, (*machine).editSettings},
	{"end an eligibility", 2, (*machine).endEligibility},
	{"make an eligibility", 3, (*machine).makeEligibility},
	{"touch what waited", 5, (*machine).touchWaiting},
	{"crash", 2, func(m *machine) bool { m.ok(m.b.Store().Close()); m.boot(); return true }},
	{"cut the power at the next write", 2, func(m *machine) bool { m.cut = true; return true }},
	{"target up", 9, func(m *machine) bool { m.target.Misbehave(faketarget.Faults{}); return true }},
	{"target down", 3, func(m *machine) bool { m.target.Misbehave(faketarget.Faults{Down: true}); return true }},
	{"target lies", 2, func(m *machine) bool { m.target.Misbehave(faketarget.Faults{Lies: true}); return true }},
	{"target late", 3, func(m *machine) bool {
		m.target.Misbehave(faketarget.Faults{Late: pick(m, "late", time.Second, machineDelay)})
		return true
	}},
	{"target reads late", 2, func(m *machine) bool { m.target.Misbehave(faketarget.Faults{ReadDelay: machineDelay}); return true }},
	{"target loses answers", 2, func(m *machine) bool { m.target.Misbehave(faketarget.Faults{LoseAnswers: 2}); return true }},
	{"target loses writes", 2, func(m *machine) bool { m.target.Misbehave(faketarget.Faults{LoseWrites: 2}); return true }},
	{"target hangs", 1, func(m *machine) bool { m.target.Misbehave(faketarget.Faults{Hang: never}); return true }},
}

var never = make(chan struct{})

var weighted = func() (out []command) {
	for _, c := range machineCommands {
		out = append(out, slices.Repeat([]command{c}, c.weight)...)
	}
	return out
}()

// even draws from 0 to 255, each as likely as the others; what rapid draws itself is mostly small.
var even = rapid.Custom(func(t *rapid.T) (n int) {
	for range 8 {
		if n *= 2; rapid.Bool().Draw(t, "bit") {
			n++
		}
	}
	return n
})

func pick[T any](m *machine, label string, all ...T) T {
	return all[even.Draw(m.rt, label)*len(all)/256]
}

// step does one command, mostly lets the program follow, and judges.
func (m *machine) step() {
	c := pick(m, "command", weighted...)
	m.rt.Logf("%s: %s", m.clock.Now().Format(time.StampMilli), c.name)
	m.clock.add(time.Millisecond)
	if m.now(c.name); c.do(m) {
		m.seen.saw(c.name)
	}
	if pick(m, "follow", true, true, false) {
		m.tick()
	}
	m.check()
}

// pass lets time pass in a few looks of the program.
func (m *machine) pass(d time.Duration) {
	for range 3 {
		m.clock.add(d / 3)
		m.tick()
	}
}

// may reports success; a refusal is an answer, every other error a defect.
func (m *machine) may(err error) bool {
	m.Helper()
	var refusal *pim.Refusal
	if err != nil && !errors.As(err, &refusal) {
		m.Fatalf("%s: %v", m.doing, err)
	}
	return err == nil
}

// waiting is a ceremony that was begun and not touched yet, with what it will make.
type waiting struct {
	who  string
	out  broker.Outcome
	asks []pim.ActivationRequest
}

// confirm touches the passkey now, or leaves it for later.
func (m *machine) confirm(who string, out broker.Outcome, err error, asks ...pim.ActivationRequest) bool {
	m.Helper()
	if !m.may(err) {
		return false
	}
	w := waiting{who, out, asks}
	if pick(m, "touch", true, true, true, true, true, false) {
		return m.finish(w)
	}
	m.waiting = append(m.waiting, w)
	return false
}

func (m *machine) finish(w waiting) bool {
	m.Helper()
	m.expect(w.who, w.asks...)
	if w.out.CeremonyID == "" {
		return true
	}
	v, err := m.b.StepUp(m.ctx, m.as(w.who), w.out.CeremonyID)
	if !m.may(err) {
		return false
	}
	response, err := m.world.keys[w.who].Get(v.Options)
	m.ok(err)
	_, err = m.b.FinishStepUp(m.ctx, m.as(w.who), w.out.CeremonyID, response)
	return m.may(err)
}

func (m *machine) touchWaiting() bool {
	if len(m.waiting) == 0 {
		return false
	}
	w := m.waiting[0]
	m.waiting = m.waiting[1:]
	return m.finish(w)
}

func (m *machine) draw(id string) pim.ActivationRequest {
	d := pick(m, "duration", time.Hour, time.Minute, 30*time.Minute, 2*time.Hour, 8*time.Hour, 20*time.Minute, 0, 30*time.Second, 25*time.Hour)
	return pim.ActivationRequest{AssignmentID: id, Duration: d, Justification: "fix the index"}
}

func (m *machine) request() bool {
	req := m.draw(pick(m, "eligibility", m.eligibilities()...))
	who := m.granted[req.AssignmentID].PrincipalID
	must := m.mustBeGiven(req)
	out, err := m.b.RequestActivation(m.ctx, m.as(who), req)
	if must && err != nil {
		m.Fatalf("%s for %s is refused: %v", req.AssignmentID, req.Duration, err)
	}
	return m.confirm(who, out, err, req)
}

func (m *machine) requestSet() bool {
	var set []pim.ActivationRequest
	for _, id := range m.eligibilities() {
		if a := m.granted[id]; a.PrincipalID == "alice" && m.live(id) && pick(m, "in the set", true, true, false) {
			set = append(set, m.draw(id))
		}
	}
	out, err := m.b.RequestActivations(m.ctx, m.as("alice"), set)
	return m.confirm("alice", out, err, set...)
}

func (m *machine) schedule() bool {
	req := m.draw(pick(m, "eligibility", m.eligibilities()...))
	req.Start = m.clock.Now().Add(pick(m, "lead", time.Minute, 30*time.Minute, 3*time.Hour, 26*time.Hour, 30*time.Hour, -time.Hour, 8*24*time.Hour))
	who := m.granted[req.AssignmentID].PrincipalID
	out, err := m.b.RequestActivation(m.ctx, m.as(who), req)
	return m.confirm(who, out, err, req)
}

// some picks an activation, preferring those of a state.
func (m *machine) some(states ...pim.ActivationState) (pim.Activation, bool) {
	var fit, all []string
	for _, id := range m.order {
		all = append(all, id)
		if slices.Contains(states, m.rows[id].State) {
			fit = append(fit, id)
		}
	}
	if len(all) == 0 {
		return pim.Activation{}, false
	}
	if len(fit) > 0 && pick(m, "fitting", true, true, true, true, false) {
		all = fit
	}
	return m.rows[pick(m, "activation", all...)], true
}

func (m *machine) startNow() bool {
	a, ok := m.some(pim.Scheduled)
	if !ok {
		return false
	}
	if wait := a.StartsAt.Sub(m.clock.Now()); wait > 0 && a.State == pim.Scheduled {
		m.pass(wait)
	}
	out, err := m.b.StartNow(m.ctx, m.as(a.PrincipalID), a.ID)
	return m.confirm(a.PrincipalID, out, err)
}

func (m *machine) decide() bool {
	a, ok := m.some(pim.PendingApproval)
	if !ok {
		return false
	}
	who := pick(m, "approver", "bob", "dave", "bob", "dave", "alice", "carol")
	out, err := m.b.Decide(m.ctx, m.as(who), a.ID, pick(m, "approve", true, true, true, false), "as agreed on call")
	return m.confirm(who, out, err)
}

func (m *machine) decideSeveral() bool {
	var all []string
	for _, id := range m.order {
		if a := m.rows[id]; a.State == pim.PendingApproval && len(all) < pim.MaxSet {
			all = append(all, id)
		}
	}
	who := pick(m, "approver", "dave", "bob")
	out, err := m.b.DecideAll(m.ctx, m.as(who), all, pick(m, "approve", true, true, false), "as agreed on call")
	return m.confirm(who, out, err)
}

func (m *machine) cancel() bool {
	a, ok := m.some(pim.PendingApproval, pim.Scheduled)
	return ok && m.may(m.b.Cancel(m.ctx, m.as(a.PrincipalID), a.ID))
}

func (m *machine) extend() bool {
	a, ok := m.some(pim.ActiveConfirmed, pim.Provisioning)
	if !ok {
		return false
	}
	d := pick(m, "longer", 30*time.Minute, time.Minute, 2*time.Hour, 8*time.Hour, 0, 25*time.Hour)
	out, err := m.b.RequestExtension(m.ctx, m.as(a.PrincipalID), pim.ExtensionRequest{ActivationID: a.ID, Duration: d, Justification: "not done yet"})
	return m.confirm(a.PrincipalID, out, err)
}

func (m *machine) extension() (pim.Extension, bool) {
	all, err := store.Read(m.ctx, m.b.Store(), func(r *store.Reader) ([]pim.Extension, error) { return r.PendingExtensions(20) })
	m.ok(err)
	if len(all) == 0 {
		return pim.Extension{}, false
	}
	slices.SortFunc(all, func(a, b pim.Extension) int { return a.RequestedAt.Compare(b.RequestedAt) })
	return all[rapid.IntRange(0, len(all)-1).Draw(m.rt, "extension")], true
}

func (m *machine) decideExtension() bool {
	x, ok := m.extension()
	if !ok {
		m.extend() // so that one waits next time
		return false
	}
	who := pick(m, "approver", "dave", "bob", "alice")
	out, err := m.b.DecideExtension(m.ctx, m.as(who), x.ID, pick(m, "approve", true, true, true, false), "as agreed on call")
	return m.confirm(who, out, err)
}

func (m *machine) cancelExtension() bool {
	x, ok := m.extension()
	if !ok {
		m.extend() // so that one waits next time
		return false
	}
	_, err := m.b.CancelExtension(m.ctx, m.as(x.PrincipalID), x.ID)
	return m.may(err)
}

func (m *machine) deactivate() bool {
	a, ok := m.some(pim.ActiveConfirmed, pim.Provisioning)
	return ok && m.may(m.b.Deactivate(m.ctx, m.as(a.PrincipalID), a.ID))
}

func (m *machine) deactivateSeveral() bool {
	var all []string
	for _, id := range m.order {
		if a := m.rows[id]; a.PrincipalID == "alice" && a.State.Holds() {
			all = append(all, id)
		}
	}
	_, err := m.b.DeactivateAll(m.ctx, m.as("alice"), all)
	return m.may(err)
}

func (m *machine) revoke() bool {
	a, ok := m.some(pim.ActiveConfirmed, pim.Provisioning, pim.PendingApproval, pim.Scheduled)
	if !ok {
		return false
	}
	out, err := m.b.RevokeActivation(m.ctx, m.as("carol"), a.ID, "no longer needed")
	return m.confirm("carol", out, err)
}

func (m *machine) disableOrEnable() bool {
	who := pick(m, "person", "alice", "bob", "dave")
	action, was := pim.ActionDisablePerson, m.enabled(who)
	if !was {
		action = pim.ActionEnablePerson
	}
	out, err := m.b.PersonAction(m.ctx, m.as("carol"), action, who, "")
	return m.confirm("carol", out, err)
}

func (m *machine) editSettings() bool {
	role := pick(m, "role", "vault", "dba", "dba2")
	r := rules{max: pick(m, "maximum", 2*time.Hour, 30*time.Minute, 8*time.Hour), total: pick(m, "total", 0, 3*time.Hour),
		approval: pick(m, "approval", true, false), free: pick(m, "extension is free", false, true)}
	m.rules[role] = r
	m.ok(store.Do(m.ctx, m.b.Store(), func(tx *store.Tx) error { return tx.SaveSettings(r.settings(role)) }))
	return true
}

func (m *machine) endEligibility() bool {
	id := pick(m, "eligibility", m.eligibilities()...)
	if !m.live(id) {
		return false
	}
	end := m.clock.Now().Add(pick(m, "end", time.Millisecond, time.Minute, time.Hour))
	m.ok(store.Do(m.ctx, m.b.Store(), func(tx *store.Tx) error {
		a, err := tx.Assignment(id)
		if err != nil {
			return err
		}
		a.EndsAt = end
		return tx.UpdateAssignment(a)
	}))
	a := m.granted[id]
	a.EndsAt = end
	m.granted[id] = a
	return true
}

// makeEligibility gives anew what has ended.
func (m *machine) makeEligibility() bool {
	id := pick(m, "eligibility", m.eligibilities()...)
	a := m.granted[id]
	for _, other := range m.granted {
		if other.PrincipalID == a.PrincipalID && other.RoleID == a.RoleID && !m.over(other.ID) {
			return false
		}
	}
	a.ID, a.StartsAt, a.EndsAt = fmt.Sprintf("%s-%s-%d", a.PrincipalID, a.RoleID, len(m.granted)), m.clock.Now(), time.Time{}
	m.tick() // what has ended is recorded before
	m.ok(store.Do(m.ctx, m.b.Store(), func(tx *store.Tx) error { return tx.InsertAssignment(a) }))
	m.granted[a.ID] = a
	return true
}
