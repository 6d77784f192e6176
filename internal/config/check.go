package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of sessions: NIST SP 800-63B-4 section 2.2.3 for AAL2, an overall time-out of at most 24 h and one for
// inactivity of at most 1 h.
const (
	MinSessionIdle     = time.Minute
	MaxSessionIdle     = time.Hour
	MinSessionAbsolute = 5 * time.Minute
	MaxSessionAbsolute = 24 * time.Hour
	minMaxAge          = time.Minute
	maxMaxAge          = 24 * time.Hour
	minRevalidate      = time.Minute
	maxRevalidate      = 24 * time.Hour
	maxOrganisation    = 80
	maxContact         = 120
)

// Complete fills in the defaults and refuses what is wrong or does not fit together, all of it at once: the error joins
// one *FieldError a fault.
func (c *Config) Complete() error {
	c.setDefaults()
	f := &faults{c: c}
	f.general()
	f.storage()
	f.database()
	f.web()
	f.monitoring()
	f.signIn()
	f.passkeys()
	f.sessions()
	return f.err()
}

// CompleteForServe also asks for what only serving needs. It may follow Complete.
func (c *Config) CompleteForServe() error {
	if err := c.Complete(); err != nil {
		return err
	}
	if c.OIDCIssuer == "" {
		return c.wrong("oidc-issuer", "is needed: nobody could sign in. Give the address of your OpenID provider, such as https://login.example.org")
	}
	return nil
}

func (c *Config) setDefaults() {
	setDefault(&c.LogLevel, "info")
	setDefault(&c.Data, "data")
	setDefault(&c.Keys, filepath.Clean(c.Data)+"-keys")
	setDefault(&c.Checkpoint, filepath.Join(c.Keys, "checkpoint"))
	setDefault(&c.Listen, "127.0.0.1:8080")
	if c.OIDCScopes == nil {
		c.OIDCScopes = List{"profile", "email"}
	}
	setDefault(&c.OIDCDepartmentClaim, "department")
	setDefault(&c.OIDCTitleClaim, "job_title")
	setDefault(&c.OIDCManagerClaim, "manager")
	setDefault(&c.OIDCGuestClaim, "acct")
	if c.SessionIdle == (Duration{}) {
		c.SessionIdle.Duration = 30 * time.Minute
	}
	if c.ScanEvery == (Duration{}) {
		c.ScanEvery.Duration = time.Hour
	}
	if c.SessionAbsolute == (Duration{}) {
		c.SessionAbsolute.Duration = 10 * time.Hour
	}
	if c.RevalidateEvery == (Duration{}) {
		c.RevalidateEvery.Duration = 15 * time.Minute
	}
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func (f *faults) general() {
	f.line("organisation", f.c.Organisation, maxOrganisation)
	f.line("contact", f.c.Contact, maxContact)
	switch f.c.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		f.add("log-level", fmt.Sprintf("%q is not a level; use debug, info, warn or error", f.c.LogLevel))
	}
}

// line refuses what does not fit on one line of a page.
func (f *faults) line(field, text string, most int) {
	if utf8.RuneCountInString(text) > most || strings.ContainsFunc(text, unprintable) {
		f.add(field, fmt.Sprintf("must be one line of at most %d printable characters", most))
	}
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func (f *faults) storage() {
	if within(f.c.Keys, f.c.Data) {
		f.add("keys", fmt.Sprintf("%q is in the data directory %q, so a copy of the data would carry its own keys; choose a directory outside", f.c.Keys, f.c.Data))
	}
	if within(f.c.Checkpoint, f.c.Data) && f.c.Checkpoint != filepath.Join(f.c.Keys, "checkpoint") {
		f.add("checkpoint", fmt.Sprintf("%q is in the data directory %q, so whoever replaces the database replaces it too; choose a place outside", f.c.Checkpoint, f.c.Data))
	}
}

func within(path, dir string) bool {
	path, err1 := filepath.Abs(path)
	dir, err2 := filepath.Abs(dir)
	rel, err3 := filepath.Rel(dir, path)
	outside := err1 != nil || err2 != nil || err3 != nil || rel == ".." || strings.HasPrefix(rel, "../")
	return !outside
}

func (f *faults) sessions() {
	f.duration("session-idle", f.c.SessionIdle, MinSessionIdle, MaxSessionIdle)
	f.duration("session-absolute", f.c.SessionAbsolute, MinSessionAbsolute, MaxSessionAbsolute)
	f.duration("scan-every", f.c.ScanEvery, 5*time.Minute, 24*time.Hour)
	if d := f.c.RevalidateEvery; d.wrong || d.Duration != 0 {
		f.duration("revalidate-every", d, minRevalidate, maxRevalidate)
	}
	if len(f.errs) == 0 && f.c.SessionIdle.Duration > f.c.SessionAbsolute.Duration {
		f.add("session-idle", fmt.Sprintf("%s is longer than session_absolute (%s); make it shorter", f.c.SessionIdle, f.c.SessionAbsolute))
	}
}

func (f *faults) duration(flag string, d Duration, least, most time.Duration) {
	if d.wrong {
		f.add(flag, fmt.Sprintf("%q is not a length of time; write it like 30m, 1h30m or 90s", d.given))
	} else if d.Duration < least || d.Duration > most || d.Duration%time.Second != 0 {
		f.add(flag, fmt.Sprintf("%s is not allowed; use whole seconds from %s to %s", d, short(least), short(most)))
	}
}

// short writes 1h rather than 1h0m0s.
func short(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}
