package web

import (
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

var hows = map[pim.ActivationState]views.How{
	pim.Expired: views.Expired, pim.Deactivated: views.Deactivated, pim.Revoked: views.Revoked,
	pim.EligibilityEnded: views.EligibilityEnded, pim.PersonDisabled: views.PersonDisabled, pim.LostAtTarget: views.LostAtTarget,
}

var plainStates = map[pim.ActivationState]views.State{
	pim.PendingApproval: views.PendingApproval, pim.Denied: views.Denied, pim.Canceled: views.Canceled, pim.TimedOut: views.TimedOut, pim.Failed: views.Failed,
	pim.Scheduled: views.Scheduled, pim.RefusedAtStart: views.RefusedAtStart,
}

// statusView is where an activation stands, in the exact words of DESIGN §3. It is judged by the window
// at this instant: what is past its end is ending, even before the worker came by (invariant 1).
func statusView(rd views.Reader, a pim.Activation) views.StatusView {
	v := views.StatusView{Reader: rd, NoTarget: a.ResourceID == pim.StintResource}
	if s, ok := plainStates[a.State]; ok {
		v.State, v.Starts, v.Touch = s, a.StartsAt, broker.WaitsForTouch(a)
		if a.State == pim.RefusedAtStart {
			v.Note = a.EndReason
		}
		if a.State == pim.Failed && a.Ending() {
			v.Note = "Stint keeps looking until it is seen clean at the target."
		}
		return v
	}
	switch {
	case a.State.Holds() && !rd.Now.Before(a.EndsAt):
		v.State, v.How = views.Ending, views.Expired
	case a.State == pim.Provisioning:
		v.State = views.Granting
	case a.State == pim.ActiveConfirmed:
		v.State, v.At = views.Active, a.ConfirmedAt
	case a.Ending():
		v.State, v.How = views.Ending, hows[a.State]
	default:
		v.State, v.How, v.At = views.Ended, hows[a.State], a.SettledAt
		if a.StartsAt.IsZero() {
			v.Seen = views.NothingHeld
		}
	}
	return v
}

// fillSeen says how the target was found after the end: gone, still held through another role, or as it
// was before Stint. Of several grants the one that is still held is said first.
func fillSeen(r *store.Reader, v *views.StatusView, a pim.Activation) error {
	if v.State != views.Ended || v.Seen != "" || v.NoTarget {
		return nil
	}
	needs, err := r.NeedsOf(a.ID)
	if err != nil {
		return err
	}
	v.Seen = views.NothingHeld
	for _, n := range needs {
		switch {
		case n.Outcome == pim.OutcomeShared:
			v.Seen = views.StillHeld
			v.Through, v.Until, err = sharedWith(r, n.SharedWith)
			return err
		case n.Outcome == pim.OutcomeAccepted:
			v.Seen = views.AcceptedGone
			names, err := r.Names([]string{n.SharedWith})
			if v.By = names[n.SharedWith]; err != nil {
				return err
			}
		case v.Seen == views.AcceptedGone:
		case n.Outcome == pim.OutcomeBefore:
			v.Seen = views.HeldBefore
		case n.Outcome == pim.OutcomeGone && v.Seen == views.NothingHeld:
			v.Seen = views.SeenGone
		}
	}
	return nil
}

// sharedWith names the role of the activation or assignment that still needs the grant, and its end.
func sharedWith(r *store.Reader, id string) (role string, until time.Time, err error) {
	var roleID string
	if a, err := r.Activation(id); err == nil {
		roleID, until = a.RoleID, a.EndsAt
	} else if g, err := r.Assignment(id); err == nil {
		roleID, until = g.RoleID, g.EndsAt
	} else {
		return "", until, err
	}
	roles, err := r.RoleNames([]string{roleID})
	return roles[roleID], until, err
}

// unseenWords say why Stint does not call gone what it cannot see.
var unseenWords = map[string]string{
	broker.AccountUnseen: "The account is no longer visible at the target; not confirmed. Stint keeps looking.",
	broker.RoleUnseen:    "What the role means is no longer visible at the target; not confirmed. Stint keeps looking.",
}

// targetNote says what a person should know while Stint waits for a target.
func targetNote(r *store.Reader, v *views.StatusView, a pim.Activation) error {
	over := a.Ending() // also of one that failed, while it may still be held
	if v.State != views.Granting && !over || v.NoTarget {
		return nil
	}
	needs, err := r.NeedsOf(a.ID)
	if err != nil {
		return err
	}
	for _, n := range needs {
		g, err := r.Grant(n.GrantID)
		if err != nil {
			return err
		}
		if words := unseenWords[g.ErrorKind]; words != "" && over {
			v.Note = words
			return nil
		}
		if g.ErrorKind != "" && v.State != views.Failed {
			v.Note = "The target does not do it yet; Stint keeps trying."
			return nil
		}
	}
	if len(needs) == 0 && v.State == views.Granting {
		v.Note = "Stint is still looking for your account and the role at the target."
	}
	return nil
}
