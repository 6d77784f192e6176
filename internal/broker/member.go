package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// addMembers puts people and groups into a group.
type addMembers struct {
	GroupID string
	Members []string // principal ids
}

// AddMembers puts people and groups into a group, all or none of them.
func (b *Broker) AddMembers(ctx context.Context, actor Actor, groupID string, members []string) (Outcome, error) {
	members = slices.Compact(slices.Sorted(slices.Values(members)))
	switch {
	case len(members) == 0:
		return Outcome{}, pim.Invalid("pick", "Choose at least one person or group.")
	case len(members) > pim.MaxSet:
		return Outcome{}, pim.Invalid("pick", "At most %d at once. Add the others after them.", pim.MaxSet)
	}
	return b.operate(ctx, actor, "/groups/"+groupID, &addMembers{GroupID: groupID, Members: members})
}

func (o *addMembers) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionAddMembers, Object: o.GroupID}}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	g, err := groupOf(tx.Reader, o.GroupID)
	if err != nil {
		return p, err
	}
	coming, err := newMembers(tx.Reader, g, o.Members)
	if err != nil {
		return p, err
	}
	if err := refuseNesting(tx.Reader, g, coming); err != nil {
		return p, err
	}
	s, err := stakesOf(tx.Reader, g.ID)
	if err != nil {
		return p, err
	}
	own, err := s.ownGain(tx.Reader, who, g, coming)
	if err != nil {
		return p, err
	}
	var names, named []string
	for _, m := range coming {
		names = append(names, m.Name)
	}
	p.touch = s.gives()
	p.says = append([]string{listed(names) + plural(len(names), " becomes a member of ", " become members of ") + g.Name + "."}, s.sentences()...)
	if own {
		p.says = append(p.says, "This is yourself: nobody else is able to, and every administrator is told.")
	}
	if named, err = s.joinsNamed(tx.Reader, who, coming); len(named) > 0 {
		p.says = append(p.says, "You named the account of "+listed(named)+": nobody else is able to do this, and every administrator is told.")
	}
	return p, err
}

// ownGain reports whether whoever adds members gets something privileged by it themselves, by another account or through
// a group too; where another administrator could do it, that is refused, as giving it to themselves is (T10, T21).
func (s stakes) ownGain(r *store.Reader, who, g pim.Principal, coming []pim.Principal) (own bool, err error) {
	reached, err := reaches(r, who)
	if err != nil || slices.Contains(reached, g.ID) || !slices.ContainsFunc(coming, func(m pim.Principal) bool { return slices.Contains(reached, m.ID) }) {
		return false, err // who is in it already gets nothing more
	}
	gain, err := s.notYetOf(r, who)
	if err != nil || len(gain) == 0 {
		return false, err
	}
	others, err := anotherCanHelp(r, who)
	if err == nil && others {
		err = pim.Refuse(pim.KindForbidden, "Nobody gives a privileged role to themselves by joining a group that has it. Another administrator has to.")
	}
	return true, err
}

// newMembers loads who is to come into a group and refuses who is there already.
func newMembers(r *store.Reader, g pim.Principal, ids []string) ([]pim.Principal, error) {
	out := make([]pim.Principal, 0, len(ids))
	for _, id := range ids {
		m, err := r.Principal(id)
		if err != nil {
			return nil, found(err)
		}
		if m.Kind != pim.Person && m.Kind != pim.Group {
			return nil, pim.Invalid("pick", "Only people and groups are members of groups.")
		}
		edges, err := r.Memberships(g.ID, m.ID)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(edges, func(e pim.Membership) bool { return e.FreshUntil.IsZero() }) {
			return nil, pim.Invalid("pick", "%s is a member of %s already.", m.Name, g.Name)
		}
		out = append(out, m)
	}
	return out, nil
}

// refuseNesting refuses circles and nests that are too deep, with the path in names (THREATS T22).
func refuseNesting(r *store.Reader, g pim.Principal, coming []pim.Principal) error {
	edges, err := r.GroupEdges()
	if err != nil {
		return err
	}
	for _, m := range coming {
		if m.Kind == pim.Group {
			edges[g.ID] = append(edges[g.ID], m.ID)
		}
	}
	path, wrong := pim.CheckNesting(edges)
	if wrong == nil {
		return nil
	}
	names, err := r.Names(path)
	if err != nil {
		return err
	}
	last := path[len(path)-1]
	if at := slices.Index(path, last); at < len(path)-1 {
		return pim.Invalid("pick", "These groups would contain each other: %s.", namesAlong(path[at:], names))
	}
	return pim.Invalid("pick", "Groups nest at most %d deep. Below %s there would be more.", pim.MaxGroupDepth, names[path[0]])
}

func namesAlong(path []string, names map[string]string) string {
	words := make([]string, len(path))
	for i, id := range path {
		words[i] = names[id]
	}
	return strings.Join(words, " > ")
}

func (o *addMembers) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/groups/" + o.GroupID, Done: plural(len(o.Members), "Member added.", "Members added.")}
	s, err := stakesOf(tx.Reader, o.GroupID)
	if err != nil {
		return out, err
	}
	g, err := groupOf(tx.Reader, o.GroupID)
	if err != nil {
		return out, err
	}
	coming, err := newMembers(tx.Reader, g, o.Members)
	if err != nil {
		return out, err
	}
	own, err := s.ownGain(tx.Reader, who, g, coming)
	if err != nil {
		return out, err
	}
	if own {
		if err := tellAdministrators(tx, who, who.Name+" joined "+g.Name+", which has a privileged role: nobody else was able to.", out.Back); err != nil {
			return out, err
		}
	}
	named, err := s.joinsNamed(tx.Reader, who, coming)
	if err == nil && len(named) > 0 {
		err = tellAdministrators(tx, who, who.Name+" let "+listed(named)+" into "+g.Name+", which has a privileged role, having named their account: nobody else was able to.", out.Back)
	}
	if err != nil {
		return out, err
	}
	decided, err := s.newlyApproved(tx.Reader, coming)
	if err != nil {
		return out, err
	}
	for _, id := range o.Members {
		if err := b.join(tx, s, pim.Membership{GroupID: o.GroupID, MemberID: id, Source: pim.SourceBrowser}, who.ID, evidence); err != nil {
			return out, err
		}
	}
	return out, decided.loosened(tx, who, out.Back, evidence)
}

// newlyApproved leaves of what a group decides what somebody who comes into it does not decide already.
func (s stakes) newlyApproved(r *store.Reader, coming []pim.Principal) (out stakes, err error) {
	out = s
	out.approves = nil
	for _, k := range s.approves {
		isNew, err := approvesAnew(r, k, coming)
		if err != nil {
			return out, err
		}
		if isNew {
			out.approves = append(out.approves, k)
		}
	}
	return out, nil
}

func approvesAnew(r *store.Reader, k stake, coming []pim.Principal) (bool, error) {
	for _, m := range coming {
		up, err := r.GroupsOf(m.ID)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(up, func(id string) bool { return slices.Contains(k.others, id) }) {
			return true, nil
		}
	}
	return false, nil
}

// loosened locks whoever brought approvers in out of the privileged roles whose requests they decide (T21).
func (s stakes) loosened(tx *store.Tx, who pim.Principal, link, evidence string) error {
	from := slices.DeleteFunc(slices.Clone(s.approves), func(k stake) bool { return !k.role.Privileged })
	return lockOutOf(tx, who, from, pim.FieldApprovers, "brought approvers in for", link, evidence)
}

// lockOutOf locks somebody out of some roles, and tells the administrators why.
func lockOutOf(tx *store.Tx, who pim.Principal, from []stake, field pim.Field, did, link, evidence string) error {
	var names []string
	for _, k := range from {
		e := withEvidence(pim.Event{Type: pim.EvSettingsLoosened, Actor: who.ID, RoleID: k.role.ID, ResourceID: k.resourceID, ObjectID: k.role.ID, Result: pim.OK,
			Facts: map[string]any{"fields": []string{string(field)}}}, evidence)
		if who.ID != pim.System {
			var err error
			if e, err = lockOutEditor(tx, e, who); err != nil {
				return err
			}
		}
		tx.Emit(e)
		names = append(names, k.name)
	}
	if len(names) == 0 {
		return nil
	}
	text := who.Name + " " + did + " " + listed(names[:min(len(names), namedInWords)])
	if more := len(names) - namedInWords; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return tellAdministrators(tx, who, text+".", link)
}

// join adds a membership with what follows from it. Approvers that come in by it loosen the rules of what they
// approve, so the event names those roles (THREATS T21).
func (b *Broker) join(tx *store.Tx, s stakes, m pim.Membership, by, evidence string) error {
	if err := tx.AddMember(m); err != nil {
		return err
	}
	e := pim.PersonEvent(pim.EvMemberAdded, by, m.MemberID, m.GroupID).With("source", string(m.Source))
	if roles := s.approvedRoles(); len(roles) > 0 {
		e = e.With("approves", roles)
	}
	tx.Emit(confirmedBy(e, evidence))
	return b.followMember(tx, s, m.MemberID)
}

// followMember lets what rests on a membership follow it: of one person what is theirs, of a group what is assigned above.
func (b *Broker) followMember(tx *store.Tx, s stakes, memberID string) error {
	p, err := tx.Principal(memberID)
	if err != nil {
		return err
	}
	if p.Kind == pim.Person {
		return b.recheck(tx, p)
	}
	return b.followGroups(tx, s.up)
}

// removeMember takes somebody out of a group.
type removeMember struct {
	GroupID  string
	MemberID string
}

// RemoveMember takes a person or group out of a group; what came from the provider's claim stays.
func (b *Broker) RemoveMember(ctx context.Context, actor Actor, groupID, memberID string) (Outcome, error) {
	return b.operate(ctx, actor, "/groups/"+groupID, &removeMember{GroupID: groupID, MemberID: memberID})
}

func (o *removeMember) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionRemoveMember, Object: o.GroupID}, lessen: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	g, err := groupOf(tx.Reader, o.GroupID)
	if err != nil {
		return p, err
	}
	m, err := tx.Principal(o.MemberID)
	if err != nil {
		return p, found(err)
	}
	local, claimed, err := edgesOf(tx.Reader, g.ID, m.ID)
	switch {
	case err != nil:
		return p, err
	case len(local) == 0 && claimed:
		return p, pim.Refuse(pim.KindConflict, "%s is a member of %s by the provider’s groups claim. Take them out there; here it lapses without a fresh claim.", m.Name, g.Name)
	case len(local) == 0:
		return p, pim.NotFound()
	}
	s, err := stakesOf(tx.Reader, g.ID)
	if err == nil && !claimed {
		err = s.refuseWithout(tx.Reader, g, m.ID)
	}
	if err == nil { // an approver who leaves counts too
		err = keepAdministrator(tx, func() error { return removeEdges(tx, local) })
	}
	if err != nil {
		return p, err
	}
	p.touch, p.admins = s.privileged(), s.administer()
	p.says = append([]string{m.Name + " leaves " + g.Name + ", with an end to what rests on it."}, s.sentences()...)
	return p, err
}

func removeEdges(tx *store.Tx, edges []pim.Membership) error {
	for _, e := range edges {
		if err := tx.RemoveMember(e); err != nil {
			return err
		}
	}
	return nil
}

// edgesOf tells what an administrator may take away from what came by a claim that still counts.
func edgesOf(r *store.Reader, groupID, memberID string) (local []pim.Membership, claimed bool, err error) {
	edges, err := r.Memberships(groupID, memberID)
	for _, e := range edges {
		if e.FreshUntil.IsZero() {
			local = append(local, e)
		} else if e.FreshUntil.After(r.Now) {
			claimed = true
		}
	}
	return local, claimed, err
}

func (o *removeMember) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/groups/" + o.GroupID, Done: "Member taken out."}
	s, err := stakesOf(tx.Reader, o.GroupID)
	if err != nil {
		return out, err
	}
	local, _, err := edgesOf(tx.Reader, o.GroupID, o.MemberID)
	if err != nil {
		return out, err
	}
	if err := removeEdges(tx, local); err != nil {
		return out, err
	}
	for _, e := range local {
		tx.Emit(confirmedBy(pim.PersonEvent(pim.EvMemberRemoved, who.ID, o.MemberID, o.GroupID).With("source", string(e.Source)), evidence))
	}
	return out, b.followMember(tx, s, o.MemberID)
}
