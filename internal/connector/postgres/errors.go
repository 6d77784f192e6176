package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stint/internal/connector"
)

// SQLSTATEs that mean more than their class (PostgreSQL's appendix A).
const (
	readOnly              = "25006"
	undefinedObject       = "42704"
	insufficientPrivilege = "42501"
	unknownDatabase       = "3D000"
	dependentObjects      = "2BP01"
	invalidGrant          = "0LP01"
	featureUnsupported    = "0A000"
	completionUnknown     = "40003"
)

// broken reports whether err means the connection is of no more use, as opposed to an answer or our own verdict.
func broken(err error) bool {
	var ours *connector.Error
	if err == nil || errors.As(err, &ours) || errors.Is(err, pgx.ErrNoRows) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return false
	}
	answer := answerOf(err)
	return answer == nil || fatal(answer) || answer.Code == readOnly // a primary that has become a standby
}

// answerOf is the server's own error; nil when the connection failed.
func answerOf(err error) *pgconn.PgError {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// fatal says that the server ended the session with this error. A COMMIT may have been done all the same: a server that
// is shut down while it waits for a standby commits first.
func fatal(e *pgconn.PgError) bool {
	return e.SeverityUnlocalized != "ERROR" || e.Code == completionUnknown
}

// classify gives an error its kind. Errors that have one keep it. sent says that a COMMIT is unanswered.
func classify(ctx context.Context, sent bool, err error) error {
	var ours *connector.Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	answer := answerOf(err)
	switch {
	case sent && (answer == nil || fatal(answer)):
		return connector.Errorf(connector.OutcomeUnknown, "no answer to COMMIT: %w", errors.Join(err, ctx.Err()))
	case answer == nil || fatal(answer):
		return connector.Errorf(connector.Transient, "the connection failed: %w", errors.Join(err, ctx.Err()))
	}
	return connector.Errorf(kindOfState(answer.Code), "PostgreSQL answered: %w", err)
}

// kindOfState maps the SQLSTATE of an ERROR. The transaction is rolled back: what is not known here may be tried again.
func kindOfState(state string) connector.Kind {
	switch state {
	case insufficientPrivilege, unknownDatabase:
		return connector.Denied
	case invalidGrant, dependentObjects, featureUnsupported:
		return connector.Refused
	}
	switch state[:min(2, len(state))] {
	case "28", "0L": // authorization, grantor
		return connector.Denied
	case "22": // data: a name that cannot be one
		return connector.Refused
	}
	return connector.Transient
}

// connectFailed tells what an administrator must see to from a server that is not there.
func connectFailed(user string, err error) error {
	var cert *tls.CertificateVerificationError
	answer := answerOf(err)
	switch {
	case errors.As(err, &cert):
		return connector.Errorf(connector.Denied, "the server's certificate is not trusted (see the CA file): %w", err)
	case strings.Contains(err.Error(), "server refused TLS"):
		return connector.Errorf(connector.Denied, "the server offers no TLS (see tls): %w", err)
	case answer != nil && kindOfState(answer.Code) == connector.Denied:
		return connector.Errorf(connector.Denied, "cannot sign in as %s (see user, database and password): %w", user, err)
	}
	return connector.Errorf(connector.Transient, "no connection to a primary: %w", err)
}
