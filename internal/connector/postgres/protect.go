package postgres

import (
	"strings"

	"stint/internal/connector"
)

// protected is connector.Factory.Protected, by name: PostgreSQL's own roles (nothing else may be called pg_…), what the
// managed services call their superusers, and the role that Stint itself signs in as. What a role can do is judged in
// dangers.
func protected(plain map[string]string) []string {
	return append([]string{"pg_*", "postgres", plain["user"]}, managed...)
}

var managed = []string{
	"rds_superuser", "rds_replication", "rds_password", "rdsadmin",
	"cloudsqlsuperuser", "cloudsqladmin", "alloydbsuperuser", "alloydbadmin",
	"azure_pg_admin", "azuresu",
}

// covers is connector.Factory.Covers. A pattern is a role's name, spelled exactly, where * stands for any run of
// characters: "ops" is never "OPS" nor "ops-2" (THREATS T22).
func covers(pattern, name string) connector.Match {
	if name != "" && glob(pattern, name) {
		return connector.Yes
	}
	return connector.No
}

func glob(pattern, s string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(s, part)
		}
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s, rest = after, more
	}
}

// dangersQuery lists what $1 and every role it is a member of can do beyond its own privileges: whoever holds $1 may SET
// ROLE to each of them.
const dangersQuery = `WITH RECURSIVE reach(oid) AS (
		SELECT $1::oid UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN reach ON m.member = reach.oid)
	SELECT r.oid = $1::oid, r.rolname::text, r.rolsuper, r.rolcreaterole, r.rolreplication, r.rolbypassrls
	FROM pg_catalog.pg_roles r JOIN reach ON r.oid = reach.oid ORDER BY 1 DESC, 2`

// reached is one row of dangersQuery.
type reached struct {
	itself                                    bool
	name                                      string
	super, createRole, replication, bypassRLS bool
}

// danger says why holding this role is more than it looks like; "" when it is not.
func (r reached) danger(byName []string) string {
	var why string
	switch {
	case r.super:
		why = "SUPERUSER"
	case r.createRole:
		why = "CREATEROLE"
	case r.replication:
		why = "REPLICATION"
	case r.bypassRLS:
		why = "BYPASSRLS"
	case r.itself:
		return "" // its own name is judged by the guard
	default:
		for _, p := range byName {
			if covers(p, r.name) == connector.Yes {
				return "it is a member of " + r.name
			}
		}
		return ""
	}
	if r.itself {
		return "it has " + why
	}
	return "it is a member of " + r.name + ", which has " + why
}
