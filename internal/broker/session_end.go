package broker

import (
	"context"
	"crypto/sha256"
	"errors"

	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/store"
)

// Who or what ended a session, in its event.
const (
	endedByOwner    = "owner"    // on the page of their sessions
	endedByLogout   = "logout"   // the provider sent a logout token
	endedByProvider = "provider" // the provider was asked and said no
)

// EndOwnSession ends another session of the actor's; it is named by its handle, which opens nothing (THREATS T1). No
// passkey is asked for: whoever can only end sessions gains nothing by it.
func (b *Broker) EndOwnSession(ctx context.Context, actor Actor, handle string) (Outcome, error) {
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		s, err := tx.SessionByHandle(handle)
		if err != nil {
			return Outcome{}, found(err)
		}
		actor, err := sessionNow(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		switch {
		case s.PrincipalID != actor.PrincipalID:
			return Outcome{}, pim.NotFound()
		case s.ID == actor.SessionID:
			return Outcome{}, pim.Refuse(pim.KindConflict, "This is the session you are in. Sign out to end it.")
		}
		return Outcome{Back: "/sessions", Done: "Session ended."}, endOne(tx, s, actor.PrincipalID, endedByOwner, "")
	})
}

// EndOtherSessions ends every session of the actor's but the one they are in.
func (b *Broker) EndOtherSessions(ctx context.Context, actor Actor) (Outcome, error) {
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		actor, err := sessionNow(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		mine, err := tx.SessionsOf(actor.PrincipalID, always)
		if err != nil {
			return Outcome{}, err
		}
		for _, s := range mine {
			if s.ID == actor.SessionID {
				continue
			}
			if err := endOne(tx, s, actor.PrincipalID, endedByOwner, ""); err != nil {
				return Outcome{}, err
			}
		}
		return Outcome{Back: "/sessions", Done: "All other sessions ended."}, nil
	})
}

// ErrLogoutReplayed says that a logout token was used before.
var ErrLogoutReplayed = signin.Refusal{Code: signin.CodeLogoutID, Message: "This logout token was used before."}

// ProviderLogout ends what a provider's logout token names (Back-Channel Logout §2.7): the sessions it calls sid, all of
// a person where it names no session, and both for one whose name Stint never learnt. Each token counts once on
// this node; elsewhere and after a start it can end only what was begun before it.
func (b *Broker) ProviderLogout(ctx context.Context, l signin.Logout) error {
	id := sha256.Sum256([]byte(l.Issuer + "\x00" + l.ID))
	if !b.logouts.once(id, b.clock(), l.IssuedAt.Add(signin.LogoutAge+2*signin.ClockSkew)) {
		return ErrLogoutReplayed
	}
	err := do(ctx, b, func(tx *store.Tx) error {
		over, err := namedBy(tx.Reader, l)
		if err != nil {
			return err
		}
		for _, s := range over {
			if err := endOne(tx, s, pim.System, endedByLogout, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.logouts.again(id) // the provider may send it again
	}
	return err
}

// namedBy lists the sessions a logout token is about. What was begun after the token was made is not.
func namedBy(r *store.Reader, l signin.Logout) ([]store.SessionRow, error) {
	candidates, err := candidatesOf(r, l)
	if err != nil {
		return nil, err
	}
	var out []store.SessionRow
	for _, s := range candidates {
		named := l.SID == "" || s.SID == "" || s.SID == l.SID
		if named && !s.CreatedAt.After(l.IssuedAt.Add(signin.ClockSkew)) {
			out = append(out, s)
		}
	}
	return out, nil
}

func candidatesOf(r *store.Reader, l signin.Logout) ([]store.SessionRow, error) {
	if l.Subject == "" {
		return r.SessionsNamed(l.Issuer, l.SID)
	}
	p, err := r.PrincipalBySubject(l.Issuer, l.Subject)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // whoever never came is signed out
	}
	if err != nil {
		return nil, err
	}
	return r.SessionsOf(p.ID, always)
}

// endOne ends a session with its event; one that is over already leaves none. code says more, or is empty.
func endOne(tx *store.Tx, s store.SessionRow, by, why, code string) error {
	ended, err := tx.EndSession(s.ID)
	if err != nil || !ended {
		return err
	}
	e := pim.PersonEvent(pim.EvSessionRevoked, by, s.PrincipalID, s.Handle).With("ended_by", why)
	if code != "" {
		e = e.With("code", code)
	}
	tx.Emit(e)
	return nil
}
