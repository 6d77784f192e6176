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
