package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// Change is one line of a plan.
type Change struct {
	Op   string `json:"op"`             // "+" made, "~" changed, "-" taken away, "=" left alone
	Text string `json:"text"`           // what and why, in one line
	Line int    `json:"line,omitempty"` // in the file; 0 for what is not in it
}

// String is the line people read.
func (c Change) String() string {
	if c.Line == 0 {
		return c.Op + " " + c.Text
	}
	return fmt.Sprintf("%s %s (line %d)", c.Op, c.Text, c.Line)
}

// Plan is what applying a file would do.
type Plan struct {
	Changes  []Change `json:"changes"`
	Left     []Change `json:"left"`     // what no file owns, and what a file still names though it is over
	Warnings []string `json:"warnings"` // what is allowed and will surprise
}

// The order in which changes are made: rights go first, then what they rest on changes, then rights come, and
// what nothing refers to any more goes last. At no moment can anybody do what neither the file before nor this
// one allows, also when a large file is applied in pieces (invariant 13).
const (
	stagePeopleOff = iota
	stageAssignmentsOff
	stageMembersOff
	stageAccountsOff
	stageTargets
	stageResources
	stageRoles
	stagePrincipals
	stageAccounts
	stageMeaningsOff
	stageMeanings
	stageSettings
	stagePeopleOn // from here on, rights come
	stageMembers
	stageAssignments
	stageGoing
)

// step is a change and how it is made.
type step struct {
	Change
	stage int
	do    func(*applying) error
}

// current is what the database holds.
type current struct {
	targets     []store.TargetRow
	resources   []pim.Resource
	roles       []pim.RoleDefinition
	people      []pim.Principal
	groups      []pim.Principal
	workloads   []pim.Principal
	members     []pim.Membership
	accounts    []pim.Account
	meanings    []pim.Meaning
	settings    []pim.RoleSettings
	assignments []pim.Assignment
	expired     []pim.Assignment
	unsettled   map[string]int64 // by target id: grants with something left to do
	unopened    int              // assignments a large file prepared and did not open
	keys        pim.KeyRule      // which passkeys count as attested
	handOuts    map[string]pim.HandOut
	syncs       map[string]store.Sync // by target id
	unfollowed  bool                  // active assignments were opened and not yet followed
}

func readCurrent(r *store.Reader) (c current, err error) {
	read := func(fn func() error) {
		if err == nil {
			err = fn()
		}
	}
	read(func() error { c.targets, err = r.Targets(); return err })
	read(func() error { c.resources, err = r.Resources(); return err })
	read(func() error { c.roles, err = r.Roles(); return err })
	read(func() error { c.people, err = r.Principals(pim.Person); return err })
	read(func() error { c.groups, err = r.Principals(pim.Group); return err })
	read(func() error { c.workloads, err = r.Principals(pim.Workload); return err })
	read(func() error { c.members, err = r.Members(); return err })
	read(func() error { c.accounts, err = r.Accounts(); return err })
	read(func() error { c.meanings, err = r.Meanings(); return err })
	read(func() error { c.settings, err = r.AllSettings(); return err })
	read(func() error { c.assignments, err = r.Assignments(); return err })
	read(func() error { c.expired, err = r.ExpiredAssignments(pim.SourceFile); return err })
	c.unsettled = map[string]int64{}
	for _, t := range c.targets {
		read(func() error { c.unsettled[t.ID], err = r.UnsettledGrants(t.ID); return err })
	}
	for _, a := range c.assignments {
		if a.StartsAt.Equal(store.Unopened) {
			c.unopened++
		}
	}
	read(func() error { c.keys, err = keyRule(r); return err })
	read(func() error { c.handOuts, err = r.HandOuts(); return err })
	read(func() error {
		all, err := r.Syncs()
		c.syncs = index(all, func(s store.Sync) string { return s.TargetID })
		return err
	})
	read(func() error { return c.withoutLeaving(r) })
	read(func() error { v, err := r.Meta(metaUnfollowed); c.unfollowed = v != ""; return err })
	return c, err
}

// withoutLeaving leaves out what is at resources that are being retired: it is over, and ends by itself.
func (c *current) withoutLeaving(r *store.Reader) error {
	open, err := r.LongChanges()
	if err != nil || !slices.ContainsFunc(open, func(x pim.LongChange) bool { return x.Kind == pim.LongRetire }) {
		return err
	}
	stands := map[string]bool{"": true}
	for _, s := range c.resources {
		stands[s.ID] = true
	}
	c.assignments = slices.DeleteFunc(c.assignments, func(a pim.Assignment) bool { return !stands[a.ResourceID] })
	c.meanings = slices.DeleteFunc(c.meanings, func(m pim.Meaning) bool { return !stands[m.ResourceID] })
	c.settings = slices.DeleteFunc(c.settings, func(s pim.RoleSettings) bool { return !stands[s.ResourceID] })
	return nil
}

// planner turns a file and what the database holds into steps.
type planner struct {
	current
	doc     *orgfile.Doc
	now     time.Time
	sealer  *Sealer
	binding []string          // claims that may bind somebody known beforehand
	secrets map[string]string // by target id of the file
	seed    []byte            // of new ids: made before the transaction, so that it may run twice
	sealed  map[string]string // by target id: credentials sealed anew
	reseal  bool
	id      map[string]string // "person/alice" -> id, for everything in the file and Stint's own
	label   map[string]string // id -> how a plan calls it
	leaving map[string]bool   // ids of what leaves the file
	portal  map[string]string // what was made in the portal, by the name it has in an export
	adopted map[string]bool   // ids of what of that the file owns from now on
	steps   []step
	left    []Change
	errs    orgfile.Errors
}

// plan compares; the error is an *orgfile.Errors where the file cannot be applied to this database.
func (b *Broker) plan(r *store.Reader, doc *orgfile.Doc, o applyInput) (*planner, error) {
	have, err := readCurrent(r)
	if err != nil {
		return nil, err
	}
	p := &planner{current: have, doc: doc, now: r.Now, sealer: b.sealer, binding: b.binding, secrets: o.secrets, seed: o.seed, sealed: maps.Clone(o.sealed), reseal: o.reseal,
		id: map[string]string{}, label: map[string]string{}, leaving: map[string]bool{},
		portal: map[string]string{}, adopted: map[string]bool{}, errs: orgfile.Errors{File: doc.Name}}
	if p.sealed == nil {
		p.sealed = map[string]string{}
	}
	p.names()
	for _, part := range []func(){p.planTargets, p.planSyncs, p.planResources, p.planRoles, p.planHandOuts, p.planMeanings, p.planSettings, p.planPeople, p.planGroups, p.planWorkloads, p.planMembers,
		p.planAccounts, p.planAssignments} {
		part()
	}
	if err := p.errs.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.steps, func(a, b step) int { return a.stage - b.stage })
	return p, nil
}

// names finds the id of everything the file speaks of, and what leaves it.
func (p *planner) names() {
	p.id["resource/"+pim.StintResource] = pim.StintResource
	for key, id := range orgfile.Builtin {
		p.id["role/"+key] = id
	}
	for _, t := range p.targets {
		p.known("target", t.Key, t.ID, t.Name, t.Source)
	}
	for _, s := range p.resources {
		p.known("resource", s.Key, s.ID, s.Name, s.Source)
	}
	for _, d := range p.roles {
		p.known("role", d.Key, d.ID, d.Name, d.Source)
	}
	for _, g := range slices.Concat(p.people, p.groups, p.workloads) {
		p.known(string(g.Kind), g.Key, g.ID, g.Name, g.Source)
	}
	p.renamed()
	for _, t := range p.doc.Targets {
		p.stays("target", t.ID)
	}
	for _, s := range p.doc.Resources {
		p.stays("resource", s.ID)
	}
	for _, d := range p.doc.Roles {
		p.stays("role", d.ID)
	}
	for _, h := range p.doc.People {
		p.stays("person", h.ID)
	}
	for _, g := range p.doc.Groups {
		p.stays("group", g.ID)
	}
	for _, w := range p.doc.Workloads {
		p.stays("workload", w.ID)
	}
}

// known notes a row; what came from a file leaves until the file is seen to name it.
func (p *planner) known(kind, key, id, name string, source pim.Source) {
	p.label[id] = fmt.Sprintf("%s %q", kind, name)
	if key != "" {
		p.label[id] = kind + "/" + key
	}
	if source == pim.SourceFile {
		p.id[kind+"/"+key] = id
		p.leaving[id] = true
	}
	if source == pim.SourceBrowser && (kind == "role" || kind == "resource" || kind == "target" || kind == "workload") {
		p.portal[kind+"/"+id] = id
	}
}

// stays notes an item of the file, with a new id when there is none yet. What was made in the portal is
// taken over by the id that an export gives it, which is its own: never because something is called alike.
func (p *planner) stays(kind, key string) {
	ref := kind + "/" + key
	if made := p.portal[ref]; p.id[ref] == "" && made != "" {
		p.id[ref], p.label[made], p.adopted[made] = made, ref, true
	}
	if p.id[ref] == "" {
		p.id[ref] = p.newID(ref)
		p.label[p.id[ref]] = ref
	}
	delete(p.leaving, p.id[ref])
}

// newID derives an id from the seed: unguessable, and the same when the transaction runs again.
func (p *planner) newID(what ...string) string {
	mac := hmac.New(sha256.New, p.seed)
	mac.Write([]byte(strings.Join(what, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:20]))
}

func (p *planner) step(stage int, op string, at orgfile.Pos, do func(*applying) error, format string, args ...any) {
	p.steps = append(p.steps, step{Change{op, fmt.Sprintf(format, args...), at.Line}, stage, do})
}

func (p *planner) leave(why string, format string, args ...any) {
	p.left = append(p.left, Change{Op: "=", Text: fmt.Sprintf(format, args...) + ": " + why})
}

// why says where something came from that the file does not own.
func why(s pim.Source) string {
	switch s {
	case pim.SourceSignIn:
		return "from sign-in, left alone"
	case pim.SourceDirectory:
		return "from the directory sync, left alone"
	case pim.SourceLink:
		return "made by `stint admin link`, left alone"
	case pim.SourceFile:
		return "from a file"
	default:
		return "made in the portal, left alone"
	}
}

func (p *planner) plan() Plan {
	out := Plan{Changes: make([]Change, 0, len(p.steps)), Left: p.left}
	for _, s := range p.steps {
		out.Changes = append(out.Changes, s.Change)
	}
	for _, w := range p.doc.Warnings() {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%s:%d: %s", p.doc.Name, w.Line, w.Message))
	}
	return out
}

// diff collects what differs, for the line of a change.
type diff []string

func (d *diff) text(name, old, new string) {
	if old != new {
		*d = append(*d, fmt.Sprintf("%s %q → %q", name, old, new))
	}
}

func (d *diff) list(name string, old, new []string) {
	if slices.Equal(old, new) {
		return
	}
	var gone, come []string
	for _, v := range old {
		if !slices.Contains(new, v) {
			gone = append(gone, fmt.Sprintf("-%q", v))
		}
	}
	for _, v := range new {
		if !slices.Contains(old, v) {
			come = append(come, fmt.Sprintf("+%q", v))
		}
	}
	if len(gone)+len(come) == 0 {
		come = []string{"in another order"}
	}
	*d = append(*d, name+" "+strings.Join(append(gone, come...), " "))
}

func (d *diff) said(differs bool, format string, args ...any) {
	if differs {
		*d = append(*d, fmt.Sprintf(format, args...))
	}
}

func (d diff) String() string { return strings.Join(d, ", ") }

// Plan says what applying a file would do; it changes nothing.
func (b *Broker) Plan(ctx context.Context, doc *orgfile.Doc, o ApplyOptions) (Plan, error) {
	o.DryRun = true
	done, err := b.Apply(ctx, doc, o)
	return done.Plan, err
}
