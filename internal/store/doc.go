// Package store is the SQL of Stint: one portable text, written beside its scan, run on SQLite for one node and on
// PostgreSQL for several. What an engine does differently stands behind the seam in engine.go; both pass storetest.
//
// It owns the transaction. Write hands a function to the one writer of this node: state, audit leaves
// and follow-up work of one operation commit together or not at all (DESIGN §4). Read gives a read-only
// snapshot. It decides nothing: what may happen is pim's business, and only broker calls Write.
//
// Invariants: a function given to Write may run twice and writes no captured variable; a *pim.Refusal
// rolls back its state and commits its events; any other error rolls back everything of that function;
// the audit log is gap-free and its entries and hashes are never updated or deleted; what Remembered keeps
// of the definitions is believed only while the database says, in the very snapshot that asks, that none changed.
package store
