package config

import (
	"net/netip"
	"net/url"
)

// Config is the whole configuration. A command embeds it to get its flags; anyone else fills in what differs from the
// defaults and calls Complete.
//
// The tags are the documentation: name is the flag (the file's key has _ for -, the environment STINT_ and capitals),
// help says what the field means, allowed what it may hold.
type Config struct {
	File         string `name:"config" group:"General" placeholder:"FILE" allowed:"a path; not in the file itself" help:"Configuration file (YAML). Any of the other fields can be written in it."`
	Organisation string `name:"organisation" group:"General" placeholder:"NAME" allowed:"up to 80 characters" help:"Name of the organisation, shown on every page. Empty: none is shown."`
	Contact      string `name:"contact" group:"General" placeholder:"TEXT" allowed:"up to 120 characters, on one line" help:"Whom people ask when Stint refuses or fails, such as Identity team: ext. 4410. Shown on every page, and to everybody who can open the sign-in page. Empty: nobody is named."`
	LogLevel     string `name:"log-level" group:"General" default:"info" placeholder:"LEVEL" allowed:"debug, info, warn or error" help:"Least important messages to log. Logs are JSON lines on standard error and hold no secrets."`

	Data             string   `name:"data" group:"Storage" default:"data" placeholder:"DIR" allowed:"a path" help:"Directory of the database, where that is a file, and of the socket other commands use. Made with mode 0700."`
	Database         Database `name:"database" group:"Storage" placeholder:"FILE|URL" allowed:"a path, or postgres://USER@HOST[:PORT]/NAME[?OPTIONS] with the options of libpq" unset:"stint.db in the data directory" help:"The database: the file of a SQLite database, which one Stint uses, or the address of a database on PostgreSQL, which several use at once. Over a network the server's certificate is checked (sslmode=verify-full)."`
	DatabasePassword Secret   `name:"database-password" group:"Storage" placeholder:"file:PATH|env:NAME" allowed:"file:PATH or env:NAME; never the secret itself" help:"Where to read the password for the database on PostgreSQL. Empty: none, or as libpq finds it (PGPASSFILE, ~/.pgpass)."`
	Keys             string   `name:"keys" group:"Storage" placeholder:"DIR" allowed:"a path outside the data directory" unset:"the data directory's path with -keys at its end" help:"Directory of the key files: the audit signing key and the key that seals target credentials. Made with mode 0700. Backups never hold it: keep a copy of your own, apart from the backups."`
	Checkpoint       string   `name:"checkpoint" group:"Storage" placeholder:"FILE" allowed:"a path outside the data directory" unset:"the file checkpoint in the keys directory" help:"File with the last signed checkpoint of the audit log. It tells a restored or shortened database from the real one; best on another machine's disk."`

	Listen         string `name:"listen" group:"Web" default:"127.0.0.1:8080" placeholder:"HOST:PORT" allowed:"an IP address or localhost, and a port; no host means every interface" help:"Address to listen on."`
	PublicURL      string `name:"public-url" group:"Web" placeholder:"URL" allowed:"https://NAME[:PORT], or http://localhost[:PORT] when listening on loopback; no path and no IP address" unset:"http://localhost with the port of listen, where that is on loopback" help:"Address people open. Passkeys are bound to its host name for ever, so choose one that stays."`
	TLSCert        string `name:"tls-cert" group:"Web" placeholder:"FILE" allowed:"a path; together with tls_key" help:"Certificate chain (PEM) for serving https without a reverse proxy. Read again when the file changes."`
	TLSKey         string `name:"tls-key" group:"Web" placeholder:"FILE" allowed:"a path; together with tls_cert" help:"Private key (PEM) of the certificate."`
	TrustedProxies List   `name:"trusted-proxies" group:"Web" placeholder:"CIDR,..." allowed:"addresses or networks such as 127.0.0.1 or 10.0.0.0/24; not 0.0.0.0/0 or ::/0" help:"Reverse proxies whose X-Forwarded-For is believed. From anyone else the header is ignored."`

	OIDCIssuer          string   `name:"oidc-issuer" group:"Sign-in" placeholder:"URL" allowed:"https://..., or http:// on loopback; no query" help:"OpenID provider people sign in at, exactly as in its discovery document. It is asked when first needed: Stint starts while it is down."`
	OIDCClientID        string   `name:"oidc-client-id" group:"Sign-in" placeholder:"ID" allowed:"the id the provider gave" help:"Client id of Stint at the provider. The redirect URL to register there is the public URL with /sign-in/callback."`
	OIDCClientSecret    Secret   `name:"oidc-client-secret" group:"Sign-in" placeholder:"file:PATH|env:NAME" allowed:"file:PATH or env:NAME; never the secret itself" help:"Where to read the client secret, at every use. Empty: a public client."`
	OIDCScopes          List     `name:"oidc-scopes" group:"Sign-in" default:"profile,email" placeholder:"SCOPE,..." allowed:"scope names; openid is always asked for" help:"Scopes to ask the provider for."`
	OIDCBindingClaims   List     `name:"oidc-binding-claims" group:"Sign-in" placeholder:"CLAIM,..." allowed:"claim names, but none that is a display name" help:"Claims that may bind somebody known beforehand (match: in the file of stint apply) at their first sign-in. List only claims that people cannot edit at the provider; email counts only when the provider says it is verified. Empty: nobody is bound by a claim."`
	OIDCEnrolClaim      string   `name:"oidc-enrol-claim" group:"Sign-in" placeholder:"CLAIM" allowed:"a claim name such as amr or acr; together with oidc_enrol_values" help:"Claim of the ID token that proves a phishing-resistant sign-in. With it, the first passkey needs no voucher."`
	OIDCEnrolValues     List     `name:"oidc-enrol-values" group:"Sign-in" placeholder:"VALUE,..." allowed:"values such as hwk; together with oidc_enrol_claim" help:"Values of that claim that prove it."`
	OIDCGroupsClaim     string   `name:"oidc-groups-claim" group:"Sign-in" placeholder:"CLAIM" allowed:"a claim name such as groups" help:"Claim with the names of a person's groups. Empty: groups are not read. A sign-in without the claim changes nothing."`
	OIDCDepartmentClaim string   `name:"oidc-department-claim" group:"Sign-in" default:"department" placeholder:"CLAIM" allowed:"a claim name such as department, or none" help:"Claim with a person's department. It and the next three fill what the file, the portal and a directory leave open; a sign-in without the claim changes nothing."`
	OIDCTitleClaim      string   `name:"oidc-title-claim" group:"Sign-in" default:"job_title" placeholder:"CLAIM" allowed:"a claim name such as job_title, or none" help:"Claim with a person's job title."`
	OIDCManagerClaim    string   `name:"oidc-manager-claim" group:"Sign-in" default:"manager" placeholder:"CLAIM" allowed:"a claim name such as manager, or none" help:"Claim with the subject (sub) of a person's manager at the same provider."`
	OIDCGuestClaim      string   `name:"oidc-guest-claim" group:"Sign-in" default:"acct" placeholder:"CLAIM" allowed:"a claim name such as acct, or none" help:"Claim that says that a person is a guest of another organisation: true, 1 or guest."`
	OIDCMaxAge          Duration `name:"oidc-max-age" group:"Sign-in" default:"0s" placeholder:"DURATION" allowed:"0s (not asked for), or 1m to 24h in whole seconds" help:"How old a sign-in at the provider may be when it arrives at Stint."`

	PasskeyRoots  string `name:"passkey-roots" group:"Passkeys" placeholder:"FILE" allowed:"a path" help:"Root certificates (PEM) of the makers whose passkeys count as attested. With them, new passkeys are asked for their make, and a role's settings may ask for one that stays on its device and whose make is proved under one of these roots. Empty: that level cannot be asked for."`
	PasskeyModels List   `name:"passkey-models" group:"Passkeys" placeholder:"AAGUID,..." allowed:"AAGUIDs such as 2fc0579f-8113-47ea-b116-bb5a8db9202a; together with passkey_roots" help:"Models that count as attested. Empty: every model under these roots. What is taken out counts no more, at once after a restart."`

	SessionIdle     Duration `name:"session-idle" group:"Sessions" default:"30m" placeholder:"DURATION" allowed:"1m to 1h, at most session_absolute (NIST SP 800-63B-4 section 2.2.3)" help:"A session ends after this long without a request."`
	SessionAbsolute Duration `name:"session-absolute" group:"Sessions" default:"10h" placeholder:"DURATION" allowed:"5m to 24h (NIST SP 800-63B-4 section 2.2.3)" help:"A session ends this long after sign-in, used or not."`
	RevalidateEvery Duration `name:"revalidate-every" group:"Sessions" default:"15m" placeholder:"DURATION" allowed:"0s (never), or 1m to 24h" help:"How often the provider is asked whether somebody's session goes on there and what groups they have now. It needs a refresh token: many providers give one only for the scope offline_access (oidc_scopes) or when told so for the client. A provider that says no ends the session; one that does not answer is asked again a minute later."`

	ScanEvery Duration `name:"scan-every" group:"Targets" default:"1h" placeholder:"DURATION" allowed:"5m to 24h in whole seconds" help:"How often each target that answers is asked who holds what Stint manages there. What appears beside Stint, and what another hand took away, is an incident on the target's page."`

	MetricsListen string `name:"metrics-listen" group:"Monitoring" placeholder:"HOST:PORT" allowed:"an IP address or localhost, and a port" help:"Address of /metrics for Prometheus, apart from the portal. It tells figures and ids of targets, no names, to whoever reaches it: let that be your Prometheus alone. Empty: no metrics."`
	TracesTo      string `name:"traces-to" group:"Monitoring" placeholder:"URL" allowed:"https://..., or http:// on loopback" help:"Where to send OpenTelemetry traces (OTLP over HTTP), such as https://collector.example.org/v1/traces. Traces hold routes, ids and durations, no names and no reasons. The variables OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER are read too. Empty: no traces."`

	where map[string]string // field name -> where its value came from; defaults are left out
}

// Public is PublicURL, parsed: scheme and host only.
func (c *Config) Public() *url.URL {
	return &url.URL{Scheme: scheme(c.PublicURL), Host: c.PublicURL[len(scheme(c.PublicURL))+len("://"):]}
}

// CallbackPath is where the provider sends people back to.
const CallbackPath = "/sign-in/callback"

// RedirectURL is what is registered at the provider.
func (c *Config) RedirectURL() string { return c.PublicURL + CallbackPath }

// HTTPS reports whether people reach Stint by https, directly or through a proxy.
func (c *Config) HTTPS() bool { return scheme(c.PublicURL) == "https" }

// Proxies are TrustedProxies, parsed.
func (c *Config) Proxies() []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, text := range c.TrustedProxies {
		if p, err := parsePrefix(text); err == nil { // Complete has refused the others
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

// Source says where a field's value came from, such as "stint.yaml line 4"; "" for a default. name is the field's flag
// or its name in the file.
func (c *Config) Source(name string) string { return c.where[flagName(name)] }
