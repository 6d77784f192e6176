package web

import (
	"net/http"
	"strings"

	"stint/internal/broker"
	"stint/internal/store"
	"stint/views"
)

// PasskeysPage is GET /passkeys.
func (s *Server) PasskeysPage(q *request) error {
	v, err := s.passkeys(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.Passkeys(v))
}

// passkeys is the page with its empty form; what allows a new passkey is decided again when it is asked for.
func (s *Server) passkeys(q *request) (views.PasskeysView, error) {
	kept, err := data(q.session)
	if err != nil {
		return views.PasskeysView{}, err
	}
	v, err := read(s, q, func(r *store.Reader) (v views.PasskeysView, err error) {
		credentials, err := r.CredentialsOf(q.who.ID)
		if err != nil {
			return v, err
		}
		rule, err := broker.KeyRule(r)
		if err != nil {
			return v, err
		}
		v.Makes = rule.Possible()
		for _, c := range credentials {
			v.Rows = append(v.Rows, views.PasskeyRow{ID: c.ID, Name: c.Name, Synced: c.BackedUp, Attested: rule.Counts(c), CreatedAt: c.CreatedAt, LastUsed: c.LastUsedAt})
		}
		own, err := loadRoles(r, q, nil)
		if err != nil {
			return v, err
		}
		v.Needed = own.asking()
		v.By, err = enrolBy(r, q.who.ID, len(credentials), s.claimFresh(q, kept))
		return v, err
	})
	if err != nil {
		return v, err
	}
	v.Shell, err = s.shell(q)
	return v, err
}

func enrolBy(r *store.Reader, personID string, have int, claim bool) (views.EnrolBy, error) {
	if have > 0 {
		return views.ByExisting, nil
	}
	ever, err := r.EverHadCredential(personID)
	if claim && !ever {
		return views.ByClaim, err
	}
	return views.ByVoucher, err
}

// claimLife is how long after the sign-in the provider's claim may enrol a first passkey: a cookie stolen
// later must not (THREATS T2).
const claimLife = broker.VoucherLife

func (s *Server) claimFresh(q *request, kept sessionData) bool {
	return s.claim && kept.Claim && q.now.Sub(rowOf(q.session).CreatedAt) < claimLife
}

// AddPasskey is POST /passkeys/new: the first with a voucher or the provider's claim, a further one with
// a passkey that is there (THREATS T2).
func (s *Server) AddPasskey(q *request) error {
	kept, err := data(q.session)
	if err != nil {
		return err
	}
	name, voucher := strings.TrimSpace(q.FormValue("name")), q.FormValue("voucher")
	out, err := s.broker.BeginCredential(q.ctx(), q.actor(), name, broker.Enrolment{Voucher: voucher, Claim: s.claimFresh(q, kept)})
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.passkeysAgain(q, func(v *views.PasskeysView) { v.Errors, v.Name, v.Voucher = wrong, name, voucher })
	} else if other != nil {
		return other
	}
	kept.PasskeyName = name
	if err := q.keep(kept); err != nil {
		return err
	}
	return s.follow(q, out)
}

// passkeysAgain shows the page with what was refused (422).
func (s *Server) passkeysAgain(q *request, fill func(*views.PasskeysView)) error {
	v, err := s.passkeys(q)
	if err != nil {
		return err
	}
	fill(&v)
	return s.page(q, http.StatusUnprocessableEntity, views.Passkeys(v))
}

// RenamePasskey is POST /passkeys/:id/name.
func (s *Server) RenamePasskey(q *request) error {
	name := q.FormValue("name")
	err := s.broker.RenameCredential(q.ctx(), q.actor(), q.Param("id"), name)
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.passkeysAgain(q, func(v *views.PasskeysView) {
			for i := range v.Rows {
				if v.Rows[i].ID == q.Param("id") {
					v.Rows[i].Name, v.Rows[i].Error = name, wrong["name"]
				}
			}
		})
	} else if other != nil {
		return other
	}
	return s.follow(q, broker.Outcome{Back: "/passkeys", Done: "Renamed."})
}

// RemovePasskey is POST /passkeys/:id/remove.
func (s *Server) RemovePasskey(q *request) error {
	out, err := s.broker.RemoveCredential(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return err
	}
	return s.follow(q, out)
}
