package config

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func (f *faults) signIn() {
	c := f.c
	f.issuer()
	if (c.OIDCIssuer == "") != (c.OIDCClientID == "") {
		f.add("oidc-client-id", "goes together with oidc_issuer; give both, or neither")
	} else if strings.ContainsFunc(c.OIDCClientID, unprintable) || strings.Contains(c.OIDCClientID, " ") {
		f.add("oidc-client-id", "must be the id the provider gave, without spaces")
	}
	if c.OIDCClientSecret.wrong {
		f.add("oidc-client-secret", "must be file:PATH or env:NAME, not the secret itself (which is not repeated here); if it was a real secret, make a new one at the provider, since it may be in a process list or a shell's history")
	}
	if (c.OIDCEnrolClaim == "") != (len(c.OIDCEnrolValues) == 0) {
		f.add("oidc-enrol-claim", "goes together with oidc_enrol_values; give both, or neither")
	}
	if d := c.OIDCMaxAge; d.wrong || d.Duration != 0 {
		f.duration("oidc-max-age", d, minMaxAge, maxMaxAge)
	}
	f.words("oidc-scopes", c.OIDCScopes, "scope")
	f.words("oidc-enrol-claim", List{c.OIDCEnrolClaim}, "claim name")
	f.words("oidc-groups-claim", List{c.OIDCGroupsClaim}, "claim name")
	f.words("oidc-department-claim", List{c.OIDCDepartmentClaim}, "claim name")
	f.words("oidc-title-claim", List{c.OIDCTitleClaim}, "claim name")
	f.words("oidc-manager-claim", List{c.OIDCManagerClaim}, "claim name")
	f.words("oidc-guest-claim", List{c.OIDCGuestClaim}, "claim name")
	f.words("oidc-binding-claims", c.OIDCBindingClaims, "claim name")
	f.bindingClaims()
}

// passkeys refuses models that no passkey could be of; the roots are read when Stint starts.
func (f *faults) passkeys() {
	if len(f.c.PasskeyModels) > 0 && f.c.PasskeyRoots == "" {
		f.add("passkey-models", "goes together with passkey_roots: without them no make is proved")
	}
	for _, m := range f.c.PasskeyModels {
		if id, err := hex.DecodeString(strings.ReplaceAll(m, "-", "")); err != nil || len(id) != 16 {
			f.add("passkey-models", fmt.Sprintf("%q is not the AAGUID of a model; write it like 2fc0579f-8113-47ea-b116-bb5a8db9202a", m))
		}
	}
}

func (f *faults) issuer() {
	raw := f.c.OIDCIssuer
	if raw == "" {
		return
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		f.add("oidc-issuer", fmt.Sprintf("%q is not an issuer; copy it from the provider, such as https://login.example.org/realms/staff, without query or password", redacted(u, raw)))
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
	default:
		f.add("oidc-issuer", fmt.Sprintf("%q must begin with https:// (http:// only on loopback)", raw))
	}
}

// words refuses what could not be a scope (RFC 6749 section 3.3) or a claim's name.
func (f *faults) words(flag string, values List, what string) {
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r >= 0x7f }) {
			f.add(flag, fmt.Sprintf("%q is not a %s: no spaces, quotes or characters beyond ASCII", v, what))
		}
	}
}

// displayed are the standard claims (OpenID Connect Core 5.1) that describe a person and identify nobody: several
// people can have them, and most providers let people edit them.
var displayed = []string{"name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website",
	"gender", "birthdate", "zoneinfo", "locale", "address", "updated_at", "email_verified", "phone_number_verified"}

func (f *faults) bindingClaims() {
	for _, claim := range f.c.OIDCBindingClaims {
		if slices.Contains(displayed, claim) {
			f.add("oidc-binding-claims", fmt.Sprintf("%q describes a person but identifies nobody; use a claim that people cannot edit and that is never given to somebody else, such as sub or an employee number", claim))
		}
	}
}
