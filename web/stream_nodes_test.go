package web_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/database"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/web"
)

// elsewhereNode opens a person's browser at another node on the database of a World.
func elsewhereNode(t *testing.T, w *stinttest.World, p *stinttest.Person) *stinttest.Person {
	t.Helper()
	s, err := store.Open(t.Context(), w.Database)
	w.OK(err)
	t.Cleanup(func() { w.OK(s.Close()) })
	rp, err := stepup.New(w.URL, "Stint")
	w.OK(err)
	sealer, err := broker.OpenSealer(filepath.Join(t.TempDir(), "seal.key"), "")
	w.OK(err)
	site, err := web.New(web.Config{Broker: broker.New(broker.Config{Store: s, StepUp: rp, Sealer: sealer}), PublicURL: w.URL})
	w.OK(err)
	server := httptest.NewServer(site.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(site.EndStreams)
	there := &stinttest.World{TB: t, URL: server.URL, Store: s}
	browser := there.Client()
	browser.SetCookie("stint", p.Cookie("stint"))
	return &stinttest.Person{World: there, Client: browser, ID: p.ID}
}

// F1, DESIGN §6: an approval on one node appears on a page that is open at another. The goal is a second; the bound leaves
// room for a busy machine.
func TestApprovalReachesAPageOnAnotherNode(t *testing.T) {
	t.Setenv(database.Engine, "postgres")
	w, alice, carol, _ := newOffice(t)
	carol.Enrol()
	id := requestRole(t, alice)
	there := elsewhereNode(t, w, alice)
	stream := listen(t, there, "/events/activations/"+id)
	if text := there.Get("/activations/"+id).Want(t, http.StatusOK).Text("main"); !strings.Contains(text, "waits for an approver") {
		t.Fatalf("before: %s", text)
	}
	carol.Approve(id)
	approved := time.Now()
	for {
		stream.want("news")
		page := there.Get("/activations/" + id)
		if !strings.Contains(page.Text("main"), "waits for an approver") {
			break
		}
	}
	took := time.Since(approved)
	t.Logf("on the other node's page %v after the approval", took)
	if took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if a := stinttest.Read(there.World, func(r *store.Reader) (pim.Activation, error) { return r.Activation(id) }); a.State != pim.Provisioning {
		t.Errorf("the other node reads %s", a.State)
	}
}
