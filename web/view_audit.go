package web

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

var results = map[string]views.Result{
	audit.ResultOK:      {Word: "Done"},
	audit.ResultRefused: {Tone: views.Bad, Word: "Refused"},
}

func resultOptions() []views.Option {
	return []views.Option{{Value: audit.ResultOK, Label: "Done"}, {Value: audit.ResultRefused, Label: "Refused"}}
}

func actionOptions(types []string) []views.Option {
	out := make([]views.Option, len(types))
	for i, t := range types {
		out[i] = views.Option{Value: t, Label: wordsOf(t)}
	}
	slices.SortFunc(out, func(a, b views.Option) int { return cmp.Compare(a.Label, b.Label) })
	return out
}

func oneOption(options []views.Option, value string) bool {
	return value == "" || slices.ContainsFunc(options, func(o views.Option) bool { return o.Value == value })
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

// resolveFilter turns the names and times of a filter into what the log is searched by; what means nobody or several is
// said at its field. Others than auditors search what is theirs.
func resolveFilter(r *store.Reader, q *request, v *views.AuditView, roles map[string]string) (f store.EntryFilter, err error) {
	asked := v.Filter
	f = store.EntryFilter{Type: asked.Action, Result: asked.Result, TargetID: asked.Target, Words: strings.TrimSpace(asked.Words)}
	resolve := func(text string, id *string, named func(*store.Reader, string, views.Errors) (string, error)) {
		if text = strings.TrimSpace(text); text != "" && err == nil {
			*id, err = named(r, text, v.Errors)
		}
	}
	resolve(asked.Role, &f.RoleID, func(_ *store.Reader, text string, wrong views.Errors) (string, error) {
		return roleNamed(roles, text, wrong), nil
	})
	if v.Mine {
		f.Person = q.who.ID
	} else {
		resolve(asked.Person, &f.Person, personNamed)
		resolve(asked.Resource, &f.Below, resourceNamed)
	}
	span := func(field, wall string, seq *int64) {
		if wall == "" || err != nil {
			return
		}
		at, wrong := instantOf(wall, q.reader().Zone)
		if v.Errors[field] = wrong; wrong == "" {
			delete(v.Errors, field)
			*seq, err = r.EntryAt(at)
		}
	}
	span("from", asked.From, &f.From)
	span("until", asked.Until, &f.Until)
	if asked.Until != "" && f.Until == 0 {
		f.From, f.Until = 1, 1 // nothing was before it
	}
	return f, err
}

// resourceNamed finds which resource a name or an id means.
func resourceNamed(r *store.Reader, text string, wrong views.Errors) (string, error) {
	if _, err := r.Resource(text); !errors.Is(err, store.ErrNotFound) {
		return text, err
	}
	list, err := r.FindResources(store.ResourcePage{Query: text, Limit: pageSize})
	found, exact := map[string]string{}, map[string]string{}
	for _, s := range list {
		found[s.ID] = s.Name
		if strings.EqualFold(s.Name, text) {
			exact[s.ID] = s.Name
		}
	}
	return theOne(exact, found, "resource", "No resource has this in its name.", wrong), err
}

// personNamed finds whom a name, a mail address or an id means; a removed person by id only.
func personNamed(r *store.Reader, text string, wrong views.Errors) (string, error) {
	if strings.EqualFold(text, "stint") {
		return pim.System, nil
	}
	byID, err := r.Names([]string{text})
	if err != nil || byID[text] != "" {
		return text, err
	}
	people, err := r.People(store.PrincipalPage{Query: text, Limit: pageSize})
	found := map[string]string{}
	exact := map[string]string{}
	for _, p := range people {
		found[p.ID] = p.Name
		if strings.EqualFold(p.Name, text) || strings.EqualFold(p.Email, text) {
			exact[p.ID] = p.Name
		}
	}
	return theOne(exact, found, "person", "Nobody here has this in their name or mail address.", wrong), err
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
	all, err := r.Roles()
	roles = make(map[string]string, len(all))
	for _, role := range all {
		roles[role.ID] = role.Name
	}
	if err == nil {
		types, err = r.EntryTypes()
	}
	return roles, types, err
}

// roleNamed finds which of some roles a name or an id means.
func roleNamed(roles map[string]string, text string, wrong views.Errors) string {
	if roles[text] != "" {
		return text
	}
	found, exact := map[string]string{}, map[string]string{}
	for id, name := range roles {
		if strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
			found[id] = name
		}
		if strings.EqualFold(name, text) {
			exact[id] = name
		}
	}
	return theOne(exact, found, "role", "No role has this in its name.", wrong)
}

// theOne is the id that was meant, or "" with the reason at the field.
func theOne(exact, found map[string]string, field, none string, wrong views.Errors) string {
	if len(exact) > 0 {
		found = exact
	}
	list := sortedByName(found)
	switch len(list) {
	case 0:
		wrong[field] = none
		return ""
	case 1:
		return list[0]
	}
	var names []string
	for _, id := range list[:min(len(list), 5)] {
		names = append(names, found[id])
	}
	wrong[field] = fmt.Sprintf("%d match: %s. Write more of it, or the id.", len(list), strings.Join(names, ", "))
	return ""
}

// logBook names what the ids of entries mean.
type logBook struct {
	names
	targets map[string]string
	grants  map[string]store.GrantRow
}

func loadLogBook(r *store.Reader, entries []store.EntryRow) (b logBook, err error) {
	var i ids
	b.grants, b.targets = map[string]store.GrantRow{}, map[string]string{}
	for _, e := range entries {
		i.roles, i.resources = append(i.roles, e.RoleID), append(i.resources, e.ResourceID)
		i.people = append(i.people, e.Actor, e.Subject, e.ObjectID)
		if !strings.HasPrefix(e.Type, "grant.") || b.grants[e.ObjectID].ID != "" {
			continue
		}
		g, err := r.Grant(e.ObjectID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return b, err
		}
		b.grants[e.ObjectID] = g
	}
	if b.names, err = namesOf(r, i); err != nil {
		return b, err
	}
	targets, err := r.Targets()
	for _, t := range targets {
		b.targets[t.ID] = t.Name
	}
	return b, err
}

func auditRows(r *store.Reader, entries []store.EntryRow) ([]views.AuditRow, error) {
	b, err := loadLogBook(r, entries)
	out := make([]views.AuditRow, len(entries))
	for i, e := range entries {
		out[i] = b.row(e)
	}
	return out, err
}

func (b logBook) row(e store.EntryRow) views.AuditRow {
	return views.AuditRow{Seq: e.Seq, At: e.At, Actor: b.somebody(e.Actor), Action: wordsOf(e.Type), Object: b.about(e), Result: results[e.Result]}
}

// somebody names an actor; one that is not known any more keeps its id.
func (b logBook) somebody(id string) views.Person {
	p := b.person(id)
	if p.Name == "" {
		p.Name = id
	}
	return p
}

// about says in one line what an entry is about: the role and where, whose account, the person, the target.
func (b logBook) about(e store.EntryRow) string {
	var parts []string
	add := func(s string) {
		if s != "" && !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	switch {
	case e.RoleID != "":
		add(b.role(e.RoleID, e.ResourceID).On())
	case e.ResourceID != "":
		add(b.paths[e.ResourceID].Leaf().Name)
	}
	if g, ok := b.grants[e.ObjectID]; ok && g.ID != "" {
		add(g.AccountName + " in " + g.Entitlement)
	}
	if e.Subject != e.Actor {
		add(b.people[e.Subject])
	}
	if e.ObjectID != e.Actor {
		add(b.people[e.ObjectID]) // the group of a membership
	}
	add(b.targets[e.TargetID])
	return strings.Join(parts, ", ")
}

// entryIn is one entry with its facts, its texts and what proves it.
func entryIn(r *store.Reader, q *request, e store.EntryRow) (v views.EntryView, err error) {
	b, err := loadLogBook(r, []store.EntryRow{e})
	if err != nil {
		return v, err
	}
	v.Entry, v.Leaf, v.Hash = b.row(e), string(e.Leaf), tlog.RecordHash(e.Leaf).String()
	v.Facts = textFacts(e)
	fillFacts(&v, e.Entry)
	if e.Correlation != "" {
		v.StoryHref, v.StoryText = "/audit/story/"+e.Correlation, "The whole activation"
	}
	c, err := r.CheckpointOver(e.Seq)
	if errors.Is(err, store.ErrNotFound) {
		return v, nil
	}
	origin, _, _ := strings.Cut(c.Note, "\n")
	at := views.TimeView{Reader: q.reader(), At: c.At, Style: views.Full}
	v.Checkpoint = fmt.Sprintf("%s entries, signed %s as %s", views.Count(c.Size), at.Format(), origin)
	return v, err
}

// textFacts are the personal texts kept beside the leaf; one that was erased is named all the same.
func textFacts(e store.EntryRow) []views.Detail {
	var out []views.Detail
	for _, field := range slices.Sorted(maps.Keys(e.Commitments)) {
		value, kept := e.Texts[field]
		if !kept {
			value = "erased; the commitment in the leaf stays"
		}
		out = append(out, views.Detail{Term: plain(field), Value: value})
	}
	return out
}

func plain(field string) string {
	if field == "justification" {
		return "Reason"
	}
	words := strings.ReplaceAll(field, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

var storyTones = map[pim.EventType]views.Tone{
	pim.EvActApproved: views.OK, pim.EvActConfirmed: views.OK, pim.EvActSettled: views.OK,
	pim.EvActDenied: views.Bad, pim.EvActFailed: views.Bad, pim.EvActTimedOut: views.Warn,
}

// storyIn tells an activation from its entries, oldest first.
func storyIn(r *store.Reader, q *request, a pim.Activation) (v views.StoryView, err error) {
	entries, err := r.Entries(store.EntryFilter{Correlation: a.ID, Limit: maxStory})
	if err != nil {
		return v, err
	}
	b, err := loadLogBook(r, entries)
	if err != nil {
		return v, err
	}
	n, err := namesOf(r, ids{roles: []string{a.RoleID}, resources: []string{a.ResourceID}, people: []string{a.PrincipalID}})
	v.Role, v.Person = n.role(a.RoleID, a.ResourceID), n.person(a.PrincipalID)
	v.Title = "Activation of " + v.Role.Name + " by " + v.Person.Name
	v.Subject = views.Link{Text: "Show the activation", Href: "/activations/" + a.ID}
	for _, e := range entries {
		step := views.StoryStep{At: e.At, Text: wordsOf(e.Type), More: "by " + b.somebody(e.Actor).Name, Tone: storyTones[pim.EventType(e.Type)], Entry: e.Seq,
			Quote: cmp.Or(e.Texts["justification"], e.Texts["reason"])}
		if e.Result == audit.ResultRefused {
			step.Tone = views.Bad
		}
		v.Steps = append(v.Steps, step)
	}
	return v, err
}
