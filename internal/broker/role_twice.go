package broker

import (
	"fmt"
	"strings"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// pathText is a scope as sentences name it, root first (K-10).
func pathText(p pim.Path) string { return strings.Join(p.Names(), " › ") }

// SameMeaning is another role that means the same at the same target.
type SameMeaning struct {
	Role    pim.RoleDefinition
	Meaning pim.Meaning // the other role's
	Of      pim.Meaning // this role's
}

// SameMeanings lists which roles mean, at the same target, what one role means: by the target's immutable id, or by name
// while that is not found yet. Two roles on one entitlement are allowed and share it; people should know.
func SameMeanings(r *store.Reader, meanings []pim.Meaning) (out []SameMeaning, err error) {
	for _, m := range meanings {
		path, err := r.Path(m.ResourceID)
		if err != nil {
			return nil, err
		}
		others, err := r.MeaningsLike(m)
		if err != nil {
			return nil, err
		}
		targets, err := targetsOf(r, others)
		if err != nil {
			return nil, err
		}
		for _, o := range others {
			if target := targets[o.ResourceID]; target == "" || target != path.TargetID() {
				continue
			}
			role, err := r.Role(o.RoleID)
			if err != nil {
				return nil, err
			}
			out = append(out, SameMeaning{role, o, m})
		}
	}
	return out, nil
}

// refuseTwice notices another role of the same name, and others that mean the same; who wants it says so.
func (op *saveRole) refuseTwice(r *store.Reader, c roleChange) error {
	if op.Name != c.old.Name {
		roles, err := r.Roles()
		if err != nil {
			return err
		}
		for _, d := range roles {
			if d.ID != op.RoleID && orgfile.LookAlike(d.Name, op.Name) {
				return pim.Invalid(fieldTwice, "There is a role called “%s” already. Choose another name, or say that you want both.", d.Name)
			}
		}
	}
	var added []pim.Meaning
	for _, m := range op.Means {
		if p, isNew := c.come[m]; isNew {
			added = append(added, p.Meaning)
		}
	}
	same, err := SameMeanings(r, added)
	if err != nil || len(same) == 0 {
		return err
	}
	more := ""
	if len(same) > 1 {
		more = fmt.Sprintf(" (and %d more like it)", len(same)-1)
	}
	return pim.Invalid(fieldTwice, "The role “%s” means “%s” at the same target already%s: whoever holds one of them holds what both give. Say that you want both.",
		same[0].Role.Name, same[0].Meaning.Called(), more)
}
