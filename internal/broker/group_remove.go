package broker

import (
	"context"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

// removeGroup removes a group with the assignments made to it.
type removeGroup struct {
	ID      string
	Version int64
	Change  string         `json:",omitempty"` // the id of what is carried out in pieces
	Rests   *store.Resting `json:",omitempty"` // what was counted of it, before the writer was asked
}

// maxOwned is how many assignments of a group with many members end in one write.
const maxOwned = 100

// RemoveGroup removes a group, exactly as GroupRemoval says. What is too much for one write holds at once, and follows in
// pieces.
func (b *Broker) RemoveGroup(ctx context.Context, actor Actor, id string, version int64) (Outcome, error) {
	o := &removeGroup{ID: id, Version: version, Change: NewID()}
	if err := b.look(ctx, func(r *store.Reader) error {
		g, err := goingGroup(r, id)
		if err == nil {
			o.Rests, err = g.count(r)
		}
		return err
	}); err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/groups/"+id, o)
}

func (o *removeGroup) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionRemoveGroup, Object: o.ID, Version: o.Version}, lessen: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	g, err := groupOf(tx.Reader, o.ID)
	if err != nil {
		return p, err
	}
	if g.Version != o.Version {
		return p, moved(store.ErrConflict)
	}
	s, err := stakesOf(tx.Reader, g.ID)
	if err != nil {
		return p, err
	}
	p.touch, p.admins = s.privileged(), s.administer()
	if p.says, err = groupRemoval(tx.Reader, g, o.Rests); err != nil {
		return p, err
	}
	return p, keepAdministrator(tx, func() error { return tx.RemoveGroupFirst(g.ID) })
}

// GroupRemoval says what removing a group ends, or refuses it.
func GroupRemoval(r *store.Reader, g pim.Principal) ([]string, error) { return groupRemoval(r, g, nil) }

func groupRemoval(r *store.Reader, g pim.Principal, rests *store.Resting) ([]string, error) {
	s, err := stakesOf(r, g.ID)
	if err != nil {
		return nil, err
	}
	var named []string
	for _, a := range s.approves {
		if a.through == g.ID {
			named = append(named, a.name)
		}
	}
	if len(named) > 0 {
		return nil, pim.Refuse(pim.KindConflict, "%s approves requests for %s. Name somebody else in those settings first.", g.Name, listed(named))
	}
	if err := s.refuseWithout(r, g, ""); err != nil {
		return nil, err
	}
	says := []string{g.Name + " is removed, with its memberships. Its members stay people and groups of Stint."}
	goes, err := goingGroup(r, g.ID)
	if err != nil {
		return nil, err
	}
	large, err := goes.large(r)
	if err != nil {
		return nil, err
	}
	if large {
		return goes.saysLarge(r, says, s, g, rests)
	}
	for _, asg := range goes.own {
		sentence, err := endSentence(r, asg)
		if err != nil {
			return nil, err
		}
		says = append(says, sentence)
	}
	return says, nil
}

// saysLarge says by what was counted what follows.
func (g going) saysLarge(r *store.Reader, says []string, s stakes, group pim.Principal, rests *store.Resting) (_ []string, err error) {
	if len(g.own) > maxOwned {
		return nil, pim.Refuse(pim.KindConflict, "%s has %d assignments and many members. Remove assignments until it has at most %d, and then the group.", group.Name, len(g.own), maxOwned)
	}
	if rests == nil {
		if rests, err = g.count(r); err != nil {
			return nil, err
		}
	}
	says = append(says, abouted(rests.Members, "membership is forgotten.", "memberships are forgotten.")...)
	for _, k := range s.holds {
		switch {
		case k.through != g.id:
		case k.kind == pim.Active:
			says = append(says, "Nobody holds "+k.name+" through it any more.")
		default:
			says = append(says, "Nobody may activate "+k.name+" through it any more.")
		}
	}
	if rests.Activations > 0 {
		says = append(says, fmt.Sprintf("Of %s of it and the groups around it, those end that rest on being in it.", counted(rests.Activations, "activation or request", "activations and requests")))
	}
	return append(says, inPieces("Groups")), nil
}

func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return about(n) + " " + many
}

// endSentence says what ends with an assignment.
func endSentence(r *store.Reader, asg pim.Assignment) (string, error) {
	role, path, _, err := effective(r, asg.RoleID, asg.ResourceID)
	if err != nil {
		return "", err
	}
	open, err := r.OpenActivationsUsing(asg.ID)
	if err != nil {
		return "", err
	}
	what := role.Name + " on " + path.Leaf().Name
	switch {
	case asg.Kind == pim.Active:
		return "Nobody holds " + what + " through it any more.", nil
	case len(open) > 0:
		return fmt.Sprintf("Nobody may activate %s through it any more, and %d running or waiting %s at once.", what, len(open), plural(len(open), "activation ends", "activations end")), nil
	}
	return "Nobody may activate " + what + " through it any more.", nil
}

func (o *removeGroup) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/groups", Done: "Group removed."}
	g, err := groupOf(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	goes, err := goingGroup(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	large, err := goes.large(tx.Reader)
	if err != nil {
		return out, err
	}
	e := pim.PersonEvent(pim.EvPrincipalRemoved, who.ID, g.ID, g.ID).With("source", string(g.Source))
	tx.Emit(confirmedBy(e, evidence).WithText("name", g.Name))
	if large {
		out.Done += " What follows from that is being carried out."
		return out, o.decide(tx, goes, who, evidence)
	}
	if err := tx.RemovePrincipal(g.ID); err != nil { // before its assignments end, so that nobody is in them any more
		return out, moved(err)
	}
	for _, asg := range goes.own {
		if err := b.endAssignment(tx, asg, who.ID, false); err != nil {
			return out, err
		}
	}
	return out, b.followGroups(tx, goes.around)
}

// decide takes the group itself out of those around it, and ends what it is assigned: from then on nobody activates
// anything through it.
func (o *removeGroup) decide(tx *store.Tx, goes going, who pim.Principal, evidence string) error {
	c := pim.LongChange{ID: o.Change, Kind: pim.LongGroup, ResourceID: pim.StintResource, GroupID: o.ID, Lose: goes.around, By: who.ID, Evidence: evidence}
	for _, asg := range goes.own {
		c.Gain = append(c.Gain, asg.ID)
	}
	if o.Rests != nil {
		c.About = o.Rests.All()
	}
	if err := decide(tx, c); err != nil {
		return err
	}
	for _, asg := range goes.own {
		if err := endAlone(tx, asg, who.ID, false, AssignmentRemoval{}, ""); err != nil {
			return err
		}
	}
	return moved(tx.RemoveGroupFirst(o.ID))
}
