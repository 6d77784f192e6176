// Package stepup runs the WebAuthn ceremonies: it registers passkeys and turns an assertion into
// pim.StepUp, the evidence that one person confirmed one server-stored set of items, once.
//
// It owns the relying party (RP id and origin, from the configured public URL and nothing else), the
// challenge, every check of WebAuthn Level 3 §7.1 and §7.2, and verifying stored evidence again.
//
// It hands off: storing ceremonies and consuming them in a committed write of their own before Finish
// is called (single use, THREATS T9), refusing a credential id that anybody already has (unique index,
// §7.1 step 26), writing back SignCount, BackedUp and the time of last use, the alert on CloneSuspect,
// who may enrol at all (THREATS T2), and making ids and randomness. It reads no clock and no database.
//
// Invariants:
//   - The challenge is SHA-256(random ‖ SHA-256(canonical)), so an assertion answers for these bytes only.
//   - User verification is always required; the RP id never comes from a request.
//   - A response is refused (Refusal) or a defect is reported (any other error); nothing is half accepted.
//   - A sign count that did not rise is always refused: the library only warns.
package stepup
