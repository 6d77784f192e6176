package pim

// AssignmentMade is an assignment with its reason; more says what it follows from.
func AssignmentMade(t EventType, a Assignment, actor, evidence string) Event {
	e := AssignmentEvent(t, a, actor)
	if evidence != "" {
		e = e.With("evidence", evidence)
	}
	return e.WithText("justification", a.Justification).WithText("ticket_number", a.TicketNumber).WithText("ticket_system", a.TicketSystem)
}

// AssignmentRefused records a refusal of a signed-in person; refusals are evidence.
func AssignmentRefused(a Assignment, actor string, verdicts []Verdict, justification string) Event {
	return AssignmentEvent(EvAssignmentRefused, a, actor).AsRefused().With("verdicts", verdictFacts(verdicts)).WithText("justification", justification)
}

var assignmentRequestTypes = map[AssignmentRequestState]EventType{AssignmentRequestApproved: EvAsgApproved, AssignmentRequestDenied: EvAsgDenied,
	AssignmentRequestCanceled: EvAsgCanceled, AssignmentRequestTimedOut: EvAsgTimedOut, AssignmentRequestEnded: EvAsgRequestEnded}

// AssignmentAsked is a holder's request to extend or renew, with the reason.
func AssignmentAsked(q AssignmentRequest) Event {
	t := EvAsgAsked
	if q.Kind == RenewAssignment {
		t = EvAsgRenewalAsked
	}
	return ofAssignmentRequest(t, q, q.Asker()).With("times_out_at", micros(q.TimesOutAt)).WithText("justification", q.Justification)
}

// AssignmentRequestDecided is how a request ended, by whom and with which words.
func AssignmentRequestDecided(q AssignmentRequest, evidence string) Event {
	e := ofAssignmentRequest(assignmentRequestTypes[q.State], q, q.DecidedBy)
	if q.ResultID != "" {
		e = e.With("result", q.ResultID)
	}
	if evidence != "" {
		e = e.With("evidence", evidence)
	}
	return e.WithText("justification", q.Decision)
}

func ofAssignmentRequest(t EventType, q AssignmentRequest, actor string) Event {
	return Event{Type: t, Actor: actor, Subject: q.PrincipalID, RoleID: q.RoleID, ResourceID: q.ResourceID, ObjectID: q.AssignmentID, Result: OK,
		Facts: map[string]any{"request": q.ID, "kind": string(q.Kind)}, Texts: map[string]string{}}
}
