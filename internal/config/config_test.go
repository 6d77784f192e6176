package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"stint/internal/config"
)

// parse does what a command does: flags, environment, file.
func parse(t *testing.T, file string, env map[string]string, args ...string) (*config.Config, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "stint.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	var c config.Config
	lookup := config.LookupEnv(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	parser, err := kong.New(&c, kong.Bind(lookup))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return &c, err
}

// refusals are the field names an error refuses, sorted.
func refusals(err error) (fields []string) {
	if err == nil {
		return nil
	}
	if field := (*config.FieldError)(nil); errors.As(err, &field) {
		var joined interface{ Unwrap() []error }
		if !errors.As(err, &joined) {
			return []string{field.Field}
		}
		for _, e := range joined.Unwrap() {
			fields = append(fields, refusals(e)...)
		}
	}
	slices.Sort(fields)
	return fields
}

func TestDefaults(t *testing.T) {
	parsed, err := parse(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var zero config.Config
	if err := zero.Complete(); err != nil {
		t.Fatal("the zero value must be good:", err)
	}
	for _, c := range []*config.Config{parsed, &zero} {
		if c.DatabaseFile() != "data/stint.db" || c.Keys != "data-keys" || c.Checkpoint != "data-keys/checkpoint" ||
			c.Listen != "127.0.0.1:8080" || c.PublicURL != "http://localhost:8080" || c.LogLevel != "info" ||
			c.OIDCScopes.String() != "profile,email" || c.OIDCMaxAge.Duration != 0 {
			t.Errorf("defaults: %+v", c)
		}
		// ASVS 7.1.1: the documented session lengths are those in force.
		if c.SessionIdle.Duration != 30*time.Minute || c.SessionAbsolute.Duration != 10*time.Hour {
			t.Errorf("sessions: %s, %s", c.SessionIdle, c.SessionAbsolute)
		}
	}
}

// The defaults that the tags tell and those that Complete sets are the same.
func TestDefaultsAreTheDocumentedOnes(t *testing.T) {
	var zero config.Config
	if err := zero.Complete(); err != nil {
		t.Fatal(err)
	}
	values := zero.Values()
	for _, f := range config.Fields() {
		line := values[strings.Index(values, f.Name+":"):]
		line, _, _ = strings.Cut(line, "\n")
		got := strings.Fields(line)[1]
		switch f.Name {
		case "database", "keys", "checkpoint", "public_url": // they follow from other fields
		case "session_idle":
			if f.Default != "30m" || got != "30m0s" {
				t.Errorf("%s: %q in the tag, %q set", f.Name, f.Default, got)
			}
		case "scan_every":
			if f.Default != "1h" || got != "1h0m0s" {
				t.Errorf("%s: %q in the tag, %q set", f.Name, f.Default, got)
			}
		case "session_absolute":
			if f.Default != "10h" || got != "10h0m0s" {
				t.Errorf("%s: %q in the tag, %q set", f.Name, f.Default, got)
			}
		case "revalidate_every":
			if f.Default != "15m" || got != "15m0s" {
				t.Errorf("%s: %q in the tag, %q set", f.Name, f.Default, got)
			}
		default:
			if f.Default != "" && got != f.Default || f.Default == "" && got != "(none)" {
				t.Errorf("%s: %q in the tag, %q set", f.Name, f.Default, got)
			}
		}
		if f.Allowed == "" || !strings.HasSuffix(f.Meaning, ".") || f.Group == "" {
			t.Errorf("%s is not described: %+v", f.Name, f)
		}
	}
}

func TestPrecedence(t *testing.T) {
	file, env := "organisation: file\n", map[string]string{"STINT_ORGANISATION": "env"}
	for _, tt := range []struct {
		file string
		env  map[string]string
		args []string
		want string
		from string
	}{
		{"", nil, nil, "", ""},
		{file, nil, nil, "file", "stint.yaml line 1"},
		{file, env, nil, "env", "the environment variable STINT_ORGANISATION"},
		{file, env, []string{"--organisation=flag"}, "flag", "the flag --organisation"},
		{file, map[string]string{"STINT_ORGANISATION": ""}, nil, "file", "stint.yaml line 1"}, // empty counts as not set
		{"organisation:\n", nil, nil, "", ""},
	} {
		c, err := parse(t, tt.file, tt.env, tt.args...)
		if err != nil || c.Organisation != tt.want || !strings.HasSuffix(c.Source("organisation"), tt.from) {
			t.Errorf("%q %v %v: %q from %q, %v", tt.file, tt.env, tt.args, c.Organisation, c.Source("organisation"), err)
		}
	}
}

func TestListsInEveryPlace(t *testing.T) {
	const want = "127.0.0.1/32 10.0.0.0/24"
	for _, tt := range []struct {
		file string
		env  map[string]string
		args []string
	}{
		{"trusted_proxies: [127.0.0.1, 10.0.0.9/24]", nil, nil},
		{"trusted_proxies:\n  - 127.0.0.1\n  - '::ffff:10.0.0.9/120'", nil, nil},
		{"trusted_proxies: 127.0.0.1, 10.0.0.0/24", nil, nil},
		{"", map[string]string{"STINT_TRUSTED_PROXIES": " 127.0.0.1 ,,10.0.0.0/24"}, nil},
		{"", nil, []string{"--trusted-proxies", "127.0.0.1,10.0.0.0/24"}},
	} {
		c, err := parse(t, tt.file, tt.env, tt.args...)
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		var got []string
		for _, p := range c.Proxies() {
			got = append(got, p.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		args string // separated by spaces; _ stands for one
		want string // refused fields
	}{
		{"--listen=8080", "listen"},
		{"--listen=127.0.0.1:99999", "listen"},
		{"--listen=127.0.0.1:http", "listen"},
		{"--listen=stint.example.org:80", "listen"},
		{"--listen=:8080", "public_url"}, // needed, no loopback to guess from
		{"--listen=:8080 --public-url=http://localhost:8080", "listen"},
		{"--listen=[::1]:8080", ""},
		{"--listen=0.0.0.0:8443 --public-url=https://stint.example.org --tls-cert=c --tls-key=k", ""},
		{"--metrics-listen=:9464", "metrics_listen"}, // every interface only when it is said
		{"--metrics-listen=stint.example.org:9464", "metrics_listen"},
		{"--metrics-listen=127.0.0.1:8080", "metrics_listen"}, // where everybody comes
		{"--metrics-listen=127.0.0.1:0", "metrics_listen"},
		{"--metrics-listen=10.1.2.3:9464", ""},
		{"--traces-to=http://collector.example.org/v1/traces", "traces_to"},
		{"--traces-to=https://me:hunter2@collector.example.org/v1/traces", "traces_to"},
		{"--traces-to=http://127.0.0.1:4318/v1/traces", ""},
		{"--traces-to=https://collector.example.org/v1/traces", ""},
		{"--public-url=https://stint.example.org", "public_url"}, // nobody to speak https
		{"--public-url=https://stint.example.org --trusted-proxies=127.0.0.1", ""},
		{"--public-url=http://stint.example.org", "public_url"},
		{"--public-url=http://127.0.0.1:8080", "public_url"}, // no passkeys for an IP address
		{"--public-url=https://[2001:db8::1] --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://stint.example.org/pim --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://stint.example.org?a=b --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://stint.example.org? --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://a:b@stint.example.org --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://stint.example.org:0 --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://stint.example.org: --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://stint..example.org --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://-stint.example.org --trusted-proxies=127.0.0.1", "public_url"},
		{"--public-url=https://stіnt.example.org --trusted-proxies=127.0.0.1", "public_url"}, // a Cyrillic i
		{"--public-url=ftp://stint.example.org", "public_url"},
		{"--public-url=stint.example.org", "public_url"},
		{"--tls-cert=c --public-url=https://stint.example.org", "tls_cert"},
		{"--tls-key=k --public-url=https://stint.example.org", "tls_cert"},
		{"--tls-cert=c --tls-key=k", "public_url"}, // http with a certificate
		{"--trusted-proxies=proxy.example.org", "trusted_proxies"},
		{"--trusted-proxies=0.0.0.0/0,::/0", "trusted_proxies trusted_proxies"},
		{"--keys=data/keys", "keys"},
		{"--keys=./data", "keys"},
		{"--data=d --keys=../k --checkpoint=d/../d/x", "checkpoint"},
		{"--data=/srv/stint --keys=/srv/stint-keys", ""},
		{"--database=copy.db", ""},
		{"--database=postgres://stint@db.example.org/stint", ""},
		{"--database=postgresql:///stint?host=/run/postgresql", ""},
		{"--database=postgres://stint@db.example.org/stint?sslmode=verify-ca --database-password=file:/etc/stint/database", ""},
		{"--database=postgres://stint@127.0.0.1:5432/stint?sslmode=disable", ""},
		{"--database=postgres://stint@db.example.org/stint?sslmode=require", "database"},
		{"--database=postgres://stint@/stint?host=127.0.0.1,db.example.org&sslmode=prefer", "database"},
		{"--database=postgres://stint@db.example.org", "database"},
		{"--database=postgres://stint@db.example.org/", "database"},
		{"--database=postgres:/stint@db.example.org/stint", "database"}, // a slip in the address is no file
		{"--database=postgres//stint@db.example.org/stint", "database"},
		{"--database=stint@db.example.org/stint", "database"},
		{"--database=host=db.example.org", "database"},
		{"--database=./a@b:c=d?e", ""},
		{"--database=/srv/stint@2/stint.db", ""},
		{"--database=postgres://stint:hunter/2@db.example.org/stint", "database"},
		{"--database=postgres://stint:hunter2@db.example.org/stint", "database"}, // in a flag
		{"--database=postgres://stint@db.example.org/stint?password=hunter2", "database"},
		{"--database=mysql://stint@db.example.org/stint", "database"},
		{"--database-password=file:/etc/stint/database", "database_password"},
		{"--database=postgres://stint@localhost/stint --database-password=hunter2", "database_password"},
		{"--session-idle=59s", "session_idle"},
		{"--session-idle=61m", "session_idle"},
		{"--session-idle=90s500ms", "session_idle"},
		{"--session-idle=0s", "session_idle"},
		{"--session-idle=-5m", "session_idle"},
		{"--session-idle=", "session_idle"},
		{"--session-idle=30", "session_idle"},
		{"--scan-every=4m", "scan_every"},
		{"--scan-every=25h", "scan_every"},
		{"--scan-every=", "scan_every"},
		{"--session-absolute=24h1s", "session_absolute"},
		{"--session-absolute=24h --session-idle=1h", ""},
		{"--revalidate-every=0s", ""},
		{"--revalidate-every=1m", ""},
		{"--revalidate-every=24h", ""},
		{"--revalidate-every=59s", "revalidate_every"},
		{"--revalidate-every=25h", "revalidate_every"},
		{"--revalidate-every=-15m", "revalidate_every"},
		{"--revalidate-every=often", "revalidate_every"},
		{"--session-absolute=20m", "session_idle"}, // shorter than the default idle time
		{"--log-level=INFO", "log_level"},
		{"--organisation=" + strings.Repeat("é", 81), "organisation"},
		{"--organisation=" + strings.Repeat("é", 80), ""},
		{"--organisation=a\x1b[2J", "organisation"},
		{"--organisation=a\u202eb", "organisation"},
		{"--contact=" + strings.Repeat("é", 121), "contact"},
		{"--contact=" + strings.Repeat("é", 120), ""},
		{"--contact=a\x1b[2J", "contact"},
		{"--oidc-issuer=https://login.example.org", "oidc_client_id"},
		{"--oidc-client-id=stint", "oidc_client_id"},
		{"--oidc-issuer=http://login.example.org --oidc-client-id=stint", "oidc_issuer"},
		{"--oidc-issuer=http://127.0.0.1:9000 --oidc-client-id=stint", ""},
		{"--oidc-issuer=https://login.example.org?x --oidc-client-id=stint", "oidc_issuer"},
		{"--oidc-issuer=https://login.example.org --oidc-client-id=a_b", "oidc_client_id"},
		{"--oidc-client-secret=hunter2", "oidc_client_secret"},
		{"--oidc-client-secret=env:", "oidc_client_secret"},
		{"--oidc-client-secret=file:/etc/stint/secret", ""},
		{"--oidc-enrol-claim=amr", "oidc_enrol_claim"},
		{"--oidc-enrol-values=hwk", "oidc_enrol_claim"},
		{"--oidc-enrol-claim=amr --oidc-enrol-values=hwk,swk", ""},
		{"--oidc-groups-claim=a_b", "oidc_groups_claim"},
		{"--oidc-department-claim=a_b", "oidc_department_claim"},
		{"--oidc-title-claim=a_b", "oidc_title_claim"},
		{"--oidc-manager-claim=a_b", "oidc_manager_claim"},
		{"--oidc-guest-claim=a_b", "oidc_guest_claim"},
		{"--passkey-models=yubikey --passkey-roots=x", "passkey_models"},
		{"--oidc-max-age=30s", "oidc_max_age"},
		{"--oidc-max-age=25h", "oidc_max_age"},
		{"--oidc-max-age=1h", ""},
		{"--oidc-binding-claims=name", "oidc_binding_claims"}, // DESIGN §3: a claim people cannot edit
		{"--oidc-binding-claims=email,employee_number,https://example.org/id", ""},
	} {
		var args []string
		for _, a := range strings.Fields(tt.args) {
			args = append(args, strings.ReplaceAll(a, "_", " "))
		}
		if strings.Contains(tt.args, "employee_number") {
			args = strings.Fields(tt.args)
		}
		_, err := parse(t, "", nil, args...)
		if got := strings.Join(refusals(err), " "); got != tt.want || tt.want == "" && err != nil {
			t.Errorf("%s: refused %q, want %q: %v", tt.args, got, tt.want, err)
		}
	}
}

func TestServeNeedsAProvider(t *testing.T) {
	var c config.Config
	if got := refusals(c.CompleteForServe()); !slices.Equal(got, []string{"oidc_issuer"}) {
		t.Error(got)
	}
	c = config.Config{OIDCIssuer: "https://login.example.org", OIDCClientID: "stint"}
	if err := c.CompleteForServe(); err != nil {
		t.Error(err)
	}
}

func TestPublic(t *testing.T) {
	c := config.Config{PublicURL: "https://Stint.Example.org:443/", TrustedProxies: config.List{"127.0.0.1"}}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if c.Public().String() != "https://stint.example.org" || !c.HTTPS() || c.RedirectURL() != "https://stint.example.org/sign-in/callback" {
		t.Error(c.Public(), c.HTTPS(), c.RedirectURL())
	}
	if err := c.Complete(); err != nil {
		t.Error("completing twice:", err)
	}
}

// THREATS T28: neither a secret given by mistake nor a password in a URL is repeated anywhere.
func TestSecretsAreNotRepeated(t *testing.T) {
	const canary = "c4n4ry"
	for _, tt := range []struct {
		file string
		args []string
	}{
		{"oidc_client_secret: " + canary, nil},
		{"", []string{"--oidc-client-secret=" + canary}},
		{"", []string{"--public-url=https://u:" + canary + "@stint.example.org"}},
		{"", []string{"--oidc-issuer=https://u:" + canary + "@login.example.org", "--oidc-client-id=s"}},
	} {
		c, err := parse(t, tt.file, nil, tt.args...)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%+v: %v", tt, err)
		}
		if strings.Contains(c.OIDCClientSecret.String(), canary) {
			t.Errorf("%+v is kept", tt)
		}
	}
}
