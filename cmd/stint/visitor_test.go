//go:build linux

package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/oidcprovider"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

// visitor is somebody with a browser and a passkey at the real server.
type visitor struct {
	*stinttest.Person
	host *host
}

// visitor opens a browser for the person of this login.
func (h *host) visitor(login string) *visitor {
	h.Helper()
	return &visitor{host: h, Person: &stinttest.Person{World: &stinttest.World{TB: h.T, URL: h.url}, Client: h.browser(), ID: login,
		Passkey: passkey.New(h.url, "localhost")}}
}

// signIn goes to the third-party provider, through its forms, and back.
func (v *visitor) signIn(p *oidcprovider.Provider) *stinttest.Page {
	v.World.Helper()
	start := v.Get("/sign-in/start").Want(v.host, http.StatusSeeOther)
	back := p.SignIn(v.host.T, v.Client.Client, start.Location(), v.ID)
	return v.Get(back.String()).Want(v.host, http.StatusSeeOther)
}

// enrol adds a passkey with a voucher.
func (v *visitor) enrol(voucher string) {
	v.World.Helper()
	page := v.Post("/passkeys/new", "name", "Laptop", "voucher", voucher).Want(v.host, http.StatusSeeOther)
	v.Confirm(page.Location()).Want(v.host, http.StatusSeeOther)
}

// assignment finds what one may activate by the ids in the file.
func (h *host) assignment(login, role string) string {
	h.Helper()
	return inDatabase(h, func(r *store.Reader) (string, error) {
		all, err := r.Assignments()
		if err != nil {
			return "", err
		}
		for _, a := range all {
			p, err := r.Principal(a.PrincipalID)
			if err != nil {
				return "", err
			}
			d, err := r.Role(a.RoleID)
			if err != nil {
				return "", err
			}
			if p.Key == login && d.Key == role && a.EndedAt.IsZero() {
				return a.ID, nil
			}
		}
		return "", store.ErrNotFound
	})
}

// awaitPage polls a page until its main part says all of words.
func (v *visitor) awaitPage(path string, within time.Duration, words ...string) {
	v.World.Helper()
	v.host.await(within, func() string {
		text := v.Get(path).Text("main")
		for _, w := range words {
			if !strings.Contains(text, w) {
				return path + " does not say " + w + ": " + text
			}
		}
		return ""
	})
}

// administer makes the visitor the first administrator by the link that the host made, and activates the role.
func (v *visitor) administer() {
	v.World.Helper()
	v.host.stint("admin", "link")
	link, err := url.Parse(v.host.read("data/admin-link"))
	v.host.ok(err)
	v.Get(link.Path).Want(v.host, http.StatusOK)
	page := v.Post(link.Path).Want(v.host, http.StatusOK)
	v.enrol(page.Find(`input[name="voucher"]`).AttrOr("value", ""))
	mine := inDatabase(v.host, func(r *store.Reader) (string, error) {
		all, err := r.Assignments()
		for _, a := range all {
			if a.RoleID == pim.RoleAdministrator {
				return a.ID, nil
			}
		}
		return "", err
	})
	v.Activate(mine)
	v.Get("/people").Want(v.host, http.StatusOK)
}
