package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSaveGroup] = func() operation { return &saveGroup{} }
	operations[pim.ActionRemoveGroup] = func() operation { return &removeGroup{} }
	operations[pim.ActionAddMembers] = func() operation { return &addMembers{} }
	operations[pim.ActionRemoveMember] = func() operation { return &removeMember{} }
}

// GroupForm is what an administrator says of a group.
type GroupForm struct {
	Name  string
	Claim string // value in the provider's groups claim that makes people members, too; may be empty
}

const (
	maxPrincipalName = 120 // characters, as in a file
	maxShort         = 200
)

// checkText says what is wrong with a line of text that is shown to others, or "".
func checkText(s string, most int) string {
	switch {
	case utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("At most %d characters; shorten it.", most)
	case pim.CheckJustification(s, false) != "" || strings.ContainsAny(s, "\r\n\t"):
		return "Use plain text on one line."
	}
	return ""
}

func (f *GroupForm) check() error {
	name, problem := orgfile.CleanName(f.Name)
	if name == "" || !pim.Visible(name) {
		return pim.Invalid("name", "Give it a name.")
	}
	if problem != "" {
		return pim.Invalid("name", "The name %s.", problem)
	}
	f.Name, f.Claim = name, strings.TrimSpace(f.Claim)
	if wrong := checkText(f.Name, maxPrincipalName); wrong != "" {
		return pim.Invalid("name", "%s", wrong)
	}
	if wrong := checkText(f.Claim, maxShort); wrong != "" {
		return pim.Invalid("claim", "%s", wrong)
	}
	return nil
}

// saveGroup makes a group, or changes its name and what feeds it.
type saveGroup struct {
	ID      string
	Version int64 // 0: new
	GroupForm
}

// NewGroup makes a group without members.
func (b *Broker) NewGroup(ctx context.Context, actor Actor, f GroupForm) (Outcome, error) {
	if err := f.check(); err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/groups", &saveGroup{ID: NewID(), GroupForm: f})
}

// SaveGroup changes a group's name and claim; version is the one the form was made of.
func (b *Broker) SaveGroup(ctx context.Context, actor Actor, id string, version int64, f GroupForm) (Outcome, error) {
	if err := f.check(); err != nil {
		return Outcome{}, err
	}
	if version < 1 { // 0 would be a new one
		version = -1
	}
	return b.operate(ctx, actor, "/groups/"+id, &saveGroup{ID: id, Version: version, GroupForm: f})
}

func (o *saveGroup) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionSaveGroup, Object: o.ID, Version: o.Version}}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	if o.Version == 0 {
		return p, o.unique(tx.Reader)
	}
	g, err := groupOf(tx.Reader, o.ID)
	if err == nil && g.Name != o.Name {
		err = o.unique(tx.Reader)
	}
	if err != nil {
		return p, err
	}
	if g.Version != o.Version {
		return p, moved(store.ErrConflict)
	}
	s, err := stakesOf(tx.Reader, g.ID)
	if err != nil || g.MatchValue == o.Claim {
		return p, err
	}
	if g.MatchValue != "" {
		if err := s.refuseWithoutClaim(tx.Reader, g); err != nil {
			return p, err
		}
		if err := keepAdministrator(tx, func() error { return tx.StaleMembers(g.ID) }); err != nil {
			return p, err
		}
	}
	l, err := s.letsThemselvesIn(tx.Reader, who, g, o.Claim)
	p.touch, p.admins, p.says = s.gives(), s.administer(), append([]string{claimSentence(g, o.Claim)}, s.sentences()...)
	if l.own {
		p.says = append(p.says, "Your own sign-in shows this value: nobody else is able to say it, and every administrator is told.")
	}
	return p, err
}

// unique refuses a name that can be taken for another group's (T22).
func (o *saveGroup) unique(r *store.Reader) error {
	names, err := r.GroupNames()
	for id, name := range names {
		if id != o.ID && orgfile.LookAlike(name, o.Name) {
			return pim.Invalid("name", "There is a group of this name already, or of one that reads almost the same: %s. Choose another one, so that nobody takes one for the other.", name)
		}
	}
	return err
}

func claimSentence(g pim.Principal, claim string) string {
	if g.MatchValue == "" {
		return "Whoever signs in with “" + claim + "” in the groups claim becomes a member of " + g.Name + "."
	}
	if claim == "" {
		return "Nobody becomes a member of " + g.Name + " by the provider’s groups claim any more; who is one by it now leaves at once."
	}
	return "Whoever signs in with “" + claim + "” in the groups claim becomes a member of " + g.Name + "; who is one by another value leaves at once."
}

func (o *saveGroup) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/groups/" + o.ID, Done: "Saved."}
	if o.Version == 0 {
		g := pim.Principal{ID: o.ID, Kind: pim.Group, Name: o.Name, MatchValue: o.Claim, Enabled: true, Source: pim.SourceBrowser}
		tx.Emit(confirmedBy(savedEvent(who.ID, g), evidence))
		out.Done = "Group made. Now add its members."
		return out, tx.InsertPrincipal(g)
	}
	g, err := groupOf(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	if g.MatchValue != o.Claim {
		if err := o.feed(tx, who, g, evidence); err != nil {
			return out, err
		}
	}
	g.Name, g.MatchValue = o.Name, o.Claim
	if err := tx.UpdatePrincipal(g); err != nil {
		return out, moved(err)
	}
	tx.Emit(confirmedBy(savedEvent(who.ID, g), evidence))
	return out, nil
}

// feed lets the members by the old claim lapse. Who comes in by the new one is not known, so that whoever says it is kept
// for a day out of what it gives and lets approve, and every administrator is told (T21).
func (o *saveGroup) feed(tx *store.Tx, who, g pim.Principal, evidence string) error {
	s, err := stakesOf(tx.Reader, g.ID)
	if err != nil {
		return err
	}
	l, err := s.letsThemselvesIn(tx.Reader, who, g, o.Claim)
	if err != nil {
		return err
	}
	if err := tx.StaleMembers(g.ID); err != nil || o.Claim == "" {
		return err
	}
	link, did := "/groups/"+g.ID, "changed the claim that feeds "+g.Name+", whose members get"
	if l.own {
		did = "let themselves into " + g.Name + " by its claim, as nobody else was able to; its members get"
	}
	if err := lockOutOf(tx, who, l.stays, "claim", did, link, evidence); err != nil {
		return err
	}
	return s.loosened(tx, who, link, evidence)
}

// confirmedBy adds the evidence of a touch, when there was one.
func confirmedBy(e pim.Event, evidence string) pim.Event {
	if evidence == "" {
		return e
	}
	return e.With("evidence", evidence)
}

func groupOf(r *store.Reader, id string) (pim.Principal, error) {
	g, err := r.Principal(id)
	if err == nil && g.Kind != pim.Group {
		err = store.ErrNotFound
	}
	return g, found(err)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// listed writes names as words do: "a, b and c", at most five of them.
func listed(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if n := len(names); n > 5 {
		names = append(names[:5:5], fmt.Sprintf("%d more", n-5))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// followGroups lets what rests on groups follow who is in them now: activations whose eligibility no longer holds
// end (EC-11), active assignments are followed at their targets.
func (b *Broker) followGroups(tx *store.Tx, groups []string) error {
	if len(groups) == 0 {
		return nil
	}
	touched, err := tx.AssignmentsOf(groups...)
	if err != nil {
		return err
	}
	for _, asg := range touched {
		if err := b.recheckUsing(tx, asg); err != nil {
			return err
		}
	}
	return nil
}

// recheckUsing lets what rests on one assignment follow who is in it now.
func (b *Broker) recheckUsing(tx *store.Tx, asg pim.Assignment) error {
	if asg.Kind == pim.Active {
		return syncAssignment(tx, asg)
	}
	open, err := tx.OpenActivationsUsing(asg.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := b.recheckActivation(tx, a); err != nil {
			return err
		}
	}
	return nil
}
