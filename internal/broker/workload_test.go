package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// robot is a workload that bob answers for, with an account of its own at the target.
func (p *play) robot() {
	p.Helper()
	account := p.target.AddAccount("robot")
	p.acc["robot"] = account
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "robot", Kind: pim.Workload, Name: "robot", OwnerID: "bob", Enabled: true, Source: pim.SourceBrowser}),
			tx.InsertAccount(pim.Account{ID: "acc-robot", PrincipalID: "robot", TargetID: "dir", Name: "robot", ExternalID: string(account), ConfirmedAt: tx.Now, ConfirmedBy: pim.System, Source: pim.SourceFile}))
	}))
}

// employ makes the workload active for a while.
func (p *play) employ(d time.Duration) string {
	p.Helper()
	out, err := p.give(broker.AssignRequest{Principals: []string{"robot"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, d), Justification: "nightly"})
	p.ok(err)
	return out.AssignmentID
}

// P-01, A-60, K-25: what workloads may and may not, each story legal in the log.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(*play)
	}{
		{"it holds its role until the end, and its owner is told", func(p *play) {
			id := p.employ(2 * time.Hour)
			if !p.target.Holds(p.acc["robot"], p.dba) || p.told("bob", "carol made robot active for dba on Northwind until") != 1 {
				p.Errorf("held %v, told %d", p.target.Holds(p.acc["robot"], p.dba), p.told("bob", "carol made robot"))
			}
			p.later(2*time.Hour + time.Minute)
			if p.target.Holds(p.acc["robot"], p.dba) || !p.asg(id).Expired {
				p.Error("held after its end")
			}
		}},
		{"without an end only where the settings allow it (S-22)", func(p *play) {
			no := false
			p.set(pim.RoleSettings{RoleID: "dba", PermanentActive: &no, Source: pim.SourceFile})
			q := broker.AssignRequest{Principals: []string{"robot"}, Places: dbaOnOrg, AssignmentTerms: pim.AssignmentTerms{Kind: pim.Active, Permanent: true}, Justification: "nightly"}
			_, err := p.give(q)
			p.refuses(err, pim.KindInvalid, "need an end")
		}},
		{"Stint's own roles are for people", func(p *play) {
			_, err := p.give(broker.AssignRequest{Principals: []string{"robot"}, Places: []broker.Place{{RoleID: pim.RoleAuditor, ResourceID: pim.StintResource}},
				AssignmentTerms: bound(pim.Active, p, day), Justification: "nightly"})
			p.refuses(err, pim.KindInvalid, "are for people, who sign in")
		}},
		{"it approves nothing and is in no group", func(p *play) {
			yes := true
			_, err := p.b.SaveSettings(p.ctx, p.as("carol"), broker.SettingsChange{Row: pim.RoleSettings{RoleID: "dba", Approval: &yes, Approvers: []string{"robot"}}, Confirm: true})
			p.refuses(err, pim.KindInvalid, "")
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				return tx.InsertPrincipal(pim.Principal{ID: "ops", Kind: pim.Group, Name: "ops", Enabled: true, Source: pim.SourceBrowser})
			}))
			_, err = p.b.AddMembers(p.ctx, p.as("carol"), "ops", []string{"robot"})
			p.refuses(err, pim.KindInvalid, "Only people and groups are members")
		}},
		{"P-11 disabled it holds nothing at once; enabled again what is left", func(p *play) {
			p.employ(5 * time.Hour)
			w := p.workload()
			out, err := p.b.SwitchWorkload(p.ctx, p.as("carol"), "robot", w.Version, false)
			p.ok(err)
			if v, err := p.b.StepUp(p.ctx, p.as("carol"), out.CeremonyID); err != nil || !strings.Contains(strings.Join(v.Says, " "), "dba on Northwind is taken away from it now.") {
				p.Errorf("%v %q", err, v.Says)
			}
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			if p.target.Holds(p.acc["robot"], p.dba) || p.count(pim.EvPersonDisabled) != 1 {
				p.Error("a disabled workload holds its role")
			}
			_, err = p.give(broker.AssignRequest{Principals: []string{"robot"}, Places: readerOnOrg, AssignmentTerms: bound(pim.Active, p, day), Justification: "nightly"})
			if err == nil {
				p.Error("a disabled workload was given a role")
			}
			out, err = p.b.SwitchWorkload(p.ctx, p.as("carol"), "robot", p.workload().Version, true)
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			if !p.target.Holds(p.acc["robot"], p.dba) {
				p.Error("enabled it holds nothing")
			}
			p.later(5 * time.Hour)
			if p.target.Holds(p.acc["robot"], p.dba) {
				p.Error("held after its end")
			}
		}},
		{"removed it holds nothing, and its assignments are over", func(p *play) {
			id := p.employ(5 * time.Hour)
			out, err := p.b.RemoveWorkload(p.ctx, p.as("carol"), "robot", p.workload().Version)
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			if p.target.Holds(p.acc["robot"], p.dba) || p.asg(id).StateAt(p.clock.Now()) != pim.AssignmentRemoved {
				p.Errorf("%+v", p.asg(id))
			}
		}},
		{"K-25 who answers for it asks to extend, another administrator decides, and the log says who for whom", func(p *play) {
			id := p.employ(10 * day)
			_, err := p.b.RequestAssignment(p.ctx, p.as("alice"), id, "not mine to ask")
			p.refuses(err, pim.KindNotFound, "")
			request, err := p.b.RequestAssignment(p.ctx, p.as("bob"), id, "still exports")
			p.ok(err)
			e := p.events(pim.EvAsgAsked)[0]
			if e.Actor != "bob" || e.Subject != "robot" {
				p.Errorf("asked by %q for %q", e.Actor, e.Subject)
			}
			_, err = p.b.DecideAssignmentRequest(p.ctx, p.as("bob"), broker.AssignmentDecision{ID: request, Approve: true, AssignmentTerms: bound(pim.Active, p, 20*day), Justification: "mine"}, "")
			p.refuses(err, pim.KindNotFound, "")
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: request, Approve: true, AssignmentTerms: bound(pim.Eligible, p, 20*day), Justification: "agreed"})
			p.refuses(err, pim.KindInvalid, "is a workload and cannot activate")
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: request, Approve: true, AssignmentTerms: bound(pim.Active, p, 20*day), Justification: "agreed"})
			p.ok(err)
			if p.asg(id).EndsAt.Sub(p.clock.Now()) < 19*day || p.told("bob", "carol approved your request to extend dba on Northwind for robot: agreed") != 1 {
				p.Errorf("%+v", p.asg(id))
			}
		}},
		{"T10 an administrator who answers for it does not decide what they asked themselves", func(p *play) {
			id := p.employ(10 * day)
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				w, err := tx.Principal("robot")
				w.OwnerID = "carol"
				return errors.Join(err, tx.UpdatePrincipal(w))
			}))
			request, err := p.b.RequestAssignment(p.ctx, p.as("carol"), id, "still exports")
			p.ok(err)
			_, err = p.b.DecideAssignmentRequest(p.ctx, p.as("carol"), broker.AssignmentDecision{ID: request, Approve: true, AssignmentTerms: bound(pim.Active, p, 20*day), Justification: "mine"}, "")
			p.refuses(err, pim.KindForbidden, "Nobody decides their own request")
		}},
		{"for who is no administrator there is nothing to make or change", func(p *play) {
			_, err := p.b.NewWorkload(p.ctx, p.as("bob"), broker.WorkloadForm{Name: "mine", Owner: "bob"})
			p.refuses(err, pim.KindNotFound, "")
			_, err = p.b.SaveWorkload(p.ctx, p.as("bob"), "robot", 1, broker.WorkloadForm{Name: "mine", Owner: "bob"})
			p.refuses(err, pim.KindNotFound, "")
			_, err = p.b.SwitchWorkload(p.ctx, p.as("bob"), "robot", 1, false)
			p.refuses(err, pim.KindNotFound, "")
			_, err = p.b.RemoveWorkload(p.ctx, p.as("bob"), "robot", 1)
			p.refuses(err, pim.KindNotFound, "")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			p.robot()
			c.run(p)
			p.verify()
		})
	}
}

func (p *play) workload() pim.Principal {
	p.Helper()
	w, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (pim.Principal, error) { return r.Principal("robot") })
	p.ok(err)
	return w
}

// P-01: workloads of the file: made, renamed, handed over, disabled, taken away; exported as they are, and taken over from
// the portal by their ids.
func TestWorkloadsOfTheFile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	section := "workloads:\n  - {id: exporter, name: Exporter, description: Nightly, owner: group/inner}\n"
	with := replace(base, "accounts:\n", section+"accounts:\n  - {workload: exporter, target: dir, account: svc}\n",
		"assignments:\n", "assignments:\n  - {principal: workload/exporter, role: backup, resource: db, kind: active, until: 2099-01-01}\n")
	done := lines(o.apply(with).Changes)
	for _, want := range []string{`+ workload/exporter "Exporter"`, `+ account workload/exporter at target/dir: "svc"`, "+ assignment workload/exporter active for role/backup on resource/db until 2099-01-01"} {
		if !strings.Contains(done, want) {
			t.Errorf("the plan does not say %q:\n%s", want, done)
		}
	}
	if again := o.apply(with); len(again.Changes) > 0 {
		t.Errorf("a second time:\n%s", lines(again.Changes))
	}
	text, err := broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	if !strings.Contains(string(text), "{id: exporter, name: Exporter, description: Nightly, owner: group/inner}") || !strings.Contains(string(text), "workload: exporter") {
		t.Errorf("exported:\n%s", text)
	}
	if again := o.apply(string(text)); len(again.Changes) > 0 {
		t.Errorf("the export changes something:\n%s", lines(again.Changes))
	}
	w := read(o, func(r *store.Reader) (pim.Principal, error) { return r.PrincipalByKey(pim.Workload, "exporter") })
	held := func() int {
		return len(read(o, func(r *store.Reader) ([]pim.Principal, error) { return r.HoldersIn([]string{w.ID}) }))
	}
	if held() != 1 {
		t.Error("nobody holds what it holds")
	}
	changed := replace(with, "name: Exporter, description: Nightly, owner: group/inner", "name: Ledger exporter, description: Nightly, owner: person/bob, enabled: false")
	done = lines(o.apply(changed).Changes)
	for _, want := range []string{`~ workload/exporter: name "Exporter" → "Ledger exporter", owner person/bob`, "~ workload/exporter: disabled, with an end to all it holds"} {
		if !strings.Contains(done, want) {
			t.Errorf("the plan does not say %q:\n%s", want, done)
		}
	}
	if held() != 0 {
		t.Error("disabled and it holds")
	}
	if done = lines(o.apply(replace(with, "owner: group/inner", "owner: group/inner, enabled: true")).Changes); !strings.Contains(done, "~ workload/exporter: enabled") || held() != 1 {
		t.Errorf("enabled again:\n%s", done)
	}
	if done = lines(o.apply(base).Changes); !strings.Contains(done, "- workload/exporter, with all it holds") || held() != 0 {
		t.Errorf("left the file:\n%s", done)
	}

	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error {
		return tx.InsertPrincipal(pim.Principal{ID: "portalbot", Kind: pim.Workload, Name: "Portal bot", Enabled: true, Source: pim.SourceBrowser})
	}))
	text, err = broker.Export(o.ctx, o.b.Store())
	o.ok(err)
	if !strings.Contains(string(text), "# workloads: - {id: portalbot, name: Portal bot}") {
		t.Errorf("exported:\n%s", text)
	}
	taken := replace(base, "accounts:\n", "workloads:\n  - {id: portalbot, name: Portal bot, owner: person/bob}\naccounts:\n")
	if done = lines(o.apply(taken).Changes); !strings.Contains(done, "~ workload/portalbot: now owned by the file") {
		t.Errorf("taken over:\n%s", done)
	}
	if _, err := o.b.Apply(o.ctx, o.parse(replace(base, "accounts:\n", "workloads:\n  - {id: ownerless, name: Ownerless}\naccounts:\n")), plain); err == nil || !strings.Contains(err.Error(), "owner: is missing") {
		t.Errorf("without an owner: %v", err)
	}
	var wrong *orgfile.Errors
	for _, c := range [][2]string{
		{"role: backup, resource: db, kind: active, until", "role: backup, resource: db, kind: eligible, until"},
		{"role: backup, resource: db, kind: active, until", "role: auditor, resource: stint, kind: active, until"},
		{"members: [person/alice]", "members: [workload/exporter]"},
		{"owner: group/inner", "owner: workload/exporter"},
		{"{workload: exporter, target", "{workload: exporter, person: bob, target"},
	} {
		if _, err := orgfile.Parse("f", []byte(strings.Replace(with, c[0], c[1], 1))); !errors.As(err, &wrong) {
			t.Errorf("%s is taken: %v", c[1], err)
		}
	}
}
