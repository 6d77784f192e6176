package broker_test

import (
	"errors"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// T10 (four eyes on accounts): nobody confirms their own account at a target.
func TestNobodyConfirmsTheirOwnAccount(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		a, err := tx.Account("acc-carol")
		a.ConfirmedAt, a.ConfirmedBy = time.Time{}, ""
		return errors.Join(err, tx.UpdateAccount(a))
	})
	out, err := d.b.PersonAction(d.ctx, d.as("carol"), pim.ActionConfirmAccount, "carol", "acc-carol")
	if err == nil {
		_, err = d.touch("carol", out)
	}
	wantRefusal(t, err, pim.KindConflict, "")
}

// the only administrator gets an end.
func TestARemovedPersonIsNoAccountForEmergencies(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	out, err := d.b.MarkBreakGlass(d.ctx, d.as("carol"), "erin", true)
	d.ok(d.confirmed("carol", out, err))
	p, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.Principal, error) { return r.Principal("erin") })
	d.ok(err)
	out, err = d.b.RemovePerson(d.ctx, d.as("carol"), "erin", p.Version)
	d.ok(d.confirmed("carol", out, err))
	d.clock.add(100 * 24 * time.Hour)
	d.tick()
	list, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) ([]pim.BreakGlass, error) { return r.BreakGlass() })
	if len(list) != 0 || err != nil {
		t.Errorf("still marked: %v %v", list, err)
	}
}
