package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stint/internal/connector"
)

// The statements of version 16 and later are held to their text: the tests' server is older.
func TestStatements(t *testing.T) {
	for _, c := range []struct {
		version       int
		grant, usable string
	}{
		{120000, `GRANT "Weird ""Role""" TO "alice"`, "true"},
		{159999, `GRANT "Weird ""Role""" TO "alice"`, "true"},
		{160000, `GRANT "Weird ""Role""" TO "alice" WITH ADMIN FALSE, SET TRUE`, "(m.inherit_option OR m.set_option)"},
		{180001, `GRANT "Weird ""Role""" TO "alice" WITH ADMIN FALSE, SET TRUE`, "(m.inherit_option OR m.set_option)"},
	} {
		if got := grantStatement(c.version, `Weird "Role"`, "alice", grantor{}); got != c.grant {
			t.Errorf("%d: %s, want %s", c.version, got, c.grant)
		}
		for _, query := range []string{membershipsQuery(c.version), holdersQuery(c.version, false)} {
			if !strings.Contains(query, c.usable) {
				t.Errorf("%d: no %s in %s", c.version, c.usable, query)
			}
		}
	}
	if got, want := revokeStatement(`a"; DROP ROLE b; --`, "x y"), `REVOKE "a""; DROP ROLE b; --" FROM "x y"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What makes an owner and ends one, in either way to keep it.
func TestOwnerStatements(t *testing.T) {
	nothing, member, owner, both := grantor{}, grantor{usable: true}, grantor{admin: true}, grantor{usable: true, admin: true}
	for _, c := range []struct{ got, want string }{
		{grantAdminStatement(159999, "r", "a", member), `GRANT "r" TO "a" WITH ADMIN OPTION`},
		{grantAdminStatement(160000, "r", "a", member), `GRANT "r" TO "a" WITH ADMIN TRUE`},
		{grantAdminStatement(160000, "r", "a", nothing), `GRANT "r" TO "a" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`},
		{grantStatement(160000, "r", "a", owner), `GRANT "r" TO "a" WITH INHERIT TRUE, SET TRUE`},
		{grantStatement(159999, "r", "a", owner), `GRANT "r" TO "a"`},
		{revokeAdminStatement(159999, "r", "a", both), `REVOKE ADMIN OPTION FOR "r" FROM "a"`},
		{revokeAdminStatement(160000, "r", "a", both), `REVOKE ADMIN OPTION FOR "r" FROM "a" CASCADE`},
		{revokeAdminStatement(160000, "r", "a", owner), `REVOKE "r" FROM "a" CASCADE`},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
	if query := holdersQuery(160000, true); !strings.Contains(query, "AND m.admin_option") || strings.Contains(query, "set_option") {
		t.Errorf("owners by %s", query)
	}
}

// From version 16 on another grantor's grant outlives Stint's REVOKE, with a warning alone.
func TestOthersGrants(t *testing.T) {
	const self = 7
	own, dba := grantor{id: self, name: "stint"}, grantor{id: 10, name: "postgres"}
	for _, c := range []struct {
		version int
		by      []grantor
		others  []string
		done    bool
	}{
		{150000, nil, nil, true},
		{150000, []grantor{own}, nil, false},
		{150000, []grantor{dba}, nil, false},
		{160000, nil, nil, true},
		{160000, []grantor{own}, nil, false},
		{160000, []grantor{dba}, []string{"postgres"}, true},
		{160000, []grantor{dba, own}, nil, false},
	} {
		others, done := othersGrants(c.version, self, c.by)
		if done != c.done || !slices.Equal(others, c.others) {
			t.Errorf("%d, %v: %q, %v", c.version, c.by, others, done)
		}
	}
}

func TestErrors(t *testing.T) {
	answer := func(severity, code string) error {
		return &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: "m"}
	}
	for _, c := range []struct {
		err  error
		sent bool
		want connector.Kind
	}{
		{nil, false, connector.None},
		{nil, true, connector.None},
		{connector.Errorf(connector.Gone, "x"), true, connector.Gone},
		{answer("ERROR", "42501"), false, connector.Denied},  // insufficient_privilege
		{answer("ERROR", "42501"), true, connector.Denied},   // an answer to COMMIT: rolled back
		{answer("ERROR", "0LP01"), false, connector.Refused}, // invalid_grant_operation
		{answer("ERROR", "0L000"), false, connector.Denied},  // invalid_grantor
		{answer("ERROR", "2BP01"), false, connector.Refused}, // dependent_objects_still_exist
		{answer("ERROR", "22021"), false, connector.Refused}, // character_not_in_repertoire
		{answer("ERROR", "57014"), false, connector.Transient},
		{answer("ERROR", "57014"), true, connector.Transient},
		{answer("ERROR", "55P03"), false, connector.Transient},
		{answer("ERROR", "40001"), true, connector.Transient},
		{answer("ERROR", "25006"), false, connector.Transient},
		{answer("ERROR", "XX000"), false, connector.Transient},
		{answer("ERROR", "40003"), true, connector.OutcomeUnknown}, // statement_completion_unknown
		{answer("ERROR", ""), false, connector.Transient},
		{answer("FATAL", "57P01"), false, connector.Transient},
		{answer("FATAL", "57P01"), true, connector.OutcomeUnknown},
		{answer("PANIC", "XX000"), true, connector.OutcomeUnknown},
		{errors.New("EOF"), false, connector.Transient},
		{errors.New("EOF"), true, connector.OutcomeUnknown},
		{pgx.ErrTxCommitRollback, false, connector.Transient},
	} {
		if got := connector.KindOf(classify(context.Background(), c.sent, c.err)); got != c.want {
			t.Errorf("%v, sent %v: %q, want %q", c.err, c.sent, got, c.want)
		}
	}
	for code, want := range map[string]connector.Kind{"28P01": connector.Denied, "28000": connector.Denied, "3D000": connector.Denied,
		"42501": connector.Denied, "53300": connector.Transient, "57P03": connector.Transient} {
		if got := connector.KindOf(connectFailed("stint", answer("FATAL", code))); got != want {
			t.Errorf("connecting, %s: %q, want %q", code, got, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          connector.Match
	}{
		{"ops", "ops", connector.Yes}, {"ops", "OPS", connector.No}, {"ops", "ops-2", connector.No}, {"ops", "", connector.No},
		{"*", "anything", connector.Yes}, {"*", "", connector.No},
		{"app_*", "app_", connector.Yes}, {"app_*", "xapp_1", connector.No},
		{"*_ro_*", "a_ro_b", connector.Yes}, {"*_ro_*", "a_ro", connector.No},
		{"a*a", "a", connector.No}, {"pg_*", "pg_monitor", connector.Yes}, {"ops ", "ops", connector.No},
	} {
		if got := covers(c.pattern, c.name); got != c.want {
			t.Errorf("covers(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}
