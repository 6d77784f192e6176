package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
)

// What is over and cannot be seen any more is offered on the target's page; with a reason and a touch it ends, and the
// holder reads whose word that was.
func TestAcceptGone(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Role("dba", stinttest.Rules{})
	alice := w.Person("alice").Ready()
	id := alice.Activate(w.Eligible("alice", "dba", time.Time{}))
	w.Tick()
	if n := carol.Get("/targets/dir").Find(`a[href$="/gone"]`).Length(); n != 0 {
		t.Errorf("offered for what is held: %d", n)
	}
	w.Target.Misbehave(faketarget.Faults{Hidden: alice.Account})
	alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
	w.Advance(2 * time.Minute)
	path, there := carol.Get("/targets/dir").Find(`a[href$="/gone"]`).Attr("href")
	if !there {
		t.Fatal("not offered")
	}
	carol.Get(path).Want(t, http.StatusOK)
	carol.Post(path).Want(t, http.StatusUnprocessableEntity)
	other := strings.Replace(path, "/dir/", "/stint/", 1)
	carol.Get(other).Want(t, http.StatusNotFound)
	carol.Post(other, "reason", "She left").Want(t, http.StatusNotFound)
	step := carol.Post(path, "reason", "She left").Want(t, http.StatusSeeOther)
	if got := carol.Get(step.Location()).Text("main"); !strings.Contains(got, "Nobody has seen that") || !strings.Contains(got, "She left") {
		t.Errorf("the touch says %s", got)
	}
	carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	if got := alice.Get("/activations/"+id).Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "not seen gone: accepted as gone by carol") {
		t.Errorf("the holder reads %s", got)
	}
	if got := carol.Get("/targets/dir").Text("tbody"); !strings.Contains(got, "Accepted as gone") {
		t.Errorf("the target's page: %s", got)
	}
	if got := carol.Get(path).Want(t, http.StatusOK).Text(".callout.bad"); !strings.Contains(got, "Only what is over") {
		t.Errorf("a second time: %s", got)
	}
}
