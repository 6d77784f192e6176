package broker_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// campaign is a review of a desk as carol saves it.
func (d *desk) campaign(change func(*broker.ReviewSave)) broker.ReviewSave {
	s := broker.ReviewSave{Name: "Quarterly", Terms: pim.ReviewTerms{Text: "Is it still needed?", Silence: pim.SilenceNoChange, Recommend: true, LookBack: 30,
		Scope:  pim.ReviewScope{Roles: []string{"dba"}, Kinds: []pim.AssignmentKind{pim.Eligible, pim.Active}},
		Stages: []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"bob", "erin"}, Days: 14}}},
		When: pim.ReviewSchedule{Frequency: pim.ReviewOnce, Zone: "Europe/Berlin", StartsAt: d.clock.Now()}}
	if change != nil {
		change(&s)
	}
	return s
}

func (d *desk) saves(who string, s broker.ReviewSave) (string, error) {
	d.Helper()
	out, err := d.b.SaveReview(d.ctx, d.as(who), s, "/reviews")
	if err != nil || out.CeremonyID == "" {
		return out.ReviewID, err
	}
	out, err = d.touch(who, out)
	return out.ReviewID, err
}

// begins saves a review and lets it begin.
func (d *desk) begins(change func(*broker.ReviewSave)) pim.ReviewInstance {
	d.Helper()
	id, err := d.saves("carol", d.campaign(change))
	d.ok(err)
	d.tick()
	return d.latest(id)
}

func (d *desk) latest(reviewID string) pim.ReviewInstance {
	d.Helper()
	all := look(d, func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewInstances(reviewID, 0, 1) })
	if len(all) == 0 {
		d.Fatal("no instance began")
	}
	return all[0]
}

func look[T any](d *desk, fn func(*store.Reader) (T, error)) T {
	d.Helper()
	v, err := store.Read(d.ctx, d.b.Store(), fn)
	d.ok(err)
	return v
}

func (d *desk) now(i pim.ReviewInstance) pim.ReviewInstance {
	d.Helper()
	return look(d, func(r *store.Reader) (pim.ReviewInstance, error) { return r.ReviewInstance(i.ID) })
}

// lines are the items of an instance by assignment, or by member and group.
func (d *desk) lines(i pim.ReviewInstance) map[string]pim.ReviewItem {
	d.Helper()
	out := map[string]pim.ReviewItem{}
	for _, t := range look(d, func(r *store.Reader) ([]pim.ReviewItem, error) { return r.ReviewItemsAfter(i.ID, "", 1000) }) {
		if t.GroupID != "" {
			out[t.PrincipalID+" of "+t.GroupID] = t
		} else {
			out[t.AssignmentID] = t
		}
	}
	return out
}

// reviewersOf are who reviews a line in a stage.
func (d *desk) reviewersOf(t pim.ReviewItem, stage int) (out string) {
	d.Helper()
	s := look(d, func(r *store.Reader) (pim.ReviewSet, error) { return r.ReviewSet(t.Sets[stage]) })
	var ids []string
	for _, m := range s.Members {
		ids = append(ids, m.PrincipalID)
	}
	return strings.Join(ids, " ")
}

func (d *desk) answers(who string, i pim.ReviewInstance, assignment string, a pim.ReviewAnswer) string {
	d.Helper()
	item := d.lines(i)[assignment].ID
	out, err := d.b.Answer(d.ctx, d.as(who), broker.ReviewAnswers{InstanceID: i.ID, Items: []broker.ReviewAnswerItem{{ID: item, Answer: a, Reason: "because"}}})
	d.ok(err)
	return out.Refused[item]
}

// counted holds the counters of an instance and its sets against what is there.
func (d *desk) counted(i pim.ReviewInstance) {
	d.Helper()
	i = d.now(i)
	if c := look(d, func(r *store.Reader) (pim.ReviewCounts, error) { return r.ReviewCounted(i.ID) }); c != i.Counts {
		d.Errorf("counted %+v, kept %+v", c, i.Counts)
	}
	sets := map[string][2]int64{}
	for _, t := range d.lines(i) {
		n := sets[t.SetID]
		if n[0]++; t.Answer != pim.AnswerNone {
			n[1]++
		}
		sets[t.SetID] = n
	}
	for id, want := range sets {
		s := look(d, func(r *store.Reader) (pim.ReviewSet, error) { return r.ReviewSet(id) })
		if got := [2]int64{s.Items, s.Decided}; s.Stage == i.Stage && got != want {
			d.Errorf("a set keeps %v, counted %v", got, want)
		}
	}
}

// population is the hash of what was frozen of an instance, as it is read back.
func (d *desk) population(i pim.ReviewInstance) string {
	d.Helper()
	h := sha256.New()
	for _, t := range look(d, func(r *store.Reader) ([]pim.ReviewItem, error) { return r.ReviewItemsAfter(i.ID, "", 1000) }) {
		_, _ = fmt.Fprintln(h, strings.Join([]string{t.ID, t.AssignmentID, t.GroupID, t.PrincipalID, t.RoleID, t.ResourceID, string(t.Kind), pim.ReviewFrozenTerms(t.Frozen)}, "\x1f"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// W-30, W-44, W-47, W-60, W-68: a review from its start to its end, applied by itself: who reviews is told, what was
// answered counts, silence changes nothing, and the access is gone.
func TestReviewWholeLife(t *testing.T) {
	d := newDesk(t)
	d.eligible("erin", "dba", "org")
	i := d.begins(func(s *broker.ReviewSave) { s.Terms.Apply = true })
	if i.State != pim.ReviewInProgress || i.Number != 1 || i.Counts.Items != 2 || i.Population == "" || i.After != "" || !i.StageEnds.Equal(i.StartedAt.Add(14*day)) || !i.EndsAt.Equal(i.StageEnds) {
		t.Fatalf("%+v", i)
	}
	if got := d.population(i); got != i.Population {
		t.Errorf("the population is %s, frozen was %s", i.Population, got)
	}
	for _, who := range []string{"bob", "erin"} {
		if n := d.noticesOf(who); len(n) == 0 || !strings.Contains(n[0], "Quarterly, 2 to answer until") || !strings.Contains(n[0], "Is it still needed?") {
			t.Errorf("%s was told %q", who, n)
		}
	}
	told := look(d, func(r *store.Reader) ([]store.ReviewReviewer, error) { return r.ReviewReviewers(i.ID, 0, "", 9) })
	if len(told) != 2 || told[0].ToldAt.IsZero() || told[1].ToldAt.IsZero() {
		t.Errorf("contacted: %+v", told)
	}
	if e := d.events(pim.EvReviewStarted); len(e) != 1 || e[0].Facts["population"] != i.Population || e[0].Facts["items"] != int64(2) {
		t.Errorf("%+v", e)
	}
	if no := d.answers("bob", i, "alice-dba", pim.AnswerDeny); no != "" {
		t.Fatal(no)
	}
	d.clock.add(14*day - time.Second)
	d.tick()
	if got := d.now(i); got.State != pim.ReviewInProgress {
		t.Fatalf("a second before its end: %s", got.State)
	}
	d.clock.add(time.Second)
	d.tick()
	d.later()
	got := d.now(i)
	if got.State != pim.ReviewApplied || got.EndedBy != pim.System || got.Counts != (pim.ReviewCounts{Items: 2, Denied: 1}) {
		t.Fatalf("%+v", got)
	}
	d.counted(i)
	gone := look(d, func(r *store.Reader) (pim.Assignment, error) { return r.Assignment("alice-dba") })
	kept := look(d, func(r *store.Reader) (pim.Assignment, error) { return r.Assignment("erin-dba") })
	if gone.EndedAt.IsZero() || !kept.EndedAt.IsZero() {
		t.Errorf("denied: %v, unanswered: %v", gone.EndedAt, kept.EndedAt)
	}
	if n := d.noticesOf("carol"); !slices.ContainsFunc(n, func(s string) bool { return strings.Contains(s, "has ended: of 2, 0 approved, 1 denied") }) {
		t.Errorf("its maker was told %q", n)
	}
}

func wantRefused(t testing.TB, err error, kind pim.RefusalKind, field, part string) {
	t.Helper()
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Kind != kind || refusal.Field != field || !strings.Contains(refusal.Message, part) {
		t.Errorf("%v, want %s %q %q", err, kind, field, part)
	}
}
