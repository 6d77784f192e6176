package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSaveResource] = func() operation { return &saveResource{} }
	operations[pim.ActionMoveResource] = func() operation { return &moveResource{} }
	operations[pim.ActionRetireResource] = func() operation { return &retireResource{} }
}

// ResourceForm is a node of the tree as a form states it.
type ResourceForm struct {
	ID       string // empty: a new one
	ParentID string // of a new one; empty: at the top
	Kind     string
	Name     string
	TargetID string // its own; empty: the one from above
	Version  int64  // as it was shown
	Alike    bool   // the person knows that a name like it stands beside it
}

// saveResource adds a node or changes what one is called and belongs to.
type saveResource struct {
	Form ResourceForm
	New  string // the id a new one gets
}

// SaveResource adds or changes a node of the tree. Where it stands is MoveResource's.
func (b *Broker) SaveResource(ctx context.Context, actor Actor, f ResourceForm) (Outcome, error) {
	name, problem := orgfile.CleanName(f.Name)
	if problem != "" {
		return Outcome{}, pim.Invalid("name", "The name %s.", problem)
	}
	f.Name = name
	back := "/resources/" + f.ID
	if f.ID == "" {
		back = "/resources/new?below=" + f.ParentID
	}
	return b.operate(ctx, actor, back, &saveResource{Form: f, New: NewID()})
}

func (o *saveResource) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	row, err := o.row(tx.Reader)
	if err != nil {
		return prepared{}, err
	}
	place := row.ID
	if o.Form.ID == "" {
		place = row.ParentID
	}
	if err := administers(tx.Reader, who, place); err != nil {
		return prepared{}, err
	}
	if err := o.check(tx.Reader, who, row); err != nil {
		return prepared{}, err
	}
	p := prepared{item: pim.StepUpItem{Action: pim.ActionSaveResource, Object: o.id(), Version: row.Version, ResourceID: place}}
	if o.Form.ID == "" {
		p.touch, p.says = o.Form.TargetID != "", []string{"Add " + o.Form.Name + "."}
	} else if p.touch, err = privilegedUnder(tx.Reader, row.ID); err != nil {
		return p, err
	}
	if o.Form.ID != "" {
		p.says = append(p.says, fmt.Sprintf("%s becomes %s, %s.", row.Name, o.Form.Name, strings.ToLower(pim.KindName(o.Form.Kind))))
	}
	if row.TargetID != o.Form.TargetID {
		p.touch = true
		says, err := o.retarget(tx.Reader, row)
		p.says = append(p.says, says...)
		return p, err
	}
	return p, nil
}

func (o *saveResource) id() string {
	if o.Form.ID != "" {
		return o.Form.ID
	}
	return o.New
}

// row is the node as it is now; of a new one, where it will stand.
func (o *saveResource) row(r *store.Reader) (pim.Resource, error) {
	if o.Form.ID == "" {
		return pim.Resource{ID: o.New, ParentID: o.Form.ParentID, Source: pim.SourceBrowser}, nil
	}
	row, err := r.Resource(o.Form.ID)
	if err != nil {
		return row, found(err)
	}
	if row.ID == pim.StintResource {
		return row, pim.Refuse(pim.KindForbidden, "This is Stint itself; it stays as it is.")
	}
	if o.Form.Version != 0 && o.Form.Version != row.Version {
		return row, moved(store.ErrConflict)
	}
	return row, nil
}

func (o *saveResource) check(r *store.Reader, who pim.Principal, row pim.Resource) error {
	kinds := pim.ResourceKinds
	known := row.Kind == o.Form.Kind && row.Kind != ""
	for _, k := range kinds {
		known = known || k.Kind == o.Form.Kind
	}
	if !known {
		return pim.Invalid("kind", "Choose one of the kinds.")
	}
	if o.Form.ID == "" {
		if err := checkBelow(r, row.ID, o.Form.ParentID, 1); err != nil {
			return err
		}
	}
	if o.Form.TargetID != row.TargetID {
		if err := administers(r, who, ""); err != nil { // a target's accounts are everybody's
			return pim.Invalid("target", "Only a Privileged Role Administrator says which target a resource belongs to.")
		}
		if err := checkTarget(r, o.Form.TargetID); err != nil {
			return err
		}
	}
	return checkSiblings(r, row.ID, row.ParentID, o.Form.Name, o.Form.Alike)
}

func checkTarget(r *store.Reader, id string) error {
	if id == "" {
		return nil
	}
	if _, err := r.Target(id); errors.Is(err, store.ErrNotFound) || id == pim.StintTarget {
		return pim.Invalid("target", "Choose one of the targets.")
	} else if err != nil {
		return err
	}
	return nil
}

// checkBelow refuses a place that is not there, or where the tree cannot grow.
func checkBelow(r *store.Reader, id, parentID string, levels int) error {
	var above pim.Path
	if parentID != "" {
		if _, err := r.Resource(parentID); errors.Is(err, store.ErrNotFound) {
			return pim.Invalid("parent", "The place is not there any more. Choose another.")
		} else if err != nil {
			return err
		}
		var err error
		if above, err = r.Path(parentID); err != nil {
			return err
		}
	}
	if refusal := pim.CheckPlace(id, above, levels); refusal != nil {
		return refusal
	}
	return nil
}

// maxSiblings is how many names of a level are held against a new one.
const maxSiblings = 2000

// checkSiblings refuses a name that stands there already, and one that can be taken for it unless that is meant
// (THREATS T22).
func checkSiblings(r *store.Reader, id, parentID, name string, alike bool) error {
	beside, err := r.Siblings(parentID, maxSiblings)
	if err != nil {
		return err
	}
	for _, s := range beside {
		switch {
		case s.ID == id:
		case s.Name == name:
			return pim.Invalid("name", "%s stands there already. Choose another name.", s.Name)
		case !alike && orgfile.LookAlike(s.Name, name):
			return pim.Invalid("alike", "%q stands there already and reads almost the same. If this is another one, say so below.", s.Name)
		}
	}
	return nil
}

// privilegedUnder reports whether a privileged role means something, or is held, at a resource or below it.
func privilegedUnder(r *store.Reader, id string) (bool, error) {
	roles, err := r.Roles()
	if err != nil {
		return false, err
	}
	privileged := map[string]bool{}
	for _, d := range roles {
		privileged[d.ID] = d.Privileged
	}
	meanings, err := r.MeaningsUnder(id, maxTouched)
	if err != nil {
		return false, err
	}
	for _, m := range meanings {
		if privileged[m.RoleID] {
			return true, nil
		}
	}
	held, err := r.AssignmentsUnder(id, maxTouched)
	for _, a := range held {
		if privileged[a.RoleID] {
			return true, err
		}
	}
	return len(meanings) == maxTouched || len(held) == maxTouched, err
}

func (o *saveResource) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	row, err := o.row(tx.Reader)
	if err != nil {
		return Outcome{}, err
	}
	next := row
	next.Kind, next.Name, next.TargetID = o.Form.Kind, o.Form.Name, o.Form.TargetID
	out := Outcome{Back: "/resources/" + next.ID, Done: next.Name + " is saved."}
	if o.Form.ID == "" {
		out.Done = next.Name + " is added."
		emitResource(tx, next, who.ID, evidence)
		return out, tx.InsertResource(next)
	}
	if row == next {
		out.Done = "Nothing was changed."
		return out, nil
	}
	if next.TargetID != row.TargetID {
		if err := o.forget(tx, who, row); err != nil {
			return out, err
		}
	}
	emitResource(tx, next, who.ID, evidence)
	if err := tx.UpdateResource(next); err != nil {
		return out, moved(err)
	}
	if next.TargetID == row.TargetID {
		return out, nil
	}
	tx.AfterCommit(b.resolver.soon)
	return out, b.resumeIn(tx)
}

// emitResource records a node as it is from now on.
func emitResource(tx *store.Tx, row pim.Resource, by, evidence string) {
	e := pim.Event{Type: pim.EvResourceSaved, Actor: by, ResourceID: row.ID, ObjectID: row.ID, Result: pim.OK,
		Facts: map[string]any{"kind": row.Kind, "parent": row.ParentID, "target": row.TargetID, "source": string(row.Source)}, Texts: map[string]string{}}
	if evidence != "" {
		e = e.With("evidence", evidence)
	}
	tx.Emit(e.WithText("name", row.Name))
}

// under is the target that what stands at a resource gets from it and above.
func targetAbove(r *store.Reader, parentID string) (string, error) {
	if parentID == "" {
		return "", nil
	}
	path, err := r.Path(parentID)
	return path.TargetID(), err
}

// retarget refuses another target while something is held through the old one, and says what it means.
func (o *saveResource) retarget(r *store.Reader, row pim.Resource) ([]string, error) {
	above, err := targetAbove(r, row.ParentID)
	if err != nil {
		return nil, err
	}
	old, next := row.TargetID, o.Form.TargetID
	if old == "" {
		old = above
	}
	if next == "" {
		next = above
	}
	if o.Form.ID == "" || old == next {
		return belongs(r, next)
	}
	n, err := heldThrough(r, row.ID, old)
	if err != nil {
		return nil, err
	}
	if n.held > 0 {
		return nil, pim.Invalid("target", "%d grants are held or being taken away through the old target. End what gives them first.", n.held)
	}
	says, err := belongs(r, next)
	if len(n.meanings) > 0 {
		says = append(says, fmt.Sprintf("%d meanings of roles are looked up at it again, by their names.", len(n.meanings)))
	}
	return says, err
}

func belongs(r *store.Reader, targetID string) ([]string, error) {
	if targetID == "" {
		return []string{"It belongs to no target: nothing can be held there at a system."}, nil
	}
	t, err := r.Target(targetID)
	return []string{"It belongs to the target " + t.Name + "."}, err
}

// forget lets every meaning at a resource and below be found again at its new target.
func (o *saveResource) forget(tx *store.Tx, who pim.Principal, row pim.Resource) error {
	above, err := targetAbove(tx.Reader, row.ParentID)
	if err != nil {
		return err
	}
	old := row.TargetID
	if old == "" {
		old = above
	}
	n, err := heldThrough(tx.Reader, row.ID, old)
	if err != nil {
		return err
	}
	return forgetMeanings(tx, who.ID, n.meanings)
}

// through is what stands at a resource and below through one target.
type through struct {
	meanings []pim.Meaning
	held     int64
}

// heldThrough finds the meanings at a resource and below that belong to a target because of where the resource
// stands, and what is held of them.
func heldThrough(r *store.Reader, id, targetID string) (t through, err error) {
	s, err := standsAt(r, id)
	if err != nil {
		return t, err
	}
	all := s.meanings
	if len(all) > maxTouched {
		return t, tooMuch()
	}
	targets, err := targetsOf(r, all)
	if err != nil {
		return t, err
	}
	for _, m := range all {
		if targets[m.ResourceID] == targetID && targetID != "" {
			t.meanings = append(t.meanings, m)
		}
	}
	t.held, err = r.HeldFor(targetID, meantIDs(t.meanings))
	return t, err
}

func tooMuch() error {
	return pim.Refuse(pim.KindConflict, "More than %d things would be looked up elsewhere, too much for one step. Take it in parts, from below.", maxTouched)
}

func forgetMeanings(tx *store.Tx, by string, meanings []pim.Meaning) error {
	for _, m := range meanings {
		m.EntitlementID = ""
		if err := tx.SaveMeaning(m); err != nil {
			return err
		}
		e := pim.Event{Type: pim.EvMeaningSaved, Actor: by, RoleID: m.RoleID, ResourceID: m.ResourceID, ObjectID: m.RoleID, Result: pim.OK,
			Facts: map[string]any{"entitlement": ""}, Texts: map[string]string{}}
		tx.Emit(e.WithText("name", m.Name))
	}
	return nil
}
