package web

import (
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// longChangesIn lists what is being carried out at or below a resource, or anywhere, of what the visitor may see.
func longChangesIn(r *store.Reader, q *request, below string) (out []views.LongChange, err error) {
	list, err := r.LongChanges()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var ids, people []string
	for _, c := range list {
		ids, people = append(ids, c.ResourceID), append(people, c.By)
	}
	paths, err := r.Paths(ids)
	if err != nil {
		return nil, err
	}
	names, err := r.Names(people)
	for _, c := range list {
		path := paths[c.ResourceID]
		if below != "" && !path.Contains(below) || !reads(q, path) {
			continue
		}
		what := "Move " + path.Leaf().Name
		if c.Kind == pim.LongRetire {
			what = "Retire " + path.Leaf().Name
		}
		held, err := r.HeldUp(c.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, views.LongChange{What: what, Held: held, Done: c.ShownDone(), About: c.About, By: names[c.By], Since: views.TimeView{Reader: q.reader(), At: c.DecidedAt, Style: views.Fact}})
	}
	return out, err
}
