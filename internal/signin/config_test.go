package signin_test

import (
	"strings"
	"testing"
	"time"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

func TestConfigIsRefusedInPlainWords(t *testing.T) {
	for field, change := range map[string]func(*signin.Config){
		"issuer: \"login.example.org\"":         func(c *signin.Config) { c.Issuer = "login.example.org" },
		"issuer: \"http://login.example.org":    func(c *signin.Config) { c.Issuer = "http://login.example.org" },
		"issuer: \"https://u@login":             func(c *signin.Config) { c.Issuer = "https://u@login.example.org" },
		"issuer: \"https://login.example.org/?": func(c *signin.Config) { c.Issuer = "https://login.example.org/?tenant=1" },
		"client id:":                            func(c *signin.Config) { c.ClientID = "" },
		"redirect URL: \"/callback\"":           func(c *signin.Config) { c.RedirectURL = "/callback" },
		"redirect URL: \"http://stint":          func(c *signin.Config) { c.RedirectURL = "http://stint.example.org/callback" },
		"max age: 1.5s":                         func(c *signin.Config) { c.MaxAge = 1500 * time.Millisecond },
		"max age: -1s":                          func(c *signin.Config) { c.MaxAge = -time.Second },
		"enrolment claim:":                      func(c *signin.Config) { c.EnrolValues = nil },
		"Now is not set":                        func(c *signin.Config) { c.Now = nil },
	} {
		good := &oidc.Provider{Issuer: "https://login.example.org", ClientID: "stint", Now: time.Now}
		if _, err := signin.New(config(good, nil)); err != nil {
			t.Fatal(err)
		}
		_, err := signin.New(config(good, change))
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want it to name %s", err, field)
		}
	}
}
