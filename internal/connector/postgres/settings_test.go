package postgres

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"stint/internal/connector"
)

func TestSettings(t *testing.T) {
	good := map[string]string{"address": "db.example.org", "user": "stint", "may_write": "ops"}
	for _, c := range []struct {
		field, value, wrong string // wrong is the field the error must name; "" = valid
	}{
		{"address", "db.example.org:5433", ""},
		{"address", "[2001:db8::1]:5432", ""},
		{"address", "2001:db8::1", ""},
		{"address", "a.example.org\nb.example.org:5433", ""},
		{"address", "", "address"},
		{"address", "db.example.org:0", "address"},
		{"address", "db.example.org:70000", "address"},
		{"address", "postgres://db.example.org", "address"},
		{"address", "stint@db.example.org", "address"},
		{"address", "/var/run/postgresql", "address"},
		{"address", "a.example.org,b.example.org", "address"},
		{"database", "app", ""},
		{"database", strings.Repeat("a", 64), "database"},
		{"user", "", "user"},
		{"user", "\xff", "user"},
		{"tls", "verify-full", ""},
		{"tls", "disable", "address"}, // in the clear
		{"tls", "require", "tls"},     // encrypts to whoever answers
		{"end_sessions", "true", ""},
		{"end_sessions", "yes", "end_sessions"},
		{"allow_plaintext", "1", "allow_plaintext"},
		{"system_identifier", "7316203518846123456", ""},
		{"system_identifier", "db1", "system_identifier"},
		{"may_write", "", "may_write"},
		{"may_write", "*", ""},
		{"may_write", "app_*\nops", ""},
		{"may_write", "a\x00b", "may_write"},
		{"password", "secret", "password"}, // not a plain setting
		{"colour", "blue", "colour"},
	} {
		s := maps.Clone(good)
		s[c.field] = c.value
		mustName(t, c.field+": "+c.value, c.wrong, connector.Validate(Kind, s))
	}
	for _, c := range []struct {
		name  string
		set   map[string]string
		wrong string
	}{
		{"in the clear on this machine", map[string]string{"address": "127.0.0.1", "tls": "disable"}, ""},
		{"in the clear on purpose", map[string]string{"tls": "disable", "allow_plaintext": "true"}, ""},
		{"a look-alike of this machine", map[string]string{"address": "localhost.example.org", "tls": "disable"}, "address"},
		{"a CA without TLS", map[string]string{"address": "localhost", "tls": "disable", "ca_file": "ca.pem"}, "ca_file"},
	} {
		s := maps.Clone(good)
		maps.Copy(s, c.set)
		mustName(t, c.name, c.wrong, connector.Validate(Kind, s))
	}
}

func mustName(t *testing.T, what, wrong string, err error) {
	t.Helper()
	var field *connector.FieldError
	switch errors.As(err, &field); {
	case wrong == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case wrong != "" && (field == nil || field.Field != wrong || field.Message == ""):
		t.Errorf("%s: error is %v, want one that names %s", what, err, wrong)
	}
}

func TestOpenSaysWhatIsWrongWithTheCAFile(t *testing.T) {
	for _, path := range []string{"/does/not/exist", "settings_test.go"} {
		_, err := connector.Open(Kind, connector.Config{TargetID: "t", Settings: map[string]string{
			"address": "db.example.org", "user": "stint", "may_write": "ops", "ca_file": path}})
		mustName(t, path, "ca_file", err)
	}
}

func TestCapabilities(t *testing.T) {
	for value, ends := range map[string]bool{"": false, "false": false, "true": true} {
		c, err := connector.Open(Kind, connector.Config{TargetID: "t", Settings: map[string]string{
			"address": "db.example.org", "user": "stint", "may_write": "ops", "end_sessions": value}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Capabilities(); got != (connector.Capabilities{ListsStrangers: true, EndsSessions: ends}) {
			t.Errorf("end_sessions %q: %+v", value, got)
		}
	}
}

// What libpq would read from the process's environment has no say in where the password goes.
func TestEnvironmentHasNoSay(t *testing.T) {
	for name, value := range map[string]string{"PGHOST": "evil.example.org", "PGPORT": "1", "PGUSER": "evil", "PGPASSWORD": "evil", "PGDATABASE": "evil",
		"PGSSLMODE": "disable", "PGAPPNAME": "evil", "PGOPTIONS": "-c role=evil", "PGTARGETSESSIONATTRS": "standby", "PGSSLCERTMODE": "require", "PGREQUIREAUTH": "none",
		"PGCHANNELBINDING": "disable", "PGSSLNEGOTIATION": "postgres"} {
		t.Setenv(name, value)
	}
	s, err := parse(map[string]string{"address": "a.example.org\nb.example.org:5433", "user": "stint", "may_write": "ops"})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := s.connection(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if conf.Host != "a.example.org" || conf.Port != 5432 || conf.User != "stint" || conf.Password != "" || conf.Database != "postgres" ||
		conf.TLSConfig == nil || conf.TLSConfig.ServerName != "a.example.org" || conf.TLSConfig.InsecureSkipVerify {
		t.Errorf("the environment got through: %+v", conf.Config)
	}
	if len(conf.Fallbacks) != 1 || conf.Fallbacks[0].Host != "b.example.org" || conf.Fallbacks[0].TLSConfig.ServerName != "b.example.org" {
		t.Errorf("the other servers are %+v", conf.Fallbacks)
	}
	if conf.SSLCertMode != "disable" || conf.RequireAuth != "" || conf.ChannelBinding != "prefer" {
		t.Errorf("the environment chose how to sign in: %+v", conf.Config)
	}
	if conf.RuntimeParams["options"] != "" || conf.RuntimeParams["statement_timeout"] != "1000" {
		t.Errorf("the session's parameters are %v", conf.RuntimeParams)
	}
}

// T27: an address whose name leads to the machine's own credentials is not connected to, and the answer says so.
func TestNoAddressOfTheMachineItself(t *testing.T) {
	t.Parallel()
	conn, err := connector.Open(Kind, connector.Config{
		Settings: map[string]string{"address": "169.254.169.254:80", "tls": "disable", "allow_plaintext": "true", "user": "stint", "may_write": "ops"},
		Secret:   func(string) (string, error) { return "x", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Canonical(t.Context(), "ops"); err == nil || !strings.Contains(err.Error(), "the address of no target") {
		t.Errorf("it answers %v", err)
	}
}
