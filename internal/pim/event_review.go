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

// ReviewSaved is a series made or changed, with the terms of the instances to come.
func ReviewSaved(d ReviewDefinition, actor string) Event {
	e := Event{Type: EvReviewSaved, Actor: actor, ObjectID: d.ID, Result: OK, Facts: map[string]any{"frequency": string(d.When.Frequency), "starts_at": micros(d.When.StartsAt),
		"next_at": micros(d.NextAt), "as_owner": d.AsOwner}, Texts: map[string]string{}}
	return d.Terms.facts(e).text("name", d.Name)
}

func (t ReviewTerms) facts(e Event) Event {
	stages := make([]string, 0, MaxReviewStages)
	for _, s := range t.Stages {
		stages = append(stages, string(s.Kind))
	}
	e.Facts["stages"], e.Facts["days"], e.Facts["apply"], e.Facts["silence"] = stages, int64(t.Days()), t.Apply, string(t.Silence)
	for name, ids := range map[string][]string{"roles": t.Scope.Roles, "resources": t.Scope.Resources, "groups": t.Scope.Groups} {
		e.Facts[name] = append([]string{}, ids...)
	}
	return e
}

// ReviewRemoved ends a series: no instance begins any more.
func ReviewRemoved(d ReviewDefinition, actor string) Event {
	e := Event{Type: EvReviewRemoved, Actor: actor, ObjectID: d.ID, Result: OK, Facts: map[string]any{"started": d.Started}, Texts: map[string]string{}}
	return e.text("name", d.Name)
}

// ReviewStarted says what was frozen: how many items, under which hash, and with which terms.
func ReviewStarted(i ReviewInstance) Event {
	e := ReviewEvent(EvReviewStarted, i, System)
	e.Facts["number"], e.Facts["population"], e.Facts["items"] = i.Number, i.Population, i.Counts.Items
	e.Facts["planned_at"], e.Facts["started_at"], e.Facts["ends_at"] = micros(i.PlannedAt), micros(i.StartedAt), micros(i.EndsAt)
	return i.Terms.facts(e).text("name", i.Name)
}

// ReviewEnded says what was answered in the end, silence included.
func ReviewEnded(i ReviewInstance) Event {
	return i.Counts.facts(ReviewEvent(EvReviewEnded, i, i.EndedBy))
}

// ReviewDeleted takes one review away, wherever it stood.
func ReviewDeleted(i ReviewInstance, actor string) Event {
	return i.Counts.facts(ReviewEvent(EvReviewDeleted, i, actor)).With("state", string(i.State)).text("name", i.Name)
}

func (c ReviewCounts) facts(e Event) Event {
	for name, n := range map[string]int64{"items": c.Items, "approved": c.Approved, "denied": c.Denied, "shrunk": c.Shrunk, "dont_know": c.DontKnow} {
		e.Facts[name] = n
	}
	return e
}

// ReviewAnswerRefused is an answer to an item that was not taken; why is a code.
func ReviewAnswerRefused(i ReviewItem, actor, why string) Event {
	return ofReviewItem(EvReviewRefused, i, actor).AsRefused().With("why", why)
}
