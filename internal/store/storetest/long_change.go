package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"stint/internal/pim"
	"stint/internal/store"
)

// From the decision to retire a resource on, nothing at it or below it stands, though what is below is removed later;
// and what is left to do is found in pieces.
func longChanges(t *testing.T, s *store.Store) {
	assign := func(tx *store.Tx, id, role, at string, kind pim.AssignmentKind) error {
		return tx.InsertAssignment(pim.Assignment{ID: id, PrincipalID: "p", RoleID: role, ResourceID: at, Kind: kind, StartsAt: tx.Now, Source: pim.SourceFile})
	}
	do(t, s, func(tx *store.Tx) error {
		errs := []error{tx.InsertPrincipal(pim.Principal{ID: "p", Kind: pim.Person, Name: "P", PersonID: "p", Enabled: true, Source: pim.SourceFile})}
		for _, id := range []string{"r", "q"} {
			errs = append(errs, tx.InsertRole(pim.RoleDefinition{ID: id, Name: id, Source: pim.SourceFile}))
		}
		for _, n := range [][2]string{{"top", ""}, {"mid", "top"}, {"leaf", "mid"}, {"beside", "top"}} {
			errs = append(errs, tx.InsertResource(resource(n[0], n[1])))
		}
		return errors.Join(append(errs, tx.SaveMeaning(pim.Meaning{RoleID: "r", ResourceID: "leaf", Name: "m"}), tx.SaveMeaning(pim.Meaning{RoleID: "q", ResourceID: "leaf", Name: "n"}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "r", ResourceID: "mid", Source: pim.SourceFile}),
			assign(tx, "a1", "r", "mid", pim.Eligible), assign(tx, "a2", "r", "leaf", pim.Active), assign(tx, "a3", "r", "top", pim.Active), assign(tx, "a4", "q", "beside", pim.Eligible))...)
	})
	read := func(fn func(*store.Reader) ([]string, error)) string {
		t.Helper()
		list := get(t, s, fn)
		slices.Sort(list)
		return strings.ReplaceAll(strings.Join(list, " "), "\n", "/")
	}
	rows := func(list []pim.Resource, err error) (out []string, _ error) {
		for _, n := range list {
			out = append(out, n.ID)
		}
		return out, err
	}
	if u := get(t, s, func(r *store.Reader) (store.Under, error) { return r.CountUnder("mid") }); u != (store.Under{Resources: 2, Assignments: 2, Meanings: 2, Settings: 1}) || u.All() != 7 {
		t.Errorf("below mid: %+v", u)
	}
	for limit, want := range map[int]bool{1: true, 6: true, 7: false} {
		if got := get(t, s, func(r *store.Reader) (bool, error) { return r.MuchUnder("mid", limit) }); got != want {
			t.Errorf("more than %d below mid: %v", limit, got)
		}
	}
	change := pim.LongChange{ID: "c", Kind: pim.LongRetire, ResourceID: "mid", Lose: []string{"top"}, By: "p", About: 7}
	do(t, s, func(tx *store.Tx) error { return errors.Join(tx.InsertLongChange(change), tx.RemoveResource("mid")) })
	for id, stands := range map[string]bool{"top": true, "mid": false, "leaf": false, "beside": true} {
		_, err := store.Read(context.Background(), s, func(r *store.Reader) (pim.Resource, error) { return r.Resource(id) })
		if stands != (err == nil) || err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	for what, c := range map[string]struct {
		want string
		read func(*store.Reader) ([]string, error)
	}{
		"all resources": {"beside top", func(r *store.Reader) ([]string, error) { return rows(r.Resources()) }},
		"a search": {"", func(r *store.Reader) ([]string, error) {
			return rows(r.FindResources(store.ResourcePage{Query: "leaf", Limit: 9}))
		}},
		"left: resources":   {"leaf", func(r *store.Reader) ([]string, error) { return r.LowestUnder("mid", 9) }},
		"left: assignments": {"a1 a2", func(r *store.Reader) ([]string, error) { return r.AssignedUnder("mid", 9) }},
		"left: settings":    {"r/mid", func(r *store.Reader) ([]string, error) { return r.RulesUnder("mid", 9) }},
		"left: needs":       {"", func(r *store.Reader) ([]string, error) { return r.NeedsUnder("mid", 9) }},
		"left: needs above": {"", func(r *store.Reader) ([]string, error) { return r.NeedsAbove([]string{"r"}, []string{"top"}, "", 9) }},
		"left: open":        {"", func(r *store.Reader) ([]string, error) { return r.OpenUnder("mid", "", 9) }},
		"left: held above": {"", func(r *store.Reader) ([]string, error) {
			return r.HeldThroughAbove([]string{"r"}, []string{"top"}, "", 9)
		}},
		"left: narrower":     {"", func(r *store.Reader) ([]string, error) { return r.NarrowerAfter("", 9) }},
		"left: provisioning": {"", func(r *store.Reader) ([]string, error) { return r.ProvisioningAfter("", 9) }},
	} {
		if got := read(c.read); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	for what, c := range map[string]struct {
		want string
		read func(*store.Reader) ([]pim.Assignment, error)
	}{
		"one of each role": {"a3 a4", func(r *store.Reader) ([]pim.Assignment, error) {
			return r.AssignmentsOfEach([]string{"r", "q"}, []string{"top", "beside"})
		}},
		"active above": {"a3", func(r *store.Reader) ([]pim.Assignment, error) {
			return r.ActiveAbove([]string{"r", "q"}, []string{"top", "beside"}, "a1", 9)
		}},
		"of workloads": {"", func(r *store.Reader) ([]pim.Assignment, error) {
			return r.WorkloadsAmong([]string{"r"}, []string{"top"}, 9)
		}},
	} {
		var ids []string
		for _, a := range get(t, s, c.read) {
			ids = append(ids, a.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	if n := get(t, s, func(r *store.Reader) (int64, error) { return r.CountAmong([]string{"r"}, []string{"top", "mid"}) }); n != 2 {
		t.Errorf("%d among, want 2", n)
	}
	open := get(t, s, func(r *store.Reader) (pim.LongChange, error) { return r.LongChange("c") })
	open.Phase, open.After, open.Done, open.Counts["assignments"] = 2, "a1", 3, 3
	do(t, s, func(tx *store.Tx) error { return tx.SaveLongChange(open) })
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.SaveLongChange(open) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("saved as it was read long ago: %v", err)
	}
	saved := get(t, s, func(r *store.Reader) (pim.LongChange, error) { return r.LongChange("c") })
	if saved.Phase != 2 || saved.After != "a1" || saved.Done != 3 || saved.Counts["assignments"] != 3 || saved.Lose[0] != "top" || saved.ShownDone() != 3 {
		t.Errorf("%+v", saved)
	}
	do(t, s, func(tx *store.Tx) error { saved.FinishedAt = tx.Now; return tx.SaveLongChange(saved) })
	if list := get(t, s, func(r *store.Reader) ([]pim.LongChange, error) { return r.LongChanges() }); len(list) != 0 {
		t.Errorf("being carried out: %+v", list)
	}
}
