// Package views turns view models into HTML: one templ component a page, one struct a component, shaped
// like the screen.
//
// It owns the looks and the words: which badge a state has, how a time or a duration reads, what an empty
// list says. It hands off everything else: handlers load, decide and fill the structs; static serves the
// files. Nothing here does I/O, reads a clock or knows a type of the domain.
//
// Invariants: every text is escaped by templ (no Raw, no inline script or style, no hx-on, no js:, THREATS
// T24); every form works without script; what changes by itself is a part with an id of its own, which
// an open page reads anew when its stream says that something happened (follow.templ); 422 shows the same
// form with its values kept.
//
// Lists of the views are in gallery.templ; samples for all of them are in package sample.
package views
