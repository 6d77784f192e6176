package pim

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// facts are those of a person to whom every rule says yes.
func facts() ActivationFacts {
	return ActivationFacts{
		Now:        t0,
		Person:     Principal{ID: "alice", PersonID: "human-alice", Kind: Person, Enabled: true},
		Assignment: Assignment{ID: "asg", PrincipalID: "alice", Kind: Eligible, StartsAt: t0.Add(-h)},
		Belongs:    true,
		Role:       RoleDefinition{ID: "dba", Privileged: true},
		Effective:  Effective{Settings: DefaultSettings()},
		Accounts:   []AccountNeed{{TargetID: "dir", TargetName: "Directory", Account: &Account{Name: "alice", ConfirmedAt: t0}}},
		Approvers:  2,
		StepUp:     &StepUp{UserVerified: true},
	}
}

func request() ActivationRequest {
	return ActivationRequest{AssignmentID: "asg", Duration: 2 * h, Justification: "patch the database"}
}

// S-10 to S-15, K-27: each rule alone: what it says in words, about which field, with which object to link to (R-08, M-07).
func TestActivationRules(t *testing.T) {
	type mutate = func(*ActivationRequest, *ActivationFacts)
	for _, c := range []struct {
		name   string
		change mutate
		rule   Rule
		state  VerdictState
		field  string
		object string
		text   string
	}{
		{"eligible without an end", func(*ActivationRequest, *ActivationFacts) {}, RuleEligibility, Pass, "", "", "without an end"},
		{"eligible until", func(_ *ActivationRequest, f *ActivationFacts) { f.Assignment.EndsAt = t0.Add(48 * h) }, RuleEligibility, Pass, "", "", "2026-03-04 09:00 UTC"},
		{"disabled", func(_ *ActivationRequest, f *ActivationFacts) { f.Person.Enabled = false }, RuleEligibility, No, "", "", "disabled"},
		{"another's assignment", func(_ *ActivationRequest, f *ActivationFacts) { f.Belongs = false }, RuleEligibility, No, "", "", "not eligible"},
		{"an active assignment is not activated", func(_ *ActivationRequest, f *ActivationFacts) { f.Assignment.Kind = Active }, RuleEligibility, No, "", "", "not eligible"},
		{"not begun", func(_ *ActivationRequest, f *ActivationFacts) { f.Assignment.StartsAt = t0.Add(1) }, RuleEligibility, No, "", "", "not in force"},
		{"begins now", func(_ *ActivationRequest, f *ActivationFacts) { f.Assignment.StartsAt = t0 }, RuleEligibility, Pass, "", "", ""},
		{"ended this instant", func(_ *ActivationRequest, f *ActivationFacts) { f.Assignment.EndsAt = t0 }, RuleEligibility, No, "", "", "not in force"},
		{"removed", func(_ *ActivationRequest, f *ActivationFacts) { f.Assignment.EndedAt = t0.Add(-h) }, RuleEligibility, No, "", "", "not in force"},

		{"T2 the passkey used is new", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Passkeys, f.NewKeys, f.StepUp = 2, map[string]time.Time{"new": t0.Add(5 * h)}, &StepUp{CredentialID: "new", UserVerified: true}
		}, RuleStepUp, No, "", "", "from 2026-03-02 14:00 UTC on"},
		{"T2 an older one was used", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Passkeys, f.NewKeys, f.StepUp = 2, map[string]time.Time{"new": t0.Add(5 * h)}, &StepUp{CredentialID: "old", UserVerified: true}
		}, RuleStepUp, Pass, "", "", "Confirmed"},
		{"T2 all are new", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Passkeys, f.NewKeys, f.StepUp = 2, map[string]time.Time{"a": t0.Add(9 * h), "b": t0.Add(5 * h)}, nil
		}, RuleStepUp, No, "", "", "from 2026-03-02 14:00 UTC on"},
		{"T2 one is old enough", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Passkeys, f.NewKeys, f.StepUp = 2, map[string]time.Time{"b": t0.Add(5 * h)}, nil
		}, RuleStepUp, Todo, "", "", "will be asked for"},
		{"T2 an ordinary role takes a new one", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Role.Privileged, f.Passkeys, f.NewKeys, f.StepUp = false, 1, map[string]time.Time{"new": t0.Add(5 * h)}, &StepUp{CredentialID: "new", UserVerified: true}
		}, RuleStepUp, Pass, "", "", "Confirmed"},

		{"nothing open", func(*ActivationRequest, *ActivationFacts) {}, RuleOpen, Pass, "", "", ""},
		{"EC-04 active", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Beside = []Activation{{ID: "a1", State: ActiveConfirmed}}
		}, RuleOpen, No, "", "a1", "already active"},
		{"EC-04 granting", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Beside = []Activation{{ID: "a1", State: Provisioning}}
		}, RuleOpen, No, "", "a1", "already active"},
		{"EC-05 pending: links to it", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Beside = []Activation{{ID: "a1", State: PendingApproval}}
		}, RuleOpen, No, "", "a1", "waits for approval"},

		{"account confirmed", func(*ActivationRequest, *ActivationFacts) {}, RuleAccount, Pass, "", "", "alice"},
		{"no account", func(_ *ActivationRequest, f *ActivationFacts) { f.Accounts[0].Account = nil }, RuleAccount, No, "", "", "No account is known at Directory"},
		{"account not confirmed, privileged role", func(_ *ActivationRequest, f *ActivationFacts) { f.Accounts[0].Account = &Account{Name: "alice"} }, RuleAccount, No, "", "", "not confirmed"},
		{"account not confirmed, ordinary role", func(_ *ActivationRequest, f *ActivationFacts) {
			f.Role.Privileged, f.Accounts[0].Account = false, &Account{Name: "alice"}
		}, RuleAccount, Pass, "", "", "alice"},

		{"no duration", func(r *ActivationRequest, _ *ActivationFacts) { r.Duration = 0 }, RuleDuration, No, "duration", "", "at least 1 minute"},
		{"negative duration", func(r *ActivationRequest, _ *ActivationFacts) { r.Duration = -h }, RuleDuration, No, "duration", "", "at least 1 minute"},
		{"just too short", func(r *ActivationRequest, _ *ActivationFacts) { r.Duration = MinActivation - 1 }, RuleDuration, No, "duration", "", "at least 1 minute"},
		{"S-10 the shortest", func(r *ActivationRequest, _ *ActivationFacts) { r.Duration = MinActivation }, RuleDuration, Pass, "duration", "", "1 min is within the 8 h"},
		{"S-10 the longest", func(r *ActivationRequest, _ *ActivationFacts) { r.Duration = 8 * h }, RuleDuration, Pass, "duration", "", "8 h is within the 8 h"},
		{"S-10 just too long", func(r *ActivationRequest, _ *ActivationFacts) { r.Duration = 8*h + 1 }, RuleDuration, No, "duration", "", "At most 8 h"},
		{"absurdly long", func(r *ActivationRequest, _ *ActivationFacts) { r.Duration = 1<<63 - 1 }, RuleDuration, No, "duration", "", "At most 8 h"},
		{"EC-10, A-21 eligibility ends in 30 min, 2 h asked", func(_ *ActivationRequest, f *ActivationFacts) { f.Assignment.EndsAt = t0.Add(30 * time.Minute) }, RuleDuration, Note, "duration", "", "Cut to 30 min"},
		{"EC-13 the maximum was lowered: it is today's that counts", func(_ *ActivationRequest, f *ActivationFacts) { f.Effective.MaxDuration = h }, RuleDuration, No, "duration", "", "At most 1 h"},

		{"reason given", func(*ActivationRequest, *ActivationFacts) {}, RuleJustification, Pass, "justification", "", "Reason given"},
		{"no reason", func(r *ActivationRequest, _ *ActivationFacts) { r.Justification = "" }, RuleJustification, No, "justification", "", "Give a reason"},
		{"EC-22 spaces only", func(r *ActivationRequest, _ *ActivationFacts) { r.Justification = " \t\n  " }, RuleJustification, No, "justification", "", "Give a reason"},
		{"no reason needed", func(r *ActivationRequest, f *ActivationFacts) {
			r.Justification, f.Effective.Justification = " ", false
		}, RuleJustification, Pass, "justification", "", "No reason needed"},

		{"no ticket needed", func(*ActivationRequest, *ActivationFacts) {}, RuleTicket, Pass, "ticket_number", "", "No ticket needed"},
		{"ticket needed", func(_ *ActivationRequest, f *ActivationFacts) { f.Effective.Ticket = true }, RuleTicket, No, "ticket_number", "", "Give the ticket number"},
		{"EC-21 number only", func(r *ActivationRequest, f *ActivationFacts) { f.Effective.Ticket, r.TicketNumber = true, "CHG-1" }, RuleTicket, Pass, "ticket_number", "", "Ticket CHG-1"},
		{"EC-21 system only", func(r *ActivationRequest, f *ActivationFacts) { f.Effective.Ticket, r.TicketSystem = true, "Jira" }, RuleTicket, No, "ticket_number", "", "Give the ticket number"},
		{"EC-22 a ticket of spaces", func(r *ActivationRequest, f *ActivationFacts) { f.Effective.Ticket, r.TicketNumber = true, "  " }, RuleTicket, No, "ticket_number", "", "Give the ticket number"},
		{"ticket number too long", func(r *ActivationRequest, _ *ActivationFacts) { r.TicketNumber = strings.Repeat("ä", MaxTicket+1) }, RuleTicket, No, "ticket_number", "", "At most 64"},
		{"ticket number as long as allowed", func(r *ActivationRequest, _ *ActivationFacts) { r.TicketNumber = strings.Repeat("ä", MaxTicket) }, RuleTicket, Pass, "ticket_number", "", "Ticket ä"},
		{"ticket system too long", func(r *ActivationRequest, _ *ActivationFacts) { r.TicketSystem = strings.Repeat("x", MaxTicket+1) }, RuleTicket, No, "ticket_system", "", "At most 64"},
		{"ticket number with a change of direction", func(r *ActivationRequest, _ *ActivationFacts) { r.TicketNumber = "CHG\u202e1" }, RuleTicket, No, "ticket_number", "", "plain text"},
		{"ticket system with NUL", func(r *ActivationRequest, _ *ActivationFacts) { r.TicketSystem = "Jira\x00" }, RuleTicket, No, "ticket_system", "", "plain text"},

		{"passkey confirmed", func(*ActivationRequest, *ActivationFacts) {}, RuleStepUp, Pass, "", "", "Confirmed"},
		{"passkey to come", func(_ *ActivationRequest, f *ActivationFacts) { f.StepUp = nil }, RuleStepUp, Todo, "", "", "will be asked for"},
		{"passkey without user verification is none", func(_ *ActivationRequest, f *ActivationFacts) { f.StepUp.UserVerified = false }, RuleStepUp, Todo, "", "", "will be asked for"},
		{"no passkey needed", func(_ *ActivationRequest, f *ActivationFacts) { f.Effective.StepUp, f.StepUp = StepUpNone, nil }, RuleStepUp, Pass, "", "", "No passkey"},
		{"a level nobody knows asks for the passkey", func(_ *ActivationRequest, f *ActivationFacts) { f.Effective.StepUp, f.StepUp = "", nil }, RuleStepUp, Todo, "", "", "will be asked for"},

		{"no approval needed", func(_ *ActivationRequest, f *ActivationFacts) { f.Approvers = 0 }, RuleApproval, Pass, "", "", "No approval"},
		{"EC-06 nobody else can approve", func(_ *ActivationRequest, f *ActivationFacts) { f.Effective.Approval, f.Approvers = true, 0 }, RuleApproval, No, "", "", "Nobody else"},
		{"one approver", func(_ *ActivationRequest, f *ActivationFacts) { f.Effective.Approval, f.Approvers = true, 1 }, RuleApproval, Todo, "", "", "by 1 person"},
		{"several approvers", func(_ *ActivationRequest, f *ActivationFacts) { f.Effective.Approval, f.Approvers = true, 5 }, RuleApproval, Todo, "", "", "one of 5 people"},

		{"invariant 6: nothing is granted now", func(_ *ActivationRequest, f *ActivationFacts) { f.Paused = "The disk is full." }, RuleGranting, No, "", "", "The disk is full."},
	} {
		r, f := request(), facts()
		c.change(&r, &f)
		d := EvaluateActivation(r, f)
		v := verdict(t, d, c.rule)
		if v.State != c.state || v.Field != c.field || v.Object != c.object || !strings.Contains(v.Message, c.text) {
			t.Errorf("%s: %+v", c.name, v)
		}
		if d.Refused() != (c.state == No) {
			t.Errorf("%s: refused is %v: %+v", c.name, d.Refused(), d.Verdicts)
		}
	}
}

func verdict(t *testing.T, d Decision, rule Rule) Verdict {
	t.Helper()
	for _, v := range d.Verdicts {
		if v.Rule == rule {
			return v
		}
	}
	t.Fatalf("rule %s gave no verdict: %+v", rule, d.Verdicts)
	return Verdict{}
}

// M-07: every rule answers, whatever the others say, each with words to show.
func TestEveryRuleAnswersAtOnce(t *testing.T) {
	f := facts()
	f.Person.Enabled = false
	f.Beside = []Activation{{ID: "a1", State: PendingApproval}}
	f.Accounts = append(f.Accounts, AccountNeed{TargetName: "Payroll"})
	f.Effective.Ticket, f.Effective.Approval, f.Approvers = true, true, 0
	f.StepUp = nil
	f.Paused = "The clock is wrong."
	d := EvaluateActivation(ActivationRequest{Duration: 24 * h}, f)
	want := []string{"granting:no", "eligibility:no", "open:no", "account:pass", "account:no", "duration:no", "justification:no", "ticket:no", "step_up:todo", "approval:no"}
	var got []string
	for _, v := range d.Verdicts {
		got = append(got, string(v.Rule)+":"+string(v.State))
		if v.Message == "" {
			t.Errorf("%s says nothing", v.Rule)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("have %v\nwant %v", got, want)
	}
	if !d.NeedsStepUp || !d.NeedsApproval {
		t.Errorf("needs: %+v", d)
	}
	refusal := d.Refusal()
	if refusal == nil || refusal.Kind != KindPaused || len(refusal.Verdicts) != len(want) {
		t.Errorf("the refusal lists them all: %+v", refusal)
	}
	if EvaluateActivation(request(), facts()).Refusal() != nil {
		t.Error("nothing to refuse, and refused")
	}
}

// The kind of a refusal is that of its first rule; web/errors.go translates it.
func TestRefusalKinds(t *testing.T) {
	for rule, want := range map[Rule]RefusalKind{
		RuleEligibility: KindForbidden, RuleAccount: KindForbidden, RuleApproval: KindForbidden, RuleOpen: KindConflict,
		RuleGranting: KindPaused, RuleDuration: KindInvalid, RuleJustification: KindInvalid, RuleTicket: KindInvalid,
	} {
		d := Decision{Verdicts: []Verdict{{Rule: RuleStepUp, State: Todo}, {Rule: rule, State: No, Field: "f", Message: "m", Object: "o"}, {Rule: RuleOpen, State: No}}}
		r := d.Refusal()
		if r.Kind != want || r.Field != "f" || r.Message != "m" || r.Object != "o" {
			t.Errorf("%s: %+v", rule, r)
		}
		if r.Error() != string(want)+": m" {
			t.Errorf("%s: %q", rule, r.Error())
		}
	}
}

// EC-22 and what looks like text but is none; what looks like other text than it is.
func TestCheckJustification(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"words", "rotate keys", true},
		{"one letter", "x", true},
		{"one digit", "7", true},
		{"Greek", "αντικατάσταση", true},
		{"Cyrillic that looks Latin", "оps", true},
		{"Arabic", "تحديث الخادم", true},
		{"Hebrew with a right-to-left mark", "עדכון\u200f 12", true},
		{"Persian with a zero-width non-joiner", "می\u200cخواهم", true},
		{"Chinese", "更换密钥", true},
		{"lines and tabs", "first\r\n\tsecond", true},
		{"emoji with words", "👩\u200d💻 deploy", true},
		{"empty", "", false},
		{"spaces", "     ", false},
		{"no-break and thin spaces", "\u00a0\u2009\u202f\u3000", false},
		{"zero width", "\u200b\u200c\u200d\u2060\ufeff", false},
		{"soft hyphens", "\u00ad\u00ad", false},
		{"combining marks alone", "\u0301\u0308", false},
		{"marks of direction alone", "\u200e\u200f", false},
		{"Hangul fillers: letters that show nothing", "\u115f\u1160\u3164\uffa0", false},
		{"braille blank", "\u2800", false},
		{"variation selectors", "\ufe0f\ufe0f", false},
		{"tag characters", "\U000e0061\U000e0062", false},
		{"punctuation", "...!?-", false},
		{"emoji alone", "🙂", false},
		{"replacement characters", "\ufffd\ufffd", false},
		{"NUL inside", "rotate\x00keys", false},
		{"escape sequence", "rotate \x1b[31mkeys", false},
		{"next line control", "a\u0085b", false},
		{"broken UTF-8", "rotate \xff\xfe keys", false},
		{"right-to-left override: reads differently than it is", "approve \u202egnp.exe", false},
		{"embedding", "a\u202ab\u202c", false},
		{"isolate", "a\u2066b\u2069", false},
	} {
		if got := CheckJustification(c.text, true); (got == "") != c.ok {
			t.Errorf("%s %+q: %q", c.name, c.text, got)
		}
	}
	if CheckJustification(strings.Repeat("ä", MaxJustification), true) != "" {
		t.Error("characters are counted, not bytes")
	}
	if CheckJustification(strings.Repeat("a", MaxJustification+1), false) == "" {
		t.Error("too long is too long, required or not")
	}
	if CheckJustification(" ", false) != "" {
		t.Error("where none is required, none is needed")
	}
	for _, r := range "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b\x7f\u009f" {
		if CheckJustification("a"+string(r)+"b", false) == "" {
			t.Errorf("%U is refused, required or not", r)
		}
	}
}

// Whatever is typed: no panic, one stable answer, and what passes has something to read.
func FuzzJustification(f *testing.F) {
	for _, s := range []string{"", " ", "rotate keys", "\u3164", "\u202etxt", "\x00", "\xff", strings.Repeat("ä", 1001), "👩\u200d💻"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, required bool) {
		got := CheckJustification(s, required)
		if got != CheckJustification(s, required) {
			t.Fatal("two answers to one text")
		}
		if got != "" {
			return
		}
		if !utf8.ValidString(s) || utf8.RuneCountInString(s) > MaxJustification || strings.ContainsAny(s, "\x00\u202e\u2066") {
			t.Fatalf("passes: %q", s)
		}
		if required && strings.TrimSpace(s) == "" {
			t.Fatalf("nothing to read: %q", s)
		}
		if CheckJustification(s, false) != "" {
			t.Fatal("what is required may also be given freely")
		}
		v := EvaluateActivation(ActivationRequest{Duration: h, Justification: s}, facts())
		if required && v.Refused() {
			t.Fatalf("the form refuses what the check passes: %+v", v)
		}
	})
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                 "0 min",
		-h:                                "0 min",
		400 * time.Millisecond:            "0 min",
		time.Second:                       "1 s",
		59 * time.Second:                  "59 s",
		59*time.Second + 600*1e6:          "1 min",
		time.Minute:                       "1 min",
		90 * time.Second:                  "1 min 30 s",
		h:                                 "1 h",
		100 * time.Minute:                 "1 h 40 min",
		h + time.Second:                   "1 h",
		8 * h:                             "8 h",
		24*h + 5*time.Minute:              "24 h 5 min",
		30*time.Minute - time.Microsecond: "30 min",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// A decision that is not refused gives a window that is not empty and within every bound.
func TestDecisionWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, f := request(), facts()
		r.Duration = time.Duration(rapid.Int64Range(-int64(h), int64(30*h)).Draw(rt, "asked"))
		f.Effective.MaxDuration = time.Duration(rapid.Int64Range(int64(MinActivation), int64(MaxActivation)).Draw(rt, "max"))
		f.Assignment.EndsAt = t0.Add(time.Duration(rapid.Int64Range(-int64(h), int64(30*h)).Draw(rt, "eligible")))
		d := EvaluateActivation(r, f)
		if d.Refused() {
			return
		}
		if !d.End.After(d.Start) || d.End.After(f.Assignment.EndsAt) || d.End.Sub(d.Start) > min(r.Duration, f.Effective.MaxDuration) {
			rt.Fatalf("%v asked, %v to %v", r.Duration, d.Start, d.End)
		}
		if cut := d.End.Sub(d.Start) < r.Duration; cut != (verdictOf(d, RuleDuration).State == Note) {
			rt.Fatalf("cut is %v, the verdict %+v", cut, verdictOf(d, RuleDuration))
		}
	})
}

func verdictOf(d Decision, rule Rule) Verdict {
	for _, v := range d.Verdicts {
		if v.Rule == rule {
			return v
		}
	}
	return Verdict{}
}
