// Package broker is the operations of Stint: load, let pim decide, save state, event and follow-up work
// in one store.Write. Nothing else writes, and nothing else calls connectors: reconcile.go and closesessions.go for
// effects, reclaim.go for what a lost record left behind, scan.go and target.go for looking.
//
// Invariants: what an operation rests on is read in the transaction that decides; effects outside come
// after the commit and are repeatable; every write names its actor; a challenge is consumed in a write
// of its own before it is verified; granting fails closed, revoking fails open.
package broker
