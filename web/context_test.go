package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
)

const mfa = "urn:northwind:mfa"

func contextWorld(t *testing.T, rules stinttest.Rules) (w *stinttest.World, alice *stinttest.Person, assignment string) {
	t.Helper()
	w = stinttest.New(t)
	rules.Context = "urn:northwind:card " + mfa
	w.Role("dba", rules)
	alice = w.Person("alice").Ready()
	return w, alice, w.Eligible("alice", "dba", time.Time{})
}

// S-11, S-31: a sign-in again at the provider, by a context the role names, comes before the passkey; nothing typed is
// lost, the session stays the one it was, and the log says how it was confirmed.
func TestActivateWithContext(t *testing.T) {
	t.Parallel()
	w, alice, assignment := contextWorld(t, stinttest.Rules{})
	page := alice.Ask(assignment, "duration", "45", "justification", "Mend the ledger").Want(t, http.StatusSeeOther)
	asking := page.Location()
	if text := alice.Get(asking).Want(t, http.StatusOK).Text("main"); !strings.Contains(text, "Sign in again first") || !strings.Contains(text, "Mend the ledger") {
		t.Errorf("the page says %s", text)
	}
	to := alice.Get(asking+"/provider").Want(t, http.StatusSeeOther).Location()
	if u, err := url.Parse(to); err != nil || u.Query().Get("acr_values") != "urn:northwind:card "+mfa || u.Query().Get("prompt") != "login" || u.Query().Get("max_age") != "0" {
		t.Errorf("asked with %s", to)
	}
	page = alice.Again(asking, map[string]any{"acr": mfa}).Want(t, http.StatusSeeOther)
	page = alice.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	a := w.Activation(strings.TrimPrefix(page.Location(), "/activations/"))
	if a.Justification != "Mend the ledger" || a.Duration != 45*time.Minute || a.Context != mfa || a.ProofID == "" || a.StepUpID == "" {
		t.Errorf("activation %+v", a)
	}
	alice.Get("/my-roles").Want(t, http.StatusOK)
	if len(w.Events(pim.EvSignInProved)) != 1 {
		t.Error("the sign-in left no entry")
	}
	alice.Get(asking).Want(t, http.StatusNotFound)
	alice.Get(asking+"/provider").Want(t, http.StatusNotFound)
}

// A role that is not privileged may be confirmed by the provider alone.
func TestContextWithoutPasskey(t *testing.T) {
	t.Parallel()
	w, alice, assignment := contextWorld(t, stinttest.Rules{NoPasskey: true})
	page := alice.Ask(assignment).Want(t, http.StatusSeeOther)
	page = alice.Again(page.Location(), map[string]any{"acr": mfa}).Want(t, http.StatusSeeOther)
	if a := w.Activation(strings.TrimPrefix(page.Location(), "/activations/")); a.Context != mfa || a.StepUpID != "" {
		t.Errorf("activation %+v", a)
	}
}

// T4, T9: what the provider answers by less, late, about somebody else or twice confirms nothing, and the request is used
// up.
func TestContextLies(t *testing.T) {
	t.Parallel()
	for name, claims := range map[string]map[string]any{
		"no acr":                {},
		"another acr":           {"acr": "urn:northwind:password"},
		"no auth_time":          {"acr": mfa, "auth_time": nil},
		"auth_time from before": {"acr": mfa, "auth_time": int64(1)},
		"somebody else":         {"acr": mfa, "sub": "mallory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, alice, assignment := contextWorld(t, stinttest.Rules{NoPasskey: true})
			asking := alice.Ask(assignment).Want(t, http.StatusSeeOther).Location()
			if claims["auth_time"] == int64(1) {
				claims["auth_time"] = w.Clock.Now().Add(-10 * time.Minute).Unix()
			}
			if at, named := claims["auth_time"]; named && at == nil {
				w.Provider.Rogue.Claims = func(c map[string]any) { delete(c, "auth_time") }
			}
			t.Log(alice.Again(asking, claims).Want(t, http.StatusForbidden).Text("main"))
			alice.Get(asking).Want(t, http.StatusNotFound)
			if n := len(w.Events(pim.EvActRequested)); n != 0 {
				t.Errorf("%d requests were made", n)
			}
			if len(w.Events(pim.EvStepUpRefused)) != 1 {
				t.Error("the refusal left no entry")
			}
		})
	}
}

// T5, T9: another browser's answer, and the same answer again, confirm nothing.
func TestContextIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()
	w, alice, assignment := contextWorld(t, stinttest.Rules{NoPasskey: true})
	asking := alice.Ask(assignment).Want(t, http.StatusSeeOther).Location()
	mallory := w.Person("mallory").Ready()
	mallory.Get(asking+"/provider").Want(t, http.StatusNotFound)
	to := alice.Get(asking+"/provider").Want(t, http.StatusSeeOther).Location()
	w.Provider.SignInAs("alice", map[string]any{"acr": mfa, "auth_time": w.Clock.Now().Unix()})
	back := alice.Get(to).Want(t, http.StatusSeeOther).Location()
	mallory.Get(back).Want(t, http.StatusForbidden)
	if n := len(w.Events(pim.EvActRequested)); n != 0 {
		t.Fatalf("%d requests by another browser", n)
	}
	kept := alice.Cookie("stint-signin")
	alice.Get(back).Want(t, http.StatusSeeOther)
	alice.Get(back).Want(t, http.StatusForbidden)
	alice.SetCookie("stint-signin", kept)
	alice.Get(back).Want(t, http.StatusForbidden)
	if n := len(w.Events(pim.EvActRequested)); n != 1 || kept == "" {
		t.Errorf("%d requests of one answer", n)
	}
}

// T12: a rule that names another context since the request holds for it.
func TestContextSinceTheRequest(t *testing.T) {
	t.Parallel()
	w, alice, assignment := contextWorld(t, stinttest.Rules{Approvers: []string{"bob"}})
	bob := w.Person("bob").Ready()
	page := alice.Ask(assignment).Want(t, http.StatusSeeOther)
	page = alice.Again(page.Location(), map[string]any{"acr": mfa}).Want(t, http.StatusSeeOther)
	page = alice.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	id := strings.TrimPrefix(page.Location(), "/activations/")
	w.Rules("dba", stinttest.Rules{Approvers: []string{"bob"}, Context: "urn:northwind:card"})
	if page := bob.Decide(id, "approve").Want(t, http.StatusConflict); !strings.Contains(page.Body, "another sign-in at the provider") {
		t.Errorf("refused with %s", page.Text("main"))
	}
}

// S-11: a longer end asks for its own sign-in again; the one that began the activation does not count for it.
func TestExtendWithContext(t *testing.T) {
	t.Parallel()
	w, alice, assignment := contextWorld(t, stinttest.Rules{NoPasskey: true, Max: 2 * time.Hour})
	page := alice.Ask(assignment).Want(t, http.StatusSeeOther)
	page = alice.Again(page.Location(), map[string]any{"acr": mfa}).Want(t, http.StatusSeeOther)
	id := strings.TrimPrefix(page.Location(), "/activations/")
	w.Tick()
	first := w.Activation(id)
	ask := func() string {
		page := alice.Post("/activations/"+id+"/extensions", "duration", "30", "justification", "Not done yet").Want(t, http.StatusSeeOther)
		return page.Location()
	}
	alice.Again(ask(), map[string]any{"acr": "urn:northwind:password"}).Want(t, http.StatusForbidden)
	if a := w.Activation(id); !a.EndsAt.Equal(first.EndsAt) {
		t.Errorf("moved to %v unproved", a.EndsAt)
	}
	alice.Again(ask(), map[string]any{"acr": "urn:northwind:card"}).Want(t, http.StatusSeeOther)
	if a := w.Activation(id); !a.EndsAt.Equal(first.EndsAt.Add(30 * time.Minute)) {
		t.Errorf("ends at %v, was %v", a.EndsAt, first.EndsAt)
	}
	asked := w.Events(pim.EvExtRequested)
	if len(asked) != 1 || asked[0].Facts["context"] != "urn:northwind:card" || asked[0].Facts["proof"] == first.ProofID || asked[0].Facts["proof"] == "" {
		t.Errorf("the log says %+v", asked)
	}
}

// What was asked for waits ten minutes: the provider's answer after that confirms nothing.
func TestContextTooLate(t *testing.T) {
	t.Parallel()
	w, alice, assignment := contextWorld(t, stinttest.Rules{NoPasskey: true})
	asking := alice.Ask(assignment).Want(t, http.StatusSeeOther).Location()
	w.Advance(9 * time.Minute)
	to := alice.Get(asking+"/provider").Want(t, http.StatusSeeOther).Location()
	w.Advance(2 * time.Minute)
	w.Provider.SignInAs("alice", map[string]any{"acr": mfa, "auth_time": w.Clock.Now().Unix()})
	alice.Get(alice.Get(to).Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusNotFound)
	if n := len(w.Events(pim.EvActRequested)); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}
