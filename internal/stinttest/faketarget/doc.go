// Package faketarget is a target inside the test's process, with a journal of its own and faults on demand.
//
// It owns what a real system behind Stint could do to the reconciler and a real one will not do on demand: be down,
// hang, lose an answer, lie, show a page half. It is registered as the connector kind "fake". Real connectors are proven
// on real systems by connectortest; this fake stands in only where the fault is the subject.
//
// Invariants: the journal is written by the target, never by Stint, so that a test can hold one against the other; a
// change and its journal line happen under one lock; ids are immutable, names are not.
package faketarget
