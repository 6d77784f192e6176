package broker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() { operations[pim.ActionAcceptGone] = func() operation { return &acceptGone{} } }

// acceptGone is an administrator's word that what a target does not show any more was deleted there. It ends what would
// stay ending for ever, and is never called seen.
type acceptGone struct{ GrantID, Reason string }

// AcceptGone states that a grant which is over and cannot be seen is gone. Nobody states it of an account of their own.
func (b *Broker) AcceptGone(ctx context.Context, actor Actor, grantID, reason, back string) (Outcome, error) {
	reason = strings.TrimSpace(reason)
	if wrong := pim.CheckJustification(reason, true); wrong != "" {
		return Outcome{}, pim.Invalid("reason", "%s", wrong)
	}
	return b.operate(ctx, actor, back, &acceptGone{grantID, reason})
}

// MayAcceptGone refuses as AcceptGone does, for the page that asks for the reason.
func MayAcceptGone(r *store.Reader, who pim.Principal, grantID string) (store.GrantRow, error) {
	if err := administers(r, who, ""); err != nil {
		return store.GrantRow{}, err
	}
	g, err := r.Grant(grantID)
	if err != nil {
		return g, found(err)
	}
	if !g.MayBeAccepted(r.Now) {
		return g, pim.Refuse(pim.KindConflict, "Only what is over and not visible at the target any more can be accepted as gone. Anything else Stint takes away itself.")
	}
	mine, err := concerns(r, g, who)
	if err == nil && mine {
		err = pim.Refuse(pim.KindForbidden, "This is your own account. Somebody else has to state that it is gone.")
	}
	return g, err
}

// concerns reports whether a grant is, or was, for one of a person's accounts.
func concerns(r *store.Reader, g store.GrantRow, who pim.Principal) (bool, error) {
	holders, err := r.OwnersOf(g.TargetID, g.AccountID)
	if err != nil {
		return false, err
	}
	needs, err := r.OpenNeeds(g.ID)
	if err != nil {
		return false, err
	}
	for _, n := range needs {
		if n.ActivationID == "" {
			continue
		}
		a, err := r.Activation(n.ActivationID)
		if err != nil {
			return false, err
		}
		holders = append(holders, a.PrincipalID)
	}
	return slices.ContainsFunc(holders, func(id string) bool {
		h, readErr := r.Principal(id)
		if readErr != nil && !errors.Is(readErr, store.ErrNotFound) {
			err = readErr
		}
		return id == who.ID || readErr == nil && h.PersonID == who.PersonID
	}), err
}

func (o *acceptGone) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	g, err := MayAcceptGone(tx.Reader, who, o.GrantID)
	if err != nil {
		return prepared{}, err
	}
	return prepared{item: pim.StepUpItem{Action: pim.ActionAcceptGone, Object: g.ID}, touch: true, says: []string{
		"You state that " + g.AccountName + " holds " + g.Entitlement + " no longer, because it is gone at the target: " + o.Reason,
		"Nobody has seen that. What rested on it ends as accepted as gone by you.",
		"Should it turn up again with what it held, it is an incident, and Stint takes it away."}}, nil
}

func (o *acceptGone) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	g, err := tx.Grant(o.GrantID)
	if err != nil {
		return Outcome{}, err
	}
	g.Grant = g.AcceptGone()
	g.LateToldAt = g.LateSince
	e := confirmedBy(pim.GrantEventOf(pim.EvGrantAccepted, g.Grant, nil), evidence)
	e.Actor, e.Texts = who.ID, map[string]string{}
	tx.Emit(e.WithText("reason", o.Reason))
	if err := moved(tx.SaveGrant(g)); err != nil {
		return Outcome{}, err
	}
	g.Version++
	needs, err := tx.OpenNeeds(g.ID)
	if err != nil {
		return Outcome{}, err
	}
	for _, n := range needs {
		n.SharedWith = who.ID // of this outcome: whose word it is
		if err := tx.SaveNeed(n); err != nil {
			return Outcome{}, err
		}
	}
	return Outcome{Back: "/targets/" + g.TargetID, Done: "Accepted as gone."}, settleNeeds(tx, g)
}

// cameBack makes a stranger of what was stated to be gone and is held all the same: the reconciler takes it away, for Stint
// gave it.
func cameBack(tx *store.Tx, h Held, g store.GrantRow) (sum scanned, err error) {
	i, err := besideOf(tx.Reader, h)
	if err != nil || i != nil {
		return sum, err
	}
	if i, err = openIncident(tx, pim.Incident{Kind: pim.Stranger, TargetID: h.Target, AccountID: h.Account, EntitlementID: h.Entitlement}); err != nil {
		return sum, err
	}
	g.DueAt, g.LateSince = tx.Now, tx.Now
	sum.opened++
	return sum, errors.Join(tx.SaveGrant(g), tx.AdoptIncident(i.ID, g.ID))
}
