// Package pim is the domain of privileged identity management: values, and functions from values to
// values. It owns the words (principal, eligible, active, activation, approval, grant), the rules and
// the state machines. It hands off everything else: no clock, no I/O, no SQL, no HTTP, no randomness.
// Callers pass the time and what they have loaded.
//
// Activation (activation.go):
//
//	             ┌─> denied, canceled, timed_out, eligibility_ended, person_disabled
//	pending_approval ── approved ──> provisioning ── seen at the target ──> active
//	                                     │ └─> failed                          │
//	                                     └──────────────┬──────────────────────┘
//	                                                    └─> expired, deactivated, revoked,
//	                                                        eligibility_ended, person_disabled, lost_at_target
//
// Rights are computed, never stored: Activation.ActiveAt(now).
//
// Approval (approval.go) is a fold of decisions over stages. Grant (grant.go) is level-triggered: from
// what was there before, what is wanted and what was last seen follows the next step.
package pim
