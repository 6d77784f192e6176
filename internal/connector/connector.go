package connector

import (
	"context"
	"iter"
	"strings"
	"time"
)

// AccountID is a target's immutable id of an account (entryUUID, objectGUID, role OID). A holder without such an id,
// such as a member that names a deleted entry, is listed with a prefixed id ("dn:…", "uid:…") that only Observe and
// Revoke accept.
type AccountID string

// Unnamed reports whether a holder is listed under a value because the target shows no account behind it: it is deleted,
// elsewhere, or only hidden from Stint.
func (a AccountID) Unnamed() bool {
	return strings.HasPrefix(string(a), "dn:") || strings.HasPrefix(string(a), "uid:")
}

// EntitlementID is a target's immutable id of something an account can hold: a group, a database role; or of owning one
// (OwnersOf).
type EntitlementID string

// Connector makes a target follow. Every call has a hard deadline shorter than the worker's lease, and every error has
// a kind (KindOf). Implementations are safe for concurrent use. Source: DESIGN §3, Grant.
type Connector interface {
	// Capabilities says what the target can do. It needs no network.
	Capabilities() Capabilities

	// Canonical resolves an entitlement's name to its immutable id: two spellings of one DN are one entitlement.
	// Gone when there is none, Refused when the name is ambiguous, malformed, protected or not on the may_write list.
	Canonical(ctx context.Context, name string) (EntitlementID, error)

	// Describe says what an entitlement is called now, owned or held. Gone when it no longer exists.
	Describe(ctx context.Context, ent EntitlementID) (Entry, error)

	// FindAccount matches a login name or claim to exactly one account and returns its immutable id and a name to show.
	// Gone when there is none, Refused when there are several.
	FindAccount(ctx context.Context, name string) (AccountID, string, error)

	// Observe looks whether the account holds the entitlement directly; nesting is not followed.
	Observe(ctx context.Context, acc AccountID, ent EntitlementID) (Holding, error)

	// Grant makes the account hold the entitlement. Already there is nil. Where NativeExpiry is true the target itself
	// ends it at until; a zero until means no end. Elsewhere until is ignored.
	Grant(ctx context.Context, acc AccountID, ent EntitlementID, until time.Time) error

	// Revoke takes the entitlement from the account. Already gone is nil.
	Revoke(ctx context.Context, acc AccountID, ent EntitlementID) error

	// EndSessions ends the account's open sessions and returns once they are gone: one may have switched into the role.
	// It is called after the revoke. Where EndsSessions is false it does nothing and returns nil.
	EndSessions(ctx context.Context, acc AccountID) error

	// List yields every direct holder, those Stint knows nothing of included. An error ends the sequence, and what was
	// yielded before it is not the whole.
	List(ctx context.Context, ent EntitlementID) iter.Seq2[AccountID, error]

	// Browse yields entitlements and accounts whose name contains query, for administrators to pick from; at most
	// BrowseLimit of them. An error ends the sequence.
	Browse(ctx context.Context, query string) iter.Seq2[Entry, error]

	// Close lets idle connections go. Calls after it may open new ones.
	Close() error
}

// BrowseLimit is the most entries one Browse yields.
const BrowseLimit = 200

// Capabilities says what a target can do.
type Capabilities struct {
	NativeExpiry   bool          // ends a grant by itself at the time Grant was given
	EndsSessions   bool          // EndSessions has an effect
	ListsStrangers bool          // List includes holders that Stint did not put there
	ReadDelay      time.Duration // how long after a write a read may still show the old state; 0 = read your writes
}

// Holding is what was seen at the target.
type Holding struct {
	Present bool
	Until   time.Time // the target's own end of it; zero when it has none
}

// EntryKind says what a browsed entry is.
type EntryKind string

// The kinds of entry.
const (
	GroupEntry   EntryKind = "group"   // can be held: ID is an EntitlementID
	AccountEntry EntryKind = "account" // can hold: ID is an AccountID
)

// Entry is something found at a target.
type Entry struct {
	ID        string    // immutable id
	Name      string    // its short name (cn, sAMAccountName, role name)
	Kind      EntryKind //
	Detail    string    // one line to tell it from others of the same name (DN, description)
	Aliases   []string  // further names a may_write list may know it by (DN, SID)
	Protected string    // Describe only: why, by what it can do now, only a literal may_write line allows granting it
	NoOwners  string    // of a group: why the target keeps no owners of it that could be given; empty: it does
}
