package store

import (
	"slices"
	"strings"
	"time"

	"stint/internal/audit"
)

// EntryFilter narrows a list of audit entries; empty fields do not narrow.
type EntryFilter struct {
	Person      string // actor or subject
	Own         bool   // only the person's entries are examined, so that nothing shows of others' (U-01)
	RoleID      string
	Below       string // a resource, with everything that stands below it now
	TargetID    string
	Type        string // exact, or a prefix ending in "."
	Result      string
	Correlation string // an activation
	Words       string // words of the texts, all of them; each may be the beginning of one
	From        int64  // seq from this on
	Until       int64  // seq below this; 0: no bound
	Before      int64  // seq below this, where a page goes on; 0: from the newest
	Limit       int
}

const (
	maxCandidates = 5000 // how many entries one page of a narrowed log examines (DESIGN §6)
	maxWeighed    = 1000 // how far the entries of a condition are counted to find the one with the fewest
	maxWalks      = 64   // how many indexes one condition walks
	maxListed     = 2048 // resources below one that are listed in a condition; where there are more, each entry is climbed from
	climbCosts    = 5    // climbing from an entry costs as much as asking so many for another condition
)

// Entries lists audit entries, newest first. A filter with several conditions examines the latest maxCandidates of its
// first one only: Search goes on from there.
func (r *Reader) Entries(f EntryFilter) ([]EntryRow, error) {
	rows, _, err := r.Search(f)
	return rows, err
}

// Story lists the entries of an activation, oldest first.
func (r *Reader) Story(activationID string, limit int) ([]EntryRow, error) {
	rows, err := many(r, scanEntryRow, "SELECT seq, leaf FROM audit_entries WHERE correlation = $1 AND correlation <> '' ORDER BY seq LIMIT $2", activationID, limit)
	if err != nil {
		return nil, err
	}
	return rows, r.fillTexts(rows)
}

// Search is Entries with the place where it stopped before Limit were found: the number of the last entry it
// examined, to go on before; 0: there are no others.
func (r *Reader) Search(f EntryFilter) (rows []EntryRow, back int64, err error) {
	return r.Look(f).Rows()
}

// Look is one search of a snapshot: which condition it goes along is decided once, for its rows and its bars.
type Look struct {
	r    *Reader
	f    EntryFilter
	way  plan
	done bool // way is decided
}

// Look begins a search.
func (r *Reader) Look(f EntryFilter) *Look { return &Look{r: r, f: f} }

func (l *Look) plan() (plan, error) {
	if l.done {
		return l.way, nil
	}
	p, err := l.r.plan(l.f)
	l.way, l.done = p, err == nil
	return p, err
}

// Rows is a page, and where it stopped, as Search says.
func (l *Look) Rows() (rows []EntryRow, back int64, err error) {
	if rows, back, err = l.rows(); err != nil {
		return nil, 0, err
	}
	return rows, back, l.r.fillTexts(rows)
}

// before is the first number that is too high.
func (f EntryFilter) before() int64 {
	bound := int64(maxSeq + 1)
	for _, b := range []int64{f.Before, f.Until} {
		if b > 0 {
			bound = min(bound, b)
		}
	}
	return bound
}

// within is how many entries may be examined where so many could be if none of the conditions climbed.
func (p plan) within(limit int) int {
	if slices.ContainsFunc(p.rest, func(c facet) bool { return c.climbs }) {
		return limit / climbCosts
	}
	return limit
}

func (l *Look) rows() (rows []EntryRow, back int64, err error) {
	r, f := l.r, l.f
	if f.Own && f.Words != "" {
		return r.ownWords(f)
	}
	rows, back, err = r.unindexed(&f)
	if err != nil || back > 0 || len(rows) == f.Limit {
		return rows, back, err
	}
	p, err := l.plan()
	if err != nil || p.none {
		return rows, 0, err
	}
	found, back, err := walked(r, p, f, f.Limit-len(rows), p.within(maxCandidates), scanEntryRow)
	return append(rows, found...), back, err
}

// firstLook is how many entries are examined before a page asks for more of them: where much is found few are enough.
const firstLook = 250

// walked are the next entries of a search, at most limit, of at most examine; where it stopped before, back is the
// last one it examined.
func walked[T any](r *Reader, p plan, f EntryFilter, limit, examine int, scan func(row) (T, error)) (found []T, back int64, err error) {
	piece := firstLook
	if len(p.rest) == 0 {
		piece, examine = limit, limit
	}
	for until := f.before(); examine > 0; examine, piece, until = examine-piece, 4*piece, back {
		piece = min(piece, examine)
		var w where
		candidates := p.candidates(&w, f.From, until, piece)
		last := slices.Clone(w.args)
		query := "SELECT a.seq, a.leaf FROM " + candidates + p.narrowed(&w) + " ORDER BY e.seq DESC LIMIT " + dollar(len(w.args)+1)
		more, err := many(r, scan, query, append(w.args, limit-len(found))...)
		found = append(found, more...)
		if err != nil || len(p.rest) == 0 || len(found) == limit {
			return found, 0, err
		}
		type end struct{ n, seq int64 }
		e, err := one(r, func(r row) (e end, err error) { return e, r.Scan(&e.n, &e.seq) }, "SELECT COUNT(*), COALESCE(MIN(seq), 0) FROM "+candidates, last...)
		if err != nil || e.n < int64(piece) {
			return found, 0, err
		}
		back = e.seq
	}
	return found, back, nil
}

// walk is one index newest first: a table, and what its rows have in common.
type walk struct {
	table, cond string
	values      []any
}

// arm is the walk between two numbers, for so many entries.
func (k walk) arm(w *where, from, until int64, limit int) string {
	w.conds = nil // the next arm counts its arguments on
	if k.cond != "" {
		w.add(k.cond, k.values...)
	}
	w.add("seq >= ? AND seq < ?", from, until)
	w.args = append(w.args, limit)
	return "SELECT * FROM (SELECT seq FROM " + k.table + w.String() + " ORDER BY seq DESC LIMIT " + dollar(len(w.args)) + ") e"
}

// facet is one condition: the walks that together find what meets it, none where no index does, and what it says of
// a row "a".
type facet struct {
	walks  []walk
	apart  bool // no entry is on two of the walks
	climbs bool // cond climbs the tree from each entry
	cond   string
	values []any
	list   []string // of values that end cond
}

// plan is how a search goes: along one condition, asking the others of each entry.
type plan struct {
	lead facet
	rest []facet
	none bool // nothing can be found
}

var everything = facet{walks: []walk{{table: "audit_entries"}}}

// plan begins with the condition that the fewest entries meet.
func (r *Reader) plan(f EntryFilter) (plan, error) {
	facets, err := r.facets(f)
	if err != nil || facets == nil {
		return plan{none: true}, err
	}
	if f.Own && f.Person != "" {
		return plan{lead: facets[0], rest: facets[1:]}, nil
	}
	lead, fewest := -1, maxWeighed+1
	for i, c := range facets {
		if len(c.walks) == 0 {
			continue
		}
		n := fewest - 1 // alone it need not be counted
		if len(facets) > 1 {
			if n, err = r.weigh(c, f.From, f.before(), maxWeighed); err != nil {
				return plan{}, err
			}
		}
		if n < fewest {
			lead, fewest = i, n
		}
	}
	if lead < 0 {
		return plan{lead: everything, rest: facets}, nil
	}
	p := plan{lead: facets[lead]}
	p.rest = slices.Delete(facets, lead, lead+1)
	return p, nil
}

// weigh counts what meets a condition alone, up to a limit. What may lie on several walks is put together only where
// none of them reaches the limit: that has to be sorted.
func (r *Reader) weigh(c facet, from, until int64, limit int) (int, error) {
	if c.apart {
		return r.countWalks(c.walks, " UNION ALL ", from, until, limit)
	}
	sum := 0
	for _, k := range c.walks {
		n, err := r.countWalks([]walk{k}, "", from, until, limit)
		if err != nil || n == limit {
			return n, err
		}
		sum += n
	}
	if sum == 0 || len(c.walks) == 1 {
		return sum, nil
	}
	return r.countWalks(c.walks, " UNION ", from, until, limit)
}

func (r *Reader) countWalks(walks []walk, together string, from, until int64, limit int) (int, error) {
	var w where
	arms := make([]string, len(walks))
	for i, k := range walks {
		arms[i] = k.arm(&w, from, until, limit)
	}
	n, err := one(r, scanInt, "SELECT COUNT(*) FROM (SELECT seq FROM ("+strings.Join(arms, together)+") e LIMIT "+dollar(len(w.args)+1)+") e", append(w.args, limit)...)
	return int(n), err
}

// marks are n values of a condition.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// LogSize is how many entries the log has.
func (r *Reader) LogSize() (int64, error) {
	return one(r, scanInt, "SELECT size FROM audit_head WHERE id = 1")
}

// candidates are the entries a page examines.
func (p plan) candidates(w *where, from, until int64, limit int) string {
	var arms []string
	for _, k := range p.lead.walks {
		arms = append(arms, k.arm(w, from, until, limit))
	}
	w.args = append(w.args, limit)
	w.conds = nil
	return "(SELECT seq FROM (" + strings.Join(arms, " UNION ") + ") e ORDER BY seq DESC LIMIT " + dollar(len(w.args)) + ") e"
}

// narrowed joins candidates with what they have to meet besides. CROSS JOIN keeps the engine from asking a condition of
// every entry there is before it looks which are candidates.
func (p plan) narrowed(w *where) string {
	w.conds = append(w.conds, "a.seq = e.seq")
	for _, c := range p.rest {
		if c.list != nil {
			c.cond += in(&w.args, c.list)
		}
		w.add(c.cond, c.values...)
	}
	return " CROSS JOIN audit_entries a" + w.String()
}

// facets are the conditions of a filter, empty for none; nil: nothing meets them.
func (r *Reader) facets(f EntryFilter) (facets []facet, err error) {
	facets = []facet{}
	if f.Person != "" {
		facets = append(facets, facet{cond: "(a.actor_id = ? OR a.subject_id = ?)", values: []any{f.Person, f.Person},
			walks: []walk{{"audit_entries", "actor_id = ?", []any{f.Person}}, {"audit_entries", "subject_id = ? AND subject_id <> ''", []any{f.Person}}}})
	}
	if f.RoleID != "" {
		facets = append(facets, column("role_id", f.RoleID))
	}
	if f.TargetID != "" {
		facets = append(facets, column("target_id", f.TargetID))
	}
	if f.Correlation != "" {
		facets = append(facets, column("correlation", f.Correlation))
	}
	if f.Below != "" {
		c, err := r.below(f.Below)
		if err != nil {
			return nil, err
		}
		facets = append(facets, c)
	}
	if f.Type != "" {
		types, err := r.typesOf(f.Type)
		if err != nil || len(types) == 0 {
			return nil, err
		}
		facets = append(facets, column("type", types...))
	}
	if f.Result != "" {
		facets = append(facets, resultFacet(f.Result))
	}
	if f.Words != "" {
		found, err := r.wordFacets(f)
		if err != nil || found == nil {
			return nil, err
		}
		facets = append(facets, found...)
	}
	return facets, nil
}

// partial repeats what a column's partial index says, or it is not used.
var partial = map[string]string{"role_id": "role_id <> ''", "target_id": "target_id <> ''", "resource_id": "resource_id <> ''", "result": "result <> 'ok'", "correlation": "correlation <> ''", "type": "type <> ''"}

func column(name string, values ...string) facet {
	c := facet{cond: "a." + name + " IN (" + marks(len(values)) + ")", apart: true}
	for _, v := range values {
		c.values = append(c.values, v)
		c.walks = append(c.walks, walk{"audit_entries", name + " = ? AND " + partial[name], []any{v}})
	}
	return c
}

// resultFacet has no index for what went well: nearly everything did.
func resultFacet(result string) facet {
	c := column("result", result)
	if result == audit.ResultOK {
		c.walks = nil
	}
	return c
}

// below is a part of the tree. Where that is too much to list, the tree is climbed from each entry.
func (r *Reader) below(resourceID string) (facet, error) {
	ids, err := many(r, scanString, `WITH RECURSIVE below(id) AS (SELECT id FROM resources WHERE id = $1
		UNION SELECT s.id FROM resources s JOIN below b ON s.parent_id = b.id WHERE s.parent_id <> '')
		SELECT id FROM below LIMIT $2`, resourceID, maxListed+1)
	if len(ids) == 0 {
		ids = []string{resourceID} // entries may outlive what they are about
	}
	switch {
	case err != nil || len(ids) <= maxWalks:
		return column("resource_id", ids...), err
	case len(ids) <= maxListed:
		return facet{cond: "a.resource_id IN ", list: ids}, nil
	}
	return facet{climbs: true, values: []any{resourceID}, cond: `? IN (WITH RECURSIVE up(id) AS (SELECT a.resource_id
		UNION SELECT s.parent_id FROM resources s JOIN up ON s.id = up.id) SELECT id FROM up)`}, nil
}

// typesOf returns the types a filter means: one, or those that occur and begin with "noun.".
func (r *Reader) typesOf(filter string) ([]string, error) {
	if !strings.HasSuffix(filter, ".") {
		return []string{filter}, nil
	}
	all, err := r.EntryTypes()
	return slices.DeleteFunc(all, func(t string) bool { return !strings.HasPrefix(t, filter) }), err
}

// EntryAt returns the number of the first entry at or after an instant; the size of the log where there is none.
func (r *Reader) EntryAt(t time.Time) (int64, error) {
	return one(r, scanInt, "SELECT COALESCE((SELECT seq FROM audit_entries WHERE at >= $1 ORDER BY at, seq LIMIT 1), (SELECT size FROM audit_head WHERE id = 1))", us(t))
}
