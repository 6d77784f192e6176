package broker

import (
	"context"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// retireResource takes a node out of the tree with everything that is below it and rests on it.
type retireResource struct {
	ID      string
	Version int64
	Change  string       `json:",omitempty"` // the id of what is carried out in pieces
	Under   *store.Under `json:",omitempty"` // what was counted of it, before the writer was asked
}

// RetireResource ends a node: the assignments at it and below end, and with them their activations. What is too much for
// one write holds at once, and follows in pieces.
func (b *Broker) RetireResource(ctx context.Context, actor Actor, id string, version int64) (Outcome, error) {
	op := &retireResource{ID: id, Version: version, Change: NewID()}
	if err := b.look(ctx, op.count); err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/resources/"+id+"/retire", op)
}

// look reads what an operation needs to know and what would take the writer too long.
func (b *Broker) look(ctx context.Context, fn func(*store.Reader) error) error {
	_, err := store.Read(ctx, b.store, func(r *store.Reader) (struct{}, error) { return struct{}{}, fn(r) })
	return err
}

func (o *retireResource) count(r *store.Reader) error {
	under, err := r.CountUnder(o.ID)
	o.Under = &under
	return err
}

// PreviewRetire says what retiring a node would do, or refuses it as that does.
func (b *Broker) PreviewRetire(r *store.Reader, who pim.Principal, id string) ([]string, error) {
	o := &retireResource{ID: id}
	if err := o.count(r); err != nil {
		return nil, err
	}
	m, err := o.load(r, who)
	return m.says, err
}

// retirement is everything that goes with a node.
type retirement struct {
	large       bool // of the others only the node itself is known
	above       pim.Path
	nodes       []pim.Resource // from the top down
	assignments []pim.Assignment
	meanings    []pim.Meaning
	settings    []pim.RoleSettings
	lose        []pim.Assignment // made above
	says        []string
}

func (o *retireResource) load(r *store.Reader, who pim.Principal) (m retirement, err error) {
	node, err := r.Resource(o.ID)
	if err != nil {
		return m, found(err)
	}
	if err := administers(r, who, o.ID); err != nil {
		return m, err
	}
	if err := administers(r, who, node.ParentID); err != nil {
		return m, pim.Refuse(pim.KindForbidden, "You administer this resource, but not the place it stands at. Ask somebody who administers that.")
	}
	if o.ID == pim.StintResource {
		return m, pim.Refuse(pim.KindForbidden, "This is Stint itself; it stays as it is.")
	}
	if o.Version != 0 && o.Version != node.Version {
		return m, moved(store.ErrConflict)
	}
	if err := refuseCarried(r, o.ID); err != nil {
		return m, err
	}
	if m.above, err = pathOrTop(r, node.ParentID); err != nil {
		return m, err
	}
	if m.large, err = r.MuchUnder(o.ID, maxTouched); err != nil {
		return m, err
	}
	if !m.large {
		if err := m.collect(r, o.ID); err != nil {
			return m, err
		}
	}
	if m.large {
		m.nodes, m.says = []pim.Resource{node}, o.saysLarge(node)
		return m, nil
	}
	return m, m.inWords(r, node)
}

// saysLarge says what goes by what was counted.
func (o *retireResource) saysLarge(node pim.Resource) []string {
	says := []string{"Retire " + node.Name + "."}
	if u := o.Under; u != nil {
		says = append(says, abouted(u.Resources-1, "resource below it goes too.", "resources below it go too.")...)
		says = append(says, abouted(u.Assignments, "assignment ends, and what is active through it.", "assignments end, and what is active through them.")...)
		says = append(says, abouted(u.Activations, "activation or request there ends.", "activations and requests there end.")...)
		says = append(says, abouted(u.Meanings, "meaning of a role at a target is forgotten; the group or role there stays as it is.",
			"meanings of roles at targets are forgotten; the groups and roles there stay as they are.")...)
		says = append(says, abouted(u.Settings, "row of role settings made there goes.", "rows of role settings made there go.")...)
	}
	return append(says, "Whoever holds a role from above loses what it gave there.", inPieces("Resources"))
}

// collect finds what goes and what is lost, unless that is too much for one write.
func (m *retirement) collect(r *store.Reader, id string) (err error) {
	if m.nodes, err = r.Subtree(id, maxTouched+1); err != nil {
		return err
	}
	if m.assignments, err = r.AssignmentsUnder(id, maxTouched+1); err != nil {
		return err
	}
	if m.meanings, err = r.MeaningsUnder(id, maxTouched+1); err != nil {
		return err
	}
	ids := make([]string, len(m.nodes))
	for i, n := range m.nodes {
		ids[i] = n.ID
	}
	if m.settings, err = r.SettingsAmong(ids); err != nil {
		return err
	}
	var roles []string
	for _, x := range m.meanings {
		roles = append(roles, x.RoleID)
	}
	if m.lose, err = reaching(r, slices.Compact(slices.Sorted(slices.Values(roles))), m.above.Ancestors(nil)); err != nil {
		return err
	}
	m.large = len(m.lose) > maxTouched
	return nil
}

func (m *retirement) inWords(r *store.Reader, node pim.Resource) error {
	m.says = []string{"Retire " + node.Name + "."}
	if n := len(m.nodes) - 1; n > 0 {
		m.says = append(m.says, pim.Plural(int64(n), "resource below it goes too.", "resources below it go too."))
	}
	ends, err := inWords(r, m.assignments, "ends, and what is active through it")
	if err != nil {
		return err
	}
	lost, err := inWords(r, m.lose, "loses what it gave there")
	m.says = append(append(m.says, ends...), lost...)
	if len(ends)+len(lost) == 0 {
		m.says = append(m.says, "Nobody holds or may activate anything there.")
	}
	if n := len(m.meanings); n > 0 {
		m.says = append(m.says, pim.Plural(int64(n), "meaning of a role at a target is forgotten; the group or role there stays as it is.",
			"meanings of roles at targets are forgotten; the groups and roles there stay as they are."))
	}
	if n := len(m.settings); n > 0 {
		m.says = append(m.says, pim.Plural(int64(n), "row of role settings made there goes.", "rows of role settings made there go."))
	}
	return err
}

func (o *retireResource) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	m, err := o.load(tx.Reader, who)
	p := prepared{touch: true, says: m.says, lessen: true}
	if len(m.nodes) > 0 {
		p.item = pim.StepUpItem{Action: pim.ActionRetireResource, Object: o.ID, Version: m.nodes[0].Version, ResourceID: o.ID}
	}
	return p, err
}

func (o *retireResource) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	m, err := o.load(tx.Reader, who)
	if err != nil {
		return Outcome{}, err
	}
	node := m.nodes[0]
	out := Outcome{Back: upTo(node.ParentID), Done: node.Name + " is retired."}
	if m.large {
		out.Done += " What follows from that is being carried out."
		return out, o.decide(tx, m, who, evidence)
	}
	was, err := meant(tx.Reader, o.ID)
	if err != nil {
		return Outcome{}, err
	}
	for _, asg := range m.assignments {
		if err := b.endAssignment(tx, asg, who.ID, false); err != nil {
			return out, err
		}
	}
	if err := m.clear(tx, who.ID); err != nil {
		return out, err
	}
	for i := len(m.nodes) - 1; i >= 0; i-- { // from below, so that nothing ever hangs in the air
		if err := removeNode(tx, m.nodes[i], o.ID, who.ID, evidence); err != nil {
			return out, err
		}
	}
	return out, b.rejudge(tx, who.ID, was, m.lose, nil)
}

// decide takes the node itself out: from then on nothing at it or below it stands (store.Leaving), whoever asks.
func (o *retireResource) decide(tx *store.Tx, m retirement, who pim.Principal, evidence string) error {
	c := pim.LongChange{ID: o.Change, Kind: pim.LongRetire, ResourceID: o.ID, Lose: m.above.Ancestors(nil), By: who.ID, Evidence: evidence}
	if o.Under != nil {
		c.About = o.Under.All()
	}
	if err := decide(tx, c); err != nil {
		return err
	}
	return removeNode(tx, m.nodes[0], o.ID, who.ID, evidence)
}

func removeNode(tx *store.Tx, node pim.Resource, with, by, evidence string) error {
	e := pim.Event{Type: pim.EvResourceRemoved, Actor: by, ResourceID: node.ID, ObjectID: node.ID, Result: pim.OK,
		Facts: map[string]any{"evidence": evidence, "with": with}, Texts: map[string]string{}}
	tx.Emit(e.WithText("name", node.Name))
	return moved(tx.RemoveResource(node.ID))
}

func (m *retirement) clear(tx *store.Tx, by string) error {
	for _, s := range m.settings {
		tx.Emit(pim.Event{Type: pim.EvSettingsRemoved, Actor: by, RoleID: s.RoleID, ResourceID: s.ResourceID, ObjectID: s.RoleID, Result: pim.OK, Facts: map[string]any{}})
		if err := tx.RemoveSettings(s.RoleID, s.ResourceID, by); err != nil {
			return moved(err)
		}
	}
	for _, x := range m.meanings {
		e := pim.Event{Type: pim.EvMeaningRemoved, Actor: by, RoleID: x.RoleID, ResourceID: x.ResourceID, ObjectID: x.RoleID, Result: pim.OK,
			Facts: map[string]any{"entitlement": x.EntitlementID}, Texts: map[string]string{}}
		tx.Emit(e.WithText("name", x.Name))
		if err := tx.RemoveMeaning(x); err != nil {
			return moved(err)
		}
	}
	return nil
}

func upTo(parentID string) string {
	if parentID == "" {
		return "/resources"
	}
	return "/resources/" + parentID
}
