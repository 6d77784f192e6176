package postgres

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stint/internal/connector"
)

// settings is a target's plain settings, checked. The names in the file are those of the fields array below.
type settings struct {
	hosts       []host
	database    string
	user        string
	tls         bool
	caFile      string
	endSessions bool
	system      string // system_identifier; "" = any
}

type host struct {
	name string
	port uint16
}

var fields = []string{
	"address", "database", "user", "tls", "ca_file", "allow_plaintext", "end_sessions", "system_identifier", connector.MayWrite,
}

const (
	verifyFull = "verify-full"
	disabled   = "disable"
)

// validate is connector.Factory.Validate.
func validate(plain map[string]string) error {
	_, err := parse(plain)
	return err
}

func parse(plain map[string]string) (settings, error) {
	p := parser{plain: plain}
	p.onlyKnown()
	s := settings{
		database:    p.name("database", "postgres"),
		user:        p.name("user", ""),
		tls:         p.choice("tls", verifyFull, disabled) == verifyFull,
		caFile:      plain["ca_file"],
		endSessions: p.boolean("end_sessions"),
		system:      p.number("system_identifier"),
	}
	plaintext := p.boolean("allow_plaintext")
	s.hosts = p.hosts("address", s.tls || plaintext)
	if s.caFile != "" && !s.tls {
		p.fail("ca_file", "without TLS there is no certificate to check: leave tls or ca_file out")
	}
	p.mayWrite(connector.MayWrite)
	return s, p.err
}

// parser reads settings and keeps the first fault.
type parser struct {
	plain map[string]string
	err   error
}

func (p *parser) fail(field, message string) {
	if p.err == nil {
		p.err = &connector.FieldError{Field: field, Message: message}
	}
}

func (p *parser) onlyKnown() {
	for f := range p.plain {
		if !slices.Contains(fields, f) {
			p.fail(f, "unknown setting of a PostgreSQL target; known: "+strings.Join(fields, ", "))
		}
	}
}

// name is what a database or role may be called; the fallback "" means it is needed.
func (p *parser) name(field, fallback string) string {
	v := p.plain[field]
	switch {
	case v == "" && fallback == "":
		p.fail(field, "needed: the role Stint signs in as, such as stint")
	case v == "":
		return fallback
	case !validName(v):
		p.fail(field, "a name of at most 63 bytes, not "+strconv.Quote(v))
	}
	return v
}

func (p *parser) boolean(field string) bool { return p.choice(field, "false", "true") == "true" }

// choice returns the field's value, the first allowed one when it is left out.
func (p *parser) choice(field string, allowed ...string) string {
	v := p.plain[field]
	if slices.Contains(allowed, v) {
		return v
	}
	if v != "" {
		p.fail(field, "one of "+strings.Join(allowed, ", ")+", not "+strconv.Quote(v))
	}
	return allowed[0]
}

func (p *parser) number(field string) string {
	v := p.plain[field]
	if _, err := strconv.ParseUint(v, 10, 64); v != "" && err != nil {
		p.fail(field, "what SELECT system_identifier FROM pg_control_system() answers, such as 7316203518846123456; not "+strconv.Quote(v))
	}
	return v
}

func (p *parser) hosts(field string, guarded bool) []host {
	const form = "host or host:port, such as db.example.org:5432; not "
	var out []host
	for _, line := range connector.Lines(p.plain[field]) {
		name, port, err := net.SplitHostPort(line)
		if err != nil {
			name, port, err = net.SplitHostPort(net.JoinHostPort(strings.Trim(line, "[]"), "5432"))
		}
		number, portErr := strconv.ParseUint(port, 10, 16)
		if err != nil || portErr != nil || number == 0 || name == "" || strings.ContainsAny(name, "/@?# ,") {
			p.fail(field, form+strconv.Quote(line))
			continue
		}
		if !guarded && !loopback(name) {
			p.fail(field, "the password would cross the network in the clear: leave out tls: disable (or, at your own risk, "+
				"set allow_plaintext: true)")
		}
		out = append(out, host{name, uint16(number)})
	}
	if len(out) == 0 {
		p.fail(field, "needed: host or host:port; several servers of one cluster one a line")
	}
	return out
}

func loopback(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

func (p *parser) mayWrite(field string) {
	for _, line := range connector.Lines(p.plain[field]) {
		if !validName(strings.ReplaceAll(line, "*", "")) && strings.Trim(line, "*") != "" {
			p.fail(field, "a role's name as PostgreSQL shows it, without quotes, or with * for any run of characters; not "+strconv.Quote(line))
		}
	}
}

// validName says whether a role can be called so: PostgreSQL keeps 63 bytes, and no zero byte.
func validName(name string) bool {
	return name != "" && len(name) <= 63 && utf8.ValidString(name) && !strings.Contains(name, "\x00")
}

// connection is how to connect, but for the password. The environment of the process (PGHOST, PGPASSFILE, …) has no say.
func (s settings) connection(timeout time.Duration) (*pgx.ConnConfig, error) {
	secure, err := s.trust()
	if err != nil {
		return nil, err
	}
	conf, err := pgx.ParseConfig("host=127.0.0.1 port=5432 user=stint password=none dbname=postgres sslmode=disable target_session_attrs=any")
	if err != nil {
		return nil, err
	}
	conf.User, conf.Password, conf.Database = s.user, "", s.database
	conf.DefaultQueryExecMode, conf.StatementCacheCapacity, conf.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	conf.ConnectTimeout, conf.DialFunc = dialTimeout, connector.Dial
	conf.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	conf.OnNotice, conf.Fallbacks = nil, nil
	conf.SSLNegotiation, conf.SSLCertMode, conf.RequireAuth, conf.ChannelBinding = "postgres", "disable", "", "prefer"
	limit := strconv.FormatInt(max(timeout.Milliseconds(), 1), 10)
	conf.RuntimeParams = map[string]string{
		"application_name": "stint", "client_encoding": "UTF8", "search_path": "pg_catalog",
		"statement_timeout": limit, "lock_timeout": limit, "idle_in_transaction_session_timeout": limit,
	}
	for i, h := range s.hosts {
		own := secure.Clone()
		if own != nil {
			own.ServerName = h.name
		}
		if i == 0 {
			conf.Host, conf.Port, conf.TLSConfig = h.name, h.port, own
		} else {
			conf.Fallbacks = append(conf.Fallbacks, &pgconn.FallbackConfig{Host: h.name, Port: h.port, TLSConfig: own})
		}
	}
	return conf, nil
}

// trust is nil without TLS. There is no setting that encrypts without checking: whoever answered would get the password.
func (s settings) trust() (*tls.Config, error) {
	if !s.tls {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.caFile != "" {
		pem, err := os.ReadFile(s.caFile)
		if err != nil {
			return nil, &connector.FieldError{Field: "ca_file", Message: "cannot be read: " + err.Error()}
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &connector.FieldError{Field: "ca_file", Message: "holds no PEM certificate: " + s.caFile}
		}
	}
	return conf, nil
}
