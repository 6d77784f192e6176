package web

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// askedOfLog is what the log is searched by. What a page offers and the chips of what holds are filled in; what means nobody or
// several is said at its field. Others than auditors search what is theirs.
func askedOfLog(r *store.Reader, q *request, v *views.AuditView) (f store.EntryFilter, err error) {
	roles, types, err := searchable(r, q)
	if err != nil {
		return f, err
	}
	asked := v.Filter
	v.Search = views.AuditSearch{Actions: actionOptions(types), Results: resultOptions(), Spans: spanOptions(), Roles: roleOptions(roles, "")}
	if v.Search.Targets, err = loggedTargets(r, v.Mine); err != nil {
		return f, err
	}
	if !oneOption(v.Search.Actions, asked.Action) || !oneOption(v.Search.Results, asked.Result) || !oneOption(v.Search.Targets, asked.Target) || !oneOption(v.Search.Spans, asked.Span) {
		return f, echo.ErrBadRequest // only an address made by hand says so
	}
	if f, err = resolveFilter(r, q, v, roles); err != nil {
		return f, err
	}
	v.Search.On, err = auditChips(r, q, v, f, roles)
	return f, err
}

// resolveFilter turns the names and times of a filter into ids and numbers.
func resolveFilter(r *store.Reader, q *request, v *views.AuditView, roles map[string]string) (f store.EntryFilter, err error) {
	asked := v.Filter
	f = store.EntryFilter{Type: asked.Action, Result: asked.Result, TargetID: asked.Target, Correlation: asked.Correlation, Words: strings.TrimSpace(asked.Words)}
	resolve := func(text string, id *string, named func(*store.Reader, string, views.Errors) (string, error)) {
		if text = strings.TrimSpace(text); text != "" && err == nil {
			*id, err = named(r, text, v.Errors)
		}
	}
	resolve(asked.Role, &f.RoleID, func(_ *store.Reader, text string, wrong views.Errors) (string, error) {
		return roleNamed(roles, text, wrong), nil
	})
	if v.Mine {
		f.Person, f.Own = q.who.ID, true
	} else {
		resolve(asked.Person, &f.Person, personNamed)
		resolve(asked.Resource, &f.Below, resourceNamed)
	}
	if err != nil {
		return f, err
	}
	from, until, wrong := timesOf(r, q, asked)
	for field, text := range wrong {
		v.Errors[field] = text
	}
	if !from.IsZero() {
		if f.From, err = r.EntryAt(from); err != nil {
			return f, err
		}
	}
	if !until.IsZero() {
		if f.Until, err = r.EntryAt(until); f.Until == 0 {
			f.From, f.Until = 1, 1 // nothing was before it
		}
	}
	return f, err
}

// auditChips are the filters that hold, each with the address without it.
func auditChips(r *store.Reader, q *request, v *views.AuditView, f store.EntryFilter, roles map[string]string) (on []views.Chip, err error) {
	asked := v.Filter
	add := func(field, text string, without func(*views.AuditFilter)) {
		if text != "" && v.Errors[field] == "" {
			g := asked
			without(&g)
			on = append(on, views.Chip{Text: text, On: true, Href: g.At("/audit")})
		}
	}
	labelled := func(label, asked, name string) string {
		if asked == "" {
			return ""
		}
		return label + ": " + cmp.Or(name, asked)
	}
	add("words", labelled("Words", asked.Words, ""), func(g *views.AuditFilter) { g.Words = "" })
	if !v.Mine {
		people, err := r.Names([]string{f.Person})
		if err != nil {
			return nil, err
		}
		people[pim.System] = "Stint"
		add("person", labelled("Person", asked.Person, people[f.Person]), func(g *views.AuditFilter) { g.Person = "" })
		place, err := placeName(r, f.Below)
		if err != nil {
			return nil, err
		}
		add("resource", labelled("At or below", asked.Resource, place), func(g *views.AuditFilter) { g.Resource = "" })
	}
	add("role", labelled("Role", asked.Role, roles[f.RoleID]), func(g *views.AuditFilter) { g.Role = "" })
	add("target", labelled("Target", asked.Target, labelOf(v.Search.Targets, asked.Target)), func(g *views.AuditFilter) { g.Target = "" })
	add("action", labelled("Action", asked.Action, labelOf(v.Search.Actions, asked.Action)), func(g *views.AuditFilter) { g.Action = "" })
	add("result", labelled("Result", asked.Result, labelOf(v.Search.Results, asked.Result)), func(g *views.AuditFilter) { g.Result = "" })
	add("span", labelOf(v.Search.Spans, asked.Span), func(g *views.AuditFilter) { g.Span = "" })
	add("from", labelled("From", strings.Replace(asked.From, "T", " ", 1), ""), func(g *views.AuditFilter) { g.From = "" })
	add("until", labelled("Until", strings.Replace(asked.Until, "T", " ", 1), ""), func(g *views.AuditFilter) { g.Until = "" })
	story, err := storyName(r, q, asked.Correlation)
	add("correlation", story, func(g *views.AuditFilter) { g.Correlation = "" })
	return on, err
}

func labelOf(options []views.Option, value string) string {
	for _, o := range options {
		if o.Value == value && value != "" {
			return o.Label
		}
	}
	return ""
}

func placeName(r *store.Reader, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	res, err := r.Resource(id)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return res.Name, err
}

// storyName says whose activation it is, to those who may follow it.
func storyName(r *store.Reader, q *request, activationID string) (string, error) {
	if activationID == "" {
		return "", nil
	}
	a, err := seenActivation(r, q, activationID)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) || errors.Is(err, store.ErrNotFound) {
		return "One activation", nil
	}
	if err != nil {
		return "", err
	}
	n, err := namesOf(r, ids{roles: []string{a.RoleID}, people: []string{a.PrincipalID}})
	return "Activation of " + n.roles[a.RoleID] + " by " + n.person(a.PrincipalID).Name, err
}

// spans are ranges of time that go along with the clock, in the reader's zone: a search that is kept stays what it says.
var spans = []struct {
	value, label string
	of           func(now time.Time) (from, until time.Time)
}{
	{"24h", "Last 24 hours", func(now time.Time) (from, until time.Time) { return now.Add(-24 * time.Hour), until }},
	{"7d", "Last 7 days", func(now time.Time) (from, until time.Time) { return now.AddDate(0, 0, -7), until }},
	{"30d", "Last 30 days", func(now time.Time) (from, until time.Time) { return now.AddDate(0, 0, -30), until }},
	{"quarter", "This quarter", func(now time.Time) (from, until time.Time) { return quarterOf(now), until }},
	{"last-quarter", "Last quarter", func(now time.Time) (from, until time.Time) {
		return quarterOf(now).AddDate(0, -3, 0), quarterOf(now)
	}},
	{"12m", "Last 12 months", func(now time.Time) (from, until time.Time) { return now.AddDate(-1, 0, 0), until }},
}

func quarterOf(t time.Time) time.Time {
	return time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, t.Location())
}

func spanOptions() []views.Option {
	out := make([]views.Option, len(spans))
	for i, s := range spans {
		out[i] = views.Option{Value: s.value, Label: s.label}
	}
	return out
}

// timesOf are the instants between which a filter searches; zero: no bound.
func timesOf(r *store.Reader, q *request, asked views.AuditFilter) (from, until time.Time, wrong views.Errors) {
	zone := q.reader().Zone
	for _, s := range spans {
		if s.value == asked.Span && asked.Span != "" {
			now := r.Now.UTC()
			if zone != nil {
				now = now.In(zone)
			}
			from, until = s.of(now)
			return from, until, nil
		}
	}
	wrong = views.Errors{}
	read := func(field, wall string) (at time.Time) {
		if wall == "" {
			return at
		}
		at, text := instantOf(wall, zone)
		if text != "" {
			wrong[field] = text
			return time.Time{}
		}
		return at
	}
	return read("from", asked.From), read("until", asked.Until), wrong
}

// searchable are the roles, by id, and the types that a reader's search can be about: what others do tells nobody but
// auditors which there are (U-01).
func searchable(r *store.Reader, q *request) (roles map[string]string, types []string, err error) {
	if !q.powers.MayAudit() {
		ids, types, err := r.OwnEntries(q.who.ID)
		if err == nil {
			roles, err = r.RoleNames(ids)
		}
		return roles, types, err
	}
	c, err := catalogueIn(r)
	if err != nil {
		return nil, nil, err
	}
	roles = make(map[string]string, len(c.roles))
	for id, role := range c.roles {
		roles[id] = role.Name
	}
	types, err = r.EntryTypes()
	return roles, types, err
}

func loggedTargets(r *store.Reader, mine bool) ([]views.Option, error) {
	if mine {
		return nil, nil
	}
	targets, err := r.Targets()
	out := make([]views.Option, len(targets))
	for i, t := range targets {
		out[i] = views.Option{Value: t.ID, Label: t.Name}
	}
	return out, err
}

// maxSuggested bounds what one field suggests.
const maxSuggested = 20

// AuditSuggestions is GET /audit/suggestions: what one field may take that has this in its name. Others than auditors are
// suggested roles of their own entries.
func (s *Server) AuditSuggestions(q *request) error {
	f, field := auditFilter(q.QueryParam), "role"
	list, err := read(s, q, func(r *store.Reader) ([]views.Option, error) {
		switch {
		case f.Role != "":
			roles, _, err := searchable(r, q)
			return roleOptions(roles, f.Role), err
		case !q.powers.MayAudit():
			return nil, nil
		case f.Person != "":
			field = "person"
			return personOptions(r, f.Person)
		case f.Resource != "":
			field = "resource"
			return resourceOptions(r, f.Resource)
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	return s.ok(q, views.Suggestions(field, list))
}

func roleOptions(roles map[string]string, name string) (out []views.Option) {
	var names []string
	for _, role := range roles {
		if strings.Contains(strings.ToLower(role), strings.ToLower(strings.TrimSpace(name))) {
			names = append(names, role)
		}
	}
	slices.Sort(names)
	for _, role := range slices.Compact(names) {
		if out = append(out, views.Option{Value: role}); len(out) == maxSuggested {
			break
		}
	}
	return out
}

func personOptions(r *store.Reader, name string) (out []views.Option, err error) {
	people, err := actorsNamed(r, strings.TrimSpace(name), maxSuggested)
	for _, p := range people {
		if p.Email != "" {
			out = append(out, views.Option{Value: p.Email, Label: p.Name})
		} else {
			out = append(out, views.Option{Value: p.Name})
		}
	}
	return out, err
}

// actorsNamed are people and workloads that a name or an address means.
func actorsNamed(r *store.Reader, text string, limit int) ([]pim.Principal, error) {
	people, err := r.People(store.PrincipalPage{Query: text, Limit: limit})
	if err != nil {
		return nil, err
	}
	more, err := r.FindPrincipals(text, limit)
	for _, p := range more {
		if p.Kind == pim.Workload && len(people) < limit {
			people = append(people, p)
		}
	}
	return people, err
}

func resourceOptions(r *store.Reader, name string) (out []views.Option, err error) {
	list, err := r.FindResources(store.ResourcePage{Query: strings.TrimSpace(name), Limit: maxSuggested})
	if err != nil {
		return nil, err
	}
	var all []string
	named := map[string]int{}
	for _, res := range list {
		all, named[res.Name] = append(all, res.ID), named[res.Name]+1
	}
	paths, err := r.Paths(all)
	for _, res := range list {
		o := views.Option{Value: res.Name, Label: strings.Join(paths[res.ID].Names(), " / ")}
		if named[res.Name] > 1 {
			o.Value = res.ID // the name alone would mean several
		}
		out = append(out, o)
	}
	return out, err
}

// suggestOfRows suggests who is seen already.
func suggestOfRows(v *views.AuditView) {
	seen := map[string]bool{}
	for _, row := range v.Rows {
		if name := row.Actor.Name; !seen[name] && len(seen) < maxSuggested {
			seen[name] = true
			v.Search.People = append(v.Search.People, views.Option{Value: name})
		}
	}
}

// resourceNamed finds which resource a name or an id means.
func resourceNamed(r *store.Reader, text string, wrong views.Errors) (string, error) {
	if _, err := r.Resource(text); !errors.Is(err, store.ErrNotFound) {
		return text, err
	}
	list, err := r.FindResources(store.ResourcePage{Query: text, Limit: pageSize})
	var may candidates
	for _, s := range list {
		may.add(s.ID, s.Name, strings.EqualFold(s.Name, text))
	}
	return may.theOne("resource", "No resource has this in its name.", wrong), err
}

// personNamed finds whom a name, an e-mail address or an id means; a removed person by id only.
func personNamed(r *store.Reader, text string, wrong views.Errors) (string, error) {
	if strings.EqualFold(text, "stint") {
		return pim.System, nil
	}
	byID, err := r.Names([]string{text})
	if err != nil || byID[text] != "" {
		return text, err
	}
	people, err := actorsNamed(r, text, pageSize)
	var may candidates
	for _, p := range people {
		may.add(p.ID, p.Name, strings.EqualFold(p.Name, text) || strings.EqualFold(p.Email, text))
	}
	return may.theOne("person", "Nobody here has this in their name or e-mail address.", wrong), err
}

// roleNamed finds which of some roles a name or an id means.
func roleNamed(roles map[string]string, text string, wrong views.Errors) string {
	if roles[text] != "" {
		return text
	}
	var may candidates
	for id, name := range roles {
		if same := strings.EqualFold(name, text); same || strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
			may.add(id, name, same)
		}
	}
	return may.theOne("role", "No role has this in its name.", wrong)
}
