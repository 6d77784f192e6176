// Package demo is what `stint demo` shows itself with: a small OpenID provider, a small LDAP directory, and the sample
// organisation Northwind that both are made from. Only cmd/stint/demo.go may import it.
//
// It owns
//
//   - [Provider]: people to choose from instead of passwords. Everything a client must check is real (code, PKCE S256,
//     nonce, iss, signed ID tokens), so Stint signs in against it with the very code it uses in production;
//   - [Directory]: entries in memory and in one file, spoken to over TCP. It is the real target of the demo: Stint's
//     LDAP connector knows nothing of this package;
//   - northwind.yaml: the file that `stint apply` reads, and the example the documentation prints.
//
// It hands off everything else: who may be what is decided by Stint, reading northwind.yaml like any other file.
//
// Invariants
//
//   - Nothing here answers beyond loopback: addresses, peers and Host headers are refused otherwise.
//   - Every page says that it is a demo. There is no way to switch that off.
//   - An acknowledged change of members is on disk before the answer is sent; a change that cannot be written is refused.
//   - A group never loses its last member (RFC 4519 2.17: groupOfNames must have one).
//   - Secrets, codes and tokens appear in no log line and no error text.
package demo
