package broker

import (
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
}

// placesOf returns what a role at a resource means there and on everything below.
func placesOf(r *store.Reader, roleID, resourceID string) ([]place, error) {
	type key struct{ roleID, resourceID string }
	return store.Remembered(r, key{roleID, resourceID}, func() ([]place, error) { return loadPlaces(r, roleID, resourceID) })
}

func loadPlaces(r *store.Reader, roleID, resourceID string) ([]place, error) {
	meanings, err := r.MeaningsBelow(roleID, resourceID)
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(r, meanings)
	if err != nil {
		return nil, err
	}
	names, out := map[string]string{}, make([]place, len(meanings))
	for i, m := range meanings {
		id := targets[m.ResourceID]
		if _, known := names[id]; !known && id != "" {
			t, err := r.Target(id)
			if err != nil {
				return nil, err
			}
			names[id] = t.Name
		}
		out[i] = place{m, id, names[id]}
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
	asked := map[string]bool{"": true}
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
		out.facts = append(out.facts, fact{p.targetID, account.ExternalID, p.EntitlementID, account.Name, p.Name})
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
