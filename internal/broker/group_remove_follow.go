package broker

import (
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// restedOn lists the assignments that being in the group gave: its own, which are over, and those of the groups around it.
func restedOn(r *store.Reader, c pim.LongChange) ([]string, error) {
	ids := c.Gain
	if len(c.Lose) == 0 {
		return ids, nil
	}
	others, err := r.AssignmentsOf(c.Lose...)
	for _, asg := range others {
		ids = append(ids, asg.ID)
	}
	return ids, err
}

func openThrough(r *store.Reader, c pim.LongChange) ([]string, error) {
	ids, err := restedOn(r, c)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return r.OpenWith(ids, c.After, looked)
}

// endThrough ends what rested on being in the group.
func endThrough(b *Broker, tx *store.Tx, c pim.LongChange, id string) (bool, error) {
	a, err := tx.Activation(id)
	if err != nil || !a.State.Open() {
		return false, err
	}
	asg, holds, err := stillEligible(tx.Reader, a)
	if err != nil || holds {
		return false, err
	}
	if asg.PrincipalID == c.GroupID {
		return true, b.end(tx, a, pim.OnEligibilityEnded, c.By, wordsOfEnd(false), "")
	}
	return true, b.end(tx, a, pim.OnEligibilityEnded, pim.System, "", "")
}

func needsThrough(r *store.Reader, c pim.LongChange) ([]string, error) {
	ids, err := restedOn(r, c)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	after, grant, _ := strings.Cut(c.After, "\n")
	return r.NeedsWith(ids, after, grant, looked)
}

// letGoLeft lets go of what nobody holds any more who is in the group it is assigned to.
func letGoLeft(_ *Broker, tx *store.Tx, _ pim.LongChange, item string) (bool, error) {
	n, ok, err := needOf(tx.Reader, item)
	if err != nil || !ok {
		return false, err
	}
	asg, err := tx.Assignment(n.AssignmentID)
	if err != nil {
		return false, err
	}
	if asg.InForceAt(tx.Now) {
		g, err := tx.Grant(n.GrantID)
		if err != nil {
			return false, err
		}
		holders, err := tx.OwnersOf(g.TargetID, g.AccountID)
		if err != nil {
			return false, err
		}
		for _, id := range holders {
			if in, err := tx.Within(id, asg.PrincipalID); err != nil || in {
				return false, err
			}
		}
	}
	return true, letGo(tx, []pim.GrantNeed{n}, tx.Now)
}

func membersLeft(r *store.Reader, c pim.LongChange) ([]string, error) {
	list, err := r.MembersLeft(c.GroupID, looked)
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.MemberID + "\n" + string(m.Source)
	}
	return out, err
}

func takeOut(_ *Broker, tx *store.Tx, c pim.LongChange, item string) (bool, error) {
	member, source, _ := strings.Cut(item, "\n")
	return true, tx.RemoveMember(pim.Membership{GroupID: c.GroupID, MemberID: member, Source: pim.Source(source)})
}
