package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/store"
)

// VoucherLife is how long a voucher or an administrator's link is good (THREATS T2).
const VoucherLife = 15 * time.Minute

// Enrolment is what a person may do about a new passkey.
type Enrolment struct {
	Voucher string // typed by the person; empty when none
	Claim   bool   // this session was signed in with the provider claim configured as phishing-resistant
}

// BeginCredential begins adding a passkey. The first one needs a voucher or the provider's claim; a
// further one needs an existing passkey, which is asked for first (THREATS T2).
func (b *Broker) BeginCredential(ctx context.Context, actor Actor, name string, e Enrolment) (Outcome, error) {
	name = strings.TrimSpace(name)
	if problem := checkName(name); problem != "" {
		return Outcome{}, pim.Invalid("name", "%s", problem)
	}
	ceremony, random := NewID(), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		credentials, err := tx.CredentialsOf(who.ID)
		if err != nil {
			return Outcome{}, err
		}
		if len(credentials) > 0 {
			item := pim.StepUpItem{Action: pim.ActionAddCredential, Object: who.ID}
			return b.begin(tx, actor, who, pending{Items: []pim.StepUpItem{item}, Name: name}, ceremony, random, "/passkeys")
		}
		allowed, err := allowFirst(tx, who, e)
		if err != nil {
			return Outcome{}, err
		}
		return b.beginRegistration(tx, actor, who, ceremony, random, name, allowed, credentials)
	})
}

func checkName(name string) string {
	switch {
	case name == "":
		return "Give it a name that tells your passkeys apart."
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("At most %d characters for the name; shorten it.", maxName)
	case pim.CheckJustification(name, false) != "" || strings.ContainsAny(name, "\r\n\t"):
		return "Use plain text on one line."
	}
	return ""
}

// allowFirst says what allows a first passkey: the provider's claim, for someone who never had one, or a
// voucher. Without either it is refused, and the refusal is an event.
func allowFirst(tx *store.Tx, who pim.Principal, e Enrolment) (string, error) {
	ever, err := tx.EverHadCredential(who.ID)
	if err != nil {
		return "", err
	}
	if e.Claim && !ever {
		return "claim", nil
	}
	refused := pim.PersonEvent(pim.EvCredentialRefused, who.ID, who.ID, "").AsRefused()
	if strings.TrimSpace(e.Voucher) == "" {
		tx.Emit(refused.With("rule", "voucher"))
		return "", pim.Invalid("voucher", "Your first passkey needs a voucher. Ask an administrator for one; it is good for 15 minutes.")
	}
	_, err = tx.TakeVoucher("passkey", HashSecret(e.Voucher), who.ID)
	if errors.Is(err, store.ErrNotFound) {
		tx.Emit(refused.With("rule", "voucher"))
		return "", pim.Invalid("voucher", "This voucher is not good: it is unknown, used, older than 15 minutes or somebody else's. Ask for a new one.")
	}
	return "voucher", err
}

// HashSecret is how one-time secrets and session secrets are kept.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(secret))))
	return hex.EncodeToString(sum[:])
}

func (b *Broker) beginRegistration(tx *store.Tx, actor Actor, who pim.Principal, id string, random []byte, name, allowed string, existing []pim.Credential) (Outcome, error) {
	actor, err := sessionNow(tx.Reader, actor)
	if err != nil {
		return Outcome{}, err
	}
	options, c, err := b.rp.BeginRegistration(b.visit(who, actor, tx.Now), stepup.Seed{ID: id, Random: random}, existing)
	if err != nil {
		return Outcome{}, stepUpRefusal(err)
	}
	p := pending{Items: []pim.StepUpItem{{Action: pim.ActionAddCredential, Object: who.ID}}, Name: name, Allowed: allowed, Options: options}
	return Outcome{CeremonyID: id, Back: "/passkeys"}, insertCeremony(tx, actor, c, p, "/passkeys")
}

// addCredentialConfirmed follows the assertion with an existing passkey: now the new one may be made.
func (b *Broker) addCredentialConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	ceremony, random := NewID(), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		if err := spend(tx, su); err != nil {
			return Outcome{}, err
		}
		credentials, err := tx.CredentialsOf(who.ID)
		if err != nil {
			return Outcome{}, err
		}
		return b.beginRegistration(tx, actor, who, ceremony, random, p.Name, "passkey:"+su.CeremonyID, credentials)
	})
}

func (b *Broker) finishRegistration(ctx context.Context, actor Actor, c stepup.Ceremony, p pending, response []byte, back string) (Outcome, error) {
	who, err := store.Read(ctx, b.store, func(r *store.Reader) (pim.Principal, error) { return person(r, actor) })
	if err != nil {
		return Outcome{}, err
	}
	made, err := b.rp.FinishRegistration(b.visit(who, actor, b.clock()), c, response)
	if err != nil {
		return Outcome{Back: back}, b.refusedStepUp(ctx, actor, p, err)
	}
	made.ID, made.Name, made.PrincipalID = NewID(), p.Name, who.ID
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		if _, err := person(tx.Reader, actor); err != nil {
			return Outcome{}, err
		}
		if err := refuseSecondFirst(tx, who.ID, p.Allowed); err != nil {
			return Outcome{}, err
		}
		if err := tx.InsertCredential(made); err != nil {
			if strings.Contains(strings.ToLower(err.Error()), "unique") {
				return Outcome{}, pim.Refuse(pim.KindConflict, "This passkey is registered already.")
			}
			return Outcome{}, err
		}
		e := pim.PersonEvent(pim.EvCredentialAdded, who.ID, who.ID, made.ID).With("allowed_by", p.Allowed).With("attestation", made.Attestation).With("key", made.KeyDigest())
		tx.Emit(e.WithText("name", made.Name))
		if err := tellOfNewKey(tx, who, made); err != nil {
			return Outcome{}, err
		}
		return Outcome{Back: back, Done: "Passkey added."}, notify(tx, "A passkey was added: "+made.Name, "/passkeys", who.ID)
	})
}

// tellOfNewKey tells every other administrator of a new passkey of somebody who has, or may activate, a privileged role:
// its day of quarantine is theirs to ask whether it was them (T2).
func tellOfNewKey(tx *store.Tx, who pim.Principal, made pim.Credential) error {
	mode, err := tx.Meta(store.MetaMode)
	if err != nil || mode == "demo" {
		return err
	}
	role, err := anyPrivileged(tx.Reader, who)
	if err != nil || role.ID == "" {
		return err
	}
	_, fresh, err := newKeys(tx.Reader, who, role)
	if err != nil {
		return err
	}
	text := who.Name + " added a passkey, and has or may activate privileged roles."
	if from, waits := fresh[made.ID]; waits {
		text += " It does not count for those before " + pim.FormatInstant(from) + "."
	}
	return tellAdministrators(tx, who, text+" Ask them in another way whether it was them; if not, disable them now.", "/people/"+who.ID)
}

// anyPrivileged is a privileged role that somebody is assigned in any kind, in force or to begin; empty: none.
func anyPrivileged(r *store.Reader, who pim.Principal) (pim.RoleDefinition, error) {
	groups, err := r.GroupsOf(who.ID)
	if err != nil {
		return pim.RoleDefinition{}, err
	}
	assigned, err := r.AssignmentsOf(groups...)
	for _, a := range assigned {
		if state := a.StateAt(r.Now); state == pim.AssignmentExpired || state == pim.AssignmentRemoved {
			continue
		}
		role, err := r.Role(a.RoleID)
		if gone(err) {
			continue
		}
		if err != nil || role.Privileged {
			return role, err
		}
	}
	return pim.RoleDefinition{}, err
}

// newKeys lists a person's passkeys that do not count yet for a privileged role, with when they will, and how
// many passkeys there are. Every one counts in the demo, and where nobody else could let the person in: no
// other administrator whose own passkey counts (T2).
func newKeys(r *store.Reader, who pim.Principal, role pim.RoleDefinition) (all int, fresh map[string]time.Time, err error) {
	if !role.Privileged {
		return 0, nil, nil
	}
	credentials, err := r.CredentialsOf(who.ID)
	if err != nil {
		return 0, nil, err
	}
	fresh = map[string]time.Time{}
	for _, c := range credentials {
		if from := c.CreatedAt.Add(pim.Quarantine); r.Now.Before(from) {
			fresh[c.ID] = from
		}
	}
	if len(fresh) == 0 {
		return 0, nil, nil
	}
	if mode, err := r.Meta(store.MetaMode); err != nil || mode == "demo" {
		return 0, nil, err
	}
	helped, err := anotherCanHelp(r, who)
	if err != nil || !helped {
		return 0, nil, err
	}
	return len(credentials), fresh, nil
}

// keyCounts refuses an approval of a privileged role that was confirmed with a passkey that does not count
// yet: a phished sign-in with a passkey of its own approves nothing either (T2). A denial needs no such care.
func keyCounts(r *store.Reader, who pim.Principal, role pim.RoleDefinition, su pim.StepUp) error {
	_, fresh, err := newKeys(r, who, role)
	if err != nil {
		return err
	}
	if from, isNew := fresh[su.CredentialID]; isNew {
		return pim.QuarantineRefusal(from)
	}
	return nil
}

// keepsHelp refuses what a passkey in quarantine takes away when nobody else could help afterwards: the quarantine
// would end itself (T2).
func keepsHelp(tx *store.Tx, who pim.Principal, su pim.StepUp, change func() error) error {
	role, err := tx.Role(pim.RoleAdministrator)
	if err != nil {
		return err
	}
	quarantined := keyCounts(tx.Reader, who, role, su)
	var refusal *pim.Refusal
	if !errors.As(quarantined, &refusal) {
		return quarantined
	}
	helped := false
	err = tx.Would(change, func() (err error) {
		helped, err = anotherCanHelp(tx.Reader, who)
		return err
	})
	if err == nil && !helped {
		err = quarantined
	}
	return err
}

// anotherCanHelp reports whether another person is able to administer with a passkey that counts already.
func anotherCanHelp(r *store.Reader, who pim.Principal) (bool, error) {
	able, err := ableAdministrators(r)
	if err != nil || len(able) == 0 {
		return false, err
	}
	same, err := samePeople(r, who.ID)
	if err != nil {
		return false, err
	}
	for id := range able {
		if same[id] {
			continue
		}
		credentials, err := r.CredentialsOf(id)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(credentials, func(c pim.Credential) bool { return !r.Now.Before(c.CreatedAt.Add(pim.Quarantine)) }) {
			return true, nil
		}
	}
	return false, nil
}

// refuseSecondFirst stops a ceremony that was allowed as the first passkey and is finished when there is
// one already: a further one needs the existing one (THREATS T2).
func refuseSecondFirst(tx *store.Tx, principalID, allowed string) error {
	if strings.HasPrefix(allowed, "passkey:") {
		return nil
	}
	credentials, err := tx.CredentialsOf(principalID)
	if err == nil && len(credentials) > 0 {
		err = pim.Refuse(pim.KindConflict, "You have a passkey already. Add a further one with it.")
	}
	return err
}

// RenameCredential changes the name of the person's own passkey.
func (b *Broker) RenameCredential(ctx context.Context, actor Actor, id, name string) error {
	name = strings.TrimSpace(name)
	if problem := checkName(name); problem != "" {
		return pim.Invalid("name", "%s", problem)
	}
	return do(ctx, b, func(tx *store.Tx) error {
		c, err := ownCredential(tx, actor, id)
		if err != nil || c.Name == name {
			return err
		}
		tx.Emit(pim.PersonEvent(pim.EvCredentialNamed, actor.PrincipalID, actor.PrincipalID, c.ID).WithText("name", name))
		if err := tx.RenameCredential(id, name); err != nil {
			return moved(err)
		}
		return notify(tx, "A passkey is now called "+name+".", "/passkeys", actor.PrincipalID)
	})
}

func ownCredential(tx *store.Tx, actor Actor, id string) (pim.Credential, error) {
	if _, err := person(tx.Reader, actor); err != nil {
		return pim.Credential{}, err
	}
	c, err := tx.Credential(id)
	if err == nil && c.PrincipalID != actor.PrincipalID {
		err = store.ErrNotFound
	}
	return c, found(err)
}

// RemoveCredential begins removing one of the person's own passkeys: confirmed with a passkey, which may
// be the one that goes.
func (b *Broker) RemoveCredential(ctx context.Context, actor Actor, id string) (Outcome, error) {
	ceremony, random := NewID(), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		if _, err := ownCredential(tx, actor, id); err != nil {
			return Outcome{}, err
		}
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		if err := mayForget(tx, who.ID, id); err != nil {
			return Outcome{}, err
		}
		p := pending{Items: []pim.StepUpItem{{Action: pim.ActionRemoveCredential, Object: id}}}
		return b.begin(tx, actor, who, p, ceremony, random, "/passkeys")
	})
}

// mayForget keeps a person's only passkey, for nobody but the host could let them in again, and the last one by which
// somebody is able to administer.
func mayForget(tx *store.Tx, principalID, id string) error {
	credentials, err := tx.CredentialsOf(principalID)
	if err == nil && len(credentials) == 1 {
		err = pim.Refuse(pim.KindForbidden, "This is your only passkey. Add another one first, then remove this one.")
	}
	if err != nil {
		return err
	}
	return keepAdministrator(tx, func() error { return tx.RemoveCredential(id) })
}

func (b *Broker) removeCredentialConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		c, err := ownCredential(tx, actor, p.Items[0].Object)
		if err != nil {
			return Outcome{}, err
		}
		if err := mayForget(tx, actor.PrincipalID, c.ID); err != nil {
			return Outcome{}, err
		}
		if err := spend(tx, su); err != nil {
			return Outcome{}, err
		}
		if _, err := watchEnd(tx, actor.PrincipalID, func() (bool, error) { return true, moved(tx.RemoveCredential(c.ID)) }); err != nil {
			return Outcome{}, err
		}
		tx.Emit(pim.PersonEvent(pim.EvCredentialRemoved, actor.PrincipalID, actor.PrincipalID, c.ID).With("evidence", su.Digest()))
		return Outcome{Back: "/passkeys", Done: "Passkey removed."}, notify(tx, "A passkey was removed: "+c.Name, "/passkeys", actor.PrincipalID)
	})
}
