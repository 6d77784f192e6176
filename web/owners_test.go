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
