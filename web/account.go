package web

import (
	"net/http"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

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
		for _, c := range credentials {
			v.Rows = append(v.Rows, views.PasskeyRow{ID: c.ID, Name: c.Name, Synced: c.BackedUp, CreatedAt: c.CreatedAt, LastUsed: c.LastUsedAt})
		}
		eligible, err := s.loadEligible(r, q, nil)
		if err != nil {
			return v, err
		}
		v.Needed = eligible.asking()
		v.By, err = enrolBy(r, q.who.ID, len(credentials), s.claim && kept.Claim)
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

// AddPasskey is POST /passkeys/new: the first with a voucher or the provider's claim, a further one with
// a passkey that is there (THREATS T2).
func (s *Server) AddPasskey(q *request) error {
	kept, err := data(q.session)
	if err != nil {
		return err
	}
	name, voucher := strings.TrimSpace(q.FormValue("name")), q.FormValue("voucher")
	out, err := s.broker.BeginCredential(q.ctx(), q.actor(), name, broker.Enrolment{Voucher: voucher, Claim: s.claim && kept.Claim})
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

// ProfilePage is GET /profile.
func (s *Server) ProfilePage(q *request) error {
	return s.profile(q, http.StatusOK, q.who.Zone, q.who.Theme, nil)
}

// SaveProfile is POST /profile.
func (s *Server) SaveProfile(q *request) error {
	zone, theme := strings.TrimSpace(q.FormValue("zone")), q.FormValue("theme")
	wrong := views.Errors{}
	if !knownZone(zone) {
		wrong["zone"] = "This is not a time zone. Choose one such as Europe/Berlin, or leave it empty."
	}
	if theme != "" && theme != "light" && theme != "dark" {
		wrong["theme"] = "Choose System, Light or Dark."
	}
	if len(wrong) > 0 {
		return s.profile(q, http.StatusUnprocessableEntity, clip(zone, 64), q.who.Theme, wrong)
	}
	if err := s.broker.SetProfile(q.ctx(), q.actor(), zone, theme); err != nil {
		return err
	}
	return s.follow(q, broker.Outcome{Back: "/profile", Done: "Saved."})
}

// knownZone takes names of the time zone database; "Local" would mean the server's.
func knownZone(name string) bool {
	if name == "" {
		return true
	}
	_, err := time.LoadLocation(name)
	return err == nil && name != "Local" && len(name) <= 64
}

// someZones are offered; any name of the time zone database may be typed.
var someZones = []string{"UTC", "Africa/Johannesburg", "Africa/Lagos", "America/Chicago", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo",
	"Asia/Dubai", "Asia/Kolkata", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Berlin", "Europe/Lisbon", "Europe/London",
	"Europe/Madrid", "Europe/Paris", "Europe/Warsaw", "Pacific/Auckland"}

func (s *Server) profile(q *request, status int, zone, theme string, wrong views.Errors) error {
	facts, err := read(s, q, func(r *store.Reader) ([]views.Detail, error) { return profileFacts(r, q.who) })
	if err != nil {
		return err
	}
	shell, err := s.shell(q)
	if err != nil {
		return err
	}
	shell.Theme = theme
	return s.page(q, status, views.Profile(views.ProfileView{Shell: shell, ZoneName: zone, Zones: someZones, Errors: wrong, Facts: facts}))
}

// profileFacts is what Stint knows about somebody.
func profileFacts(r *store.Reader, p pim.Principal) ([]views.Detail, error) {
	groups, err := r.GroupsOf(p.ID)
	if err != nil {
		return nil, err
	}
	named, err := r.Names(groups)
	delete(named, p.ID)
	var list []string
	for _, id := range groups {
		if named[id] != "" {
			list = append(list, named[id])
		}
	}
	facts := []views.Detail{{Term: "Mail", Value: p.Email}, {Term: "Department", Value: p.Department}, {Term: "Title", Value: p.Title},
		{Term: "Groups", Value: strings.Join(list, ", ")}, {Term: "Issuer", Value: p.Issuer}, {Term: "Subject", Value: p.Subject, Code: true}}
	var out []views.Detail
	for _, f := range facts {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out, err
}
