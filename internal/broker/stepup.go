package broker

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/store"
)

// pending is what a ceremony executes when it succeeds: fixed when it begins, never taken from a form.
type pending struct {
	Items     []pim.StepUpItem        `json:"items"`
	Salt      []byte                  `json:"salt"`
	Requests  []pim.ActivationRequest `json:"requests,omitempty"` // one for each item, in their order
	Extension *pim.ExtensionRequest   `json:"extension,omitempty"`
	Reason    string                  `json:"reason,omitempty"`
	Name      string                  `json:"name,omitempty"`
	Allowed   string                  `json:"allowed,omitempty"`  // what allows a new passkey: voucher, claim or passkey
	Options   json.RawMessage         `json:"options"`            // for the browser
	Says      []string                `json:"says,omitempty"`     // of an operation: what will happen
	Change    json.RawMessage         `json:"change,omitempty"`   // the operation itself
	Contexts  []string                `json:"contexts,omitempty"` // what the provider is asked for before
	Proof     string                  `json:"proof,omitempty"`    // the sign-in again that came before
	Attested  bool                    `json:"attested,omitempty"` // only passkeys that count as attested may answer
}

// executors run an item once its step-up is verified; each reads everything again in its transaction.
var executors = map[pim.StepUpAction]func(*Broker, context.Context, Actor, pending, pim.StepUp) (Outcome, error){
	pim.ActionActivate:         (*Broker).activateConfirmed,
	pim.ActionStart:            (*Broker).startConfirmed,
	pim.ActionExtend:           (*Broker).extendConfirmed,
	pim.ActionApproveExtension: (*Broker).decideExtensionConfirmed,
	pim.ActionDenyExtension:    (*Broker).decideExtensionConfirmed,
	pim.ActionApprove:          (*Broker).decideConfirmed,
	pim.ActionDeny:             (*Broker).decideConfirmed,
	pim.ActionRevoke:           (*Broker).revokeConfirmed,
	pim.ActionCancelOther:      (*Broker).revokeConfirmed,
	pim.ActionAddCredential:    (*Broker).addCredentialConfirmed,
	pim.ActionRemoveCredential: (*Broker).removeCredentialConfirmed,
	pim.ActionConfirmAccount:   (*Broker).personConfirmed,
	pim.ActionIssueVoucher:     (*Broker).personConfirmed,
	pim.ActionDisablePerson:    (*Broker).personConfirmed,
	pim.ActionEnablePerson:     (*Broker).personConfirmed,
	pim.ActionEndSessions:      (*Broker).personConfirmed,
}

// commitReason binds a reason and a ticket into what the passkey signs, without showing them in the log.
func commitReason(salt []byte, parts ...string) string {
	b, err := json.Marshal(parts)
	if err != nil {
		panic("broker: strings are JSON: " + err.Error())
	}
	return audit.Commit(salt, "reason", string(b))
}

// begin stores a ceremony over items inside the caller's transaction and says where to go.
func (b *Broker) begin(tx *store.Tx, actor Actor, who pim.Principal, p pending, id string, random []byte, back string) (Outcome, error) {
	credentials, err := tx.CredentialsOf(who.ID)
	if err != nil {
		return Outcome{}, err
	}
	if p.Attested {
		if credentials, err = onlyAttested(tx.Reader, credentials); err != nil {
			return Outcome{}, err
		}
	}
	if actor, err = sessionNow(tx.Reader, actor); err != nil {
		return Outcome{}, err
	}
	options, c, err := b.rp.BeginAssertion(b.visit(who, actor, tx.Now), stepup.Seed{ID: id, Random: random}, credentials, pim.CanonicalItems(who.PersonID, p.Items))
	if err != nil {
		return Outcome{}, stepUpRefusal(err)
	}
	p.Options = options
	return Outcome{CeremonyID: id, Back: back}, insertCeremony(tx, actor, c, p, back)
}

func insertCeremony(tx *store.Tx, actor Actor, c stepup.Ceremony, p pending, back string) error {
	payload, err := json.Marshal(p)
	if err != nil {
		return err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	kind := "get"
	if c.Kind == stepup.Registration {
		kind = "create"
	}
	return tx.InsertCeremony(store.Ceremony{ID: c.ID, Kind: kind, PrincipalID: c.PrincipalID, SessionID: actor.SessionID,
		Purpose: string(p.Items[0].Action), Payload: payload, Ceremony: body, Back: back, ExpiresAt: c.ExpiresAt})
}

func (b *Broker) visit(who pim.Principal, actor Actor, now time.Time) stepup.Visit {
	name := who.Email
	if name == "" {
		name = who.Name
	}
	return stepup.Visit{SessionHash: actor.SessionID, Now: now,
		Person: stepup.Person{ID: who.ID, Name: name, DisplayName: who.Name, Handle: []byte(who.ID)}}
}

// StepUpView is a waiting ceremony as its page restates it, from the server's row (THREATS T8).
type StepUpView struct {
	ID        string
	Kind      string // "create", "get" or "provider"
	Options   []byte // JSON for the browser
	Items     []pim.StepUpItem
	Reason    string
	Requests  []pim.ActivationRequest
	Extension *pim.ExtensionRequest
	Says      []string // of an administrative operation: what will happen
	Contexts  []string // of a sign-in again at the provider: one of these
	Back      string
	Expires   time.Time
}

// StepUp returns the waiting ceremony of this person and session.
func (b *Broker) StepUp(ctx context.Context, actor Actor, id string) (StepUpView, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (StepUpView, error) {
		row, err := r.Ceremony(id)
		if err != nil {
			return StepUpView{}, found(err)
		}
		actor, err := sessionNow(r, actor)
		if err != nil {
			return StepUpView{}, err
		}
		if row.PrincipalID != actor.PrincipalID || row.SessionID != actor.SessionID {
			return StepUpView{}, pim.NotFound()
		}
		var p pending
		if err := json.Unmarshal(row.Payload, &p); err != nil {
			return StepUpView{}, err
		}
		return StepUpView{ID: id, Kind: row.Kind, Options: p.Options, Items: p.Items, Reason: p.Reason, Requests: p.Requests, Extension: p.Extension, Says: p.Says, Contexts: p.Contexts, Back: row.Back, Expires: row.ExpiresAt}, nil
	})
}

// FinishStepUp consumes the ceremony in a write of its own, verifies the answer, and executes exactly
// what was stored (invariant 4, THREATS T9).
func (b *Broker) FinishStepUp(ctx context.Context, actor Actor, id string, response []byte) (Outcome, error) {
	row, err := store.Write(ctx, b.store, func(tx *store.Tx) (store.Ceremony, error) {
		if _, err := person(tx.Reader, actor); err != nil {
			return store.Ceremony{}, err
		}
		actor, err := sessionNow(tx.Reader, actor)
		if err != nil {
			return store.Ceremony{}, err
		}
		if waiting, err := tx.Ceremony(id); err != nil || waiting.Kind == kindProvider {
			return waiting, found(errors.Join(err, store.ErrNotFound))
		}
		c, err := tx.TakeCeremony(id, actor.PrincipalID, actor.SessionID)
		return c, found(err)
	})
	if err != nil {
		return Outcome{}, err
	}
	actor.SessionID = row.SessionID
	var p pending
	var c stepup.Ceremony
	if err := errors.Join(json.Unmarshal(row.Payload, &p), json.Unmarshal(row.Ceremony, &c)); err != nil {
		return Outcome{}, err
	}
	if c.Kind == stepup.Registration {
		return b.finishRegistration(ctx, actor, c, p, response, row.Back)
	}
	su, err := b.verify(ctx, actor, c, p, response)
	if err != nil {
		return Outcome{Back: row.Back}, err
	}
	execute := executors[p.Items[0].Action]
	if len(p.Change) > 0 {
		execute = (*Broker).operationConfirmed
	}
	out, err := execute(b, ctx, actor, p, su)
	if out.Back == "" {
		out.Back = row.Back
	}
	return out, err
}

func (b *Broker) verify(ctx context.Context, actor Actor, c stepup.Ceremony, p pending, response []byte) (pim.StepUp, error) {
	type known struct {
		who         pim.Principal
		credentials []pim.Credential
	}
	k, err := store.Read(ctx, b.store, func(r *store.Reader) (k known, err error) {
		if k.who, err = person(r, actor); err == nil {
			k.credentials, err = r.CredentialsOf(actor.PrincipalID)
		}
		return k, err
	})
	if err != nil {
		return pim.StepUp{}, err
	}
	su, err := b.rp.FinishAssertion(b.visit(k.who, actor, b.clock()), c, k.credentials, response)
	if err != nil {
		return su, b.refusedStepUp(ctx, actor, p, err)
	}
	su.Salt = p.Salt
	return su, nil
}

// refusedStepUp leaves an event for a refused answer and returns the refusal.
func (b *Broker) refusedStepUp(ctx context.Context, actor Actor, p pending, cause error) error {
	var r *stepup.Refusal
	if !errors.As(cause, &r) {
		return cause
	}
	return do(ctx, b, func(tx *store.Tx) error {
		e := pim.PersonEvent(pim.EvStepUpRefused, actor.PrincipalID, actor.PrincipalID, p.Items[0].Object).AsRefused()
		tx.Emit(e.With("code", string(r.Code)).With("action", string(p.Items[0].Action)))
		return stepUpRefusal(cause)
	})
}

func stepUpRefusal(err error) error {
	var r *stepup.Refusal
	if !errors.As(err, &r) {
		return err
	}
	if r.Code == stepup.NoPasskey {
		return pim.Refuse(pim.KindStepUp, "You need a passkey for this, and you have none yet. Enrol one first.")
	}
	return pim.Refuse(pim.KindForbidden, "%s", r.Message)
}

// spend records the evidence and the credential's use in the transaction that executes the item.
func spend(tx *store.Tx, su pim.StepUp) error {
	if err := tx.InsertStepUp(su); err != nil {
		return err
	}
	err := tx.UsedCredential(su)
	if errors.Is(err, store.ErrConflict) {
		return pim.Refuse(pim.KindForbidden, "This passkey was removed or used elsewhere meanwhile. Start again.")
	}
	return err
}

// confirmed loads who confirmed, holds the evidence against what was stored, and spends it. Whether each
// item still stands is for its own operation to say.
func confirmed(tx *store.Tx, actor Actor, p pending, su pim.StepUp) (pim.Principal, error) {
	who, err := person(tx.Reader, actor)
	if err == nil && !itemsMatch(su, who.PersonID, p.Items) {
		err = pim.Refuse(pim.KindConflict, "What you confirmed is not what was asked. Start again.")
	}
	if err == nil {
		err = spend(tx, su)
	}
	return who, err
}

// itemsMatch reports whether the evidence covers exactly these items of this person.
func itemsMatch(su pim.StepUp, personID string, items []pim.StepUpItem) bool {
	return slices.Equal(su.Canonical, pim.CanonicalItems(personID, items))
}
