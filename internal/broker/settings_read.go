package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// SettingsView is what the settings page of a role at a node shows.
type SettingsView struct {
	Role        pim.RoleDefinition
	Path        pim.Path // empty: everywhere
	Explained   pim.Explained
	Approvers   []pim.Principal   // named by what holds here, removed ones left out
	Able        int               // people among them who could approve now, counted up to 20
	Summary     string            // what activating takes here, in one line
	Nodes       map[string]string // names of the nodes that fields come from
	ChangedBy   string            // name of whoever set the row of this node
	People      int64             // eligible, and the groups that are
	Groups      int64
	Below       []SettingsBelow // rows of nodes below, which go their own way
	LockedUntil time.Time       // the reader loosened these settings and cannot activate the role before then
	MayEdit     bool
}

// SettingsBelow is a row of a node below.
type SettingsBelow struct {
	Path pim.Path
	Row  pim.RoleSettings
}

// SettingsOf returns the settings of a role at a node, with where they come from. Whoever hands the role out there
// may change them, who may read there sees them, for others there is nothing.
func (b *Broker) SettingsOf(ctx context.Context, actor Actor, roleID, resourceID string) (SettingsView, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (v SettingsView, err error) {
		who, err := person(r, actor)
		if err != nil {
			return v, err
		}
		if v.MayEdit, err = readsSettings(r, who, roleID, resourceID); err != nil {
			return v, err
		}
		w, err := weighSettings(r, pim.RoleSettings{RoleID: roleID, ResourceID: resourceID})
		if err != nil {
			return v, err
		}
		v.Role, v.Path, v.Explained = w.role, w.path, pim.ExplainSettings(w.role, w.path, w.rows)
		return v, v.fill(r, w, who)
	})
}

// readsSettings reports whether somebody may change settings there; whoever may not even read them finds nothing.
func readsSettings(r *store.Reader, who pim.Principal, roleID, resourceID string) (mayEdit bool, err error) {
	powers, err := Powers(r, who.ID)
	if err != nil {
		return false, err
	}
	if err := MayRead(r, powers, resourceID); err != nil {
		return false, err
	}
	err = setsRules(r, who, roleID, resourceID)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return false, nil
	}
	return err == nil, err
}

func (v *SettingsView) fill(r *store.Reader, w weighedSettings, who pim.Principal) (err error) {
	v.Nodes = nodeNames(w.path)
	for _, id := range v.Explained.Approvers {
		if p, err := r.Principal(id); err == nil {
			v.Approvers = append(v.Approvers, p)
		}
	}
	if v.Able, v.Summary, err = summary(r, v.Explained.Settings); err != nil {
		return err
	}
	if own := v.Explained.Own; own != nil && own.ChangedBy != "" {
		if v.ChangedBy, err = changerName(r, own.ChangedBy); err != nil {
			return err
		}
	}
	if v.People, v.Groups, err = r.EligibleCounts(w.role.ID, w.path); err != nil {
		return err
	}
	for _, p := range w.places[1:] {
		i := slices.IndexFunc(w.rows, func(o pim.RoleSettings) bool { return o.ResourceID == p.path.Leaf().ID })
		v.Below = append(v.Below, SettingsBelow{p.path, w.rows[i]})
	}
	v.LockedUntil, err = lockedUntil(r, w.role, w.path, who.ID)
	return err
}

// nodeNames are the names along a path; everywhere is the empty id.
func nodeNames(path pim.Path) map[string]string {
	names := map[string]string{"": "everywhere"}
	for _, n := range path {
		names[n.ID] = n.Name
	}
	return names
}

// changerName is the name of whoever did something.
func changerName(r *store.Reader, id string) (string, error) {
	if id == pim.System {
		return "Stint", nil
	}
	names, err := r.Names([]string{id})
	return names[id], err
}

func summary(r *store.Reader, s pim.Settings) (able int, line string, err error) {
	if s.Approval && len(s.Approvers) > 0 {
		people, err := r.AbleIn(s.Approvers, enoughApprovers)
		if err != nil {
			return 0, "", err
		}
		able = len(people)
	}
	return able, s.Summary(able), nil
}

// SettingsFieldChange is one field that a change makes different at the node, or less strict below it.
type SettingsFieldChange struct {
	Field  pim.Field
	Title  string
	At     string // name of a node below; empty: the node itself
	Was    string
	Is     string
	Looser bool
}

// SettingsPreview is what a change would do.
type SettingsPreview struct {
	Role     pim.RoleDefinition
	Path     pim.Path
	Changes  []SettingsFieldChange
	Loosened []pim.Field
	Warnings []string // risky: Confirm says that they were read
	Notes    []string // to know; nothing to confirm
	Touch    bool     // it is confirmed with a passkey
	People   int64    // eligible, and the groups that are
	Groups   int64
	Held     int64  // running activations, which stay as they are (EC-13)
	Summary  string // what activating would take
}

// PreviewSettings says what a change would do, field by field, or refuses it; it changes nothing.
func (b *Broker) PreviewSettings(ctx context.Context, actor Actor, change SettingsChange) (SettingsPreview, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (p SettingsPreview, err error) {
		who, err := person(r, actor)
		if err != nil {
			return p, err
		}
		w, err := change.decide(r, who)
		if err != nil {
			return p, err
		}
		if p.Warnings, err = w.lockedOut(r); err != nil {
			return p, err
		}
		bare, err := w.cannotSatisfy(r)
		if err != nil {
			return p, err
		}
		p.Warnings = append(p.Warnings, bare...)
		p.Role, p.Path, p.Loosened, p.Touch = w.role, w.path, w.loosenedFields(), w.role.Privileged || w.own()
		return p, p.fill(r, w, who)
	})
}

func (p *SettingsPreview) fill(r *store.Reader, w weighedSettings, who pim.Principal) (err error) {
	if p.Changes, err = w.changes(r); err != nil {
		return err
	}
	if p.People, p.Groups, err = r.EligibleCounts(w.role.ID, w.path); err != nil {
		return err
	}
	if p.Held, err = r.HeldNow(w.role.ID, w.path); err != nil {
		return err
	}
	if _, p.Summary, err = summary(r, w.places[0].is.Settings); err != nil {
		return err
	}
	p.Notes, err = w.notes(r, who, p.Held)
	return err
}

// notes say what is good to know before saving.
func (c weighedSettings) notes(r *store.Reader, who pim.Principal, held int64) (out []string, err error) {
	if held > 0 {
		out = append(out, pim.Plural(held, "running activation stays as it is.", "running activations stay as they are."))
	}
	if fields := c.loosenedFields(); len(fields) > 0 && c.role.Privileged {
		said, err := saysLoosened(r, who)
		if err != nil {
			return nil, err
		}
		out = append(out, said)
	}
	for _, p := range c.places[1:] {
		x := pim.ExplainSettings(c.role, p.path, append(exceptAt(c.rows, c.row.ResourceID), c.row))
		for _, s := range x.Fields {
			if s.Ignored {
				out = append(out, fmt.Sprintf("%s is set less strict at %s and does not count there: %s holds.", s.Field.Title(), p.path.Leaf().Name, s.Value))
			}
		}
	}
	return out, nil
}

// saysLoosened says what follows for whoever makes a privileged role less strict (T21).
func saysLoosened(r *store.Reader, who pim.Principal) (string, error) {
	said := "Every administrator is told that it became less strict."
	able, err := anotherAble(r, who)
	if able {
		said += " You cannot activate it yourself before " + pim.FormatInstant(r.Now.Add(pim.SettingsLock)) + "."
	}
	return said, err
}

// changes lists what becomes different at the node, what it enforces below, and what becomes less strict below it.
func (c weighedSettings) changes(r *store.Reader) (out []SettingsFieldChange, err error) {
	for i, p := range c.places {
		looser, at := p.is.Looser(p.was.Settings), ""
		if i > 0 {
			at = p.path.Leaf().Name
		}
		for _, f := range p.is.Differs(p.was.Settings) {
			ch := SettingsFieldChange{Field: f, Title: f.Title(), At: at, Was: p.was.Words(f), Is: p.is.Words(f), Looser: slices.Contains(looser, f)}
			if i > 0 && !ch.Looser {
				continue
			}
			if f == pim.FieldApprovers {
				if ch.Was, ch.Is, err = bothNamed(r, p.was.Approvers, p.is.Approvers); err != nil {
					return nil, err
				}
			}
			if i > 0 {
				ch.Title += " at " + at
			}
			out = append(out, ch)
		}
	}
	return append(out, enforcing(c.was, &c.row)...), nil
}

func bothNamed(r *store.Reader, was, is []string) (string, string, error) {
	names, err := r.Names(slices.Concat(was, is))
	return approverNames(names, was), approverNames(names, is), err
}

func approverNames(names map[string]string, ids []string) string {
	if len(ids) == 0 {
		return "nobody"
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = names[id]
	}
	return strings.Join(out, ", ")
}

// enforcing lists the fields that are enforced below from now on, or no longer.
func enforcing(was, is *pim.RoleSettings) (out []SettingsFieldChange) {
	holds := func(row *pim.RoleSettings, f pim.Field) bool { return row != nil && slices.Contains(row.Enforced, f) }
	words := map[bool]string{true: "enforced below", false: "not enforced below"}
	for _, f := range pim.Fields() {
		if before, now := holds(was, f), holds(is, f); before != now {
			out = append(out, SettingsFieldChange{Field: f, Title: f.Title(), Was: words[before], Is: words[now]})
		}
	}
	return out
}
