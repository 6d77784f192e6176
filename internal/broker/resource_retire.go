package broker

import (
	"context"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

// retireResource takes a node out of the tree with everything that is below it and rests on it.
type retireResource struct {
	ID      string
	Version int64
}

// RetireResource ends a node: the assignments at it and below end, and with them their activations.
func (b *Broker) RetireResource(ctx context.Context, actor Actor, id string, version int64) (Outcome, error) {
	return b.operate(ctx, actor, "/resources/"+id+"/retire", &retireResource{ID: id, Version: version})
}

// PreviewRetire says what retiring a node would do, or refuses it as that does.
func (b *Broker) PreviewRetire(r *store.Reader, who pim.Principal, id string) ([]string, error) {
	m, err := (&retireResource{ID: id}).load(r, who)
	return m.says, err
}

// retirement is everything that goes with a node.
type retirement struct {
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
	if err := m.collect(r, o.ID); err != nil {
		return m, err
	}
	above, err := pathOrTop(r, node.ParentID)
	if err != nil {
		return m, err
	}
	if m.lose, err = reaching(r, o.ID, above.Ancestors(nil)); err != nil {
		return m, err
	}
	return m, m.inWords(r, node)
}

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
	if len(m.nodes)+len(m.assignments)+len(m.meanings)+len(m.settings) > maxTouched {
		return tooMuch()
	}
	return nil
}

func (m *retirement) inWords(r *store.Reader, node pim.Resource) error {
	m.says = []string{"Retire " + node.Name + "."}
	if n := len(m.nodes) - 1; n > 0 {
		m.says = append(m.says, counted(n, "resource below it goes too.", "resources below it go too."))
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
		m.says = append(m.says, counted(n, "meaning of a role at a target is forgotten; the group or role there stays as it is.",
			"meanings of roles at targets are forgotten; the groups and roles there stay as they are."))
	}
	if n := len(m.settings); n > 0 {
		m.says = append(m.says, counted(n, "row of role settings made there goes.", "rows of role settings made there go."))
	}
	return err
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
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
	was, err := meant(tx.Reader, o.ID)
	if err != nil {
		return Outcome{}, err
	}
	node := m.nodes[0]
	out := Outcome{Back: upTo(node.ParentID), Done: node.Name + " is retired."}
	for _, asg := range m.assignments {
		if err := b.endAssignment(tx, asg, who.ID, false); err != nil {
			return out, err
		}
	}
	if err := m.clear(tx, who.ID); err != nil {
		return out, err
	}
	for i := len(m.nodes) - 1; i >= 0; i-- { // from below, so that nothing ever hangs in the air
		e := pim.Event{Type: pim.EvResourceRemoved, Actor: who.ID, ResourceID: m.nodes[i].ID, ObjectID: m.nodes[i].ID, Result: pim.OK,
			Facts: map[string]any{"evidence": evidence, "with": o.ID}, Texts: map[string]string{}}
		tx.Emit(e.WithText("name", m.nodes[i].Name))
		if err := tx.RemoveResource(m.nodes[i].ID); err != nil {
			return out, moved(err)
		}
	}
	return out, b.rejudge(tx, who.ID, was, m.lose, nil)
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
