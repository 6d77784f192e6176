package broker

import (
	"fmt"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// relocation is a move that may be made.
type relocation struct {
	node       pim.Resource
	lose, gain []pim.Assignment  // made above, reaching it no longer, or from now on; of a large one not all
	large      bool              // they are too many for one write
	from, to   []string          // resources above it no longer, and from now on
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
	if err := refuseCarried(r, o.ID); err != nil {
		return m, err
	}
	s, err := standsAt(r, o.ID)
	if err != nil {
		return m, err
	}
	if err := checkBelow(r, o.ID, o.ParentID, s.levels); err != nil {
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
	m.from, m.to = from.Ancestors(to), to.Ancestors(from)
	if err := m.reached(r, who); err != nil {
		return err
	}
	if err := mayGive(r, who, m.gain, append(slices.Clone(from), m.node), append(slices.Clone(to), m.node)); err != nil {
		return err
	}
	if err := o.reachInWords(r, m); err != nil {
		return err
	}
	m.says = append(m.says, "Role settings made above it change with the place; what runs keeps the rules it began with.")
	if m.rules, err = movedRules(r, m.node, from, to); err != nil {
		return err
	}
	return m.judgeRules(r, who, from)
}

// reached finds what reaches the node no longer and from now on. Where that is too much for one write, of what it gains
// one assignment of each role is enough to judge who may hand it out, and all that are the mover's own or as good as theirs.
func (m *relocation) reached(r *store.Reader, who pim.Principal) error {
	s, err := standsAt(r, m.node.ID)
	if err != nil {
		return err
	}
	if m.lose, err = reaching(r, s.roles, m.from); err != nil {
		return err
	}
	if m.gain, err = reaching(r, s.roles, m.to); err != nil {
		return err
	}
	if m.large = len(m.lose) > maxTouched || len(m.gain) > maxTouched; len(m.gain) <= maxTouched {
		return nil
	}
	if m.gain, err = r.AssignmentsOfEach(s.roles, m.to); err != nil {
		return err
	}
	own, err := ownAssignments(r, who)
	if err != nil {
		return err
	}
	for _, a := range own {
		if slices.Contains(s.roles, a.RoleID) && slices.Contains(m.to, a.ResourceID) {
			m.gain = append(m.gain, a)
		}
	}
	named, err := namedHold(r, who, s.roles, m.to)
	if err != nil {
		return err
	}
	workloads, err := r.WorkloadsAmong(s.roles, m.to, maxTouched+1)
	if err == nil && len(workloads) > maxTouched {
		err = tooMuch()
	}
	m.gain = append(append(m.gain, named...), workloads...)
	return err
}

// reachInWords says who gains and loses: each of a few, or how many.
func (o *moveResource) reachInWords(r *store.Reader, m *relocation) error {
	if m.large {
		m.says = append(m.says, abouted(o.Loses, "assignment made above reaches it no longer.", "assignments made above reach it no longer.")...)
		m.says = append(m.says, abouted(o.Gains, "assignment made above reaches it from then on.", "assignments made above reach it from then on.")...)
		m.says = append(m.says, inPieces("Resources"))
		return nil
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
	return err
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

// reaching lists the assignments at some resources above of roles that mean something at a node or below it; one more than
// one write changes stands for more.
func reaching(r *store.Reader, roles, above []string) ([]pim.Assignment, error) {
	if len(roles) == 0 || len(above) == 0 {
		return nil, nil
	}
	list, err := r.AssignmentsAmong(roles, above, maxTouched+1)
	slices.SortFunc(list, func(a, b pim.Assignment) int { return strings.Compare(a.ID, b.ID) })
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
