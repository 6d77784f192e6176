package broker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSavePerson] = func() operation { return &savePerson{} }
	operations[pim.ActionRemovePerson] = func() operation { return &removePerson{} }
}

// PersonForm is what an administrator says of a person. Who they are at the provider is one of two: a claim that binds
// them at their first sign-in, or their issuer and subject.
type PersonForm struct {
	Name       string
	Email      string
	Department string
	Title      string
	Manager    string // principal id, or empty
	Guest      bool
	MatchClaim string
	MatchValue string
	Issuer     string
	Subject    string
}

func (f *PersonForm) check() error {
	for _, field := range []struct {
		name  string
		value *string
		most  int
	}{{"name", &f.Name, maxPrincipalName}, {"email", &f.Email, 254}, {"department", &f.Department, maxShort}, {"title", &f.Title, maxShort}, {"claim", &f.MatchClaim, maxShort},
		{"value", &f.MatchValue, maxShort}, {"issuer", &f.Issuer, 500}, {"subject", &f.Subject, 255}} {
		*field.value = strings.TrimSpace(*field.value)
		if wrong := checkText(*field.value, field.most); wrong != "" {
			return pim.Invalid(field.name, "%s", wrong)
		}
	}
	switch {
	case !pim.Visible(f.Name):
		return pim.Invalid("name", "Give the person’s name.")
	case f.Email != "" && (!strings.Contains(f.Email, "@") || strings.ContainsAny(f.Email, " <>,;")):
		return pim.Invalid("email", "This is no e-mail address.")
	case (f.MatchClaim == "") != (f.MatchValue == ""):
		return pim.Invalid("value", "A claim and its value belong together.")
	case (f.Issuer == "") != (f.Subject == ""):
		return pim.Invalid("subject", "Issuer and subject belong together: they say who somebody is at the provider.")
	case f.MatchClaim != "" && f.Subject != "":
		return pim.Invalid("subject", "Give a claim or the subject, not both.")
	case f.MatchClaim == "" && f.Subject == "":
		return pim.Invalid("claim", "Say how this person is recognised at sign-in: by a claim, or by issuer and subject.")
	}
	return nil
}

func (f PersonForm) identity() [4]string {
	return [4]string{f.MatchClaim, f.MatchValue, f.Issuer, f.Subject}
}

// savePerson adds a person by hand, or changes one who was.
type savePerson struct {
	ID      string
	Version int64 // 0: new
	PersonForm
}

// NewPerson adds somebody known before their first sign-in.
func (b *Broker) NewPerson(ctx context.Context, actor Actor, f PersonForm) (Outcome, error) {
	if err := f.check(); err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/people/new", &savePerson{ID: NewID(), PersonForm: f})
}

// SavePerson changes somebody who was added by hand.
func (b *Broker) SavePerson(ctx context.Context, actor Actor, id string, version int64, f PersonForm) (Outcome, error) {
	if err := f.check(); err != nil {
		return Outcome{}, err
	}
	if version < 1 { // 0 would be a new one
		version = -1
	}
	return b.operate(ctx, actor, "/people/"+id+"/edit", &savePerson{ID: id, Version: version, PersonForm: f})
}

// BindingClaims are the claims that may bind somebody known beforehand.
func (b *Broker) BindingClaims() []string { return b.binding }

func (o *savePerson) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionSavePerson, Object: o.ID, Version: o.Version}}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	if err := o.checkManager(tx.Reader); err != nil {
		return p, err
	}
	identity := "recognised at the first sign-in by " + o.MatchClaim + " = " + o.MatchValue
	if o.Subject != "" {
		identity = "who is " + o.Subject + " at " + o.Issuer
	}
	if o.Version == 0 {
		p.touch, p.says = true, []string{o.Name + " is added, " + identity + "."}
		return p, b.refuseTaken(tx.Reader, o)
	}
	h, err := editable(tx.Reader, o.ID)
	if err != nil {
		return p, err
	}
	if h.Version != o.Version {
		return p, moved(store.ErrConflict)
	}
	if o.identity() == [4]string{h.MatchClaim, h.MatchValue, h.Issuer, h.Subject} || bound(h, o.PersonForm) {
		return p, nil
	}
	if !h.LastSeenAt.IsZero() {
		return p, pim.Invalid("claim", "%s has signed in: who they are at the provider is fixed.", h.Name)
	}
	p.touch, p.says = true, []string{h.Name + " is from now on somebody else at the provider: " + identity + "."}
	return p, b.refuseTaken(tx.Reader, o)
}

// bound reports whether a form says the same of somebody whom a claim has bound meanwhile.
func bound(h pim.Principal, f PersonForm) bool {
	return h.Subject != "" && h.MatchClaim != "" && f.MatchClaim == h.MatchClaim && f.MatchValue == h.MatchValue && f.Subject == ""
}

// Editable reports whether a person is kept here: added by hand, or left by a directory that is not followed any more.
func Editable(r *store.Reader, h pim.Principal) (bool, error) {
	if h.Source != pim.SourceDirectory {
		return h.Source == pim.SourceBrowser, nil
	}
	followed, err := r.Followed(h.ID)
	return err == nil && !followed, err
}

// editable loads a person who is kept here. Others are changed where they come from.
func editable(r *store.Reader, id string) (pim.Principal, error) {
	h, err := personOf(r, id)
	if err != nil {
		return h, err
	}
	here, err := Editable(r, h)
	if err == nil && !here {
		err = pim.Refuse(pim.KindConflict, "%s was not added here: change them in the file, at the provider or in the directory they come from.", h.Name)
	}
	return h, err
}

func personOf(r *store.Reader, id string) (pim.Principal, error) {
	p, err := r.Principal(id)
	if err == nil && p.Kind != pim.Person {
		err = store.ErrNotFound
	}
	return p, found(err)
}

func (o *savePerson) checkManager(r *store.Reader) error {
	if o.Manager == "" {
		return nil
	}
	_, err := personOf(r, o.Manager)
	var refusal *pim.Refusal
	switch {
	case o.Manager == o.ID:
		return pim.Invalid("manager", "Nobody is their own manager.")
	case errors.As(err, &refusal):
		return pim.Invalid("manager", "Nobody here is meant by this.")
	}
	return err
}

// refuseTaken refuses an identity that somebody has, and a claim that binds nobody.
func (b *Broker) refuseTaken(r *store.Reader, o *savePerson) error {
	if o.Subject != "" {
		other, err := r.PrincipalBySubject(o.Issuer, o.Subject)
		if errors.Is(err, store.ErrNotFound) || err == nil && other.ID == o.ID {
			return nil
		}
		if err == nil {
			err = pim.Invalid("subject", "%s has this subject already.", other.Name)
		}
		return err
	}
	if !slices.Contains(b.binding, o.MatchClaim) {
		if len(b.binding) == 0 {
			return pim.Invalid("claim", "No claim binds anybody here (oidc_binding_claims). Give issuer and subject instead.")
		}
		return pim.Invalid("claim", "Only %s may bind somebody (oidc_binding_claims): people must not be able to edit it at the provider.", listed(slices.Clone(b.binding)))
	}
	others, err := r.PrincipalsToBind(o.MatchClaim, o.MatchValue)
	if err == nil && slices.ContainsFunc(others, func(h pim.Principal) bool { return h.ID != o.ID }) {
		err = pim.Invalid("value", "Somebody else is waited for with this value. With two, nobody would be bound.")
	}
	return err
}

func (o *savePerson) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/people/" + o.ID, Done: "Saved."}
	h := pim.Principal{ID: o.ID, Kind: pim.Person, PersonID: o.ID, Enabled: true, Source: pim.SourceBrowser}
	var err error
	if o.Version > 0 {
		if h, err = editable(tx.Reader, o.ID); err != nil {
			return out, err
		}
	}
	h.Name, h.Email, h.Source = o.Name, o.Email, pim.SourceBrowser // whom a directory left is kept here from now on
	h = h.Give(o.Department, o.Title, o.Manager, o.Guest)
	if !bound(h, o.PersonForm) {
		h.MatchClaim, h.MatchValue, h.Issuer, h.Subject = o.MatchClaim, o.MatchValue, o.Issuer, o.Subject
	}
	tx.Emit(confirmedBy(savedEvent(who.ID, h), evidence))
	if o.Version == 0 {
		out.Done = "Added. They can sign in now."
		return out, tx.InsertPrincipal(h)
	}
	return out, moved(tx.UpdatePrincipal(h))
}

// removePerson takes a person out of Stint for good.
type removePerson struct {
	ID      string
	Version int64
}

// RemovePerson removes a person with all they hold. Who signs in as them afterwards is a stranger.
func (b *Broker) RemovePerson(ctx context.Context, actor Actor, id string, version int64) (Outcome, error) {
	return b.operate(ctx, actor, "/people/"+id+"/remove", &removePerson{ID: id, Version: version})
}

func (o *removePerson) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionRemovePerson, Object: o.ID, Version: o.Version}, touch: true, lessen: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	h, err := personOf(tx.Reader, o.ID)
	if err != nil {
		return p, err
	}
	if h.Version != o.Version {
		return p, moved(store.ErrConflict)
	}
	if p.says, err = PersonRemoval(tx.Reader, who, h); err != nil {
		return p, err
	}
	return p, keepAdministrator(tx, func() error { return tx.RemovePrincipal(h.ID) })
}

// PersonRemoval says what removing a person ends, or refuses it.
func PersonRemoval(r *store.Reader, who, h pim.Principal) ([]string, error) {
	same, err := samePeople(r, who.ID)
	if err != nil {
		return nil, err
	}
	if same[h.ID] {
		return nil, pim.Refuse(pim.KindConflict, "Nobody removes themselves. Another administrator has to.")
	}
	says := []string{h.Name + " is removed for good: no sign-in, no passkey, no account. Whoever signs in as them later is a stranger without rights.",
		"Everything active ends at once, and so do requests, planned starts, sessions and memberships."}
	own, err := r.AssignmentsOf(h.ID)
	if err != nil {
		return nil, err
	}
	for _, asg := range own {
		role, path, _, err := effective(r, asg.RoleID, asg.ResourceID)
		if err != nil {
			return nil, err
		}
		says = append(says, "Their "+string(asg.Kind)+" assignment of "+role.Name+" on "+path.Leaf().Name+" ends.")
	}
	if h.Source == pim.SourceFile {
		says = append(says, "The file names them: the next stint apply makes a new person of that name, and lists it first.")
	}
	return says, nil
}

func (o *removePerson) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/people", Done: "Removed. Everything they held is being taken away."}
	h, err := personOf(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	e := pim.PersonEvent(pim.EvPrincipalRemoved, who.ID, h.ID, h.ID).With("source", string(h.Source)).With("key", h.Key)
	tx.Emit(confirmedBy(e, evidence))
	if h.Enabled {
		if err := disabling(tx, h.ID)(); err != nil {
			return out, err
		}
	}
	if err := b.endAllOf(tx, h, who.ID); err != nil {
		return out, err
	}
	own, err := tx.AssignmentsOf(h.ID)
	if err != nil {
		return out, err
	}
	for _, asg := range own {
		if err := b.endAssignment(tx, asg, who.ID, false); err != nil {
			return out, err
		}
	}
	return out, b.forgetPerson(tx, h)
}

// forgetPerson takes away what would let somebody come back as a removed person.
func (b *Broker) forgetPerson(tx *store.Tx, h pim.Principal) error {
	keys, err := tx.CredentialsOf(h.ID)
	if err != nil {
		return err
	}
	for _, c := range keys {
		if err := tx.RemoveCredential(c.ID); err != nil {
			return moved(err)
		}
	}
	accounts, err := tx.AccountsOf(h.ID)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if err := tx.RemoveAccount(a.ID); err != nil {
			return moved(err)
		}
	}
	return moved(tx.RemovePrincipal(h.ID))
}
