package pim

import "time"

// EventType is the audit vocabulary: noun.past_participle (U-20–U-27 in Stint's words).
type EventType string

const (
	EvSignedIn           EventType = "session.started"
	EvSignInRefused      EventType = "session.refused"
	EvSignedOut          EventType = "session.ended"
	EvSessionsEnded      EventType = "sessions.ended"
	EvSessionRevoked     EventType = "session.revoked" // one session, by its owner elsewhere or by the provider
	EvPersonBound        EventType = "person.bound"
	EvPersonDisabled     EventType = "person.disabled"
	EvPersonEnabled      EventType = "person.enabled"
	EvPrincipalSaved     EventType = "principal.saved"
	EvPrincipalRemoved   EventType = "principal.removed"
	EvMemberAdded        EventType = "member.added"
	EvMemberRemoved      EventType = "member.removed"
	EvAccountLinked      EventType = "account.linked"
	EvAccountConfirmed   EventType = "account.confirmed"
	EvAccountUnlinked    EventType = "account.unlinked"
	EvAccountRefused     EventType = "account.refused" // found at the target, and another's already (T10)
	EvPeopleLinked       EventType = "person.linked"   // object: the other principal
	EvPersonUnlinked     EventType = "person.unlinked" // object: one of those it was linked with
	EvRecoveryAsked      EventType = "recovery.requested"
	EvRecoveryConfirmed  EventType = "recovery.confirmed"
	EvRecoveryCanceled   EventType = "recovery.canceled"
	EvRecoveryRefused    EventType = "recovery.refused"
	EvSignInProved       EventType = "sign_in.proved" // somebody signed in again at the provider, for one thing
	EvKeyRuleSaved       EventType = "key_rule.saved" // which passkeys count as attested, as those who run Stint set it
	EvCredentialAdded    EventType = "credential.added"
	EvCredentialNamed    EventType = "credential.named"
	EvCredentialRemoved  EventType = "credential.removed"
	EvCredentialRefused  EventType = "credential.refused"
	EvVoucherIssued      EventType = "voucher.issued"
	EvVoucherRefused     EventType = "voucher.refused"
	EvAdminLinkIssued    EventType = "admin_link.issued"
	EvAdminLinkUsed      EventType = "admin_link.used"
	EvStepUpRefused      EventType = "step_up.refused"
	EvTargetSaved        EventType = "target.saved"
	EvTargetRemoved      EventType = "target.removed"
	EvTargetFailing      EventType = "target.failing"
	EvTargetRecovered    EventType = "target.recovered"
	EvResourceSaved      EventType = "resource.saved"
	EvResourceRemoved    EventType = "resource.removed"
	EvChangeDecided      EventType = "long_change.decided" // too much follows for one write
	EvChangeFinished     EventType = "long_change.finished"
	EvRoleSaved          EventType = "role.saved"
	EvRoleRemoved        EventType = "role.removed"
	EvMeaningSaved       EventType = "meaning.saved"
	EvMeaningRemoved     EventType = "meaning.removed"
	EvSettingsSaved      EventType = "settings.saved"
	EvSettingsRemoved    EventType = "settings.removed"
	EvSettingsLoosened   EventType = "settings.loosened" // of a privileged role (T21)
	EvSettingsRefused    EventType = "settings.refused"
	EvAdministrationEnds EventType = "administration.limited" // nobody able to administer after an instant
	EvAssignmentMade     EventType = "assignment.made"
	EvAssignmentChanged  EventType = "assignment.changed"
	EvAssignmentRemoved  EventType = "assignment.removed"
	EvAssignmentExpired  EventType = "assignment.expired"
	EvAssignmentStarted  EventType = "assignment.started"
	EvAssignmentRefused  EventType = "assignment.refused"
	EvAsgAsked           EventType = "assignment.extension_requested"
	EvAsgRenewalAsked    EventType = "assignment.renewal_requested"
	EvAsgApproved        EventType = "assignment.request_approved"
	EvAsgDenied          EventType = "assignment.request_denied"
	EvAsgCanceled        EventType = "assignment.request_canceled"
	EvAsgTimedOut        EventType = "assignment.request_timed_out"
	EvAsgRequestEnded    EventType = "assignment.request_ended"
	EvAsgExported        EventType = "assignments.exported"
	EvActRequested       EventType = "activation.requested"
	EvActRefused         EventType = "activation.refused"
	EvActApprovalAsked   EventType = "activation.approval_requested"
	EvActApproved        EventType = "activation.approved"
	EvActDenied          EventType = "activation.denied"
	EvActCanceled        EventType = "activation.canceled"
	EvActTimedOut        EventType = "activation.timed_out"
	EvActScheduled       EventType = "activation.scheduled"
	EvActTouchAsked      EventType = "activation.touch_requested"
	EvActTouched         EventType = "activation.touched"
	EvActRefusedAtStart  EventType = "activation.refused_at_start"
	EvActExtended        EventType = "activation.extended"
	EvExtRequested       EventType = "extension.requested"
	EvExtRefused         EventType = "extension.refused"
	EvExtApproved        EventType = "extension.approved"
	EvExtDenied          EventType = "extension.denied"
	EvExtCanceled        EventType = "extension.canceled"
	EvExtTimedOut        EventType = "extension.timed_out"
	EvExtEnded           EventType = "extension.ended_with_activation"
	EvActProvisioning    EventType = "activation.provisioning"
	EvActConfirmed       EventType = "activation.confirmed"
	EvActFailed          EventType = "activation.failed"
	EvActEnded           EventType = "activation.ended"
	EvActSettled         EventType = "activation.settled"
	EvApprovalRefused    EventType = "approval.refused"
	EvGrantObserved      EventType = "grant.observed"
	EvGrantCalled        EventType = "grant.called"
	EvGrantConfirmed     EventType = "grant.confirmed"
	EvGrantGone          EventType = "grant.confirmed_gone"
	EvGrantLost          EventType = "grant.lost"
	EvGrantLate          EventType = "grant.late"
	EvGrantAdopted       EventType = "grant.adopted"
	EvGrantReissued      EventType = "grant.reissued"
	EvGrantAccepted      EventType = "grant.accepted_gone"
	EvGrantReclaimed     EventType = "grant.reclaimed"
	EvIncidentOpened     EventType = "incident.opened"
	EvIncidentClosed     EventType = "incident.closed"
	EvScanRequested      EventType = "scan.requested"
	EvScanCompleted      EventType = "scan.completed"
	EvAuditExported      EventType = "audit.exported"
	EvAuditExportEnded   EventType = "audit.export_ended"
	EvFileApplied        EventType = "file.applied"
	EvEpochOpened        EventType = "epoch.opened"
	EvClockSuspect       EventType = "clock.suspected"
	EvClockAccepted      EventType = "clock.accepted"
	EvRefusalsCounted    EventType = "refusals.counted"

	EvHandOutSaved       EventType = "handout.saved"
	EvHandOutRemoved     EventType = "handout.removed"
	EvBreakGlassMarked   EventType = "breakglass.marked"
	EvBreakGlassUnmarked EventType = "breakglass.unmarked"
	EvBreakGlassUsed     EventType = "breakglass.used"
	EvBreakGlassReviewed EventType = "breakglass.reviewed"
	EvBreakGlassUnused   EventType = "breakglass.unused"

	// Of access reviews; their correlation is the instance.
	EvReviewSaved          EventType = "review.saved"
	EvReviewRemoved        EventType = "review.removed"
	EvReviewStarted        EventType = "review.started"
	EvReviewChanged        EventType = "review.changed" // one that runs
	EvReviewStageEnded     EventType = "review.stage_ended"
	EvReviewDecided        EventType = "review.decided"
	EvReviewHandedOver     EventType = "review.handed_over"
	EvReviewReset          EventType = "review.reset"
	EvReviewReminded       EventType = "review.reminded"
	EvReviewReviewersAdded EventType = "review.reviewers_added"
	EvReviewStopped        EventType = "review.stopped"
	EvReviewEnded          EventType = "review.ended"
	EvReviewApplying       EventType = "review.applying" // from here on access is taken away
	EvReviewItemApplied    EventType = "review.applied"  // what came of one item
	EvReviewFinished       EventType = "review.finished" // nothing is left to take away
	EvReviewDeleted        EventType = "review.deleted"
	EvReviewExported       EventType = "review.exported"
	EvReviewRefused        EventType = "review.refused"
)

// Result says whether the thing happened.
type Result string

const (
	OK      Result = "ok"
	Refused Result = "refused"
)

// Event is what happened, who did it, to whom and why. Facts hold no personal text: names, reasons and
// addresses go into Texts, of which the leaf keeps only salted commitments (invariant 11).
type Event struct {
	Type        EventType
	Actor       string // principal id or System, never empty
	Subject     string // principal it is about
	RoleID      string
	ResourceID  string
	TargetID    string
	ObjectID    string
	Correlation string // activation id: one story (K-17)
	Result      Result
	Facts       map[string]any
	Texts       map[string]string
}

// ofActivation is the part every event of an activation's story shares.
func ofActivation(t EventType, a Activation, actor string) Event {
	return Event{Type: t, Actor: actor, Subject: a.PrincipalID, RoleID: a.RoleID, ResourceID: a.ResourceID,
		ObjectID: a.ID, Correlation: a.ID, Result: OK, Facts: map[string]any{}, Texts: map[string]string{}}
}

func (e Event) text(field, value string) Event {
	if value != "" {
		e.Texts[field] = value
	}
	return e
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// ActivationRequested is the first entry of every story; it carries each rule's verdict, and whether a
// passkey was asked for, so that one without evidence is seen to lack it.
func ActivationRequested(a Activation) Event {
	e := ofActivation(EvActRequested, a, a.PrincipalID)
	e.Facts["assignment"] = a.AssignmentID
	e.Facts["duration_s"] = int64(a.Duration.Seconds())
	e.Facts["step_up"], e.Facts["passkey"] = a.StepUpID, a.Settings.StepUp.Asks()
	e.proved(a.Settings.Settings, a.ProofID, a.Context)
	if !a.StartAsked.IsZero() {
		e.Facts["start_asked"] = micros(a.StartAsked)
	}
	e.Facts["verdicts"] = verdictFacts(a.Verdicts)
	return e.text("justification", a.Justification).text("ticket_number", a.TicketNumber).text("ticket_system", a.TicketSystem)
}

// proved names the sign-in again and what was asked, where anything was, so that one without it is seen to lack it.
func (e Event) proved(s Settings, proofID, context string) {
	if asked := s.Contexts(); len(asked) > 0 {
		e.Facts["contexts"], e.Facts["context"], e.Facts["proof"] = asked, context, proofID
	}
}

// ActivationRefused records a refusal of a signed-in person; refusals are evidence.
func ActivationRefused(who Principal, asg Assignment, verdicts []Verdict, justification string) Event {
	e := Event{Type: EvActRefused, Actor: who.ID, Subject: who.ID, RoleID: asg.RoleID, ResourceID: asg.ResourceID, ObjectID: asg.ID,
		Result: Refused, Facts: map[string]any{"verdicts": verdictFacts(verdicts)}, Texts: map[string]string{}}
	return e.text("justification", justification)
}

func verdictFacts(vs []Verdict) map[string]any {
	m := map[string]any{}
	for _, v := range vs {
		if m[string(v.Rule)] != string(No) {
			m[string(v.Rule)] = string(v.State)
		}
	}
	return m
}

// ActivationApprovalAsked says that it waits, and until when.
func ActivationApprovalAsked(a Activation, stage ApprovalStage) Event {
	e := ofActivation(EvActApprovalAsked, a, a.PrincipalID)
	e.Facts["stage"] = int64(stage.Number)
	e.Facts["quorum"] = int64(stage.Quorum)
	e.Facts["times_out_at"] = micros(stage.TimesOutAt)
	return e
}

// ActivationDecided is an approver's approve or deny, with the evidence of their passkey.
func ActivationDecided(a Activation, d ApprovalDecision) Event {
	t := EvActDenied
	if d.Approve {
		t = EvActApproved
	}
	e := ofActivation(t, a, d.PrincipalID)
	e.Facts["stage"], e.Facts["step_up"] = int64(d.Stage), d.StepUpID
	return e.text("justification", d.Justification)
}

// ActivationProvisioning fixes the window.
func ActivationProvisioning(a Activation, actor string) Event {
	e := ofActivation(EvActProvisioning, a, actor)
	e.Facts["starts_at"], e.Facts["ends_at"] = micros(a.StartsAt), micros(a.EndsAt)
	return e
}

// ActivationConfirmed says that every grant was read back at the target.
func ActivationConfirmed(a Activation) Event { return ofActivation(EvActConfirmed, a, System) }

// ActivationScheduled fixes a window whose start lies ahead.
func ActivationScheduled(a Activation, actor string) Event {
	e := ofActivation(EvActScheduled, a, actor)
	e.Facts["starts_at"], e.Facts["ends_at"] = micros(a.StartsAt), micros(a.EndsAt)
	return e
}

// ActivationTouchAsked says that the start has come and waits for the holder's passkey.
func ActivationTouchAsked(a Activation) Event {
	e := ofActivation(EvActTouchAsked, a, System)
	e.Facts["ends_at"] = micros(a.EndsAt)
	return e
}

// ActivationTouched is the holder's fresh passkey at a planned start.
func ActivationTouched(a Activation, su StepUp) Event {
	e := ofActivation(EvActTouched, a, a.PrincipalID)
	e.Facts["step_up"], e.Facts["evidence"] = su.CeremonyID, su.Digest()
	return e
}

var endTypes = map[ActivationState]EventType{RefusedAtStart: EvActRefusedAtStart, Canceled: EvActCanceled, TimedOut: EvActTimedOut, Failed: EvActFailed, Denied: EvActDenied}

// ActivationOver is every end that is not an approver's decision; the state in the facts says which.
func ActivationOver(a Activation, actor, stepUpID string) Event {
	t, ok := endTypes[a.State]
	if !ok {
		t = EvActEnded
	}
	e := ofActivation(t, a, actor)
	e.Facts["state"], e.Facts["ended_at"] = string(a.State), micros(a.EndedAt)
	if a.State == RefusedAtStart { // the verdicts of the start, which the caller has put in their place
		e.Facts["verdicts"] = verdictFacts(a.Verdicts)
	}
	if stepUpID != "" {
		e.Facts["step_up"] = stepUpID
	}
	return e.text("reason", a.EndReason)
}

// ActivationSettled says how the target was found after the end: each grant gone, shared or as before.
func ActivationSettled(a Activation, outcomes map[string]Outcome) Event {
	e := ofActivation(EvActSettled, a, System)
	m := map[string]any{}
	for grant, o := range outcomes {
		m[grant] = string(o)
	}
	e.Facts["outcomes"] = m
	return e
}

// GrantEventOf is an observation or call at a target; its leaf names the target's immutable ids, so that
// re-pointing a role later cannot change what an old entry meant (invariant 11).
func GrantEventOf(t EventType, g Grant, facts map[string]any) Event {
	all := map[string]any{"account": g.AccountID, "entitlement": g.EntitlementID, "before": string(g.Before), "seen": string(g.Seen)}
	for k, v := range facts {
		all[k] = v
	}
	return Event{Type: t, Actor: System, TargetID: g.TargetID, ObjectID: g.ID, Result: OK, Facts: all}
}

// AssignmentEvent is a change of an assignment.
func AssignmentEvent(t EventType, a Assignment, actor string) Event {
	return Event{Type: t, Actor: actor, Subject: a.PrincipalID, RoleID: a.RoleID, ResourceID: a.ResourceID, ObjectID: a.ID, Result: OK,
		Facts: map[string]any{"kind": string(a.Kind), "starts_at": micros(a.StartsAt), "ends_at": micros(a.EndsAt), "source": string(a.Source)}, Texts: map[string]string{}}
}

// PersonEvent is something about one person, done by actor.
func PersonEvent(t EventType, actor, person, object string) Event {
	return Event{Type: t, Actor: actor, Subject: person, ObjectID: object, Result: OK, Facts: map[string]any{}, Texts: map[string]string{}}
}

// With adds a fact; values are strings, int64, bool, []string or nested maps of them.
func (e Event) With(name string, value any) Event {
	facts := map[string]any{name: value}
	for k, v := range e.Facts {
		facts[k] = v
	}
	e.Facts = facts
	return e
}

// WithText adds a personal text, kept beside the leaf.
func (e Event) WithText(field, value string) Event {
	texts := map[string]string{}
	for k, v := range e.Texts {
		texts[k] = v
	}
	e.Texts = texts
	return e.text(field, value)
}

// AsRefused marks the event as a refusal.
func (e Event) AsRefused() Event { e.Result = Refused; return e }
