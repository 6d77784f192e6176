// Package signin is Stint's OpenID Connect client: it sends a browser to the provider and turns what
// comes back into an [Identity], or into a [Refusal] that says in plain words why not.
//
// It owns the protocol: lazy discovery, code + PKCE + nonce + iss, every check of the ID token, and the
// merge with UserInfo; back-channel logout ([Client.Logout]) and asking the provider again about who is
// signed in ([Client.Refresh]). It hands off everything else: the caller keeps the [State] in the
// pre-session of the browser that began (THREATS T5), binds (Issuer, Subject) to a person, opens the
// session and ends it.
//
// Invariants:
//   - A provider that is down never stops [New]; it makes [Client.Begin] refuse until it is back.
//   - Who signed in is (Issuer, Subject), never an e-mail address (THREATS T4).
//   - A claim and its *_verified companion always come from the same source.
//   - What describes this sign-in (acr, amr, auth_time, the enrolment claim) comes from the signed ID
//     token alone; UserInfo adds facts about the person and never replaces a signed one.
//   - Absent is not empty: without the groups claim GroupsPresent is false (DESIGN §4 invariant 9).
//   - No code, token or secret is part of an error or of a log line.
package signin
