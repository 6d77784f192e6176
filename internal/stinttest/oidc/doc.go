// Package oidc is a small OpenID provider for tests, in the test's own process: [Start] it, choose who
// signs in with [Provider.SignInAs], and /authorize redirects at once with a code for that person.
//
// It is well behaved (exact PKCE S256, client authentication, single-use codes, RFC 9207 iss) until a
// test sets [Provider.Rogue]; [Mutations] is the list of lies that THREATS T4 asks a client to refuse.
// Profile claims are given by UserInfo only; acr, amr and auth_time by the ID token only.
package oidc
