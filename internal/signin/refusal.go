package signin

import "fmt"

// Code names why a sign-in was refused; it goes into the log and the metrics and never changes.
type Code string

const (
	CodeUnavailable      Code = "provider_unavailable"      // no answer, or a 5xx: trying again may help
	CodeMisconfigured    Code = "provider_misconfigured"    // metadata or client registration is wrong: an administrator must act
	CodeResponse         Code = "response_malformed"        // parameter missing or sent twice (RFC 6749 §3.1)
	CodeState            Code = "state_mismatch"            // not begun in this browser (RFC 6749 §10.12)
	CodeStateExpired     Code = "state_expired"             // begun longer ago than StateTTL
	CodeResponseIssuer   Code = "response_issuer_mismatch"  // RFC 9207 §2.4
	CodeDenied           Code = "access_denied"             // the person or the provider said no
	CodeProviderError    Code = "provider_error"            // any other error response
	CodeExchange         Code = "code_refused"              // the token endpoint did not take the code
	CodeIDTokenMissing   Code = "id_token_missing"          // OpenID Connect Core §3.1.3.3
	CodeIDTokenMalformed Code = "id_token_malformed"        // not a signed JWT, or of another type
	CodeAlgorithm        Code = "id_token_algorithm"        // alg outside the allow list (RFC 8725 §3.1)
	CodeSignature        Code = "id_token_signature"        // no published key made this signature
	CodeTokenIssuer      Code = "id_token_issuer"           // Core §3.1.3.7 (2)
	CodeAudience         Code = "id_token_audience"         // Core §3.1.3.7 (3)
	CodeAuthorizedParty  Code = "id_token_authorized_party" // Core §3.1.3.7 (4, 5)
	CodeTokenExpired     Code = "id_token_expired"          // Core §3.1.3.7 (9)
	CodeTokenEarly       Code = "id_token_not_yet_valid"    // iat or nbf in the future beyond ClockSkew
	CodeNonce            Code = "id_token_nonce"            // Core §3.1.3.7 (11)
	CodeSubject          Code = "id_token_subject"          // Core §2: 1 to 255 characters
	CodeAuthTime         Code = "auth_time_too_old"         // Core §3.1.3.7 (13)
	CodeContext          Code = "context_not_confirmed"     // a sign-in again was not by one of the contexts asked for
	CodeAccessTokenHash  Code = "access_token_hash"         // Core §3.1.3.8
	CodeUserInfo         Code = "userinfo_malformed"        // UserInfo answered, but not with claims
	CodeUserInfoSubject  Code = "userinfo_subject_mismatch" // Core §5.3.2
	CodeSessionOver      Code = "session_over"              // the provider takes the refresh token no more (RFC 6749 §5.2 invalid_grant)
	CodeLogoutEvent      Code = "logout_event"              // Back-Channel Logout §2.6 (6)
	CodeLogoutNonce      Code = "logout_nonce"              // Back-Channel Logout §2.6 (7): an ID token in its place
	CodeLogoutWhom       Code = "logout_whom"               // Back-Channel Logout §2.6 (5): neither sub nor sid
	CodeLogoutAge        Code = "logout_age"                // issued longer ago than LogoutAge
	CodeLogoutID         Code = "logout_id"                 // no jti, or one that was used before
)

// Refusal is every error of a [Client]'s methods. Message is for the person
// in front of the browser; Detail is for the log and `stint doctor`. Neither holds a code, token or secret.
type Refusal struct {
	Code    Code
	Message string
	Detail  string
}

// Error returns the code, the message and the detail in one line.
func (r Refusal) Error() string {
	if r.Detail == "" {
		return fmt.Sprintf("sign-in refused (%s): %s", r.Code, r.Message)
	}
	return fmt.Sprintf("sign-in refused (%s): %s [%s]", r.Code, r.Message, r.Detail)
}

const (
	msgUnavailable   = "The sign-in provider does not answer. Try again in a moment."
	msgMisconfigured = "Signing in is not set up correctly. Tell your administrator."
	msgStartAgain    = "This sign-in cannot be used. Start again from the sign-in page."
	msgUntrusted     = "The sign-in provider's answer could not be trusted. Start again; if it happens twice, tell your administrator."
)

func unavailable(detail string) Refusal {
	return Refusal{Code: CodeUnavailable, Message: msgUnavailable, Detail: detail}
}

func misconfigured(detail string) Refusal {
	return Refusal{Code: CodeMisconfigured, Message: msgMisconfigured, Detail: detail}
}

func startAgain(code Code, detail string) Refusal {
	return Refusal{Code: code, Message: msgStartAgain, Detail: detail}
}

func untrusted(code Code, detail string) Refusal {
	return Refusal{Code: code, Message: msgUntrusted, Detail: detail}
}
