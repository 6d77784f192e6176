package broker_test

import (
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

// W-21, W-22, W-23, W-26, W-67: who reviews what, by each kind; nobody alone about their own access; the fallback where
// there is nobody else, then administrators of Stint; and one set for all who have the same reviewers.
func TestReviewReviewers(t *testing.T) {
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		var errs []error
		for _, id := range []string{"alice", "erin"} {
			p, err := tx.Principal(id)
			p.ManagerID = "bob"
			errs = append(errs, err, tx.UpdatePrincipal(p))
		}
		return errors.Join(append(errs, tx.InsertPrincipal(pim.Principal{ID: "ops", Kind: pim.Group, Name: "Ops", Enabled: true, Source: pim.SourceFile}),
			tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "erin", Source: pim.SourceFile}))...)
	})
	for _, who := range []string{"bob", "erin", "ops"} {
		d.eligible(who, "dba", "org")
	}
	d.owner("erin", "org")
	for _, c := range []struct {
		stage pim.ReviewStage
		want  map[string]string // by assignment
	}{
		{pim.ReviewStage{Kind: pim.ReviewersChosen, People: []string{"bob", "ops"}}, map[string]string{"alice-dba": "bob erin", "bob-dba": "bob erin", "erin-dba": "bob erin", "ops-dba": "bob erin"}},
		{pim.ReviewStage{Kind: pim.ReviewersChosen, People: []string{"bob"}, Fallback: []string{"erin"}}, map[string]string{"alice-dba": "bob", "bob-dba": "erin", "ops-dba": "bob"}},
		{pim.ReviewStage{Kind: pim.ReviewersChosen, People: []string{"bob"}, Fallback: []string{"bob"}}, map[string]string{"bob-dba": "carol dan"}},
		{pim.ReviewStage{Kind: pim.ReviewersSelf, Fallback: []string{"erin"}}, map[string]string{"alice-dba": "alice", "bob-dba": "bob", "ops-dba": "carol dan"}},
		{pim.ReviewStage{Kind: pim.ReviewersManager, Fallback: []string{"dan"}}, map[string]string{"alice-dba": "bob", "erin-dba": "bob", "bob-dba": "dan", "ops-dba": "dan"}},
		{pim.ReviewStage{Kind: pim.ReviewersOwners}, map[string]string{"alice-dba": "erin", "bob-dba": "erin", "erin-dba": "carol dan"}},
	} {
		c.stage.Days = 1
		i := d.begins(func(s *broker.ReviewSave) { s.Terms.Stages = []pim.ReviewStage{c.stage} })
		lines, sets := d.lines(i), map[string]string{}
		for asg, want := range c.want {
			got := d.reviewersOf(lines[asg], 0)
			if got != want {
				t.Errorf("%s %v: %s is reviewed by %q, want %q", c.stage.Kind, c.stage.People, asg, got, want)
			}
			if set, ok := sets[got]; ok && set != lines[asg].SetID {
				t.Errorf("%s: two sets of %s", c.stage.Kind, got)
			}
			sets[got] = lines[asg].SetID
		}
		d.counted(i)
	}
}

// W-15, W-17, W-18, W-19, W-20, W-25: what is in scope, groups as one line each, and members with where they come from.
func TestReviewScope(t *testing.T) {
	d := newDesk(t)
	d.eligible("erin", "dba", "org")
	d.eligible("empty", "dba", "org")
	d.do(func(tx *store.Tx) error {
		p, err := tx.Principal("erin")
		p.Guest = true
		return errors.Join(err, tx.UpdatePrincipal(p), tx.SawPerson("alice", tx.Now),
			tx.InsertAssignment(pim.Assignment{ID: "bob-active", PrincipalID: "bob", RoleID: "dba", ResourceID: "prod", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}),
			tx.InsertAssignment(pim.Assignment{ID: "bob-viewer", PrincipalID: "bob", RoleID: "viewer", ResourceID: "prod", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}),
			tx.InsertAssignment(pim.Assignment{ID: "bob-later", PrincipalID: "bob", RoleID: "dba", ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now.Add(time.Hour), Source: pim.SourceFile}),
			tx.AddMember(pim.Membership{GroupID: "empty", MemberID: "bob", Source: pim.SourceBrowser}), tx.AddMember(pim.Membership{GroupID: "empty", MemberID: "bob", Source: pim.SourceDirectory}),
			tx.AddMember(pim.Membership{GroupID: "empty", MemberID: "alice", Source: pim.SourceSignIn, FreshUntil: tx.Now.Add(time.Hour)}),
			tx.AddMember(pim.Membership{GroupID: "empty", MemberID: "erin", Source: pim.SourceSignIn, FreshUntil: tx.Now.Add(-time.Hour)}))
	})
	both := []pim.AssignmentKind{pim.Eligible, pim.Active}
	for _, c := range []struct {
		scope pim.ReviewScope
		want  string
	}{
		{pim.ReviewScope{Roles: []string{"dba"}, Kinds: both}, "alice-dba bob-active empty-dba erin-dba"},
		{pim.ReviewScope{Roles: []string{"dba"}, Kinds: both[:1]}, "alice-dba empty-dba erin-dba"},
		{pim.ReviewScope{Roles: []string{"dba", "viewer"}, Kinds: both, Resources: []string{"prod"}}, "bob-active bob-viewer"},
		{pim.ReviewScope{Roles: []string{"dba"}, Kinds: both, GuestsOnly: true}, "erin-dba"},
		{pim.ReviewScope{Roles: []string{"dba"}, Kinds: both, InactiveDays: 1}, "bob-active erin-dba"},
		{pim.ReviewScope{Roles: []string{"dba"}, Kinds: both, InactiveDays: 30}, ""}, // nobody is here for so long
		{pim.ReviewScope{Groups: []string{"empty"}}, "alice of empty bob of empty"},
	} {
		i := d.begins(func(s *broker.ReviewSave) { s.Terms.Scope, s.Terms.Silence = c.scope, pim.SilenceKeep })
		lines := d.lines(i)
		var got []string
		for name := range lines {
			got = append(got, name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.scope, got, c.want)
		}
		if m, ok := lines["bob of empty"]; ok && (m.Frozen.MemberOf != "directory" || lines["alice of empty"].Frozen.MemberOf != "claim") {
			t.Errorf("members: %+v, %+v", m.Frozen, lines["alice of empty"].Frozen)
		}
		if c.want == "" && (i.State != pim.ReviewApplied || i.Counts.Items != 0) {
			t.Errorf("one that is about nothing: %+v", i)
		}
	}
	if n := d.noticesOf("carol"); !slices.ContainsFunc(n, func(s string) bool { return strings.Contains(s, "found nobody to review") }) {
		t.Errorf("its maker was told %q", n)
	}
}

// W-41, W-60, W-69, EC-24: what was frozen stays: another end, another manager, a new assignment and other terms of the
// series count in the next one.
func TestReviewFrozen(t *testing.T) {
	d := newDesk(t)
	id, err := d.saves("carol", d.campaign(func(s *broker.ReviewSave) { s.When.Frequency = pim.ReviewWeekly; s.Terms.Stages[0].Days = 3 }))
	d.ok(err)
	d.tick()
	first := d.latest(id)
	before := d.lines(first)["alice-dba"]
	if before.Frozen.Recommended == pim.AnswerNone && len(before.Frozen.Because) == 0 {
		t.Errorf("nothing is said of its use: %+v", before.Frozen)
	}
	d.clock.add(time.Second)
	d.eligible("erin", "dba", "org")
	d.do(func(tx *store.Tx) error {
		p, err := tx.Principal("alice")
		p.Department = "Elsewhere"
		return errors.Join(err, tx.UpdatePrincipal(p))
	})
	s := look(d, func(r *store.Reader) (pim.ReviewDefinition, error) { return r.Review(id) })
	s.Terms.Stages[0].People = []string{"dan"}
	_, err = d.saves("carol", broker.ReviewSave{ID: id, Version: s.Version, Name: "Weekly", Terms: s.Terms, When: s.When})
	d.ok(err)
	d.tick()
	if lines := d.lines(first); len(lines) != 1 || d.now(first).Name != "Quarterly" || d.reviewersOf(lines["alice-dba"], 0) != "bob erin" || lines["alice-dba"].Frozen.Department != "" {
		t.Errorf("%+v", lines)
	}
	d.clock.add(7 * day)
	d.tick()
	second := d.latest(id)
	lines := d.lines(second)
	if second.Number != 2 || second.Name != "Weekly" || len(lines) != 2 || d.reviewersOf(lines["alice-dba"], 0) != "dan" || lines["alice-dba"].Frozen.Moved != "department" || lines["erin-dba"].Frozen.Moved != "" {
		t.Errorf("the next one: %+v %+v", second, lines)
	}
}

// W-50, W-51, W-52, W-53: stages come one after the other; what its answer lets go on is open again in the next one, the
// rest is over; what nobody answers there keeps the answer of before.
func TestReviewStages(t *testing.T) {
	d := newDesk(t)
	for _, who := range []string{"bob", "erin", "dan"} {
		d.eligible(who, "dba", "org")
	}
	i := d.begins(func(s *broker.ReviewSave) {
		s.Terms.Silence = pim.SilenceRemove
		s.Terms.Stages = []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"bob", "erin"}, Days: 7}, {Kind: pim.ReviewersChosen, People: []string{"carol", "dan"}, Days: 5}}
		s.Terms.MovesOn = []pim.ReviewAnswer{pim.AnswerApprove, pim.AnswerNone}
	})
	if !i.EndsAt.Equal(i.StartedAt.Add(12*day)) || strings.Contains(strings.Join(d.noticesOf("carol"), " "), "to answer") {
		t.Errorf("%+v", i)
	}
	for asg, a := range map[string]pim.ReviewAnswer{"alice-dba": pim.AnswerApprove, "erin-dba": pim.AnswerDeny, "dan-dba": pim.AnswerApprove} {
		who := "bob"
		if no := d.answers(who, i, asg, a); no != "" {
			t.Fatal(no)
		}
	}
	_, err := d.b.StopReview(d.ctx, d.as("carol"), i.ID, d.now(i).Version, "")
	d.ok(err)
	d.tick()
	i = d.now(i)
	if i.State != pim.ReviewInProgress || i.Stage != 1 || i.Counts != (pim.ReviewCounts{Items: 4, Denied: 1}) || !i.StageEnds.Equal(d.clock.Now().Add(5*day)) || !i.EndsAt.Equal(i.StageEnds) {
		t.Fatalf("after the first stage: %+v", i)
	}
	if e := d.events(pim.EvReviewStageEnded); len(e) != 1 || e[0].Facts["go_on"] != int64(3) {
		t.Errorf("%+v", e)
	}
	if n := d.noticesOf("carol"); !slices.ContainsFunc(n, func(s string) bool { return strings.Contains(s, "3 to answer") }) {
		t.Errorf("told %q", n)
	}
	d.counted(i)
	if no := d.answers("carol", i, "alice-dba", pim.AnswerDeny); no != "" {
		t.Fatal(no)
	}
	d.clock.add(5 * day)
	d.tick()
	i = d.now(i)
	lines := d.lines(i)
	if i.State != pim.ReviewCompleted || i.Counts != (pim.ReviewCounts{Items: 4, Approved: 1, Denied: 3}) {
		t.Fatalf("%+v", i)
	}
	for asg, want := range map[string]string{"alice-dba": "deny carol ", "erin-dba": "deny bob ", "dan-dba": "approve bob ", "bob-dba": "deny system silence"} {
		if l := lines[asg]; fmt.Sprintf("%s %s %s", l.Answer, l.DecidedBy, l.DecidedAs) != want {
			t.Errorf("%s: %s %s %s, want %s", asg, l.Answer, l.DecidedBy, l.DecidedAs, want)
		}
	}
	d.counted(i)
}

// W-31, EC-26: what becomes of what nobody answers.
func TestReviewSilence(t *testing.T) {
	for silence, want := range map[pim.ReviewSilence]pim.ReviewAnswer{pim.SilenceNoChange: pim.AnswerNone, pim.SilenceKeep: pim.AnswerApprove, pim.SilenceRemove: pim.AnswerDeny, pim.SilenceRecommend: pim.AnswerShrink} {
		d := newDesk(t)
		d.do(func(tx *store.Tx) error {
			return tx.InsertAssignment(pim.Assignment{ID: "standing", PrincipalID: "erin", RoleID: "dba", ResourceID: "prod", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
		})
		i := d.begins(func(s *broker.ReviewSave) { s.Terms.Silence = silence })
		d.clock.add(14 * day)
		d.tick()
		l := d.lines(i)["standing"]
		if l.Answer != want || (want != pim.AnswerNone) != (l.DecidedAs == pim.AsSilence) || want == pim.AnswerShrink && l.Shrink.How != pim.ShrinkEligible {
			t.Errorf("%s: %q %+v as %q", silence, l.Answer, l.Shrink, l.DecidedAs)
		}
		d.counted(i)
	}
}

// W-32, EC-26: what may take access away from everybody without anybody looking asks for its name, and for a passkey where
// privileged roles are among it.
func TestReviewDangerous(t *testing.T) {
	d := newDesk(t)
	s := d.campaign(func(s *broker.ReviewSave) { s.Terms.Apply, s.Terms.Silence = true, pim.SilenceRemove })
	_, err := d.saves("carol", s)
	wantRefused(t, err, pim.KindInvalid, "confirm", "Type the name")
	s.Confirm = s.Name
	_, err = d.saves("carol", s)
	d.ok(err)
	s.Terms.Scope.Roles = []string{pim.RoleAdministrator}
	out, err := d.b.SaveReview(d.ctx, d.as("carol"), s, "")
	if err != nil || out.CeremonyID == "" {
		t.Errorf("Stint's own roles: %+v, %v", out, err)
	}
	s.Terms.Apply, s.Confirm = false, ""
	if out, err = d.b.SaveReview(d.ctx, d.as("carol"), s, ""); err != nil || out.CeremonyID != "" {
		t.Errorf("by hand: %+v, %v", out, err)
	}
}

// W-45, W-80, W-81, W-83, W-84: a running review is reminded of, stopped, reset, given more reviewers, changed for itself
// alone and deleted; nobody else may, and whoever reads it is told so.
func TestReviewRunningIsChanged(t *testing.T) {
	d := newDesk(t)
	d.eligible("erin", "dba", "org")
	i := d.begins(func(s *broker.ReviewSave) { s.Terms.Remind = true })
	version := func() int64 { return d.now(i).Version }
	_, err := d.b.StopReview(d.ctx, d.as("alice"), i.ID, version(), "")
	wantRefused(t, err, pim.KindNotFound, "", "nothing here")
	_, err = d.b.ResetReview(d.ctx, d.as("carol"), i.ID, version(), "")
	wantRefused(t, err, pim.KindConflict, "", "Nothing is answered")
	_, err = d.b.StopReview(d.ctx, d.as("carol"), i.ID, version()-1, "")
	wantRefused(t, err, pim.KindConflict, "", "Somebody else")

	d.answers("bob", i, "alice-dba", pim.AnswerDeny)
	d.answers("bob", i, "erin-dba", pim.AnswerApprove)
	_, err = d.b.ResetReview(d.ctx, d.as("carol"), i.ID, version(), "")
	d.ok(err)
	d.tick()
	if got := d.now(i); got.State != pim.ReviewInProgress || got.Counts != (pim.ReviewCounts{Items: 2}) || got.EndedBy != "" {
		t.Errorf("reset: %+v", got)
	}
	d.counted(i)
	h := look(d, func(r *store.Reader) (map[string][]pim.ReviewDecision, error) {
		return r.ReviewDecisions([]string{d.lines(i)["alice-dba"].ID})
	})
	if l := h[d.lines(i)["alice-dba"].ID]; len(l) != 2 || l[0].Answer != pim.AnswerDeny || l[1].As != pim.AsReset || l[1].By != "carol" {
		t.Errorf("history: %+v", l)
	}

	_, err = d.b.RemindReviewers(d.ctx, d.as("carol"), i.ID, version(), "")
	d.ok(err)
	d.tick()
	reminded := func() (n int) {
		for _, s := range d.noticesOf("bob") {
			if strings.HasPrefix(s, "Still to review") {
				n++
			}
		}
		return n
	}
	if reminded() != 1 {
		t.Errorf("bob: %q", d.noticesOf("bob"))
	}
	d.clock.add(7 * day)
	d.tick()
	if reminded() != 2 || len(d.events(pim.EvReviewReminded)) != 2 {
		t.Errorf("at half time: %q", d.noticesOf("bob"))
	}

	_, err = d.b.AddReviewers(d.ctx, d.as("carol"), broker.ReviewerAddition{InstanceID: i.ID, Version: version(), People: []string{"dan"}}, "")
	d.ok(err)
	if got := d.reviewersOf(d.lines(i)["alice-dba"], 0); got != "bob dan erin" {
		t.Errorf("reviewers: %s", got)
	}
	_, err = d.b.ChangeReviewInstance(d.ctx, d.as("carol"), broker.ReviewInstanceChange{ID: i.ID, Version: version(), EndsAt: d.clock.Now().Add(-time.Second)}, "")
	wantRefused(t, err, pim.KindInvalid, "ends_at", "past")
	end := d.clock.Now().Add(2 * day)
	_, err = d.b.ChangeReviewInstance(d.ctx, d.as("carol"), broker.ReviewInstanceChange{ID: i.ID, Version: version(), EndsAt: end, Text: "Soon."}, "")
	d.ok(err)
	if got := d.now(i); !got.StageEnds.Equal(end) || !got.EndsAt.Equal(end) || got.Terms.Text != "Soon." || !got.RemindAt.IsZero() {
		t.Errorf("changed: %+v", got)
	}
	_, err = d.b.StopReview(d.ctx, d.as("carol"), i.ID, version(), "")
	d.ok(err)
	d.tick()
	if got := d.now(i); got.State != pim.ReviewCompleted || got.EndedBy != "carol" || len(d.events(pim.EvReviewStopped)) != 1 {
		t.Errorf("stopped: %+v", got)
	}
	_, err = d.b.DeleteReviewInstance(d.ctx, d.as("carol"), broker.ReviewDeletion{ID: i.ID, Version: version()}, "")
	wantRefused(t, err, pim.KindInvalid, "confirm", "Type the name")
	_, err = d.b.DeleteReviewInstance(d.ctx, d.as("carol"), broker.ReviewDeletion{ID: i.ID, Version: version(), Confirm: "Quarterly"}, "")
	d.ok(err)
	if _, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.ReviewInstance, error) { return r.ReviewInstance(i.ID) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

// W-03, K-33: an owner reviews what lies at what they own, without what owners there do not hand out; nobody else does.
func TestReviewByAnOwner(t *testing.T) {
	d := newDesk(t)
	d.owner("bob", "prod")
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertRole(pim.RoleDefinition{ID: "root", Name: "Root", Privileged: true, Source: pim.SourceFile}),
			tx.InsertAssignment(pim.Assignment{ID: "erin-root", PrincipalID: "erin", RoleID: "root", ResourceID: "prod", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}),
			tx.InsertAssignment(pim.Assignment{ID: "erin-viewer", PrincipalID: "erin", RoleID: "viewer", ResourceID: "prod", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
	})
	s := d.campaign(func(s *broker.ReviewSave) {
		s.Terms.Scope = pim.ReviewScope{Kinds: []pim.AssignmentKind{pim.Eligible, pim.Active}}
	})
	_, err := d.saves("bob", s)
	wantRefused(t, err, pim.KindInvalid, "resources", "you own")
	s.Terms.Scope.Resources = []string{"org"}
	_, err = d.saves("bob", s)
	wantRefused(t, err, pim.KindInvalid, "resources", "do not administer")
	s.Terms.Scope.Resources = []string{"prod"}
	_, err = d.saves("alice", s)
	wantRefused(t, err, pim.KindNotFound, "", "nothing here")
	id, err := d.saves("bob", s)
	d.ok(err)
	d.tick()
	i := d.latest(id)
	if lines := d.lines(i); len(lines) != 1 || lines["erin-viewer"].ID == "" {
		t.Errorf("%+v", lines)
	}
	_, err = d.b.StopReview(d.ctx, d.as("bob"), i.ID, i.Version, "")
	d.ok(err)
	other := d.begins(func(s *broker.ReviewSave) {
		s.Terms.Scope.Resources = []string{"prod"}
		s.Terms.Scope.Roles = []string{"viewer"}
	})
	_, err = d.b.StopReview(d.ctx, d.as("bob"), other.ID, other.Version, "")
	wantRefused(t, err, pim.KindForbidden, "", "You may read this review")
}

// The whole life of a quarterly series over two years: daylight saving begins and ends in between, nothing runs over one
// start and over one end, one start is missed for good, and an answer comes in the instant of an end (W-11, W-68, M-06).
func TestReviewTwoYears(t *testing.T) {
	d := newDesk(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	d.ok(err)
	first := time.Date(d.clock.Now().Year()+1, 1, 4, 9, 0, 0, 0, berlin)
	id, err := d.saves("carol", d.campaign(func(s *broker.ReviewSave) {
		s.When.Frequency, s.When.StartsAt, s.When.Count = pim.ReviewQuarterly, first, 6
		s.Terms.Silence = pim.SilenceKeep
	}))
	d.ok(err)
	to := func(at time.Time) {
		d.clock.add(at.Sub(d.clock.Now()))
		d.tick()
	}
	to(first.Add(-time.Second))
	if all := look(d, func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewInstances(id, 0, 9) }); len(all) != 0 {
		t.Fatalf("began early: %+v", all)
	}
	var planned []string
	check := func(number int64, began time.Time) pim.ReviewInstance {
		t.Helper()
		i := d.latest(id)
		planned = append(planned, i.PlannedAt.In(berlin).Format("2006-01-02 15:04"))
		if i.Number != number || !i.StartedAt.Equal(began.UTC()) || i.State != pim.ReviewInProgress || !i.EndsAt.Equal(began.AddDate(0, 0, 14).UTC()) {
			t.Fatalf("number %d, began %s: %+v", number, began, i)
		}
		return i
	}
	quarter := func(n int) time.Time { return first.AddDate(0, 3*n, 0) }
	to(quarter(0)) // winter
	i := check(1, quarter(0))
	to(i.EndsAt)
	to(quarter(1)) // summer: nine by the wall is an hour earlier
	i = check(2, quarter(1))
	d.clock.add(i.EndsAt.Sub(d.clock.Now())) // an answer in the instant of the end, before anybody recorded it
	if _, err := d.b.Answer(d.ctx, d.as("bob"), broker.ReviewAnswers{InstanceID: i.ID, Items: []broker.ReviewAnswerItem{{ID: d.lines(i)["alice-dba"].ID, Answer: pim.AnswerDeny, Reason: "late"}}}); err == nil {
		t.Error("an answer in the instant of the end was taken")
	}
	d.tick()
	if got := d.now(i); got.State != pim.ReviewCompleted || got.Counts.Approved != 1 {
		t.Fatalf("%+v", got)
	}
	late := quarter(2).AddDate(0, 0, 5) // nothing ran over the start
	to(late)
	i = check(3, late)
	to(i.EndsAt.Add(50 * time.Hour)) // nor over the end
	if got := d.now(i); got.State != pim.ReviewCompleted || !got.EndsAt.Equal(i.EndsAt) {
		t.Fatalf("%+v", got)
	}
	to(quarter(4).AddDate(0, 0, 1)) // the fourth was missed for good: the latest is caught up with, once
	i = check(4, quarter(4).AddDate(0, 0, 1))
	d.tick()
	if again := d.latest(id); again.ID != i.ID {
		t.Errorf("caught up with twice: %+v", again)
	}
	to(i.EndsAt)
	to(quarter(5))
	to(check(5, quarter(5)).EndsAt)
	to(quarter(6))
	to(check(6, quarter(6)).EndsAt)
	to(quarter(8))
	if last := d.latest(id); last.Number != 6 {
		t.Errorf("after the last of six: %+v", last)
	}
	want := []time.Time{quarter(0), quarter(1), quarter(2), quarter(4), quarter(5), quarter(6)}
	for n, at := range want {
		if planned[n] != at.Format("2006-01-02 15:04") {
			t.Errorf("planned %v", planned)
		}
	}
}

// Before anything begins: who would review what, and in words what is not as one may think.
func TestReviewPreview(t *testing.T) {
	d := newDesk(t)
	d.eligible("bob", "dba", "org")
	def := func(change func(*broker.ReviewSave)) pim.ReviewDefinition {
		s := d.campaign(change)
		return pim.ReviewDefinition{Name: s.Name, Terms: s.Terms, When: s.When}
	}
	preview := func(def pim.ReviewDefinition) broker.ReviewPreview {
		t.Helper()
		return look(d, func(r *store.Reader) (broker.ReviewPreview, error) {
			carol, err := r.Principal("carol")
			if err != nil {
				return broker.ReviewPreview{}, err
			}
			return broker.PreviewReview(r, carol, def)
		})
	}
	v := preview(def(func(s *broker.ReviewSave) { s.Terms.Stages[0].People = []string{"bob"} }))
	if v.Items != 2 || v.Fallback != 1 || len(v.Rows) != 3 || v.Rows[0].Items != 1 || v.Passkey || len(v.Starts) != 1 || !strings.Contains(strings.Join(v.Warnings, " "), "1 item has no reviewer of this kind and goes to the administrators") {
		t.Errorf("%+v", v)
	}
	v = preview(def(func(s *broker.ReviewSave) {
		s.Terms.Scope.Roles, s.Terms.Scope.Resources = []string{"dba", "gone"}, []string{"nowhere"}
		s.Terms.Apply, s.Terms.Silence = true, pim.SilenceRemove
	}))
	words := strings.Join(v.Warnings, " ")
	for _, part := range []string{"1 of the roles does not exist any more", "1 of the resources does not exist any more", "Now there is nobody to review", "without anybody looking"} {
		if !strings.Contains(words, part) {
			t.Errorf("%q is not said: %s", part, words)
		}
	}
	if v.Items != 0 {
		t.Errorf("%+v", v)
	}
}
