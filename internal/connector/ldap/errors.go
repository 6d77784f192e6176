package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// broken reports whether err means the connection failed, as opposed to an answer of the server or our own verdict.
func broken(err error) bool {
	var ours *connector.Error
	if err == nil || errors.As(err, &ours) {
		return false
	}
	var e *goldap.Error
	return !errors.As(err, &e) || e.ResultCode >= goldap.ErrorNetwork
}

// classify gives an error its kind. Errors that have one keep it.
func classify(ctx context.Context, s *session, err error) error {
	var ours *connector.Error
	switch {
	case err == nil || errors.As(err, &ours):
		return err
	case !broken(err):
		return connector.Errorf(kindOfResult(err), "the directory answered: %w", answer{err})
	case s.sent:
		return connector.Errorf(connector.OutcomeUnknown, "no answer to a change: %w", errors.Join(err, ctx.Err()))
	}
	return connector.Errorf(connector.Transient, "the connection failed: %w", errors.Join(err, ctx.Err()))
}

// answer is an error of the directory; one that gives no diagnostic text ends in a colon otherwise.
type answer struct{ error }

func (a answer) Error() string { return strings.TrimRight(a.error.Error(), ": ") }

func (a answer) Unwrap() error { return a.error }

// kindOfResult maps the result codes of RFC 4511 §4.1.9.
func kindOfResult(err error) connector.Kind {
	var e *goldap.Error
	errors.As(err, &e)
	switch e.ResultCode {
	case goldap.LDAPResultInvalidCredentials, goldap.LDAPResultInappropriateAuthentication,
		goldap.LDAPResultAuthMethodNotSupported, goldap.LDAPResultStrongAuthRequired,
		goldap.LDAPResultConfidentialityRequired, goldap.LDAPResultInsufficientAccessRights,
		goldap.LDAPResultUnwillingToPerform, goldap.LDAPResultReferral:
		return connector.Denied
	case goldap.LDAPResultNoSuchObject:
		return connector.Gone
	case goldap.LDAPResultUndefinedAttributeType, goldap.LDAPResultInappropriateMatching,
		goldap.LDAPResultConstraintViolation, goldap.LDAPResultInvalidAttributeSyntax,
		goldap.LDAPResultInvalidDNSyntax, goldap.LDAPResultNamingViolation,
		goldap.LDAPResultObjectClassViolation, goldap.LDAPResultProtocolError:
		return connector.Refused
	}
	return connector.Transient
}

// tlsFailed tells a certificate that an administrator must see to from a connection that broke.
func tlsFailed(host string, err error) error {
	var cert *tls.CertificateVerificationError
	// The library flattens the error of StartTLS to text, hence the second test.
	if errors.As(err, &cert) || strings.Contains(err.Error(), "x509:") {
		return connector.Errorf(connector.Denied, "the certificate of %s is not trusted (see the CA file): %w", host, err)
	}
	return connector.Errorf(connector.Transient, "no encrypted connection to %s: %w", host, err)
}

// bindFailed gives a refused bind one kind: whatever the directory calls it, an administrator must see to it.
func bindFailed(ctx context.Context, s *session, bindDN string, err error) error {
	classified := classify(ctx, s, err)
	if connector.KindOf(classified) == connector.Transient {
		return classified
	}
	return connector.Errorf(connector.Denied, "cannot sign in as %s (see the bind DN and its password): %w", bindDN, answer{err})
}
