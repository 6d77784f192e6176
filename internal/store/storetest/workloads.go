package storetest

import (
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// workloads: in pages with who answers for them; only enabled ones hold anything, and nobody acts as one (P-01).
func workloads(t *testing.T, s *store.Store) {
	world(t, s)
	bot := func(id, name, owner string) pim.Principal {
		return pim.Principal{ID: id, Kind: pim.Workload, Name: name, OwnerID: owner, Enabled: true, Source: pim.SourceBrowser}
	}
	do(t, s, func(tx *store.Tx) error {
		off := bot("off", "Old pipeline", "alice")
		off.Enabled = false
		for _, p := range []pim.Principal{bot("export", "Exporter", "dbas"), bot("backup", "Backup job", "alice"), off} {
			if err := tx.InsertPrincipal(p); err != nil {
				return err
			}
		}
		return tx.InsertAssignment(pim.Assignment{ID: "bots", PrincipalID: "export", RoleID: "dba", ResourceID: "prod", Kind: pim.Active, StartsAt: tx.Now, EndsAt: tx.Now.Add(time.Hour), Source: pim.SourceBrowser})
	})
	page := func(p store.PrincipalPage) []store.WorkloadRow {
		return get(t, s, func(r *store.Reader) ([]store.WorkloadRow, error) { rows, _, err := r.Workloads(p); return rows, err })
	}
	first := page(store.PrincipalPage{Limit: 2})
	if len(first) != 2 || first[0].ID != "backup" || first[0].Owner == "" || first[1].ID != "export" || first[1].Roles != 1 || first[0].Roles != 0 {
		t.Errorf("%+v", first)
	}
	if rest := page(store.PrincipalPage{Limit: 2, AfterID: "export", AfterName: "Exporter"}); len(rest) != 1 || rest[0].ID != "off" || rest[0].Enabled {
		t.Errorf("%+v", rest)
	}
	if hit := page(store.PrincipalPage{Limit: 5, Query: "port"}); len(hit) != 1 || hit[0].ID != "export" {
		t.Errorf("%+v", hit)
	}
	names := get(t, s, func(r *store.Reader) (map[string]string, error) { return r.WorkloadNames() })
	if len(names) != 3 || names["export"] != "Exporter" {
		t.Errorf("%v", names)
	}
	owned := func(ids ...string) (out []string) {
		for _, w := range get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.WorkloadsOwnedBy(ids) }) {
			out = append(out, w.ID)
		}
		return out
	}
	if got := owned("alice", "dbas"); !slices.Equal(got, []string{"backup", "export", "off"}) {
		t.Errorf("alice and the group answer for %v", got)
	}
	if got := owned(""); len(got) != 0 {
		t.Errorf("nobody answers for %v", got)
	}
	held := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.HoldersIn([]string{"export", "off", "alice"}) })
	if len(held) != 2 || held[0].ID != "alice" || held[1].ID != "export" {
		t.Errorf("held by %+v", held)
	}
	if acts := peopleIn(t, s, "export"); len(acts) != 0 {
		t.Errorf("somebody acts as a workload: %v", acts)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemovePrincipal("alice") })
	if got := owned("alice"); len(got) != 0 {
		t.Errorf("who is gone answers for %v", got)
	}
	w := get(t, s, func(r *store.Reader) (pim.Principal, error) { return r.Principal("backup") })
	if w.OwnerID != "" || w.Version != 2 {
		t.Errorf("%+v", w)
	}
}
