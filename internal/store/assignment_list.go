package store

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
)

// What a list of assignments can be asked for; the empty state is what is in force or will be.
const (
	ListInForce = "in_force"
	ListFuture  = "future"
	ListExpired = "expired" // at most 30 days ago, latest first
	ListEnding  = "ending"  // until EndingBy, soonest first
)

// AssignmentFilter says which assignments a list shows, and from where on.
type AssignmentFilter struct {
	RoleID     string
	ResourceID string
	Above      []string // with ResourceID: also what is inherited from these
	Within     *Subtree // what who looks may see; nil: everything
	Below      bool     // with ResourceID: also what is made on everything below it; only for EachAssignment
	Kind       pim.AssignmentKind
	State      string
	EndingBy   time.Time
	Permanent  bool   // only those without an end
	Search     string // beginnings of words of the principal's name
	After      AssignmentCursor
	Limit      int

	upTo AssignmentCursor // where a full page ends
}

// AssignmentCursor is where a page ended: by name, or by an instant in the lists that time orders.
type AssignmentCursor struct {
	Name string
	At   time.Time
	ID   string
}

// AssignmentRow is an assignment with what a list says of who holds it.
type AssignmentRow struct {
	pim.Assignment
	PrincipalName string
	PrincipalKind pim.PrincipalKind
	Suspended     string // "disabled" or "removed": it gives nothing meanwhile (P-11)
	Via, ViaName  string // the group it is held through; only of HeldBy
	RoleName      string // only of HeldBy
	sortName      string
}

// Cursor is where a page that ends with this row ended.
func (a AssignmentRow) Cursor(state string) AssignmentCursor {
	switch state {
	case ListExpired:
		return AssignmentCursor{At: a.EndedAt, ID: a.ID}
	case ListEnding:
		return AssignmentCursor{At: a.EndsAt, ID: a.ID}
	case ListFuture:
		return AssignmentCursor{At: a.StartsAt, ID: a.ID}
	}
	return AssignmentCursor{Name: a.sortName, ID: a.ID}
}

const assignmentRowCols = assignmentCols + ", g.sort_name, p.name, p.kind, p.enabled, p.removed_at"

func scanAssignmentRow(r row) (AssignmentRow, error) { return scanRow(r, false) }

func scanHeld(r row) (AssignmentRow, error) { return scanRow(r, true) }

func scanRow(r row, role bool) (a AssignmentRow, err error) {
	var enabled bool
	var removed time.Time
	dest := append(assignmentDest(&a.Assignment), &a.sortName, &a.PrincipalName, &a.PrincipalKind, &enabled, at(&removed))
	if role {
		dest = append(dest, &a.RoleName)
	}
	err = r.Scan(dest...)
	switch {
	case !removed.IsZero():
		a.Suspended = "removed"
	case !enabled:
		a.Suspended = "disabled"
	}
	return a, err
}

// ListAssignments is one page. Each order has an index; by name the page is merged from one walk a kind and resource.
func (r *Reader) ListAssignments(f AssignmentFilter) ([]AssignmentRow, error) {
	f, err := r.placed(f)
	if err != nil || f.Within != nil && !f.Within.All && len(f.Within.Roots) == 0 {
		return nil, err
	}
	switch f.State {
	case ListExpired:
		return r.assignmentsByTime(f, "g.ended_at", true)
	case ListEnding:
		return r.assignmentsByTime(f, "g.ends_at", false)
	case ListFuture:
		return r.assignmentsByTime(f, "g.start_due", false)
	}
	few, none, err := r.rarest(f.Search, few)
	if err != nil || none {
		return nil, err
	}
	var out []AssignmentRow
	for _, kind := range f.kinds() {
		for _, place := range f.places() {
			rows, err := r.namesWithin(f, kind, place, few)
			if err != nil {
				return nil, err
			}
			out = append(out, rows...)
			slices.SortFunc(out, byName)
			if out = out[:min(len(out), f.Limit)]; len(out) == f.Limit && f.Limit > 0 {
				f.upTo = out[len(out)-1].Cursor("") // what comes after that is on no page with it
			}
		}
	}
	return out, nil
}

// fewPlaces is how many resources of a subtree a list walks one by one; with more, a walk by name meets some soon.
const fewPlaces = 32

// placed names the resources of a small subtree, each of which has an index of its own.
func (r *Reader) placed(f AssignmentFilter) (AssignmentFilter, error) {
	if f.Within == nil || f.Within.All || f.ResourceID != "" || len(f.Within.Roots) == 0 {
		return f, nil
	}
	part, err := r.part(*f.Within)
	if err != nil || len(part.ids) == 0 || len(part.ids) > fewPlaces {
		return f, err
	}
	places := part.ids
	f.Within, f.ResourceID, f.Above = nil, places[0], places[1:]
	return f, nil
}

func byName(a, b AssignmentRow) int {
	return cmp.Or(strings.Compare(a.sortName, b.sortName), strings.Compare(a.ID, b.ID))
}

func (f AssignmentFilter) kinds() []pim.AssignmentKind {
	if f.Kind != "" {
		return []pim.AssignmentKind{f.Kind}
	}
	return []pim.AssignmentKind{pim.Eligible, pim.Active} // of which there are more comes first
}

func (f AssignmentFilter) places() []string { return append([]string{f.ResourceID}, f.Above...) }

// few is how many people a search may hit to be looked up one by one; with more, a walk by name meets some soon.
const few = 200

// assignmentsByName walks one index in the order of names, or looks up the few who have a word.
func (r *Reader) assignmentsByName(f AssignmentFilter, kind pim.AssignmentKind, place, rare string) ([]AssignmentRow, error) {
	var w where
	plain := "" // of the few everything is looked at: neither role, resource nor place is a reason to leave the index of what they hold
	if rare != "" {
		plain = " || ''"
	}
	w.add("g.ended_at = 0 AND g.kind = ?", kind)
	if f.RoleID != "" {
		w.add("g.role_id"+plain+" = ?", f.RoleID)
	}
	if place != "" {
		w.add("g.resource_id"+plain+" = ?", place)
	}
	f.inTime(&w, r.Now)
	f.named(&w)
	if f.Within != nil {
		if err := r.within(&w, "g.resource_id", *f.Within); err != nil {
			return nil, err
		}
	}
	if f.After.ID != "" {
		w.add("(g.sort_name"+plain+", g.id) > (?, ?)", f.After.Name, f.After.ID)
	}
	if f.upTo.ID != "" {
		w.add("(g.sort_name"+plain+", g.id) < (?, ?)", f.upTo.Name, f.upTo.ID)
	}
	from := " FROM assignments g JOIN principals p ON p.id = g.principal_id"
	if rare != "" {
		// SQLite keeps the order of a CROSS JOIN: the few first, each looked up by what they hold.
		from = " FROM " + begins(&w, rare, few) + " CROSS JOIN assignments g CROSS JOIN principals p"
		w.add("g.principal_id = x.principal_id AND p.id = g.principal_id")
	}
	w.args = append(w.args, f.Limit)
	return many(r, scanAssignmentRow, "SELECT "+assignmentRowCols+from+w.String()+" ORDER BY g.sort_name, g.id LIMIT "+dollar(len(w.args)), w.args...)
}

// walkedWithin is how many assignments are looked at for those in a part of the tree, before a query is left to choose.
const walkedWithin = 1000

// namesWithin is assignmentsByName for whoever sees a part of the tree: each row is told by the names of its resources,
// which costs less than telling the engine a thousand of them. Where few of the first are in it, the engine looks on.
func (r *Reader) namesWithin(f AssignmentFilter, kind pim.AssignmentKind, place, rare string) ([]AssignmentRow, error) {
	if f.Within == nil || f.Within.All {
		return r.assignmentsByName(f, kind, place, rare)
	}
	p, err := r.part(*f.Within)
	if err != nil || len(p.ids) > maxPart {
		return r.assignmentsByName(f, kind, place, rare)
	}
	any, out := f, []AssignmentRow(nil)
	any.Within = nil
	for looked := 0; looked < walkedWithin; any.Limit *= 2 {
		rows, err := r.assignmentsByName(any, kind, place, rare)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if p.set[row.ResourceID] && len(out) < f.Limit {
				out = append(out, row)
			}
		}
		if len(out) == f.Limit || len(rows) < any.Limit {
			return out, nil
		}
		looked, any.After = looked+len(rows), rows[len(rows)-1].Cursor("")
	}
	f.After, f.Limit = any.After, f.Limit-len(out)
	more, err := r.assignmentsByName(f, kind, place, rare)
	return append(out, more...), err
}

// next adds an argument and returns its number.
func next(w *where, v any) string {
	w.args = append(w.args, v)
	return strings.TrimPrefix(dollar(len(w.args)), "$")
}

// inTime holds the list to what is in force, or will be.
func (f AssignmentFilter) inTime(w *where, now time.Time) {
	w.add("(g.ends_at = 0 OR g.ends_at > ?)", us(now))
	// + 0 keeps engines from an index of starts, which would have to be sorted by name
	if f.State == ListInForce {
		w.add("g.starts_at + 0 <= ?", us(now))
	} else {
		w.add("g.starts_at + 0 < ?", us(Unopened))
	}
	if f.Permanent {
		w.add("g.ends_at = 0")
	}
}

// named holds the list to names with words that begin so.
func (f AssignmentFilter) named(w *where) {
	for _, word := range words(Fold(f.Search)) {
		like := escapeLike(word) + "%"
		w.add(`(g.sort_name LIKE ? ESCAPE '\' OR g.sort_name LIKE ? ESCAPE '\')`, like, "% "+like)
	}
}

// assignmentsByTime walks an index of instants: what ends, begins or expired within a time is bounded by that time.
func (r *Reader) assignmentsByTime(f AssignmentFilter, column string, latest bool) ([]AssignmentRow, error) {
	var w where
	if err := f.narrow(r, &w); err != nil {
		return nil, err
	}
	f.byTime(&w, r.Now)
	order, beyond := column+", g.id", ">"
	if latest {
		order, beyond = column+" DESC, g.id DESC", "<"
	}
	if f.After.ID != "" {
		w.add("("+column+", g.id) "+beyond+" (?, ?)", us(f.After.At), f.After.ID)
	}
	w.args = append(w.args, f.Limit)
	page := "(SELECT " + assignmentCols + ", g.sort_name, g.start_due FROM assignments g" + w.String() + " ORDER BY " + order + " LIMIT " + dollar(len(w.args)) + ") x"
	of := strings.NewReplacer("g.", "x.") // PostgreSQL would look up the holder of each that it sorts
	return many(r, scanAssignmentRow, "SELECT "+of.Replace(assignmentRowCols)+" FROM "+page+" JOIN principals p ON p.id = x.principal_id ORDER BY "+of.Replace(order), w.args...)
}

// byTime holds the list to its state.
func (f AssignmentFilter) byTime(w *where, now time.Time) {
	switch f.State {
	case ListExpired:
		w.add("g.expired = 1 AND g.ended_at >= ? AND g.ends_at >= ?", us(now.Add(-pim.RenewWithin)), us(now.Add(-pim.RenewWithin)))
	case ListEnding:
		w.add("g.ended_at = 0 AND g.ends_at > 0 AND g.ends_at > ? AND g.ends_at <= ?", us(now), us(f.EndingBy))
	case ListFuture:
		w.add("g.ended_at = 0 AND g.start_due > 0 AND g.start_due > ?", us(now))
	default:
		w.add("g.ended_at = 0")
		f.inTime(w, now)
	}
}

// narrow adds role, resource, kind and search. In a list that time orders they are no reason to leave its index.
func (f AssignmentFilter) narrow(r *Reader, w *where) error {
	plain := ""
	if f.State == ListEnding || f.State == ListFuture || f.State == ListExpired {
		plain = " || ''"
	}
	if f.RoleID != "" {
		w.add("g.role_id"+plain+" = ?", f.RoleID)
	}
	if f.ResourceID != "" {
		w.conds = append(w.conds, "g.resource_id"+plain+" IN "+in(&w.args, f.places()))
	}
	if f.Kind != "" {
		w.add("g.kind = ?", f.Kind)
	}
	f.named(w)
	if f.Within == nil {
		return nil
	}
	return r.within(w, "g.resource_id", *f.Within)
}

// CountAssignments counts what a list shows, and no further than limit and one.
func (r *Reader) CountAssignments(f AssignmentFilter, limit int) (int, error) {
	var w where
	if err := f.narrow(r, &w); err != nil {
		return 0, err
	}
	f.byTime(&w, r.Now)
	w.args = append(w.args, limit+1)
	n, err := one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM assignments g"+w.String()+" LIMIT "+dollar(len(w.args))+") x", w.args...)
	return int(n), err
}

// EachAssignment is one piece of an export: every assignment of a filter, by id.
func (r *Reader) EachAssignment(f AssignmentFilter, afterID string, limit int) ([]AssignmentRow, error) {
	var w where
	below := ""
	if f.Below && f.ResourceID != "" {
		w.args = append(w.args, f.ResourceID)
		below = `WITH RECURSIVE down(id, depth) AS (SELECT CAST($1 AS TEXT), 0
			UNION SELECT s.id, down.depth + 1 FROM resources s JOIN down ON s.parent_id = down.id WHERE down.depth < 32 AND s.removed_at = 0) `
		w.conds = append(w.conds, "g.resource_id IN (SELECT id FROM down)")
		f.ResourceID = ""
	}
	if err := f.narrow(r, &w); err != nil {
		return nil, err
	}
	f.byTime(&w, r.Now)
	w.add("g.id > ?", afterID)
	w.args = append(w.args, limit)
	return many(r, scanAssignmentRow, below+"SELECT "+assignmentRowCols+" FROM assignments g JOIN principals p ON p.id = g.principal_id"+w.String()+
		" ORDER BY g.id LIMIT "+dollar(len(w.args)), w.args...)
}

// HeldBy lists what a principal holds, by role: directly and through groups, each row with the group it comes through.
// What one person holds is sorted as a whole.
func (r *Reader) HeldBy(principalID string, f AssignmentFilter) ([]AssignmentRow, error) {
	w := where{args: []any{principalID, us(r.Now)}}
	w.add("g.principal_id IN (SELECT id FROM mine)")
	search := f.Search
	f.Search = ""
	if err := f.narrow(r, &w); err != nil {
		return nil, err
	}
	f.byTime(&w, r.Now)
	if search != "" {
		like := "%" + escapeLike(search) + "%"
		w.add(`(LOWER(d.name) LIKE LOWER(?) ESCAPE '\' OR LOWER(s.name) LIKE LOWER(?) ESCAPE '\')`, like, like)
	}
	if f.After.ID != "" {
		w.add("(d.name, g.id) > (?, ?)", f.After.Name, f.After.ID)
	}
	w.args = append(w.args, f.Limit)
	rows, err := many(r, scanHeld, groupsOf+"SELECT "+assignmentRowCols+`, d.name FROM assignments g JOIN principals p ON p.id = g.principal_id
		JOIN role_definitions d ON d.id = g.role_id JOIN resources s ON s.id = g.resource_id`+w.String()+" ORDER BY d.name, g.id LIMIT "+dollar(len(w.args)), w.args...)
	for i := range rows {
		rows[i].sortName = rows[i].RoleName
		if rows[i].PrincipalID != principalID {
			rows[i].Via, rows[i].ViaName = rows[i].PrincipalID, rows[i].PrincipalName
		}
	}
	return rows, err
}
