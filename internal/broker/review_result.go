package broker

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// reviewNames are what ids of a piece are called.
type reviewNames struct {
	in     pim.ReviewInstance
	series pim.ReviewDefinition
	people map[string]store.Contact
	roles  map[string]string
	paths  map[string]pim.Path
}

func reviewNamesOf(r *store.Reader, in pim.ReviewInstance, rows []pim.ReviewItem) (n reviewNames, err error) {
	n.in = in
	if n.series, err = r.ReviewOf(in.ReviewID); err != nil {
		return n, err
	}
	people, roles, places := []string{n.series.MadeBy, in.AppliedBy}, []string(nil), []string(nil)
	for _, i := range rows {
		people, roles, places = append(people, i.PrincipalID, i.GroupID, i.DecidedBy), append(roles, i.RoleID), append(places, i.ResourceID, i.Shrink.ResourceID)
	}
	if n.people, err = r.Contacts(distinctIDs(people)); err != nil {
		return n, err
	}
	if n.roles, err = r.RoleNames(distinctIDs(roles)); err != nil {
		return n, err
	}
	n.paths, err = r.Paths(distinctIDs(places))
	return n, err
}

func distinctIDs(ids []string) []string {
	return slices.DeleteFunc(unique(ids), func(id string) bool { return id == "" || id == pim.System })
}

func (n reviewNames) record(r *store.Reader, i pim.ReviewItem, plain bool) ([]string, error) {
	path, of := n.paths[i.ResourceID], i.ResourceID
	place, trail := path.Leaf().Name, strings.Join(path.Names(), " / ")
	if i.GroupID != "" {
		place, of, trail = n.people[i.GroupID].Name, i.GroupID, ""
	}
	proof, err := ProofOf(r, i)
	if err != nil {
		return nil, err
	}
	owner, holder, by, applied := n.people[n.series.MadeBy], n.people[i.PrincipalID], n.people[i.DecidedBy], n.people[n.in.AppliedBy]
	record := []string{n.in.ID, n.in.ReviewID, reviewType(i), place, of, trail, n.roles[i.RoleID], i.RoleID, string(i.Kind), n.in.Name, instant(n.series.Created), instant(n.in.StartedAt),
		instant(n.ended()), string(n.in.State), n.series.MadeBy, owner.Name, owner.Email, i.PrincipalID, holder.Name, holder.Email, string(holder.Kind), instant(i.DecidedAt),
		answerCell(i.Answer), n.shrinkCell(i.Shrink), i.Reason, i.DecidedBy, bySystem(i.DecidedBy, by.Name), by.Email, string(i.DecidedAs), n.in.AppliedBy, bySystem(n.in.AppliedBy, applied.Name), applied.Email,
		instant(i.ResultAt), recommendedCell(i.Frozen.Recommended), string(i.Result), i.ResultText, instant(i.GoneAt), numbers(proof)}
	for at, cell := range record {
		if !plain {
			record[at] = pim.SpreadsheetCell(cell)
		}
	}
	return record, nil
}

// ended is when a review ended; of one that runs when it will.
func (n reviewNames) ended() time.Time {
	if n.in.EndedAt.IsZero() {
		return n.in.EndsAt
	}
	return n.in.EndedAt
}

func bySystem(id, name string) string {
	if id == pim.System {
		return "Stint"
	}
	return name
}

func answerCell(a pim.ReviewAnswer) string {
	if a == pim.AnswerNone {
		return "not_reviewed"
	}
	return string(a)
}

func recommendedCell(a pim.ReviewAnswer) string {
	if a == pim.AnswerNone {
		return "no_info"
	}
	return string(a)
}

func (n reviewNames) shrinkCell(s pim.ShrinkTo) string {
	switch s.How {
	case pim.ShrinkEnd:
		return "until " + instant(s.EndsAt)
	case pim.ShrinkEligible:
		return "eligible"
	case pim.ShrinkScope:
		return "at " + strings.Join(n.paths[s.ResourceID].Names(), " / ")
	}
	return ""
}

func numbers(of []int64) string {
	words := make([]string, len(of))
	for i, n := range of {
		words[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(words, " ")
}

// ProofOf lists the numbers of the audit entries that prove an item: the answers, what was ended, and that it was seen
// gone (AC-6(7)).
func ProofOf(r *store.Reader, i pim.ReviewItem) (seqs []int64, err error) {
	entries, err := r.ReviewProof(i, chunk)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		seqs = append(seqs, e.Seq)
	}
	needs, err := r.AwaitedBy(i.ID)
	if err != nil {
		return nil, err
	}
	for _, n := range needs {
		if n.SettledAt.IsZero() {
			continue
		}
		seq, err := r.GoneEntry(n.GrantID, n.SettledAt)
		if err != nil {
			return nil, err
		}
		if seq > 0 {
			seqs = append(seqs, seq)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(seqs))), nil
}
