package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"stint/internal/connector"
	"stint/internal/connector/connectortest"
	"stint/internal/connector/postgres"
	server "stint/internal/stinttest/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ownRole     = "stint"
	ownPassword = "service-secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, newFixture(t).harness())
}

// fixture is a cluster with Stint's role in it, least privileged.
type fixture struct{ *server.Server }

var setUp sync.Once

func newFixture(t *testing.T) fixture {
	t.Helper()
	f := fixture{server.Start(t)}
	setUp.Do(func() {
		f.Exec(t, fmt.Sprintf(`CREATE ROLE %s LOGIN NOINHERIT PASSWORD '%s'; GRANT pg_signal_backend TO %[1]s; CREATE ROLE unlisted`, ownRole, ownPassword))
	})
	return f
}

func secret(string) (string, error) { return ownPassword, nil }
func quoted(name string) string     { return pgx.Identifier{name}.Sanitize() }

// settings cover every name with a digit in it, which all names of a test have.
func (f fixture) settings() map[string]string {
	return map[string]string{
		"address": f.Addr(), "user": ownRole, "ca_file": f.CAFile,
		"may_write": "*0*\n*1*\n*2*\n*3*\n*4*\n*5*\n*6*\n*7*\n*8*\n*9*",
	}
}

func (f fixture) open(t *testing.T, changes ...string) connector.Connector {
	t.Helper()
	s := f.settings()
	for i := 0; i < len(changes); i += 2 {
		s[changes[i]] = changes[i+1]
	}
	c, err := connector.Open(postgres.Kind, connector.Config{TargetID: "cluster", Settings: s, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// plain opens past TLS, through whatever listens at addr.
func (f fixture) plain(t *testing.T, addr string) connector.Connector {
	t.Helper()
	return f.open(t, "address", addr, "tls", "disable", "ca_file", "")
}

var counter atomic.Int64

func unique(stem string) string { return fmt.Sprintf("%s %d", stem, counter.Add(1)) }

// role makes a role that Stint may grant.
func (f fixture) role(t *testing.T, stem string) string {
	t.Helper()
	name := unique(stem)
	f.newRole(t, name)
	return name
}

func (f fixture) newRole(t *testing.T, name string) {
	t.Helper()
	f.Exec(t, "CREATE ROLE "+quoted(name)+"; GRANT "+quoted(name)+" TO "+ownRole+" WITH ADMIN OPTION")
	t.Cleanup(func() { f.Exec(t, "DROP ROLE IF EXISTS "+quoted(name)) })
}

func (f fixture) login(t *testing.T, stem string) string {
	t.Helper()
	name := unique(stem)
	f.newLogin(t, name)
	return name
}

func (f fixture) newLogin(t *testing.T, name string) {
	t.Helper()
	f.Exec(t, "CREATE ROLE "+quoted(name)+" LOGIN PASSWORD 'login-secret'")
	t.Cleanup(func() { f.Exec(t, "DROP ROLE IF EXISTS "+quoted(name)) })
}

func (f fixture) holders(t *testing.T, name string) []string {
	t.Helper()
	return f.Strings(t, `SELECT u.rolname::text FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member JOIN pg_roles r ON r.oid = m.roleid
		WHERE r.rolname = $1 AND u.rolname <> $2 AND u.rolname <> 'pg_monitor'`, name, ownRole)
}

func (f fixture) harness() connectortest.Harness {
	return connectortest.Harness{
		Kind: postgres.Kind, Settings: f.settings, Secret: secret, CaseMatters: true,
		Redirect: func(settings map[string]string, addr string) { settings["address"] = addr },
		Spell:    func(name string) []string { return []string{name} },
		NewEntitlement: func(t *testing.T, name string) string {
			f.newRole(t, name)
			return name
		},
		RenameEntitlement: func(t *testing.T, name, to string) string {
			f.Exec(t, "ALTER ROLE "+quoted(name)+" RENAME TO "+quoted(to))
			t.Cleanup(func() { f.Exec(t, "DROP ROLE IF EXISTS "+quoted(to)) })
			return to
		},
		DeleteEntitlement: func(t *testing.T, name string) { f.Exec(t, "DROP ROLE "+quoted(name)) },
		NewAccount:        f.newLoginUnlessThere,
		DeleteAccount:     func(t *testing.T, login string) { f.Exec(t, "DROP ROLE "+quoted(login)) },
		Put: func(t *testing.T, login, name string) {
			f.Exec(t, "GRANT "+quoted(name)+" TO "+quoted(login))
		},
		PutOwner: func(t *testing.T, login, name string) {
			f.Exec(t, "GRANT "+quoted(name)+" TO "+quoted(login)+" WITH ADMIN OPTION")
		},
		Owners: func(t *testing.T, name string) []string {
			return f.Strings(t, `SELECT DISTINCT a.rolname::text FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member JOIN pg_roles r ON r.oid = m.roleid
				WHERE r.rolname = $1 AND a.rolname <> $2 AND m.admin_option`, name, ownRole)
		},
		OwnersAreMembers: true,

		Holders:   f.holders,
		Unlisted:  "unlisted",
		Protected: "pg_read_all_settings",
	}
}

// newLoginUnlessThere: roles and accounts share one name space, and the suite asks for both by one name.
func (f fixture) newLoginUnlessThere(t *testing.T, name string) {
	t.Helper()
	if len(f.Strings(t, "SELECT 1 FROM pg_roles WHERE rolname = $1", name)) == 0 {
		f.newLogin(t, name)
		return
	}
	f.Exec(t, "ALTER ROLE "+quoted(name)+" LOGIN")
}

func find(t *testing.T, c connector.Connector, name string) connector.AccountID {
	t.Helper()
	id, _, err := c.FindAccount(t.Context(), name)
	if err != nil {
		t.Fatalf("FindAccount(%q): %v", name, err)
	}
	return id
}

func entitlement(t *testing.T, c connector.Connector, name string) connector.EntitlementID {
	t.Helper()
	id, err := c.Canonical(t.Context(), name)
	if err != nil {
		t.Fatalf("Canonical(%q): %v", name, err)
	}
	return id
}

func mustKind(t *testing.T, want connector.Kind, err error) {
	t.Helper()
	if got := connector.KindOf(err); got != want {
		t.Errorf("error is %q (%v), want %q", got, err, want)
	}
}

func mustObserve(t *testing.T, c connector.Connector, present bool, acc connector.AccountID, ent connector.EntitlementID) {
	t.Helper()
	h, err := c.Observe(t.Context(), acc, ent)
	if err != nil || h.Present != present {
		t.Errorf("Observe = %+v, %v; want present = %v", h, err, present)
	}
}

func listed(t *testing.T, c connector.Connector, ent connector.EntitlementID) (out []connector.AccountID) {
	t.Helper()
	for id, err := range c.List(t.Context(), ent) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

func grant(t *testing.T, c connector.Connector, acc connector.AccountID, ent connector.EntitlementID) {
	t.Helper()
	if err := c.Grant(t.Context(), acc, ent, time.Time{}); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, true, acc, ent)
}
