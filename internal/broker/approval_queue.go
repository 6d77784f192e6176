package broker

import (
	"errors"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// QueueOf lists what waits for a person's decision, oldest first, a page at a time: however much waits for others.
func QueueOf(r *store.Reader, principalID string, after store.Keyset, limit int) ([]pim.Activation, error) {
	who, err := r.Principal(principalID)
	if err != nil {
		return nil, err
	}
	places, err := decidesAt(r, who.ID)
	var mine []pim.Activation
	for err == nil && len(mine) < limit {
		var page []store.Keyset
		if page, err = pendingAt(r, places, after, limit); len(page) == 0 {
			break
		}
		after = page[len(page)-1]
		for _, k := range page {
			a, ok, err := decidableBy(r, who, k.ID)
			if err != nil {
				return nil, err
			}
			if ok && len(mine) < limit {
				mine = append(mine, a)
			}
		}
	}
	return mine, err
}

// decidableBy loads a request and reports whether this person may decide it: their own are among them too.
func decidableBy(r *store.Reader, who pim.Principal, id string) (pim.Activation, bool, error) {
	a, err := r.Activation(id)
	if err != nil {
		return a, false, err
	}
	var refusal *pim.Refusal
	if err = MayDecide(r, who, a); errors.As(err, &refusal) {
		return a, false, nil
	}
	return a, err == nil, err
}

// CountQueue counts what waits for a person's decision, to at most a limit.
func CountQueue(r *store.Reader, principalID string, limit int) (int, error) {
	who, err := r.Principal(principalID)
	if err != nil {
		return 0, err
	}
	places, err := decidesAt(r, who.ID)
	if err != nil || len(places) == 0 {
		return 0, err
	}
	page, err := pendingAt(r, places, store.Keyset{}, limit)
	if err != nil {
		return 0, err
	}
	own, err := ownAmong(r, who, places)
	return max(0, len(page)-own), err
}

// ownAmong counts the requests of the person's own accounts that wait there: nobody decides them for themselves.
func ownAmong(r *store.Reader, who pim.Principal, places [][2]string) (n int, err error) {
	accounts, err := samePeople(r, who.ID)
	for id := range accounts {
		open, err := r.OpenActivationsBy(id)
		if err != nil {
			return n, err
		}
		for _, a := range open {
			if a.State == pim.PendingApproval && slices.Contains(places, [2]string{a.RoleID, a.ResourceID}) {
				n++
			}
		}
	}
	return n, err
}

// pendingAt merges what waits at several places, oldest first.
func pendingAt(r *store.Reader, places [][2]string, after store.Keyset, limit int) ([]store.Keyset, error) {
	var all []store.Keyset
	for _, p := range places {
		page, err := r.PendingAt(p, after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	slices.SortFunc(all, store.Keyset.Compare)
	return all[:min(limit, len(all))], nil
}

// decidesAt lists the roles and resources for which something waits and today's settings name this person.
func decidesAt(r *store.Reader, principalID string) ([][2]string, error) {
	places, err := r.PendingPlaces()
	if err != nil || len(places) == 0 {
		return nil, err
	}
	return namedAt(r, principalID, places)
}

// namedAt keeps the roles and resources whose settings name this person today.
func namedAt(r *store.Reader, principalID string, places [][2]string) ([][2]string, error) {
	mine, err := r.GroupsOf(principalID)
	if err != nil {
		return nil, err
	}
	var named [][2]string
	for _, p := range places {
		_, _, eff, err := effective(r, p[0], p[1])
		if errors.Is(err, store.ErrNotFound) {
			continue // the role is gone; the request will be, too
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(eff.Approvers, func(id string) bool { return slices.Contains(mine, id) }) {
			named = append(named, p)
		}
	}
	return named, nil
}
