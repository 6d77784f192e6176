package broker

import (
	"context"
	"errors"
	"time"

	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/store"
)

const (
	// recheckTurn is how long whoever asks the provider about a session is alone with it, and when a question without
	// an answer is asked again. It is longer than the question can take.
	recheckTurn = time.Minute
	// always is an idle time no session reaches.
	always = 366 * 24 * time.Hour
)

// Refresher asks the provider about a session; signin.Client is one.
type Refresher interface {
	Refresh(ctx context.Context, refreshToken, issuer, subject string) (signin.Identity, error)
}

// RecheckDue reports whether the provider is to be asked about a session now.
func (b *Broker) RecheckDue(s store.SessionRow) bool {
	return s.Refresh != "" && !s.RecheckAt.IsZero() && !b.clock().Before(s.RecheckAt)
}

// Recheck asks the provider whether a session goes on there, and takes the person's groups of now. Of all who ask at
// once, on every node, one does: a refresh token that is replaced with each use may be used once. A provider
// that says no ends the session; one that says nothing does not, until the session's own end (THREATS F13).
func (b *Broker) Recheck(ctx context.Context, provider Refresher, s store.SessionRow, every, groupsFresh time.Duration) error {
	who, err := b.takeRecheck(ctx, s)
	if errors.Is(err, store.ErrConflict) {
		return nil // somebody else asks, or the session is over
	}
	if err != nil {
		return err
	}
	token, err := b.sealer.Unseal(refreshRow(s), s.Refresh)
	if err != nil { // sealed with another key: the provider can never be asked again
		return errors.Join(err, do(ctx, b, func(tx *store.Tx) error { return endRefused(tx, s.Handle, "unreadable") }))
	}
	id, asked := provider.Refresh(ctx, string(token), who.Issuer, who.Subject)
	var refusal signin.Refusal
	if errors.As(asked, &refusal) && refusal.Final() {
		return do(ctx, b, func(tx *store.Tx) error { return endRefused(tx, s.Handle, string(refusal.Code)) })
	}
	sealed, err := b.sealRefresh(s, id.RefreshToken)
	if err != nil {
		return errors.Join(asked, err)
	}
	return errors.Join(asked, b.keepRecheck(ctx, s, sealed, id, asked == nil, every, groupsFresh))
}

func (b *Broker) takeRecheck(ctx context.Context, s store.SessionRow) (pim.Principal, error) {
	return write(ctx, b, func(tx *store.Tx) (pim.Principal, error) {
		if err := tx.ClaimRecheck(s, tx.Now.Add(recheckTurn)); err != nil {
			return pim.Principal{}, err
		}
		return tx.Principal(s.PrincipalID)
	})
}

// keepRecheck keeps the token to use next and, with an answer, what it says. A session that ended meanwhile stays so.
func (b *Broker) keepRecheck(ctx context.Context, s store.SessionRow, sealed string, id signin.Identity, answered bool, every, groupsFresh time.Duration) error {
	return do(ctx, b, func(tx *store.Tx) error {
		next := tx.Now.Add(recheckTurn)
		if answered {
			next = tx.Now.Add(every)
		}
		if err := tx.SaveRefresh(s.Handle, sealed, next); errors.Is(err, store.ErrConflict) {
			return nil
		} else if err != nil || !answered {
			return err
		}
		p, err := tx.Principal(s.PrincipalID)
		if err != nil {
			return err
		}
		if p, err = b.takeClaims(tx, p, id); err != nil {
			return err
		}
		return b.syncClaimGroups(tx, p, id, groupsFresh)
	})
}

func endRefused(tx *store.Tx, handle, code string) error {
	s, err := tx.SessionByHandle(handle) // its id may be another by now
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return endOne(tx, s, pim.System, endedByProvider, code)
}

// sealRefresh seals a refresh token to its session, whose handle stays when its id changes.
func (b *Broker) sealRefresh(s store.SessionRow, token string) (string, error) {
	if token == "" || s.RecheckAt.IsZero() {
		return "", nil // what is not used is not kept
	}
	return b.sealer.Seal(refreshRow(s), []byte(token))
}

func refreshRow(s store.SessionRow) string { return "session/" + s.Handle }
