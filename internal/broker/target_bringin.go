package broker

import (
	"cmp"
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

// broughtIn is one entry of a target, or owning it, that becomes a resource and a role.
type broughtIn struct {
	EntitlementID string
	Relation      pim.Relation
	Name          string // of the resource, cleaned
	Called        string // by what the target finds it again
	Refused       string
	ResourceID    string
	There         bool // the resource is made already, by another role of the same entry
	RoleID        string
}

func (i broughtIn) owners() bool { return i.Relation == pim.Owner }

func (i broughtIn) roleName() string {
	if i.owners() {
		return "Owner of " + i.Name
	}
	return "Member of " + i.Name
}

func (i broughtIn) about() string {
	if i.owners() {
		return "Owns " + i.Name + " at the target: decides there who is a member, beside Stint."
	}
	return "Holds " + i.Name + " at the target."
}

// BringIn says what of a target becomes a resource with roles.
type BringIn struct {
	TargetID, ParentID string
	Picked             []string // ids of entries for their members, ids of owning them for their owners
	Privileged         bool     // the roles of members are privileged
	PrivilegedOwners   bool     // and those of owners
}

// bringIn makes a resource of each of several entries, and the roles of its members and its owners.
type bringIn struct {
	TargetID, ParentID string
	Kind               string // of the new resources
	Privileged         bool
	PrivilegedOwners   bool
	Items              []broughtIn
	ResultsID          string
}

// BringIn makes a resource below a node, and the role of its members or its owners, of each picked entry of a target. What
// they are called is asked of the target again: the form says only which.
func (b *Broker) BringIn(ctx context.Context, actor Actor, in BringIn) (Outcome, error) {
	if refusal := pim.CheckTogether(in.Picked, "entry"); refusal != nil {
		return Outcome{}, refusal
	}
	row, err := store.Read(ctx, b.store, func(r *store.Reader) (store.TargetRow, error) { return browsable(r, actor, in.TargetID) })
	if err != nil {
		return Outcome{}, err
	}
	op := &bringIn{TargetID: in.TargetID, ParentID: in.ParentID, Kind: "group", Privileged: in.Privileged, PrivilegedOwners: in.PrivilegedOwners, ResultsID: NewID()}
	if row.Kind == "postgres" {
		op.Kind = "database-role"
	}
	conn, err := b.connect(ctx, in.TargetID)
	if err != nil {
		return Outcome{}, pim.Invalid("pick", "The target cannot be asked: %s.", err)
	}
	looking, stop := context.WithTimeout(ctx, testWithin)
	defer stop()
	for _, id := range in.Picked {
		item, err := describe(looking, conn, id)
		if err != nil {
			return Outcome{}, pim.Invalid("pick", "The target cannot be asked: %s.", err)
		}
		op.Items = append(op.Items, item)
	}
	return b.operate(ctx, actor, "/targets/"+in.TargetID+"/browse", op)
}

// describe asks a target for an entry by its id, and for a name by which it finds that very entry again.
func describe(ctx context.Context, conn connector.Connector, id string) (broughtIn, error) {
	item := broughtIn{EntitlementID: id, Name: id, ResourceID: NewID(), RoleID: NewID()}
	if _, owners := connector.EntitlementID(id).Owned(); owners {
		item.Relation = pim.Owner
	}
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
		at, err := connector.Find(ctx, conn, called, item.owners())
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
	var ids []string
	for _, item := range o.Items {
		about, _ := connector.EntitlementID(item.EntitlementID).Owned()
		ids = append(ids, string(about), string(connector.OwnersOf(about)))
	}
	have, where, err := meansAt(r, o.TargetID, ids)
	if err != nil {
		return err
	}
	beside, err := r.Siblings(o.ParentID, maxSiblings)
	names, made := map[string]bool{}, map[string]string{}
	for _, s := range beside {
		names[s.Name] = true
	}
	for i := range o.Items {
		item := &o.Items[i]
		if about, _ := connector.EntitlementID(item.EntitlementID).Owned(); item.Refused == "" {
			// The other role of the same group stands on the resource that is there.
			if at := cmp.Or(where[string(about)], where[string(connector.OwnersOf(about))], made[string(about)]); at != "" {
				item.ResourceID, item.There = at, true
			}
		}
		switch {
		case item.Refused != "":
		case len(have[item.EntitlementID]) > 0:
			item.Refused = "It is here already: " + strings.Join(have[item.EntitlementID], ", ") + "."
		case names[item.Name] && !item.There:
			item.Refused = "Something called " + item.Name + " stands there already."
		default:
			about, _ := connector.EntitlementID(item.EntitlementID).Owned()
			made[string(about)] = item.ResourceID
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
	var members, owned bool
	for _, item := range judged.Items {
		if item.Refused != "" {
			first = item.Name + ": " + item.Refused
			p.says = append(p.says, "Left out: "+first)
			continue
		}
		if item.There {
			p.says = append(p.says, fmt.Sprintf("%s, which is a resource already, gets the role %s.", item.Name, item.roleName()))
		} else {
			p.says = append(p.says, fmt.Sprintf("%s becomes a resource with the role %s.", item.Name, item.roleName()))
		}
		owned = owned || item.owners()
		members = members || !item.owners()
		p.lessen = true
	}
	if !p.lessen {
		return p, pim.Invalid("pick", "None of these can be brought in. %s", first)
	}
	p.lessen = false
	if owned {
		p.says = append(p.says, "Whoever owns a group decides at the target who its members are, beside Stint.")
	}
	for _, part := range []struct {
		any, privileged bool
		who             string
	}{{members, o.Privileged, "members"}, {owned, o.PrivilegedOwners, "owners"}} {
		if part.any && part.privileged {
			p.says = append(p.says, "The roles of "+part.who+" are privileged.")
		}
	}
	return p, nil
}

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
		made := pim.ItemResult{RoleID: item.RoleID, ResourceID: item.ResourceID, Name: item.Name}
		if item.owners() {
			made.Name = item.roleName()
		}
		v.Items = append(v.Items, made)
	}
	return Outcome{ResultsID: o.ResultsID}, errors.Join(tx.InsertResults(v), tx.AskScan(o.TargetID, ""))
}

// make writes a resource, the role of its members or its owners, and what that means by the target's immutable id.
func (o *bringIn) make(tx *store.Tx, who pim.Principal, item broughtIn, evidence string) error {
	node := pim.Resource{ID: item.ResourceID, ParentID: o.ParentID, Kind: o.Kind, Name: item.Name, Source: pim.SourceBrowser}
	if !item.There {
		emitResource(tx, node, who.ID, evidence)
		if err := tx.InsertResource(node); err != nil {
			return err
		}
	}
	role := pim.RoleDefinition{ID: item.RoleID, Name: item.roleName(), Description: item.about(), Privileged: o.Privileged, Source: pim.SourceBrowser}
	if item.owners() {
		role.Privileged = o.PrivilegedOwners
	}
	e := pim.Event{Type: pim.EvRoleSaved, Actor: who.ID, RoleID: role.ID, ObjectID: role.ID, Result: pim.OK, Texts: map[string]string{},
		Facts: map[string]any{"privileged": role.Privileged, "source": string(role.Source), "evidence": evidence}}
	tx.Emit(e.WithText("name", role.Name).WithText("description", role.Description))
	m := pim.Event{Type: pim.EvMeaningSaved, Actor: who.ID, RoleID: role.ID, ResourceID: node.ID, TargetID: o.TargetID, ObjectID: role.ID, Result: pim.OK,
		Texts: map[string]string{}, Facts: map[string]any{"entitlement": item.EntitlementID}}
	tx.Emit(relating(m, item.Relation).WithText("name", item.Called))
	return errors.Join(tx.InsertRole(role),
		tx.SaveMeaning(pim.Meaning{RoleID: role.ID, ResourceID: node.ID, Name: item.Called, EntitlementID: item.EntitlementID, Relation: item.Relation}))
}
