package sample

import (
	"slices"
	"strconv"
	"time"

	"stint/views"
)

func days(n int) int { return n * 24 * 60 }

func (s Samples) reviewers() views.Shell {
	sh := s.shell()
	sh.Person, sh.Can.Reviews, sh.Review = s.bob(), true, 2
	return sh
}

func (s Samples) reviews() []Page {
	var all []Page
	for _, group := range [][]Page{s.reviewLists(), s.reviewForms(), s.reviewAnswers(), s.reviewRuns(), s.reviewResults()} {
		all = append(all, group...)
	}
	return all
}

func (s Samples) state(tone views.Tone, word, note string) views.ReviewState {
	st := views.ReviewState{Tone: tone, Word: word}
	if note != "" {
		st.Note = s.T(note)
	}
	return st
}

func (s Samples) reviewRows() []views.ReviewRow {
	row := func(id, name, about string, due int, p views.ReviewProgress, state views.ReviewState, who ...views.Person) views.ReviewRow {
		return views.ReviewRow{ID: id, Name: s.T(name), About: s.T(about), Due: min(due), Progress: p, State: state, Reviewers: who}
	}
	runs := s.state(views.Info, "In progress", "")
	return []views.ReviewRow{
		row("v1", "Quarterly: production databases", "db_owner on 4 PostgreSQL databases, eligible and active", days(4), views.ReviewProgress{Items: 42, Approved: 12, Denied: 4, Shrunk: 1, DontKnow: 1}, runs, s.bob(), s.dave()),
		row("v2", "Members of grp-sre", "Members of one group, everybody", days(11), views.ReviewProgress{Items: 11}, runs, s.bob()),
		row("v3", "Half-yearly: Global Administrators", "Global Administrator on northwind.example, eligible and active", days(8), views.ReviewProgress{Items: 5, Approved: 3, Denied: 1}, runs, s.carol(), s.erin()),
	}
}

func (s Samples) reviewLists() []Page {
	v := views.ReviewsView{Shell: s.reviewers(), Tab: views.ReviewsMine, Mine: 2, Running: 3, Scheduled: 2, SeesAll: true, CanCreate: true, Rows: s.reviewRows()[:2]}
	v.Rows[0].More = 3
	running := v
	running.Tab, running.Rows = views.ReviewsRunning, s.reviewRows()
	running.Rows[1].State = s.state(views.Info, "Starting", "")
	running.Rows[2].State = s.state(views.Warn, "Completed", "")
	scheduled := v
	scheduled.Tab, scheduled.Rows = views.ReviewsScheduled, nil
	scheduled.Series = []views.ReviewSeriesRow{
		{ID: "s3", Name: s.T("Payments: who is on call"), About: s.T("Every role on payments"), Every: s.T("every month")},
		{ID: "s1", Name: s.T("Quarterly: production databases"), About: s.T("db_owner on 4 PostgreSQL databases"), Every: s.T("every quarter"), Next: min(days(75))},
		{ID: "s2", Name: s.T("Inactive for 90 days, all roles"), About: s.T("Every role, only people not seen for 90 days"), Every: s.T("every month"), Next: min(days(12))},
	}
	scheduled.Calendar = []views.ReviewMonth{
		{Name: "December 2026", Rows: []views.ReviewComing{{SeriesID: "s2", Name: s.T("Inactive for 90 days, all roles"), Starts: min(days(12)), Days: 14}}},
		{Name: "January 2027", Rows: []views.ReviewComing{{SeriesID: "s2", Name: s.T("Inactive for 90 days, all roles"), Starts: min(days(43)), Days: 14}}},
		{Name: "February 2027", Rows: []views.ReviewComing{{SeriesID: "s2", Name: s.T("Inactive for 90 days, all roles"), Starts: min(days(74)), Days: 14}, {SeriesID: "s1", Name: s.T("Quarterly: production databases"), Starts: min(days(75)), Days: 1}}},
	}
	scheduled.CutAt = 4
	done := v
	done.Tab, done.Rows = views.ReviewsDone, s.reviewRows()[2:]
	done.Rows[0].State, done.Rows[0].Due = s.state(views.OK, "Applied", ""), ago(days(3))
	none, noHit, nothing, nobody := v, done, scheduled, running
	none.Rows, none.Mine, none.SeesAll, none.CanCreate, none.Review = nil, 0, false, false, 0
	noHit.Rows, noHit.Q = nil, s.T("mainframe")
	nothing.Series, nothing.Calendar, nothing.Scheduled, nothing.CutAt = nil, nil, 0, 0
	nobody.Rows, nobody.Running = nil, 0
	return []Page{
		{"reviews", "/reviews", views.Reviews(v)},
		{"reviews-none", "/reviews", views.Reviews(none)},
		{"reviews-running", "/reviews/running", views.Reviews(running)},
		{"reviews-running-none", "/reviews/running", views.Reviews(nobody)},
		{"reviews-scheduled", "/reviews/scheduled", views.Reviews(scheduled)},
		{"reviews-scheduled-none", "/reviews/scheduled", views.Reviews(nothing)},
		{"reviews-done", "/reviews/done", views.Reviews(done)},
		{"reviews-no-hit", "/reviews/done", views.Reviews(noHit)},
	}
}

func (s Samples) chooser(name, legend, help, none string, rows ...views.ReviewPick) views.ReviewChooser {
	for i := range rows {
		rows[i].Value = name + ":" + rows[i].Value
	}
	return views.ReviewChooser{Name: name, Legend: legend, Help: help, None: none, Rows: rows}
}

func (s Samples) reviewForm() views.ReviewFormView {
	v := views.ReviewFormView{
		Shell: s.reviewers(), Title: "New review", ZoneKnown: true,
		Values: views.ReviewValues{About: "roles", Eligible: true, Active: true, Frequency: "quarterly", Start: "now", Zone: "Europe/Berlin", End: "never", Apply: "hand", Silence: "no_change",
			Remind: true, Recommend: true, LookBack: "30", MovesOn: []string{"approve"}, Stages: [3]views.ReviewStageValues{{Kind: "chosen", Days: "14"}}},
		Roles:     s.chooser("role", "Roles", "Each with whoever holds it.", "Every role."),
		Resources: s.chooser("resource", "Resources", "Each with everything below it.", "Everywhere."),
		Groups:    s.chooser("group", "Groups", "Their direct members are reviewed.", "No group is chosen."),
	}
	for i := range 3 {
		n := strconv.Itoa(i + 1)
		v.Reviewers[i] = s.chooser("reviewer_"+n, "Chosen reviewers", "Of a group, its members when the review starts.", "Nobody is chosen yet.")
		v.Fallbacks[i] = s.chooser("fallback_"+n, "Fallback", "They review what nobody else may: no manager, no owner, their own access.", "Administrators of Stint.")
	}
	return v
}

// nineInBerlin is nine o'clock there every quarter: in winter an hour later by UTC than in summer.
func nineInBerlin() (out []time.Time) {
	for month, utc := range map[time.Month]int{time.January: 8, time.April: 7, time.July: 7, time.October: 7} {
		out = append(out, time.Date(2027, month, 4, utc, 0, 0, 0, time.UTC))
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

func (s Samples) reviewForms() []Page {
	fresh := s.reviewForm()
	v := s.reviewForm()
	v.Values.Name, v.Values.Text = s.T("Quarterly: production databases"), s.T("Who is on call this quarter?")
	v.Values.Start, v.Values.StartAt, v.Values.Apply, v.Values.Silence = "at", "2027-01-04T09:00", "self", "remove"
	v.Values.Stages = [3]views.ReviewStageValues{{Kind: "chosen", Days: "10"}, {Kind: "owners", Days: "4"}, {}}
	v.Roles.Rows = []views.ReviewPick{{Value: "role:r1", Role: s.dbOwner(), Ticked: true}}
	v.Resources.Q, v.Resources.More = s.T("prod"), true
	v.Resources.Rows = []views.ReviewPick{{Value: "resource:n1", Role: s.role("billing-prod", "database", "PostgreSQL", "billing-prod"), Ticked: true}, {Value: "resource:n2", Role: s.role("crm-prod", "database", "PostgreSQL", "crm-prod")}}
	v.Reviewers[0].Rows = []views.ReviewPick{{Value: "reviewer_1:p2", Holder: s.holder(s.bob()), Ticked: true}, {Value: "reviewer_1:g1", Holder: views.Holder{Person: s.person("g1", "Database leads", "Group"), Group: true}, Ticked: true}}
	v.Preview = &views.ReviewPreview{Items: 42, More: 2, Fallback: 1, Nobody: 1, Rows: []views.ReviewPreviewRow{{Who: s.bob(), Items: 41}, {Who: s.dave(), Items: 42}, {Who: s.carol(), Items: 1, Fallback: true}}, Starts: nineInBerlin(),
		Warnings: []string{s.T("1 item is about the only one who could answer. What silence means decides there: choose a fallback."), s.T("Reviewers who stay silent may take access away from everybody here, without anybody looking. Saving asks for the name of the review.")}}
	v.Typed = views.Typed{Name: s.T("Quarterly: production databases")}
	v.Passkey = true
	wrong := s.reviewForm()
	wrong.Values.Name = s.T("Monthly")
	wrong.Values.Stages[0].Days, wrong.Values.Frequency, wrong.Values.InactiveDays = "28", "monthly", "900"
	wrong.Reviewers[0].Q, wrong.Reviewers[0].Wrong = s.T("nobody"), s.T("Choose at least one reviewer.")
	wrong.Errors = views.Errors{"days_1": s.T("All stages together last at most 27 days, so that one review is over before the next begins."), "inactive_days": s.T("From 1 to 730 days, or leave it empty."), "silence": s.T("Without recommendations there is none to follow."), "moves_on": s.T("Choose which answers go on to the next stage.")}
	nobody := s.reviewForm()
	nobody.ID, nobody.Title, nobody.Version, nobody.Values.Name, nobody.Values.About = "s1", "Edit the series", "3", s.T("Members of grp-old"), "groups"
	nobody.Values.Start, nobody.Values.StartAt = "at", "2027-01-04T09:00"
	nobody.Preview = &views.ReviewPreview{Warnings: []string{s.T("Now there is nobody to review. A review that finds nobody ends at once, and tells you.")}}
	return []Page{
		{"review-new", "/reviews/new", views.ReviewForm(fresh)},
		{"review-preview", "/reviews/preview", views.ReviewForm(v)},
		{"review-new-error", "/reviews", views.ReviewForm(wrong)},
		{"review-edit", "/reviews/series/:id/edit", views.ReviewForm(nobody)},
	}
}

func (s Samples) item(id string, who views.Person, role views.Role, holds, use string, a views.ReviewAdvice) views.ReviewItem {
	for i := range a.Because {
		a.Because[i] = s.T(a.Because[i])
	}
	it := views.ReviewItem{ID: id, Version: "1", Holder: s.holder(who), Role: role, Holds: holds, Advice: a, Forever: true}
	if use != "" {
		it.Use = s.T(use)
	}
	return it
}

func (s Samples) reviewAnswers() []Page {
	approve := func(b ...string) views.ReviewAdvice {
		return views.ReviewAdvice{Tone: views.OK, Word: "Approve", Because: b}
	}
	deny := func(b ...string) views.ReviewAdvice {
		return views.ReviewAdvice{Tone: views.Bad, Word: "Deny", Because: b}
	}
	shrink := func(b ...string) views.ReviewAdvice {
		return views.ReviewAdvice{Tone: views.Info, Word: "Shrink", Because: b}
	}
	ends := []views.Option{{Value: "end:2027-02-17", Label: s.T("ends on 2027-02-17")}, {Value: "end:2027-05-18", Label: s.T("ends on 2027-05-18")}}
	crm := s.role("db_owner", "database", "PostgreSQL", "crm-prod")
	alice := s.item("i1", s.alice(), s.dbOwner(), "Eligible", "last active today", approve("14 activations in 90 days"))
	alice.Answer, alice.Reason, alice.By, alice.At, alice.Shrinks, alice.Saved = "approve", s.T("On call for billing"), s.bob(), ago(2), ends, true
	alice.Earlier = []views.ReviewEarlier{{By: s.dave(), At: ago(days(1)), Answer: "Deny", Reason: s.T("I thought she moved")}}
	farid := s.item("i2", s.farid(), s.dbOwner(), "Eligible", "last active 2026-06-28", deny("Not activated in 90 days", "Another department since the last review"))
	farid.Answer, farid.Reason, farid.By, farid.At, farid.Shrinks, farid.As = "deny", s.T("Moved to payments in July"), s.bob(), ago(5), ends, "recommendation accepted"
	dave := s.item("i3", s.dave(), s.dbOwner(), "Active", "held all the time", shrink("Held all the time: eligible would be enough"))
	dave.Shrinks = append([]views.Option{{Value: "eligible", Label: s.T("eligible instead of active")}}, ends...)
	dave.Answer, dave.Shrink, dave.Error = "shrink", "eligible", s.T("Give a reason.")
	bob := s.item("i4", s.bob(), s.dbOwner(), "Eligible", "last active 2026-11-12", views.ReviewAdvice{})
	bob.Decides = s.T("Nobody reviews their own access: Dave Marsh decides")
	carol := s.item("i5", s.carol(), crm, "Eligible", "never activated", deny("Never activated"))
	carol.Shrinks = ends
	erin := s.item("i6", s.erin(), crm, "Eligible", "last active 2026-11-02", approve("3 activations in 90 days", "4 of 5 others of the same department and job use it"))
	erin.Forever, erin.Until, erin.Shrinks = false, min(days(200)), ends
	group := s.item("i7", s.person("g1", "Database leads", "Group"), crm, "Eligible", "", views.ReviewAdvice{Because: []string{"Nobody activates it, so that its use cannot be measured"}})
	group.Holder.Group = true
	v := views.ReviewAnswersView{
		Shell: s.reviewers(), ID: "v1", Name: s.T("Quarterly: production databases"), Text: s.T("Does each person still need db_owner?"), Frozen: ago(days(10)), Ends: min(days(4)), Stage: "stage 1 of 2",
		Progress: views.ReviewProgress{Items: 42, Approved: 12, Denied: 4, Shrunk: 1, DontKnow: 1}, By: "place", Show: "all", Recommends: true, NeedReason: true, Manages: true,
		Apply:  s.T("When the review ends, what was decided waits until somebody applies it. What nobody answers about stays."),
		Groups: []views.ReviewGroup{{Title: s.T("PostgreSQL › billing-prod"), Rows: []views.ReviewItem{alice, farid, dave, bob}}, {Title: s.T("PostgreSQL › crm-prod"), Rows: []views.ReviewItem{carol, erin, group}}},
		Pager:  views.Pager{Older: "/reviews/v1/answers?cursor=x", Forward: true}, Here: "/reviews/v1/answers?show=all",
	}
	byPerson := v
	byPerson.By, byPerson.Groups, byPerson.Stage, byPerson.Text = "person", []views.ReviewGroup{{Title: s.T("Alice Keller"), Rows: []views.ReviewItem{alice}}, {Title: s.T("Erin Sato"), Rows: []views.ReviewItem{erin}}}, "", ""
	byPerson.Progress = views.ReviewProgress{Items: 40, Plain: 18}
	byPerson.HandOver = views.HandOverForm{Open: true, Q: s.T("carol"), Rows: []views.PickRow{{Holder: s.holder(s.carol())}}, Errors: views.Errors{"to": s.T("Choose who reviews it."), "reason": s.T("Say why.")}}
	finished, noHit, closed, early := v, v, v, v
	early.Closed, early.Begins, early.Groups, early.Stage = s.T("Your stage has not begun: it is stage 2 of 2."), min(days(4)), nil, ""
	finished.Groups, finished.Show, finished.Progress, finished.Recommends, finished.Pager = nil, "open", views.ReviewProgress{Items: 42, Approved: 30, Denied: 12}, false, views.Pager{}
	noHit.Groups, noHit.Q = nil, s.T("mainframe")
	closed.Closed, closed.Ends = s.T("This review has ended. Answers are taken no more."), ago(30)
	return []Page{
		{"review-answers", "/reviews/:id/answers", views.ReviewAnswers(v)},
		{"review-answers-person", "/reviews/:id/answers", views.ReviewAnswers(byPerson)},
		{"review-answers-done", "/reviews/:id/answers", views.ReviewAnswers(finished)},
		{"review-answers-no-hit", "/reviews/:id/answers", views.ReviewAnswers(noHit)},
		{"review-answers-early", "/reviews/:id/answers", views.ReviewAnswers(early)},
		{"review-answers-closed", "/reviews/:id/answers", views.ReviewAnswers(closed)},
	}
}

func (s Samples) reviewFacts() []views.ReviewFact {
	return []views.ReviewFact{
		{Name: "About", Text: s.T("db_owner on billing-prod and crm-prod, eligible and active")}, {Name: "Reviewers", Text: s.T("Bob Okafor and the group Database leads for 10 days, then owners of the resource for 4 days")},
		{Name: "At the end", Text: s.T("Somebody applies what was decided")}, {Name: "Silence", Text: s.T("No change")}, {Name: "Reasons", Text: "Needed"}, {Name: "Reminder", Text: "In the middle"}, {Name: "Look back", Text: "90 days"},
		{Name: "Population", Text: s.T("42 items, SHA-256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")},
	}
}

func (s Samples) reviewRun() views.ReviewView {
	return views.ReviewView{
		Shell: s.reviewers(), ID: "v1", SeriesID: "s1", Series: s.T("every quarter"), Name: s.T("Quarterly: production databases"), Number: 4, Version: "7",
		State: s.state(views.Info, "In progress", "Reviewers answer. Nothing changes at the targets before the end."), Progress: views.ReviewProgress{Items: 42, Approved: 12, Denied: 4, Shrunk: 1, DontKnow: 1}, Facts: s.reviewFacts(), Stage: 1,
		Steps:     []views.ReviewStep{{Text: s.T("First stage: Bob Okafor and Database leads"), Ends: min(days(4)), Now: true}, {Text: s.T("Second stage: owners of the resource"), Ends: min(days(8))}},
		Reviewers: []views.ReviewerRow{{Who: s.bob(), Stage: 1, Items: 41, Decided: 18}, {Who: s.dave(), Stage: 1, Items: 42, Decided: 18}, {Who: s.carol(), Stage: 1, Items: 1, Fallback: true}},
		Can:       views.ReviewAllowed{Answer: true, Change: true, Stop: true, Reset: true, Remind: true, AddReviewers: true, Delete: true, Export: true},
		Change:    views.ReviewChangeForm{EndsAt: "2026-11-23T18:00", Zone: "Europe/Berlin", Text: s.T("Does each person still need db_owner?")}, Typed: views.Typed{Name: s.T("Quarterly: production databases")},
	}
}

func (s Samples) reviewRuns() []Page {
	v := s.reviewRun()
	starting := v
	starting.State, starting.Working, starting.Doing, starting.Done, starting.About = s.state(views.Info, "Starting", "Who holds what now is being written down. Reviewers are asked when that is done."), true, "Fixed so far", 41_200, 100_000
	starting.Progress, starting.Reviewers, starting.Steps, starting.Can = views.ReviewProgress{}, nil, nil, views.ReviewAllowed{Delete: true}
	completed := v
	completed.State = s.state(views.Warn, "Completed", "Waits for somebody to apply what was decided. Until then nothing changes.")
	completed.Progress, completed.Can, completed.Passkey, completed.Stage = views.ReviewProgress{Items: 42, Approved: 30, Denied: 9, Shrunk: 2, DontKnow: 1}, views.ReviewAllowed{Apply: true, Delete: true, Export: true}, true, 2
	completed.Steps = []views.ReviewStep{{Text: s.T("First stage: Bob Okafor and Database leads"), Done: true}, {Text: s.T("Second stage: owners of the resource"), Ends: ago(days(1)), Done: true}}
	applying := completed
	applying.State, applying.Can, applying.Working, applying.Doing, applying.Done, applying.About = s.state(views.Info, "Applying", "What was denied is taken away, and read back at the targets."), views.ReviewAllowed{Export: true}, true, "Applied", 7, 11
	applying.Outcome = []views.ReviewOutcome{{Tone: views.OK, Word: "removed", N: 6, Href: "/reviews/v1/results?show=removed"}, {Tone: views.Info, Word: "ending", N: 1, Href: "/reviews/v1/results?show=removing"}, {Tone: views.Bad, Word: "failed, tried again", N: 1, Href: "/reviews/v1/results?show=failed"}}
	wrong := v
	wrong.Errors = views.Errors{"": s.T("Somebody changed this review meanwhile. Look again."), "stop": s.T("Tick it if you want that."), "reset": s.T("Tick it if you want that.")}
	wrong.Add = views.ReviewAddForm{Open: true, Q: s.T("erin"), Rows: []views.PickRow{{Holder: s.holder(s.erin())}}, Errors: views.Errors{"pick": s.T("Choose at least one person.")}}
	wrong.Change.Open, wrong.Change.Errors = true, views.Errors{"ends_at": s.T("That is past.")}
	wrong.Typed.Value, wrong.Typed.Error = s.T("quarterly"), s.T("Type the name exactly as it is written here, with its capitals.")
	series := views.ReviewSeriesView{Shell: v.Shell, ID: "s1", Name: v.Name, Version: "2", Every: v.Series, Next: min(days(75)), Facts: s.reviewFacts()[:5], Rows: s.reviewRows()[:1], CanManage: true, Typed: views.Typed{Name: v.Name}}
	over := series
	over.Over, over.CanManage, over.Rows = true, false, s.reviewRows()[2:3]
	over.Rows[0].State, over.Rows[0].Due = s.state(views.OK, "Applied", ""), ago(days(3))
	paused := series
	paused.Over, paused.Rows, paused.Paused = true, nil, s.T("It is paused: Farid Nazari, who made it, is no owner of all it is about any more. Whoever administers all of it saves it again to take it over.")
	return []Page{
		{"review", "/reviews/:id", views.ReviewPage(v)},
		{"review-starting", "/reviews/:id", views.ReviewPage(starting)},
		{"review-completed", "/reviews/:id", views.ReviewPage(completed)},
		{"review-applying", "/reviews/:id", views.ReviewPage(applying)},
		{"review-error", "/reviews/:id", views.ReviewPage(wrong)},
		{"review-series", "/reviews/series/:id", views.ReviewSeries(series)},
		{"review-series-over", "/reviews/series/:id", views.ReviewSeries(over)},
		{"review-series-paused", "/reviews/series/:id", views.ReviewSeries(paused)},
	}
}

func (s Samples) reviewResults() []Page {
	v := views.ReviewResultsView{ReviewView: s.reviewRun(), Filters: []views.Segment{{Text: "All", Href: "/reviews/v1/results", Count: 42, Current: true}, {Text: "Failed", Href: "/reviews/v1/results?show=failed", Count: 1}}}
	row := func(id string, who views.Person, answer, reason string, result views.ReviewState) views.ReviewResultRow {
		return views.ReviewResultRow{ID: id, Who: s.holder(who), Role: s.dbOwner(), Holds: "Eligible, no end", Answer: answer, Reason: s.T(reason), By: s.bob(), At: ago(days(2)), Result: result, Advice: views.ReviewAdvice{Tone: views.Bad, Word: "Deny", Because: []string{s.T("Never activated")}}}
	}
	gone := row("i2", s.farid(), "deny", "Moved to payments in July", s.state(views.OK, "Removed", ""))
	gone.Gone = ago(20)
	v.Rows = []views.ReviewResultRow{gone,
		row("i3", s.dave(), "shrink", "Eligible is enough", s.state(views.Info, "Shrinking", "less is assigned, not yet seen gone")),
		row("i5", s.carol(), "deny", "Left the team", s.state(views.Bad, "Failed", "The target did not answer. Tried 3 times, again at 14:31.")),
		row("i6", s.erin(), "deny", "Not needed", s.state(views.Warn, "Still held", "through “Database on call” until 18:00")),
		row("i1", s.alice(), "approve", "On call for billing", s.state(views.Neutral, "Kept", "")),
		row("i7", s.bob(), "", "", s.state(views.Neutral, "Not applied yet", "")),
	}
	v.Rows[5].By = views.Person{}
	v.Rows[1].Shrunk, v.Rows[1].As = s.T("eligible instead of active"), "recommendation accepted"
	none := v
	none.Rows, none.Q, none.Show = nil, s.T("mainframe"), "failed"
	item := views.ReviewItemView{Shell: v.Shell, ID: "v1", Name: v.Name, Row: gone, Facts: []views.ReviewFact{{Name: "Held", Text: s.T("Eligible since 2026-02-01, no end")}, {Name: "Last used", Text: s.T("never activated")}, {Name: "Signed in", Text: s.T("2026-11-18")}},
		History: []views.StoryStep{
			{Text: s.T("Dave Marsh: Approve"), At: ago(days(4)), Entry: 184_010},
			{Tone: views.Bad, Text: s.T("Bob Okafor: Deny"), At: ago(days(2)), Entry: 184_100},
			{Tone: views.OK, Text: s.T("Removed, seen gone at the target"), At: ago(20), Entry: 184_220},
		}, Entries: []views.Link{{Text: "184,100", Href: "/audit/184100"}, {Text: "184,220", Href: "/audit/184220"}}}
	history := views.ReviewHistoryView{Shell: v.Shell, From: "2026-01-01", Until: "2026-11-19", Total: views.ReviewProgress{Items: 42, Approved: 30, Denied: 12},
		Rows: []views.ReviewHistoryRow{{ID: "v0", Name: s.T("Quarterly: production databases"), State: s.state(views.OK, "Applied", ""), Progress: views.ReviewProgress{Items: 42, Approved: 30, Denied: 12}, Started: ago(days(100)), Ended: ago(days(86)), Removed: 11, Failed: 1}}}
	quiet := history
	quiet.Rows, quiet.Total, quiet.Errors = nil, views.ReviewProgress{}, views.Errors{"until": s.T("The period ends before it begins.")}
	return []Page{
		{"review-results", "/reviews/:id/results", views.ReviewResults(v)},
		{"review-results-no-hit", "/reviews/:id/results", views.ReviewResults(none)},
		{"review-item", "/reviews/:id/items/:item", views.ReviewItemPage(item)},
		{"review-history", "/reviews/history", views.ReviewHistory(history)},
		{"review-history-none", "/reviews/history", views.ReviewHistory(quiet)},
	}
}
