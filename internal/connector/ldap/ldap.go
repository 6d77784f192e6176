package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"

	"stint/internal/connector"
)

// Kind is the name of this kind of target.
const Kind = "ldap"

// BindPassword is the one credential: the password of bind_dn.
const BindPassword = "bind_password"

func init() {
	connector.Register(Kind, connector.Factory{
		Open:      open,
		Validate:  validate,
		Secrets:   func(map[string]string) []string { return []string{BindPassword} },
		Protected: protected,
		Covers:    covers,
		Fields:    described,
		People:    true,
	})
}

// directory is a connector.Connector for one directory.
type directory struct {
	settings
	pool     pool
	deadline time.Duration // of one page of people
}

func open(cfg connector.Config) (connector.Connector, error) {
	s, err := parse(cfg.Settings)
	if err != nil {
		return nil, err
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
	return &directory{settings: s, pool: pool{settings: s, tls: conf, secret: cfg.Secret}, deadline: cfg.Timeout}, nil
}

// Capabilities: native expiry (the TTL values of a Windows forest with its PAM feature on) is not used; see until in
// Grant. A directory has no sessions to end.
func (d *directory) Capabilities() connector.Capabilities {
	return connector.Capabilities{ListsStrangers: true, ReadDelay: d.readDelay}
}

// EndSessions has nothing to do: what a bind has already been allowed elsewhere is not the directory's to end.
func (d *directory) EndSessions(context.Context, connector.AccountID) error { return nil }

// Close lets idle connections go.
func (d *directory) Close() error { return d.pool.close() }

var _ connector.Connector = (*directory)(nil)

// idleLimit is how long an unused connection is kept: shorter than directories' and firewalls' own limits.
const idleLimit = 30 * time.Second
