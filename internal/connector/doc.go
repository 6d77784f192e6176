// Package connector is the contract between Stint and the systems it makes follow: who a person is there,
// what they hold there, and how to give and take it.
//
// It owns the Connector interface, the kinds of error, the registry of connector kinds and the guard that every
// opened connector is wrapped in. One package below it speaks to one kind of system; connectortest holds the suite
// each of them passes on a real server.
//
// It hands off: when to call, how often and what to record (internal/broker, the reconciler), and where settings and
// credentials are kept (internal/store).
//
// Invariants:
//   - Ids are the target's immutable ids. A name is only ever an input of Canonical and FindAccount.
//   - No connector leaves Open without its guard: nothing outside the target's may_write list is granted, protected
//     names never by a pattern, and no call outlives its deadline (THREATS T40).
//   - Every error has a kind (KindOf). What is not known to have failed is OutcomeUnknown, never Transient.
//   - A connector keeps no state that matters: it may be closed and opened again between any two calls.
package connector
