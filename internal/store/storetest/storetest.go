package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// parallel is how many callers race for one thing (THREATS T9: exactly one of 50).
const parallel = 50

type testCase struct {
	name string
	run  func(t *testing.T, s *store.Store)
}

// Run runs every case, each on a store of its own. open returns a new, empty store that runs each function
// twice, and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, group := range [][]testCase{writing, people, tree, roles, definitions, assignments, access, activations, grants, incidents, secrets, reviews, log} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, open(t))
			})
		}
	}
}

// do runs an operation that must succeed.
func do(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := store.Do(context.Background(), s, fn); err != nil {
		t.Fatal(err)
	}
}

// get reads something that must be there.
func get[T any](t *testing.T, s *store.Store, fn func(r *store.Reader) (T, error)) T {
	t.Helper()
	v, err := store.Read(context.Background(), s, fn)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// now is the store's own instant, as it is stored.
func now(s *store.Store) time.Time { return s.Clock().Now() }

// race runs fn from many callers at once and returns how many had no error; an error that is none of the
// expected ones fails the test.
func race(t *testing.T, fn func(i int) error, expected ...error) int {
	t.Helper()
	errs := make([]error, parallel)
	var wg sync.WaitGroup
	for i := range parallel {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !isOneOf(err, expected) {
			t.Errorf("unexpected: %v", err)
		}
	}
	return won
}

func isOneOf(err error, expected []error) bool {
	for _, e := range expected {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// all runs several statements of one operation, up to the first that fails.
func all(errs ...func() error) error {
	for _, fn := range errs {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

func person(id, name string) pim.Principal {
	return pim.Principal{ID: id, Kind: pim.Person, Name: name, PersonID: "human-" + id, Enabled: true, Source: pim.SourceFile, Version: 1}
}

func group(id string) pim.Principal {
	return pim.Principal{ID: id, Kind: pim.Group, Name: "Group " + id, Enabled: true, Source: pim.SourceFile, Version: 1}
}

// world makes two people, a group, a target, a resource in it, a role and alice's eligible assignment.
func world(t *testing.T, s *store.Store) {
	t.Helper()
	start := now(s).Add(-time.Hour)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.InsertPrincipal(person("alice", "Alice")) },
			func() error { return tx.InsertPrincipal(person("bob", "Bob")) },
			func() error { return tx.InsertPrincipal(group("dbas")) },
			func() error {
				return tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Key: "dir", Kind: "ldap", Name: "Directory", Source: pim.SourceFile}})
			},
			func() error {
				return tx.InsertResource(pim.Resource{ID: "prod", Kind: "database", Name: "Production", TargetID: "dir", Source: pim.SourceFile})
			},
			func() error {
				return tx.InsertRole(pim.RoleDefinition{ID: "dba", Key: "dba", Name: "Database administrator", Privileged: true, Source: pim.SourceFile})
			},
			func() error { return tx.InsertAssignment(assignment("asg", "alice", pim.Eligible, start)) },
		)
	})
}

func assignment(id, principal string, kind pim.AssignmentKind, start time.Time) pim.Assignment {
	return pim.Assignment{ID: id, PrincipalID: principal, RoleID: "dba", ResourceID: "prod", Kind: kind, StartsAt: start, Source: pim.SourceFile}
}

func activation(id string, state pim.ActivationState, requested time.Time) pim.Activation {
	a := pim.Activation{ID: id, AssignmentID: "asg", PrincipalID: "alice", PersonID: "human-alice", RoleID: "dba", ResourceID: "prod", State: state,
		Duration: time.Hour, Justification: "patch", RequestedAt: requested, Version: 1}
	if state != pim.PendingApproval {
		a.StartsAt, a.EndsAt = requested, requested.Add(time.Hour)
	}
	return a
}

// emit writes one plain event.
func emit(tx *store.Tx, subject string) {
	tx.Emit(pim.PersonEvent(pim.EvSignedIn, subject, subject, ""))
}

func refuse(tx *store.Tx, subject string) {
	tx.Emit(pim.PersonEvent(pim.EvVoucherRefused, subject, subject, "").AsRefused())
}

func id(prefix string, i int) string { return fmt.Sprintf("%s-%03d", prefix, i) }
