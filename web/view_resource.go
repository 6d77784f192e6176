package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// resourceBook knows what the rows of a page need, each asked once.
type resourceBook struct {
	r        *store.Reader
	paths    map[string]pim.Path
	below    map[string]int
	counts   map[string]views.ResourceRow // Eligible and Active of what was made at a node itself
	roles    map[string]int
	targets  map[string]views.TargetRow
	searched bool
}

// bookOf reads what is shown of some resources.
func bookOf(r *store.Reader, list []pim.Resource) (b resourceBook, err error) {
	b.r, b.counts = r, map[string]views.ResourceRow{}
	ids := make([]string, len(list))
	for i, s := range list {
		ids[i] = s.ID
	}
	if b.paths, err = r.Paths(ids); err != nil {
		return b, err
	}
	if b.below, err = r.ChildCounts(ids); err != nil {
		return b, err
	}
	if b.roles, err = roleCounts(r); err != nil {
		return b, err
	}
	if b.targets, err = targetsByID(r); err != nil {
		return b, err
	}
	return b, b.count()
}

func (b *resourceBook) count() error {
	seen := map[string]bool{}
	for _, p := range b.paths {
		for _, s := range p {
			seen[s.ID] = true
		}
	}
	ids := make([]string, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	eligible, err := b.r.AssignmentCounts(ids, pim.Eligible)
	if err != nil {
		return err
	}
	active, err := b.r.AssignmentCounts(ids, pim.Active)
	if err != nil {
		return err
	}
	used, err := b.r.ActivationCounts(ids)
	for _, id := range ids {
		b.counts[id] = views.ResourceRow{Eligible: eligible[id], Active: active[id] + used[id]}
	}
	return err
}

func targetsByID(r *store.Reader) (map[string]views.TargetRow, error) {
	list, err := r.Targets()
	out := make(map[string]views.TargetRow, len(list))
	for _, t := range list {
		out[t.ID] = targetRow(t, nil, r.Now)
	}
	return out, err
}

type roleCountKey struct{}

// roleCounts says at how many nodes how many roles can be held: where they mean something, and above.
func roleCounts(r *store.Reader) (map[string]int, error) {
	return store.Remembered(r, roleCountKey{}, func() (map[string]int, error) {
		parents, err := r.Parents()
		if err != nil {
			return nil, err
		}
		meanings, err := r.Meanings() // by role
		if err != nil {
			return nil, err
		}
		out, last, seen := map[string]int{}, "", map[string]bool{}
		for _, m := range meanings {
			if m.RoleID != last {
				last = m.RoleID
				clear(seen)
			}
			for id, ok := m.ResourceID, true; ok && id != "" && !seen[id]; id, ok = up(parents, id) {
				seen[id] = true
				out[id]++
			}
		}
		roles, err := r.Roles()
		for _, d := range roles {
			if d.Source == pim.SourceBuiltin {
				out[pim.StintResource]++
			}
		}
		return out, err
	})
}

func up(parents map[string]string, id string) (string, bool) {
	p, ok := parents[id]
	return p, ok
}

func (b resourceBook) row(s pim.Resource, depth int) views.ResourceRow {
	row := views.ResourceRow{ID: s.ID, Name: s.Name, Kind: s.Kind, KindName: pim.KindName(s.Kind), Depth: depth, Roles: b.roles[s.ID]}
	for _, above := range b.paths[s.ID] {
		row.Eligible += b.counts[above.ID].Eligible
		row.Active += b.counts[above.ID].Active
	}
	if n := b.below[s.ID]; n > 0 {
		row.Note = fmt.Sprintf("%s below", views.Count(int64(n)))
	}
	if t, ok := b.targets[s.TargetID]; ok {
		row.Health, row.Target = t.Health, views.Link{Text: t.Name, Href: "/targets/" + t.ID}
		row.Note = strings.TrimPrefix(row.Note+" · "+t.Name, " · ")
	}
	if b.searched {
		row.Path = b.paths[s.ID].Names()
	}
	return row
}

// wholeTree is the largest tree that is shown open.
const wholeTree = 60

// node is a place in the tree that is shown, or the rest of a wide level.
type node struct {
	pim.Resource
	depth  int
	toggle string
	open   bool
	more   *views.Link
}

// treeOf is the tree as the visitor sees it: a small one whole, a large one open down to one node.
func treeOf(r *store.Reader, q *request) (v views.ResourcesView, err error) {
	t := tree{r: r, q: q, open: map[string]bool{}}
	some, err := r.FindResources(store.ResourcePage{Limit: wholeTree + 1})
	if err != nil {
		return v, err
	}
	t.whole = len(some) <= wholeTree
	if id := q.QueryParam("open"); id != "" {
		if err := mayRead(r, q, id); err != nil {
			return v, err
		}
		path, err := r.Path(id)
		if err != nil {
			return v, err
		}
		for _, s := range path {
			t.open[s.ID] = true
		}
	}
	roots, err := rootsFor(r, q, store.ResourcePage{Limit: pageSize + 1})
	if err == nil {
		err = t.level(roots, "", 0)
	}
	if err != nil {
		return v, err
	}
	v.Rows, err = t.rows()
	return v, err
}

type tree struct {
	r     *store.Reader
	q     *request
	whole bool
	open  map[string]bool
	nodes []node
}

// level lists a level and what is open below it; of a wide one the first, and what leads to the open node.
func (t *tree) level(list []pim.Resource, parentID string, depth int) error {
	if depth >= pim.MaxTreeDepth {
		return nil
	}
	rest := len(list) > pageSize
	if rest {
		list = list[:pageSize]
	}
	for id := range t.open {
		if rest && !slices.ContainsFunc(list, func(s pim.Resource) bool { return s.ID == id }) {
			s, err := t.r.Resource(id)
			if err != nil {
				return err
			}
			if s.ParentID == parentID {
				list = append(list, s)
			}
		}
	}
	for _, s := range list {
		if err := t.node(s, parentID, depth, len(list) == 1); err != nil {
			return err
		}
	}
	if rest {
		more := "/resources?" + url.Values{"in": {orTop(parentID)}}.Encode()
		t.nodes = append(t.nodes, node{depth: depth, more: &views.Link{Text: "Show and search all of this level", Href: more}})
	}
	return nil
}

func (t *tree) node(s pim.Resource, parentID string, depth int, alone bool) error {
	below, err := t.r.Children(s.ID, store.ResourcePage{Limit: pageSize + 1})
	if err != nil {
		return err
	}
	n := node{Resource: s, depth: depth}
	n.open = t.whole || t.open[s.ID] || depth == 0 && alone
	if len(below) > 0 && !t.whole {
		n.toggle = "/resources?" + url.Values{"open": {s.ID}}.Encode()
		if n.open {
			n.toggle = closed(parentID)
		}
	}
	t.nodes = append(t.nodes, n)
	if !n.open {
		return nil
	}
	return t.level(below, s.ID, depth+1)
}

func closed(parentID string) string {
	if parentID == "" {
		return "/resources"
	}
	return "/resources?" + url.Values{"open": {parentID}}.Encode()
}

func orTop(id string) string {
	if id == "" {
		return top
	}
	return id
}

func (t *tree) rows() ([]views.ResourceRow, error) {
	var list []pim.Resource
	for _, n := range t.nodes {
		if n.more == nil {
			list = append(list, n.Resource)
		}
	}
	b, err := bookOf(t.r, list)
	if err != nil {
		return nil, err
	}
	out := make([]views.ResourceRow, len(t.nodes))
	for i, n := range t.nodes {
		if n.more != nil {
			out[i] = views.ResourceRow{Depth: n.depth, More: n.more}
			continue
		}
		out[i] = b.row(n.Resource, n.depth)
		out[i].Toggle, out[i].Open = n.toggle, n.open
	}
	return out, nil
}

// foundResources is a page of a search over the whole tree, or of one level (K-10).
func foundResources(r *store.Reader, q *request, page store.ResourcePage) (v views.ResourcesView, err error) {
	v.Q, v.WithinID = page.Query, q.QueryParam("in")
	find := r.FindResources
	if v.WithinID != "" {
		parent := placeID(v.WithinID)
		if v.Within = "the top"; parent != "" {
			if err := mayRead(r, q, parent); err != nil {
				return v, err
			}
			s, err := r.Resource(parent)
			if err != nil {
				return v, err
			}
			v.Within = s.Name
		}
		find = func(p store.ResourcePage) ([]pim.Resource, error) { return r.Children(parent, p) }
	}
	list, err := find(page)
	if err != nil {
		return v, err
	}
	next := ""
	if len(list) > pageSize {
		list = list[:pageSize]
		next = nameCursor(list[pageSize-1].ID, list[pageSize-1].Name)
	}
	b, err := bookOf(r, list)
	if err != nil {
		return v, err
	}
	b.searched = true
	for _, s := range readable(q, list, b.paths) {
		v.Rows = append(v.Rows, b.row(s, 0))
	}
	v.Pager = pagerView("/resources", url.Values{"q": {v.Q}, "in": {v.WithinID}}, q.QueryParam("cursor"), next)
	v.Pager.Forward = true
	return v, nil
}

// maxHeld is how many assignments a resource's page shows.
const maxHeld = 100

// resourceIn is the page of one node.
func resourceIn(r *store.Reader, q *request, id string) (v views.ResourceView, err error) {
	if err := mayRead(r, q, id); err != nil {
		return v, err
	}
	s, err := r.Resource(id)
	if err != nil {
		return v, err
	}
	b, err := bookOf(r, []pim.Resource{s})
	if err != nil {
		return v, err
	}
	path := b.paths[id]
	v.Row, v.FromFile, v.Path = b.row(s, 0), s.Source == pim.SourceFile, path.Names()
	for _, above := range path[max(0, len(path)-3) : len(path)-1] {
		link := views.Link{Text: above.Name, Href: "/resources/" + above.ID}
		if !q.powers.Reads(pathUpTo(path, above.ID)) {
			continue
		}
		v.Scope = append(v.Scope, link)
	}
	ownTarget(b, path, &v)
	v.Facts = []views.Detail{{Term: "Kind", Value: v.Row.KindName}, {Term: "Eligible", Value: strconv.Itoa(v.Row.Eligible)}, {Term: "Active now", Value: strconv.Itoa(v.Row.Active)},
		{Term: "Known from", Value: sourceWords[s.Source]}}
	if s.ID != pim.StintResource {
		if v.Manage, err = administersHere(r, q, id); err != nil {
			return v, err
		}
		v.Movable = v.Manage
		if v.Manage {
			v.Movable, err = administersHere(r, q, s.ParentID)
		}
	}
	for _, part := range []func(*store.Reader, *request, pim.Path, *views.ResourceView) error{heldAt, rolesAt, settingsAt, rightBelow, ownersAt} {
		if err == nil {
			err = part(r, q, path, &v)
		}
	}
	return v, err
}
