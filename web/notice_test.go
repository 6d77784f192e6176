package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

func TestNotices(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice").Ready(), w.Person("bob").Ready()
	for i := range 60 {
		w.Clock.Advance(time.Second)
		w.Do(func(tx *store.Tx) error {
			return tx.InsertNotice(store.Notice{ID: fmt.Sprintf("n%02d", i), PrincipalID: "alice", Text: fmt.Sprintf("Notice <%02d>", i), Link: "/my-roles"})
		})
	}
	page := alice.Get("/notices").Want(t, http.StatusOK)
	if got := page.Find("ul.lines li").First().Text(); !strings.Contains(got, "Notice <59>") || !strings.Contains(got, "Unread") {
		t.Errorf("the newest is %q", got)
	}
	older := alice.Get(page.Find(".pager a:last-child").AttrOr("href", "")).Want(t, http.StatusOK)
	if got := older.Find("ul.lines li").Length(); got < 10 || strings.Contains(older.Text("ul.lines"), "Notice <10>") {
		t.Errorf("the older page has %d: %s", got, older.Text("ul.lines"))
	}
	if strings.Contains(bob.Get("/notices").Text("main"), "Notice <") {
		t.Error("bob reads alice's notices")
	}
	bob.Post("/notices/read").Want(t, http.StatusSeeOther)
	if alice.Get("/notices").Find("li.unread").Length() == 0 {
		t.Error("bob marked alice's notices read")
	}
	alice.Post("/notices/read").Want(t, http.StatusSeeOther)
	if got := alice.Get("/notices").Find("li.unread").Length(); got != 0 {
		t.Errorf("%d are still unread", got)
	}
	alice.Get("/notices?cursor=zzz").Want(t, http.StatusBadRequest)
}
