package connector

import (
	"errors"
	"fmt"
)

// Kind is the class of a connector's error; it decides what the reconciler does next. A Kind is itself an error, so
// errors.Is(err, connector.Gone) and errors.As(err, &kind) both work.
type Kind string

// The kinds of error.
const (
	None           Kind = ""                // no error
	Transient      Kind = "transient"       // nothing was changed; the same call may succeed later
	Denied         Kind = "denied"          // the target refused Stint's credentials or rights; an administrator must act
	Gone           Kind = "gone"            // the account or entitlement no longer exists, or is not shown to Stint (Unseen)
	Refused        Kind = "refused"         // Stint will not do this: protected, not listed, ambiguous, malformed
	OutcomeUnknown Kind = "outcome unknown" // a write was sent and its answer lost: it may or may not have taken effect
)

// Error makes a Kind usable as the target of errors.Is and errors.As.
func (k Kind) Error() string { return string(k) }

// Error is an error with its kind. Its text never holds a secret.
type Error struct {
	Kind   Kind
	Err    error
	Unseen Side // of a Gone: what the target does not show, and may only hide from Stint; empty: it is known to exist no longer
}

// Side is one of the two that make a holding.
type Side string

// The sides.
const (
	Account     Side = "account"
	Entitlement Side = "entitlement"
)

// Unseen makes a Gone one that proves nothing: the target only does not show this side. Any other error stays as it is.
func Unseen(side Side, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != Gone || e.Unseen != "" {
		return err
	}
	return &Error{Kind: Gone, Err: err, Unseen: side}
}

// UnseenIn returns what a target does not show; empty for every other error.
func UnseenIn(err error) Side {
	var e *Error
	if errors.As(err, &e) {
		return e.Unseen
	}
	return ""
}

// Errorf makes an Error of the given kind; %w wraps as in fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap lets errors.Is and errors.As see both the kind and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// KindOf returns the kind of err: None for nil, and OutcomeUnknown for an error nobody gave a kind, because only that
// makes the reconciler look twice.
func KindOf(err error) Kind {
	if err == nil {
		return None
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return OutcomeUnknown
}

// FieldError says which setting of a target is wrong and what is allowed there.
type FieldError struct {
	Field   string // the setting's name, as in the file
	Message string // what is allowed and what to do
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }
