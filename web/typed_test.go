package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// T21: whoever may administer Stint is disabled and removed by their name, typed; others are not asked for it.
func TestAdministratorsGoByTheirName(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("dan").Ready()
	w.Administrator("dan")
	w.Person("eve")
	if carol.Get("/people/eve/access").Find("#typed").Length() != 0 || carol.Get("/people/dan/access").Find("#typed").Length() != 1 {
		t.Error("asked for the wrong name")
	}
	carol.Post("/people/eve/disable").Want(t, http.StatusSeeOther)
	page := carol.Post("/people/dan/disable", "typed", "Dan").Want(t, http.StatusUnprocessableEntity)
	if page.Find("#typed").AttrOr("value", "") != "Dan" || !strings.Contains(page.Text("#typed-err"), "exactly") {
		t.Errorf("typed wrongly: %s", page.Text("form"))
	}
	carol.Post("/people/dan/disable", "typed", "dan").Want(t, http.StatusSeeOther)
	carol.Post("/people/dan/remove", "version", versionOf(w, "dan")).Want(t, http.StatusUnprocessableEntity)
	carol.Post("/people/dan/remove", "version", versionOf(w, "dan"), "typed", "dan").Want(t, http.StatusSeeOther)
	carol.Post("/people/dan/disable", "typed", "dan", "typed", "dan").Want(t, http.StatusBadRequest) // T34
}

// T21: what makes a privileged role less strict is saved with its name typed; what makes it stricter is not asked for it,
// nor is an ordinary role.
func TestALooserPrivilegedRoleIsTyped(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("dan").Ready()
	w.Administrator("dan")
	w.Role("root", stinttest.Rules{Privileged: true})
	w.Role("dba", stinttest.Rules{})
	w.Eligible("carol", "root", time.Time{})
	rootAtProduction := strings.Replace(dbaAtProduction, "dba", "root", 1)
	form := ruleForm(carol.Get(rootAtProduction), "own_max_duration", "yes", "max_duration", "23 h", "do", "save")
	form.Set("confirm", "yes")
	page := carol.Do(http.MethodPost, "/roles/root/settings", form, "Origin", w.URL, "Sec-Fetch-Site", "same-origin").Want(t, http.StatusUnprocessableEntity)
	if page.Find("#typed").Length() != 1 || page.Text("#typed-err") == "" || page.Find("input[type=hidden][name=typed]").Length() != 0 {
		t.Errorf("not asked: %s", page.Text("form"))
	}
	form.Set("typed", "root")
	carol.Do(http.MethodPost, "/roles/root/settings", form, "Origin", w.URL, "Sec-Fetch-Site", "same-origin").Want(t, http.StatusSeeOther)
	form.Del("typed")
	form.Set("max_duration", "10 m")
	carol.Do(http.MethodPost, "/roles/root/settings", form, "Origin", w.URL, "Sec-Fetch-Site", "same-origin").Want(t, http.StatusSeeOther)
	form = ruleForm(carol.Get(dbaAtProduction), "own_max_duration", "yes", "max_duration", "23 h", "do", "save")
	sendRules(carol, form).Want(t, http.StatusSeeOther)
}

// T21: a name as a provider may give it can be typed as it reads; nobody escapes by a name that nobody can type.
func TestANameIsTypedAsItReads(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	long := strings.Repeat("é", 300)
	for i, c := range [][2]string{{"Dan  Double", "Dan Double"}, {"Dan\u00a0Hard", "Dan Hard"}, {"Jose\u0301", "José"}, {"Dan\u200b\u202e", "Dan"}, {long, long}} {
		id := "dan" + string(rune('a'+i))
		w.Person(id).Ready()
		w.Administrator(id)
		w.Do(func(tx *store.Tx) error {
			p, err := tx.Principal(id)
			p.Name = c[0]
			return errors.Join(err, tx.UpdatePrincipal(p))
		})
		carol.SignIn()
		carol.Post("/people/"+id+"/disable", "typed", strings.ToLower(c[1])+"x").Want(t, http.StatusUnprocessableEntity)
		carol.Post("/people/"+id+"/disable", "typed", c[1]).Want(t, http.StatusSeeOther)
	}
}
