package signin

import (
	"log/slog"
	"maps"
	"slices"
	"time"
)

// Identity is who signed in, as the provider says. The person's key is (Issuer, Subject).
type Identity struct {
	Issuer            string
	Subject           string // 1 to 255 characters, compared to the letter
	Name              string // may be empty
	Email             string
	EmailVerified     bool // said by the same source as Email
	PreferredUsername string
	Groups            []string
	GroupsPresent     bool // false: the provider said nothing about groups, which is not "no groups"
	AuthTime          time.Time
	ACR               string
	AMR               []string
	PhishingResistant bool           // the configured enrolment claim has a configured value (THREATS T2)
	Claims            map[string]any // ID token and UserInfo merged, for binding; numbers are json.Number
	IDToken           string         // raw, as id_token_hint when signing out; never to be logged
	EndSessionURL     string         // the provider's end_session_endpoint, or ""
	SID               string         // what the provider calls its session, for its logout tokens; may be empty
	RefreshToken      string         // asks the provider again later; may be empty; never to be logged
}

// String names issuer and subject only.
func (i Identity) String() string { return i.Subject + " at " + i.Issuer }

// GoString names issuer and subject only.
func (i Identity) GoString() string { return i.String() }

// LogValue names issuer and subject only.
func (i Identity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", i.Issuer), slog.String("subject", i.Subject))
}

// maxName is the longest sub, sid or jti that is taken, in bytes (Core §2 for sub).
const maxName = 255

func (c *Client) identity(signed, info claims) Identity {
	all := merge(signed, info, c.cfg.EnrolClaim)
	verified := all["email_verified"]
	id := Identity{
		Issuer:            signed.text("iss"),
		Subject:           signed.text("sub"),
		Name:              all.text("name"),
		Email:             all.text("email"),
		EmailVerified:     verified == true || verified == "true", // some providers send text
		PreferredUsername: all.text("preferred_username"),
		ACR:               signed.text("acr"),
		Claims:            all,
	}
	if sid := signed.text("sid"); len(sid) <= maxName {
		id.SID = sid
	}
	id.AuthTime, _ = signed.time("auth_time")
	id.AMR, _ = signed.list("amr")
	if c.cfg.GroupsClaim != "" {
		id.Groups, id.GroupsPresent = all.list(c.cfg.GroupsClaim)
	}
	if proof, ok := signed.list(c.cfg.EnrolClaim); ok && c.cfg.EnrolClaim != "" {
		id.PhishingResistant = slices.ContainsFunc(proof, func(v string) bool { return slices.Contains(c.cfg.EnrolValues, v) })
	}
	return id
}

// aboutSignIn are the claims that describe this sign-in or this token; UserInfo has no say in them.
var aboutSignIn = []string{"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "auth_time", "acr", "amr", "sid", "at_hash", "c_hash", "jti"}

// secretClaims are of no use to anyone once the token has been checked.
var secretClaims = []string{"nonce", "at_hash", "c_hash", "_claim_sources"}

// merge adds to the signed claims what only UserInfo knows.
func merge(signed, info claims, enrolClaim string) claims {
	all := maps.Clone(signed)
	for name, value := range info {
		if !signed.has(name) && name != enrolClaim && !slices.Contains(aboutSignIn, name) {
			all[name] = value
		}
	}
	mergePair(all, signed, info, "email", "email_verified")
	mergePair(all, signed, info, "phone_number", "phone_number_verified")
	for _, name := range secretClaims {
		delete(all, name)
	}
	return all
}

// mergePair keeps "this address" and "it was verified" together: an address from one source must not be
// called verified by what the other source says about another address (THREATS T4).
func mergePair(all, signed, info claims, value, verified string) {
	from := info
	if signed.has(value) && (signed.has(verified) || signed.text(value) != info.text(value)) {
		from = signed
	}
	delete(all, verified)
	if v, ok := from[verified]; ok && from.has(value) {
		all[verified] = v
	}
}
