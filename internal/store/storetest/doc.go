// Package storetest is the conformance suite of the store: what every engine must do, run on a real
// database through the exported methods alone.
//
// It owns the cases; the caller opens a fresh, empty database for each of them, with Options.Twice set, so
// that every function given to Write runs twice. It hands off what only one engine has (files, locks,
// migrations, query plans) to the tests of package store.
package storetest
