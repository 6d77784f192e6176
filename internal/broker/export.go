package broker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// Export writes what a file owns as a file: applying it changes nothing. What came from sign-in, the portal or
// a link stands as comments at its end, so that nothing is taken over unseen. Secrets are their references.
func Export(ctx context.Context, s *store.Store) ([]byte, error) {
	return store.Read(ctx, s, func(r *store.Reader) ([]byte, error) {
		have, err := readCurrent(r)
		if err != nil {
			return nil, err
		}
		e := &exporter{current: have, now: r.Now, key: map[string]string{}}
		e.keys()
		doc, others := e.doc(), e.others()
		return orgfile.Write(doc, []string{
			"Written by `stint export`: what the file of `stint apply` owns. Applying it changes nothing.",
			"Secrets are not in it, only where they are read from.", ""}, others)
	})
}

type exporter struct {
	current
	now time.Time
	key map[string]string // id -> its name in the file; "" for what no file owns

	foreignHandOut []bool // by resource: its list names roles that no file owns
}

// keys finds what can be named in a file.
func (e *exporter) keys() {
	own := func(id, key string, s pim.Source) {
		if s == pim.SourceFile || s == pim.SourceBuiltin {
			e.key[id] = key
		}
	}
	for _, t := range e.targets {
		own(t.ID, t.Key, t.Source)
	}
	for _, s := range e.resources {
		own(s.ID, s.Key, s.Source)
	}
	for _, d := range e.roles {
		own(d.ID, d.Key, d.Source)
	}
	for _, h := range slices.Concat(e.people, e.groups, e.workloads) {
		own(h.ID, string(h.Kind)+"/"+h.Key, h.Source)
	}
}

func (e *exporter) doc() *orgfile.Doc {
	d := &orgfile.Doc{}
	for _, t := range e.targets {
		if t.Source == pim.SourceFile {
			d.Targets = append(d.Targets, orgfile.Target{ID: t.Key, Kind: t.Kind, Name: t.Name, Settings: t.Settings, Secret: secretRef(t.SecretFrom), MayWrite: t.MayWrite, Authoritative: t.Authoritative, Sync: e.sync(t.ID)})
		}
	}
	for _, s := range e.resources {
		if s.Source == pim.SourceFile {
			d.Resources = append(d.Resources, orgfile.Resource{ID: s.Key, Kind: s.Kind, Name: s.Name, Parent: e.key[s.ParentID], Target: e.key[s.TargetID]})
			d.Resources[len(d.Resources)-1].HandOut, _ = e.handOut(s.ID)
		}
	}
	for _, role := range e.roles {
		if f := e.role(role); role.Source == pim.SourceFile || len(f.Settings) > 0 {
			d.Roles = append(d.Roles, f)
		}
	}
	for _, h := range e.people {
		if h.Source == pim.SourceFile {
			d.People = append(d.People, e.person(h))
		}
	}
	for _, g := range e.groups {
		if g.Source == pim.SourceFile {
			d.Groups = append(d.Groups, orgfile.Group{ID: g.Key, Name: g.Name, Claim: g.MatchValue, Members: e.membersOf(g.ID)})
		}
	}
	for _, w := range e.workloads {
		if w.Source == pim.SourceFile {
			d.Workloads = append(d.Workloads, e.workload(w))
		}
	}
	for _, a := range e.accounts {
		if a.Source == pim.SourceFile {
			d.Accounts = append(d.Accounts, e.account(a))
		}
	}
	for _, a := range e.assignments {
		if a.Source == pim.SourceFile {
			d.Assignments = append(d.Assignments, e.assignment(a))
		}
	}
	e.order(d)
	return d
}

// sync is how a target's people are followed, but for the groups that are fed.
func (e *exporter) sync(targetID string) *pim.SyncSettings {
	row, ok := e.syncs[targetID]
	if !ok {
		return nil
	}
	row.Settings.Groups = nil
	return &row.Settings
}

// order makes two exports of the same state the same text.
func (e *exporter) order(d *orgfile.Doc) {
	byID := func(a, b string) int { return cmp.Compare(a, b) }
	slices.SortFunc(d.Targets, func(a, b orgfile.Target) int { return byID(a.ID, b.ID) })
	slices.SortFunc(d.Roles, func(a, b orgfile.Role) int { return byID(a.ID, b.ID) })
	slices.SortFunc(d.People, func(a, b orgfile.Person) int { return byID(a.ID, b.ID) })
	slices.SortFunc(d.Groups, func(a, b orgfile.Group) int { return byID(a.ID, b.ID) })
	slices.SortFunc(d.Workloads, func(a, b orgfile.Workload) int { return byID(a.ID, b.ID) })
	slices.SortFunc(d.Accounts, func(a, b orgfile.Account) int {
		return cmp.Or(byID(a.Target, b.Target), byID(a.Holder(), b.Holder()))
	})
	slices.SortFunc(d.Assignments, func(a, b orgfile.Assignment) int {
		return cmp.Or(byID(a.Role, b.Role), byID(a.Resource, b.Resource), byID(a.Principal, b.Principal), byID(string(a.Kind), string(b.Kind)))
	})
	path := func(r orgfile.Resource) (p []string) {
		parents := index(d.Resources, func(r orgfile.Resource) string { return r.ID })
		for ok := true; ok && len(p) <= orgfile.MaxTreeDepth; r, ok = parents[r.Parent] {
			p = append([]string{r.ID}, p...)
		}
		return p
	}
	slices.SortFunc(d.Resources, func(a, b orgfile.Resource) int { return slices.Compare(path(a), path(b)) })
}

func secretRef(from string) (s orgfile.Secret) {
	kind, name, _ := strings.Cut(from, ":")
	switch kind {
	case "env":
		s.Env = name
	case "file":
		s.File = name
	}
	return s
}

func (e *exporter) role(d pim.RoleDefinition) orgfile.Role {
	f := orgfile.Role{ID: d.Key, Name: d.Name, Description: d.Description, Privileged: d.Privileged, Builtin: d.Source == pim.SourceBuiltin}
	if f.Builtin {
		f.Name, f.Description = "", "" // Stint's own words
	}
	for _, m := range e.meanings {
		if m.RoleID == d.ID {
			f.Means = append(f.Means, orgfile.Meaning{Resource: e.key[m.ResourceID], Entitlement: m.Name, Relation: m.Relation})
		}
	}
	for _, s := range e.settings {
		if s.RoleID == d.ID && s.Source == pim.SourceFile {
			f.Settings = append(f.Settings, e.rules(s))
		}
	}
	slices.SortFunc(f.Means, func(a, b orgfile.Meaning) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Entitlement, b.Entitlement), cmp.Compare(a.Relation, b.Relation))
	})
	slices.SortFunc(f.Settings, func(a, b orgfile.Settings) int { return cmp.Compare(a.Resource, b.Resource) })
	return f
}

func (e *exporter) rules(s pim.RoleSettings) orgfile.Settings {
	f := orgfile.Settings{Resource: e.key[s.ResourceID], MaxDuration: s.MaxDuration, DefaultDuration: s.DefaultDuration, StepUp: s.StepUp, Context: s.Context,
		Justification: s.Justification, Ticket: s.Ticket, Approval: s.Approval, ApprovalTimeout: s.ApprovalTimeout,
		MaxLead: s.MaxLead, MaxTotal: s.MaxTotal, ExtensionApproval: s.ExtensionApproval,
		PermanentEligible: s.PermanentEligible, EligibleMax: s.EligibleMax, PermanentActive: s.PermanentActive, ActiveMax: s.ActiveMax,
		AssignStepUp: s.AssignStepUp, AssignJustification: s.AssignJustification, Enforced: s.Enforced}
	if s.Approvers != nil {
		f.Approvers = []string{}
	}
	for _, id := range s.Approvers {
		if ref := e.key[id]; ref != "" { // whoever is gone approves nothing
			f.Approvers = append(f.Approvers, ref)
		}
	}
	return f
}

// person leaves out what the provider's claims gave: in a file it would not follow them any more.
func (e *exporter) person(h pim.Principal) orgfile.Person {
	h = h.Given()
	f := orgfile.Person{ID: h.Key, Name: h.Name, Email: h.Email, Department: h.Department, Title: h.Title, Guest: h.Guest, MatchClaim: h.MatchClaim, MatchValue: h.MatchValue,
		Manager: strings.TrimPrefix(e.key[h.ManagerID], "person/")}
	if h.MatchClaim == "" {
		f.Issuer, f.Subject = h.Issuer, h.Subject
	}
	if !h.Enabled {
		f.Enabled = new(bool)
	}
	return f
}

func (e *exporter) workload(w pim.Principal) orgfile.Workload {
	f := orgfile.Workload{ID: w.Key, Name: w.Name, Description: w.About, Owner: e.key[w.OwnerID]}
	if !w.Enabled {
		f.Enabled = new(bool)
	}
	return f
}

func (e *exporter) membersOf(groupID string) (out []orgfile.Member) {
	for _, m := range e.members {
		if ref := e.key[m.MemberID]; m.GroupID == groupID && m.Source == pim.SourceFile && ref != "" {
			out = append(out, orgfile.Member{Ref: ref})
		}
	}
	slices.SortFunc(out, func(a, b orgfile.Member) int { return cmp.Compare(a.Ref, b.Ref) })
	return out
}

func (e *exporter) account(a pim.Account) orgfile.Account {
	f := orgfile.Account{Target: e.key[a.TargetID], Account: a.Name}
	var ok bool
	if f.Workload, ok = strings.CutPrefix(e.key[a.PrincipalID], "workload/"); !ok {
		f.Person, f.Workload = strings.TrimPrefix(e.key[a.PrincipalID], "person/"), ""
	}
	return f
}

func (e *exporter) assignment(a pim.Assignment) orgfile.Assignment {
	f := orgfile.Assignment{Principal: e.key[a.PrincipalID], Role: e.key[a.RoleID], Resource: e.key[a.ResourceID], Kind: a.Kind, Until: a.EndsAt, Reason: a.Justification}
	if a.StartsAt.After(e.now) && !a.StartsAt.Equal(store.Unopened) {
		f.From = a.StartsAt
	}
	return f
}

// others are the lines of what no file owns.
func (e *exporter) others() (lines []string) {
	add := func(s pim.Source, what string) { lines = append(lines, what+"   # "+why(s)) }
	foreign := func(s pim.Source) bool { return s != pim.SourceFile && s != pim.SourceBuiltin }
	e.portal(add)
	for _, h := range e.people {
		if foreign(h.Source) {
			f := e.person(h)
			f.ID = "CHOOSE-AN-ID"
			e.key[h.ID] = "person/" + h.Name
			add(h.Source, "people: "+orgfile.Line(f))
		}
	}
	for _, w := range e.workloads {
		if foreign(w.Source) {
			f := e.workload(w)
			f.ID = w.ID
			add(w.Source, "workloads: "+orgfile.Line(f))
		}
	}
	for _, m := range e.members {
		if foreign(m.Source) {
			add(m.Source, "members of "+e.key[m.GroupID]+": "+orgfile.Line(orgfile.Member{Ref: e.key[m.MemberID]}))
		}
	}
	for _, a := range e.accounts {
		if foreign(a.Source) {
			add(a.Source, "accounts: "+orgfile.Line(e.account(a)))
		}
	}
	for _, a := range e.assignments {
		if foreign(a.Source) {
			add(a.Source, "assignments: "+orgfile.Line(e.assignment(a)))
		}
	}
	for _, row := range e.settings {
		if foreign(row.Source) {
			f := e.rules(row)
			if row.ResourceID != "" && f.Resource == "" {
				f.Resource = "CHOOSE-AN-ID"
			}
			add(row.Source, "settings of role/"+cmp.Or(e.key[row.RoleID], row.RoleID)+": "+orgfile.Line(f))
		}
	}
	if len(lines) > 0 {
		lines = append([]string{"Not owned by a file. `stint apply` leaves these alone and takes over what is written above, a role or resource by the id that stands here.", ""}, lines...)
	}
	return lines
}
