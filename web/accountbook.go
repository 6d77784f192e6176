package web

import (
	"stint/internal/pim"
	"stint/internal/store"
)

// accountBook knows, for one person, which accounts each role needs, without a query a role.
type accountBook struct {
	meanings map[string][]pim.Meaning // by role
	paths    map[string]pim.Path      // of the meanings' resources
	targets  map[string]string        // names
	accounts map[string]pim.Account   // by target
}

func loadAccountBook(r *store.Reader, personID string) (b accountBook, err error) {
	meanings, err := r.Meanings()
	if err != nil {
		return b, err
	}
	b.meanings = map[string][]pim.Meaning{}
	var resources []string
	for _, m := range meanings {
		b.meanings[m.RoleID] = append(b.meanings[m.RoleID], m)
		resources = append(resources, m.ResourceID)
	}
	if b.paths, err = r.Paths(resources); err != nil {
		return b, err
	}
	targets, err := r.Targets()
	if err != nil {
		return b, err
	}
	b.targets = map[string]string{}
	for _, t := range targets {
		b.targets[t.ID] = t.Name
	}
	accounts, err := r.AccountsOf(personID)
	b.accounts = map[string]pim.Account{}
	for _, a := range accounts {
		b.accounts[a.TargetID] = a
	}
	return b, err
}

// needs lists the targets a role reaches from a resource downward, with the person's account at each.
func (b accountBook) needs(roleID, resourceID string) []pim.AccountNeed {
	var out []pim.AccountNeed
	seen := map[string]bool{}
	for _, m := range b.meanings[roleID] {
		path := b.paths[m.ResourceID]
		target := path.TargetID()
		if target == "" || seen[target] || !path.Contains(resourceID) {
			continue
		}
		seen[target] = true
		need := pim.AccountNeed{TargetID: target, TargetName: b.targets[target]}
		if a, ok := b.accounts[target]; ok {
			need.Account = &a
		}
		out = append(out, need)
	}
	return out
}
