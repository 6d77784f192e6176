package web

import (
	"stint/internal/pim"
	"stint/internal/store"
)

// accountBook knows, for one person, which accounts each role needs, without a query a role.
type accountBook struct {
	*catalogue
	accounts map[string]pim.Account // by target
}

func loadAccountBook(r *store.Reader, personID string) (accountBook, error) {
	c, err := loadCatalogue(r)
	if err != nil {
		return accountBook{}, err
	}
	return c.bookOf(r, personID)
}

// bookOf opens the catalogue at one person's accounts.
func (c *catalogue) bookOf(r *store.Reader, personID string) (accountBook, error) {
	b := accountBook{catalogue: c, accounts: map[string]pim.Account{}}
	accounts, err := r.AccountsOf(personID)
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
