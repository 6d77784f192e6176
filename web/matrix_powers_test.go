package web_test

import (
	"maps"
	"strconv"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// Rows of emergency access and of what owners hand out.
func init() {
	maps.Copy(matrix, map[string]rights{
		"GET /sign-in/emergency":                {want: open(200)},
		"POST /sign-in/emergency":               {want: open(403)}, // no answer
		"GET /break-glass":                      {want: only(cells{200}, "auditor", "administrator")},
		"POST /break-glass/accounts":            {form: []string{"person", "victim"}, want: only(cells{303}, "administrator")},
		"POST /break-glass/accounts/:id/unmark": {thing: "breakglass", want: only(cells{303, 303, 404}, "administrator")},
		"POST /break-glass/uses/:id/review":     {thing: "use", form: []string{"words", why}, want: only(cells{403, 303, 404}, "administrator")}, // nobody reviews their own
		"GET /resources/:id/owners":             {thing: "resource", want: only(cells{200, 200, 404}, "administrator")},
		"POST /resources/:id/owners":            {thing: "resource", form: []string{"version", "0", "list", "own"}, want: only(cells{303, 303, 404}, "administrator")},
	})
	things["breakglass"] = func(s *stage, p *stinttest.Person) []string {
		s.Do(func(tx *store.Tx) error {
			if _, err := tx.BreakGlassOf(p.ID); err == nil {
				return nil
			}
			return tx.MarkBreakGlass(p.ID, pim.System)
		})
		return []string{p.ID}
	}
	things["use"] = func(s *stage, p *stinttest.Person) []string {
		s.made++
		id := "use-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			return tx.InsertUse(pim.BreakGlassUse{ID: id, PrincipalID: p.ID, UsedAt: tx.Now})
		})
		return []string{id}
	}
}
