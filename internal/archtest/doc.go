// Package archtest is one test: which package may import which, and why (DESIGN §1, §2). It reads the
// source of the whole module, whatever the build tags say; tests may import what they like.
//
// A package without a rule fails: add its line to rules, with the reason, when you add the package.
package archtest
