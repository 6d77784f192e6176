package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func (o *office) told(ref string, parts ...string) bool {
	o.Helper()
	id := o.who(ref)
	list := read(o, func(r *store.Reader) ([]store.Notice, error) { return r.Notices(id, store.Keyset{}, 50) })
	var texts []string
	for _, n := range list {
		texts = append(texts, n.Text)
	}
	return said(texts, parts...)
}

// watched is an organisation whose privileged role asks for approval by a group, and for less time at one place.
var watched = replace(base, "resources:\n", "resources:\n  - {id: strict, kind: organisation, name: Strict, target: dir}\n",
	"name: Database, parent: org}", "name: Database, parent: strict}",
	"settings: [{max_duration: 4h, default_duration: 30m}]",
	"settings: [{max_duration: 4h, default_duration: 30m, approval: required, approvers: [group/inner]}, {resource: strict, max_duration: 1h, default_duration: 30m}]",
	"{principal: group/outer, role: dba, resource: org, kind: eligible}", "{principal: person/carol, role: privileged-role-administrator, resource: stint, kind: eligible}",
	"  - {person: alice, target: dir, account: alice}\n", "  - {person: alice, target: dir, account: alice}\n  - {workload: robot, target: dir, account: robot}\n",
	"accounts:\n", "workloads:\n  - {id: robot, name: Robot, owner: person/bob}\naccounts:\n")

// T21: whatever a file makes less strict of a privileged role that is there already is an event, and told to every
// administrator, as in the browser; a new organisation is not.
func TestWhatAFileLoosensIsLoud(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ was, is, told string }{
		"settings":              {"max_duration: 4h", "max_duration: 8h", "less strict: Longest activation"},
		"a move":                {"name: Database, parent: strict}", "name: Database, parent: org}", "DBA at Database less strict"},
		"an approver":           {"members: [person/alice]", "members: [person/alice, person/bob]", "brought approvers in for DBA"},
		"approvers by a group":  {"  - {id: inner, name: Inner, members: [person/alice]}\n", "  - {id: inner, name: Inner, members: [person/alice, group/new]}\n  - {id: new, name: New, members: [person/bob]}\n", "brought approvers in for DBA"},
		"the claim of a group":  {"name: Inner, members", "name: Inner, claim: staff, members", "brought approvers in for DBA"},
		"made unprivileged":     {"privileged: true", "privileged: false", "made the role DBA unprivileged"},
		"settings taken away":   {", {resource: strict, max_duration: 1h, default_duration: 30m}", "", "DBA at Strict less strict"},
		"approvers named anew":  {"approvers: [group/inner]", "approvers: [group/inner, person/bob]", "less strict: Approvers"},
		"a workload's account":  {"account: robot}", "account: robot-2}", "changed accounts at targets of workloads: Robot"},
		"nothing of that: more": {"max_duration: 4h", "max_duration: 2h", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.apply(watched)
			loud := func() int { return len(o.entries(store.EntryFilter{Type: string(pim.EvSettingsLoosened)})) }
			if loud() != 0 || o.told("person/carol", "A file") {
				t.Fatal("a new organisation is told of")
			}
			o.apply(replace(watched, c.was, c.is))
			if want := c.told != "" && name != "a workload's account"; (loud() > 0) != want {
				t.Errorf("%d events", loud())
			}
			if o.told("person/carol", "A file that was applied", c.told) != (c.told != "") {
				t.Errorf("carol is not told %q, or of nothing", c.told)
			}
			if name == "a workload's account" && !o.told("person/bob", "changed the account of Robot") {
				t.Error("who answers for it is not told")
			}
		})
	}
}

// A-17, EC-16: a file that leaves nobody able to administer some day says so, as the browser does.
func TestAFileThatLimitsAdministration(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(watched)
	o.enrol(o.who("person/carol"))
	until := replace(watched, "resource: stint, kind: eligible}", "resource: stint, kind: eligible, until: 2027-06-30}")
	for range 2 {
		o.apply(until)
		if n := len(o.entries(store.EntryFilter{Type: string(pim.EvAdministrationEnds)})); n != 1 || !o.told("person/carol", nobodyAble) {
			t.Errorf("%d events", n)
		}
	}
}

// and a directory does, too, whether it disables somebody or takes them out of a group.
func TestADirectoryThatLimitsAdministration(t *testing.T) {
	t.Parallel()
	f := follow(t, 30)
	f.Person("dan").Ready()
	f.Administrator("dan")
	f.people = append(f.people, member(902))
	f.people[30].Values["sub"] = []string{"dan"}
	f.show()
	f.first()
	f.Do(func(tx *store.Tx) error {
		a, err := tx.Assignment("carol-" + pim.RoleAdministrator)
		a.EndsAt = tx.Now.Add(90 * 24 * time.Hour)
		return errors.Join(err, tx.UpdateAssignment(a))
	})
	f.people[30].Values["uac"] = []string{"514"}
	f.show()
	f.run(false)
	if f.who("dan").Enabled {
		t.Fatal("dan is enabled")
	}
	list := f.Events(pim.EvAdministrationEnds)
	if len(list) != 1 || !strings.Contains(string(list[0].Leaf), `"until"`) || list[0].Actor != pim.System {
		t.Errorf("events: %+v", list)
	}
}
