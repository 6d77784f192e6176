package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// review collects what the terms of reviews name.
func (i *ids) review(t pim.ReviewTerms) {
	i.roles = append(i.roles, t.Scope.Roles...)
	i.resources = append(i.resources, t.Scope.Resources...)
	i.people = append(i.people, t.Scope.Groups...)
	for _, s := range t.Stages {
		i.people = append(append(i.people, s.People...), s.Fallback...)
	}
}

// reviewAbout says what a review is about.
func (n names) reviewAbout(s pim.ReviewScope) string {
	text := ""
	if len(s.Groups) > 0 {
		text = "Members of " + n.few(s.Groups, n.people)
	} else {
		text = "Every role"
		if len(s.Roles) > 0 {
			text = n.few(s.Roles, n.roles)
		}
		if len(s.Resources) > 0 {
			places := map[string]string{}
			for _, id := range s.Resources {
				places[id] = n.paths[id].Leaf().Name
			}
			text += " on " + n.few(s.Resources, places)
		}
		text += ", " + kindsOf(s.Kinds)
	}
	if s.GuestsOnly {
		text += ", guests only"
	}
	if s.InactiveDays > 0 {
		text += fmt.Sprintf(", only who did not sign in for %s", views.Plural(s.InactiveDays, "day", "days"))
	}
	return text
}

func kindsOf(kinds []pim.AssignmentKind) string {
	if len(kinds) == 1 {
		return string(kinds[0])
	}
	return "eligible and active"
}

// few names up to three.
func (n names) few(ids []string, name map[string]string) string {
	var list []string
	for _, id := range ids {
		if name[id] != "" {
			list = append(list, name[id])
		}
	}
	if rest := len(list) - 3; rest > 0 {
		list = append(list[:3], views.Plural(rest, "other", "others"))
	}
	return andList(list)
}

func andList(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func (n names) reviewersOf(s pim.ReviewStage) string {
	switch s.Kind {
	case pim.ReviewersSelf:
		return "each person their own access"
	case pim.ReviewersManager:
		return "the manager of each person"
	case pim.ReviewersOwners:
		return "owners of the resource"
	}
	return n.few(s.People, n.people)
}

var silenceWords = map[pim.ReviewSilence]string{
	pim.SilenceNoChange: "No change", pim.SilenceKeep: "Keep", pim.SilenceRemove: "Remove", pim.SilenceRecommend: "Follow the recommendation",
}

func yes(b bool, is, isNot string) string {
	if b {
		return is
	}
	return isNot
}

// reviewFacts are the terms of a review in words.
func (n names) reviewFacts(t pim.ReviewTerms) []views.ReviewFact {
	var stages []string
	for _, s := range t.Stages {
		stages = append(stages, n.reviewersOf(s)+" for "+views.Plural(s.Days, "day", "days"))
	}
	facts := []views.ReviewFact{
		{Name: "About", Text: n.reviewAbout(t.Scope)},
		{Name: "Reviewers", Text: strings.Join(stages, ", then ")},
		{Name: "At the end", Text: yes(t.Apply, "Applied by itself", "Somebody applies what was decided")},
		{Name: "Silence", Text: silenceWords[t.Silence]},
		{Name: "Reasons", Text: yes(t.NeedReason, "Needed", "Optional")},
		{Name: "Reminder", Text: yes(t.Remind, "In the middle", "None")},
	}
	if t.Recommend {
		facts = append(facts, views.ReviewFact{Name: "Look back", Text: views.Plural(t.LookBack, "day", "days")})
	}
	return facts
}

var frequencyWords = map[pim.ReviewFrequency]string{
	pim.ReviewOnce: "once", pim.ReviewWeekly: "every week", pim.ReviewMonthly: "every month", pim.ReviewQuarterly: "every quarter",
	pim.ReviewHalfYearly: "every half year", pim.ReviewYearly: "every year",
}

func everyWords(s pim.ReviewSchedule) string {
	if s.Frequency == pim.ReviewByRule {
		return "by the rule " + s.Rule
	}
	return frequencyWords[s.Frequency]
}

// reviewState is where a review stands.
func reviewState(i pim.ReviewInstance, now time.Time) views.ReviewState {
	switch i.State {
	case pim.ReviewStarting:
		return views.ReviewState{Tone: views.Info, Word: "Starting", Note: "Who holds what now is being written down. Reviewers are asked when that is done."}
	case pim.ReviewInProgress:
		if !i.OpenAt(now) {
			return views.ReviewState{Tone: views.Info, Word: "Ending", Note: "The time is over; answers are taken no more."}
		}
		return views.ReviewState{Tone: views.Info, Word: "In progress", Note: "Reviewers answer. Nothing changes at the targets before the end."}
	case pim.ReviewAdvancing:
		return views.ReviewState{Tone: views.Info, Word: "Next stage", Note: "What goes on is being given to the reviewers of the next stage."}
	case pim.ReviewCompleting:
		return views.ReviewState{Tone: views.Info, Word: "Ending", Note: "What nobody answered about is being settled as the terms say."}
	case pim.ReviewCompleted:
		return views.ReviewState{Tone: views.Warn, Word: "Completed", Note: "Waits for somebody to apply what was decided. Until then nothing changes."}
	case pim.ReviewApplying:
		return views.ReviewState{Tone: views.Info, Word: "Applying", Note: "What was denied is taken away, and read back at the targets."}
	}
	return views.ReviewState{Tone: views.OK, Word: "Applied", Note: "What was decided was applied. What came of each item stands under Answers and results."}
}

func reviewProgress(c pim.ReviewCounts) views.ReviewProgress {
	return views.ReviewProgress{Items: c.Items, Approved: c.Approved, Denied: c.Denied, Shrunk: c.Shrunk, DontKnow: c.DontKnow}
}

// itemRole is what an item is about: a role where it is held, or the group of a membership.
func (n names) itemRole(i pim.ReviewItem) views.Role {
	if i.GroupID != "" && i.AssignmentID == "" {
		return views.Role{Name: "Member", Kind: "group", Scope: []string{"Groups", n.people[i.GroupID]}}
	}
	return n.role(i.RoleID, i.ResourceID)
}

// itemPlace is the head above the items of one place.
func (n names) itemPlace(i pim.ReviewItem) string {
	if i.GroupID != "" && i.AssignmentID == "" {
		return n.people[i.GroupID]
	}
	return strings.Join(n.paths[i.ResourceID].Names(), " › ")
}

func (n names) itemHolder(i pim.ReviewItem, people map[string]pim.Principal) views.Holder {
	if p, ok := people[i.PrincipalID]; ok {
		return principalHolder(p)
	}
	return views.Holder{Person: n.person(i.PrincipalID), Gone: "removed"}
}

func itemHolds(i pim.ReviewItem) string {
	switch {
	case i.AssignmentID == "":
		return "Member"
	case i.Kind == pim.Active:
		return "Active"
	}
	return "Eligible"
}

// itemUse says when it was used last.
func itemUse(q *request, i pim.ReviewItem) string {
	switch {
	case i.AssignmentID == "" || i.PersonID == "":
		return ""
	case i.Kind == pim.Active:
		return "held all the time"
	case i.Frozen.LastUsed.IsZero():
		return "never activated"
	}
	return "last active " + dayOf(q, i.Frozen.LastUsed)
}

func dayOf(q *request, t time.Time) string {
	return views.TimeView{Reader: q.reader(), At: t, Style: views.Day}.Format()
}

// adviceView is a recommendation with its reasons.
func (n names) adviceView(i pim.ReviewItem, days int) (a views.ReviewAdvice) {
	switch i.Frozen.Recommended {
	case pim.AnswerApprove:
		a = views.ReviewAdvice{Tone: views.OK, Word: "Approve"}
	case pim.AnswerDeny:
		a = views.ReviewAdvice{Tone: views.Bad, Word: "Deny"}
	case pim.AnswerShrink:
		a = views.ReviewAdvice{Tone: views.Info, Word: "Shrink"}
	}
	place := ""
	if i.Frozen.OnlyAt != "" {
		place = n.paths[i.Frozen.OnlyAt].Leaf().Name
	}
	for _, b := range i.Frozen.Because {
		if text := b.Words(i.Frozen, days, place); text != "" {
			a.Because = append(a.Because, text)
		}
	}
	return a
}

// shrinkValue is a way to shrink as a form sends it.
func shrinkValue(s pim.ShrinkTo) string {
	switch s.How {
	case pim.ShrinkEnd:
		return "end:" + s.EndsAt.UTC().Format(time.RFC3339)
	case pim.ShrinkScope:
		return "scope:" + s.ResourceID
	}
	return string(s.How)
}

// shrinkOf reads what shrinkValue wrote; what it does not understand shrinks nothing, which is refused.
func shrinkOf(text string) pim.ShrinkTo {
	how, rest, _ := strings.Cut(clip(text, 128), ":")
	switch pim.ReviewShrink(how) {
	case pim.ShrinkEnd:
		at, err := time.Parse(time.RFC3339, rest)
		if err == nil {
			return pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: at.UTC()}
		}
	case pim.ShrinkScope:
		return pim.ShrinkTo{How: pim.ShrinkScope, ResourceID: clip(rest, maxCursorID)}
	case pim.ShrinkEligible:
		return pim.ShrinkTo{How: pim.ShrinkEligible}
	}
	return pim.ShrinkTo{}
}

func (n names) shrinkWords(q *request, s pim.ShrinkTo) string {
	switch s.How {
	case pim.ShrinkEnd:
		return "ends on " + dayOf(q, s.EndsAt)
	case pim.ShrinkEligible:
		return "eligible instead of active"
	case pim.ShrinkScope:
		return "at " + n.paths[s.ResourceID].Leaf().Name + " alone"
	}
	return ""
}

// shrinks are the ways an item can become less, the proposed one first.
func (n names) shrinks(q *request, in pim.ReviewInstance, i pim.ReviewItem, holder pim.PrincipalKind) (out []views.Option) {
	seen := map[string]bool{}
	add := func(s pim.ShrinkTo) {
		if v := shrinkValue(s); s.How != pim.ShrinkNone && !seen[v] {
			seen[v] = true
			out = append(out, views.Option{Value: v, Label: n.shrinkWords(q, s)})
		}
	}
	if i.AssignmentID == "" {
		return nil
	}
	add(i.Frozen.Shrink)
	add(i.Shrink)
	if i.MayShrink(pim.ShrinkEligible, holder) {
		add(pim.ShrinkTo{How: pim.ShrinkEligible})
	}
	if i.Frozen.OnlyAt != "" && i.Frozen.OnlyAt != i.ResourceID {
		add(pim.ShrinkTo{How: pim.ShrinkScope, ResourceID: i.Frozen.OnlyAt})
	}
	if i.MayShrink(pim.ShrinkEnd, holder) {
		for _, days := range []int{30, 90, 180} {
			add(pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: in.EndsAt.AddDate(0, 0, days).Truncate(time.Second)})
		}
	}
	return out
}

// shownAs is a mark of what a page showed of an item, so that what came back changed is known from what did not.
func shownAs(answer, shrink, reason string) string {
	if answer != string(pim.AnswerShrink) {
		shrink = ""
	}
	sum := sha256.Sum256([]byte(answer + "\n" + shrink + "\n" + reason))
	return hex.EncodeToString(sum[:8])
}

var answeredAs = map[pim.AnsweredAs]string{
	pim.AsOwnAccess: "own answer", pim.AsRecommendation: "recommendation accepted", pim.AsSilence: "nobody answered", pim.AsDelegation: "handed over", pim.AsReset: "taken back",
}

// items collects what items name.
func (i *ids) items(rows []pim.ReviewItem) {
	for _, t := range rows {
		i.people = append(i.people, t.PrincipalID, t.GroupID, t.DecidedBy)
		if t.RoleID != "" {
			i.roles = append(i.roles, t.RoleID)
			i.resources = append(i.resources, t.ResourceID)
		}
		for _, at := range []string{t.Frozen.OnlyAt, t.Frozen.Shrink.ResourceID, t.Shrink.ResourceID} {
			if at != "" {
				i.resources = append(i.resources, at)
			}
		}
	}
}

// holdersOf reads whose items are.
func holdersOf(r *store.Reader, rows []pim.ReviewItem) (map[string]pim.Principal, error) {
	var who []string
	for _, t := range rows {
		who = append(who, t.PrincipalID)
	}
	return r.PrincipalsOf(unique(who))
}
