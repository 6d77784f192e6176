package broker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/database"
	"stint/internal/store"
)

// ableStore is Stint with the people of a test, each with a passkey but nokey: ann may become administrator through the
// group admins, bea by herself, cat is named to approve.
func ableStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database.Options(t, filepath.Join(t.TempDir(), "stint.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := New(Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := b.EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = store.Do(t.Context(), s, func(tx *store.Tx) error {
		var errs []error
		for _, id := range []string{"ann", "bea", "cat", "nokey", "admins"} {
			kind := pim.Person
			if id == "admins" {
				kind = pim.Group
			}
			errs = append(errs, tx.InsertPrincipal(pim.Principal{ID: id, Kind: kind, Name: id, PersonID: id, Enabled: true, Source: pim.SourceBrowser}))
			if kind == pim.Person && id != "nokey" {
				errs = append(errs, tx.InsertCredential(pim.Credential{ID: "key-of-" + id, PrincipalID: id, Name: id, RawID: []byte(id), PublicKey: []byte(id)}))
			}
		}
		errs = append(errs, tx.AddMember(pim.Membership{GroupID: "admins", MemberID: "ann", Source: pim.SourceBrowser}))
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func standing(id, principal string, kind pim.AssignmentKind, starts time.Time) pim.Assignment {
	return pim.Assignment{ID: id, PrincipalID: principal, RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: kind, StartsAt: starts, Source: pim.SourceBrowser}
}

// approvedBy makes the role of administrators ask for approval.
func approvedBy(tx *store.Tx, names ...string) error {
	_, _, eff, err := effective(tx.Reader, pim.RoleAdministrator, pim.StintResource)
	yes := true
	rows, err2 := tx.Settings(pim.RoleAdministrator)
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	row := rows[0]
	row.Approval, row.Approvers, row.MaxDuration = &yes, names, &eff.MaxDuration
	return tx.SaveSettings(row)
}

// A-17, EC-16: whatever path leads there, the last person able to administer stays so; what is tried leaves nothing.
func TestLastAbleAdministrator(t *testing.T) {
	t.Parallel()
	made := func(id, principal string, kind pim.AssignmentKind) func(*store.Tx) error {
		return func(tx *store.Tx) error { return tx.InsertAssignment(standing(id, principal, kind, tx.Now)) }
	}
	through, herself, active := made("through", "admins", pim.Eligible), made("herself", "bea", pim.Eligible), made("active", "bea", pim.Active)
	end := func(id string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			a, err := tx.Assignment(id)
			return errors.Join(err, tx.EndAssignment(a, false))
		}
	}
	update := func(id string, change func(*pim.Assignment, time.Time)) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			a, err := tx.Assignment(id)
			change(&a, tx.Now)
			return errors.Join(err, tx.UpdateAssignment(a))
		}
	}
	disable := func(id string) func(*store.Tx) error {
		return func(tx *store.Tx) error { return disabling(tx, id)() }
	}
	link := func(id, as string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			p, err := tx.Principal(id)
			p.PersonID = as
			return errors.Join(err, tx.UpdatePrincipal(p))
		}
	}
	approval := func(names ...string) func(*store.Tx) error {
		return func(tx *store.Tx) error { return approvedBy(tx, names...) }
	}
	leave := func(tx *store.Tx) error {
		return tx.RemoveMember(pim.Membership{GroupID: "admins", MemberID: "ann", Source: pim.SourceBrowser})
	}
	forget := func(id string) func(*store.Tx) error {
		return func(tx *store.Tx) error { return tx.RemoveCredential("key-of-" + id) }
	}
	remove := func(id string) func(*store.Tx) error {
		return func(tx *store.Tx) error { return tx.RemovePrincipal(id) }
	}
	type changes []func(*store.Tx) error
	for _, c := range []struct {
		name    string
		before  changes
		change  func(*store.Tx) error
		refused bool
	}{
		{"the last one is disabled", changes{herself}, disable("bea"), true},
		{"one of two is disabled", changes{herself, through}, disable("bea"), false},
		{"the other one has no passkey", changes{herself, made("x", "nokey", pim.Eligible)}, disable("bea"), true},
		{"the other one is disabled already", changes{herself, through, disable("ann")}, disable("bea"), true},
		{"the other one's begins later", changes{herself, func(tx *store.Tx) error {
			return tx.InsertAssignment(standing("x", "cat", pim.Eligible, tx.Now.Add(time.Hour)))
		}}, disable("bea"), true},
		{"the last assignment is removed", changes{herself}, end("herself"), true},
		{"she has another one", changes{herself, active}, end("herself"), false},
		{"it is moved into the future", changes{herself}, update("herself", func(a *pim.Assignment, now time.Time) { a.StartsAt = now.Add(time.Hour) }), true},
		{"it ends at once", changes{herself}, update("herself", func(a *pim.Assignment, now time.Time) { a.StartsAt, a.EndsAt = now.Add(-time.Hour), now }), true},
		{"it gets an end", changes{herself}, update("herself", func(a *pim.Assignment, now time.Time) { a.EndsAt = now.Add(time.Hour) }), false},
		{"it becomes active", changes{herself}, update("herself", func(a *pim.Assignment, _ time.Time) { a.Kind = pim.Active }), false},
		{"the last member leaves the group", changes{through}, leave, true},
		{"the group is removed", changes{through}, remove("admins"), true},
		{"the last passkey goes", changes{herself}, forget("bea"), true},
		{"a passkey of somebody else goes", changes{herself}, forget("ann"), false},
		{"approval by nobody", changes{herself}, approval(), true},
		{"approval by herself alone", changes{herself}, approval("bea"), true},
		{"approval by somebody without a passkey", changes{herself}, approval("nokey"), true},
		{"approval by another", changes{herself}, approval("cat"), false},
		{"who is active waits for nobody", changes{active}, approval(), false},
		{"the only approver is disabled", changes{herself, approval("cat")}, disable("cat"), true},
		{"the only approver's passkey goes", changes{herself, approval("cat")}, forget("cat"), true},
		{"the only approver turns out to be herself", changes{herself, approval("cat")}, link("cat", "bea"), true},
		{"the person is removed", changes{herself}, remove("bea"), true},
		{"nobody is able anyway", changes{made("x", "nokey", pim.Eligible)}, disable("nokey"), false},
		{"there is none at all", nil, disable("cat"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := ableStore(t)
			for _, fn := range c.before {
				if err := store.Do(context.Background(), s, fn); err != nil {
					t.Fatal(err)
				}
			}
			size := s.Head().Size
			var able, still map[string]bool
			err := store.Do(context.Background(), s, func(tx *store.Tx) (err error) {
				if able, err = ableAdministrators(tx.Reader); err != nil {
					return err
				}
				err = keepAdministrator(tx, func() error {
					tx.Emit(pim.Event{Type: pim.EvClockAccepted, Actor: pim.System, Result: pim.OK})
					return c.change(tx)
				})
				var e error
				still, e = ableAdministrators(tx.Reader)
				return errors.Join(err, e)
			})
			var refusal *pim.Refusal
			if got := errors.As(err, &refusal); got != c.refused || err != nil && !got {
				t.Errorf("refused %v, want %v: %v", got, c.refused, err)
			}
			if len(able) != len(still) || s.Head().Size != size {
				t.Errorf("what was only tried has stayed: able %v, then %v; the log grew by %d", able, still, s.Head().Size-size)
			}
		})
	}
}

// An installation of an older Stint gets the roles that are new, each once, with the entries that say so.
func TestBuiltinRolesAreAddedOnUpgrade(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), database.Options(t, filepath.Join(t.TempDir(), "stint.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = store.Do(t.Context(), s, func(tx *store.Tx) error { // as it was with two roles
		return errors.Join(ensureStint(tx), addBuiltinRole(tx, builtinRoles[0]), addBuiltinRole(tx, builtinRoles[1]))
	})
	if err != nil {
		t.Fatal(err)
	}
	b, size := New(Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}), s.Head().Size
	for range 2 {
		if err := b.EnsureBuiltin(t.Context()); err != nil || s.Head().Size != size+4 {
			t.Fatalf("two are missing: %v, the log grew by %d", err, s.Head().Size-size)
		}
	}
	roles, err := store.Read(t.Context(), s, func(r *store.Reader) ([]pim.RoleDefinition, error) { return r.Roles() })
	if err != nil || len(roles) != len(pim.StintRoles) {
		t.Errorf("%d roles, want %d: %v", len(roles), len(pim.StintRoles), err)
	}
}
