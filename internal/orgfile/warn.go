package orgfile

import (
	"slices"
	"strings"

	"stint/internal/pim"
)

// Warnings tells what is allowed but will surprise: approvals nobody can give, accounts that are missing, roles
// that give nothing. They are Faults that do not stop an apply.
func (d *Doc) Warnings() []Fault {
	w := &warner{Doc: d, members: map[string][]string{}, open: map[string]bool{}, byID: map[string]Resource{}, account: map[string]bool{}, disabled: map[string]bool{}}
	for _, p := range d.People {
		w.disabled["person/"+p.ID] = p.Enabled != nil && !*p.Enabled
	}
	for _, p := range d.Workloads {
		w.disabled["workload/"+p.ID] = p.Enabled != nil && !*p.Enabled
	}
	for _, g := range d.Groups {
		w.open["group/"+g.ID] = g.Claim != ""
		for _, m := range g.Members {
			w.members["group/"+g.ID] = append(w.members["group/"+g.ID], m.Ref)
		}
	}
	for _, r := range d.Resources {
		w.byID[r.ID] = r
	}
	for _, a := range d.Accounts {
		w.account[a.Holder()+"\x00"+a.Target] = true
	}
	for _, r := range d.Roles {
		w.role(r)
	}
	_ = w.Err() // sorts
	return w.Faults
}

type warner struct {
	*Doc
	Errors
	members  map[string][]string
	open     map[string]bool // groups with members this file does not know
	byID     map[string]Resource
	account  map[string]bool
	disabled map[string]bool
}

// people expands principals to those who are no groups, disabled ones left out; open is true when a group among them takes members from a claim.
func (w *warner) people(refs []string) (people map[string]bool, open bool) {
	people, seen := map[string]bool{}, map[string]bool{}
	for todo := slices.Clone(refs); len(todo) > 0; {
		ref := todo[0]
		todo = todo[1:]
		if seen[ref] {
			continue
		}
		seen[ref] = true
		if !strings.HasPrefix(ref, "group/") {
			if !w.disabled[ref] {
				people[ref] = true
			}
			continue
		}
		open = open || w.open[ref]
		todo = append(todo, w.members[ref]...)
	}
	return people, open
}

func (w *warner) role(r Role) {
	rows := make([]pim.RoleSettings, len(r.Settings))
	for i, s := range r.Settings {
		rows[i] = s.Rules()
		rows[i].RoleID = r.ID
	}
	for _, a := range w.Assignments {
		if a.Role != r.ID {
			continue
		}
		people, _ := w.people([]string{a.Principal})
		if a.Kind == pim.Eligible {
			w.approval(a, pim.ResolveSettings(pim.RoleDefinition{ID: r.ID}, pathTo(w.byID, a.Resource), rows), people)
		}
		if !r.Builtin {
			w.means(a, r, people)
		}
	}
}

// approval warns where a person's requests could only time out (EC-06, EC-15).
func (w *warner) approval(a Assignment, eff pim.Effective, people map[string]bool) {
	if !eff.Approval {
		return
	}
	approvers, open := w.people(eff.Approvers)
	if open {
		return
	}
	for _, id := range sorted(people) {
		others := len(approvers)
		if approvers[id] {
			others--
		}
		if others == 0 {
			w.Add(a.Pos, "assignments", "nobody but the person could approve when %s activates %s, so requests would time out; name another approver", id, a.Role)
		}
	}
}

// means warns where holding the role is nothing at any target, or the person has no account there.
func (w *warner) means(a Assignment, r Role, people map[string]bool) {
	targets := map[string]bool{}
	for _, m := range r.Means {
		path := pathTo(w.byID, m.Resource)
		if path.Contains(a.Resource) {
			targets[path.TargetID()] = true
		}
	}
	if len(targets) == 0 {
		w.Add(a.Pos, "assignments", "%s means nothing at %s or below it, so holding it gives nothing at a target", a.Role, a.Resource)
	}
	for _, target := range sorted(targets) {
		for _, id := range sorted(people) {
			if !w.account[id+"\x00"+target] {
				w.Add(a.Pos, "assignments", "%s has no account at %s in this file, so %s cannot be granted there", id, target, a.Role)
			}
		}
	}
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
