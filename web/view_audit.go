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

// wordNotes say which words of a search do not count for all they mean.
func wordNotes(r *store.Reader, f store.EntryFilter) (notes []string, err error) {
	if f.Words == "" {
		return nil, nil
	}
	short, left, err := r.Uncounted(f)
	for _, w := range short {
		notes = append(notes, fmt.Sprintf("“%s…” stands for more than %d words, and only the first of them count: type more letters.", w, store.MaxBeginnings))
	}
	if len(left) > 0 {
		notes = append(notes, "Not looked for, as there are longer words: "+strings.Join(left, ", ")+".")
	}
	return notes, err
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
func entryIn(r *store.Reader, e store.EntryRow) (v views.EntryView, err error) {
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
	v.Proof, err = proofView(r, e.Seq)
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
	entries, err := r.Story(a.ID, maxStory)
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
