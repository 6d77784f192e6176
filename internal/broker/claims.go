package broker

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/store"
)

// ClaimNames say which claims of the provider hold a person's attributes; an empty name reads none.
type ClaimNames struct {
	Department string
	Title      string
	Manager    string // the manager's subject at the same provider
	Guest      string // true, 1 or "guest"
}

const maxClaimText = 200 // characters, as in a file

// takeClaims lets a person's attributes follow what the provider says of them, with an event when one changed.
func (b *Broker) takeClaims(tx *store.Tx, p pim.Principal, id signin.Identity) (pim.Principal, error) {
	said, err := b.saidBy(tx.Reader, id)
	if err != nil {
		return p, err
	}
	next := p.TakeClaims(said)
	if next == p {
		return p, nil
	}
	if err := tx.UpdatePrincipal(next); err != nil {
		return p, moved(err)
	}
	next.Version++
	tx.Emit(savedEvent(p.ID, next).With("claimed", next.Claimed))
	return next, nil
}

func (b *Broker) saidBy(r *store.Reader, id signin.Identity) (said pim.Attributes, err error) {
	said.Department, said.Title = claimText(id, b.claims.Department), claimText(id, b.claims.Title)
	said.Guest = claimGuest(id.Claims[b.claims.Guest])
	subject := claimText(id, b.claims.Manager)
	if subject == nil {
		return said, nil
	}
	m, err := r.PrincipalBySubject(id.Issuer, *subject)
	if errors.Is(err, store.ErrNotFound) || *subject == "" {
		m, err = pim.Principal{}, nil
	}
	said.Manager = &m.ID
	return said, err
}

// claimText is a claim that is a text, without what a page must not show; nil when the provider said nothing.
func claimText(id signin.Identity, name string) *string {
	s, ok := id.Claims[name].(string)
	if !ok || name == "" || utf8.RuneCountInString(s) > maxClaimText || pim.CheckJustification(s, false) != "" {
		return nil
	}
	s = strings.TrimSpace(s)
	return &s
}

func claimGuest(value any) *bool {
	var guest bool
	switch v := value.(type) {
	case bool:
		guest = v
	case json.Number:
		guest = v.String() == "1"
	case string:
		guest = v == "1" || strings.EqualFold(v, "true") || strings.EqualFold(v, "guest")
	default:
		return nil
	}
	return &guest
}

// savedEvent says what a person or group is from now on.
func savedEvent(by string, h pim.Principal) pim.Event {
	e := personEvent(pim.EvPrincipalSaved, h)
	e.Actor = by
	return e
}
