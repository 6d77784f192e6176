// Package stinttest is a whole Stint for tests: the real server over real HTTP on localhost, a real
// database in the test's directory, an OpenID provider, software passkeys and a target that can misbehave.
//
// It owns the wiring and the people: [New] starts a World, its builders put people, groups, roles and
// assignments in, and a [Person] signs in, enrols, activates and approves the way a browser does. It hands
// off what is asserted to the test. Time is the World's clock alone: nothing sleeps, [World.Tick] does the
// worker's due work and [World.Advance] lets time pass first.
package stinttest
