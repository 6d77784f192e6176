package broker

import (
	"context"
	"errors"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionAskRecovery] = func() operation { return &askRecovery{} }
	operations[pim.ActionConfirmRecovery] = func() operation { return &confirmRecovery{} }
	operations[pim.ActionCancelRecovery] = func() operation { return &cancelRecovery{} }
}

// RecoveryLife is how long a recovery waits for its second administrator (THREATS T3).
const RecoveryLife = 24 * time.Hour

// askRecovery asks to replace the lost passkeys of somebody. Another administrator has to confirm.
type askRecovery struct{ ID, PersonID, Reason string }

// AskRecovery asks to replace somebody's lost passkeys.
func (b *Broker) AskRecovery(ctx context.Context, actor Actor, personID, reason string) (Outcome, error) {
	reason = strings.TrimSpace(reason)
	if wrong := pim.CheckJustification(reason, true); wrong != "" {
		return Outcome{}, pim.Invalid("reason", "%s", wrong)
	}
	return b.operate(ctx, actor, accessPage(personID), &askRecovery{ID: NewID(), PersonID: personID, Reason: reason})
}

func (o *askRecovery) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionAskRecovery, Object: o.PersonID}, touch: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	h, err := recoverable(tx, who, o.PersonID)
	if err != nil {
		return p, err
	}
	ever, err := tx.EverHadCredential(h.ID)
	if err != nil {
		return p, err
	}
	if !ever {
		return p, pim.Refuse(pim.KindConflict, "%s never had a passkey, so a voucher is enough.", h.Name)
	}
	if _, err := tx.OpenRecovery(h.ID); !errors.Is(err, store.ErrNotFound) {
		return p, errors.Join(err, pim.Refuse(pim.KindConflict, "This was asked for already, and waits for another administrator."))
	}
	p.says = []string{"You ask to replace the passkeys of " + h.Name + ": " + o.Reason,
		"Nothing happens before another administrator confirms it within 24 hours. " + h.Name + " and all administrators are told now."}
	return p, refuseAlone(tx.Reader, who, h)
}

// recoverable loads a person whose passkeys may be replaced by this administrator: of another person (THREATS T3).
func recoverable(tx *store.Tx, who pim.Principal, personID string) (pim.Principal, error) {
	h, err := personOf(tx.Reader, personID)
	if err != nil {
		return h, err
	}
	same, err := samePeople(tx.Reader, h.ID)
	switch {
	case err != nil:
	case same[who.ID]:
		err = refusedRecovery(tx, who, h, "self", "Nobody replaces their own passkeys, nor those of another account of theirs. Two other administrators have to.")
	case !h.Enabled:
		err = pim.Refuse(pim.KindConflict, "Enable %s first: a disabled person cannot sign in.", h.Name)
	}
	return h, err
}

// refusedRecovery leaves an event: who tries this is worth a look.
func refusedRecovery(tx *store.Tx, who, h pim.Principal, rule, words string) error {
	tx.Emit(pim.PersonEvent(pim.EvRecoveryRefused, who.ID, h.ID, h.ID).AsRefused().With("rule", rule))
	return pim.Refuse(pim.KindForbidden, "%s", words)
}

// refuseAlone refuses what nobody could confirm: no other administrator who is able and somebody else than both.
func refuseAlone(r *store.Reader, who, h pim.Principal) error {
	able, err := ableAdministrators(r)
	if err != nil {
		return err
	}
	same, err := samePeople(r, who.ID, h.ID)
	if err != nil {
		return err
	}
	for id := range able {
		if !same[id] {
			return nil
		}
	}
	return pim.Refuse(pim.KindConflict, "No other administrator could confirm this. Whoever runs the server replaces lost passkeys with `stint admin voucher --lost`.")
}

func (o *askRecovery) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: accessPage(o.PersonID), Done: "Asked for. Another administrator has to confirm it."}
	h, err := personOf(tx.Reader, o.PersonID)
	if err != nil {
		return out, err
	}
	if err := tx.InsertRecovery(store.Recovery{ID: o.ID, PersonID: h.ID, AskedBy: who.ID, Reason: o.Reason, ExpiresAt: tx.Now.Add(RecoveryLife)}); err != nil {
		return out, err
	}
	tx.Emit(confirmedBy(pim.PersonEvent(pim.EvRecoveryAsked, who.ID, h.ID, o.ID), evidence).WithText("reason", o.Reason))
	return out, tellOfRecovery(tx, h, who.Name+" asked to replace the passkeys of "+h.Name+" as lost: "+o.Reason,
		who.Name+" asked to replace your passkeys as lost. If you did not want that, tell an administrator now.")
}

// tellOfRecovery tells the person and every administrator, loudly.
func tellOfRecovery(tx *store.Tx, h pim.Principal, text, yours string) error {
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	for _, id := range unique(people) {
		if id == h.ID {
			continue
		}
		if err := notify(tx, text, accessPage(h.ID), id); err != nil {
			return err
		}
	}
	return notify(tx, yours, "/passkeys", h.ID)
}

// confirmRecovery replaces the passkeys: the second administrator's part.
type confirmRecovery struct{ ID, PersonID string }

// ConfirmRecovery confirms what another administrator asked for: the passkeys are removed, the sessions ended, and a
// voucher is shown once.
func (b *Broker) ConfirmRecovery(ctx context.Context, actor Actor, personID, id string) (Outcome, error) {
	return b.operate(ctx, actor, accessPage(personID), &confirmRecovery{ID: id, PersonID: personID})
}

func (o *confirmRecovery) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionConfirmRecovery, Object: o.ID}, touch: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	h, err := recoverable(tx, who, o.PersonID)
	if err != nil {
		return p, err
	}
	asked, err := waitingRecovery(tx.Reader, h.ID, o.ID)
	if err != nil {
		return p, err
	}
	same, err := samePeople(tx.Reader, asked.AskedBy)
	if err != nil {
		return p, err
	}
	if same[who.ID] {
		return p, refusedRecovery(tx, who, h, "second_administrator", "You asked for this, with this account or another one of yours. A second administrator has to confirm it.")
	}
	first, err := person(tx.Reader, Actor{PrincipalID: asked.AskedBy})
	if err != nil {
		return p, pim.Refuse(pim.KindConflict, "Who asked for this is no longer enabled. Ask for it again.")
	}
	p.says = []string{first.Name + " asked to replace the passkeys of " + h.Name + ": " + asked.Reason,
		"Their passkeys are removed and their sessions end. You get a voucher, good for 15 minutes: hand it over yourself, to somebody you have recognised."}
	return p, nil
}

func waitingRecovery(r *store.Reader, personID, id string) (store.Recovery, error) {
	asked, err := r.OpenRecovery(personID)
	if errors.Is(err, store.ErrNotFound) || err == nil && asked.ID != id {
		err = pim.Refuse(pim.KindConflict, "This is not waiting any more: it was confirmed, canceled or is older than 24 hours.")
	}
	return asked, err
}

func (o *confirmRecovery) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: accessPage(o.PersonID), Done: "Passkeys removed, voucher issued."}
	h, err := personOf(tx.Reader, o.PersonID)
	if err != nil {
		return out, err
	}
	asked, err := waitingRecovery(tx.Reader, h.ID, o.ID)
	if err != nil {
		return out, err
	}
	if err := tx.CloseRecovery(asked, who.ID); err != nil {
		return out, moved(err)
	}
	tx.Emit(confirmedBy(pim.PersonEvent(pim.EvRecoveryConfirmed, who.ID, h.ID, o.ID), evidence).With("asked_by", asked.AskedBy))
	if err := forgetPasskeys(tx, h, who.ID); err != nil {
		return out, err
	}
	err = tellOfRecovery(tx, h, who.Name+" confirmed it: the passkeys of "+h.Name+" were removed as lost, and a voucher was issued.",
		"Your passkeys were removed as lost, confirmed by "+who.Name+". If you did not want that, tell an administrator now.")
	if err != nil {
		return out, err
	}
	out.Voucher = NewID()
	return out, giveVoucher(tx, who.ID, h.ID, NewID(), out.Voucher)
}

// cancelRecovery takes a waiting recovery back. It takes nothing from anybody, so no passkey is asked for.
type cancelRecovery struct{ ID, PersonID string }

// CancelRecovery takes back what waits for a second administrator.
func (b *Broker) CancelRecovery(ctx context.Context, actor Actor, personID, id string) (Outcome, error) {
	return b.operate(ctx, actor, accessPage(personID), &cancelRecovery{ID: id, PersonID: personID})
}

func (o *cancelRecovery) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionCancelRecovery, Object: o.ID}}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	if _, err := personOf(tx.Reader, o.PersonID); err != nil {
		return p, err
	}
	_, err := waitingRecovery(tx.Reader, o.PersonID, o.ID)
	return p, err
}

func (o *cancelRecovery) apply(_ *Broker, tx *store.Tx, who pim.Principal, _ string) (Outcome, error) {
	out := Outcome{Back: accessPage(o.PersonID), Done: "Canceled. The passkeys stay."}
	asked, err := waitingRecovery(tx.Reader, o.PersonID, o.ID)
	if err != nil {
		return out, err
	}
	tx.Emit(pim.PersonEvent(pim.EvRecoveryCanceled, who.ID, o.PersonID, o.ID))
	return out, moved(tx.CloseRecovery(asked, ""))
}
