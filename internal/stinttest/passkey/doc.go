// Package passkey is a software passkey for tests: the browser and the authenticator in one. It answers
// the options of a real ceremony the way navigator.credentials does (WebAuthn L3 §5.1) and can be told to
// misbehave in every way the relying party has to refuse.
//
// It owns keys, credential ids, sign counts and the encoding of responses; it verifies nothing and
// enforces none of the rules a browser would (a wrong origin is a fault to be tested, not an error).
// Only tests import it. A Passkey is not safe for concurrent use; its answers are plain bytes and are.
package passkey
