package postgres_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"stint/internal/connector"
	server "stint/internal/stinttest/postgres"
)

const guide = "../../../docs/postgres.md"

func fenced(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		all = append(all, m[1])
	}
	if len(all) == 0 {
		t.Fatalf("%s has no %s", guide, language)
	}
	return strings.Join(all, "")
}

// The guide's statements, one by one, are what Stint needs, and no more.
func TestGuide(t *testing.T) {
	t.Parallel()
	f := fixture{server.StartOwn(t, server.Options{NoSync: true})}
	f.Exec(t, "CREATE ROLE app_admin; CREATE ROLE app_other; CREATE ROLE alice LOGIN PASSWORD 'login-secret'; "+
		"CREATE TABLE ledger (line TEXT); GRANT SELECT ON ledger TO app_admin")
	for statement := range strings.SplitSeq(strings.TrimSpace(fenced(t, "sql")), ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			f.Exec(t, statement)
		}
	}
	c := f.openAsInGuide(t)
	acc, ent := find(t, c, "alice"), entitlement(t, c, "app_admin")
	grant(t, c, acc, ent)
	alice := f.session(t, "alice")
	if _, err := alice.Exec(t.Context(), "SET ROLE app_admin; SELECT * FROM ledger"); err != nil {
		t.Errorf("alice holds the role and may not use it: %v", err)
	}
	if err := c.Revoke(t.Context(), acc, ent); err != nil {
		t.Fatal(err)
	}
	if err := c.EndSessions(t.Context(), acc); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("alice's session goes on")
	}
	mustKind(t, connector.Denied, c.Grant(t.Context(), acc, entitlement(t, c, "app_other"), time.Time{}))
	f.testLeastPrivileged(t)
}

// openAsInGuide takes the guide's own target, at the test's server.
func (f fixture) openAsInGuide(t *testing.T) connector.Connector {
	t.Helper()
	var file struct {
		Targets []struct {
			Kind     string
			Settings map[string]string
			MayWrite []string `yaml:"may_write"`
		}
	}
	if err := yaml.Unmarshal([]byte(fenced(t, "yaml")), &file); err != nil {
		t.Fatal(err)
	}
	target := file.Targets[0]
	target.Settings["address"], target.Settings["ca_file"] = f.Addr(), f.CAFile
	target.Settings[connector.MayWrite] = strings.Join(target.MayWrite, "\n")
	c, err := connector.Open(target.Kind, connector.Config{TargetID: "cluster", Settings: target.Settings,
		Secret: func(string) (string, error) { return "choose-one", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (f fixture) testLeastPrivileged(t *testing.T) {
	stint, err := pgx.Connect(t.Context(), f.DSNOf("stint", "choose-one", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer stint.Close(t.Context())
	for _, forbidden := range []string{
		"SELECT * FROM ledger", "CREATE ROLE another", "CREATE DATABASE another", "GRANT app_other TO alice", "GRANT pg_signal_backend TO alice",
		"ALTER ROLE alice PASSWORD 'mine'", "DROP ROLE alice", "SELECT rolpassword FROM pg_authid", "ALTER ROLE stint SUPERUSER",
	} {
		if _, err := stint.Exec(t.Context(), forbidden); err == nil {
			t.Errorf("Stint's role may: %s", forbidden)
		}
	}
}

// What the guide says of version 16 is at least what the connector counts on.
func TestGuideOfVersion16(t *testing.T) {
	for _, want := range []string{"NOINHERIT", "WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;", "GRANT pg_signal_backend TO stint WITH INHERIT TRUE;"} {
		if !strings.Contains(fenced(t, "sql16"), want) {
			t.Errorf("the guide does not say %s", want)
		}
	}
}
