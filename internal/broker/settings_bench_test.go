package broker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/database"
	"stint/internal/store"
)

// benchTree is a role with settings everywhere and on each of eight nodes, one below the other, beside 200 that have
// settings too.
func benchTree(tb testing.TB) (s *store.Store, leaf string) {
	tb.Helper()
	s, err := store.Open(tb.Context(), database.Options(tb, tb.TempDir()+"/stint.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	hour, yes := time.Hour, true
	err = store.Do(tb.Context(), s, func(tx *store.Tx) error {
		errs := []error{tx.InsertRole(pim.RoleDefinition{ID: "dba", Name: "DBA", Privileged: true, Source: pim.SourceFile})}
		node := func(id, parent string) {
			errs = append(errs, tx.InsertResource(pim.Resource{ID: id, ParentID: parent, Kind: "node", Name: id, Source: pim.SourceFile}),
				tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: id, MaxDuration: &hour, Approval: &yes, Approvers: []string{"ann", "bob"},
					Enforced: []pim.Field{pim.FieldApproval, pim.FieldApprovers, pim.FieldMaxDuration}, Source: pim.SourceFile}))
		}
		for n := range 8 {
			above := leaf
			leaf = fmt.Sprintf("n%d", n)
			node(leaf, above)
		}
		for n := range 200 {
			node(fmt.Sprintf("beside%d", n), "n0")
		}
		return errors.Join(append(errs, tx.SaveSettings(pim.RoleSettings{RoleID: "dba", Ticket: &yes, Source: pim.SourceFile}))...)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s, leaf
}

// Effective settings of a node at depth 8 within 0.1 ms: as pages and requests ask for them, and worked out anew.
func BenchmarkEffectiveSettings(b *testing.B) {
	s, leaf := benchTree(b)
	for name, run := range map[string]func(*store.Reader) (pim.Effective, error){
		"remembered": func(r *store.Reader) (pim.Effective, error) {
			_, _, eff, err := effective(r, "dba", leaf)
			return eff, err
		},
		"anew": func(r *store.Reader) (pim.Effective, error) {
			d, err := loadDefinition(r, "dba", leaf)
			return d.effective, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			_, err := store.Read(context.Background(), s, func(r *store.Reader) (struct{}, error) {
				for b.Loop() {
					if eff, err := run(r); err != nil || !eff.Approval || !eff.Ticket {
						return struct{}{}, fmt.Errorf("%+v %w", eff, err)
					}
				}
				return struct{}{}, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
