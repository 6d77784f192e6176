package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stint/internal/connector"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// Limits of a role definition typed in the portal; those of the file are the same.
const (
	maxMeanings     = 50
	maxDescription  = 500
	maxEntitlement  = 1000
	fieldTwice      = "twice"
	changedMeantime = "Somebody else changed this role meanwhile. Look at it again."
)

// RoleDraft is a role definition as an administrator states it.
type RoleDraft struct {
	RoleID      string // empty: a new role
	Version     int64  // of the row the form was made from
	Name        string
	Description string
	Privileged  bool
	Means       []RoleMeaning
	Twice       bool // wanted although another role has the same name or means the same
}

// RoleMeaning is what a role is at a target: being a member of an entitlement, or owning it, by the name it has there, and
// the resource that has it.
type RoleMeaning struct {
	ResourceID string
	Name       string
	Relation   pim.Relation
}

// MeaningField is the field of a refusal about the n-th meaning of a draft.
func MeaningField(n int) string { return fmt.Sprintf("means.%d", n) }

func init() {
	operations[pim.ActionSaveRole] = func() operation { return &saveRole{} }
	operations[pim.ActionRetireRole] = func() operation { return &retireRole{} }
}

// SaveRole makes a role or changes one. What it is to mean is looked up at the targets first: what a target does not
// have or may not write is refused there (THREATS T40); a target that does not answer is asked again later.
func (b *Broker) SaveRole(ctx context.Context, actor Actor, d RoleDraft, back string) (Outcome, error) {
	op := &saveRole{RoleDraft: d, Fresh: d.RoleID == ""}
	if op.Fresh {
		op.RoleID = NewID()
	}
	op.tidy()
	if err := b.mayMean(ctx, actor, op); err != nil {
		return Outcome{}, err
	}
	out, err := b.operate(ctx, actor, back, op)
	b.resolver.soon()
	return out, err
}

// RetireRole removes a role nobody is assigned and nothing holds.
func (b *Broker) RetireRole(ctx context.Context, actor Actor, roleID string, version int64, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &retireRole{RoleID: roleID, Version: version})
}

// saveRole is a new or changed role definition.
type saveRole struct {
	RoleDraft
	Fresh bool
}

// tidy takes slips away before anything is compared.
func (op *saveRole) tidy() {
	op.Name, _ = orgfile.CleanName(op.Name)
	op.Description, _ = orgfile.CleanText(op.Description, maxDescription)
	for i, m := range op.Means {
		op.Means[i].Name, _ = orgfile.CleanText(m.Name, maxEntitlement)
	}
}

// mayMean asks the targets for what the role does not mean yet, outside any transaction.
func (b *Broker) mayMean(ctx context.Context, actor Actor, op *saveRole) error {
	c, err := store.Read(ctx, b.store, func(r *store.Reader) (roleChange, error) {
		who, err := person(r, actor)
		if err == nil {
			err = administers(r, who, "")
		}
		if err != nil {
			return roleChange{}, err
		}
		return op.change(r)
	})
	if err != nil {
		return err
	}
	silent := map[string]bool{}
	for i, m := range op.Means {
		p, isNew := c.come[m]
		if !isNew || silent[p.targetID] {
			continue
		}
		conn, err := b.connect(ctx, p.targetID)
		if err == nil {
			_, err = connector.Find(ctx, conn, m.Name, m.Relation == pim.Owner)
		}
		switch kind := connector.KindOf(err); {
		case err == nil:
		case kind == connector.Gone || kind == connector.Refused:
			return pim.Invalid(MeaningField(i), "%s does not take %q: %s", p.targetName, m.Name, err)
		default:
			silent[p.targetID] = true
		}
	}
	return nil
}

// roleChange is what saving a draft comes down to.
type roleChange struct {
	old   pim.RoleDefinition
	come  map[RoleMeaning]place // what it means from now on
	leave []pim.Meaning         // and no longer
	use   store.RoleUse
}

func (c roleChange) renamed(op *saveRole) bool {
	return c.old.Name != op.Name || c.old.Description != op.Description || c.old.Privileged != op.Privileged
}

// loosens reports whether the rules of privileged roles stop counting for it (T21).
func (c roleChange) loosens(op *saveRole) bool { return c.old.Privileged && !op.Privileged }

// touch reports whether a passkey confirms it: what concerns a privileged role, and what gives somebody rights.
func (c roleChange) touch(op *saveRole) bool {
	used := c.use.Eligible+c.use.Assigned+c.use.Open > 0
	return (op.Privileged || c.old.Privileged) && c.any(op) || len(c.come) > 0 && used
}

func (c roleChange) any(op *saveRole) bool {
	return op.Fresh || c.renamed(op) || len(c.come)+len(c.leave) > 0
}

// change checks the draft against what is there.
func (op *saveRole) change(r *store.Reader) (c roleChange, err error) {
	c.come = map[RoleMeaning]place{}
	if !op.Fresh {
		if c.old, err = ownRole(r, op.RoleID, op.Version); err != nil {
			return c, err
		}
		uses, err := r.RoleUses([]string{op.RoleID}, 1)
		if c.use = uses[op.RoleID]; err != nil {
			return c, err
		}
	}
	if err := op.checkWords(); err != nil {
		return c, err
	}
	have, err := r.MeaningsOfRoles(op.RoleID)
	if err != nil {
		return c, err
	}
	known := map[RoleMeaning]bool{}
	for _, m := range have {
		key := RoleMeaning{m.ResourceID, m.Name, m.Relation}
		if known[key] = true; !slices.Contains(op.Means, key) {
			c.leave = append(c.leave, m)
		}
	}
	for i, m := range op.Means {
		if known[m] {
			continue
		}
		if c.come[m], err = placeFor(r, op.RoleID, i, m); err != nil {
			return c, err
		}
	}
	return c, nil
}

// ownRole is a role that may be edited, at the version somebody saw.
func ownRole(r *store.Reader, id string, version int64) (pim.RoleDefinition, error) {
	d, err := r.Role(id)
	switch {
	case err != nil:
		return d, found(err)
	case d.Source == pim.SourceBuiltin:
		return d, pim.Refuse(pim.KindForbidden, "Stint’s own roles stay as they are. Their settings can be changed.")
	case d.Version != version:
		return d, pim.Refuse(pim.KindConflict, changedMeantime)
	}
	return d, nil
}

func (op *saveRole) checkWords() error {
	if _, wrong := orgfile.CleanName(op.Name); wrong != "" {
		return pim.Invalid("name", "The name %s.", wrong)
	}
	if _, wrong := orgfile.CleanText(op.Description, maxDescription); wrong != "" {
		return pim.Invalid("description", "The description %s.", wrong)
	}
	if len(op.Means) > maxMeanings {
		return pim.Invalid("means", "A role means at most %d things. Make a group of them at the target, or a second role.", maxMeanings)
	}
	return nil
}

// placeFor finds where a new meaning lies.
func placeFor(r *store.Reader, roleID string, n int, m RoleMeaning) (place, error) {
	if _, wrong := orgfile.CleanText(m.Name, maxEntitlement); wrong != "" || m.Name == "" {
		return place{}, pim.Invalid(MeaningField(n), "Write what it is called at the target, such as a group’s DN or a database role. %s", wrong)
	}
	if m.Relation != pim.Member && m.Relation != pim.Owner {
		return place{}, pim.Invalid(MeaningField(n), "Say whether whoever holds the role is a member there, or an owner.")
	}
	if _, err := r.Resource(m.ResourceID); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return place{}, pim.Invalid(MeaningField(n), "The resource is not there any more. Choose another one.")
		}
		return place{}, err
	}
	path, err := r.Path(m.ResourceID)
	if err != nil {
		return place{}, err
	}
	id := path.TargetID()
	if id == "" || id == pim.StintTarget {
		return place{}, pim.Invalid(MeaningField(n), "%s belongs to no target, so a role can mean nothing there. Choose a resource of a target.", path.Leaf().Name)
	}
	t, err := r.Target(id)
	return place{pim.Meaning{RoleID: roleID, ResourceID: m.ResourceID, Name: m.Name, Relation: m.Relation}, id, t.Name, t.Kind}, err
}
