package storetest

import (
	"errors"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func carriedValues(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		for _, id := range []string{"a", "b"} {
			if err := tx.InsertPrincipal(person(id, id)); err != nil {
				return err
			}
		}
		g := pim.Principal{ID: "fed", Kind: pim.Group, Name: "Fed", MatchValue: "x", Enabled: true, Source: pim.SourceFile}
		if err := tx.InsertPrincipal(g); err != nil {
			return err
		}
		g.ID, g.Name, g.MatchValue = "other", "Other", ""
		if err := tx.InsertPrincipal(g); err != nil {
			return err
		}
		if err := tx.Carries("a", []string{"x", "old", "x"}); err != nil {
			return err
		}
		if err := tx.Carries("a", []string{"y y", "x"}); err != nil {
			return err
		}
		return tx.Carries("b", nil)
	})
	carried := func(ids ...string) store.Carried {
		return get(t, s, func(r *store.Reader) (store.Carried, error) { return r.CarriedBy(ids...) })
	}
	a := carried("a", "b", "absent")
	for value, want := range map[string]bool{"x": true, "y y": true, "y": false, "X": false, "old": true, "": false} {
		if a.Has(value) != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
	if len(carried("b")) != 0 || len(carried()) != 0 {
		t.Error("who showed none has some")
	}
	if fed := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.FedGroups() }); len(fed) != 1 || fed[0].ID != "fed" {
		t.Errorf("fed by the claim: %+v", fed)
	}
	do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.Carries("a", []string{"x"}), tx.Carries("a", []string{"x", "old"}))
	})
	shownAgain := get(t, s, func(r *store.Reader) (store.Carried, error) {
		r.Now = r.Now.Add(pim.CarriedFor + time.Minute)
		return r.CarriedBy("a")
	})
	for value, want := range map[string]bool{"x": true, "old": true, "y y": false} { // what the last sign-in shows is theirs however long ago
		if shownAgain.Has(value) != want {
			t.Errorf("a month later %q: %v", value, !want)
		}
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemovePrincipal("a") })
	if len(carried("a")) != 0 {
		t.Error("it outlives the person")
	}
}
