package broker

import (
	"context"
	"errors"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// PersonAction begins what an administrator does to a person, confirmed with the administrator's
// passkey: disable, enable, end sessions, issue a voucher. account is set for confirming an account.
func (b *Broker) PersonAction(ctx context.Context, actor Actor, action pim.StepUpAction, personID, accountID string) (Outcome, error) {
	ceremony, random := NewID(), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := administrator(tx, actor)
		if err != nil {
			return Outcome{}, err
		}
		item, err := personItem(tx.Reader, who.ID, action, personID, accountID)
		if err != nil {
			return Outcome{}, err
		}
		var says []string
		if action == pim.ActionDisablePerson {
			if err := keepAdministrator(tx, disabling(tx, personID)); err != nil {
				return Outcome{}, err
			}
			if says, err = warnOfDisabling(tx, personID); err != nil {
				return Outcome{}, err
			}
		}
		page, err := personPage(tx.Reader, action, personID)
		if err != nil {
			return Outcome{}, err
		}
		return b.begin(tx, actor, who, pending{Items: []pim.StepUpItem{item}, Name: personID, Says: says}, ceremony, random, page)
	})
}

// warnOfDisabling says what a touch confirms where nobody would be able to administer Stint some day; nothing else.
func warnOfDisabling(tx *store.Tx, personID string) ([]string, error) {
	says, err := warnOfEnd(tx, disabling(tx, personID))
	if err != nil || len(says) == 0 {
		return nil, err
	}
	p, err := tx.Principal(personID)
	return append([]string{p.Name + " is disabled, and everything they hold ends."}, says...), err
}

// personPage is where the effect of an action is shown.
func personPage(r *store.Reader, action pim.StepUpAction, id string) (string, error) {
	if action == pim.ActionConfirmAccount {
		return holderPage(r, id)
	}
	return accessPage(id), nil
}

func accessPage(personID string) string { return "/people/" + personID + "/access" }

func personItem(r *store.Reader, by string, action pim.StepUpAction, personID, accountID string) (pim.StepUpItem, error) {
	load := personOf
	if action == pim.ActionConfirmAccount {
		load = accountHolder
	}
	p, err := load(r, personID)
	if err != nil {
		return pim.StepUpItem{}, err
	}
	if action == pim.ActionDisablePerson && p.ID == by {
		return pim.StepUpItem{}, pim.Refuse(pim.KindConflict, "Nobody disables themselves. Another administrator has to.")
	}
	if action != pim.ActionConfirmAccount {
		return pim.StepUpItem{Action: action, Object: p.ID}, nil
	}
	if err := refuseOwnAccount(r, by, p); err != nil {
		return pim.StepUpItem{}, err
	}
	a, err := r.Account(accountID)
	if err != nil {
		return pim.StepUpItem{}, found(err)
	}
	if a.PrincipalID != p.ID {
		return pim.StepUpItem{}, pim.NotFound()
	}
	return pim.StepUpItem{Action: action, Object: a.ID, Version: a.Version}, nil
}

// refuseOwnAccount: that an account is theirs is not for themselves to say, where somebody else can.
func refuseOwnAccount(r *store.Reader, by string, p pim.Principal) error {
	same, err := samePeople(r, p.ID)
	if err != nil || !same[by] {
		return err
	}
	helped, err := anotherCanHelp(r, p)
	if err == nil && helped {
		err = pim.Refuse(pim.KindConflict, "Nobody confirms their own account. Another administrator has to.")
	}
	return err
}

func (b *Broker) personConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	secret := NewID()
	id := NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := administrator(tx, actor)
		if err != nil {
			return Outcome{}, err
		}
		item, personID := p.Items[0], p.Name
		now, err := personItem(tx.Reader, who.ID, item.Action, personID, item.Object)
		if err != nil {
			return Outcome{}, err
		}
		if !itemsMatch(su, who.PersonID, []pim.StepUpItem{now}) {
			return Outcome{}, pim.Refuse(pim.KindConflict, "This changed since you confirmed. Look at it again.")
		}
		if err := mayLetIn(tx.Reader, who, item.Action, su); err != nil {
			return Outcome{}, err
		}
		if item.Action == pim.ActionDisablePerson {
			if err := keepsHelp(tx, who, su, disabling(tx, personID)); err != nil {
				return Outcome{}, err
			}
		}
		if err := spend(tx, su); err != nil {
			return Outcome{}, err
		}
		out := Outcome{}
		if out.Back, err = personPage(tx.Reader, item.Action, personID); err != nil {
			return Outcome{}, err
		}
		switch item.Action {
		case pim.ActionConfirmAccount:
			out.Done = "Account confirmed."
			return out, confirmAccount(tx, who.ID, item.Object, su)
		case pim.ActionIssueVoucher:
			out.Voucher, out.Done = secret, "Voucher issued."
			return out, issueVoucher(tx, who.ID, personID, id, secret)
		case pim.ActionDisablePerson:
			out.Done = "Disabled. Everything they held is being taken away."
			return watchEnd(tx, who.ID, func() (Outcome, error) { return out, b.disablePerson(tx, personID, who.ID) })
		case pim.ActionEnablePerson:
			out.Done = "Enabled."
			return out, enablePerson(tx, personID, who.ID)
		default:
			out.Done = "Sessions ended."
			return out, endSessions(tx, personID, who.ID)
		}
	})
}

// mayLetIn refuses what gives somebody a way in when it was confirmed with a passkey that does not count yet
// (T2); what takes away is never refused for that.
func mayLetIn(r *store.Reader, who pim.Principal, action pim.StepUpAction, su pim.StepUp) error {
	if action == pim.ActionDisablePerson || action == pim.ActionEndSessions {
		return nil
	}
	role, err := r.Role(pim.RoleAdministrator)
	if err != nil {
		return err
	}
	return keyCounts(r, who, role, su)
}

func confirmAccount(tx *store.Tx, by, accountID string, su pim.StepUp) error {
	a, err := tx.Account(accountID)
	if err != nil {
		return found(err)
	}
	if a.ExternalID == "" {
		return pim.Refuse(pim.KindConflict, "This account was not found at the target yet, so there is nothing to confirm.")
	}
	a.ConfirmedAt, a.ConfirmedBy = tx.Now, by
	if err := tx.UpdateAccount(a); err != nil {
		return moved(err)
	}
	e := pim.PersonEvent(pim.EvAccountConfirmed, by, a.PrincipalID, a.ID).With("account", a.ExternalID).With("evidence", su.Digest())
	e.TargetID = a.TargetID
	tx.Emit(e)
	return nil
}

// issueVoucher makes a voucher for somebody who never had a passkey. Anything else would be a way around
// a passkey that one administrator holds alone (THREATS T3).
func issueVoucher(tx *store.Tx, by, personID, id, secret string) error {
	ever, err := tx.EverHadCredential(personID)
	if err != nil {
		return err
	}
	if ever {
		return pim.Refuse(pim.KindConflict, "This person had a passkey already, so a voucher is not enough. Two administrators replace lost ones on the person’s page; whoever runs the server does with `stint admin voucher --lost`.")
	}
	return giveVoucher(tx, by, personID, id, secret)
}

func giveVoucher(tx *store.Tx, by, personID, id, secret string) error {
	err := tx.InsertVoucher(store.Voucher{ID: id, Kind: "passkey", Hash: HashSecret(secret), PersonID: personID, IssuedBy: by, ExpiresAt: tx.Now.Add(VoucherLife)})
	if err != nil {
		return err
	}
	tx.Emit(pim.PersonEvent(pim.EvVoucherIssued, by, personID, id))
	return notify(tx, "A voucher for a passkey was issued for you. If you did not ask for it, tell an administrator.", "/passkeys", personID)
}

// IssueVoucher is `stint admin voucher PERSON`: whoever holds the host may make one, audited. With lost
// the person's passkeys are removed and their sessions ended first, and every administrator is told.
func (b *Broker) IssueVoucher(ctx context.Context, key string, lost bool) (secret string, err error) {
	secret, id := NewID(), NewID()
	return write(ctx, b, func(tx *store.Tx) (string, error) {
		p, err := tx.PrincipalByKey(pim.Person, strings.TrimPrefix(key, "person/"))
		if errors.Is(err, store.ErrNotFound) {
			p, err = tx.Principal(key)
		}
		if err != nil || p.Kind != pim.Person {
			return "", pim.Invalid("person", "No person %q is known. Use the id from the file or from the Person page's address.", key)
		}
		if !lost {
			return secret, issueVoucher(tx, pim.System, p.ID, id, secret)
		}
		if err := forgetPasskeys(tx, p, pim.System); err != nil {
			return "", err
		}
		if err := tellPasskeysRemoved(tx, p); err != nil {
			return "", err
		}
		return secret, giveVoucher(tx, pim.System, p.ID, id, secret)
	})
}

// forgetPasskeys removes a person's passkeys after they were lost, loudly.
func forgetPasskeys(tx *store.Tx, p pim.Principal, by string) error {
	credentials, err := tx.CredentialsOf(p.ID)
	if err != nil {
		return err
	}
	for _, c := range credentials {
		if err := tx.RemoveCredential(c.ID); err != nil {
			return moved(err)
		}
		tx.Emit(pim.PersonEvent(pim.EvCredentialRemoved, by, p.ID, c.ID).With("lost", true))
	}
	return endSessions(tx, p.ID, by)
}

func tellPasskeysRemoved(tx *store.Tx, p pim.Principal) error {
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, "The passkeys of "+p.Name+" were removed on the server, as lost.", "/people/"+p.ID, people...)
}

// disablePerson ends everything a person holds at once (P-11): activations, requests, sessions.
func (b *Broker) disablePerson(tx *store.Tx, personID, by string) error {
	if err := keepAdministrator(tx, disabling(tx, personID)); err != nil {
		return err
	}
	p, err := tx.Principal(personID)
	if err != nil {
		return found(err)
	}
	if !p.Enabled {
		return nil
	}
	p.Enabled = false
	if err := tx.UpdatePrincipal(p); err != nil {
		return moved(err)
	}
	tx.Emit(pim.PersonEvent(pim.EvPersonDisabled, by, p.ID, p.ID))
	return b.endAllOf(tx, p, by)
}

func (b *Broker) endAllOf(tx *store.Tx, p pim.Principal, by string) error {
	open, err := tx.OpenActivationsBy(p.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := b.end(tx, a, pim.OnPersonDisabled, by, "", ""); err != nil {
			return err
		}
	}
	if err := syncAssignmentNeedsOf(tx, p.ID); err != nil {
		return err
	}
	_, err = tx.EndSessionsOf(p.ID)
	return err
}

func enablePerson(tx *store.Tx, personID, by string) error {
	p, err := tx.Principal(personID)
	if err != nil {
		return found(err)
	}
	if p.Enabled {
		return nil
	}
	p.Enabled = true
	if err := tx.UpdatePrincipal(p); err != nil {
		return moved(err)
	}
	tx.Emit(pim.PersonEvent(pim.EvPersonEnabled, by, p.ID, p.ID))
	return errors.Join(tx.ForgetSyncOff(p.ID), syncAssignmentNeedsOf(tx, p.ID))
}

func endSessions(tx *store.Tx, personID, by string) error {
	n, err := tx.EndSessionsOf(personID)
	if err == nil {
		tx.Emit(pim.PersonEvent(pim.EvSessionsEnded, by, personID, personID).With("count", n))
	}
	return err
}

// SetFavourite marks or unmarks the role of one of the person's eligible assignments.
func (b *Broker) SetFavourite(ctx context.Context, actor Actor, assignmentID string, on bool) error {
	return do(ctx, b, func(tx *store.Tx) error {
		f, err := b.activationFacts(tx.Reader, actor, pim.ActivationRequest{AssignmentID: assignmentID})
		if err != nil {
			return err
		}
		return tx.SetFavourite(actor.PrincipalID, f.Role.ID, f.Assignment.ResourceID, on)
	})
}

// SetProfile saves the person's time zone and theme.
func (b *Broker) SetProfile(ctx context.Context, actor Actor, zone, theme string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		p, err := person(tx.Reader, actor)
		if err != nil {
			return err
		}
		p.Zone, p.Theme = zone, theme
		return moved(tx.UpdatePrincipal(p))
	})
}

// ReadNotices marks the person's notices read.
func (b *Broker) ReadNotices(ctx context.Context, actor Actor) error {
	return do(ctx, b, func(tx *store.Tx) error { return tx.ReadNotices(actor.PrincipalID, tx.Now) })
}
