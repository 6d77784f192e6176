package broker

import (
	"cmp"
	"context"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// BrowseShown is the most entries one look at a target shows.
const BrowseShown = 100

// Found is something that can be held at a target.
type Found struct {
	ID      string // the target's immutable id
	Name    string
	Detail  string
	Refused string   // why Stint would not grant it, from the target's own list
	Means   []string // what being a member is here already: "Member of ops on Directory"

	Owners   string   // the id of owning it; empty where NoOwners says why it has none
	NoOwners string   //
	Owned    []string // what owning it is here already
}

// Browsed is what a look at a target found.
type Browsed struct {
	Entries []Found
	More    bool   // there are others: narrow the search
	Failed  string // why it could not be looked at
}

// BrowseTarget lists what can be held at a target, by a part of its name, with what is brought in already.
func (b *Broker) BrowseTarget(ctx context.Context, actor Actor, targetID, query string) (Browsed, error) {
	row, err := store.Read(ctx, b.store, func(r *store.Reader) (store.TargetRow, error) { return browsable(r, actor, targetID) })
	if err != nil {
		return Browsed{}, err
	}
	var out Browsed
	conn, err := b.connect(ctx, targetID)
	if err != nil {
		return Browsed{Failed: err.Error()}, nil
	}
	looking, stop := context.WithTimeout(ctx, testWithin)
	defer stop()
	plain := TargetForm{Settings: row.Settings, MayWrite: row.MayWrite}.plain()
	for e, err := range conn.Browse(looking, query) {
		if err != nil {
			out.Failed = err.Error()
			break
		}
		if e.Kind != connector.GroupEntry {
			continue
		}
		if len(out.Entries) == BrowseShown-1 { // a target stops at that many itself
			out.More = true
		}
		if len(out.Entries) == BrowseShown {
			break
		}
		f := Found{ID: e.ID, Name: e.Name, Detail: e.Detail, NoOwners: e.NoOwners}
		if e.NoOwners == "" {
			f.Owners = string(connector.OwnersOf(connector.EntitlementID(e.ID)))
		}
		if err := connector.Allowed(row.Kind, plain, e); err != nil {
			f.Refused = err.Error()
		}
		out.Entries = append(out.Entries, f)
	}
	return store.Read(ctx, b.store, func(r *store.Reader) (Browsed, error) { return out, known(r, targetID, out.Entries) })
}

// browsable loads a target that somebody may look into.
func browsable(r *store.Reader, actor Actor, targetID string) (store.TargetRow, error) {
	who, err := person(r, actor)
	if err != nil {
		return store.TargetRow{}, err
	}
	if err := administers(r, who, ""); err != nil {
		return store.TargetRow{}, err
	}
	row, err := r.Target(targetID)
	if err == nil && row.ID == pim.StintTarget {
		err = pim.Refuse(pim.KindForbidden, "Stint itself is no system to look into.")
	}
	return row, found(err)
}

// known marks what roles mean already at this target.
func known(r *store.Reader, targetID string, entries []Found) error {
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.ID, e.Owners)
	}
	if len(ids) == 0 {
		return nil
	}
	words, _, err := meansAt(r, targetID, ids)
	for i, e := range entries {
		entries[i].Means, entries[i].Owned = words[e.ID], words[e.Owners]
	}
	return err
}

// meansAt says what entitlements of a target mean already: role on resource, and the first such resource, by the target's
// id.
func meansAt(r *store.Reader, targetID string, ids []string) (words map[string][]string, where map[string]string, err error) {
	meanings, err := r.MeaningsOf(ids)
	if err != nil || len(meanings) == 0 {
		return nil, nil, err
	}
	targets, err := targetsOf(r, meanings)
	if err != nil {
		return nil, nil, err
	}
	var roles, resources []string
	for _, m := range meanings {
		roles, resources = append(roles, m.RoleID), append(resources, m.ResourceID)
	}
	called, err := r.RoleNames(roles)
	if err != nil {
		return nil, nil, err
	}
	paths, err := r.Paths(resources)
	words, where = map[string][]string{}, map[string]string{}
	for _, m := range meanings {
		if targets[m.ResourceID] == targetID {
			words[m.EntitlementID] = append(words[m.EntitlementID], called[m.RoleID]+" on "+paths[m.ResourceID].Leaf().Name)
			where[m.EntitlementID] = cmp.Or(where[m.EntitlementID], m.ResourceID)
		}
	}
	return words, where, err
}
