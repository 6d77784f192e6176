package broker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// saveHandOut says which roles the owners of a resource may hand out (K-33).
type saveHandOut struct {
	ResourceID string   `json:"resource"`
	Follow     bool     `json:"follow,omitempty"` // no list of its own: the nearest one above says
	Roles      []string `json:"roles,omitempty"`
	Version    int64    `json:"version,omitempty"`
}

func init() {
	operations[pim.ActionSaveHandOut] = func() operation { return new(saveHandOut) }
}

// SaveHandOut sets which roles the owners of a resource may hand out there and below; follow takes its list away.
// version is that of the list the form showed, 0 for none.
func (b *Broker) SaveHandOut(ctx context.Context, actor Actor, h pim.HandOut, follow bool) (Outcome, error) {
	roles := slices.Compact(slices.Sorted(slices.Values(h.Roles)))
	if follow {
		roles = nil
	}
	return b.operate(ctx, actor, "/resources/"+h.ResourceID, &saveHandOut{ResourceID: h.ResourceID, Follow: follow, Roles: roles, Version: h.Version})
}

func (op *saveHandOut) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	if err := administers(tx.Reader, who, ""); err != nil {
		return prepared{}, err
	}
	path, err := pathOf(tx.Reader, op.ResourceID)
	if err == nil && (len(path) == 0 || path.Contains(pim.StintResource)) { // nobody owns Stint
		err = pim.NotFound()
	}
	if err != nil {
		return prepared{}, err
	}
	lists, err := tx.HandOuts()
	if err != nil {
		return prepared{}, err
	}
	if have := lists[op.ResourceID]; have.Version != op.Version {
		return prepared{}, pim.Refuse(pim.KindConflict, "Somebody changed this list meanwhile. Look at it again.")
	} else if have.Version == 0 && op.Follow {
		return prepared{}, pim.Invalid("follow", "It follows the level above already.")
	}
	names, err := handOutNames(tx.Reader, op.Roles)
	if err != nil {
		return prepared{}, err
	}
	says := "Owners of " + path.Leaf().Name + " may hand out: " + names + "."
	if op.Follow {
		says = "Owners of " + path.Leaf().Name + " may hand out what the nearest level above lets them."
	}
	return prepared{item: pim.StepUpItem{Action: pim.ActionSaveHandOut, Object: op.ResourceID, ResourceID: op.ResourceID, Version: op.Version}, touch: true, says: []string{says}}, nil
}

// handOutNames says the roles of a list in words and refuses what owners never hand out.
func handOutNames(r *store.Reader, ids []string) (string, error) {
	names := []string{}
	for _, id := range ids {
		role, err := r.Role(id)
		if errors.Is(err, store.ErrNotFound) || err == nil && role.Source == pim.SourceBuiltin {
			return "", pim.Invalid("pick", "Choose roles of the list; Stint’s own cannot be handed out here.")
		}
		if err != nil {
			return "", err
		}
		names = append(names, role.Name)
	}
	if len(names) == 0 {
		return "nothing", nil
	}
	return strings.Join(names, ", "), nil
}

func (op *saveHandOut) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	h := pim.HandOut{ResourceID: op.ResourceID, Roles: append([]string{}, op.Roles...), Version: op.Version}
	event, change := pim.EvHandOutSaved, tx.SaveHandOut
	if op.Follow {
		event, change = pim.EvHandOutRemoved, tx.RemoveHandOut
	}
	if err := change(h); err != nil {
		return Outcome{}, moved(err)
	}
	e := pim.Event{Type: event, Actor: who.ID, ResourceID: op.ResourceID, ObjectID: op.ResourceID, Result: pim.OK, Facts: map[string]any{}, Texts: map[string]string{}}
	tx.Emit(e.With("roles", h.Roles).With("evidence", evidence))
	return Outcome{Back: "/resources/" + op.ResourceID, Done: "Saved what owners may hand out."}, nil
}

// Ownership is who owns a resource, and what owners of it may hand out.
type Ownership struct {
	Owners []pim.Assignment // of Resource Administrator in force, here and above
	List   pim.HandOut      // that holds here; without a version: none, so every role that is not privileged
}

// OwnershipOf returns it for the end of a path.
func OwnershipOf(r *store.Reader, path pim.Path) (o Ownership, err error) {
	standing, err := r.Standing(pim.RoleOwner)
	if err != nil {
		return o, err
	}
	for _, a := range standing {
		if path.Contains(a.ResourceID) {
			o.Owners = append(o.Owners, a)
		}
	}
	lists, err := handOuts(r)
	for _, node := range path { // the nearest comes last
		if l, ok := lists[node.ID]; ok {
			o.List = l
		}
	}
	return o, err
}
