package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// moveResource puts a node with everything below it below another one.
type moveResource struct {
	ID, ParentID string
	Version      int64
}

// MoveResource moves a node; what is inherited from above changes with it, and everything that rests on it is judged
// again in the same transaction (THREATS T23).
func (b *Broker) MoveResource(ctx context.Context, actor Actor, id, parentID string, version int64) (Outcome, error) {
	return b.operate(ctx, actor, "/resources/"+id+"/move", &moveResource{ID: id, ParentID: parentID, Version: version})
}

// MovePreview is what a move would do.
type MovePreview struct {
	Says   []string
	Looser bool // the rules of a privileged role become less strict by it
}

// PreviewMove says what a move would do, or refuses it as the move itself does.
func (b *Broker) PreviewMove(r *store.Reader, who pim.Principal, id, parentID string) (MovePreview, error) {
	m, err := (&moveResource{ID: id, ParentID: parentID}).load(r, who)
	return MovePreview{Says: m.says, Looser: m.looser()}, err
}

// relocation is a move that may be made.
type relocation struct {
	node       pim.Resource
	lose, gain []pim.Assignment  // made above, reaching it no longer, or from now on
	under      through           // what is looked up at another target
	rules      []weighedSettings // settings that change with the place
	says       []string
}

func (m relocation) looser() bool {
	return slices.ContainsFunc(m.rules, func(c weighedSettings) bool { return c.role.Privileged && len(c.loosenedFields()) > 0 })
}

func (o *moveResource) load(r *store.Reader, who pim.Principal) (m relocation, err error) {
	if m.node, err = r.Resource(o.ID); err != nil {
		return m, found(err)
	}
	if err := administersMove(r, who, m.node, o.ParentID); err != nil {
		return m, err
	}
	switch {
	case o.Version != 0 && o.Version != m.node.Version:
		return m, moved(store.ErrConflict)
	case m.node.ParentID == o.ParentID:
		return m, pim.Invalid("parent", "It stands there already.")
	}
	levels, err := r.Levels(o.ID)
	if err != nil {
		return m, err
	}
	if err := checkBelow(r, o.ID, o.ParentID, int(levels)); err != nil {
		return m, err
	}
	if err := checkSiblings(r, o.ID, o.ParentID, m.node.Name, true); err != nil {
		return m, pim.Invalid("parent", "Another %s stands there already. Rename one of them first.", m.node.Name)
	}
	return m, o.consequences(r, who, &m)
}

// administersMove asks for both places, and for the node itself.
func administersMove(r *store.Reader, who pim.Principal, node pim.Resource, to string) error {
	if err := administers(r, who, node.ID); err != nil {
		return err
	}
	for _, place := range []string{node.ParentID, to} {
		if err := administers(r, who, place); err != nil {
			return pim.Invalid("parent", "You administer this resource, but not the place it stands at and the one it would go to.")
		}
	}
	return nil
}

// mayGive refuses a move by which somebody gives themselves what is privileged (T21), by which an owner gives what they do
// not hand out, or comes to hand out more there (K-33).
func mayGive(r *store.Reader, who pim.Principal, gain []pim.Assignment, was, is pim.Path) error {
	powers, err := Powers(r, who.ID)
	if err != nil {
		return err
	}
	lists, err := handOuts(r)
	if err != nil {
		return err
	}
	roles, err := r.Roles()
	if err != nil {
		return err
	}
	byID := map[string]pim.RoleDefinition{}
	for _, d := range roles {
		byID[d.ID] = d
		if powers.HandsOut(d, is, lists) && !powers.HandsOut(d, was, lists) {
			return pim.Refuse(pim.KindForbidden, "There you would hand out %s, and here you do not. Ask a Privileged Role Administrator to move it.", d.Name)
		}
	}
	for _, a := range gain {
		if !powers.HandsOut(byID[a.RoleID], is, lists) {
			return pim.Refuse(pim.KindForbidden, "By this others would get %s here, which you do not hand out. Ask a Privileged Role Administrator to move it.", byID[a.RoleID].Name)
		}
		own, others, err := givesThemselves(r, who, byID[a.RoleID], a.PrincipalID, a.Kind)
		if err != nil {
			return err
		}
		if own && others {
			if own, err = gainsBy(r, who, a, was); err != nil {
				return err
			}
		}
		if own && others {
			return pim.Refuse(pim.KindForbidden, "By this you would give %s here to yourself. Another administrator has to move it.", byID[a.RoleID].Name)
		}
	}
	return nil
}

// gainsBy reports whether an assignment that will reach a place gives somebody more there than they have.
func gainsBy(r *store.Reader, who pim.Principal, a pim.Assignment, was pim.Path) (bool, error) {
	own, err := ownAssignments(r, who)
	return !hasAlready(own, a, was.Ancestors(nil), r.Now), err
}

func (o *moveResource) consequences(r *store.Reader, who pim.Principal, m *relocation) error {
	from, err := pathOrTop(r, m.node.ParentID)
	if err != nil {
		return err
	}
	to, err := pathOrTop(r, o.ParentID)
	if err != nil {
		return err
	}
	place := "the top"
	if len(to) > 0 {
		place = "below " + strings.Join(to.Names(), " › ")
	}
	m.says = []string{fmt.Sprintf("Move %s to %s.", m.node.Name, place)}
	if err := o.target(r, m, from, to); err != nil {
		return err
	}
	if m.lose, err = reaching(r, m.node.ID, from.Ancestors(to)); err != nil {
		return err
	}
	if m.gain, err = reaching(r, m.node.ID, to.Ancestors(from)); err != nil {
		return err
	}
	if err := mayGive(r, who, m.gain, append(slices.Clone(from), m.node), append(slices.Clone(to), m.node)); err != nil {
		return err
	}
	lose, err := inWords(r, m.lose, "reaches it no longer")
	if err != nil {
		return err
	}
	gain, err := inWords(r, m.gain, "reaches it from then on")
	m.says = append(append(m.says, lose...), gain...)
	if len(m.lose)+len(m.gain) == 0 {
		m.says = append(m.says, "Nobody gains or loses a role at a target by it.")
	}
	if len(m.lose) > 0 {
		m.says = append(m.says, "What is active through an assignment that reaches it no longer ends there at once.")
	}
	if err != nil {
		return err
	}
	m.says = append(m.says, "Role settings made above it change with the place; what runs keeps the rules it began with.")
	if m.rules, err = movedRules(r, m.node, from, to); err != nil {
		return err
	}
	return m.judgeRules(r, who, from)
}

// target refuses a move to another target while anything is held.
func (o *moveResource) target(r *store.Reader, m *relocation, from, to pim.Path) (err error) {
	if m.node.TargetID != "" || from.TargetID() == to.TargetID() {
		return nil
	}
	if m.under, err = heldThrough(r, m.node.ID, from.TargetID()); err != nil {
		return err
	}
	if m.under.held > 0 {
		return pim.Invalid("parent", "That place belongs to another target, and %d grants are held or being taken away here. End what gives them first.", m.under.held)
	}
	says, err := belongs(r, to.TargetID())
	m.says = append(m.says, says...)
	if n := len(m.under.meanings); n > 0 {
		m.says = append(m.says, fmt.Sprintf("%d meanings of roles are looked up there again, by their names.", n))
	}
	return err
}

func pathOrTop(r *store.Reader, id string) (pim.Path, error) {
	if id == "" {
		return nil, nil
	}
	return r.Path(id)
}

// reaching lists the assignments at some resources above whose role means something at a node or below it.
func reaching(r *store.Reader, id string, above []string) ([]pim.Assignment, error) {
	list, err := r.AssignmentsReachingInto(id, above, maxTouched+1)
	if err == nil && len(list) > maxTouched {
		err = tooMuch()
	}
	return list, err
}

// namedInWords is how many assignments a preview names; it counts the others.
const namedInWords = 8

// inWords says each assignment with whose it is, and what becomes of it.
func inWords(r *store.Reader, list []pim.Assignment, what string) (out []string, err error) {
	shown := list[:min(len(list), namedInWords)]
	var people, roles, resources []string
	for _, a := range shown {
		people, roles, resources = append(people, a.PrincipalID), append(roles, a.RoleID), append(resources, a.ResourceID)
	}
	names, err := r.Names(people)
	if err != nil {
		return nil, err
	}
	called, err := r.RoleNames(roles)
	if err != nil {
		return nil, err
	}
	paths, err := r.Paths(resources)
	for _, a := range shown {
		out = append(out, fmt.Sprintf("%s, %s for %s on %s: %s.", names[a.PrincipalID], a.Kind, called[a.RoleID], paths[a.ResourceID].Leaf().Name, what))
	}
	if more := len(list) - len(shown); more > 0 {
		out = append(out, fmt.Sprintf("And %d more: each %s.", more, what))
	}
	return out, err
}

func (o *moveResource) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	m, err := o.load(tx.Reader, who)
	return prepared{item: pim.StepUpItem{Action: pim.ActionMoveResource, Object: o.ID, Version: m.node.Version, ResourceID: o.ID}, touch: true, says: m.says}, err
}

func (o *moveResource) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/resources/" + o.ID}
	m, err := o.load(tx.Reader, who)
	if err != nil {
		return out, err
	}
	was, err := meant(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	m.node.ParentID = o.ParentID
	emitResource(tx, m.node, who.ID, evidence)
	if err := tx.UpdateResource(m.node); err != nil {
		return out, moved(err)
	}
	if err := forgetMeanings(tx, who.ID, m.under.meanings); err != nil {
		return out, err
	}
	if len(m.under.meanings) > 0 {
		tx.AfterCommit(b.resolver.soon)
	}
	for _, c := range m.rules {
		if err := loosened(tx, c, who, evidence); err != nil {
			return out, err
		}
	}
	out.Done = m.node.Name + " is moved."
	return out, b.rejudge(tx, who.ID, was, m.lose, m.gain)
}

// meant are the entitlements that roles mean at a node and below, by the target's id.
func meant(r *store.Reader, id string) (map[string]bool, error) {
	list, err := r.MeaningsUnder(id, maxTouched+1)
	out := map[string]bool{}
	for _, id := range meantIDs(list) {
		out[id] = true
	}
	return out, err
}

// rejudge lets everything that rested on where a node stood follow from where it stands now: activations of it whose
// assignment is not above any more end, others let go of what they held in it, active assignments follow.
func (b *Broker) rejudge(tx *store.Tx, by string, was map[string]bool, lose, gain []pim.Assignment) error {
	if err := b.recheckNarrower(tx); err != nil {
		return err
	}
	for _, asg := range lose {
		if err := b.withdraw(tx, by, was, asg); err != nil {
			return err
		}
	}
	for _, asg := range append(append([]pim.Assignment{}, lose...), gain...) {
		if asg.Kind == pim.Active && asg.EndedAt.IsZero() {
			if err := syncAssignment(tx, asg); err != nil {
				return err
			}
		}
	}
	waiting, err := tx.ProvisioningActivations()
	for _, a := range waiting {
		if err == nil {
			err = ensureActivationNeeds(tx, a)
		}
		if err == nil {
			_, err = confirmIfSeen(tx, a)
		}
	}
	return err
}

// withdraw takes from what is active through an assignment whatever it held in a part of the tree that the assignment
// reaches no longer. What is left with nothing is over.
func (b *Broker) withdraw(tx *store.Tx, by string, was map[string]bool, asg pim.Assignment) error {
	open, err := tx.OpenActivationsUsing(asg.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if !a.State.Holds() {
			continue
		}
		left, err := letGoOf(tx, a, was)
		if err == nil && left == 0 {
			err = b.end(tx, a, pim.OnEligibilityEnded, by, "What it gave was moved out of its reach.", "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// letGoOf lets go of what an activation holds of some entitlements and does not reach any more; left counts what it
// still needs, or -1 where it lost nothing.
func letGoOf(tx *store.Tx, a pim.Activation, was map[string]bool) (left int, err error) {
	to, err := reachOf(tx.Reader, a.PrincipalID, a.RoleID, a.ResourceID)
	if err != nil {
		return 0, err
	}
	reached := map[[3]string]bool{}
	for _, f := range to.facts {
		reached[[3]string{f.targetID, f.accountID, f.entitlementID}] = true
	}
	needs, err := tx.NeedsOf(a.ID)
	if err != nil {
		return 0, err
	}
	var gone []pim.GrantNeed
	for _, n := range needs {
		g, err := tx.Grant(n.GrantID)
		switch {
		case err != nil:
			return 0, err
		case !n.EndedAt.IsZero():
		case was[g.EntitlementID] && !reached[[3]string{g.TargetID, g.AccountID, g.EntitlementID}]:
			gone = append(gone, n)
		default:
			left++
		}
	}
	if len(gone) == 0 {
		return -1, nil
	}
	return left, letGo(tx, gone, tx.Now)
}
