//go:build e2e

package web_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"stint/internal/pim"
	"stint/internal/stinttest/browser"
)

// A reviewer answers by keyboard alone: each row saves itself as it is answered, says what is missing, and the focus stays
// where it was (W-61, W-65). Then an administrator looks at how far it is and stops the review.
func TestReviewByKeyboard(t *testing.T) {
	w, carol, bob := reviewWorld(t)
	seat(w, "r1", "bob", true, "alice", "dave", "bob")
	chromium := browser.Start(t, 5*time.Minute)
	b := tabOf(t, chromium, bob, "/my-roles")
	b.TabTo("Reviews")
	b.Keys("\r")
	b.Sees("Who needs dba")
	b.TabTo("Start")
	b.Keys("\r")
	b.Sees("0 of 3 decided", "Nobody reviews their own access")
	b.Becomes(`document.readyState`, "complete")

	b.TabTo("Approve")
	b.Keys(" ")
	b.Becomes(`document.querySelector("#item-alice-in-r1 .err")?.textContent.includes("reason")+""`, "true")
	b.Becomes(`document.activeElement.name + " " + document.activeElement.value`, "answer-alice-in-r1 approve")
	b.TabTo("reason-alice-in-r1")
	b.Keys("On call this quarter\t")
	b.Sees("1 of 3 decided", "Open 2")
	b.Becomes(`document.activeElement.name`, "answer-dave-in-r1")
	b.Keys(kb.ArrowRight)
	b.TabTo("reason-dave-in-r1")
	b.Keys("Moved to another team\t")
	b.Sees("2 of 3 decided", "Open 1")
	for id, want := range map[string]pim.ReviewAnswer{"alice-in-r1": pim.AnswerApprove, "dave-in-r1": pim.AnswerDeny, "bob-in-r1": pim.AnswerNone} {
		if item := reviewItem(w, id); item.Answer != want {
			t.Errorf("%s is answered %q, want %q", id, item.Answer, want)
		}
	}
	show(t, b, "review-answers")
	b.Quiet("answering a review")

	desk := tabOf(t, chromium, carol, "/reviews/r1")
	desk.Sees("2 of 3 decided")
	show(t, desk, "review")
	desk.Quiet("a review")
}
