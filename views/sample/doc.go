// Package sample fills every view with data of an invented organisation, Northwind.
//
// It owns the samples that the gallery, the tests and the screenshots share; it is never linked into the
// product's own pages. The clock stands still: everything is told at the same afternoon.
package sample
