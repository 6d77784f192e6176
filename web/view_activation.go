package web

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// activationBody is an activation as this visitor may see it.
func activationBody(r *store.Reader, q *request, a pim.Activation) (views.ActivationBodyView, error) {
	decisions, err := r.Decisions(a.ID)
	if err != nil {
		return views.ActivationBodyView{}, err
	}
	i := ids{people: []string{a.EndedBy}}
	i.activation(a)
	for _, d := range decisions {
		i.people = append(i.people, d.PrincipalID)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return views.ActivationBodyView{}, err
	}
	own := q.who.Same(a.PersonID)
	admin, err := broker.MayEnd(r, q.powers, a)
	if err != nil {
		return views.ActivationBodyView{}, err
	}
	held := a.State.Holds() && q.now.Before(a.EndsAt) // past the end it is being taken away already
	v := views.ActivationBodyView{ID: a.ID, Role: n.role(a.RoleID, a.ResourceID), Person: n.person(a.PrincipalID), Yours: own, Status: statusView(q.reader(), a),
		Start: a.StartsAt, End: a.EndsAt, Duration: a.Duration, Justification: a.Justification, Ticket: ticketText(a), Verdicts: verdictViews(a.Verdicts),
		CanDeactivate: own && held, CanCancel: own && a.State.Waits(), CanExtend: a.PrincipalID == q.who.ID && a.ActiveAt(q.now),
		CanStart: a.PrincipalID == q.who.ID && broker.WaitsForTouch(a), CanRevoke: admin && !own && held, CanCancelFor: admin && !own && a.State.Waits()}
	for _, fill := range []func(*store.Reader, *request, pim.Activation, *views.ActivationBodyView) error{fillStatus, fillWaiting, fillExtensions, fillEvidence, fillTarget, fillAudit} {
		if err := fill(r, q, a, &v); err != nil {
			return v, err
		}
	}
	extended, err := extensionSteps(r, a, q.reader())
	v.Story = story(a, decisions, extended, n, v)
	return v, err
}

func ticketText(a pim.Activation) string {
	return strings.TrimSpace(a.TicketNumber + " " + a.TicketSystem)
}

func fillStatus(r *store.Reader, _ *request, a pim.Activation, v *views.ActivationBodyView) error {
	if err := fillSeen(r, &v.Status, a); err != nil {
		return err
	}
	return targetNote(r, &v.Status, a)
}

// fillWaiting names who may decide while the request waits.
func fillWaiting(r *store.Reader, _ *request, a pim.Activation, v *views.ActivationBodyView) error {
	if a.State != pim.PendingApproval {
		return nil
	}
	people, err := deciders(r, a)
	if err != nil {
		return err
	}
	for _, p := range people {
		v.Waiting = append(v.Waiting, personView(p))
	}
	stages, err := r.Stages(a.ID)
	for _, s := range stages {
		v.TimesOut = s.TimesOutAt
	}
	return err
}

// deciders are the people today's settings name for a request, its own person left out; whether one of
// them may decide is checked again when they do.
func deciders(r *store.Reader, a pim.Activation) ([]pim.Principal, error) {
	role, err := r.Role(a.RoleID)
	if err != nil {
		return nil, err
	}
	path, err := r.Path(a.ResourceID)
	if err != nil {
		return nil, err
	}
	rows, err := r.Settings(a.RoleID)
	if err != nil {
		return nil, err
	}
	people, err := r.PeopleIn(pim.ResolveSettings(role, path, rows).Approvers)
	var out []pim.Principal
	for _, p := range people {
		if !p.Same(a.PersonID) {
			out = append(out, p)
		}
	}
	return out, err
}

func fillEvidence(r *store.Reader, _ *request, a pim.Activation, v *views.ActivationBodyView) error {
	if a.StepUpID == "" {
		return nil
	}
	su, _, err := r.StepUp(a.StepUpID)
	if err != nil {
		return err
	}
	v.Evidence = &views.Evidence{Passkey: "a passkey that was removed since", At: su.At, Digest: shortDigest(su.Digest())}
	credentials, err := r.CredentialsOf(su.PrincipalID)
	for _, c := range credentials {
		if c.ID == su.CredentialID {
			v.Evidence.Passkey = c.Name
		}
	}
	for _, version := range a.Settings.Versions {
		v.Evidence.Settings = fmt.Sprintf("version %d", version)
	}
	return err
}

// shortDigest is enough of a digest to compare by eye: 9f2c 41d8 … 77ab.
func shortDigest(digest string) string {
	b, err := base64.StdEncoding.DecodeString(digest)
	if err != nil || len(b) < 6 {
		return ""
	}
	h := hex.EncodeToString(b)
	return h[:4] + " " + h[4:8] + " … " + h[len(h)-4:]
}

// fillTarget shows the grant that matters most: a late one, else the first. Only those who watch see a
// target's own words about an error.
func fillTarget(r *store.Reader, q *request, a pim.Activation, v *views.ActivationBodyView) error {
	needs, err := r.NeedsOf(a.ID)
	if err != nil || len(needs) == 0 {
		return err
	}
	var g store.GrantRow
	for _, n := range needs {
		one, err := r.Grant(n.GrantID)
		if err != nil {
			return err
		}
		if g.ID == "" || g.LateSince.IsZero() && !one.LateSince.IsZero() {
			g = one
		}
	}
	t, err := r.Target(g.TargetID)
	if err != nil {
		return err
	}
	f := views.TargetFacts{Target: t.Name, Account: g.AccountName, Wanted: "nothing", Seen: seenWords(g.Seen), SeenAt: g.SeenAt, NextLook: g.DueAt, Late: !g.LateSince.IsZero()}
	if g.Wanted {
		f.Wanted = "member of " + g.Entitlement
		if strings.HasPrefix(g.Entitlement, pim.OwnerOf) {
			f.Wanted = g.Entitlement
		}
	}
	if q.powers.MayAudit() {
		f.TargetID, f.LastError = t.ID, g.Error
	}
	v.Target = &f
	return nil
}

func seenWords(p pim.Presence) string {
	switch p {
	case pim.Present:
		return "member"
	case pim.Absent:
		return "not a member"
	case pim.Unseen:
		return "not visible any more"
	}
	return "not looked yet"
}

// maxStory bounds how many entries of one activation are counted and shown.
const maxStory = 200

func fillAudit(r *store.Reader, _ *request, a pim.Activation, v *views.ActivationBodyView) error {
	entries, err := r.Story(a.ID, maxStory)
	v.Entries, v.StoryHref = len(entries), "/audit/story/"+a.ID
	return err
}

// story is what happened to an activation, oldest first, and the end that is planned.
func story(a pim.Activation, decisions []pim.ApprovalDecision, extended []views.StoryStep, n names, v views.ActivationBodyView) []views.StoryStep {
	steps := []views.StoryStep{{At: a.RequestedAt, Text: "Requested by " + v.Person.Name, More: views.Duration(a.Duration)}}
	if v.Evidence != nil {
		steps = append(steps, views.StoryStep{At: v.Evidence.At, Text: "Confirmed with passkey", More: v.Evidence.Passkey + ", person verified"})
	}
	for _, d := range decisions {
		step := views.StoryStep{At: d.At, Text: "Denied by " + n.person(d.PrincipalID).Name, Quote: d.Justification, Tone: views.Bad}
		if d.Approve {
			step.Text, step.Tone = "Approved by "+n.person(d.PrincipalID).Name, views.Neutral
		}
		steps = append(steps, step)
	}
	if a.State == pim.Scheduled {
		return append(steps, views.StoryStep{At: a.StartsAt, Text: "Starts", More: "Every rule is checked again then", Next: true})
	}
	if !a.StartsAt.IsZero() && v.Target != nil {
		steps = append(steps, views.StoryStep{At: a.StartsAt, Text: "Granting", More: "Asked for at " + v.Target.Target})
	}
	if !a.ConfirmedAt.IsZero() {
		steps = append(steps, views.StoryStep{At: a.ConfirmedAt, Text: activeWords(v), Tone: views.OK})
	}
	return append(append(steps, extended...), endSteps(a, n, v)...)
}

func activeWords(v views.ActivationBodyView) string {
	if v.Status.NoTarget {
		return "Active"
	}
	return "Active, confirmed at the target"
}

func endSteps(a pim.Activation, n names, v views.ActivationBodyView) []views.StoryStep {
	var steps []views.StoryStep
	switch {
	case a.State.Holds():
		steps = append(steps, views.StoryStep{At: a.EndsAt, Text: "Ends", More: "Stint takes it away and looks again", Next: true})
	case !a.EndedAt.IsZero() && a.State != pim.Denied:
		steps = append(steps, views.StoryStep{At: a.EndedAt, Text: endedWords(a, n), Quote: a.EndReason})
	}
	if v.Status.State == views.Ended && v.Status.Seen == views.SeenGone {
		steps = append(steps, views.StoryStep{At: a.SettledAt, Text: "Confirmed gone", Tone: views.OK})
	}
	return steps
}

func endedWords(a pim.Activation, n names) string {
	words := map[pim.ActivationState]string{pim.Canceled: "Canceled", pim.TimedOut: "Nobody decided in time", pim.RefusedAtStart: "Refused at its start", pim.Failed: "Failed: the target does not take it",
		pim.Expired: "Expired", pim.Deactivated: "Deactivated", pim.Revoked: "Revoked", pim.EligibilityEnded: "Ended with the eligibility",
		pim.PersonDisabled: "Ended: the person was disabled", pim.LostAtTarget: "Lost: somebody took it away at the target"}
	w := words[a.State]
	if a.EndedBy != "" && a.EndedBy != pim.System {
		w += " by " + n.person(a.EndedBy).Name
	}
	return w
}
