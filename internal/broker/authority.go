package broker

import (
	"stint/internal/pim"
	"stint/internal/store"
)

// administers refuses whoever may not administer what lies at a resource right now. The empty
// resource is Stint as a whole: people, groups, targets and role definitions.
func administers(r *store.Reader, who pim.Principal, resourceID string) error {
	powers, err := Powers(r, who.ID)
	if err == nil && !powers.Administrator {
		err = pim.NotFound()
	}
	return err
}

// handsOut refuses whoever may not give or take a role at a resource right now (K-33).
func handsOut(r *store.Reader, who pim.Principal, roleID, resourceID string) error {
	return administers(r, who, resourceID)
}
