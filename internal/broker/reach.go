package broker

import (
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// fact is one thing to hold at a target, by the target's immutable ids, with the names people read.
type fact struct {
	targetID, accountID, entitlementID string
	accountName, entitlement           string
}

// reach is what holding a role at a resource comes down to for one person.
type reach struct {
	accounts []pim.AccountNeed // one for each target
	facts    []fact            // what was found at its target already
	complete bool              // nothing is missing from facts
}

// place is one thing that a role at a resource means at a target. Without a target it cannot be held yet.
type place struct {
	pim.Meaning
	targetID, targetName string
	targetKind           string
}

// entitlements are what a meaning comes to at its target, with what people read. Where nobody owns what they are no member
// of, an owner needs both, the membership first.
func (p place) entitlements() (ids, names []string) {
	about, owners := connector.EntitlementID(p.EntitlementID).Owned()
	if owners && connector.OwnersAreMembers(p.targetKind) {
		ids, names = append(ids, string(about)), append(names, p.Name)
	}
	return append(ids, p.EntitlementID), append(names, p.Called())
}

// meantIDs are the target's ids of everything that meanings may come to.
func meantIDs(meanings []pim.Meaning) (ids []string) {
	for _, m := range meanings {
		if m.EntitlementID == "" {
			continue
		}
		ids = append(ids, m.EntitlementID)
		if about, owners := connector.EntitlementID(m.EntitlementID).Owned(); owners {
			ids = append(ids, string(about))
		}
	}
	return ids
}

// placesOf returns what a role at a resource means there and on everything below.
func placesOf(r *store.Reader, roleID, resourceID string) ([]place, error) {
	type key struct{ roleID, resourceID string }
	return store.Remembered(r, key{roleID, resourceID}, func() ([]place, error) { return loadPlaces(r, roleID, resourceID) })
}

func loadPlaces(r *store.Reader, roleID, resourceID string) ([]place, error) {
	if leaves, err := r.Leaving(resourceID); err != nil || leaves { // what is being retired gives nothing from its decision on
		return nil, err
	}
	meanings, err := r.MeaningsBelow(roleID, resourceID)
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(r, meanings)
	if err != nil {
		return nil, err
	}
	known, out := map[string]store.TargetRow{}, make([]place, len(meanings))
	for i, m := range meanings {
		id := targets[m.ResourceID]
		if _, asked := known[id]; !asked && id != "" {
			if known[id], err = r.Target(id); err != nil {
				return nil, err
			}
		}
		out[i] = place{m, id, known[id].Name, known[id].Kind}
	}
	return out, nil
}

// reachOf loads the reach of a role at a resource for one person.
func reachOf(r *store.Reader, principalID, roleID, resourceID string) (reach, error) {
	out := reach{complete: true}
	places, err := placesOf(r, roleID, resourceID)
	if err != nil || len(places) == 0 {
		return out, err
	}
	accounts, err := r.AccountsOf(principalID)
	if err != nil {
		return out, err
	}
	at := make(map[string]*pim.Account, len(accounts))
	for i := range accounts {
		at[accounts[i].TargetID] = &accounts[i]
	}
	asked, has := map[string]bool{"": true}, map[[2]string]bool{}
	for _, p := range places {
		account := at[p.targetID]
		if !asked[p.targetID] {
			asked[p.targetID] = true
			out.accounts = append(out.accounts, pim.AccountNeed{TargetID: p.targetID, TargetName: p.targetName, Account: account})
		}
		if account == nil || account.ExternalID == "" || p.EntitlementID == "" {
			out.complete = false
			continue
		}
		ids, names := p.entitlements()
		for i, id := range ids {
			if key := [2]string{p.targetID, id}; !has[key] { // two meanings may come to one thing
				has[key] = true
				out.facts = append(out.facts, fact{p.targetID, account.ExternalID, id, account.Name, names[i]})
			}
		}
	}
	return out, nil
}

// targetsOf returns the target of each meaning's resource.
func targetsOf(r *store.Reader, meanings []pim.Meaning) (map[string]string, error) {
	ids := make([]string, 0, len(meanings))
	for _, m := range meanings {
		ids = append(ids, m.ResourceID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	paths, err := r.Paths(ids)
	out := make(map[string]string, len(paths))
	for id, p := range paths {
		out[id] = p.TargetID()
	}
	return out, err
}
