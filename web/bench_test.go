package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"syscall"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/harness"
	"stint/internal/store"
)

const (
	benchMine  = 300     // assignments of the person who looks
	benchAll   = 100_000 // assignments in all
	benchPiece = 2_000   // a write
)

// BenchmarkMyRoles is the server's time for My roles of somebody with 300 assignments among 100,000.
// Goals: p50 at most 3 ms, p99 at most 10 ms.
func BenchmarkMyRoles(b *testing.B) {
	w := stinttest.New(b)
	alice := w.Person("alice")
	manyAssignments(w, alice.ID)
	alice.SignIn()
	for _, path := range []string{"/my-roles", "/my-roles?q=role+7"} {
		b.Run(path, func(b *testing.B) { measure(b, w, alice, path) })
	}
}

func measure(b *testing.B, w *stinttest.World, p *stinttest.Person, path string) {
	handler := w.Web.Handler()
	request := httptest.NewRequest(http.MethodGet, w.URL+path, nil)
	for _, c := range p.Jar.Cookies(request.URL) {
		request.AddCookie(c)
	}
	var took []time.Duration
	size, before := 0, processor()
	for b.Loop() {
		answer := httptest.NewRecorder()
		start := time.Now()
		handler.ServeHTTP(answer, request)
		took = append(took, time.Since(start))
		if size = answer.Body.Len(); answer.Code != http.StatusOK {
			b.Fatalf("%s answers %d", path, answer.Code)
		}
	}
	b.ReportMetric(float64((processor()-before).Microseconds())/1000/float64(b.N), "ms-cpu")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	b.ReportMetric(float64(size)/1024, "KB/page")
}

// processor is the time of processors this process has used: on a busy machine it says more than the clock.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// manyAssignments makes 100,000 eligible assignments, 300 of them the person's own.
func manyAssignments(w *stinttest.World, mine string) {
	w.Helper()
	w.Do(func(tx *store.Tx) error {
		var errs []error
		for i := range benchMine {
			errs = append(errs, tx.InsertResource(pim.Resource{ID: fmt.Sprintf("res%d", i), Kind: "group", Name: fmt.Sprintf("Group %d", i), ParentID: pim.StintResource, Source: pim.SourceFile}),
				tx.InsertRole(pim.RoleDefinition{ID: fmt.Sprintf("role%d", i), Name: fmt.Sprintf("Role %d", i), Privileged: true, Source: pim.SourceFile}))
		}
		for i := range benchAll/benchMine + 1 {
			id := fmt.Sprintf("other%d", i)
			errs = append(errs, tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}))
		}
		return errors.Join(errs...)
	})
	holders := []string{mine}
	for i := range benchAll/benchMine + 1 {
		holders = append(holders, fmt.Sprintf("other%d", i))
	}
	for from := 0; from < benchAll; from += benchPiece {
		w.Do(func(tx *store.Tx) error {
			var errs []error
			for n := from; n < from+benchPiece; n++ {
				errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: fmt.Sprintf("a%d", n), PrincipalID: holders[n/benchMine], RoleID: fmt.Sprintf("role%d", n%benchMine),
					ResourceID: fmt.Sprintf("res%d", n%benchMine), Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
			}
			return errors.Join(errs...)
		})
	}
}
