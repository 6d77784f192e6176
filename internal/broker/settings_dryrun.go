package broker

import (
	"context"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// SettingsDryRun is what the activation form would say to somebody.
type SettingsDryRun struct {
	Person    pim.Principal
	Role      pim.RoleDefinition
	Path      pim.Path
	Verdicts  []pim.Verdict
	Approvers []pim.Principal // who could decide, the person left out
	Summary   string          // "Alice would need: passkey, reason, approval by one of 5; at most 4 h"
	Refused   bool
}

// DryRunSettings runs every rule of an activation for somebody, as their form would: by the settings that hold, or by
// those a change would make. It changes nothing.
func (b *Broker) DryRunSettings(ctx context.Context, actor Actor, roleID, resourceID, personID string, change *SettingsChange) (SettingsDryRun, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (d SettingsDryRun, err error) {
		who, err := person(r, actor)
		if err != nil {
			return d, err
		}
		if err := setsRules(r, who, roleID, resourceID); err != nil {
			return d, err
		}
		f, err := b.dryFacts(r, roleID, resourceID, personID)
		if err != nil {
			return d, err
		}
		if change != nil {
			if err := f.under(r, who, *change); err != nil {
				return d, err
			}
		}
		return dryRun(f), nil
	})
}

// dryFacts are what an activation would rest on; of somebody who is not eligible too.
func (b *Broker) dryFacts(r *store.Reader, roleID, resourceID, personID string) (f considered, err error) {
	f.Now = r.Now
	if f.Person, err = r.Principal(personID); err != nil || f.Person.Kind != pim.Person {
		return f, pim.Invalid("person", "Choose a person.")
	}
	w, err := weighSettings(r, pim.RoleSettings{RoleID: roleID, ResourceID: resourceID})
	if err != nil {
		return f, err
	}
	if f.Assignment, err = eligibleFor(r, w, personID); err != nil {
		return f, err
	}
	if f.Belongs = f.Assignment.ID != ""; resourceID == "" {
		resourceID = f.Assignment.ResourceID
	}
	if resourceID == "" { // everywhere, and eligible nowhere
		f.Role, f.Means, f.Effective = w.role, true, w.places[0].was
		if f.Effective.Approval {
			f.people, err = approversFor(r, f.Effective.Approvers, f.Person)
		}
		f.Approvers = len(f.people)
		return f, err
	}
	f.Assignment.RoleID = roleID
	return f, found(b.weigh(r, &f, resourceID))
}

// eligibleFor is the eligible assignment somebody would activate the role from; without one only where it is.
func eligibleFor(r *store.Reader, w weighedSettings, personID string) (pim.Assignment, error) {
	all, err := r.AssignmentsFor(personID, pim.Eligible)
	for _, a := range all {
		if a.RoleID == w.role.ID && (len(w.path) == 0 || w.path.Contains(a.ResourceID)) {
			return a, err
		}
	}
	return pim.Assignment{ResourceID: w.path.Leaf().ID}, err
}

// under puts the settings of a change in the place of those that hold.
func (f *considered) under(r *store.Reader, who pim.Principal, change SettingsChange) error {
	w, err := change.decide(r, who)
	if err != nil {
		return err
	}
	f.Effective = pim.ResolveSettings(w.role, f.Path, append(exceptAt(w.rows, w.row.ResourceID), w.row))
	if f.people = nil; f.Effective.Approval {
		f.people, err = approversFor(r, f.Effective.Approvers, f.Person)
	}
	f.Approvers = len(f.people)
	return err
}

// dryRun lets the form's own rules speak; what the person would still write is to do, not wrong.
func dryRun(f considered) SettingsDryRun {
	s := f.Effective.Settings
	req := pim.ActivationRequest{Duration: s.DefaultDuration, Justification: "dry run", TicketNumber: "dry run", ResourceID: f.resource()}
	decision := pim.EvaluateActivation(req, f.ActivationFacts)
	for i, v := range decision.Verdicts {
		switch {
		case v.Rule == pim.RuleJustification:
			decision.Verdicts[i] = toWrite(v, s.Justification, "A reason will be asked for", "No reason needed")
		case v.Rule == pim.RuleTicket:
			decision.Verdicts[i] = toWrite(v, s.Ticket, "A ticket number will be asked for", "No ticket needed")
		}
	}
	d := SettingsDryRun{Person: f.Person, Role: f.Role, Path: f.Path, Verdicts: decision.Verdicts, Approvers: f.people, Refused: decision.Refused()}
	d.Summary = f.Person.Name + " would need: " + strings.TrimSpace(s.Summary(f.Approvers))
	return d
}

func toWrite(v pim.Verdict, asked bool, yes, no string) pim.Verdict {
	if asked {
		return pim.Verdict{Rule: v.Rule, State: pim.Todo, Message: yes}
	}
	return pim.Verdict{Rule: v.Rule, State: pim.Pass, Message: no}
}
