package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// emergency is a World with two administrators, a sealed account for emergencies and everybody's passkey.
func emergency(t *testing.T) (w *stinttest.World, sealed, ann *stinttest.Person) {
	t.Helper()
	w = stinttest.New(t)
	sealed, ann = w.Person("sealed"), w.Person("ann")
	w.Person("bea")
	w.Administrator("sealed")
	w.Administrator("ann")
	w.Administrator("bea")
	sealed.Ready()
	ann.Ready()
	w.Do(func(tx *store.Tx) error { return tx.MarkBreakGlass("sealed", "ann") })
	sealed.Client = w.Client() // another machine
	return w, sealed, ann
}

// knock answers the emergency page with a passkey.
func knock(p *stinttest.Person) *stinttest.Page {
	return p.Post("/sign-in/emergency", "response", p.Answer("/sign-in/emergency"))
}

func notices(w *stinttest.World, id string) string {
	var all []string
	for _, n := range stinttest.Read(w, func(r *store.Reader) ([]store.Notice, error) { return r.Notices(id, store.Keyset{}, 50) }) {
		all = append(all, n.Text)
	}
	return strings.Join(all, "\n")
}

// B-01, B-03, B-05, T36, F13: with the provider down an account for emergencies signs in with its passkey alone; it works
// at once, everybody who administers is told, and every one of their pages says so until somebody else has reviewed it.
func TestEmergencyAccess(t *testing.T) {
	t.Parallel()
	w, sealed, ann := emergency(t)
	w.Provider.Stop()
	if _, err := ann.Try(http.MethodGet, w.Provider.Issuer, nil); err == nil {
		t.Fatal("the provider still answers")
	}
	if link := w.Client().Get("/sign-in").Find(`a[href="/sign-in/emergency"]`); link.Length() != 1 {
		t.Error("the way in cannot be found on the sign-in page")
	}
	knock(sealed).Want(t, http.StatusSeeOther)
	sealed.Get("/people").Want(t, http.StatusOK) // permanently active, so it can help at once
	if n := len(w.Events(pim.EvBreakGlassUsed)); n != 1 {
		t.Errorf("%d events of the use", n)
	}
	for _, id := range []string{"ann", "bea"} {
		if got := notices(w, id); !strings.Contains(got, "Emergency access: sealed signed in") {
			t.Errorf("%s was not told: %q", id, got)
		}
	}
	if got := ann.Get("/my-roles").Text("[role=alert]"); !strings.Contains(got, "sealed signed in by emergency access") {
		t.Errorf("no banner for an administrator: %q", got)
	}
	if got := sealed.Get("/break-glass").Want(t, http.StatusOK); got.Find("form[action*='/review']").Length() != 0 {
		t.Error("who used it is asked to review it")
	}

	knock(sealed).Want(t, http.StatusSeeOther) // never blocked, only louder
	if got := notices(w, "ann"); !strings.Contains(got, "AGAIN, with 1 earlier uses not reviewed") {
		t.Errorf("the second use is not louder: %q", got)
	}
	uses := stinttest.Read(w, func(r *store.Reader) ([]pim.BreakGlassUse, error) { return r.UnreviewedUses(10) })
	if len(uses) != 2 {
		t.Fatalf("%d uses wait for a review", len(uses))
	}
	sealed.Post("/break-glass/uses/"+uses[0].ID+"/review", "words", "It was me").Want(t, http.StatusForbidden)
	ann.Post("/break-glass/uses/"+uses[0].ID+"/review", "words", " ").Want(t, http.StatusUnprocessableEntity)
	for i, u := range uses {
		form := []string{"words", "The provider was down, the rota was restored"}
		if i == 0 {
			form = append(form, "drill", "yes")
		}
		ann.Confirm(ann.Post("/break-glass/uses/"+u.ID+"/review", form...).Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusSeeOther)
		ann.Post("/break-glass/uses/"+u.ID+"/review", form...).Want(t, http.StatusConflict)
	}
	if got := ann.Get("/my-roles").Find("[role=alert]").Length(); got != 0 {
		t.Errorf("%d banners after the reviews", got)
	}
	if n := len(w.Events(pim.EvBreakGlassReviewed)); n != 2 {
		t.Errorf("%d events of reviews", n)
	}
}

// B-05: such a session is short, used or not.
func TestEmergencySessionLastsOneHour(t *testing.T) {
	t.Parallel()
	w, sealed, _ := emergency(t)
	knock(sealed).Want(t, http.StatusSeeOther)
	for range 3 {
		w.Advance(19 * time.Minute)
		sealed.Get("/my-roles").Want(t, http.StatusOK)
	}
	w.Advance(4 * time.Minute)
	if page := sealed.Get("/my-roles"); !strings.HasPrefix(page.Location(), "/sign-in") {
		t.Errorf("after 61 minutes: %d", page.StatusCode)
	}
}

// T9, T36: everybody who is no account for emergencies is answered alike, and an answer counts once.
func TestEmergencyIsNobodyElses(t *testing.T) {
	t.Parallel()
	w, sealed, ann := emergency(t)
	stranger := w.Person("stranger")
	if _, err := stranger.Passkey.Create([]byte(`{"challenge":"AAAA","user":{"id":"c3RyYW5nZXI"}}`)); err != nil {
		t.Fatal(err)
	}
	w.Person("gone").Ready()
	w.Do(func(tx *store.Tx) error { return tx.MarkBreakGlass("gone", "ann") })
	w.DisablePerson("gone")
	ann.Client = w.Client()
	said := map[string]bool{}
	refused := func(name string, page *stinttest.Page) {
		t.Helper()
		if page.StatusCode != http.StatusForbidden || page.Find("form[data-stepup]").Length() != 1 {
			t.Errorf("%s: %d", name, page.StatusCode)
		}
		said[page.Text("[data-stepup-error]")] = true
	}
	refused("an administrator", knock(ann))
	refused("a passkey nobody knows", knock(stranger))
	sealed.Passkey.Faults.FlipSignature = true
	refused("a wrong signature", knock(sealed))
	sealed.Passkey.Faults.FlipSignature, sealed.Passkey.Faults.NoHandle = false, true
	refused("no user handle", knock(sealed))
	sealed.Passkey.Faults.NoHandle, sealed.Passkey.Faults.Handle = false, []byte("ann")
	refused("the handle of somebody else", knock(sealed))
	sealed.Passkey.Faults.Handle, sealed.Passkey.Faults.NoUserVerification = nil, true
	refused("without user verification", knock(sealed))
	sealed.Passkey.Faults.NoUserVerification = false
	answer := sealed.Answer("/sign-in/emergency")
	refused("in another browser", w.Client().Post("/sign-in/emergency", "response", answer))
	kept := sealed.Cookie("stint-emergency")
	sealed.Post("/sign-in/emergency", "response", answer).Want(t, http.StatusSeeOther)
	thief := w.Client()
	thief.SetCookie("stint-emergency", kept)
	refused("a second time", thief.Post("/sign-in/emergency", "response", answer))
	late := sealed.Answer("/sign-in/emergency")
	w.Advance(5 * time.Minute)
	refused("after five minutes", sealed.Post("/sign-in/emergency", "response", late))
	if len(said) != 1 || said[""] {
		t.Errorf("the answers tell them apart: %v", said)
	}
	if n := len(w.Events(pim.EvBreakGlassUsed)); n != 1 {
		t.Errorf("%d uses recorded, want 1", n)
	}
	if n := len(w.Events(pim.EvSignInRefused)); n < 3 {
		t.Errorf("%d refusals recorded of the account itself", n)
	}
}

// T36: knocking is slowed down by address, and the way in stays open to others.
func TestEmergencyKnocksAreCounted(t *testing.T) {
	t.Parallel()
	w, sealed, _ := emergency(t)
	c := w.Client()
	for range 20 {
		c.Post("/sign-in/emergency", "response", "{}").Want(t, http.StatusForbidden)
	}
	c.Post("/sign-in/emergency", "response", "{}").Want(t, http.StatusTooManyRequests)
	w.Advance(time.Minute)
	knock(sealed).Want(t, http.StatusSeeOther)
}

// B-01 to B-04: the list says what is missing and what is too much; marking and unmarking take a touch.
func TestBreakGlassPage(t *testing.T) {
	t.Parallel()
	w, _, ann := emergency(t)
	page := ann.Get("/break-glass").Want(t, http.StatusOK)
	text := page.Text("main")
	for _, want := range []string{"at least 2 accounts", "2 permanent active assignments", "one passkey only"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said: %s", want, text)
		}
	}
	ann.Post("/break-glass/accounts", "person", "nobody here").Want(t, http.StatusUnprocessableEntity)
	ann.Post("/break-glass/accounts", "person", "sealed").Want(t, http.StatusUnprocessableEntity) // marked already
	ann.Confirm(ann.Post("/break-glass/accounts", "person", "BEA@northwind.example").Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusSeeOther)
	text = ann.Get("/break-glass").Text("main")
	for _, want := range []string{"no passkey", "1 permanent active assignment"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said: %s", want, text)
		}
	}
	ann.Confirm(ann.Post("/break-glass/accounts/bea/unmark").Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusSeeOther)
	ann.Post("/break-glass/accounts/bea/unmark").Want(t, http.StatusNotFound)
	if m, u := len(w.Events(pim.EvBreakGlassMarked)), len(w.Events(pim.EvBreakGlassUnmarked)); m != 1 || u != 1 {
		t.Errorf("%d marked, %d unmarked", m, u)
	}
}

// B-03: an account that nobody used for 90 days is called to mind once in that time; use or drill begins it anew.
func TestDrillsAreDue(t *testing.T) {
	t.Parallel()
	w, sealed, _ := emergency(t)
	due := func() int { return len(w.Events(pim.EvBreakGlassUnused)) }
	w.Advance(89 * 24 * time.Hour)
	if due() != 0 {
		t.Error("reminded before 90 days")
	}
	for range 3 {
		w.Advance(25 * time.Hour)
	}
	if due() != 1 || !strings.Contains(notices(w, "ann"), "not used for 90 days") {
		t.Errorf("after 92 days: %d, %q", due(), notices(w, "ann"))
	}
	knock(sealed).Want(t, http.StatusSeeOther)
	w.Advance(89 * 24 * time.Hour)
	if due() != 1 {
		t.Error("reminded although it was used")
	}
	w.Advance(26 * time.Hour)
	if due() != 2 {
		t.Errorf("after 90 days more: %d", due())
	}
}
