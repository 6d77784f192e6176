package broker

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/store"
)

const emergencyPurpose = "emergency sign-in"

// errNoEntrance is the one answer to whoever is not let in by a passkey alone, whatever the reason: it tells nobody
// which accounts there are (invariant 9).
var errNoEntrance = pim.Refuse(pim.KindForbidden, "This passkey opens nothing here. Only accounts for emergencies sign in with a passkey alone; everybody else signs in as always.")

// Entrance is an emergency sign-in that was begun: what the browser is asked, and what it keeps until its answer.
type Entrance struct {
	Options []byte
	Kept    string
}

// BeginEmergency begins a sign-in with a passkey alone. Nothing is written for somebody who is nobody yet.
func (b *Broker) BeginEmergency() (Entrance, error) {
	options, c, err := b.rp.BeginEntrance(stepup.Seed{ID: NewID(), Random: randomBytes(32)}, b.clock())
	if err != nil {
		return Entrance{}, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return Entrance{}, err
	}
	kept, err := sealWith(b.sealer.begun, emergencyPurpose, text)
	return Entrance{Options: options, Kept: kept}, err
}

// EmergencySignIn lets the account in whose passkey answered, however the provider is (B-05, T36): it is never
// blocked and always loud. The ceremony is consumed in a write of its own before the answer is verified, once on all
// nodes; whoever is no such account leaves only a line in the log.
func (b *Broker) EmergencySignIn(ctx context.Context, kept string, response []byte, s store.SessionRow) (pim.Principal, error) {
	c, ok := b.openEntrance(kept)
	if !ok {
		return pim.Principal{}, errNoEntrance
	}
	raw, err := b.rp.EntranceKey(c, response, b.clock())
	if err != nil {
		return pim.Principal{}, entranceRefusal(err)
	}
	who, credentials, err := b.emergencyAccount(ctx, raw)
	if err != nil {
		return pim.Principal{}, err
	}
	err = do(ctx, b, func(tx *store.Tx) error { return tx.TakeEntrance(c.ID, c.ExpiresAt) })
	if errors.Is(err, store.ErrConflict) {
		return pim.Principal{}, errNoEntrance
	}
	if err != nil {
		return pim.Principal{}, err
	}
	su, err := b.rp.FinishEntrance(c, b.visit(who, Actor{}, b.clock()).Person, credentials, response, b.clock())
	if err != nil {
		return pim.Principal{}, b.refusedEntrance(ctx, who, err)
	}
	return b.letIn(ctx, who, su, s)
}

// openEntrance opens what a browser kept, once on this node.
func (b *Broker) openEntrance(kept string) (c stepup.Ceremony, ok bool) {
	text, ok := b.sealer.openBegun(emergencyPurpose, kept)
	if !ok || json.Unmarshal(text, &c) != nil {
		return stepup.Ceremony{}, false
	}
	now := b.clock()
	return c, now.Before(c.ExpiresAt) && b.begun.once(sha256.Sum256(text), now, c.ExpiresAt)
}

// emergencyAccount finds whose passkey it is, if that is an account for emergencies.
func (b *Broker) emergencyAccount(ctx context.Context, raw []byte) (who pim.Principal, credentials []pim.Credential, err error) {
	who, err = store.Read(ctx, b.store, func(r *store.Reader) (pim.Principal, error) {
		key, err := r.CredentialByRaw(raw)
		if err != nil {
			return pim.Principal{}, err
		}
		p, err := emergencyPerson(r, key.PrincipalID)
		if err == nil {
			credentials, err = r.CredentialsOf(p.ID)
		}
		return p, err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = errNoEntrance
	}
	return who, credentials, err
}

// emergencyPerson loads an account for emergencies; disabled ones are none.
func emergencyPerson(r *store.Reader, principalID string) (pim.Principal, error) {
	if _, err := r.BreakGlassOf(principalID); err != nil {
		return pim.Principal{}, err
	}
	p, err := r.Principal(principalID)
	if err == nil && !p.Enabled {
		err = store.ErrNotFound
	}
	return p, err
}

func entranceRefusal(err error) error {
	var r *stepup.Refusal
	if errors.As(err, &r) {
		return errNoEntrance
	}
	return err
}

// refusedEntrance leaves an event: somebody tried an account for emergencies with an answer that is not its own.
func (b *Broker) refusedEntrance(ctx context.Context, who pim.Principal, cause error) error {
	var r *stepup.Refusal
	if !errors.As(cause, &r) {
		return cause
	}
	return do(ctx, b, func(tx *store.Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvSignInRefused, who.ID, who.ID, "").AsRefused().With("rule", "breakglass").With("code", string(r.Code)))
		return errNoEntrance
	})
}

// letIn starts the short session and tells everybody who may administer, in the same transaction.
func (b *Broker) letIn(ctx context.Context, who pim.Principal, su pim.StepUp, s store.SessionRow) (pim.Principal, error) {
	use := pim.BreakGlassUse{ID: NewID(), PrincipalID: who.ID, Browser: s.Browser, Address: s.Address}
	handle := NewID()
	return write(ctx, b, func(tx *store.Tx) (pim.Principal, error) {
		p, err := emergencyPerson(tx.Reader, who.ID)
		if errors.Is(err, store.ErrNotFound) {
			err = errNoEntrance
		}
		if err != nil {
			return p, err
		}
		if err := spend(tx, su); err != nil {
			return p, err
		}
		row := s
		row.PrincipalID, row.Handle, row.ExpiresAt = p.ID, handle, tx.Now.Add(pim.EmergencySession)
		if err := tx.InsertSession(row); err != nil {
			return p, err
		}
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, p.ID, p.ID, handle).With("breakglass", true).WithText("browser", row.Browser).WithText("address", row.Address))
		used := use
		used.UsedAt = tx.Now
		if err := raiseAlarm(tx, p, used, su); err != nil {
			return p, err
		}
		return p, tx.SawPerson(p.ID, tx.Now)
	})
}

// raiseAlarm records the use and tells every administrator; a second one before the first was reviewed says so.
func raiseAlarm(tx *store.Tx, p pim.Principal, u pim.BreakGlassUse, su pim.StepUp) error {
	open, err := tx.UnreviewedUses(maxUnreviewed)
	if err != nil {
		return err
	}
	if err := tx.InsertUse(u); err != nil {
		return err
	}
	tx.Emit(pim.BreakGlassUsed(u, su.Digest(), int64(len(open))))
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("Emergency access: %s signed in with a passkey alone, from %s, %s. Find out why and close the review.", p.Name, u.Address, u.Browser)
	if len(open) > 0 {
		text = fmt.Sprintf("Emergency access AGAIN, with %d earlier uses not reviewed: %s signed in with a passkey alone, from %s, %s.", len(open), p.Name, u.Address, u.Browser)
	}
	return notify(tx, text, "/break-glass", people...)
}

const maxUnreviewed = 100
