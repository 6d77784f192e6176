package broker

import (
	"errors"

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

// reachOf loads the reach of a role at a resource for one person.
func reachOf(r *store.Reader, principalID, roleID, resourceID string) (reach, error) {
	out := reach{complete: true}
	meanings, err := r.MeaningsBelow(roleID, resourceID)
	if err != nil || len(meanings) == 0 {
		return out, err
	}
	targets, err := targetsOf(r, meanings)
	if err != nil {
		return out, err
	}
	accounts := map[string]*pim.Account{}
	for _, m := range meanings {
		target := targets[m.ResourceID]
		account, known := accounts[target]
		if !known && target != "" {
			if account, err = out.add(r, principalID, target); err != nil {
				return out, err
			}
			accounts[target] = account
		}
		if account == nil || account.ExternalID == "" || m.EntitlementID == "" {
			out.complete = false
			continue
		}
		out.facts = append(out.facts, fact{target, account.ExternalID, m.EntitlementID, account.Name, m.Name})
	}
	return out, nil
}

// add loads a target and the person's account there, nil when there is none.
func (out *reach) add(r *store.Reader, principalID, targetID string) (*pim.Account, error) {
	t, err := r.Target(targetID)
	if err != nil {
		return nil, err
	}
	need := pim.AccountNeed{TargetID: targetID, TargetName: t.Name}
	account, err := r.AccountAt(principalID, targetID)
	switch {
	case err == nil:
		need.Account = &account
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	out.accounts = append(out.accounts, need)
	return need.Account, nil
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
