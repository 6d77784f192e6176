// Package pim is the domain of privileged identity management: values, and functions from values to
// values. It owns the words (principal, eligible, active, activation, approval, grant), the rules and
// the state machines. It hands off everything else: no clock, no I/O, no SQL, no HTTP, no randomness.
// Callers pass the time and what they have loaded.
//
// Activation (activation.go; asked for ahead: schedule.go):
//
//	pending_approval ─┬─> denied, canceled, timed_out, eligibility_ended, person_disabled
//	                  │
//	                  ├─ approved, for now ───────────────────────────┐
//	                  │                                               v
//	                  └─ approved, for later ─> scheduled ─ start ─> provisioning ── seen at the target ──> active
//	                                                │                 │ └─> failed                            │
//	                                                │                 └──────────────┬────────────────────────┘
//	                                                │                                └─> expired, deactivated, revoked,
//	                                                │                                    eligibility_ended, person_disabled,
//	                                                │                                    lost_at_target
//	                                                └─> canceled, refused_at_start, eligibility_ended, person_disabled
//
// Where no approval is asked for it begins at scheduled or provisioning. An extension (extension.go) moves the end of
// what runs and never revives what has ended: pending_approval ─> approved, denied, canceled, timed_out,
// ended_with_activation.
//
// Rights are computed, never stored: Activation.ActiveAt(now).
//
// Approval (approval.go) is a fold of decisions over stages. Several things done with one touch (set.go) are judged and
// refused each alone. Grant (grant.go) is level-triggered: from what was there before, what is wanted and what was last
// seen follows the next step. What a target holds otherwise is an incident (incident.go).
package pim
