package views_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stint/views"
	"stint/views/sample"
)

// The exact words of DESIGN §3.
func TestStatusWords(t *testing.T) {
	r := views.Reader{Now: time.Date(2026, 11, 19, 14, 22, 0, 0, time.UTC)}
	at := func(h, m, s int) time.Time { return time.Date(2026, 11, 19, h, m, s, 0, time.UTC) }
	for want, v := range map[string]views.StatusView{
		"Pending approval waits for an approver":                    {State: views.PendingApproval},
		"Approved not granted yet":                                  {State: views.Approved},
		"Granting asked the target, not yet read back":              {State: views.Granting},
		"Active confirmed at the target at 14:02:11":                {State: views.Active, At: at(14, 2, 11)},
		"Active held in Stint itself":                               {State: views.Active, NoTarget: true},
		"Ending no longer wanted, not yet seen gone":                {State: views.Ending},
		"Expired confirmed gone at 16:02:13":                        {State: views.Ended, How: views.Expired, Seen: views.SeenGone, At: at(16, 2, 13)},
		"Revoked still held through “Database on call” until 18:00": {State: views.Ended, How: views.Revoked, Seen: views.StillHeld, Through: "Database on call", Until: at(18, 0, 0)},
		"Deactivated held before Stint, put back as found":          {State: views.Ended, How: views.Deactivated, Seen: views.HeldBefore},
		"Person disabled nothing had been granted":                  {State: views.Ended, How: views.PersonDisabled, Seen: views.NothingHeld},
		"Expired not seen gone: accepted as gone by Carol Voss":     {State: views.Ended, How: views.Expired, Seen: views.AcceptedGone, By: "Carol Voss"},
		"Eligibility ended confirmed gone at 16:02:13":              {State: views.Ended, How: views.EligibilityEnded, Seen: views.SeenGone, At: at(16, 2, 13)},
		"Lost at the target":                                        {State: views.Ended, How: views.LostAtTarget},
		"Denied":                                                    {State: views.Denied},
		"Canceled":                                                  {State: views.Canceled},
		"Timed out":                                                 {State: views.TimedOut},
		"Failed The account no longer exists at the target.":        {State: views.Failed, Note: "The account no longer exists at the target."},
	} {
		v.Reader = r
		if got := words(doc(t, views.Status(v)).Selection); got != want {
			t.Errorf("%s: %q, want %q", v.State, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 min", time.Second: "1 min", 30 * time.Minute: "30 min", time.Hour: "1 h",
		100 * time.Minute: "1 h 40 min", 24 * time.Hour: "24 h", 47*time.Hour + 59*time.Minute: "47 h 59 min",
		72 * time.Hour: "3 days", -time.Hour: "0 min",
	} {
		if got := views.Duration(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestTimesAreTheReadersWithUTCInTheTitle(t *testing.T) {
	now := time.Date(2026, 11, 19, 13, 22, 7, 0, time.UTC)
	r := views.Reader{Now: now, Zone: berlin(t)}
	at := time.Date(2026, 11, 18, 23, 30, 5, 0, time.UTC) // the 19th in Berlin
	for style, want := range map[views.TimeStyle]string{
		views.Fact: "00:30:05", views.End: "00:30", views.Day: "2026-11-19", views.Full: "2026-11-19 00:30:05", views.Ago: "13 h 52 min ago",
	} {
		el := doc(t, views.Time(views.TimeView{Reader: r, At: at, Style: style})).Find("time")
		if el.Text() != want || el.AttrOr("title", "") != "2026-11-18 23:30:05 UTC" || el.AttrOr("datetime", "") != "2026-11-18T23:30:05Z" {
			t.Errorf("%s: %q, title %q", style, el.Text(), el.AttrOr("title", ""))
		}
	}
	yesterday := views.TimeView{Reader: r, At: now.Add(-24 * time.Hour), Style: views.End}
	if got := yesterday.Format(); got != "2026-11-18 14:22" {
		t.Errorf("another day without its date: %q", got)
	}
	moment := views.TimeView{Reader: r, At: now.Add(-59 * time.Second), Style: views.Ago}
	if got := moment.Format(); got != "just now" {
		t.Errorf("less than a minute ago reads %q", got)
	}
	if got := words(doc(t, views.Time(views.TimeView{Reader: r})).Selection); got != "never" {
		t.Errorf("no instant reads %q", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 184226: "184,226", -1234567: "-1,234,567"} {
		if got := views.Count(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestNavigationShowsOnlyWhatTheReaderMay(t *testing.T) {
	quiet := page(t, "my-roles-nothing")
	for _, href := range []string{"/people", "/targets", "/audit", "/approvals"} {
		if quiet.Find(`a[href="`+href+`"]`).Length() > 0 {
			t.Errorf("somebody without rights sees a link to %s", href)
		}
	}
	all := page(t, "my-roles")
	for _, href := range []string{"/people", "/targets", "/audit", "/approvals", "/my-requests", "/passkeys", "/profile", "/notices"} {
		if all.Find(`a[href="`+href+`"]`).Length() == 0 {
			t.Errorf("no link to %s", href)
		}
	}
	if got := all.Find(`nav[aria-label=Mine] a[aria-current=page]`).AttrOr("href", ""); got != "/my-roles" {
		t.Errorf("current page %q", got)
	}
}

func TestMyRolesRows(t *testing.T) {
	d := page(t, "my-roles")
	list := d.Find("#my-roles")
	follows(t, "my-roles", "/events?since=184226", "/my-roles", "#my-roles", "#states")
	var groups []string
	list.Find(".group").Each(func(_ int, s *goquery.Selection) { groups = append(groups, words(s)) })
	if got := strings.Join(groups, ","); got != "Active,Waiting,Coming,Eligible,Expired" {
		t.Errorf("groups %s", got)
	}
	if d.Find(`#a-x1 form[action="/activations/x1/deactivate"]`).Length() != 1 ||
		d.Find(`#a-x4 form[action="/activations/x4/cancel"]`).Length() != 1 ||
		d.Find(`#e-a1 a[href="/my-roles/a1/activate"]`).Length() != 1 {
		t.Error("an action is missing in a row")
	}
	star := d.Find(`#e-a1 button[name=favourite]`)
	if star.AttrOr("value", "") != "no" || star.AttrOr("aria-pressed", "") != "true" {
		t.Error("a favourite cannot be taken back")
	}
	if got := words(d.Find("#a-x1 .countdown b")); got != "8 min" {
		t.Errorf("left %q", got)
	}
	if !d.Find("#a-x1 progress").HasClass("warn") || !d.Find("#a-x2 progress").HasClass("ok") {
		t.Error("the tone of what is left does not turn at 15 min")
	}
	if got := words(d.Find("#e-a3 .scope")); got != "Kubernetesprod-eu-1payments" {
		t.Errorf("scope %q", got)
	}
}

func TestActivateFormKeepsValuesAndNamesWhatIsWrong(t *testing.T) {
	d := page(t, "activate-errors")
	if got := d.Find("textarea[name=justification]").Text(); got != "fix" {
		t.Errorf("reason %q", got)
	}
	other := d.Find("input[name=other]")
	if other.AttrOr("value", "") != "9:00" || other.AttrOr("aria-invalid", "") != "true" || d.Find(`input[name=duration][value=""][checked]`).Length() != 1 {
		t.Error("the other duration was not kept or not marked")
	}
	for _, id := range []string{"duration-err", "justification-err", "ticket_number-err"} {
		if words(d.Find("#"+id)) == "" {
			t.Errorf("no words at %s", id)
		}
	}
	fresh := page(t, "activate")
	if fresh.Find(`input[name=duration][value="60"][checked]`).Length() != 1 || fresh.Find("[aria-invalid]").Length() != 0 {
		t.Error("the fresh form does not open at the suggested duration")
	}
	if n := fresh.Find("#activate-aside .checks li").Length(); n != 6 {
		t.Errorf("%d verdicts beforehand", n)
	}
	if inc := fresh.Find("#activate-aside").AttrOr("hx-include", ""); strings.Contains(inc, "justification") {
		t.Error("the reason would travel in an address")
	}
}

// UI.md §5: one amber banner before an end, with the way on; none while nothing ends soon.
func TestMyRolesSaysWhatEndsSoon(t *testing.T) {
	s := samples(t, sample.Plain)
	list := s.Soon()
	banner := doc(t, views.MyRolesList(list)).Find(".callout.warn")
	if banner.Length() != 1 || !strings.HasPrefix(words(banner), "Domain Admins on corp.northwind.example ends in 8 min, at 14:30") ||
		banner.Find(`a[href="/activations/x1"]`).Length() != 1 {
		t.Errorf("the banner says %q", words(banner))
	}
	list.Now = list.Now.Add(-8 * time.Minute)
	if got := words(doc(t, views.MyRolesList(list)).Find(".callout")); got != "" {
		t.Errorf("16 minutes before the end: %q", got)
	}
}

// A DN breaks after its parts, and what is copied from the page is the DN; sentences are left alone.
func TestNamesBreakAtTheirParts(t *testing.T) {
	got := page(t, "target-connection").Find(".kv code").First()
	if out, _ := got.Html(); strings.Join(strings.Fields(out), "") != "cn=stint,<wbr/>ou=services,<wbr/>dc=northwind,<wbr/>dc=example<wbr/>" {
		t.Errorf("a DN is %q", out)
	}
	if words(got) != "cn=stint,ou=services,dc=northwind,dc=example" {
		t.Errorf("copied as %q", words(got))
	}
}

// A page that refuses says whom to ask, once.
func TestErrorsSayWhomToAsk(t *testing.T) {
	for _, name := range []string{"error-403", "error-500", "first-run", "sign-in-problem"} {
		d := page(t, name)
		if n := strings.Count(d.Text(), "Identity team: ext. 4410"); n != 1 || !strings.Contains(words(d.Find("main")), "Whom to ask: Identity team: ext. 4410") {
			t.Errorf("%s names the contact %d times: %q", name, n, words(d.Find("main")))
		}
	}
}

func TestActivationStopsFollowingWhenFinal(t *testing.T) {
	follows(t, "activation", "/events/activations/x2?since=184226", "/activations/x2", "#activation")
	follows(t, "activation-ended", "/events?since=184226", "/shell?nav=my-roles")
}

// A form that came back with errors would lose them, and what was typed, when the page is read again.
func TestFormWithErrorsIsNotReadAgain(t *testing.T) {
	follows(t, "activate-errors", "/events?since=184226", "/shell?nav=my-roles")
}

// follows checks what a page listens to, what it reads then, and which of its own parts it takes from that.
func follows(t *testing.T, name, stream, href string, parts ...string) {
	t.Helper()
	d := page(t, name)
	if got := d.Find("#events").AttrOr("hx-sse:connect", ""); got != stream {
		t.Errorf("%s listens to %q, want %q", name, got, stream)
	}
	reads := d.Find(`[hx-trigger="news from:#events"]`)
	if got := reads.AttrOr("hx-get", ""); got != href {
		t.Errorf("%s reads %q, want %q", name, got, href)
	}
	own := strings.Split(strings.TrimPrefix(reads.AttrOr("hx-select-oob", ""), "#top:outerMorph,#nav-mine:outerMorph,#nav-manage:outerMorph"), ",")[1:]
	for i, part := range own {
		own[i] = strings.TrimSuffix(part, ":outerMorph")
		if d.Find(own[i]).Length() != 1 {
			t.Errorf("%s has no part %s", name, own[i])
		}
	}
	if slices.Sort(own); !slices.Equal(own, slices.Sorted(slices.Values(parts))) {
		t.Errorf("%s replaces %v, want %v", name, own, parts)
	}
}

func TestActivationActions(t *testing.T) {
	own := page(t, "activation")
	if own.Find(`form[action="/activations/x2/deactivate"]`).Length() != 1 || own.Find(`form[action$="/revoke"]`).Length() != 0 {
		t.Error("the holder's actions")
	}
	admin := page(t, "activation-failed")
	if admin.Find(`form[action="/activations/x2/revoke"] textarea[name=justification][required]`).Length() != 1 {
		t.Error("an administrator cannot revoke with a reason")
	}
	waiting := page(t, "activation-pending")
	form := waiting.Find(`form[action="/activations/x2/cancel"]`)
	if form.Find("textarea").Text() != "no" || form.Closest("details[open]").Length() != 1 {
		t.Error("a refused reason is hidden or lost")
	}
}

// V-01: the second approver is told who decided, and cannot decide.
func TestSecondApproverIsToldWhoDecided(t *testing.T) {
	d := page(t, "approval-decided")
	if got := words(d.Find("main > .callout:not([hidden]) b").First()); got != "Already denied by Carol Lindqvist at 14:20:11" {
		t.Errorf("told %q", got)
	}
	if d.Find("button[name=decision]").Length() != 0 {
		t.Error("a decided request can be decided")
	}
	open := page(t, "approval")
	var values []string
	open.Find(`form[action="/approvals/x10/decision"] button[name=decision]`).Each(func(_ int, s *goquery.Selection) {
		values = append(values, s.AttrOr("value", ""))
	})
	if strings.Join(values, ",") != "approve,deny" {
		t.Errorf("decisions %v", values)
	}
}

// DESIGN §4 invariant 4: the page restates role, scope, duration and reason.
func TestStepUpRestatesEachItem(t *testing.T) {
	d := page(t, "step-up")
	text := words(d.Find(".decide"))
	for _, want := range []string{"Domain Admins", "corp.northwind.example", "1 h", "from the approval", "INC-48213", "Alice Keller", "Fail over the billing gateway"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not restated", want)
		}
	}
	form := d.Find(`form[data-stepup=get][action="/step-up/c1"]`)
	if form.Find("input[type=hidden][name=response]").Length() != 1 || form.AttrOr("data-options", "") == "" || form.Find("[data-stepup-error][hidden]").Length() != 1 {
		t.Error("the form does not keep the contract of stepup.js")
	}
	if page(t, "step-up-several").Find(".decide").Length() != 2 {
		t.Error("an item is not shown")
	}
	first := page(t, "step-up-provider").Find("main")
	if first.Find(`a.btn.primary[href="/step-up/c1/provider"]`).Length() != 1 || first.Find("form, script").Length() != 0 || !strings.Contains(words(first), "urn:northwind:card or urn:northwind:mfa") {
		t.Error("the sign-in again does not lead to the provider alone, or does not say by what")
	}
	if page(t, "step-up-create").Find("form[data-stepup=create] input[name=name]").Length() != 1 {
		t.Error("a new passkey has no name")
	}
}

func TestDeadTargetIsLoudOnEveryPage(t *testing.T) {
	d := page(t, "targets")
	if got := words(d.Find("main > .callout.bad[role=alert] b")); !strings.HasPrefix(got, "Oslo directory has not answered since") {
		t.Errorf("banner %q", got)
	}
	own := page(t, "target-dead")
	if n := own.Find("main .callout.bad[role=alert]").Length(); n != 1 {
		t.Errorf("%d alarms on the target's own page", n)
	}
	if got := words(own.Find(".badge.bad").First()); got == "" {
		t.Error("no bad badge")
	}
}

// T2: the code stands on its own page only.
func TestVoucherIsShownOnItsPageOnly(t *testing.T) {
	const code = "W7QX-4M2K-P9TD-3HRC"
	if got := words(page(t, "voucher").Find("#voucher")); got != code {
		t.Errorf("voucher %q", got)
	}
	for _, name := range []string{"person", "person-disabled", "people", "audit"} {
		if strings.Contains(page(t, name).Text(), code) {
			t.Errorf("%s shows a voucher", name)
		}
	}
}

func TestErrorPagesHaveWordsAndAnId(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503} {
		d := doc(t, views.Error(views.ErrorView{Status: status, Request: "req1"}))
		if words(d.Find("h1")) == "" || words(d.Find("main p")) == "" || words(d.Find("footer code")) != "req1" || d.Find("main a.btn.primary").Length() != 1 {
			t.Errorf("%d: incomplete", status)
		}
	}
}

// What belongs to later work is not promised.
func TestNothingOfLaterWorkIsShown(t *testing.T) {
	for _, name := range []string{"my-roles", "activate", "activation", "approvals", "person", "target", "audit"} {
		d := page(t, name)
		if d.Find(`a[href^="/reviews"], a[href^="/alerts"], a[href^="/overview"], input[name=start]`).Length() > 0 {
			t.Errorf("%s leads to a page that does not exist", name)
		}
	}
}

// A person held what is put back as found before Stint: nothing to look at. A DN breaks after its parts and copies as it is written.
func TestTargetSaysWhatItFound(t *testing.T) {
	grants := []views.GrantRow{{Account: "esato", Entitlement: "cn=admins,dc=example<b>", Before: "present", Seen: "present"}}
	page := doc(t, views.Target(views.TargetView{Grants: grants}))
	if got := page.Find("tbody .badge"); got.Text() != "Held before Stint" || strings.TrimSpace(got.AttrOr("class", "")) != "badge" {
		t.Errorf("held before: %q, class %q", got.Text(), got.AttrOr("class", ""))
	}
	if code, _ := page.Find("tbody code").Html(); code != "cn=admins,<wbr/>dc=example&lt;b&gt;<wbr/>" {
		t.Errorf("the DN is %q", code)
	}
	tested := doc(t, views.Target(views.TargetView{Tab: views.TargetConnection, Test: &views.TestResult{OK: true, Took: 42 * time.Millisecond}}))
	if got := words(tested.Find("main .callout")); !strings.Contains(got, "took 42 ms") {
		t.Errorf("the test says %q", got)
	}
}

// Of a stage that is over, when it ended is not kept: nothing is said of it. What is read only has no ends to come.
func TestReviewSaysNoTimeItDoesNotKnow(t *testing.T) {
	steps := page(t, "review-completed").Find(".steps li")
	if got := words(steps.First()); strings.Contains(got, "until") || strings.Contains(got, "never") {
		t.Errorf("a stage that is over: %s", got)
	}
	if got := words(steps.Last()); !strings.Contains(got, "until") {
		t.Errorf("the stage whose end is kept: %s", got)
	}
	if got := words(page(t, "review-answers-closed").Find("#review-progress")); strings.Contains(got, "When the review ends") {
		t.Errorf("a review that has ended: %s", got)
	}
	if page(t, "review-answers-done").Find("#hand-over").Length() != 0 || page(t, "review-answers").Find("#hand-over").Length() != 1 {
		t.Error("handing over is offered where something is open")
	}
	if n := page(t, "review-preview").Find("aside[aria-label='Who would review what'] .callout").Length(); n != 1 {
		t.Errorf("%d notices about the preview, want all warnings in one", n)
	}
}
