package postgres

import "github.com/jackc/pgx/v5"

// What differs between versions is here, and nowhere else.

// v16 brought one row per grantor, and the options INHERIT and SET beside ADMIN.
const v16 = 160000

// grantStatement makes member a member of role, without the right to pass it on. INHERIT stays what the account's own
// attribute says, as before version 16. own is what Stint's role granted already: an owner stays one.
func grantStatement(version int, role, member string, own grantor) string {
	sql := "GRANT " + quoted(role) + " TO " + quoted(member)
	switch {
	case version >= v16 && own.admin:
		sql += " WITH INHERIT TRUE, SET TRUE"
	case version >= v16:
		sql += " WITH ADMIN FALSE, SET TRUE"
	}
	return sql
}

// grantAdminStatement makes a member an owner. From version 16 on the rows of different grantors stand side by side: one of
// Stint's own that comes only for this gives nothing else, so that nothing else is left when it goes.
func grantAdminStatement(version int, role, member string, own grantor) string {
	sql := "GRANT " + quoted(role) + " TO " + quoted(member)
	switch {
	case version < v16:
		return sql + " WITH ADMIN OPTION"
	case own.usable:
		return sql + " WITH ADMIN TRUE"
	}
	return sql + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
}

// keepsMember reports whether a membership is left when the ADMIN OPTION is taken from the row that has it.
func keepsMember(version int, own grantor) bool { return version < v16 || own.usable }

// revokeAdminStatement makes an owner a member. From version 16 on what the owner granted to others rests on it and goes
// with it: without CASCADE it could not be taken back at all.
func revokeAdminStatement(version int, role, member string, own grantor) string {
	sql := "REVOKE "
	if keepsMember(version, own) {
		sql += "ADMIN OPTION FOR "
	}
	sql += quoted(role) + " FROM " + quoted(member)
	if version >= v16 {
		sql += " CASCADE"
	}
	return sql
}

// revokeStatement takes back what Stint's own role granted; before version 16 whoever granted it.
func revokeStatement(role, member string) string {
	return "REVOKE " + quoted(role) + " FROM " + quoted(member)
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// usable is the condition on a row m of pg_auth_members that gives its member something: a membership with ADMIN alone,
// which version 16 gives to the creator of a role, does not.
func usable(version int) string {
	if version >= v16 {
		return "(m.inherit_option OR m.set_option)"
	}
	return "true"
}

// membershipsQuery yields who granted $2 to $1, the grantor's OID and name, and what that gives.
func membershipsQuery(version int) string {
	return `SELECT m.grantor::int8, pg_catalog.pg_get_userbyid(m.grantor)::text, ` + usable(version) + `, m.admin_option
		FROM pg_catalog.pg_auth_members m WHERE m.member = $1::oid AND m.roleid = $2::oid`
}

// holdersQuery yields the direct holders of $1, or its owners, but for Stint's own role $2, which has it to give.
func holdersQuery(version int, owners bool) string {
	holds := usable(version)
	if owners {
		holds = "m.admin_option"
	}
	return `SELECT DISTINCT m.member::int8 FROM pg_catalog.pg_auth_members m
		WHERE m.roleid = $1::oid AND m.member <> $2::oid AND ` + holds + ` ORDER BY 1`
}

// othersGrants reads what a REVOKE left of a membership: who else granted it, and whether Stint's own grant is gone. Before
// version 16 there is one row, and a REVOKE that leaves it went to another role.
func othersGrants(version int, self int64, by []grantor) (others []string, done bool) {
	for _, g := range by {
		if version < v16 || g.id == self {
			return nil, false
		}
		others = append(others, g.name)
	}
	return others, true
}
