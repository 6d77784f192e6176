package broker

import (
	"stint/internal/pim"
	"stint/internal/store"
)

// considered is everything an activation rests on, read in one snapshot.
type considered struct {
	pim.ActivationFacts
	people []pim.Principal // who could approve, where that is asked for
	reach  reach
}

// activationFacts loads what the decision rests on; what is not the person's is not found.
func (b *Broker) activationFacts(r *store.Reader, actor Actor, req pim.ActivationRequest) (f considered, err error) {
	f.Now = r.Now
	if f.Person, err = person(r, actor); err != nil {
		return f, err
	}
	if f.Assignment, err = r.Assignment(req.AssignmentID); err != nil {
		return f, found(err)
	}
	if f.Belongs, err = r.Within(f.Person.ID, f.Assignment.PrincipalID); err != nil {
		return f, err
	}
	if !f.Belongs {
		return f, pim.NotFound()
	}
	if req.ResourceID == "" {
		req.ResourceID = f.Assignment.ResourceID
	}
	err = b.weigh(r, &f, req.ResourceID)
	return f, found(err)
}

// resource is the one the role is to be held on.
func (f considered) resource() string { return f.Path.Leaf().ID }

// weigh loads what holding the assignment's role on a resource rests on.
func (b *Broker) weigh(r *store.Reader, f *considered, resourceID string) (err error) {
	if err = live(r, f.Assignment, resourceID); err != nil {
		return err
	}
	if f.Role, f.Path, f.Effective, err = effective(r, f.Assignment.RoleID, resourceID); err != nil {
		return err
	}
	if f.Beside, err = r.OpenActivations(f.Person.PersonID, f.Role.ID, resourceID); err != nil {
		return err
	}
	if f.reach, err = reachOf(r, f.Person.ID, f.Role.ID, resourceID); err != nil {
		return err
	}
	if f.Means, err = means(r, f.reach, f.Assignment, resourceID); err != nil {
		return err
	}
	f.Accounts = f.reach.accounts
	if f.Role.Source != pim.SourceBuiltin { // Stint's own roles must stay reachable: they mend what is paused
		f.Paused = b.Paused()
	}
	if f.Passkeys, f.NewKeys, err = newKeys(r, f.Person, f.Role); err != nil {
		return err
	}
	if f.Attested, err = attestedKeys(r, f.Person.ID, f.Effective.StepUp); err != nil {
		return err
	}
	if f.LockedUntil, err = lockedUntil(r, f.Role, f.Path, f.Person.ID); err != nil {
		return err
	}
	if f.Effective.Approval {
		f.people, err = approversFor(r, f.Effective.Approvers, f.Person)
	}
	f.Approvers = len(f.people)
	return err
}

// effective resolves a role's settings at a resource.
func effective(r *store.Reader, roleID, resourceID string) (pim.RoleDefinition, pim.Path, pim.Effective, error) {
	d, err := store.Remembered(r, defined{roleID, resourceID}, func() (d definition, err error) { return loadDefinition(r, roleID, resourceID) })
	return d.role, d.path, d.effective, err
}

type defined struct{ roleID, resourceID string }

// definition is a role at a resource with its settings there.
type definition struct {
	role      pim.RoleDefinition
	path      pim.Path
	effective pim.Effective
}

func loadDefinition(r *store.Reader, roleID, resourceID string) (d definition, err error) {
	if d.role, err = r.Role(roleID); err != nil {
		return d, err
	}
	if d.path, err = r.Path(resourceID); err != nil {
		return d, err
	}
	rows, err := r.SettingsOn(roleID, d.path)
	d.effective = pim.ResolveSettings(d.role, d.path, rows)
	return d, err
}
