package pim

import "fmt"

// RefusalKind tells the shells how to answer; the translation to a status lives in web/errors.go alone.
type RefusalKind string

const (
	KindInvalid   RefusalKind = "invalid"   // a field is wrong: Field says which
	KindNotFound  RefusalKind = "not_found" // absent, or not for this person to see (invariant 9)
	KindForbidden RefusalKind = "forbidden" // may see it, may not do it: Message says why
	KindConflict  RefusalKind = "conflict"  // somebody was first, or the state has moved on
	KindStepUp    RefusalKind = "step_up"   // a passkey confirmation is needed first
	KindPaused    RefusalKind = "paused"    // Stint is not granting now (clock, disk, audit)
)

// Refusal is a "no" with its reason. It is a value: the transaction that found it commits its event
// (invariant 2). Message is written for the person who reads it and holds no secret.
type Refusal struct {
	Kind     RefusalKind
	Field    string // form or file field, empty when none
	Message  string // what is wrong, what is allowed, what to do
	Object   string // id to link to, such as the pending activation; may be empty
	Verdicts []Verdict
}

func (r *Refusal) Error() string { return string(r.Kind) + ": " + r.Message }

// Refuse builds a refusal without a field.
func Refuse(kind RefusalKind, format string, args ...any) *Refusal {
	return &Refusal{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Invalid builds a refusal of one field.
func Invalid(field, format string, args ...any) *Refusal {
	return &Refusal{Kind: KindInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound is the one answer for what does not exist and for what this person may not see.
func NotFound() *Refusal {
	return Refuse(KindNotFound, "There is nothing here, or you may not see it.")
}
