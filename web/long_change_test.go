package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// Invariant 13: a large change shows how far it is carried out, to whoever may see where; when it is done it is gone.
func TestALargeChangeShowsHowFarItIs(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Do(func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertResource(pim.Resource{ID: "region", ParentID: stinttest.Northwind, Kind: "group", Name: "Region North", Source: pim.SourceFile}),
			tx.InsertResource(pim.Resource{ID: "db4", ParentID: "region", Kind: "database", Name: "Database four", Source: pim.SourceFile}),
			tx.InsertLongChange(pim.LongChange{ID: "change", Kind: pim.LongRetire, ResourceID: "region", By: "carol", About: 20_013}),
			tx.RemoveResource("region"))
	})
	w.Do(func(tx *store.Tx) error {
		c, err := tx.LongChange("change")
		c.Done = 3400
		return errors.Join(err, tx.SaveLongChange(c))
	})
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	for _, path := range []string{"/resources", "/resources/" + stinttest.Northwind} {
		page := carol.Get(path).Want(t, http.StatusOK)
		if got := strings.Join(strings.Fields(page.Text("#carried-out")), " "); !strings.Contains(got, "Retire Region North 3,400 of about 20,013 done · carol") || page.Find(`progress[max="20013"][value="3400"]`).Length() != 1 {
			t.Errorf("%s: %q", path, got)
		}
		if strings.Contains(page.Text("main"), "Database four") {
			t.Errorf("%s lists what is being retired", path)
		}
	}
	if got := carol.Get("/resources?q=four").Want(t, http.StatusOK).Text("main"); strings.Contains(got, "Database four") {
		t.Errorf("a search finds what is being retired: %q", got)
	}
	carol.Get("/resources/db4").Want(t, http.StatusNotFound)
	for who, path := range map[string]string{"olga, who owns something else": "/resources", "carol, elsewhere": "/resources/" + stinttest.Production} {
		reader := carol
		if strings.HasPrefix(who, "olga") {
			reader = olga
		}
		if reader.Get(path).Want(t, http.StatusOK).Find("progress").Length() != 0 {
			t.Errorf("%s is shown it", who)
		}
	}
	w.Do(func(tx *store.Tx) error { return tx.SetHeldUp("change", "assignments as1: Not this one.") })
	if got := carol.Get("/resources").Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "Held up") || !strings.Contains(got, "assignments as1: Not this one.") {
		t.Errorf("it is held up, and the page says %q", got)
	}
	w.Tick()
	if carol.Get("/resources").Want(t, http.StatusOK).Find("progress").Length() != 0 || len(w.Events(pim.EvChangeFinished)) != 1 {
		t.Error("it is not carried out")
	}
}
