package broker

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stint/internal/audit"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/store"
)

// Config is what a Broker needs; every field but Open must be set.
type Config struct {
	Store   *store.Store
	Log     *slog.Logger
	StepUp  *stepup.RelyingParty
	Sealer  *Sealer
	Signer  *audit.Signer                                                        // nil: no checkpoints, as in a command that only writes
	Outside string                                                               // file outside the database that holds the last checkpoint; may be empty
	Binding []string                                                             // claims that may bind somebody known beforehand; people cannot edit them at the provider
	Claims  ClaimNames                                                           // where the provider says a person's department, title, manager, and that they are a guest
	Scan    time.Duration                                                        // how often each target is asked who holds what Stint manages there; 0: every hour
	Open    func(kind string, cfg connector.Config) (connector.Connector, error) // nil: connector.Open
}

// Broker runs the operations of one node.
type Broker struct {
	store     *store.Store
	log       *slog.Logger
	rp        *stepup.RelyingParty
	sealer    *Sealer
	signer    *audit.Signer
	outside   string
	binding   []string
	claims    ClaimNames
	open      func(kind string, cfg connector.Config) (connector.Connector, error)
	wake      chan struct{}
	targets   *targets
	lanes     *lanes
	memory    *memory
	resolver  resolver
	safe      safeMode
	kept      atomic.Int64 // size of the last checkpoint kept outside
	fresh     freshness
	journal   *journal // of what was granted, outside the database; nil: none is kept
	begun     taken
	drills    atomic.Int64 // when accounts for emergencies were last looked at, in µs
	late      atomic.Int64 // when it was last looked what is late, in µs
	scans     scans
	logouts   taken         // ids of logout tokens
	refusals  refusals      // of large changes
	syncs     atomic.Bool   // a directory sync runs on this node
	reviewing atomic.Bool   // reviews begin or go on on this node
	applying  atomic.Bool   // answers of reviews are applied on this node
	applied   atomic.Int64  // when nothing was left to apply there, in µs; 0: something was
	exports   chan struct{} // turns of exports to read
	downloads sync.Map      // of reviews: *context.Context by who has one running
	words     atomic.Int64  // when the words of the log were last taken into their index, in µs
}

// New makes a Broker.
func New(c Config) *Broker {
	b := &Broker{store: c.Store, log: c.Log, rp: c.StepUp, sealer: c.Sealer, signer: c.Signer, outside: c.Outside, binding: c.Binding, claims: c.Claims, open: c.Open,
		wake: make(chan struct{}, 1), targets: newTargets(), lanes: newLanes(), memory: newMemory(), scans: scans{every: cmp.Or(c.Scan, time.Hour)},
		exports: make(chan struct{}, auditReaders)}
	if b.open == nil {
		b.open = connector.Open
	}
	return b
}

// Store is the database the broker writes; shells read from it.
func (b *Broker) Store() *store.Store { return b.store }

// Actor is who asks, from the session; what they may do is read again inside each operation.
type Actor struct {
	PrincipalID string
	SessionID   string
	Session     string // names the session, and stays when its id is renewed; empty: there is none, or it has no name
}

// Outcome tells a shell where an operation led.
type Outcome struct {
	CeremonyID   string // a step-up is needed first: go there
	ActivationID string
	AssignmentID string
	ReviewID     string
	ResultsID    string // several things were done together: what became of each
	Back         string // where the person came from
	Voucher      string // shown once
	Done         string // one sentence for the person
}

// Wake makes the worker look for due work now.
func (b *Broker) Wake() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// write runs an operation and wakes the worker after its commit.
func write[T any](ctx context.Context, b *Broker, fn func(*store.Tx) (T, error)) (T, error) {
	return store.Write(ctx, b.store, func(tx *store.Tx) (T, error) {
		tx.AfterCommit(b.Wake)
		return fn(tx)
	})
}

func do(ctx context.Context, b *Broker, fn func(*store.Tx) error) error {
	_, err := write(ctx, b, func(tx *store.Tx) (struct{}, error) { return struct{}{}, fn(tx) })
	return err
}

// NewID returns 160 random bits as 32 letters and digits: unguessable, and nothing can be read from it.
func NewID() string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(randomBytes(20)))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic("broker: no randomness: " + err.Error()) // crypto/rand does not fail on supported systems
	}
	return b
}

// found turns a missing row into the one answer for what is absent or not to be seen.
func found(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return pim.NotFound()
	}
	return err
}

// person loads who acts and refuses the disabled.
func person(tx *store.Reader, actor Actor) (pim.Principal, error) {
	p, err := tx.Principal(actor.PrincipalID)
	if err != nil {
		return p, found(err)
	}
	if !p.Enabled {
		return p, pim.Refuse(pim.KindForbidden, "Your access to Stint is disabled. Ask an administrator.")
	}
	return p, nil
}

// Powers returns what a person may do in Stint at this instant.
func Powers(r *store.Reader, principalID string) (pim.Powers, error) {
	held, err := r.StintRoles(principalID)
	return pim.PowersOf(held), err
}

// administrator loads who acts and refuses everyone who is not an administrator right now.
func administrator(tx *store.Tx, actor Actor) (pim.Principal, error) {
	p, err := person(tx.Reader, actor)
	if err != nil {
		return p, err
	}
	powers, err := Powers(tx.Reader, p.ID)
	if err == nil && !powers.Administrator {
		err = pim.NotFound()
	}
	return p, err
}

// notify leaves a notice in the portal for each person.
func notify(tx *store.Tx, text, link string, people ...string) error {
	for _, id := range people {
		if id == pim.System || id == "" {
			continue
		}
		if err := tx.InsertNotice(store.Notice{ID: NewID(), PrincipalID: id, Text: text, Link: link}); err != nil {
			return err
		}
	}
	return nil
}

// tellHolder leaves a notice about an activation to its person, with role and scope between the words.
func tellHolder(tx *store.Tx, a pim.Activation, before, after string) error {
	what := "a role"
	role, path, _, err := effective(tx.Reader, a.RoleID, a.ResourceID)
	if err == nil {
		what = role.Name + " on " + path.Leaf().Name
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return notify(tx, before+" "+what+after, "/activations/"+a.ID, a.PrincipalID)
}

// Paused says why nothing new is granted now, or "" (invariant 6).
func (b *Broker) Paused() string {
	if s := b.store.Clock().Suspect(); s != "" {
		return s
	}
	if s := b.unsafe(); s != "" {
		return s
	}
	return b.journal.why()
}

const maxName = 80

// clock is the instant everything is judged by.
func (b *Broker) clock() time.Time { return b.store.Clock().Now() }
