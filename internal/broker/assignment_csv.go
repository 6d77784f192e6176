package broker

import (
	"context"
	"iter"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// exportPiece is how many assignments one snapshot of an export reads.
const exportPiece = 500

var exportHead = []string{"principal", "principal_kind", "role", "resource", "path", "kind", "state", "starts_at", "ends_at", "suspended", "reason", "source", "made_by", "id"}

// ExportAssignments leaves an event and returns the records of a list, head first, child resources included where the
// filter says so. Cells are safe to open in a spreadsheet.
func (b *Broker) ExportAssignments(ctx context.Context, actor Actor, f store.AssignmentFilter) (iter.Seq2[[]string, error], error) {
	err := do(ctx, b, func(tx *store.Tx) error {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return err
		}
		if _, err := exported(tx.Reader, who, f); err != nil {
			return err
		}
		e := pim.Event{Type: pim.EvAsgExported, Actor: who.ID, RoleID: f.RoleID, ResourceID: f.ResourceID, Result: pim.OK,
			Facts: map[string]any{"kind": string(f.Kind), "state": f.State, "below": f.Below}, Texts: map[string]string{}}
		tx.Emit(e.WithText("search", f.Search))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func(yield func([]string, error) bool) {
		if !yield(exportHead, nil) {
			return
		}
		b.eachExported(ctx, actor, f, yield)
	}, nil
}

// exported holds a list to what somebody may read: owners of resources see theirs alone.
func exported(r *store.Reader, who pim.Principal, f store.AssignmentFilter) (store.AssignmentFilter, error) {
	powers, err := Powers(r, who.ID)
	if err != nil {
		return f, err
	}
	if !powers.MayRead() {
		return f, pim.NotFound()
	}
	if f.ResourceID != "" {
		if err := MayRead(r, powers, f.ResourceID); err != nil {
			return f, err
		}
	}
	readable := ReadableBy(powers)
	f.Within = &readable
	return f, nil
}

func (b *Broker) eachExported(ctx context.Context, actor Actor, f store.AssignmentFilter, yield func([]string, error) bool) {
	after := ""
	for {
		records, last, err := b.exportSome(ctx, actor, f, after)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, record := range records {
			if !yield(record, nil) {
				return
			}
		}
		if len(records) < exportPiece {
			return
		}
		after = last
	}
}

// exportSome asks anew, for each piece, what may be read: a long export outlives no right.
func (b *Broker) exportSome(ctx context.Context, actor Actor, f store.AssignmentFilter, after string) (records [][]string, last string, err error) {
	records, err = store.Read(ctx, b.store, func(r *store.Reader) ([][]string, error) {
		who, err := person(r, actor)
		if err != nil {
			return nil, err
		}
		f, err := exported(r, who, f)
		if err != nil {
			return nil, err
		}
		rows, err := r.EachAssignment(f, after, exportPiece)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		n, err := namesOf(r, rows)
		if err != nil {
			return nil, err
		}
		out := make([][]string, len(rows))
		for i, a := range rows {
			out[i] = n.record(a, r.Now)
		}
		last = rows[len(rows)-1].ID
		return out, nil
	})
	return records, last, err
}

// exportNames are what ids of a piece are called.
type exportNames struct {
	people, roles map[string]string
	paths         map[string]pim.Path
}

func namesOf(r *store.Reader, rows []store.AssignmentRow) (n exportNames, err error) {
	var people, resources []string
	n.roles = map[string]string{}
	for _, a := range rows {
		people, resources = append(people, a.MadeBy), append(resources, a.ResourceID)
		n.roles[a.RoleID] = ""
	}
	if n.people, err = r.Names(people); err != nil {
		return n, err
	}
	if n.paths, err = r.Paths(resources); err != nil {
		return n, err
	}
	var roles []string
	for id := range n.roles {
		roles = append(roles, id)
	}
	n.roles, err = r.RoleNames(roles)
	return n, err
}

func (n exportNames) record(a store.AssignmentRow, now time.Time) []string {
	path := n.paths[a.ResourceID]
	record := []string{a.PrincipalName, string(a.PrincipalKind), n.roles[a.RoleID], path.Leaf().Name, strings.Join(path.Names(), " / "), string(a.Kind),
		string(a.StateAt(now)), instant(a.StartsAt), instant(a.EndsAt), a.Suspended, a.Justification, string(a.Source), n.people[a.MadeBy], a.ID}
	for i, cell := range record {
		record[i] = pim.SpreadsheetCell(cell)
	}
	return record
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
