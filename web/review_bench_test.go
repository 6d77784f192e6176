package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

const benchReview = "i1"

// benchItem is the id of one of the reviewed items.
func benchItem(n int) string { return fmt.Sprintf("item%06d", n) }

// manyReviewed makes a review of 100,000 assignments, every one of which bob is to answer about.
func manyReviewed(w *stinttest.World) {
	w.Helper()
	manyAssignments(w, w.Person("alice").ID)
	w.Do(func(tx *store.Tx) error {
		terms := pim.ReviewTerms{Scope: pim.ReviewScope{Kinds: []pim.AssignmentKind{pim.Eligible}}, Recommend: true, LookBack: 30, Silence: pim.SilenceNoChange,
			Stages: []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"bob"}, Days: 14}}}
		end := tx.Now.AddDate(0, 0, 14)
		i := pim.ReviewInstance{ID: benchReview, ReviewID: "v1", Number: 1, Name: "Everything", Terms: terms, State: pim.ReviewStarting, PlannedAt: tx.Now, StartedAt: tx.Now, StageEnds: end, EndsAt: end}
		err := errors.Join(tx.InsertReview(pim.ReviewDefinition{ID: "v1", Name: "Everything", Terms: terms, MadeBy: "carol"}), tx.InsertReviewInstance(i),
			tx.InsertReviewSet(pim.ReviewSet{ID: "s1", InstanceID: benchReview, Members: []pim.ReviewSetMember{{PrincipalID: "bob", PersonID: "bob"}}}, "bob"),
			tx.CountReviewSet("s1", benchAll, 0))
		i.State, i.Counts.Items, i.Version = pim.ReviewInProgress, benchAll, 1
		return errors.Join(err, tx.SaveReviewInstance(i))
	})
	for from := 0; from < benchAll; from += benchPiece {
		w.Do(func(tx *store.Tx) error {
			var items []pim.ReviewItem
			for n := from; n < from+benchPiece; n++ {
				holder, place := "alice", n%benchMine
				if n >= benchMine {
					holder = fmt.Sprintf("other%d", n/benchMine-1)
				}
				t := pim.ReviewItem{ID: benchItem(n), InstanceID: benchReview, AssignmentID: fmt.Sprintf("a%d", n), PrincipalID: holder, PersonID: holder, RoleID: fmt.Sprintf("role%d", place),
					ResourceID: fmt.Sprintf("res%d", place), Kind: pim.Eligible, Frozen: pim.ReviewUse{Version: 1, StartsAt: tx.Now, Recommended: pim.AnswerDeny, Because: []pim.Because{pim.BecauseNeverUsed}},
					Sets: []string{"s1"}, SetID: "s1"}
				t.SortName, t.SortPlace = store.ReviewSort(holder, fmt.Sprint("Role ", place), fmt.Sprint("Group ", place))
				items = append(items, t)
			}
			return tx.InsertReviewItems(items)
		})
	}
}

// BenchmarkReviewPage is the server's time for a page of 50 rows of a reviewer with 100,000 items; beside it that of the
// list's query alone. Goal: p99 at most 10 ms.
func BenchmarkReviewPage(b *testing.B) {
	w := stinttest.New(b)
	bob := w.Person("bob")
	manyReviewed(w)
	bob.SignIn()
	path := "/reviews/" + benchReview + "/answers"
	for _, c := range []struct {
		name, path string
		page       store.ReviewItemPage
	}{
		{"open", "", store.ReviewItemPage{Only: store.ReviewOpen}},
		{"all by person", "?show=all&by=person", store.ReviewItemPage{ByName: true}},
		{"all, searched", "?show=all&q=other333", store.ReviewItemPage{Words: "other333"}},
	} {
		c.page.InstanceID, c.page.Sets, c.page.Limit = benchReview, []string{"s1"}, rowsRead-1
		b.Run(c.name, func(b *testing.B) {
			measureBoth(b, w, bob, path+c.path, func(r *store.Reader) error { _, _, err := r.ReviewItemsBy(c.page); return err })
		})
	}
}

// BenchmarkReviewAnswer is the server's time for saving one answer among 100,000 items, as the page saves it: with the row
// as it stands then for an answer. Goal: p50 at most 5 ms.
func BenchmarkReviewAnswer(b *testing.B) {
	w := stinttest.New(b)
	bob := w.Person("bob")
	manyReviewed(w)
	bob.SignIn()
	n, path := 0, "/reviews/"+benchReview+"/answers"
	b.Run("page", func(b *testing.B) {
		handler, before := w.Web.Handler(), w.Store.Statements()
		var took []time.Duration
		for b.Loop() {
			id := benchItem(n)
			n++
			form := url.Values{"here": {path}, "version-" + id: {"1"}, "answer-" + id: {"approve"}, "reason-" + id: {"Still on call"}}
			request := httptest.NewRequest(http.MethodPost, w.URL+path, strings.NewReader(form.Encode()))
			for name, value := range map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": w.URL, "Sec-Fetch-Site": "same-origin", "HX-Request": "true"} {
				request.Header.Set(name, value)
			}
			for _, c := range bob.Jar.Cookies(request.URL) {
				request.AddCookie(c)
			}
			answer := httptest.NewRecorder()
			start := time.Now()
			handler.ServeHTTP(answer, request)
			took = append(took, time.Since(start))
			if answer.Code != http.StatusOK {
				b.Fatalf("answers %d: %s", answer.Code, answer.Body)
			}
		}
		statements := float64(w.Store.Statements()-before) / float64(len(took))
		report(b, took)
		b.ReportMetric(statements, "writer-statements")
	})
	b.Run("broker alone", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			start := time.Now()
			out, err := w.Broker.Answer(b.Context(), broker.Actor{PrincipalID: "bob"}, broker.ReviewAnswers{InstanceID: benchReview, Items: []broker.ReviewAnswerItem{{ID: benchItem(n), Version: 1, Answer: pim.AnswerApprove}}})
			took = append(took, time.Since(start))
			if n++; err != nil || out.Done != 1 {
				b.Fatal(out, err)
			}
		}
		report(b, took)
	})
	if in := stinttest.Read(w, func(r *store.Reader) (pim.ReviewInstance, error) { return r.ReviewInstance(benchReview) }); in.Counts.Approved != int64(n) {
		b.Errorf("%d were answered, %d count", n, in.Counts.Approved)
	}
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}
