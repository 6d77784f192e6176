package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// W-67, T10: nobody chooses who reviews their own access, neither by name nor with all that is theirs to review.
func TestReviewOwnAccessIsNotHandedOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("bob", "viewer", "org")
	c := d.court(nil, "alice-dba", "bob-viewer")
	out, err := c.b.HandOver(c.ctx, c.as("bob"), broker.ReviewHandOver{InstanceID: c.id, Items: []string{"bob-viewer"}, To: "dan", Reason: "a friend"})
	c.ok(err)
	if !strings.Contains(out.Refused["bob-viewer"], "not yours to choose") {
		t.Errorf("by name: %+v", out)
	}
	out, err = c.b.HandOver(c.ctx, c.as("bob"), broker.ReviewHandOver{InstanceID: c.id, To: "dan", Reason: "on leave"})
	c.ok(err)
	if out.Done != 1 || len(out.Refused) != 0 || c.item("bob-viewer").SetID != "set" || c.item("alice-dba").SetID == "set" {
		t.Errorf("all: %+v", out)
	}
	c.recount()
}

// T10: an account that became the reviewer's own since the start is their own access.
func TestReviewOfAnAccountThatBecameOnesOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("dan", "viewer", "org")
	c := d.court(nil, "dan-viewer", "alice-dba")
	c.do(func(tx *store.Tx) error {
		p, err := tx.Principal("dan")
		p.PersonID = "bob"
		return errors.Join(err, tx.UpdatePrincipal(p))
	})
	if r := c.says("bob", "dan-viewer", pim.AnswerApprove); !strings.Contains(r, "Nobody reviews their own access") {
		t.Errorf("answered: %q", r)
	}
	out, err := c.b.AcceptRecommendations(c.ctx, c.as("bob"), c.id, nil)
	if c.ok(err); out.Done != 1 || c.item("dan-viewer").Answer != pim.AnswerNone {
		t.Errorf("accepted: %+v", out)
	}
	out, err = c.b.HandOver(c.ctx, c.as("erin"), broker.ReviewHandOver{InstanceID: c.id, Items: []string{"dan-viewer"}, To: "bob", Reason: "on leave"})
	if c.ok(err); !strings.Contains(out.Refused["dan-viewer"], "nobody reviews their own") {
		t.Errorf("handed over: %+v", out)
	}
	c.recount()
}

// T20: who reviews themselves and accepts what is recommended answers about their own access, and the log is a legal story.
func TestReviewOwnAnswerByRecommendation(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("bob", "viewer", "org")
	c := d.court(func(t *pim.ReviewTerms) { t.Stages[0].Kind = pim.ReviewersSelf }, "bob-viewer")
	out, err := c.b.AcceptRecommendations(c.ctx, c.as("bob"), c.id, nil)
	if c.ok(err); out.Done != 1 || c.item("bob-viewer").DecidedAs != pim.AsOwnAccess {
		t.Errorf("%+v, %+v", out, c.item("bob-viewer"))
	}
	c.legal()
}

// T33: owners read and manage a review only where all of what it was about at its start is theirs.
func TestReviewBeyondANodeIsNotItsOwners(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "olga", Kind: pim.Person, Name: "olga", PersonID: "olga", Enabled: true, Source: pim.SourceFile}),
			tx.InsertResource(pim.Resource{ID: "beside", Kind: "organisation", Name: "Beside", Source: pim.SourceFile}))
	})
	d.active("olga", pim.RoleOwner, "org")
	c := d.court(func(t *pim.ReviewTerms) { t.Scope.Resources = []string{"org", "beside"} }, "alice-dba")
	hidden := func(when string) {
		t.Helper()
		_, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (broker.ReviewSeen, error) {
			p, err := r.Principal("olga")
			if err != nil {
				return broker.ReviewSeen{}, err
			}
			return broker.SeeReview(r, p, c.id)
		})
		wantRefusal(t, err, pim.KindNotFound, "")
		_, err = c.records("olga", broker.ReviewExport{InstanceID: c.id})
		wantRefusal(t, err, pim.KindNotFound, "")
		_, err = c.b.StopReview(c.ctx, c.as("olga"), c.id, c.instance().Version, "")
		if err == nil {
			t.Errorf("%s: stopped", when)
		}
	}
	hidden("about both")
	part := store.Subtree{Roots: []string{"org"}}
	if list := look(d, func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewsRunning(part, store.Keyset{}, 9) }); len(list) != 0 {
		t.Errorf("listed: %v", list)
	}
	c.do(func(tx *store.Tx) error { // what comes next is about less, what runs is not
		s, err := tx.Review("series")
		s.Terms.Scope.Resources, s.AsOwner = []string{"org"}, true
		return errors.Join(err, tx.UpdateReview(s))
	})
	hidden("once the series is about less")
}

// T33: the preview of a series is for whoever may change it.
func TestReviewPreviewOfAnotherSeries(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	c := d.court(nil, "alice-dba")
	d.active("bob", pim.RoleOwner, "org")
	s := d.campaign(func(s *broker.ReviewSave) { s.Terms.Scope.Resources = []string{"org"} })
	for id, kind := range map[string]pim.RefusalKind{"": "", "series": pim.KindNotFound} {
		_, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (broker.ReviewPreview, error) {
			p, err := r.Principal("bob")
			if err != nil {
				return broker.ReviewPreview{}, err
			}
			return broker.PreviewReview(r, p, pim.ReviewDefinition{ID: id, Name: s.Name, Terms: s.Terms, When: s.When})
		})
		if kind == "" {
			c.ok(err)
			continue
		}
		wantRefusal(t, err, kind, "")
	}
}

// W-100: the report of a period goes on after a review that was deleted meanwhile.
func TestReviewReportGoesOnAfterADeletedOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	from := d.clock.Now()
	var made []pim.ReviewInstance
	for range 2 {
		i := d.begins(nil)
		_, err := d.b.StopReview(d.ctx, d.as("carol"), i.ID, i.Version, "")
		d.ok(err)
		d.tick()
		made = append(made, d.latest(i.ReviewID))
		d.clock.add(time.Minute)
	}
	all, err := d.b.ExportReview(d.ctx, d.as("carol"), broker.ReviewExport{From: from, To: d.clock.Now().Add(day)})
	d.ok(err)
	var of []string
	for record, err := range all {
		d.ok(err)
		if of = append(of, record[0]); len(of) == 1 {
			last := made[1] // comes first
			_, err := d.b.DeleteReviewInstance(d.ctx, d.as("carol"), broker.ReviewDeletion{ID: last.ID, Version: last.Version, Confirm: last.Name}, "")
			d.ok(err)
		}
	}
	if len(of) != 2 || of[1] != made[0].ID {
		t.Errorf("%v, want a line of %s", of, made[0].ID)
	}
}

// EC-26, T36: silence takes nothing from an account for emergencies, and that it is not used speaks for nothing.
func TestReviewSilenceLeavesAccountsForEmergencies(t *testing.T) {
	t.Parallel()
	for _, silence := range []pim.ReviewSilence{pim.SilenceRemove, pim.SilenceRecommend} {
		d := newDesk(t)
		d.eligible("erin", "dba", "org")
		d.do(func(tx *store.Tx) error { return tx.MarkBreakGlass("alice", "carol") })
		d.clock.add(100 * day)
		i := d.begins(func(s *broker.ReviewSave) {
			s.Terms.Apply, s.Terms.Silence, s.Confirm = true, silence, s.Name
			s.Terms.Stages[0].People = []string{"bob"}
		})
		if line := d.lines(i)["alice-dba"]; line.Frozen.Recommended != pim.AnswerNone || len(line.Frozen.Because) > 0 {
			t.Errorf("%s: recommended %q", silence, line.Frozen.Recommended)
		}
		d.clock.add(15 * day)
		d.tick()
		lines := d.lines(i)
		if got := lines["alice-dba"]; got.Answer != pim.AnswerNone {
			t.Errorf("%s: %s for the account for emergencies", silence, got.Answer)
		}
		if silence == pim.SilenceRemove && lines["erin-dba"].Answer != pim.AnswerDeny {
			t.Errorf("erin: %+v", lines["erin-dba"])
		}
	}
}

// T1: an earlier end of a review that takes privileged access away by itself takes the touch that stopping it does.
func TestReviewEarlierEndIsTouched(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	i := d.begins(func(s *broker.ReviewSave) { s.Terms.Apply, s.Terms.Scope.Roles = true, nil })
	later, err := d.b.ChangeReviewInstance(d.ctx, d.as("carol"), broker.ReviewInstanceChange{ID: i.ID, Version: i.Version, EndsAt: i.StageEnds.Add(day)}, "")
	d.ok(err)
	sooner, err := d.b.ChangeReviewInstance(d.ctx, d.as("carol"), broker.ReviewInstanceChange{ID: i.ID, Version: i.Version + 1, EndsAt: d.clock.Now().Add(time.Second)}, "")
	d.ok(err)
	if later.CeremonyID != "" || sooner.CeremonyID == "" {
		t.Errorf("later: touch %q, sooner: touch %q", later.CeremonyID, sooner.CeremonyID)
	}
}

// T16: reviews that only wait for a target hold up no other that is to be applied.
func TestReviewsThatWaitHoldUpNoOther(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	c.do(func(tx *store.Tx) error {
		in, err := tx.ReviewInstance(c.id)
		in.State, in.AppliedAt = pim.ReviewApplying, tx.Now
		return errors.Join(err, tx.SaveReviewInstance(in))
	})
	for result, want := range map[pim.ReviewResult]int{pim.ResultNone: 1, pim.ResultRemoving: 0, pim.ResultFailed: 0, pim.ResultKept: 1} {
		c.do(func(tx *store.Tx) error {
			i, err := tx.ReviewItem("alice-dba")
			i.Result, i.DueAt = result, tx.Now.Add(time.Hour)
			return errors.Join(err, tx.SaveReviewResult(i))
		})
		if n := len(look(c.desk, func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewsApplying(9) })); n != want {
			t.Errorf("%q: %d go on, want %d", result, n, want)
		}
	}
}
