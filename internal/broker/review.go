package broker

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSaveReview] = func() operation { return &saveReview{} }
	operations[pim.ActionRemoveReview] = func() operation { return &removeReview{} }
}

// ReviewSave is what somebody says of a series; nothing of a review that runs changes with it (W-69).
type ReviewSave struct {
	ID      string // empty: a new one
	Version int64
	Name    string
	Terms   pim.ReviewTerms
	When    pim.ReviewSchedule
	Confirm string // the name once more, where silence may take access away (EC-26)
}

// saveReview makes a series or changes it.
type saveReview struct {
	New bool
	ReviewSave
}

// SaveReview makes a series of reviews, or changes one for the instances to come.
func (b *Broker) SaveReview(ctx context.Context, actor Actor, s ReviewSave, back string) (Outcome, error) {
	s.Name, s.Terms.Text, s.When.Rule = strings.TrimSpace(s.Name), strings.TrimSpace(s.Terms.Text), strings.ToUpper(strings.TrimSpace(s.When.Rule))
	s.When.StartsAt, s.When.Until = s.When.StartsAt.Truncate(time.Second), s.When.Until.Truncate(time.Second)
	op := &saveReview{New: s.ID == "", ReviewSave: s}
	if op.New {
		op.ID = NewID()
	}
	return b.operate(ctx, actor, back, op)
}

func (s ReviewSave) definition() pim.ReviewDefinition {
	return pim.ReviewDefinition{ID: s.ID, Name: s.Name, Terms: s.Terms, When: s.When, Version: s.Version}
}

func (o *saveReview) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionSaveReview, Object: o.ID, Version: o.Version}, lessen: true}
	d, err := o.decided(tx, who)
	if err != nil {
		return p, err
	}
	if d.Terms.Dangerous() && o.Confirm != o.Name {
		return p, pim.Invalid("confirm", "Whoever nobody answers for loses access by itself at the end. Type the name of the review to confirm that: %s", o.Name)
	}
	if p.touch, err = touchesReview(tx.Reader, d.Terms); err == nil && p.touch {
		p.says, err = reviewSentences(tx.Reader, d)
	}
	return p, err
}

// decided is the definition as it will be, refused where it cannot be or is not theirs to make.
func (o *saveReview) decided(tx *store.Tx, who pim.Principal) (pim.ReviewDefinition, error) {
	d := o.definition()
	if !o.New {
		was, err := tx.Review(o.ID)
		if err != nil {
			return d, found(err)
		}
		if err := changesReview(tx.Reader, who, was); err != nil {
			return d, err
		}
		if was.Version != o.Version {
			return d, moved(store.ErrConflict)
		}
		d.AsOwner, d.MadeBy, d.Created, d.Started, d.NextAt = was.AsOwner, was.MadeBy, was.Created, was.Started, was.NextAt
	}
	powers, err := Powers(tx.Reader, who.ID)
	if err != nil {
		return d, err
	}
	if o.New {
		d.AsOwner, d.MadeBy = !powers.Administrator, who.ID
	}
	if err := mayReview(tx.Reader, powers, d); err != nil {
		return d, err
	}
	if err := checkReview(tx.Reader, d); err != nil {
		return d, err
	}
	if stands, err := makerStands(tx.Reader, d); err != nil {
		return d, err
	} else if !stands {
		d.MadeBy = who.ID // who saves it takes it over
	}
	d.NextAt, err = nextReview(d, firstFrom(d, tx.Now))
	return d, err
}

// firstFrom is from when on the next instance may begin: the first one of a series also when its start has just gone by.
func firstFrom(d pim.ReviewDefinition, now time.Time) time.Time {
	if d.Started == 0 {
		return d.When.StartsAt
	}
	return now
}

// mayReview refuses whoever may not review what a scope names: owners review what lies at what they own or below it,
// never groups and never everything.
func mayReview(r *store.Reader, powers pim.Powers, d pim.ReviewDefinition) error {
	switch {
	case powers.Administrator:
		return nil
	case !powers.MayManage() && powers.MayAudit():
		return pim.Refuse(pim.KindForbidden, "You may read reviews, not make them: that takes Privileged Role Administrator, or Resource Administrator of what is reviewed.")
	case !powers.MayManage():
		return pim.NotFound()
	case len(d.Terms.Scope.Groups) > 0:
		return pim.Invalid("groups", "Owners of resources review who holds roles there. The members of groups are reviewed by a Privileged Role Administrator.")
	case len(d.Terms.Scope.Resources) == 0:
		return pim.Invalid("resources", "Choose the resources you own, or some below them.")
	}
	for _, id := range d.Terms.Scope.Resources {
		if err := administersBy(r, powers, id); err != nil {
			return pim.Invalid("resources", "You do not administer one of these resources. Choose those you own, or some below them.")
		}
	}
	return nil
}

// changesReview refuses whoever may not change a series or what runs of it: administrators may, and the owners of all of
// it where an owner made it.
func changesReview(r *store.Reader, who pim.Principal, d pim.ReviewDefinition) error {
	powers, err := Powers(r, who.ID)
	if err != nil || powers.Administrator {
		return err
	}
	if d.AsOwner && powers.MayManage() && mayReview(r, powers, d) == nil {
		return nil
	}
	reads, err := readsReview(r, powers, d.ID)
	if err != nil {
		return err
	}
	if reads {
		return pim.Refuse(pim.KindForbidden, "You may read this review, not change it: that takes Privileged Role Administrator, or, where an owner made it, Resource Administrator of all it is about.")
	}
	return pim.NotFound()
}

// readsReview reports whether a series and what runs of it is theirs to read as a whole.
func readsReview(r *store.Reader, powers pim.Powers, reviewID string) (bool, error) {
	if powers.MayAudit() {
		return true, nil
	}
	if len(powers.Owns) == 0 {
		return false, nil
	}
	return r.ReviewAbout(reviewID, ReadableBy(powers))
}

// MayChangeReview reports whether a page offers to change a series or what runs of it.
func MayChangeReview(r *store.Reader, who pim.Principal, d pim.ReviewDefinition) (bool, error) {
	err := changesReview(r, who, d)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return false, nil
	}
	return err == nil, err
}

func checkReview(r *store.Reader, d pim.ReviewDefinition) error {
	if refusal := pim.CheckReview(d, r.Now); refusal != nil {
		return refusal
	}
	if wrong := checkText(d.Name, pim.MaxReviewName); wrong != "" {
		return pim.Invalid("name", "%s", wrong)
	}
	if wrong := pim.CheckJustification(d.Terms.Text, false); wrong != "" {
		return pim.Invalid("text", "%s", wrong)
	}
	if err := checkRule(d); err != nil {
		return err
	}
	if err := knownScope(r, d.Terms.Scope); err != nil {
		return err
	}
	return knownReviewers(r, d.Terms.Stages)
}

func knownScope(r *store.Reader, s pim.ReviewScope) error {
	for _, id := range s.Roles {
		if _, err := roleOf(r, id); err != nil {
			return missing(err, "roles", "One of these roles does not exist any more. Choose again.")
		}
	}
	for _, id := range s.Resources {
		if _, err := pathOf(r, id); err != nil {
			return missing(err, "resources", "One of these resources does not exist any more. Choose again.")
		}
	}
	for _, id := range s.Groups {
		if _, err := groupOf(r, id); err != nil {
			return missing(err, "groups", "One of these groups does not exist any more. Choose again.")
		}
	}
	return nil
}

// missing says what is missing as what is wrong with a field.
func missing(err error, field, words string) error {
	if gone(err) {
		return pim.Invalid(field, "%s", words)
	}
	return err
}

func knownReviewers(r *store.Reader, stages []pim.ReviewStage) error {
	for i, s := range stages {
		n := strconv.Itoa(i + 1)
		for _, f := range []struct {
			field string
			ids   []string
		}{{"people_" + n, s.People}, {"fallback_" + n, s.Fallback}} {
			known, err := r.PrincipalsOf(f.ids)
			if err != nil {
				return err
			}
			for _, id := range f.ids {
				switch p, ok := known[id]; {
				case !ok:
					return pim.Invalid(f.field, "One of these people or groups does not exist any more. Choose again.")
				case p.Kind == pim.Workload:
					return pim.Invalid(f.field, "%s is a workload, which reviews nothing. Choose people or groups.", p.Name)
				case p.Kind == pim.Person && !p.Enabled:
					return pim.Invalid(f.field, "%s cannot sign in any more. Choose somebody else.", p.Name)
				}
			}
		}
	}
	return nil
}

// touchesReview reports whether a passkey confirms a review: one that takes away by itself what is privileged.
func touchesReview(r *store.Reader, t pim.ReviewTerms) (bool, error) {
	if !t.Apply {
		return false, nil
	}
	for _, id := range t.Scope.Groups {
		s, err := stakesOf(r, id)
		if err != nil || s.privileged() || s.administer() {
			return true, err
		}
	}
	if len(t.Scope.Groups) > 0 {
		return false, nil
	}
	for _, id := range t.Scope.Roles {
		role, err := r.Role(id)
		if err := ignoreGone(err); err != nil {
			return false, err
		}
		if role.Privileged || slices.Contains(pim.StintRoles, id) {
			return true, nil
		}
	}
	return len(t.Scope.Roles) == 0, nil
}

func (o *saveReview) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{ReviewID: o.ID, Done: "Saved. It counts for the reviews to come."}
	d, err := o.decided(tx, who)
	if err != nil {
		return out, err
	}
	tx.Emit(confirmedBy(pim.ReviewSaved(d, who.ID), evidence))
	if o.New {
		out.Done = "Review made."
		return out, tx.InsertReview(d)
	}
	return out, moved(tx.UpdateReview(d))
}

// ReviewRemoval ends a series; Confirm is its name.
type ReviewRemoval struct {
	ID      string
	Version int64
	Confirm string
}

type removeReview struct{ ReviewRemoval }

// RemoveReview ends a series: no review of it begins any more. What runs goes on, and what ended stays readable.
func (b *Broker) RemoveReview(ctx context.Context, actor Actor, v ReviewRemoval, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &removeReview{v})
}

func (o *removeReview) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionRemoveReview, Object: o.ID, Version: o.Version}, lessen: true}
	d, err := tx.Review(o.ID)
	if err != nil {
		return p, found(err)
	}
	if err := changesReview(tx.Reader, who, d); err != nil {
		return p, err
	}
	switch {
	case d.Version != o.Version:
		err = moved(store.ErrConflict)
	case o.Confirm != d.Name:
		err = pim.Invalid("confirm", "Type the name of the review to remove its series: %s", d.Name)
	}
	return p, err
}

func (o *removeReview) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	d, err := tx.Review(o.ID)
	if err != nil {
		return Outcome{}, found(err)
	}
	tx.Emit(confirmedBy(pim.ReviewRemoved(d, who.ID), evidence))
	return Outcome{Done: "The series has ended: no review of it begins any more."}, moved(tx.RemoveReview(d.ID, d.Version))
}

// reviewSentences say what a touch confirms.
func reviewSentences(r *store.Reader, d pim.ReviewDefinition) ([]string, error) {
	what, err := scopeWords(r, d.Terms.Scope)
	if err != nil {
		return nil, err
	}
	says := []string{"“" + d.Name + "” reviews " + what + ", and what is denied or shrunk is taken away by itself at the end."}
	switch {
	case d.Terms.Silence == pim.SilenceRemove:
		says = append(says, "Whoever no reviewer answers for loses access, too.")
	case d.Terms.Silence == pim.SilenceRecommend:
		says = append(says, "Where no reviewer answers, the recommendation is followed, which may take access away.")
	}
	return says, nil
}

func scopeWords(r *store.Reader, s pim.ReviewScope) (string, error) {
	if len(s.Groups) > 0 {
		names, err := r.Names(s.Groups)
		return "the members of " + listed(namesIn(names, s.Groups)), err
	}
	roles, err := r.RoleNames(s.Roles)
	if err != nil {
		return "", err
	}
	what := "who holds any role"
	if len(s.Roles) > 0 {
		what = "who holds " + listed(namesIn(roles, s.Roles))
	}
	if len(s.Resources) == 0 {
		return what + " anywhere", nil
	}
	paths, err := r.Paths(s.Resources)
	var at []string
	for _, id := range s.Resources {
		if len(paths[id]) > 0 {
			at = append(at, paths[id].Leaf().Name)
		}
	}
	return what + " at " + listed(at) + " and below", err
}

func namesIn(names map[string]string, ids []string) (out []string) {
	for _, id := range ids {
		if names[id] != "" {
			out = append(out, names[id])
		}
	}
	return out
}
