package broker

import (
	"errors"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// administers refuses whoever may not administer what lies at a resource right now: an owner
// administers where they hold Resource Administrator and everything below. The empty resource is Stint as a
// whole: people, groups, targets, role definitions and Stint's own roles.
func administers(r *store.Reader, who pim.Principal, resourceID string) error {
	powers, err := Powers(r, who.ID)
	if err != nil {
		return err
	}
	return administersBy(r, powers, resourceID)
}

func administersBy(r *store.Reader, powers pim.Powers, resourceID string) error {
	if powers.Administrator {
		return nil
	}
	path, err := pathOf(r, resourceID)
	switch {
	case err != nil:
		return err
	case powers.Administers(path):
		return nil
	case powers.Reads(path): // 403 for what one may see but not do (invariant 9)
		return pim.Refuse(pim.KindForbidden, "You may read this, not change it: that takes Privileged Role Administrator, or Resource Administrator here.")
	}
	return pim.NotFound()
}

// handsOut refuses whoever may not give or take a role at a resource right now, or change its rules there (K-33),
// and every role that is not held there at all.
func handsOut(r *store.Reader, who pim.Principal, roleID, resourceID string) error {
	powers, err := Powers(r, who.ID)
	if err != nil {
		return err
	}
	return handsOutBy(r, powers, roleID, resourceID)
}

func handsOutBy(r *store.Reader, powers pim.Powers, roleID, resourceID string) error {
	if err := administersBy(r, powers, resourceID); err != nil {
		return err
	}
	if !pim.CanBeHeldAt(roleID, resourceID) {
		return pim.Invalid("resource", "Stint's own roles are held on Stint itself and no others are; Resource Administrator is held on any other resource.")
	}
	ok, err := mayHandOut(r, powers, roleID, resourceID)
	if err == nil && !ok {
		err = pim.Refuse(pim.KindForbidden, "Owners of this resource do not hand out this role. A Privileged Role Administrator does, or lets owners do it.")
	}
	return err
}

// endsOthers refuses whoever may not end somebody's activation or request: that takes administering where it is, and
// Stint as a whole for Stint's own roles.
func endsOthers(r *store.Reader, who pim.Principal, a pim.Activation) error {
	err := administers(r, who, a.ResourceID)
	if err != nil || !slices.Contains(pim.StintRoles, a.RoleID) {
		return err
	}
	powers, err := Powers(r, who.ID)
	if err == nil && !powers.Administrator {
		err = pim.Refuse(pim.KindForbidden, "Stint's own roles are ended by a Privileged Role Administrator.")
	}
	return err
}

// MayEnd reports whether a person may end somebody's activation or request: what a page asks before it offers that.
func MayEnd(r *store.Reader, p pim.Powers, a pim.Activation) (bool, error) {
	if slices.Contains(pim.StintRoles, a.RoleID) {
		return p.Administrator, nil
	}
	return MayAdminister(r, p, a.ResourceID)
}

// MayHandOut reports whether a person may give or take a role at a resource: what a page asks before it offers that.
func MayHandOut(r *store.Reader, principalID, roleID, resourceID string) (bool, error) {
	powers, err := Powers(r, principalID)
	if err != nil {
		return false, err
	}
	return mayHandOut(r, powers, roleID, resourceID)
}

func mayHandOut(r *store.Reader, powers pim.Powers, roleID, resourceID string) (bool, error) {
	if powers.Administrator {
		return pim.CanBeHeldAt(roleID, resourceID), nil
	}
	role, err := roleOf(r, roleID)
	if err != nil {
		return false, err
	}
	path, err := pathOf(r, resourceID)
	if err != nil {
		return false, err
	}
	lists, err := handOuts(r)
	return powers.HandsOut(role, path, lists), err
}

// ReadableBy is the part of the tree whose assignments, settings and requests a person may see right now.
func ReadableBy(p pim.Powers) store.Subtree { return store.Subtree{All: p.MayAudit(), Roots: p.Owns} }

// MayRead refuses, as if it did not exist, what lies at a resource that is none of a person's business.
func MayRead(r *store.Reader, p pim.Powers, resourceID string) error {
	path, err := pathOf(r, resourceID)
	if err == nil && !p.Reads(path) {
		err = pim.NotFound()
	}
	return err
}

// MayAdminister reports whether a page about a resource offers its administration.
func MayAdminister(r *store.Reader, p pim.Powers, resourceID string) (bool, error) {
	path, err := pathOf(r, resourceID)
	var refusal *pim.Refusal
	if p.Administrator || errors.As(err, &refusal) {
		return p.Administrator, nil
	}
	return err == nil && p.Administers(path), err
}

// MayBecomeAdministrator reports whether a person is an administrator or may become one.
func MayBecomeAdministrator(r *store.Reader, principalID string) (bool, error) {
	people, err := administrators(r)
	return slices.Contains(people, principalID), err
}

type pathKey string

// pathOf returns a resource that was not removed, with its ancestors; the empty one is Stint as a whole.
func pathOf(r *store.Reader, resourceID string) (pim.Path, error) {
	if resourceID == "" {
		return nil, nil
	}
	return store.Remembered(r, pathKey(resourceID), func() (pim.Path, error) {
		if _, err := r.Resource(resourceID); err != nil {
			return nil, found(err)
		}
		path, err := r.Path(resourceID)
		if errors.Is(err, store.ErrNotFound) {
			err = pim.NotFound()
		}
		return path, err
	})
}

type roleKey string

// roleOf returns a role that was not removed.
func roleOf(r *store.Reader, roleID string) (pim.RoleDefinition, error) {
	return store.Remembered(r, roleKey(roleID), func() (pim.RoleDefinition, error) {
		role, err := r.Role(roleID)
		return role, found(err)
	})
}

type handOutKey struct{}

// handOuts returns which roles owners may hand out, by resource.
func handOuts(r *store.Reader) (map[string]pim.HandOut, error) {
	return store.Remembered(r, handOutKey{}, r.HandOuts)
}
