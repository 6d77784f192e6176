package audit

import (
	"fmt"
	"maps"
	"strings"
)

// reviewStory is one access review as far as the log tells it: what was frozen is answered, the review ends, and what
// was answered is applied; nothing is taken away that was not decided so.
type reviewStory struct {
	state   string // started, ended, applying, finished
	seq     int64
	stage   int64
	answers map[string]reviewAnswer // by item: the answer that counts
	applied map[string]string       // by item: what came of it
}

// reviewAnswer is an answer with the stage it was given in: a reset takes back those of its own stage alone.
type reviewAnswer struct {
	answer string
	stage  int64
}

// replayReview takes an entry of a review; those of a series, and downloads, are no steps.
func (s *Stories) replayReview(e Entry) error {
	if e.Correlation == "" || e.Type == "review.exported" {
		return nil
	}
	r := s.reviews[e.Correlation]
	if r == nil {
		r = &reviewStory{answers: map[string]reviewAnswer{}, applied: map[string]string{}}
		s.reviews[e.Correlation] = r
	}
	before, since := r.state, r.seq
	what := r.take(e)
	r.seq = e.Seq
	if e.Type == "review.finished" || e.Type == "review.deleted" { // nothing is said of its items any more
		r.answers, r.applied = map[string]reviewAnswer{}, map[string]string{}
	}
	if what == "" {
		return nil
	}
	if before == "" {
		return fmt.Errorf("%s of review %s: %s", e.Type, e.Correlation, what)
	}
	return fmt.Errorf("%s of review %s, which is %s since entry %d: %s", e.Type, e.Correlation, before, since, what)
}

// take moves a review on and says what is wrong with the step, or "".
func (r *reviewStory) take(e Entry) string {
	was := r.state
	switch e.Type {
	case "review.started":
		r.state = "started"
		return unless(was == "", "it began before")
	case "review.decided":
		return r.decided(e)
	case "review.reset":
		maps.DeleteFunc(r.answers, func(_ string, a reviewAnswer) bool { return a.stage >= r.stage })
		return unless(was == "started", "its answers are not open")
	case "review.stage_ended":
		ended, _ := e.Facts["stage"].(int64)
		r.stage = ended + 1
		return unless(was == "started", "it was not running")
	case "review.ended":
		r.state = "ended"
		return unless(was == "started", "it was not running")
	case "review.applying":
		r.state = "applying"
		return unless(was == "ended", "it has not ended")
	case "review.applied":
		return r.apply(e)
	case "review.finished":
		r.state = "finished"
		return unless(was == "applying", "it was not being applied")
	case "review.deleted":
		r.state = "deleted"
		return ""
	}
	return unless(was == "started", "it was not running")
}

func unless(ok bool, words string) string {
	if ok {
		return ""
	}
	return words
}

func (r *reviewStory) decided(e Entry) string {
	answer, _ := e.Facts["answer"].(string)
	own, _ := e.Facts["as"].(string)
	stage, _ := e.Facts["stage"].(int64)
	r.answers[e.ObjectID] = reviewAnswer{answer, stage}
	switch {
	case r.state != "started":
		return "answers are taken only while it runs"
	case e.Actor == e.Subject && own != "own":
		return "somebody answered about their own access"
	}
	return ""
}

// takesAway are results of which something ends by them.
const takesAway = " removing removed shrinking shrunk elsewhere "

func (r *reviewStory) apply(e Entry) string {
	result, _ := e.Facts["applied"].(string)
	answer, before := r.answers[e.ObjectID].answer, r.applied[e.ObjectID]
	r.applied[e.ObjectID] = result
	switch {
	case r.state != "applying":
		return "it is not being applied"
	case answer != "deny" && answer != "shrink" && strings.Contains(takesAway, " "+result+" "):
		return fmt.Sprintf("item %s was taken away and nobody denied it", e.ObjectID)
	case before != "" && before != "removing" && before != "shrinking" && before != "failed":
		return fmt.Sprintf("item %s was applied before", e.ObjectID)
	}
	return ""
}
