package store

import (
	"slices"
	"strings"

	"stint/internal/pim"
)

// A search for a part of something cannot use an index, so that one page looks at no more than so many rows and says
// how far it came (THREATS T31). What is looked at stands in the index that is walked, but for keyless people.
const (
	examined        = 50_000
	examinedKeyless = 1_000
	examinedMembers = 1_000 // each is looked up
)

// Searched is how far a search looked in the order of names; without ID it came to the end, or the page is full.
type Searched struct{ Name, ID string }

func scanSearched(r row) (s Searched, err error) { return s, r.Scan(&s.Name, &s.ID) }

// People lists people by name, for a picker: where a search looked at all it may, those follow whose names and address
// begin with what is searched.
func (r *Reader) People(page PrincipalPage) ([]pim.Principal, error) {
	people, searched, err := r.SearchPeople(page)
	if err != nil || searched.ID == "" || page.Query == "" {
		return people, err
	}
	more, err := r.FindPrincipals(page.Query, page.Limit)
	for _, p := range more {
		if p.Kind == pim.Person && len(people) < page.Limit && !slices.ContainsFunc(people, func(q pim.Principal) bool { return q.ID == p.ID }) {
			people = append(people, p)
		}
	}
	return people, err
}

// SearchPeople lists people by name, a page at a time.
func (r *Reader) SearchPeople(page PrincipalPage) ([]pim.Principal, Searched, error) {
	var w where
	w.add("p.kind = 'person' AND p.removed_at = 0")
	bound := 0
	switch {
	case page.Filter == PeopleNoPasskey:
		bound = examinedKeyless
	case page.Query != "":
		bound = examined
	}
	cond, ok := peopleFilters[page.Filter]
	if ok && page.Filter != PeopleNoPasskey {
		w.add(cond)
	}
	searched, err := r.reach(&w, page, bound)
	if err != nil {
		return nil, searched, err
	}
	if page.Filter == PeopleNoPasskey {
		w.add(cond)
	}
	w.parts("p.search_text", page.Query)
	w.args = append(w.args, page.Limit)
	people, err := many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p"+w.String()+" ORDER BY p.name, p.id LIMIT "+dollar(len(w.args)), w.args...)
	if len(people) == page.Limit {
		searched = Searched{}
	}
	return people, searched, err
}

// reach holds a walk over principals to what comes after a page and, with a bound, to so many rows; it returns where the
// walk ends when there is more.
func (r *Reader) reach(w *where, page PrincipalPage, bound int) (s Searched, err error) {
	if page.AfterID != "" {
		w.add("(p.name, p.id) > (?, ?)", page.AfterName, page.AfterID)
	}
	if bound == 0 {
		return s, nil
	}
	args := append(slices.Clone(w.args), bound-1)
	ends, err := many(r, scanSearched, "SELECT p.name, p.id FROM principals p"+w.String()+" ORDER BY p.name, p.id LIMIT 1 OFFSET "+dollar(len(args)), args...)
	if err != nil || len(ends) == 0 {
		return s, err
	}
	w.add("(p.name, p.id) <= (?, ?)", ends[0].Name, ends[0].ID)
	return ends[0], nil
}

// parts holds a list to texts that have every word of a search somewhere.
func (w *where) parts(column, query string) {
	for _, word := range words(Fold(query)) {
		w.add(column+` LIKE ? ESCAPE '\'`, "%"+escapeLike(word)+"%")
	}
}

// PersonUse is what a list of people says of one.
type PersonUse struct {
	Passkeys  int
	Eligible  int // assignments, directly or through groups
	Active    int // assignments and activations that hold
	ToConfirm int // accounts that wait for a confirmation
}

// PeopleUses counts for people by id, in as many queries for all of them as for one.
func (r *Reader) PeopleUses(ids []string) (map[string]PersonUse, error) {
	var args []any
	list := in(&args, ids)
	query := strings.NewReplacer("LIST", list, "NOW", dollar(len(args)+1))
	out := make(map[string]PersonUse, len(ids))
	for _, c := range []struct {
		query string
		add   func(*PersonUse, int)
	}{
		{"SELECT c.principal_id, COUNT(*) FROM credentials c WHERE c.removed_at = 0 AND c.principal_id IN LIST GROUP BY c.principal_id",
			func(u *PersonUse, n int) { u.Passkeys += n }},
		{`SELECT a.principal_id, COUNT(*) FROM accounts a WHERE a.removed_at = 0 AND a.external_id <> '' AND a.confirmed_at = 0
			AND a.principal_id IN LIST GROUP BY a.principal_id`, func(u *PersonUse, n int) { u.ToConfirm += n }},
		{"SELECT a.principal_id, COUNT(*) FROM activations a WHERE a.state IN " + openStates + ` AND a.state IN ('provisioning', 'active')
			AND a.starts_at <= NOW AND a.ends_at > NOW AND a.principal_id IN LIST GROUP BY a.principal_id`, func(u *PersonUse, n int) { u.Active += n }},
		{assignedTo + "'eligible'" + inForce, func(u *PersonUse, n int) { u.Eligible += n }},
		{assignedTo + "'active'" + inForce, func(u *PersonUse, n int) { u.Active += n }},
	} {
		given := args
		if strings.Contains(c.query, "NOW") {
			given = append(slices.Clone(args), us(r.Now))
		}
		rows, err := many(r, scanCounted, query.Replace(c.query), given...)
		if err != nil {
			return nil, err
		}
		for _, n := range rows {
			u := out[n.id]
			c.add(&u, n.n)
			out[n.id] = u
		}
	}
	return out, nil
}

// assignedTo counts the assignments of a kind that each of some principals has, directly or through groups. SQLite keeps
// the order of a CROSS JOIN: it would begin with every assignment of the kind.
const assignedTo = `WITH RECURSIVE mine(whose, id, depth) AS (
	SELECT p.id, p.id, 0 FROM principals p WHERE p.id IN LIST
	UNION
	SELECT mine.whose, m.group_id, mine.depth + 1 FROM group_members m JOIN mine ON m.member_id = mine.id
	WHERE mine.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > NOW))
	SELECT x.whose, COUNT(*) FROM (SELECT DISTINCT whose, id FROM mine) x CROSS JOIN assignments g WHERE g.principal_id = x.id AND g.kind = `

const inForce = " AND g.ended_at = 0 AND g.starts_at <= NOW AND (g.ends_at = 0 OR g.ends_at > NOW) GROUP BY x.whose"
