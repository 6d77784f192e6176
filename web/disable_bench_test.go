package web_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"stint/internal/connector"
	stinttest "stint/internal/stinttest/harness"
)

// BenchmarkDisable is how long it takes until a person who is disabled with 50 active roles holds none of them at a
// healthy target (at most 5 s): the administrator's confirmation, the record, and every grant seen gone.
func BenchmarkDisable(b *testing.B) {
	w := stinttest.New(b)
	carol := w.Person("carol")
	w.Administrator("carol")
	carol.Ready()
	alice := w.Person("alice").Ready()
	var assignments []string
	var held []connector.EntitlementID
	for i := range 50 {
		role := fmt.Sprintf("role%02d", i)
		held = append(held, w.Role(role, stinttest.Rules{NoPasskey: true}))
		assignments = append(assignments, w.Eligible("alice", role, time.Time{}))
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		alice.SignIn().Want(b, http.StatusSeeOther)
		for _, id := range assignments {
			alice.Activate(id)
		}
		w.Tick()
		step := carol.Post("/people/alice/disable").Want(b, http.StatusSeeOther)
		answer := carol.Answer(step.Location())
		b.StartTimer()
		carol.Post(step.Location(), "response", answer).Want(b, http.StatusSeeOther)
		for {
			w.Tick()
			still := 0
			for _, e := range held {
				if w.Target.Holds(alice.Account, e) {
					still++
				}
			}
			if still == 0 {
				break
			}
		}
		b.StopTimer()
		page := carol.Post("/people/alice/enable").Want(b, http.StatusSeeOther)
		carol.Confirm(page.Location()).Want(b, http.StatusSeeOther)
		b.StartTimer()
	}
}
