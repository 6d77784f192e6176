package broker

import (
	"context"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

// decideConfirmed records the decisions a passkey confirmed and lets the fold say what follows of each.
func (b *Broker) decideConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	ids, results := newIDs(len(p.Items)), NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := confirmed(tx, actor, p, su)
		if err != nil {
			return Outcome{}, err
		}
		kind := map[bool]string{true: "approve", false: "deny"}[p.Items[0].Action == pim.ActionApprove]
		return together(tx, who, results, kind, len(p.Items), func(i int) (pim.ItemResult, Outcome, error) {
			item := p.Items[i]
			r := pim.ItemResult{RoleID: item.RoleID, ResourceID: item.ResourceID, ActivationID: item.Object}
			a, err := b.decidable(tx, who, item.Object)
			if err != nil {
				return r, Outcome{}, err
			}
			r.PrincipalID = a.PrincipalID
			out, err := b.decideItem(tx, who, a, ids[i], item, p, su)
			return r, out, err
		})
	})
}

// decideItem records one confirmed decision.
func (b *Broker) decideItem(tx *store.Tx, who pim.Principal, a pim.Activation, id string, item pim.StepUpItem, p pending, su pim.StepUp) (Outcome, error) {
	approve := item.Action == pim.ActionApprove
	if decisionItem(a, approve, p.Reason, p.Salt) != item {
		return Outcome{}, pim.Refuse(pim.KindConflict, "The request changed since you confirmed. Look at it again.")
	}
	if approve {
		role, err := tx.Role(a.RoleID)
		if err != nil {
			return Outcome{}, err
		}
		if err := keyCounts(tx.Reader, who, role, su); err != nil {
			return Outcome{}, err
		}
	}
	return b.decide(tx, who, a, pim.ApprovalDecision{ID: id, ActivationID: a.ID, Stage: 1, PrincipalID: who.ID, PersonID: who.PersonID,
		Approve: approve, Justification: p.Reason, StepUpID: su.CeremonyID, At: tx.Now}, su)
}

func (b *Broker) decide(tx *store.Tx, who pim.Principal, a pim.Activation, d pim.ApprovalDecision, su pim.StepUp) (Outcome, error) {
	out := Outcome{ActivationID: a.ID, Back: "/approvals"}
	stages, err := tx.Stages(a.ID)
	if err != nil {
		return out, err
	}
	earlier, err := tx.Decisions(a.ID)
	if err != nil {
		return out, err
	}
	standing := pim.FoldApproval(a.PersonID, stages, append(earlier, d), tx.Now)
	if standing.Outcome == pim.ApprovalTimedOut {
		return out, pim.Refuse(pim.KindConflict, "This request timed out before you decided.")
	}
	if err := tx.InsertDecision(d); err != nil {
		return out, err
	}
	tx.Emit(pim.ActivationDecided(a, d).With("evidence", su.Digest()))
	switch standing.Outcome {
	case pim.ApprovalApproved:
		out.Done = "Approved."
		return out, b.approved(tx, who, a)
	case pim.ApprovalDenied:
		out.Done = "Denied."
		if err := b.end(tx, a, pim.OnDenied, who.ID, d.Justification, su.CeremonyID); err != nil {
			return out, err
		}
		return out, tellHolder(tx, a, who.Name+" denied your request for", ": "+d.Justification)
	default:
		return out, nil
	}
}

// approved starts the activation by the stricter of the rules then and now (invariant 3), with
// everything else checked again.
func (b *Broker) approved(tx *store.Tx, who pim.Principal, a pim.Activation) error {
	role, _, now, err := effective(tx.Reader, a.RoleID, a.ResourceID)
	if err != nil {
		return found(err)
	}
	if paused := b.Paused(); paused != "" && role.Source != pim.SourceBuiltin {
		return pim.Refuse(pim.KindPaused, "%s", paused)
	}
	eligible, holds, err := stillEligible(tx.Reader, a)
	if err != nil {
		return err
	}
	if !holds {
		return pim.Refuse(pim.KindConflict, "The requester is disabled or no longer eligible.")
	}
	if err := refuseLocked(tx.Reader, role, a); err != nil {
		return err
	}
	rules := a.Settings.Stricter(now.Settings)
	problem, err := tightened(tx.Reader, a.Asked(), a.StepUpID, a.Context, role, rules)
	if err != nil {
		return err
	}
	if problem != "" {
		return pim.Refuse(pim.KindConflict, "%s", problem)
	}
	if err := tx.CloseStages(a.ID); err != nil {
		return err
	}
	if a, err = b.start(tx, a, role, eligible, rules, who.ID); err != nil {
		return err
	}
	next := ". Stint grants it now."
	if a.State == pim.Scheduled {
		next = ". It starts " + pim.FormatInstant(a.StartsAt) + "."
	}
	return tellHolder(tx, a, who.Name+" approved your request for", next)
}

// tightened says which rule, tightened since the request, the request no longer meets.
func tightened(r *store.Reader, a pim.ActivationRequest, stepUpID, context string, role pim.RoleDefinition, rules pim.Settings) (string, error) {
	if problem := contextTightened(context, role, rules); problem != "" {
		return problem, nil
	}
	if rules.StepUp == pim.StepUpAttested && stepUpID != "" {
		if counts, err := attestedEvidence(r, stepUpID); err != nil || !counts {
			return fmt.Sprintf("%s asks for a passkey that stays on its device since this was requested. It has to be requested again.", role.Name), err
		}
	}
	switch {
	case rules.StepUp.Asks() && stepUpID == "":
		return fmt.Sprintf("%s asks for a passkey since this was requested. It has to be requested again.", role.Name), nil
	case pim.CheckJustification(a.Justification, rules.Justification) != "":
		return fmt.Sprintf("%s asks for a reason since this was requested. It has to be requested again.", role.Name), nil
	case rules.Ticket && a.TicketNumber == "":
		return fmt.Sprintf("%s asks for a ticket since this was requested. It has to be requested again.", role.Name), nil
	}
	return "", nil
}
