// Package web is Stint in a browser: HTTP in, HTML out.
//
// It owns the route table with who may (routes.go), sessions and their cookies, the headers of every
// answer, the forms and what their fields mean, the streams that tell open pages to look again (stream.go),
// and the one translation of an error into a status, words and a page (errors.go). It hands off everything else: broker decides and writes, store is read, views
// render. There is no SQL and no rule of the domain here, and no connector is ever called.
//
// Invariants: a route without a row does not exist (routes.go, THREATS T33); no GET changes what the
// domain holds (DESIGN §4 invariant 10); 404 for what the visitor may not see, absent or not, 403 with the
// reason for what they may see but not do (invariant 9); what a passkey confirms is read from the server's
// row, never from a form (invariant 4); no secret reaches a log line or an address of Stint's own making.
package web
