package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// T22: an owner sees and administers what they own and nothing beside or above it, through a group too,
// while they hold it; moving a resource changes that at once.
func TestOwnersPages(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	olga, ann := w.Person("olga").Ready(), w.Person("ann").Ready()
	w.Group("owners", "olga")
	w.Owner("owners", stinttest.Production)
	w.Administrator("ann")
	w.Do(func(tx *store.Tx) error {
		for _, at := range [][2]string{{"prod-2", stinttest.Northwind}, {"lab", "prod-2"}, {"db", stinttest.Production}} {
			if err := tx.InsertResource(pim.Resource{ID: at[0], ParentID: at[1], Kind: "group", Name: at[0], Source: pim.SourceBrowser}); err != nil {
				return err
			}
		}
		return nil
	})
	for path, want := range map[string]int{"/resources": 200, "/resources/prod": 200, "/resources/db": 200, "/resources/prod/edit": 200, "/resources/db/move": 200,
		"/resources/org": 404, "/resources/prod-2": 404, "/resources/lab": 404, "/resources/lab/edit": 404, "/resources/stint": 404,
		"/people": 404, "/targets": 404, "/break-glass": 404} {
		if page := olga.Get(path); page.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, page.StatusCode, want)
		}
	}
	tree := olga.Get("/resources").Text("main")
	if !strings.Contains(tree, "Production") || strings.Contains(tree, "prod-2") || strings.Contains(tree, "Northwind") {
		t.Errorf("the tree of an owner: %s", tree)
	}
	w.Do(func(tx *store.Tx) error {
		lab, err := tx.Resource("lab")
		if err != nil {
			return err
		}
		lab.ParentID = stinttest.Production
		return tx.UpdateResource(lab)
	})
	olga.Get("/resources/lab/edit").Want(t, http.StatusOK)
	w.Do(func(tx *store.Tx) error {
		return tx.RemoveMember(pim.Membership{GroupID: "owners", MemberID: "olga", Source: pim.SourceFile})
	})
	olga.Get("/resources").Want(t, http.StatusNotFound)
	ann.Get("/resources/org").Want(t, http.StatusOK)
}

// an owner ends what runs on their resource, but not Stint's own roles there.
func TestOwnersEndActivations(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	olga, bob := w.Person("olga").Ready(), w.Person("bob").Ready()
	w.Owner("olga", stinttest.Production)
	w.Role("dba", stinttest.Rules{})
	w.Eligible("bob", "dba", time.Time{})
	w.Eligible("bob", pim.RoleOwner, time.Time{})
	id := bob.Activate("bob-dba")
	owner := bob.Activate("bob-" + pim.RoleOwner)
	olga.Get("/activations/"+id).Want(t, http.StatusOK)
	olga.Post("/activations/"+owner+"/revoke", "justification", "Not mine to end").Want(t, http.StatusForbidden)
	page := olga.Post("/activations/"+id+"/revoke", "justification", "The window is over").Want(t, http.StatusSeeOther)
	olga.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	if got := w.Activation(id).State; got != pim.Revoked {
		t.Errorf("the activation is %s", got)
	}
	if got := w.Activation(owner).State; !got.Holds() {
		t.Errorf("the owner's activation is %s", got)
	}
	bob.Get("/resources/prod/edit").Want(t, http.StatusOK) // by activation
	w.Advance(9 * time.Hour)
	bob.SignIn()
	bob.Get("/resources/prod/edit").Want(t, http.StatusNotFound)
}

// K-33: administrators say which roles owners hand out; it holds at once, also below, and takes a touch.
func TestWhatOwnersHandOut(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	ann := w.Person("ann").Ready()
	w.Person("olga")
	w.Administrator("ann")
	w.Owner("olga", stinttest.Production)
	w.Role("viewer", stinttest.Rules{})
	w.Role("dba", stinttest.Rules{Privileged: true})
	may := func() (got string) {
		for _, role := range []string{"viewer", "dba", pim.RoleOwner} {
			if stinttest.Read(w, func(r *store.Reader) (bool, error) { return broker.MayHandOut(r, "olga", role, stinttest.Production) }) {
				got += role + " "
			}
		}
		return got
	}
	save := func(form ...string) {
		t.Helper()
		version := ann.Get("/resources/prod/owners").Want(t, http.StatusOK).Find("input[name=version]").AttrOr("value", "")
		page := ann.Post("/resources/prod/owners", append(form, "version", version)...).Want(t, http.StatusSeeOther)
		ann.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	}
	if got := may(); got != "viewer " {
		t.Errorf("without a list: %q", got)
	}
	save("list", "own", "pick", "dba")
	if got := may(); got != "dba " {
		t.Errorf("with a list: %q", got)
	}
	if got := ann.Get("/resources/prod").Text("main"); !strings.Contains(got, "They may hand out dba.") || !strings.Contains(got, "olga") {
		t.Errorf("the page of the resource: %s", got)
	}
	save("list", "own")
	if got := may(); got != "" {
		t.Errorf("with an empty list: %q", got)
	}
	ann.Post("/resources/prod/owners", "list", "own", "version", "1").Want(t, http.StatusConflict)
	ann.Post("/resources/prod/owners", "list", "own", "version", "2", "pick", pim.RoleOwner).Want(t, http.StatusUnprocessableEntity)
	save("list", "follow")
	if got := may(); got != "viewer " {
		t.Errorf("following the level above: %q", got)
	}
	ann.Post("/resources/prod/owners", "list", "follow", "version", "0").Want(t, http.StatusUnprocessableEntity)
	if n, m := len(w.Events(pim.EvHandOutSaved)), len(w.Events(pim.EvHandOutRemoved)); n != 2 || m != 1 {
		t.Errorf("%d lists saved, %d removed", n, m)
	}
}
