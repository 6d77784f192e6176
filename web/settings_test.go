package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

const dbaAtProduction = "/roles/dba/settings?resource=" + stinttest.Production

// ruleForm is the form as a browser sends it: every control, switched on or not, but for what pairs say otherwise.
func ruleForm(page *stinttest.Page, pairs ...string) url.Values {
	form := url.Values{}
	page.Find("form[aria-label=Rules] input").Each(func(_ int, in *goquerySelection) {
		kind, name := in.AttrOr("type", ""), in.AttrOr("name", "")
		_, checked := in.Attr("checked")
		if (kind == "checkbox" || kind == "radio") && !checked {
			return
		}
		form.Add(name, in.AttrOr("value", ""))
	})
	for i := 0; i+1 < len(pairs); i += 2 {
		if form.Del(pairs[i]); pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return form
}

func sendRules(p *stinttest.Person, form url.Values) *stinttest.Page {
	return p.Do(http.MethodPost, "/roles/dba/settings", form, "Origin", p.URL, "Sec-Fetch-Site", "same-origin")
}

// K-19, S-10: a rule is set at a place, over what is inherited; the change is shown field by field first; what is not
// switched on is not saved, whatever its control says; taken back it is inherited again, and every version is kept.
func TestSettingsAreSetHere(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Role("dba", stinttest.Rules{Max: 6 * time.Hour})
	page := carol.Get(dbaAtProduction).Want(t, http.StatusOK)
	if got := page.Text(".setting:has(#s-max_duration)"); !strings.Contains(got, "Longest activation") || !strings.Contains(got, "6 h") || !strings.Contains(got, "From everywhere") {
		t.Errorf("inherited: %q", got)
	}
	if got := page.Text(".scope.strong"); got != "NorthwindProduction" { // K-10
		t.Errorf("the place is %q", got)
	}
	check := sendRules(carol, ruleForm(page, "own_max_duration", "yes", "max_duration", "2 h", "ticket", "yes", "do", "preview")).Want(t, http.StatusOK)
	if got := check.Text("tbody"); !strings.Contains(got, "Longest activation") || !strings.Contains(got, "6 h") || !strings.Contains(got, "2 h") || strings.Contains(got, "Ticket") {
		t.Errorf("the preview says %q", got)
	}
	rules := func() pim.Effective {
		return stinttest.Read(w, func(r *store.Reader) (pim.Effective, error) {
			path, err := r.Path(stinttest.Production)
			if err != nil {
				return pim.Effective{}, err
			}
			rows, err := r.Settings("dba")
			return pim.ResolveSettings(pim.RoleDefinition{ID: "dba"}, path, rows), err
		})
	}
	if rules().MaxDuration != 6*time.Hour {
		t.Fatal("looking at a change saves it")
	}
	again := url.Values{"do": {"save"}}
	check.Find("form.split input[type=hidden]").Each(func(_ int, in *goquerySelection) { again.Add(in.AttrOr("name", ""), in.AttrOr("value", "")) })
	if to := sendRules(carol, again).Want(t, http.StatusSeeOther).Location(); to != dbaAtProduction {
		t.Errorf("saving led to %s", to)
	}
	if s := rules(); s.MaxDuration != 2*time.Hour || s.Ticket {
		t.Errorf("saved: %+v", s.Settings)
	}
	page = carol.Get(dbaAtProduction)
	if got := page.Text(".setting:has(#s-max_duration)"); !strings.Contains(got, "was 6 h, from everywhere") {
		t.Errorf("own: %q", got)
	}
	stale := ruleForm(page, "max_duration", "3 h", "version", "0", "do", "save")
	sendRules(carol, stale).Want(t, http.StatusConflict)
	sendRules(carol, ruleForm(page, "own_max_duration", "", "do", "save")).Want(t, http.StatusSeeOther)
	if rules().MaxDuration != 6*time.Hour {
		t.Error("what is switched off still counts")
	}
	history := carol.Get("/roles/dba/settings/history?resource="+stinttest.Production).Want(t, http.StatusOK)
	if got := history.Text("main"); !strings.Contains(got, "Version 1") || !strings.Contains(got, "by carol") || !strings.Contains(got, "2 h") {
		t.Errorf("history: %q", got)
	}
	restore := stinttest.Form("resource", stinttest.Production, "version", "1", "current", "0")
	send := func() *stinttest.Page {
		return carol.Do(http.MethodPost, "/roles/dba/settings/restore", restore, "Origin", w.URL, "Sec-Fetch-Site", "same-origin")
	}
	if got := send().Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "Bring back version 1") || !strings.Contains(got, "2 h") {
		t.Errorf("restoring: %q", got)
	}
	restore.Set("do", "save")
	send().Want(t, http.StatusSeeOther)
	if rules().MaxDuration != 2*time.Hour {
		t.Error("the old version did not come back")
	}
}

// S-15, K-28, T21: approvers are found by name and ticked, the form keeps what was typed; a change that leaves nobody to
// approve is refused with the form; what is risky is saved only after it was confirmed.
func TestSettingsApprovers(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("bob").Ready()
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{})
	w.Eligible("alice", "dba", time.Time{})
	page := carol.Get(dbaAtProduction)
	found := sendRules(carol, ruleForm(page, "own_approval", "yes", "approval", "yes", "own_approvers", "yes", "max_duration", "kept", "who", "bo", "do", "find")).Want(t, http.StatusOK)
	if found.Find("input[name=pick][value=bob]").Length() != 1 || found.Find("input[name=max_duration]").AttrOr("value", "") != "kept" {
		t.Error("nobody was found, or the form forgets what was typed")
	}
	none := sendRules(carol, ruleForm(page, "own_approval", "yes", "approval", "yes", "do", "save")).Want(t, http.StatusConflict)
	if got := none.Text(".callout.bad"); !strings.Contains(got, "lock people out") || none.Find("input[name=own_approval][checked]").Length() != 1 {
		t.Errorf("a lock-out: %q", got)
	}
	form := ruleForm(page, "own_approval", "yes", "approval", "yes", "own_approvers", "yes", "do", "save")
	form["pick"] = []string{"bob", "alice"}
	saved := sendRules(carol, form)
	if saved.StatusCode == http.StatusUnprocessableEntity {
		if saved.Find("input[name=confirm]").Length() != 1 {
			t.Fatalf("no question: %s", saved.Text("main"))
		}
		form.Set("confirm", "yes")
		saved = sendRules(carol, form)
	}
	saved.Want(t, http.StatusSeeOther)
	if got := carol.Get(dbaAtProduction).Text("aside"); !strings.Contains(got, "approval by one of 2: alice, bob") || !strings.Contains(got, "1 person is eligible") {
		t.Errorf("in plain words: %q", got)
	}
	if got := carol.Get(dbaAtProduction + "&try=alice").Text("[role=status]"); !strings.Contains(got, "alice could activate it now") || !strings.Contains(got, "Could approve: bob") {
		t.Errorf("dry run: %q", got)
	}
	_ = alice
	form.Set("version", "1")
	form["pick"] = []string{"bob"}
	form.Del("confirm")
	risky := sendRules(carol, form).Want(t, http.StatusUnprocessableEntity) // one approver is left
	if got := risky.Text(".callout.warn"); got == "" || risky.Find("input[name=confirm][aria-invalid=true]").Length() != 1 {
		t.Errorf("a risk: %q", risky.Text("main"))
	}
}

// The settings of a privileged role are confirmed with a passkey that restates them; slips stand at their field in the
// words of the screen; who may only read gets no form.
func TestSettingsOfPrivilegedRole(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	dora := w.Person("dora").Ready()
	w.Auditor("dora")
	w.Role("dba", stinttest.Rules{Privileged: true})
	page := carol.Get(dbaAtProduction)
	for value, want := range map[string]string{"soon": "Write a length", "40 h": "Longest activation must be between", "": "Write a length"} {
		form := ruleForm(page, "own_max_duration", "yes", "do", "preview")
		form.Set("max_duration", value)
		wrong := sendRules(carol, form).Want(t, http.StatusUnprocessableEntity)
		if got := wrong.Text("#s-max_duration-err"); !strings.Contains(got, want) || wrong.Find("input[name=max_duration]").AttrOr("value", "?") != value {
			t.Errorf("%q: %q", value, got)
		}
	}
	to := sendRules(carol, ruleForm(page, "own_ticket", "yes", "ticket", "yes", "enforce_ticket", "yes", "do", "save")).Want(t, http.StatusSeeOther).Location()
	if !strings.HasPrefix(to, "/step-up/") {
		t.Fatalf("no passkey was asked for: %s", to)
	}
	if got := carol.Get(to).Text("dl"); !strings.Contains(got, "Ticket") || !strings.Contains(got, "Production") {
		t.Errorf("the touch says %q", got)
	}
	carol.Confirm(to).Want(t, http.StatusSeeOther)
	page = carol.Get(dbaAtProduction)
	if page.Find("input[name=own_ticket][checked]").Length() != 1 || page.Find("input[name=enforce_ticket][checked]").Length() != 1 {
		t.Error("what was saved is not in the form")
	}
	read := dora.Get(dbaAtProduction+"&tab=assignment").Want(t, http.StatusOK)
	if read.Find("main form").Length() != 0 || !strings.Contains(read.Text("main"), "365 days") {
		t.Errorf("an auditor reads %q", read.Text("main"))
	}
	sendRules(dora, ruleForm(page, "do", "save")).Want(t, http.StatusNotFound)
	carol.Get("/roles/dba/settings?resource=absent").Want(t, http.StatusNotFound)
	carol.Get("/roles/absent/settings").Want(t, http.StatusNotFound)
}

// an owner saves the rules of a role they hand out, at what they own, within what is enforced above it, and nowhere
// else; the rules of a privileged role are not theirs.
func TestOwnersSaveRules(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, olga := manager(w), w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	w.Role("dba", stinttest.Rules{Max: 6 * time.Hour})
	w.Role("root", stinttest.Rules{Privileged: true})
	const above = "/roles/dba/settings?resource=" + stinttest.Northwind
	sendRules(carol, ruleForm(carol.Get(above).Want(t, http.StatusOK), "own_ticket", "yes", "ticket", "yes", "enforce_ticket", "yes", "do", "save")).Want(t, http.StatusSeeOther)
	page := olga.Get(dbaAtProduction).Want(t, http.StatusOK)
	if to := sendRules(olga, ruleForm(page, "own_max_duration", "yes", "max_duration", "2 h", "do", "save")).Want(t, http.StatusSeeOther).Location(); to != dbaAtProduction {
		t.Errorf("saving led to %s", to)
	}
	saved := w.Events(pim.EvSettingsSaved)
	if saved[0].Actor != "olga" || saved[0].ResourceID != stinttest.Production {
		t.Errorf("saved by %s at %s", saved[0].Actor, saved[0].ResourceID)
	}
	page = olga.Get(dbaAtProduction).Want(t, http.StatusOK)
	refused := sendRules(olga, ruleForm(page, "own_ticket", "yes", "ticket", "", "do", "save"))
	if refused.StatusCode == http.StatusSeeOther {
		t.Error("an owner loosened what is enforced above")
	}
	elsewhere := ruleForm(page, "resource", stinttest.Northwind, "version", "1", "own_max_duration", "yes", "max_duration", "1 h", "do", "save")
	olga.Get(above).Want(t, http.StatusNotFound)
	sendRules(olga, elsewhere).Want(t, http.StatusNotFound)
	if theirs := olga.Get("/roles/root/settings?resource=" + stinttest.Production); theirs.Find("form[aria-label=Rules]").Length() != 0 {
		t.Error("an owner is offered the rules of a privileged role")
	}
	for _, do := range []string{"preview", "save"} {
		elsewhere.Set("resource", stinttest.Production)
		elsewhere.Set("do", do)
		olga.Do(http.MethodPost, "/roles/root/settings", elsewhere, "Origin", olga.URL, "Sec-Fetch-Site", "same-origin").Want(t, http.StatusForbidden)
	}
	if n := len(w.Events(pim.EvSettingsSaved)); n != len(saved) {
		t.Errorf("%d rules saved, %d before", n, len(saved))
	}
}
