package pim

// ReviewEvent is what happened to a review that runs or ran.
func ReviewEvent(t EventType, i ReviewInstance, actor string) Event {
	return Event{Type: t, Actor: actor, ObjectID: i.ID, Correlation: i.ID, Result: OK, Facts: map[string]any{"review": i.ReviewID}, Texts: map[string]string{}}
}

// ofReviewItem is what happened to one item: whose access it is is its subject.
func ofReviewItem(t EventType, i ReviewItem, actor string) Event {
	e := Event{Type: t, Actor: actor, Subject: i.PrincipalID, RoleID: i.RoleID, ResourceID: i.ResourceID, ObjectID: i.ID, Correlation: i.InstanceID,
		Result: OK, Facts: map[string]any{}, Texts: map[string]string{}}
	if i.AssignmentID != "" {
		e = e.With("assignment", i.AssignmentID)
	}
	if i.GroupID != "" {
		e = e.With("group", i.GroupID)
	}
	return e
}

// ReviewDecided is an answer to one item, given or taken from silence (W-62).
func ReviewDecided(i ReviewItem, d ReviewDecision) Event {
	e := ofReviewItem(EvReviewDecided, i, d.By).With("answer", string(d.Answer)).With("stage", int64(d.Stage))
	if d.As != AsReviewer {
		e = e.With("as", string(d.As))
	}
	return withShrink(e, d.Shrink).WithText("reason", d.Reason)
}

func withShrink(e Event, s ShrinkTo) Event {
	if s.How == ShrinkNone {
		return e
	}
	e = e.With("shrink", string(s.How))
	if !s.EndsAt.IsZero() {
		e = e.With("shrink_ends_at", micros(s.EndsAt))
	}
	if s.ResourceID != "" {
		e = e.With("shrink_resource", s.ResourceID)
	}
	return e
}

// ReviewHandedOver is one item given to another reviewer (AsDelegation).
func ReviewHandedOver(i ReviewItem, d ReviewDecision, to string) Event {
	return ofReviewItem(EvReviewHandedOver, i, d.By).With("to", to).With("stage", int64(d.Stage)).WithText("reason", d.Reason)
}

// ReviewItemApplied is what came of an item: by is who applied the review.
func ReviewItemApplied(i ReviewItem, by string) Event {
	e := ofReviewItem(EvReviewItemApplied, i, System).With("answer", string(i.Answer)).With("applied", string(i.Result)).With("by", by)
	if !i.GoneAt.IsZero() {
		e = e.With("gone_at", micros(i.GoneAt))
	}
	return withShrink(e, i.Shrink).WithText("words", i.ResultText)
}
