package broker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

const (
	shownReviewers = 50
	previewed      = 20_000 // items gone through to tell who reviews them
	startsShown    = 4
)

// ReviewPreview is what would be reviewed and by whom, if a review began now.
type ReviewPreview struct {
	Items    int64
	Rows     []ReviewPreviewRow // of the first stage, who has most at the top
	More     int64              // reviewers that are not among them
	Fallback int64              // items that go to the fallback, or to administrators
	Nobody   int64              // items that nobody may answer about
	Warnings []string
	Starts   []time.Time
	Passkey  bool // saving it takes a passkey
}

// ReviewPreviewRow is how much one reviewer would get.
type ReviewPreviewRow struct {
	PrincipalID string
	Name        string
	Items       int64
	Fallback    bool
}

// PreviewReview says who would review what before anything begins, in words where something is not as one may think.
func PreviewReview(r *store.Reader, who pim.Principal, d pim.ReviewDefinition) (ReviewPreview, error) {
	var v ReviewPreview
	powers, err := Powers(r, who.ID)
	if err != nil {
		return v, err
	}
	if d.ID == "" {
		d.AsOwner = !powers.Administrator
	} else if was, err := r.ReviewOf(d.ID); err != nil {
		return v, found(err)
	} else if err := changesReview(r, who, was); err != nil {
		return v, err
	} else {
		d.AsOwner, d.Started = was.AsOwner, was.Started
	}
	if err := mayReview(r, powers, d); err != nil {
		return v, err
	}
	if refusal := pim.CheckReview(d, r.Now); refusal != nil {
		return v, refusal
	}
	if err := checkRule(d); err != nil {
		return v, err
	}
	if v.Starts, err = ReviewStarts(d, firstFrom(d, r.Now), startsShown); err != nil {
		return v, err
	}
	if v.Passkey, err = touchesReview(r, d.Terms); err != nil {
		return v, err
	}
	count, err := countReviewers(r, d)
	if err != nil {
		return v, err
	}
	if !powers.MayAudit() {
		if count.hidden, err = hiddenReviewers(r, d.Terms.Stages[0]); err != nil {
			return v, err
		}
	}
	return count.view(r, d, v)
}

// reviewersCount is how many items each set of the first stage would get.
type reviewersCount struct {
	seen, all int64
	more      bool // there are more than were gone through
	sets      map[string]panel
	items     map[string]int64
	nobody    int64
	grouped   map[string]bool                  // sets of whoever answers for a workload, where that is a group
	hidden    func(pim.ReviewSetMember) string // what a member is called together with others; empty: by name
}

func countReviewers(r *store.Reader, d pim.ReviewDefinition) (*reviewersCount, error) {
	c := &reviewersCount{sets: map[string]panel{}, items: map[string]int64{}, grouped: map[string]bool{}}
	v, err := reviewersOf(r, d.Terms)
	if err != nil {
		return nil, err
	}
	for after := ""; ; {
		found, err := r.Reviewed(d.Terms.Scope, r.Now, after, 1000)
		if err != nil || len(found) == 0 {
			return c, err
		}
		if c.all >= previewed {
			c.more = true
			c.all, err = r.CountReviewed(d.Terms.Scope, r.Now)
			return c, err
		}
		after, c.all = found[len(found)-1].Key(), c.all+int64(len(found))
		if d.AsOwner {
			if found, err = handedOutByOwners(r, found); err != nil {
				return nil, err
			}
		}
		if err := v.prepare(r, found); err != nil {
			return nil, err
		}
		c.count(v, found)
	}
}

func (c *reviewersCount) count(v *reviewers, found []store.ReviewCandidate) {
	for _, f := range found {
		p := v.whoReviews(0, f)
		c.sets[p.hash] = p
		c.items[p.hash]++
		c.seen++
		if v.stages[0].Kind == pim.ReviewersManager && f.Holder.Kind == pim.Workload && !(len(p.members) == 1 && p.members[0].PrincipalID == f.Holder.OwnerID) {
			c.grouped[p.hash] = true
		}
		if v.stages[0].Kind != pim.ReviewersSelf && !othersThan(p, v.whose(f.Holder)) {
			c.nobody++
		}
	}
}

func (c *reviewersCount) view(r *store.Reader, d pim.ReviewDefinition, v ReviewPreview) (ReviewPreview, error) {
	if v.Items, v.Nobody = c.seen, c.nobody; c.more {
		v.Items = c.all
	}
	for hash, p := range c.sets {
		if len(p.members) > 0 && p.members[0].Fallback {
			v.Fallback += c.items[hash]
		}
	}
	v.Rows = c.rows()
	slices.SortFunc(v.Rows, func(a, b ReviewPreviewRow) int {
		return cmp.Or(cmp.Compare(b.Items, a.Items), strings.Compare(a.PrincipalID, b.PrincipalID), strings.Compare(a.Name, b.Name))
	})
	if n := len(v.Rows); n > shownReviewers {
		v.Rows, v.More = v.Rows[:shownReviewers], int64(n-shownReviewers)
	}
	ids := make([]string, len(v.Rows))
	for n, row := range v.Rows {
		ids[n] = row.PrincipalID
	}
	names, err := r.Names(ids)
	if err != nil {
		return v, err
	}
	for n, row := range v.Rows {
		if row.PrincipalID != "" {
			v.Rows[n].Name = names[row.PrincipalID]
		}
	}
	v.Warnings, err = c.warnings(r, d, v)
	return v, err
}

// rows are how much each would get, those together that are not told apart.
func (c *reviewersCount) rows() (out []ReviewPreviewRow) {
	rows := map[[2]string]ReviewPreviewRow{}
	for hash, p := range c.sets {
		counted := map[string]bool{}
		for _, m := range p.members {
			together := ""
			if c.hidden != nil {
				if together = c.hidden(m); together == "" && c.grouped[hash] && !m.Fallback {
					together = "Members of groups that answer for workloads"
				}
			}
			if together != "" && counted[together] {
				continue
			}
			counted[together] = true
			key := [2]string{m.PrincipalID, ""}
			if together != "" {
				key = [2]string{"", together}
			}
			row := rows[key]
			row.Fallback = m.Fallback && (row.Items == 0 || row.Fallback)
			row.PrincipalID, row.Name, row.Items = key[0], key[1], row.Items+c.items[hash]
			rows[key] = row
		}
	}
	for _, row := range rows {
		out = append(out, row)
	}
	return out
}

// hiddenReviewers says which reviewers of a stage whoever does not audit is not told by name: who is in a group is not
// theirs to read, whichever group they write into the form (T33).
func hiddenReviewers(r *store.Reader, s pim.ReviewStage) (func(pim.ReviewSetMember) string, error) {
	picked, err := r.PrincipalsOf(append(slices.Clone(s.People), s.Fallback...))
	if err != nil {
		return nil, err
	}
	direct := map[string]bool{}
	if s.Kind == pim.ReviewersOwners {
		standing, err := r.Standing(pim.RoleOwner)
		if err != nil {
			return nil, err
		}
		for _, a := range standing {
			direct[a.PrincipalID] = true
		}
	}
	groups := func(ids []string, none string) string {
		var names []string
		for _, id := range ids {
			if picked[id].Kind == pim.Group {
				names = append(names, picked[id].Name)
			}
		}
		if len(names) == 0 {
			return none
		}
		return "Members of " + listed(names)
	}
	chosen, fallback := groups(s.People, "Reviewers"), groups(s.Fallback, "Administrators of Stint")
	return func(m pim.ReviewSetMember) string {
		switch {
		case m.Fallback && !slices.Contains(s.Fallback, m.PrincipalID):
			return fallback
		case m.Fallback:
			return ""
		case s.Kind == pim.ReviewersChosen && !slices.Contains(s.People, m.PrincipalID):
			return chosen
		case s.Kind == pim.ReviewersOwners && !direct[m.PrincipalID]:
			return "Members of groups that own it"
		}
		return ""
	}, nil
}

// warnings say what is not as one may think: what is gone from the scope, whom nobody reviews, what silence would do.
func (c *reviewersCount) warnings(r *store.Reader, d pim.ReviewDefinition, v ReviewPreview) ([]string, error) {
	out, err := goneFromReview(r, d.Terms)
	if err != nil {
		return nil, err
	}
	switch {
	case c.more:
		out = append(out, fmt.Sprintf("It is about %s items. Who reviews them is told from the first %s.", about(v.Items), about(c.seen)))
	case v.Items == 0:
		out = append(out, "Now there is nobody to review. A review that finds nobody ends at once, and tells you.")
	}
	if v.Nobody > 0 {
		out = append(out, fmt.Sprintf("%d %s about the only one who could answer. What silence means decides there: choose a fallback.", v.Nobody, plural(int(v.Nobody), "item is", "items are")))
	}
	if v.Fallback > 0 && len(d.Terms.Stages[0].Fallback) == 0 {
		out = append(out, fmt.Sprintf("%d %s no reviewer of this kind and %s to the administrators of Stint. Choose a fallback to spare them.", v.Fallback,
			plural(int(v.Fallback), "item has", "items have"), plural(int(v.Fallback), "goes", "go")))
	}
	if d.Terms.Dangerous() { // W-32
		out = append(out, "Reviewers who stay silent may take access away from everybody here, without anybody looking. Saving asks for the name of the review.")
	}
	return out, nil
}

// goneFromReview says in words what of a definition does not exist any more; a review leaves it out.
func goneFromReview(r *store.Reader, t pim.ReviewTerms) (out []string, err error) {
	ask := func(n int, one, many string) {
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s, and %s left out.", n, plural(n, one, many), plural(n, "is", "are")))
		}
	}
	gones := func(ids []string, look func(string) error) (n int, err error) {
		for _, id := range ids {
			switch err := look(id); {
			case gone(err):
				n++
			case err != nil:
				return n, err
			}
		}
		return n, nil
	}
	n, err := gones(t.Scope.Roles, func(id string) error { _, err := roleOf(r, id); return err })
	if err != nil {
		return nil, err
	}
	ask(n, "of the roles does not exist any more", "of the roles do not exist any more")
	if n, err = gones(t.Scope.Resources, func(id string) error { _, err := pathOf(r, id); return err }); err != nil {
		return nil, err
	}
	ask(n, "of the resources does not exist any more", "of the resources do not exist any more")
	if n, err = gones(t.Scope.Groups, func(id string) error { _, err := groupOf(r, id); return err }); err != nil {
		return nil, err
	}
	ask(n, "of the groups does not exist any more", "of the groups do not exist any more")
	var people []string
	for _, s := range t.Stages {
		people = append(people, append(slices.Clone(s.People), s.Fallback...)...)
	}
	people = unique(people)
	known, err := r.PrincipalsOf(people)
	n = 0
	for _, id := range people {
		if p, ok := known[id]; !ok || p.Kind == pim.Person && !p.Enabled {
			n++
		}
	}
	ask(n, "of the reviewers cannot sign in any more", "of the reviewers cannot sign in any more")
	return out, err
}
