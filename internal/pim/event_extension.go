package pim

// ofExtension is the part every event of an extension shares; it belongs to the activation's story.
func ofExtension(t EventType, a Activation, x Extension, actor string) Event {
	e := ofActivation(t, a, actor)
	e.ObjectID = x.ID
	return e
}

// ExtensionRequested carries each rule's verdict and the end that was asked for.
func ExtensionRequested(a Activation, x Extension) Event {
	e := ofExtension(EvExtRequested, a, x, x.PrincipalID)
	e.Facts["duration_s"], e.Facts["step_up"] = int64(x.Duration.Seconds()), x.StepUpID
	e.Facts["from_end"], e.Facts["ends_at"] = micros(x.FromEnd), micros(x.EndsAt)
	e.Facts["times_out_at"] = micros(x.TimesOutAt)
	e.proved(a.Settings.Settings.Stricter(x.Settings.Settings), x.ProofID, x.Context)
	e.Facts["verdicts"] = verdictFacts(x.Verdicts)
	return e.text("justification", x.Justification).text("ticket_number", x.TicketNumber).text("ticket_system", x.TicketSystem)
}

// ExtensionRefused records a refusal; refusals are evidence.
func ExtensionRefused(a Activation, verdicts []Verdict, justification string) Event {
	e := ofActivation(EvExtRefused, a, a.PrincipalID).AsRefused()
	e.Facts["verdicts"] = verdictFacts(verdicts)
	return e.text("justification", justification)
}

var extensionTypes = map[ExtensionState]EventType{ExtensionApproved: EvExtApproved, ExtensionDenied: EvExtDenied,
	ExtensionCanceled: EvExtCanceled, ExtensionTimedOut: EvExtTimedOut, ExtensionEnded: EvExtEnded}

// ExtensionDecided is how an extension that waited was settled, by whom and with which words.
func ExtensionDecided(a Activation, x Extension) Event {
	e := ofExtension(extensionTypes[x.State], a, x, x.DecidedBy)
	if x.DecisionID != "" {
		e.Facts["step_up"] = x.DecisionID
	}
	return e.text("justification", x.Decision)
}

// ActivationExtended moves the end of a running activation; everything else stays.
func ActivationExtended(a Activation, x Extension, actor string) Event {
	e := ofActivation(EvActExtended, a, actor)
	e.Facts["extension"], e.Facts["from_end"], e.Facts["ends_at"], e.Facts["ends_by"] = x.ID, micros(x.FromEnd), micros(x.EndsAt), micros(a.EndsBy)
	return e
}
