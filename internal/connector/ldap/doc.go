// Package ldap makes directory groups follow: OpenLDAP and its kin (flavour openldap) and Active Directory (flavour
// ad), by changing one value of a group's membership attribute at a time.
//
// It owns how a directory is spoken to: connections, TLS, escaping, identities, the quirks of each flavour. It hands
// off what may be written and how long a call may take to the guard of package connector.
//
// Invariants:
//   - Ids are entryUUID or objectGUID. The DN is looked up just before each call, on the connection that then writes:
//     renaming or moving a group does not break its revoke.
//   - Membership is direct. A member group's members are not members.
//   - Membership is asked by value ("is this one in?"), never by reading the whole group, except by List.
//   - A name matches only when what the server found is spelled the same but for case (sameName): directories match
//     far more loosely (spaces, width, ligatures) than identities may (THREATS T22).
//   - A connection that saw a fault is never used again, and no call outlives its context.
//   - No filter or DN is put together other than by the library's escaping.
package ldap
