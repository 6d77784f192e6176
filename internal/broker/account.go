package broker

import (
	"context"
	"slices"
	"strings"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionNameAccount] = func() operation { return &nameAccount{} }
	operations[pim.ActionDropAccount] = func() operation { return &dropAccount{} }
}

// accountHolder loads who can have an account at a target: a person or a workload.
func accountHolder(r *store.Reader, id string) (pim.Principal, error) {
	p, err := r.Principal(id)
	if err == nil && p.Kind != pim.Person && p.Kind != pim.Workload {
		err = store.ErrNotFound
	}
	return p, found(err)
}

// pageOf is the page of a principal.
func pageOf(p pim.Principal) string {
	switch p.Kind {
	case pim.Workload:
		return "/workloads/" + p.ID
	case pim.Group:
		return "/groups/" + p.ID
	}
	return "/people/" + p.ID
}

func holderPage(r *store.Reader, id string) (string, error) {
	h, err := accountHolder(r, id)
	return pageOf(h), err
}

// nameAccount says who a person or workload is at a target. The administrator's touch is its confirmation.
type nameAccount struct {
	ID         string
	PersonID   string // or a workload's
	TargetID   string
	Name       string // as it was typed
	ExternalID string // the target's own id, found before
	Shown      string // what the target calls it
}

// NameAccount looks an account up by its name at the target and, once it is confirmed, makes it the person's there. A
// wrong field is refused by its name: target, account.
func (b *Broker) NameAccount(ctx context.Context, actor Actor, personID, targetID, name string) (Outcome, error) {
	op := &nameAccount{ID: NewID(), PersonID: personID, TargetID: targetID, Name: strings.TrimSpace(name)}
	page, err := b.findAccount(ctx, actor, op)
	if err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, page, op)
}

// findAccount asks the target, after who may ask was decided: a directory answers nobody else's questions. It returns
// the page of whose account it will be.
func (b *Broker) findAccount(ctx context.Context, actor Actor, op *nameAccount) (string, error) {
	page, err := store.Read(ctx, b.store, func(r *store.Reader) (string, error) {
		who, err := person(r, actor)
		if err != nil {
			return "", err
		}
		if err := administers(r, who, ""); err != nil {
			return "", err
		}
		page, err := holderPage(r, op.PersonID)
		if err != nil {
			return "", err
		}
		_, err = accountTarget(r, op.TargetID)
		return page, err
	})
	if err != nil {
		return page, err
	}
	if op.Name == "" {
		return page, pim.Invalid("account", "Give the name that the target knows the account by.")
	}
	return page, b.lookAccountUp(ctx, op)
}

func (b *Broker) lookAccountUp(ctx context.Context, op *nameAccount) error {
	conn, err := b.connect(ctx, op.TargetID)
	if err != nil {
		return pim.Invalid("target", "It cannot be asked now: %s.", err)
	}
	asking, stop := context.WithTimeout(ctx, testWithin)
	defer stop()
	id, shown, err := conn.FindAccount(asking, op.Name)
	switch kind := connector.KindOf(err); {
	case err == nil:
		op.ExternalID, op.Shown = string(id), shown
		return nil
	case kind == connector.Gone || kind == connector.Refused:
		return pim.Invalid("account", "The target knows no such account: %s.", err)
	}
	return pim.Invalid("target", "It cannot be asked now: %s.", err)
}

func accountTarget(r *store.Reader, id string) (store.TargetRow, error) {
	t, err := r.Target(id)
	if found(err) != nil || t.ID == pim.StintTarget {
		return t, pim.Invalid("target", "Choose the target.")
	}
	return t, err
}

func (o *nameAccount) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionNameAccount, Object: o.PersonID}, touch: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	h, err := accountHolder(tx.Reader, o.PersonID)
	if err != nil {
		return p, err
	}
	t, err := accountTarget(tx.Reader, o.TargetID)
	if err != nil {
		return p, err
	}
	have, err := tx.AccountsOf(h.ID)
	if err != nil {
		return p, err
	}
	for _, a := range have {
		if a.TargetID == t.ID {
			return p, pim.Invalid("target", "%s is %s there already. Take that account away first.", h.Name, a.Name)
		}
	}
	if err := refuseOthersAccount(tx.Reader, h, o); err != nil {
		return p, err
	}
	if err := refuseOwnWay(tx.Reader, who, h, o); err != nil {
		return p, err
	}
	p.says = []string{h.Name + " is " + o.Shown + " at " + t.Name + ".", "What " + h.Name + " holds there is given to this account, privileged roles too."}
	return p, nil
}

// refuseOthersAccount: two principals on one account are one person (DESIGN §3), which somebody has to say.
func refuseOthersAccount(r *store.Reader, h pim.Principal, o *nameAccount) error {
	other, err := othersAccount(r, h, pim.Account{TargetID: o.TargetID, Source: pim.SourceBrowser}, o.ExternalID)
	switch {
	case err != nil || other == nil:
		return err
	case other.Kind == pim.Workload || h.Kind == pim.Workload:
		return pim.Invalid("account", "This is the account of %s. A workload shares its account with nobody.", other.Name)
	}
	return pim.Invalid("account", "This is the account of %s. If both are one person, link them first.", other.Name)
}

// othersAccount returns whose account something at a target is, where that keeps it from being another principal's too. A
// workload shares with nobody; people do where they are linked, or where a file says it of both.
func othersAccount(r *store.Reader, h pim.Principal, a pim.Account, externalID string) (*pim.Principal, error) {
	owners, err := r.OwnersOf(a.TargetID, externalID)
	if err != nil {
		return nil, err
	}
	for _, id := range owners {
		other, err := r.Principal(id)
		if err != nil {
			return nil, err
		}
		theirs, err := r.AccountAt(id, a.TargetID)
		if err != nil {
			return nil, err
		}
		said := other.Same(h.PersonID) || a.Source == pim.SourceFile && theirs.Source == pim.SourceFile
		if other.Kind == pim.Workload || h.Kind == pim.Workload || !said {
			return &other, nil
		}
	}
	return nil, nil
}

func (o *nameAccount) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Done: "Account named and confirmed."}
	h, err := accountHolder(tx.Reader, o.PersonID)
	if err != nil {
		return out, err
	}
	out.Back = pageOf(h)
	row := pim.Account{ID: o.ID, PrincipalID: o.PersonID, TargetID: o.TargetID, Name: o.Name, ExternalID: o.ExternalID, ConfirmedAt: tx.Now, ConfirmedBy: who.ID,
		Source: pim.SourceBrowser}
	if err := tx.InsertAccount(row); err != nil {
		return out, moved(err)
	}
	e := accountEvent(pim.EvAccountConfirmed, row)
	e.Actor = who.ID
	tx.Emit(confirmedBy(e, evidence))
	if err := syncAssignmentNeedsOf(tx, o.PersonID); err != nil {
		return out, err
	}
	t, err := tx.Target(o.TargetID)
	if err != nil {
		return out, err
	}
	if err := tellOfAccount(tx, who, h, who.Name+" says that "+h.Name+" is "+o.Shown+" at "+t.Name+"."); err != nil || h.Kind == pim.Workload {
		return out, err
	}
	return out, notify(tx, who.Name+" says that you are "+o.Shown+" at a target. If that is not your account, tell an administrator.", "/profile", o.PersonID)
}

// tellOfAccount tells the other administrators whose account changed, and who answers for a workload; of a person's only
// where something privileged depends on it (T10).
func tellOfAccount(tx *store.Tx, who, h pim.Principal, text string) error {
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	if h.Kind == pim.Workload && h.OwnerID != "" {
		owners, err := tx.PeopleIn([]string{h.OwnerID})
		if err != nil {
			return err
		}
		people = append(people, ids(owners)...)
	} else if h.Kind == pim.Person {
		role, err := anyPrivileged(tx.Reader, h)
		if err != nil || !role.Privileged {
			return err
		}
	}
	people = slices.DeleteFunc(people, func(id string) bool { return id == who.ID || id == h.ID })
	slices.Sort(people)
	return notify(tx, text, pageOf(h), slices.Compact(people)...)
}

// dropAccount takes an account away from a person: what they hold through it ends.
type dropAccount struct{ ID, PersonID string }

// DropAccount takes an account away from a person or workload.
func (b *Broker) DropAccount(ctx context.Context, actor Actor, personID, accountID string) (Outcome, error) {
	page, err := store.Read(ctx, b.store, func(r *store.Reader) (string, error) { return holderPage(r, personID) })
	if err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, page, &dropAccount{ID: accountID, PersonID: personID})
}

func (o *dropAccount) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionDropAccount, Object: o.ID}, touch: true, lessen: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	row, err := o.account(tx.Reader)
	if err != nil {
		return p, err
	}
	names, err := tx.Names([]string{row.PrincipalID})
	if err != nil {
		return p, err
	}
	t, err := tx.Target(row.TargetID)
	p.item.Version = row.Version
	p.says = []string{names[row.PrincipalID] + " is not " + row.Name + " at " + t.Name + " any more.", "What is held through this account ends now."}
	if row.Source == pim.SourceFile {
		p.says = append(p.says, "The file of stint apply names it, and brings it back when it is applied again.")
	}
	return p, found(err)
}

func (o *dropAccount) account(r *store.Reader) (pim.Account, error) {
	row, err := r.Account(o.ID)
	if err == nil && row.PrincipalID != o.PersonID {
		err = store.ErrNotFound
	}
	return row, found(err)
}

func (o *dropAccount) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Done: "Account taken away."}
	row, err := o.account(tx.Reader)
	if err != nil {
		return out, err
	}
	h, err := accountHolder(tx.Reader, o.PersonID)
	if err != nil {
		return out, err
	}
	out.Back = pageOf(h)
	if err := (&applying{b: b, tx: tx}).dropAccount(row); err != nil {
		return out, err
	}
	e := accountEvent(pim.EvAccountUnlinked, row)
	e.Actor = who.ID
	tx.Emit(confirmedBy(e, evidence))
	t, err := tx.Target(row.TargetID)
	if err != nil {
		return out, err
	}
	if err := tellOfAccount(tx, who, h, who.Name+" took the account "+row.Name+" at "+t.Name+" away from "+h.Name+"."); err != nil || h.Kind == pim.Workload {
		return out, err
	}
	return out, notify(tx, who.Name+" took your account "+row.Name+" away from you here.", "/profile", o.PersonID)
}
