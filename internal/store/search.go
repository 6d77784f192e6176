package store

import (
	"slices"
	"strconv"
	"strings"

	"stint/internal/pim"
)

// A search for a part of something cannot use an index, so that one page looks at no more than so many rows and says
// how far it came (THREATS T31). What is looked at stands in the index that is walked, but for keyless people. Whoever
// comes after that is still found by how a name or an address begins, where few are.
const (
	examined        = 10_000
	examinedKeyless = 1_000
	examinedMembers = 1_000 // each is looked up
	fewBegin        = 500   // each is looked up
)

// Searched is how far a search looked in the order of names; without ID it came to the end, or the page is full.
type Searched struct {
	Name, ID string
	Begun    bool // after that it looked at beginnings of names and addresses; what it found so stands on the page too
}

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
	bound, lookedUp := 0, ""
	if page.Query != "" {
		bound = examined
	}
	if page.Filter == PeopleNoPasskey {
		bound, lookedUp = examinedKeyless, peopleFilters[page.Filter]
	} else if cond, ok := peopleFilters[page.Filter]; ok {
		w.add(cond)
	}
	return r.searchBy(w, lookedUp, page, bound)
}

// searchBy is a page of a walk by name of so many principals; what is looked up of each is no part of how far it comes.
func (r *Reader) searchBy(w where, lookedUp string, page PrincipalPage, bound int) ([]pim.Principal, Searched, error) {
	all := where{conds: slices.Clone(w.conds), args: slices.Clone(w.args)}
	searched, err := r.reach(&w, page, bound)
	if err != nil {
		return nil, searched, err
	}
	if lookedUp != "" {
		w.add(lookedUp)
		all.add(lookedUp)
	}
	people, err := r.walked(w, page)
	if err != nil || searched.ID == "" || len(people) == page.Limit {
		return people, Searched{}, err
	}
	var more []pim.Principal
	more, searched.Begun, err = r.begunAfter(all, searched, page, page.Limit-1-len(people))
	return append(people, more...), searched, err
}

// walked is the page of a walk by name. A search is told by the index that is walked; only the page itself is looked up.
func (r *Reader) walked(w where, page PrincipalPage) ([]pim.Principal, error) {
	if page.Query == "" {
		w.args = append(w.args, page.Limit)
		return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p"+w.String()+" ORDER BY p.name, p.id LIMIT "+dollar(len(w.args)), w.args...)
	}
	w.parts("p.search_text", page.Query)
	w.args = append(w.args, page.Limit)
	ids, err := many(r, scanString, "SELECT p.id FROM principals p"+w.String()+" ORDER BY p.name, p.id LIMIT "+dollar(len(w.args)), w.args...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var args []any
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.id IN "+in(&args, ids)+" ORDER BY p.name, p.id", args...)
}

// begunAfter lists whom a search finds after a place by how a name or an address begins. It looks no one up where more
// than few begin so, of whom a walk by name meets some soon, and says whether it looked.
func (r *Reader) begunAfter(w where, after Searched, page PrincipalPage, limit int) ([]pim.Principal, bool, error) {
	rare, none, err := r.rarest(page.Query, fewBegin)
	if err != nil || none || rare == "" {
		return nil, none, err
	}
	w.add("(p.name, p.id) > (?, ?)", after.Name, after.ID)
	w.parts("p.search_text", page.Query)
	from := begins(&w, rare, fewBegin)
	w.add("p.id = x.principal_id")
	w.args = append(w.args, limit)
	people, err := many(r, scanPrincipal, "SELECT "+principalCols+" FROM "+from+" CROSS JOIN principals p"+w.String()+" ORDER BY p.name, p.id LIMIT "+dollar(len(w.args)), w.args...)
	return people, true, err
}

// begins selects as x the principals whose name has a word that begins so, or whose address does. SQLite keeps the order
// of a CROSS JOIN with it: the few first.
func begins(w *where, word string, most int) string {
	return "(SELECT DISTINCT principal_id FROM (SELECT principal_id FROM principal_words WHERE word >= $" + next(w, word) + " AND word < $" + next(w, prefixEnd(word)) +
		" LIMIT " + strconv.Itoa(most) + ") d) x"
}

// rarest reports whether the rarest word of a search begins at most so many names and addresses, when it is returned, or
// none.
func (r *Reader) rarest(search string, most int) (rare string, none bool, err error) {
	least := int64(most + 1)
	for _, word := range words(Fold(search)) {
		n, err := one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM principal_words WHERE word >= $1 AND word < $2 LIMIT $3) x", word, prefixEnd(word), most+1)
		if err != nil || n == 0 {
			return "", err == nil, err
		}
		if n < least {
			rare, least = word, n
		}
	}
	return rare, false, nil
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
	type held struct {
		counted
		active int
	}
	rows, err := many(r, func(r row) (h held, err error) { return h, r.Scan(&h.id, &h.n, &h.active) }, query.Replace(assignedTo), append(args, us(r.Now))...)
	for _, h := range rows {
		u := out[h.id]
		u.Eligible, u.Active = h.n-h.active, u.Active+h.active
		out[h.id] = u
	}
	return out, err
}

// assignedTo counts the assignments that each of some principals has, directly or through groups, and the active ones
// among them. SQLite keeps the order of a CROSS JOIN: it would begin with every assignment.
const assignedTo = `WITH RECURSIVE mine(whose, id, depth) AS (
	SELECT p.id, p.id, 0 FROM principals p WHERE p.id IN LIST
	UNION
	SELECT mine.whose, m.group_id, mine.depth + 1 FROM group_members m JOIN mine ON m.member_id = mine.id
	WHERE mine.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > NOW))
	SELECT x.whose, COUNT(*), SUM(CASE WHEN g.kind = 'active' THEN 1 ELSE 0 END) FROM (SELECT DISTINCT whose, id FROM mine) x CROSS JOIN assignments g
	WHERE g.principal_id = x.id AND g.ended_at = 0 AND g.starts_at <= NOW AND (g.ends_at = 0 OR g.ends_at > NOW) GROUP BY x.whose`
