// Package postgres makes roles of a PostgreSQL cluster follow: an entitlement is a role that can be granted, an account a
// role that can log in, and holding it is direct membership, one row of pg_auth_members. Owning a role is membership with the
// ADMIN OPTION: whoever has it makes others, and themselves, members. Before version 16 there is no such option without
// membership, so everywhere an owner is a member as well, who ends to be one apart from the other.
//
// It owns how a cluster is spoken to: connections, TLS, quoting, identities, what differs between versions, and ending an
// account's sessions. It hands off what may be written and how long a call may take to the guard of package connector.
//
// Invariants:
//   - Ids are OIDs. The names that GRANT and REVOKE need are read in the transaction that uses them, and the row is
//     looked at by OID before it commits: a rename in between changes nothing for anybody else.
//   - A name matches only when it is spelled the same, case included, as PostgreSQL itself matches it (THREATS T22).
//   - Membership is direct. What a member role's members inherit is not theirs.
//   - Nothing takes effect before COMMIT: only a COMMIT whose answer was lost is an unknown outcome.
//   - A connection that saw a fault is never used again, and no call outlives its context.
//
// NativeExpiry is false: VALID UNTIL limits signing in with a password, not a membership, and not sessions that are open.
package postgres
