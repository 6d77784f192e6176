package broker_test

import (
	"errors"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// court is a desk with a review that runs: bob and erin answer about what it was given.
type court struct {
	*desk
	id string
}

// court begins a review of assignments, and of memberships written "member of group". Its items are named after them.
func (d *desk) court(change func(*pim.ReviewTerms), of ...string) *court {
	d.Helper()
	c := &court{desk: d, id: "case"}
	terms := pim.ReviewTerms{Scope: pim.ReviewScope{Kinds: []pim.AssignmentKind{pim.Eligible, pim.Active}}, Silence: pim.SilenceNoChange, Recommend: true, LookBack: 30,
		Stages: []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"bob", "erin"}, Days: 14}}}
	if change != nil {
		change(&terms)
	}
	now := d.clock.Now()
	end := now.Add(14 * 24 * time.Hour)
	def := pim.ReviewDefinition{ID: "series", Name: "Quarterly", Terms: terms, MadeBy: "carol", When: pim.ReviewSchedule{Frequency: pim.ReviewOnce, Zone: "UTC", StartsAt: now}}
	in := pim.ReviewInstance{ID: c.id, ReviewID: def.ID, Number: 1, Name: def.Name, Terms: terms, State: pim.ReviewInProgress, PlannedAt: now, StartedAt: now, StageEnds: end, EndsAt: end}
	set := pim.ReviewSet{ID: "set", InstanceID: c.id, Members: []pim.ReviewSetMember{{PrincipalID: "bob", PersonID: "bob"}, {PrincipalID: "erin", PersonID: "erin"}}}
	d.do(func(tx *store.Tx) error {
		items := make([]pim.ReviewItem, len(of))
		for i, what := range of {
			var err error
			if items[i], err = reviewedAs(tx, c.id, what); err != nil {
				return err
			}
		}
		err := errors.Join(tx.InsertReview(def), tx.InsertReviewInstance(in), tx.InsertReviewSet(set, "bob erin"), tx.InsertReviewItems(items), tx.CountReviewSet("set", int64(len(items)), 0))
		if err != nil {
			return err
		}
		in, err := tx.ReviewInstance(c.id)
		in.Population, in.Counts.Items = "hash", int64(len(items))
		tx.Emit(pim.ReviewStarted(in))
		return errors.Join(err, tx.SaveReviewInstance(in))
	})
	return c
}

func reviewedAs(tx *store.Tx, instance, what string) (pim.ReviewItem, error) {
	i := pim.ReviewItem{ID: what, InstanceID: instance, Sets: []string{"set"}, SetID: "set"}
	if member, group, ok := strings.Cut(what, " of "); ok {
		p, err := tx.Principal(member)
		i.GroupID, i.PrincipalID, i.PersonID = group, member, p.PersonID
		i.SortName, i.SortPlace = store.ReviewSort(p.Name, "", group)
		return i, err
	}
	a, err := tx.Assignment(what)
	if err != nil {
		return i, err
	}
	p, err := tx.Principal(a.PrincipalID)
	i.AssignmentID, i.PrincipalID, i.PersonID, i.RoleID, i.ResourceID, i.Kind = a.ID, a.PrincipalID, p.PersonID, a.RoleID, a.ResourceID, a.Kind
	i.Frozen = pim.ReviewUse{Version: a.Version, EndsAt: a.EndsAt, Enabled: true, Recommended: pim.AnswerDeny}
	i.SortName, i.SortPlace = store.ReviewSort(p.Name, a.RoleID, a.ResourceID)
	return i, err
}

func (c *court) item(id string) pim.ReviewItem {
	c.Helper()
	i, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (pim.ReviewItem, error) { return r.ReviewItem(id) })
	c.ok(err)
	return i
}

func (c *court) instance() pim.ReviewInstance {
	c.Helper()
	i, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (pim.ReviewInstance, error) { return r.ReviewInstance(c.id) })
	c.ok(err)
	return i
}

// says answers one item and returns why it was not taken.
func (c *court) says(who, item string, a pim.ReviewAnswer, shrink ...pim.ShrinkTo) string {
	c.Helper()
	q := broker.ReviewAnswerItem{ID: item, Version: c.item(item).Version, Answer: a, Reason: "because"}
	if len(shrink) > 0 {
		q.Shrink = shrink[0]
	}
	out, err := c.b.Answer(c.ctx, c.as(who), broker.ReviewAnswers{InstanceID: c.id, Items: []broker.ReviewAnswerItem{q}})
	c.ok(err)
	return out.Refused[item]
}

// over ends the review and applies it by hand, with the touch where one is asked for.
func (c *court) over() {
	c.Helper()
	c.do(func(tx *store.Tx) error {
		in, err := tx.ReviewInstance(c.id)
		in.State, in.EndedAt, in.EndedBy = pim.ReviewCompleted, tx.Now, pim.System
		tx.Emit(pim.ReviewEnded(in))
		return errors.Join(err, tx.SaveReviewInstance(in))
	})
	out, err := c.b.ApplyReview(c.ctx, c.as("carol"), c.id, c.instance().Version, "")
	c.ok(c.confirmed("carol", out, err))
	c.settle()
}

// settle lets what is due happen until nothing waits for another second.
func (c *court) settle() {
	c.Helper()
	for range 4 {
		c.tick()
		c.clock.add(2 * time.Second)
	}
	c.tick()
}

func (c *court) came(item string, want pim.ReviewResult, part string) {
	c.Helper()
	i := c.item(item)
	if i.Result != want || !strings.Contains(i.ResultText, part) {
		c.Errorf("%s: %s %q, want %s %q", item, i.Result, i.ResultText, want, part)
	}
	for _, e := range c.events(pim.EvReviewItemApplied) {
		if e.ObjectID == item && e.Facts["applied"] == string(want) {
			return
		}
	}
	if want != pim.ResultKept && want != pim.ResultNone {
		c.Errorf("%s: no entry says that it was %s", item, want)
	}
}

func (c *court) assignment(id string) pim.Assignment {
	c.Helper()
	a, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (pim.Assignment, error) { return r.Assignment(id) })
	c.ok(err)
	return a
}

func (d *desk) active(who, role, resource string) {
	d.Helper()
	d.do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: who + "-active-" + role, PrincipalID: who, RoleID: role, ResourceID: resource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	})
}
