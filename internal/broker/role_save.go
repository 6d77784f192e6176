package broker

import (
	"cmp"
	"fmt"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

func (op *saveRole) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	if err := administers(tx.Reader, who, ""); err != nil {
		return prepared{}, err
	}
	c, err := op.change(tx.Reader)
	if err != nil {
		return prepared{}, err
	}
	if !op.Twice {
		if err := op.refuseTwice(tx.Reader, c); err != nil {
			return prepared{}, err
		}
	}
	own, err := op.ownRights(tx.Reader, who, c)
	if err != nil {
		return prepared{}, err
	}
	says, err := op.says(tx.Reader, c)
	if len(own) > 0 {
		says = append(says, "You hold this role yourself, or may activate it: every administrator is told")
	}
	return prepared{item: pim.StepUpItem{Action: pim.ActionSaveRole, Object: op.RoleID, Version: op.Version}, touch: c.touch(op), says: says}, err
}

// ownRights lists the new meanings by which whoever adds them gets more at a target themselves. For a privileged role
// that is refused where another administrator could do it, as giving it to oneself is (T10, T21).
func (op *saveRole) ownRights(r *store.Reader, who pim.Principal, c roleChange) (own []pim.Meaning, err error) {
	if op.Fresh || len(c.come) == 0 {
		return nil, nil
	}
	mine, err := ownAssignments(r, who)
	if err != nil {
		return nil, err
	}
	for _, m := range op.Means {
		p, isNew := c.come[m]
		if !isNew {
			continue
		}
		path, err := r.Path(m.ResourceID)
		if err != nil {
			return nil, err
		}
		at := path.Ancestors(nil)
		if slices.ContainsFunc(mine, func(a pim.Assignment) bool { return a.RoleID == op.RoleID && slices.Contains(at, a.ResourceID) }) {
			own = append(own, p.Meaning)
		}
	}
	if len(own) == 0 || !op.Privileged && !c.old.Privileged {
		return own, nil
	}
	others, err := anotherCanHelp(r, who)
	if err == nil && others {
		err = pim.Refuse(pim.KindForbidden, "You hold this privileged role yourself, or may activate it, so what it means more would be yours. Another administrator has to add it.")
	}
	return own, err
}

// loudly locks whoever gave themselves rights by what a role means out of it, and tells the administrators.
func (op *saveRole) loudly(tx *store.Tx, who pim.Principal, d pim.RoleDefinition, own []pim.Meaning, evidence string) error {
	if len(own) == 0 {
		return nil
	}
	e, err := lockOutEditor(tx, roleEvent(pim.EvSettingsLoosened, who.ID, d, evidence).With("fields", []string{"means"}), who)
	if err != nil {
		return err
	}
	tx.Emit(e)
	var names []string
	for _, m := range own {
		names = append(names, m.Called())
	}
	return tellAdministrators(tx, who, who.Name+" made the role "+d.Name+", which they have themselves, mean more: "+listed(names)+".", "/roles/"+d.ID)
}

// says is what a touch confirms.
func (op *saveRole) says(r *store.Reader, c roleChange) (says []string, err error) {
	say := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	switch {
	case op.Fresh:
		say("A new role, “%s”", op.Name)
	case c.old.Name != op.Name:
		say("The role “%s” is called “%s”", c.old.Name, op.Name)
	default:
		say("The role “%s”", op.Name)
	}
	if op.Description != c.old.Description {
		say("It is described as: %s", cmp.Or(op.Description, "nothing"))
	}
	switch {
	case c.loosens(op):
		say("It is no longer privileged: activating it may do without a passkey, and its accounts need no confirmation")
	case op.Privileged && !c.old.Privileged:
		say("It is privileged: a passkey is always asked for, and accounts are confirmed")
	}
	for _, m := range op.Means {
		if p, isNew := c.come[m]; isNew {
			path, err := r.Path(m.ResourceID)
			if err != nil {
				return nil, err
			}
			say("It means “%s” at %s, on %s", p.Called(), p.targetName, pathText(path))
			if m.Relation == pim.Owner {
				say("Whoever holds it decides at the target who is a member, beside Stint")
			}
		}
	}
	for _, m := range c.leave {
		path, err := r.Path(m.ResourceID)
		if err != nil {
			return nil, err
		}
		say("It no longer means “%s” on %s", m.Called(), pathText(path))
	}
	return says, nil
}

func (op *saveRole) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/roles/" + op.RoleID}
	c, err := op.change(tx.Reader)
	if err != nil || !c.any(op) {
		out.Done = "Nothing was changed."
		return out, err
	}
	d := pim.RoleDefinition{ID: op.RoleID, Key: c.old.Key, Name: op.Name, Description: op.Description, Privileged: op.Privileged, Source: c.old.Source, Version: op.Version}
	e := roleEvent(pim.EvRoleSaved, who.ID, d, evidence).WithText("name", d.Name).WithText("description", d.Description)
	if op.Fresh {
		d.Source, out.Done = pim.SourceBrowser, "Role made."
		tx.Emit(e.With("source", string(d.Source)))
		err = tx.InsertRole(d)
	} else {
		out.Done = "Role saved."
		if c.renamed(op) {
			tx.Emit(e.With("source", string(d.Source)).With("was_privileged", c.old.Privileged))
			err = moved(tx.UpdateRole(d))
		}
	}
	if err != nil {
		return out, err
	}
	own, err := op.ownRights(tx.Reader, who, c)
	if err != nil {
		return out, err
	}
	if err := op.mean(tx, who, d, c, evidence); err != nil {
		return out, err
	}
	if err := op.loudly(tx, who, d, own, evidence); err != nil {
		return out, err
	}
	if c.loosens(op) {
		e, err := lockOutEditor(tx, roleEvent(pim.EvSettingsLoosened, who.ID, d, evidence).With("fields", []string{"privileged"}), who)
		if err != nil {
			return out, err
		}
		tx.Emit(e)
		if err := tellAdministrators(tx, who, who.Name+" made the role "+d.Name+" unprivileged: activating it may do without a passkey now.", "/roles/"+d.ID); err != nil {
			return out, err
		}
	}
	if len(c.come)+len(c.leave) == 0 || op.Fresh {
		return out, nil
	}
	return out, b.followMeanings(tx, op.RoleID)
}

// mean adds and takes away what the role means. The target's ids are found by the resolver.
func (op *saveRole) mean(tx *store.Tx, who pim.Principal, d pim.RoleDefinition, c roleChange, evidence string) error {
	for _, m := range c.leave {
		e := relating(roleEvent(pim.EvMeaningRemoved, who.ID, d, evidence), m.Relation).With("entitlement", m.EntitlementID).WithText("name", m.Name)
		e.ResourceID = m.ResourceID
		tx.Emit(e)
		if err := tx.RemoveMeaning(m); err != nil {
			return moved(err)
		}
	}
	for _, m := range op.Means {
		p, isNew := c.come[m]
		if !isNew {
			continue
		}
		e := relating(roleEvent(pim.EvMeaningSaved, who.ID, d, evidence), m.Relation).WithText("name", m.Name)
		e.ResourceID, e.TargetID = m.ResourceID, p.targetID
		tx.Emit(e)
		if err := tx.SaveMeaning(p.Meaning); err != nil {
			return err
		}
	}
	return nil
}

// relating says that a meaning is about owners.
func relating(e pim.Event, relation pim.Relation) pim.Event {
	if relation == pim.Member {
		return e
	}
	return e.With("relation", string(relation))
}

// roleEvent is a change of a role definition by somebody.
func roleEvent(t pim.EventType, actor string, d pim.RoleDefinition, evidence string) pim.Event {
	e := pim.Event{Type: t, Actor: actor, RoleID: d.ID, ObjectID: d.ID, Result: pim.OK, Facts: map[string]any{"privileged": d.Privileged}, Texts: map[string]string{}}
	if d.Key != "" {
		e = e.With("key", d.Key)
	}
	if evidence != "" {
		e = e.With("evidence", evidence)
	}
	return e
}

// followMeanings lets what holds the role follow what it means now: narrower activations whose resource it no longer
// reaches, activations that wait for the target, and active assignments of the role.
func (b *Broker) followMeanings(tx *store.Tx, roleID string) error {
	if err := b.recheckNarrower(tx); err != nil {
		return err
	}
	active, err := tx.ActiveAssignments()
	if err != nil {
		return err
	}
	for _, asg := range active {
		if asg.RoleID != roleID {
			continue
		}
		if err := syncAssignment(tx, asg); err != nil {
			return err
		}
	}
	return nil
}

// tellAdministrators makes a change loud: every other administrator reads of it.
func tellAdministrators(tx *store.Tx, who pim.Principal, text, link string) error {
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, text, link, slices.DeleteFunc(people, func(id string) bool { return id == who.ID })...)
}
