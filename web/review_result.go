package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// reviewOutcomes are the results of rows in the order in which pages list them, with their words.
var reviewOutcomes = []struct {
	result pim.ReviewResult
	tone   views.Tone
	word   string // of a row
	many   string // of several
}{
	{pim.ResultRemoved, views.OK, "Removed", "removed"},
	{pim.ResultShrunk, views.OK, "Shrunk", "shrunk"},
	{pim.ResultRemoving, views.Info, "Ending", "ending"},
	{pim.ResultShrinking, views.Info, "Shrinking", "shrinking"},
	{pim.ResultFailed, views.Bad, "Failed", "failed, tried again"},
	{pim.ResultElsewhere, views.Warn, "Still held", "still held otherwise"},
	{pim.ResultRefused, views.Bad, "Not done", "not done"},
	{pim.ResultNotHere, views.Warn, "Not by Stint", "not by Stint"},
	{pim.ResultChanged, views.Warn, "Changed since", "changed since"},
	{pim.ResultGone, views.OK, "Gone before", "gone before"},
	{pim.ResultKept, views.Neutral, "Kept", "kept"},
}

var resultNotes = map[pim.ReviewResult]string{
	pim.ResultRemoving: "no longer wanted, not yet seen gone", pim.ResultShrinking: "less is assigned, not yet seen gone", pim.ResultGone: "it had ended before the review was applied",
	pim.ResultChanged: "it became something else since, and is left alone", pim.ResultNotHere: "another system decides this membership: end it there",
}

func resultView(i pim.ReviewItem) views.ReviewState {
	for _, known := range reviewOutcomes {
		if known.result == i.Result {
			v := views.ReviewState{Tone: known.tone, Word: known.word, Note: resultNotes[i.Result]}
			if i.ResultText != "" {
				v.Note = i.ResultText
			}
			return v
		}
	}
	return views.ReviewState{Word: "Not applied yet"}
}

// outcomeIn counts what came of a review.
func outcomeIn(r *store.Reader, in pim.ReviewInstance) (out []views.ReviewOutcome, err error) {
	if in.State != pim.ReviewApplying && in.State != pim.ReviewApplied {
		return nil, nil
	}
	count, err := r.ReviewResults(in.ID)
	for _, known := range reviewOutcomes {
		if n := count[known.result]; n > 0 {
			out = append(out, views.ReviewOutcome{Tone: known.tone, Word: known.many, N: n, Href: "/reviews/" + in.ID + "/results?show=" + string(known.result)})
		}
	}
	return out, err
}

// ReviewResultsPage is GET /reviews/:id/results: every row with its answer and what came of it.
func (s *Server) ReviewResultsPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.ReviewResultsView, error) { return resultsIn(r, q) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.ReviewResults(v))
}

// seenWhole is a review of which the reader may read everything.
func seenWhole(r *store.Reader, q *request) (broker.ReviewSeen, error) {
	seen, err := broker.SeeReview(r, q.who, q.Param("id"))
	if err == nil && !seen.Reads {
		err = pim.NotFound()
	}
	return seen, err
}

func resultsIn(r *store.Reader, q *request) (v views.ReviewResultsView, err error) {
	seen, err := seenWhole(r, q)
	if err != nil {
		return v, err
	}
	if v.ReviewView, err = reviewHeadIn(r, q, seen); err != nil {
		return v, err
	}
	after, err := itemCursorIn(q.QueryParam("cursor"))
	if err != nil {
		return v, err
	}
	v.Q = strings.TrimSpace(clip(q.QueryParam("q"), 200))
	p := store.ReviewItemPage{InstanceID: seen.ID, Words: v.Q, After: after, Limit: pageSize}
	if v.Filters, err = resultFilters(r, q, seen.ReviewInstance, &p, &v); err != nil {
		return v, err
	}
	rows, reached, err := r.ReviewItemsBy(p)
	if err != nil {
		return v, err
	}
	v.Pager = itemPager(p, rows, reached, after.ID != "", func(cursor string) string { return resultsPath(seen.ID, v.Show, v.Q, cursor) })
	v.Rows, err = resultRows(r, q, seen.ReviewInstance, rows)
	return v, err
}

func resultsPath(id, show, words, cursor string) string {
	v := url.Values{}
	for name, value := range map[string]string{"show": show, "q": words, "cursor": cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if len(v) == 0 {
		return "/reviews/" + id + "/results"
	}
	return "/reviews/" + id + "/results?" + v.Encode()
}

// resultFilters are all rows, then by result where there are any.
func resultFilters(r *store.Reader, q *request, in pim.ReviewInstance, p *store.ReviewItemPage, v *views.ReviewResultsView) ([]views.Segment, error) {
	outcome, err := outcomeIn(r, in)
	if err != nil {
		return nil, err
	}
	show := q.QueryParam("show")
	for _, known := range reviewOutcomes {
		if show != "" && show == string(known.result) {
			result := known.result
			v.Show, p.Result = show, &result
		}
	}
	out := []views.Segment{{Text: "All", Href: resultsPath(in.ID, "", v.Q, ""), Count: int(in.Counts.Items), Current: v.Show == ""}}
	for _, o := range outcome {
		_, result, _ := strings.Cut(o.Href, "show=")
		out = append(out, views.Segment{Text: capital(o.Word), Href: resultsPath(in.ID, result, v.Q, ""), Count: int(o.N), Current: v.Show == result})
	}
	return out, nil
}

func resultRows(r *store.Reader, q *request, in pim.ReviewInstance, rows []pim.ReviewItem) (out []views.ReviewResultRow, err error) {
	var want ids
	want.items(rows)
	n, err := namesOf(r, want)
	if err != nil {
		return nil, err
	}
	people, err := holdersOf(r, rows)
	for _, i := range rows {
		out = append(out, n.resultRow(q, in, i, people))
	}
	return out, err
}

func (n names) resultRow(q *request, in pim.ReviewInstance, i pim.ReviewItem, people map[string]pim.Principal) views.ReviewResultRow {
	row := views.ReviewResultRow{ID: i.ID, Who: n.itemHolder(i, people), Role: n.itemRole(i), Holds: itemHolds(i), Answer: string(i.Answer), Shrunk: n.shrinkWords(q, i.Shrink), Reason: i.Reason,
		At: i.DecidedAt, As: answeredAs[i.DecidedAs], Result: resultView(i), Gone: i.GoneAt}
	if i.AssignmentID != "" {
		row.Holds += yes(i.Frozen.EndsAt.IsZero(), ", no end", ", until "+dayOf(q, i.Frozen.EndsAt))
	}
	if in.Terms.Recommend {
		row.Advice = n.adviceView(i, in.Terms.LookBack)
	}
	if i.DecidedBy != "" {
		row.By = n.person(i.DecidedBy)
	}
	return row
}

// ReviewItemPage is GET /reviews/:id/items/:item: the history of one row with its proof.
func (s *Server) ReviewItemPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.ReviewItemView, error) { return itemIn(r, q) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.ReviewItemPage(v))
}

// proofShown is how many entries of the log a row's page lists.
const proofShown = 50

func itemIn(r *store.Reader, q *request) (v views.ReviewItemView, err error) {
	seen, err := seenWhole(r, q)
	if err != nil {
		return v, err
	}
	i, err := r.ReviewItem(q.Param("item"))
	if err == nil && i.InstanceID != seen.ID {
		err = pim.NotFound()
	}
	if err != nil {
		return v, err
	}
	rows, err := resultRows(r, q, seen.ReviewInstance, []pim.ReviewItem{i})
	if err != nil {
		return v, err
	}
	v = views.ReviewItemView{ID: seen.ID, Name: seen.Name, Row: rows[0], Facts: knownFacts(q, i)}
	proof, err := r.ReviewProof(i, proofShown)
	if err != nil {
		return v, err
	}
	v.History, v.Entries, err = itemHistory(r, i, proof)
	return v, err
}

func knownFacts(q *request, i pim.ReviewItem) []views.ReviewFact {
	u := i.Frozen
	facts := []views.ReviewFact{{Name: "Held", Text: itemHolds(i) + yes(u.StartsAt.IsZero(), "", " since "+dayOf(q, u.StartsAt)) + yes(u.EndsAt.IsZero(), "", ", until "+dayOf(q, u.EndsAt))}}
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, views.ReviewFact{Name: name, Text: text})
		}
	}
	add("Last used", itemUse(q, i))
	if !u.LastSeen.IsZero() {
		add("Signed in", dayOf(q, u.LastSeen))
	}
	add("Department", u.Department)
	add("Job", u.Title)
	add("Comes from", u.MemberOf)
	return facts
}

// itemHistory is every answer to a row, then what was done, with the entries of the log that prove it.
func itemHistory(r *store.Reader, i pim.ReviewItem, proof []store.EntryRow) (out []views.StoryStep, entries []views.Link, err error) {
	history, err := r.ReviewDecisions([]string{i.ID})
	if err != nil {
		return nil, nil, err
	}
	var want ids
	for _, d := range history[i.ID] {
		want.people = append(want.people, d.By)
	}
	n, err := namesOf(r, want)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range history[i.ID] {
		step := views.StoryStep{Text: n.person(d.By).Name + ": " + decisionWords(d), At: d.At, Quote: d.Reason}
		step.Entry = entryAt(proof, d)
		out = append(out, step)
	}
	if !i.ResultAt.IsZero() {
		state := resultView(i)
		out = append(out, views.StoryStep{Tone: state.Tone, Text: state.Word, At: i.ResultAt, More: state.Note})
	}
	for _, e := range proof {
		entries = append(entries, views.Link{Text: views.Count(e.Seq), Href: "/audit/" + strconv.FormatInt(e.Seq, 10)})
	}
	return out, entries, nil
}

// entryAt is the entry of the log that was written with a decision.
func entryAt(proof []store.EntryRow, d pim.ReviewDecision) int64 {
	k := slices.IndexFunc(proof, func(e store.EntryRow) bool { return e.At.Equal(d.At) && e.Actor == d.By })
	if k < 0 {
		return 0
	}
	return proof[k].Seq
}
