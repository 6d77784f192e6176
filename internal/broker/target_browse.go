package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stint/internal/connector"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

func init() { operations[pim.ActionBringIn] = func() operation { return &bringIn{} } }

// BrowseShown is the most entries one look at a target shows.
const BrowseShown = 100

// Found is something that can be held at a target.
type Found struct {
	ID      string // the target's immutable id
	Name    string
	Detail  string
	Refused string   // why Stint would not grant it, from the target's own list
	Means   []string // what it is here already: "Member of ops on Directory"
}

// Browsed is what a look at a target found.
type Browsed struct {
	Entries []Found
	More    bool   // there are others: narrow the search
	Failed  string // why it could not be looked at
}

// BrowseTarget lists what can be held at a target, by a part of its name, with what is brought in already.
func (b *Broker) BrowseTarget(ctx context.Context, actor Actor, targetID, query string) (Browsed, error) {
	row, err := store.Read(ctx, b.store, func(r *store.Reader) (store.TargetRow, error) { return browsable(r, actor, targetID) })
	if err != nil {
		return Browsed{}, err
	}
	var out Browsed
	conn, err := b.connect(ctx, targetID)
	if err != nil {
		return Browsed{Failed: err.Error()}, nil
	}
	looking, stop := context.WithTimeout(ctx, testWithin)
	defer stop()
	plain := TargetForm{Settings: row.Settings, MayWrite: row.MayWrite}.plain()
	for e, err := range conn.Browse(looking, query) {
		if err != nil {
			out.Failed = err.Error()
			break
		}
		if e.Kind != connector.GroupEntry {
			continue
		}
		if len(out.Entries) == BrowseShown-1 { // a target stops at that many itself
			out.More = true
		}
		if len(out.Entries) == BrowseShown {
			break
		}
		f := Found{ID: e.ID, Name: e.Name, Detail: e.Detail}
		if err := connector.Allowed(row.Kind, plain, e); err != nil {
			f.Refused = err.Error()
		}
		out.Entries = append(out.Entries, f)
	}
	return store.Read(ctx, b.store, func(r *store.Reader) (Browsed, error) { return out, known(r, targetID, out.Entries) })
}

// browsable loads a target that somebody may look into.
func browsable(r *store.Reader, actor Actor, targetID string) (store.TargetRow, error) {
	who, err := person(r, actor)
	if err != nil {
		return store.TargetRow{}, err
	}
	if err := administers(r, who, ""); err != nil {
		return store.TargetRow{}, err
	}
	row, err := r.Target(targetID)
	if err == nil && row.ID == pim.StintTarget {
		err = pim.Refuse(pim.KindForbidden, "Stint itself is no system to look into.")
	}
	return row, found(err)
}

// known marks what roles mean already at this target.
func known(r *store.Reader, targetID string, entries []Found) error {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	if len(ids) == 0 {
		return nil
	}
	words, err := meansAt(r, targetID, ids)
	for i := range entries {
		entries[i].Means = words[entries[i].ID]
	}
	return err
}

// meansAt says what entitlements of a target mean already: role on resource, by the target's id.
func meansAt(r *store.Reader, targetID string, ids []string) (map[string][]string, error) {
	meanings, err := r.MeaningsOf(ids)
	if err != nil || len(meanings) == 0 {
		return nil, err
	}
	targets, err := targetsOf(r, meanings)
	if err != nil {
		return nil, err
	}
	var roles, resources []string
	for _, m := range meanings {
		roles, resources = append(roles, m.RoleID), append(resources, m.ResourceID)
	}
	called, err := r.RoleNames(roles)
	if err != nil {
		return nil, err
	}
	paths, err := r.Paths(resources)
	out := map[string][]string{}
	for _, m := range meanings {
		if targets[m.ResourceID] == targetID {
			out[m.EntitlementID] = append(out[m.EntitlementID], called[m.RoleID]+" on "+paths[m.ResourceID].Leaf().Name)
		}
	}
	return out, err
}

// broughtIn is one entry of a target that becomes a resource and a role.
type broughtIn struct {
	EntitlementID string
	Name          string // of the resource, cleaned
	Called        string // by what the target finds it again
	Refused       string
	ResourceID    string
	RoleID        string
}

// bringIn makes a resource and the role of its members of each of several entries.
type bringIn struct {
	TargetID, ParentID string
	Kind               string // of the new resources
	Privileged         bool
	Items              []broughtIn
	ResultsID          string
}

// BringIn makes a resource below a node, and the role of its members, of each picked entry of a target. What they are
// called is asked of the target again: the form says only which.
func (b *Broker) BringIn(ctx context.Context, actor Actor, targetID, parentID string, picked []string, privileged bool) (Outcome, error) {
	if refusal := pim.CheckTogether(picked, "entry"); refusal != nil {
		return Outcome{}, refusal
	}
	row, err := store.Read(ctx, b.store, func(r *store.Reader) (store.TargetRow, error) { return browsable(r, actor, targetID) })
	if err != nil {
		return Outcome{}, err
	}
	op := &bringIn{TargetID: targetID, ParentID: parentID, Kind: "group", Privileged: privileged, ResultsID: NewID()}
	if row.Kind == "postgres" {
		op.Kind = "database-role"
	}
	conn, err := b.connect(ctx, targetID)
	if err != nil {
		return Outcome{}, pim.Invalid("pick", "The target cannot be asked: %s.", err)
	}
	looking, stop := context.WithTimeout(ctx, testWithin)
	defer stop()
	for _, id := range picked {
		item, err := describe(looking, conn, id)
		if err != nil {
			return Outcome{}, pim.Invalid("pick", "The target cannot be asked: %s.", err)
		}
		op.Items = append(op.Items, item)
	}
	return b.operate(ctx, actor, "/targets/"+targetID+"/browse", op)
}

// describe asks a target for an entry by its id, and for a name by which it finds that very entry again.
func describe(ctx context.Context, conn connector.Connector, id string) (broughtIn, error) {
	item := broughtIn{EntitlementID: id, Name: id, ResourceID: NewID(), RoleID: NewID()}
	e, err := conn.Describe(ctx, connector.EntitlementID(id))
	switch kind := connector.KindOf(err); kind {
	case connector.None:
	case connector.Gone, connector.Refused:
		item.Refused = sentence(err.Error()) + "."
		return item, nil
	default:
		return item, err
	}
	name, problem := orgfile.CleanName(e.Name)
	if item.Name = name; problem != "" {
		item.Refused = "Its name " + problem + "."
		return item, nil
	}
	for _, called := range append([]string{e.Name}, e.Aliases...) {
		at, err := conn.Canonical(ctx, called)
		if err == nil && string(at) == id {
			item.Called, item.Refused = called, ""
			return item, nil
		}
		if kind := connector.KindOf(err); err != nil && kind != connector.Gone && kind != connector.Refused {
			return item, err
		}
		if err != nil {
			item.Refused = sentence(err.Error()) + "."
		}
	}
	if item.Refused == "" {
		item.Refused = "Its name means another entry at the target."
	}
	return item, nil
}

// judged is the operation as it can be made now; what is stored stays what was asked.
func (o *bringIn) judged(r *store.Reader, who pim.Principal) (bringIn, error) {
	out := *o
	out.Items = append([]broughtIn{}, o.Items...)
	return out, out.judge(r, who)
}

// judge refuses each item that cannot be made, alone; the place is refused as a whole.
func (o *bringIn) judge(r *store.Reader, who pim.Principal) error {
	if err := administers(r, who, ""); err != nil {
		return err
	}
	if o.ParentID == "" {
		return pim.Invalid("below", "Choose where they stand.")
	}
	if err := checkBelow(r, o.ResultsID, o.ParentID, 1); err != nil {
		var refusal *pim.Refusal
		if errors.As(err, &refusal) {
			err = pim.Invalid("below", "%s", refusal.Message)
		}
		return err
	}
	path, err := r.Path(o.ParentID)
	if err != nil {
		return err
	}
	if path.TargetID() != o.TargetID {
		return pim.Invalid("below", "%s belongs to another target. Choose a resource of this one.", path.Leaf().Name)
	}
	ids := make([]string, len(o.Items))
	for i, item := range o.Items {
		ids[i] = item.EntitlementID
	}
	have, err := meansAt(r, o.TargetID, ids)
	if err != nil {
		return err
	}
	beside, err := r.Siblings(o.ParentID, maxSiblings)
	names := map[string]bool{}
	for _, s := range beside {
		names[s.Name] = true
	}
	for i := range o.Items {
		item := &o.Items[i]
		switch {
		case item.Refused != "":
		case len(have[item.EntitlementID]) > 0:
			item.Refused = "It is here already: " + strings.Join(have[item.EntitlementID], ", ") + "."
		case names[item.Name]:
			item.Refused = "Something called " + item.Name + " stands there already."
		}
		names[item.Name] = true
	}
	return err
}

func (o *bringIn) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	judged, err := o.judged(tx.Reader, who)
	if err != nil {
		return prepared{}, err
	}
	p := prepared{item: pim.StepUpItem{Action: pim.ActionBringIn, Object: o.ResultsID, ResourceID: o.ParentID}, touch: true}
	var first string
	for _, item := range judged.Items {
		if item.Refused != "" {
			first = item.Name + ": " + item.Refused
			p.says = append(p.says, "Left out: "+first)
			continue
		}
		p.says = append(p.says, fmt.Sprintf("%s becomes a resource with the role %s.", item.Name, memberOf(item.Name)))
		p.lessen = true
	}
	if !p.lessen {
		return p, pim.Invalid("pick", "None of these can be brought in. %s", first)
	}
	p.lessen = false
	if o.Privileged {
		p.says = append(p.says, "The roles are privileged.")
	}
	return p, nil
}

func memberOf(name string) string { return "Member of " + name }

func (o *bringIn) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	judged, err := o.judged(tx.Reader, who)
	if err != nil {
		return Outcome{}, err
	}
	v := store.Results{ID: o.ResultsID, PrincipalID: who.ID, Kind: "bring_in"}
	for _, item := range judged.Items {
		if item.Refused != "" {
			v.Items = append(v.Items, pim.ItemResult{Name: item.Name, Refused: item.Refused})
			continue
		}
		if err := o.make(tx, who, item, evidence); err != nil {
			return Outcome{}, err
		}
		v.Items = append(v.Items, pim.ItemResult{RoleID: item.RoleID, ResourceID: item.ResourceID, Name: item.Name})
	}
	return Outcome{ResultsID: o.ResultsID}, errors.Join(tx.InsertResults(v), tx.AskScan(o.TargetID, ""))
}

// make writes a resource, the role of its members, and what that means by the target's immutable id.
func (o *bringIn) make(tx *store.Tx, who pim.Principal, item broughtIn, evidence string) error {
	node := pim.Resource{ID: item.ResourceID, ParentID: o.ParentID, Kind: o.Kind, Name: item.Name, Source: pim.SourceBrowser}
	emitResource(tx, node, who.ID, evidence)
	role := pim.RoleDefinition{ID: item.RoleID, Name: memberOf(item.Name), Description: "Holds " + item.Name + " at the target.", Privileged: o.Privileged, Source: pim.SourceBrowser}
	e := pim.Event{Type: pim.EvRoleSaved, Actor: who.ID, RoleID: role.ID, ObjectID: role.ID, Result: pim.OK, Texts: map[string]string{},
		Facts: map[string]any{"privileged": role.Privileged, "source": string(role.Source), "evidence": evidence}}
	tx.Emit(e.WithText("name", role.Name).WithText("description", role.Description))
	m := pim.Event{Type: pim.EvMeaningSaved, Actor: who.ID, RoleID: role.ID, ResourceID: node.ID, TargetID: o.TargetID, ObjectID: role.ID, Result: pim.OK,
		Texts: map[string]string{}, Facts: map[string]any{"entitlement": item.EntitlementID}}
	tx.Emit(m.WithText("name", item.Called))
	return errors.Join(tx.InsertResource(node), tx.InsertRole(role),
		tx.SaveMeaning(pim.Meaning{RoleID: role.ID, ResourceID: node.ID, Name: item.Called, EntitlementID: item.EntitlementID}))
}
