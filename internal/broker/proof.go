package broker

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/stepup"
	"stint/internal/store"
)

// kindProvider is a waiting ceremony that begins at the provider: a sign-in again, before the passkey is asked for.
const kindProvider = "provider"

// askProvider keeps what is asked for until its person has signed in again at the provider, by one of the contexts.
func askProvider(tx *store.Tx, actor Actor, who pim.Principal, p pending, id, back string) (Outcome, error) {
	actor, err := sessionNow(tx.Reader, actor)
	if err != nil {
		return Outcome{}, err
	}
	c := stepup.Ceremony{ID: id, PrincipalID: who.ID, SessionHash: actor.SessionID, ExpiresAt: tx.Now.Add(signin.StateTTL)}
	payload, err := json.Marshal(p)
	if err != nil {
		return Outcome{}, err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{CeremonyID: id, Back: back}, tx.InsertCeremony(store.Ceremony{ID: id, Kind: kindProvider, PrincipalID: who.ID, SessionID: actor.SessionID,
		Purpose: string(p.Items[0].Action), Payload: payload, Ceremony: body, Back: back, ExpiresAt: c.ExpiresAt})
}

// FinishProof takes the sign-in again that a waiting request asked for, and goes on with the request: to the passkey, or
// to its end. What the provider answered counts for this request, this once, and only for whoever asked. checked is what
// signin said of the answer; a refusal of it uses the request up.
func (b *Broker) FinishProof(ctx context.Context, actor Actor, ceremonyID string, id signin.Identity, checked error) (Outcome, error) {
	row, err := b.takeProvider(ctx, actor, ceremonyID)
	if err != nil {
		return Outcome{}, err
	}
	var p pending
	if err := json.Unmarshal(row.Payload, &p); err != nil {
		return Outcome{}, err
	}
	if err := b.prove(ctx, actor, row, p, id, checked); err != nil {
		return Outcome{Back: row.Back}, err
	}
	if p.Extension != nil {
		return b.requestExtension(ctx, actor, *p.Extension, ceremonyID)
	}
	return b.requestActivations(ctx, actor, p.Requests, ceremonyID)
}

// takeProvider uses a waiting request up, in a write of its own: whatever the answer was, it counts once (THREATS T9).
func (b *Broker) takeProvider(ctx context.Context, actor Actor, id string) (store.Ceremony, error) {
	return write(ctx, b, func(tx *store.Tx) (c store.Ceremony, err error) {
		if _, err := person(tx.Reader, actor); err != nil {
			return c, err
		}
		now, err := sessionNow(tx.Reader, actor)
		if err != nil {
			return c, err
		}
		waiting, err := tx.Ceremony(id)
		if err == nil && waiting.Kind != kindProvider {
			err = store.ErrNotFound
		}
		if err == nil {
			c, err = tx.TakeCeremony(id, now.PrincipalID, now.SessionID)
		}
		return c, found(err)
	})
}

// prove keeps the sign-in again with its event, or refuses it with one.
func (b *Broker) prove(ctx context.Context, actor Actor, row store.Ceremony, p pending, id signin.Identity, checked error) error {
	return do(ctx, b, func(tx *store.Tx) error {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return err
		}
		object := p.Items[0].Object
		if refusal, code := proofRefusal(who, row, id, checked); refusal != nil {
			e := pim.PersonEvent(pim.EvStepUpRefused, who.ID, who.ID, object).AsRefused()
			tx.Emit(e.With("code", code).With("action", string(p.Items[0].Action)))
			return refusal
		}
		proof := pim.SignInProof{ID: row.ID, PrincipalID: who.ID, Context: id.ACR, SignedInAt: id.AuthTime, At: tx.Now, Token: tokenDigest(id.IDToken)}
		e := pim.PersonEvent(pim.EvSignInProved, who.ID, who.ID, object).With("context", proof.Context).With("proof", proof.ID)
		tx.Emit(e.With("signed_in_at", proof.SignedInAt.UnixMicro()).With("token", proof.Token))
		return tx.InsertProof(proof)
	})
}

func tokenDigest(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// proofRefusal refuses an answer that was refused, is about somebody else, or is from before it was asked for, with the
// code of its event.
func proofRefusal(who pim.Principal, row store.Ceremony, id signin.Identity, checked error) (refusal *pim.Refusal, code string) {
	var r signin.Refusal
	switch {
	case errors.As(checked, &r):
		return pim.Refuse(pim.KindForbidden, "%s", r.Message), string(r.Code)
	case checked != nil:
		return pim.Refuse(pim.KindForbidden, "The sign-in could not be checked. Start again."), "unchecked"
	case id.Issuer != who.Issuer || id.Subject != who.Subject:
		return pim.Refuse(pim.KindForbidden, "Somebody else signed in at the provider. Sign out there, and start again as yourself."), "wrong_person"
	case id.AuthTime.Before(row.CreatedAt.Add(-signin.ClockSkew)):
		return pim.Refuse(pim.KindForbidden, "The provider did not let you sign in anew. Start again."), string(signin.CodeAuthTime)
	}
	return nil, ""
}

// ProviderStep is what a waiting request asks the provider for.
type ProviderStep struct {
	Contexts []string
	Back     string
}

// ProviderStepOf returns it, for whoever asked and in their session.
func (b *Broker) ProviderStepOf(ctx context.Context, actor Actor, id string) (ProviderStep, error) {
	v, err := b.StepUp(ctx, actor, id)
	if err == nil && v.Kind != kindProvider {
		err = pim.NotFound()
	}
	return ProviderStep{Contexts: v.Contexts, Back: v.Back}, err
}

// proofOf loads the sign-in again that came before, of this person; none without an id.
func proofOf(r *store.Reader, principalID, id string) (*pim.SignInProof, error) {
	if id == "" {
		return nil, nil
	}
	p, err := r.Proof(id)
	if err == nil && p.PrincipalID != principalID {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, found(err)
	}
	return &p, nil
}

// contextTightened says that what the provider answered is not what the rules ask for since.
func contextTightened(context string, role pim.RoleDefinition, rules pim.Settings) string {
	if asked := rules.Contexts(); len(asked) > 0 && !rules.Accepts(context) {
		return role.Name + " asks for another sign-in at the provider since this was requested (" + strings.Join(asked, " or ") + "). It has to be requested again."
	}
	return ""
}
