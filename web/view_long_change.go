package web

import (
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// longChangesIn lists what is being carried out at or below a resource, or anywhere, of what the visitor may see.
func longChangesIn(r *store.Reader, q *request, below string) (out []views.LongChange, err error) {
	list, err := r.LongChanges()
	list = slices.DeleteFunc(list, func(c pim.LongChange) bool { return c.GroupID != "" })
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
		v, err := longChangeView(r, q, c, what, names[c.By])
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, err
}

func longChangeView(r *store.Reader, q *request, c pim.LongChange, what, by string) (views.LongChange, error) {
	held, err := r.HeldUp(c.ID)
	return views.LongChange{What: what, Held: held, Done: c.ShownDone(), About: c.About, By: by, Since: views.TimeView{Reader: q.reader(), At: c.DecidedAt, Style: views.Fact}}, err
}

// longChangesOfGroups lists the groups that are being removed.
func longChangesOfGroups(r *store.Reader, q *request) (out []views.LongChange, err error) {
	list, err := r.LongChanges()
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(c pim.LongChange) bool { return c.GroupID == "" })
	var ids []string
	for _, c := range list {
		ids = append(ids, c.GroupID, c.By)
	}
	names, err := r.Names(ids)
	for _, c := range list {
		v, err := longChangeView(r, q, c, "Remove "+names[c.GroupID], names[c.By])
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, err
}
