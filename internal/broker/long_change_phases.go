package broker

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// phase is one kind of what follows from a change. What is found is not found again once it is done, or it is gone
// through in the order of its ids.
type phase struct {
	name    string // of its count in the last event
	inOrder bool
	find    func(*store.Reader, pim.LongChange) ([]string, error)
	do      func(*Broker, *store.Tx, pim.LongChange, string) (bool, error) // reports whether there was something to do
}

// phasesOf go from what somebody holds to what is only written down; resources go last and from below, so that nothing
// ever hangs in the air.
var phasesOf = map[pim.LongChangeKind][]phase{
	pim.LongRetire: {
		{"activations", true, openUnder, endUnder},
		{"held", false, needsUnder, letGoOne},
		{"assignments", false, assignedUnder, endAssigned},
		{"withdrawn", true, heldAbove, withdrawOne},
		{"held", true, needsAbove, letGoUnreached},
		{"confirmed", true, provisioning, confirmOne},
		{"settings", false, rulesUnder, clearRules},
		{"meanings", false, meaningsUnder, clearMeaning},
		{"resources", false, lowestUnder, removeOne},
	},
	pim.LongMove: {
		{"withdrawn", true, heldAbove, withdrawOne},
		{"activations", true, narrower, recheckOne},
		{"held", true, needsAbove, letGoUnreached},
		{"given", true, holdersAbove, giveOne},
		{"confirmed", true, provisioning, confirmOne},
	},
	pim.LongGroup: {
		{"activations", true, openThrough, endThrough},
		{"held", true, needsThrough, letGoLeft},
		{"members", false, membersLeft, takeOut},
	},
}

func openUnder(r *store.Reader, c pim.LongChange) ([]string, error) {
	return r.OpenUnder(c.ResourceID, c.After, looked)
}

func endUnder(b *Broker, tx *store.Tx, c pim.LongChange, id string) (bool, error) {
	a, err := tx.Activation(id)
	if err != nil || !a.State.Open() {
		return false, err
	}
	return true, b.end(tx, a, pim.OnEligibilityEnded, c.By, "The resource was retired.", "")
}

func needsUnder(r *store.Reader, c pim.LongChange) ([]string, error) {
	return r.NeedsUnder(c.ResourceID, looked)
}

// needOf is what an assignment needs of a grant, if it is open.
func needOf(r *store.Reader, item string) (n pim.GrantNeed, ok bool, err error) {
	assignment, grant, _ := strings.Cut(item, "\n")
	needs, err := r.OpenNeeds(grant)
	i := slices.IndexFunc(needs, func(n pim.GrantNeed) bool { return n.AssignmentID == assignment && n.EndedAt.IsZero() })
	if err != nil || i < 0 {
		return n, false, err
	}
	return needs[i], true, nil
}

func letGoOne(_ *Broker, tx *store.Tx, _ pim.LongChange, item string) (bool, error) {
	n, ok, err := needOf(tx.Reader, item)
	if err != nil || !ok {
		return false, err
	}
	return true, letGo(tx, []pim.GrantNeed{n}, tx.Now)
}

func assignedUnder(r *store.Reader, c pim.LongChange) ([]string, error) {
	return r.AssignedUnder(c.ResourceID, looked)
}

func endAssigned(b *Broker, tx *store.Tx, c pim.LongChange, id string) (bool, error) {
	asg, err := tx.Assignment(id)
	if err != nil || !asg.EndedAt.IsZero() {
		return false, err
	}
	return true, b.closeAssignment(tx, asg, c.By, false, AssignmentRemoval{}, "")
}

func heldAbove(r *store.Reader, c pim.LongChange) ([]string, error) {
	stands, err := standsAt(r, c.ResourceID)
	if err != nil || len(stands.roles) == 0 || len(c.Lose) == 0 {
		return nil, err
	}
	return r.HeldThroughAbove(stands.roles, c.Lose, c.After, looked)
}

func withdrawOne(b *Broker, tx *store.Tx, c pim.LongChange, id string) (bool, error) {
	a, err := tx.Activation(id)
	if err != nil || !a.State.Holds() {
		return false, err
	}
	needs, err := tx.NeedsOf(id)
	if err != nil {
		return false, err
	}
	was, err := meantAmong(tx.Reader, c.ResourceID, needs)
	if err != nil || len(was) == 0 {
		return false, err
	}
	return b.withdrawFrom(tx, c.By, was, a)
}

// meantAmong returns which entitlements of some needs a role means at a node or below it.
func meantAmong(r *store.Reader, nodeID string, needs []pim.GrantNeed) (map[string]bool, error) {
	var ids []string
	for _, n := range needs {
		if g, err := r.Grant(n.GrantID); err != nil {
			return nil, err
		} else if n.EndedAt.IsZero() && g.EntitlementID != "" {
			ids = append(ids, g.EntitlementID, string(connector.OwnersOf(connector.EntitlementID(g.EntitlementID))))
		}
	}
	meanings, err := r.MeaningsOf(ids)
	if err != nil || len(meanings) == 0 {
		return nil, err
	}
	var places []string
	for _, m := range meanings {
		places = append(places, m.ResourceID)
	}
	paths, err := r.Paths(places)
	out := map[string]bool{}
	for _, m := range meanings {
		if paths[m.ResourceID].Contains(nodeID) {
			for _, id := range meantIDs([]pim.Meaning{m}) {
				out[id] = true
			}
		}
	}
	return out, err
}

func needsAbove(r *store.Reader, c pim.LongChange) ([]string, error) {
	stands, err := standsAt(r, c.ResourceID)
	if err != nil || len(stands.roles) == 0 || len(c.Lose) == 0 {
		return nil, err
	}
	return r.NeedsAbove(stands.roles, c.Lose, c.After, looked)
}

// letGoUnreached lets go of what an active assignment holds and does not mean any more.
func letGoUnreached(_ *Broker, tx *store.Tx, _ pim.LongChange, item string) (bool, error) {
	n, ok, err := needOf(tx.Reader, item)
	if err != nil || !ok {
		return false, err
	}
	g, err := tx.Grant(n.GrantID)
	if err != nil {
		return false, err
	}
	asg, err := tx.Assignment(n.AssignmentID)
	if err != nil {
		return false, err
	}
	places, err := placesOf(tx.Reader, asg.RoleID, asg.ResourceID)
	if err != nil || slices.ContainsFunc(places, func(p place) bool {
		ids, _ := p.entitlements()
		return p.targetID == g.TargetID && slices.Contains(ids, g.EntitlementID)
	}) {
		return false, err
	}
	return true, letGo(tx, []pim.GrantNeed{n}, tx.Now)
}

// holdersAbove lists who holds an active assignment that reaches a node from now on, each with the assignment.
func holdersAbove(r *store.Reader, c pim.LongChange) (out []string, err error) {
	stands, err := standsAt(r, c.ResourceID)
	if err != nil || len(stands.roles) == 0 || len(c.Gain) == 0 {
		return nil, err
	}
	from, after, _ := strings.Cut(c.After, "\n")
	list, err := r.ActiveAbove(stands.roles, c.Gain, from, looked)
	for _, asg := range list {
		if err != nil || len(out) >= looked {
			return out, err
		}
		var holders []pim.Principal
		if holders, err = r.HoldersIn([]string{asg.PrincipalID}); err != nil {
			return nil, err
		}
		slices.SortFunc(holders, func(p, q pim.Principal) int { return cmp.Compare(p.ID, q.ID) })
		for _, p := range holders {
			if asg.ID != from || p.ID > after {
				out = append(out, asg.ID+"\n"+p.ID)
			}
		}
	}
	return out[:min(len(out), looked)], err
}

// giveOne lets one holder of an active assignment get what it means now.
func giveOne(_ *Broker, tx *store.Tx, _ pim.LongChange, item string) (did bool, err error) {
	id, holder, _ := strings.Cut(item, "\n")
	asg, err := tx.Assignment(id)
	if err != nil || asg.Kind != pim.Active || !asg.InForceAt(tx.Now) {
		return false, err
	}
	p, err := tx.Principal(holder)
	if err != nil || !p.Enabled {
		return false, goneIs(err)
	}
	if in, err := tx.Within(holder, asg.PrincipalID); err != nil || !in {
		return false, err
	}
	to, err := reachOf(tx.Reader, holder, asg.RoleID, asg.ResourceID)
	if err != nil {
		return false, err
	}
	for _, f := range to.facts {
		g, err := tx.GrantOf(f.targetID, f.accountID, f.entitlementID)
		if err != nil {
			return did, err
		}
		if g != nil {
			if n, has, err := needOf(tx.Reader, asg.ID+"\n"+g.ID); err != nil || has && n.EndsAt.Equal(asg.EndsAt) {
				if err != nil {
					return did, err
				}
				continue
			}
		}
		did = true
		if err := want(tx, f, pim.GrantNeed{AssignmentID: asg.ID, StartsAt: asg.StartsAt, EndsAt: asg.EndsAt}); err != nil {
			return did, err
		}
	}
	return did, nil
}

func narrower(r *store.Reader, c pim.LongChange) ([]string, error) {
	return r.NarrowerAfter(c.After, looked)
}

func recheckOne(b *Broker, tx *store.Tx, _ pim.LongChange, id string) (bool, error) {
	a, err := tx.Activation(id)
	if err != nil || !a.State.Open() {
		return false, err
	}
	_, holds, err := stillEligible(tx.Reader, a)
	if err != nil || holds {
		return false, err
	}
	return true, b.end(tx, a, pim.OnEligibilityEnded, pim.System, "", "")
}

func provisioning(r *store.Reader, c pim.LongChange) ([]string, error) {
	return r.ProvisioningAfter(c.After, looked)
}

func confirmOne(_ *Broker, tx *store.Tx, _ pim.LongChange, id string) (bool, error) {
	a, err := tx.Activation(id)
	if err != nil || a.State != pim.Provisioning {
		return false, err
	}
	if err := ensureActivationNeeds(tx, a); err != nil {
		return false, err
	}
	return confirmIfSeen(tx, a)
}

func rulesUnder(r *store.Reader, c pim.LongChange) ([]string, error) {
	return r.RulesUnder(c.ResourceID, looked)
}

func clearRules(_ *Broker, tx *store.Tx, c pim.LongChange, item string) (bool, error) {
	role, resource, _ := strings.Cut(item, "\n")
	if _, err := tx.SettingsAt(role, resource); errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, (&retirement{settings: []pim.RoleSettings{{RoleID: role, ResourceID: resource}}}).clear(tx, c.By)
}

// meaningsUnder lists meanings whole: all that the next piece says of one is in it.
func meaningsUnder(r *store.Reader, c pim.LongChange) ([]string, error) {
	list, err := r.MeaningsUnder(c.ResourceID, looked)
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = strings.Join([]string{m.RoleID, m.ResourceID, m.EntitlementID, string(m.Relation), m.Name}, "\n")
	}
	return out, err
}

func clearMeaning(_ *Broker, tx *store.Tx, c pim.LongChange, item string) (bool, error) {
	m := strings.SplitN(item, "\n", 5)
	return true, (&retirement{meanings: []pim.Meaning{{RoleID: m[0], ResourceID: m[1], EntitlementID: m[2], Relation: pim.Relation(m[3]), Name: m[4]}}}).clear(tx, c.By)
}

func lowestUnder(r *store.Reader, c pim.LongChange) ([]string, error) {
	return r.LowestUnder(c.ResourceID, looked)
}

func removeOne(_ *Broker, tx *store.Tx, c pim.LongChange, id string) (bool, error) {
	path, err := tx.Path(id)
	if err != nil {
		return false, err
	}
	return true, removeNode(tx, path.Leaf(), c.ResourceID, c.By, c.Evidence)
}
