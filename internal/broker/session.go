package broker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/stepup"
	"stint/internal/store"
)

// Arrival is how somebody arrives from the provider.
type Arrival struct {
	Session     store.SessionRow              // with RecheckAt where the provider is to be asked again then
	Known       func(principalID string) bool // whether this browser signed them in before
	GroupsFresh time.Duration                 // how long membership from a claim counts
}

// SignIn finds or makes the principal of a verified identity and starts a session. Somebody known
// beforehand is bound once, on exactly one hit of their claim; an account made anew at the provider has
// another subject and never binds again (DESIGN §3). A browser not seen before leaves a notice (THREATS T1).
func (b *Broker) SignIn(ctx context.Context, id signin.Identity, in Arrival) (pim.Principal, error) {
	fresh, s := NewID(), in.Session
	s.Handle, s.SID = NewID(), id.SID
	var err error
	if s.Refresh, err = b.sealRefresh(s, id.RefreshToken); err != nil {
		return pim.Principal{}, err
	}
	if s.Refresh == "" {
		s.RecheckAt = time.Time{}
	}
	return write(ctx, b, func(tx *store.Tx) (pim.Principal, error) {
		p, err := b.principalFor(tx, id, fresh)
		if err != nil {
			return p, err
		}
		if !p.Enabled {
			tx.Emit(pim.PersonEvent(pim.EvSignInRefused, p.ID, p.ID, "").AsRefused().With("rule", "disabled"))
			return p, pim.Refuse(pim.KindForbidden, "Your access to Stint is disabled. Ask an administrator.")
		}
		if p, err = b.takeClaims(tx, p, id); err != nil {
			return p, err
		}
		if err := b.syncClaimGroups(tx, p, id, in.GroupsFresh); err != nil {
			return p, err
		}
		row := s
		row.PrincipalID = p.ID
		if err := tx.InsertSession(row); err != nil {
			return p, err
		}
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, p.ID, p.ID, row.Handle).With("phishing_resistant", id.PhishingResistant).WithText("browser", row.Browser).WithText("address", row.Address))
		if err := tellNewBrowser(tx, p, row, in.Known); err != nil {
			return p, err
		}
		return p, tx.SawPerson(p.ID, tx.Now)
	})
}

// tellNewBrowser tells somebody of a sign-in from a browser that never signed them in; their first is no news.
func tellNewBrowser(tx *store.Tx, p pim.Principal, s store.SessionRow, known func(string) bool) error {
	if p.LastSeenAt.IsZero() || known == nil || known(p.ID) {
		return nil
	}
	return notify(tx, "You signed in from a browser not seen before: "+s.Browser+", "+s.Address+". If that was not you, end that session and tell an administrator.", "/sessions", p.ID)
}

func (b *Broker) principalFor(tx *store.Tx, id signin.Identity, fresh string) (pim.Principal, error) {
	p, err := tx.PrincipalBySubject(id.Issuer, id.Subject)
	if !errors.Is(err, store.ErrNotFound) {
		return p, err
	}
	hits, err := b.bindable(tx.Reader, id)
	if err != nil {
		return p, err
	}
	if len(hits) == 1 {
		return bind(tx, hits[0], id)
	}
	p = pim.Principal{ID: fresh, Kind: pim.Person, Name: nameOf(id), Email: id.Email, Issuer: id.Issuer, Subject: id.Subject, PersonID: fresh,
		Enabled: true, Source: pim.SourceSignIn, Version: 1}
	if err := tx.InsertPrincipal(p); err != nil {
		return p, err
	}
	tx.Emit(pim.PersonEvent(pim.EvPrincipalSaved, p.ID, p.ID, p.ID).With("source", string(p.Source)).With("claim_hits", int64(len(hits))).WithText("name", p.Name))
	return p, nil
}

// bindable lists the people known beforehand whose claim this identity shows. Only claims configured as
// not editable by people are compared, letter by letter; an e-mail counts only when it is verified.
func (b *Broker) bindable(r *store.Reader, id signin.Identity) ([]pim.Principal, error) {
	var hits []pim.Principal
	for _, claim := range b.binding {
		value, ok := id.Claims[claim].(string)
		if !ok || value == "" || (claim == "email" && !id.EmailVerified) {
			continue
		}
		some, err := r.PrincipalsToBind(claim, value)
		if err != nil {
			return nil, err
		}
		hits = append(hits, some...)
	}
	return hits, nil
}

func bind(tx *store.Tx, p pim.Principal, id signin.Identity) (pim.Principal, error) {
	p.Issuer, p.Subject = id.Issuer, id.Subject
	if p.Email == "" {
		p.Email = id.Email
	}
	if err := tx.UpdatePrincipal(p); err != nil {
		return p, moved(err)
	}
	p.Version++
	tx.Emit(pim.PersonEvent(pim.EvPersonBound, p.ID, p.ID, p.ID).With("claim", p.MatchClaim).WithText("issuer", id.Issuer).WithText("subject", id.Subject))
	return p, nil
}

func nameOf(id signin.Identity) string {
	for _, n := range []string{id.Name, id.PreferredUsername, id.Email, id.Subject} {
		if n != "" {
			return n
		}
	}
	return "Unnamed"
}

// syncClaimGroups takes group membership from the provider's claim. Absent is not empty: without the
// claim nothing changes, and what came from a claim lapses by itself (invariant 9).
func (b *Broker) syncClaimGroups(tx *store.Tx, p pim.Principal, id signin.Identity, fresh time.Duration) error {
	if !id.GroupsPresent {
		return nil
	}
	groups, err := tx.Principals(pim.Group)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, g := range id.Groups {
		has[g] = true
	}
	if err := tx.Carries(p.ID, id.Groups); err != nil {
		return err
	}
	current, err := tx.ClaimGroupsOf(p.ID)
	if err != nil {
		return err
	}
	changed := false
	for _, g := range groups {
		if g.MatchValue == "" {
			continue
		}
		m := pim.Membership{GroupID: g.ID, MemberID: p.ID, Source: pim.SourceSignIn, FreshUntil: tx.Now.Add(fresh)}
		switch {
		case has[g.MatchValue]:
			if err := tx.AddMember(m); err != nil {
				return err
			}
			if !current[g.ID] {
				changed = true
				tx.Emit(pim.PersonEvent(pim.EvMemberAdded, pim.System, p.ID, g.ID).With("source", "claim"))
			}
		case current[g.ID]:
			changed = true
			if err := tx.RemoveMember(m); err != nil {
				return err
			}
			tx.Emit(pim.PersonEvent(pim.EvMemberRemoved, pim.System, p.ID, g.ID).With("source", "claim"))
		}
	}
	if !changed {
		return nil
	}
	return b.recheck(tx, p)
}

// RenewSession gives a session another id, with everything begun in it: an id known before a step-up or a
// change of rights opens nothing after it (THREATS T5). Its ends stay as they were.
func (b *Broker) RenewSession(ctx context.Context, actor Actor, id string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		if err := tx.RenewSession(actor.SessionID, id); err != nil {
			return found(err)
		}
		waiting, err := tx.CeremoniesOf(actor.SessionID)
		if err != nil {
			return err
		}
		for _, w := range waiting {
			var c stepup.Ceremony
			if err := json.Unmarshal(w.Ceremony, &c); err != nil {
				return err
			}
			c.SessionHash = id
			if w.Ceremony, err = json.Marshal(c); err != nil {
				return err
			}
			if err := tx.MoveCeremony(w.ID, id, w.Ceremony); err != nil {
				return err
			}
		}
		return nil
	})
}

// SaveSession writes a session's data.
func (b *Broker) SaveSession(ctx context.Context, s store.SessionRow) error {
	return do(ctx, b, func(tx *store.Tx) error { return tx.SaveSession(s) })
}

// TouchSession records use of a session and its person; callers do so at most once a minute.
func (b *Broker) TouchSession(ctx context.Context, id, principalID string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		if err := tx.SawSession(id); err != nil {
			return err
		}
		return tx.SawPerson(principalID, tx.Now)
	})
}

// sessionNow is the actor with the id their session has at this instant: another of their pages may have renewed it
// since their request was let in.
func sessionNow(r *store.Reader, actor Actor) (Actor, error) {
	s, err := r.SessionByHandle(actor.Session)
	if errors.Is(err, store.ErrNotFound) {
		return actor, nil
	}
	if err == nil && s.PrincipalID == actor.PrincipalID {
		actor.SessionID = s.ID
	}
	return actor, err
}

// SignOut ends the session.
func (b *Broker) SignOut(ctx context.Context, actor Actor) error {
	return do(ctx, b, func(tx *store.Tx) error {
		actor, err := sessionNow(tx.Reader, actor)
		if err != nil {
			return err
		}
		ended, err := tx.EndSession(actor.SessionID)
		if err == nil && ended {
			tx.Emit(pim.PersonEvent(pim.EvSignedOut, actor.PrincipalID, actor.PrincipalID, ""))
		}
		return err
	})
}

// AdminLink is `stint admin link`: a one-time secret that makes its opener an administrator, good for 15
// minutes; a new one kills the old. Whoever holds the host can always make one, audited.
func (b *Broker) AdminLink(ctx context.Context) (secret string, err error) {
	secret, id := NewID(), NewID()
	return write(ctx, b, func(tx *store.Tx) (string, error) {
		err := tx.InsertVoucher(store.Voucher{ID: id, Kind: "admin", Hash: HashSecret(secret), IssuedBy: pim.System, ExpiresAt: tx.Now.Add(VoucherLife)})
		if err != nil {
			return "", err
		}
		tx.Emit(pim.Event{Type: pim.EvAdminLinkIssued, Actor: pim.System, ObjectID: id, Result: pim.OK})
		people, err := administrators(tx.Reader)
		if err != nil {
			return "", err
		}
		return secret, notify(tx, "An administrator link was made on the server.", "/audit", people...)
	})
}

// UseAdminLink makes the signed-in person permanently eligible for Privileged Role Administrator and
// gives them a voucher for their first passkey.
func (b *Broker) UseAdminLink(ctx context.Context, actor Actor, secret string) (Outcome, error) {
	assignment, voucher, voucherID := NewID(), NewID(), NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		if _, err := tx.TakeVoucher("admin", HashSecret(secret), ""); err != nil {
			if errors.Is(err, store.ErrNotFound) {
				tx.Emit(pim.PersonEvent(pim.EvVoucherRefused, who.ID, who.ID, "").AsRefused().With("kind", "admin"))
				err = pim.Refuse(pim.KindForbidden, "This link is used, replaced or older than 15 minutes. Run `stint admin link` again.")
			}
			return Outcome{}, err
		}
		tx.Emit(pim.PersonEvent(pim.EvAdminLinkUsed, who.ID, who.ID, "").WithText("issuer", who.Issuer).WithText("subject", who.Subject))
		people, err := administrators(tx.Reader)
		if err != nil {
			return Outcome{}, err
		}
		if err := notify(tx, who.Name+" became an administrator by a link from the server.", "/people/"+who.ID, people...); err != nil {
			return Outcome{}, err
		}
		if err := makeAdministrator(tx, who, assignment); err != nil {
			return Outcome{}, err
		}
		out := Outcome{Back: "/passkeys", Done: "You may now activate Privileged Role Administrator."}
		ever, err := tx.EverHadCredential(who.ID)
		if err != nil || ever {
			return out, err
		}
		out.Voucher = voucher
		return out, issueVoucher(tx, pim.System, who.ID, voucherID, voucher)
	})
}

func makeAdministrator(tx *store.Tx, who pim.Principal, id string) error {
	mine, err := tx.AssignmentsFor(who.ID, pim.Eligible)
	if err != nil {
		return err
	}
	for _, a := range mine {
		if a.RoleID == pim.RoleAdministrator && a.EndsAt.IsZero() {
			return nil
		}
		if a.RoleID == pim.RoleAdministrator && a.PrincipalID == who.ID {
			a.EndsAt = time.Time{}
			tx.Emit(pim.AssignmentEvent(pim.EvAssignmentChanged, a, pim.System))
			return tx.UpdateAssignment(a)
		}
	}
	a := pim.Assignment{ID: id, PrincipalID: who.ID, RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Eligible,
		StartsAt: tx.Now, Source: pim.SourceLink}
	tx.Emit(pim.AssignmentEvent(pim.EvAssignmentMade, a, pim.System))
	return tx.InsertAssignment(a)
}

// AcceptClock is `stint admin clock-accept`.
func (b *Broker) AcceptClock(ctx context.Context) error {
	b.store.Clock().Accept()
	id := NewID()
	return do(ctx, b, func(tx *store.Tx) error {
		tx.Emit(pim.Event{Type: pim.EvClockAccepted, Actor: pim.System, Result: pim.OK})
		return tx.SetMeta(store.MetaClockAccepted, id) // other nodes accept it too
	})
}
