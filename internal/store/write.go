package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
)

const maxBatch = 64

// Tx is one operation inside the writer's transaction. Everything read through it is what the decision
// rests on (invariant 3).
type Tx struct {
	*Reader
	head   audit.Head
	events []pim.Event
	people []string // whose notices this changes
	after  []func()
	alone  map[int]bool // which events are refusals of what was refused alone

	follows *followed
}

// Emit buffers an event; it is numbered, hashed and stored when the batch commits.
func (tx *Tx) Emit(e pim.Event) {
	if e.Actor == "" {
		panic("store: event " + string(e.Type) + " has no actor (invariant 8)")
	}
	tx.events = append(tx.events, e)
}

// Head is the head of the log that this transaction goes on from, whichever node wrote it. What is emitted in
// this transaction comes after it.
func (tx *Tx) Head() audit.Head { return tx.head }

// AfterCommit runs fn once the transaction is durable: wake-ups, never effects that must not be lost.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// Alone runs one of several things an operation does together. When it is refused its state is undone and
// only its refusals stay among the events; the operation goes on and gets the refusal as a value. Any
// other error is the operation's.
func (tx *Tx) Alone(fn func() error) (*pim.Refusal, error) {
	if _, err := tx.exec("SAVEPOINT alone"); err != nil {
		return nil, err
	}
	events, after := len(tx.events), len(tx.after)
	err := fn()
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		if _, err := tx.exec("ROLLBACK TO SAVEPOINT alone"); err != nil {
			return nil, err
		}
		tx.events = append(tx.events[:events:events], refusalsAmong(tx.events[events:])...)
		for i := events; i < len(tx.events); i++ {
			if tx.alone == nil {
				tx.alone = map[int]bool{}
			}
			tx.alone[i] = true
		}
		tx.after, err = tx.after[:after], nil
	}
	if err == nil || refusal != nil {
		_, err = tx.exec("RELEASE SAVEPOINT alone")
	}
	return refusal, err
}

// Would runs what an operation thinks of doing and undoes it: look tells what would be then. Nothing of it stays, no
// event either.
func (tx *Tx) Would(change, look func() error) error {
	if _, err := tx.exec("SAVEPOINT would"); err != nil {
		return err
	}
	events, people, after := len(tx.events), len(tx.people), len(tx.after)
	err := change()
	if err == nil {
		err = look()
	}
	tx.events, tx.people, tx.after = tx.events[:events:events], tx.people[:people:people], tx.after[:after:after]
	if _, undo := tx.exec("ROLLBACK TO SAVEPOINT would"); undo != nil {
		return errors.Join(err, undo)
	}
	_, done := tx.exec("RELEASE SAVEPOINT would")
	return errors.Join(err, done)
}

func refusalsAmong(events []pim.Event) (out []pim.Event) {
	for _, e := range events {
		if e.Result == pim.Refused {
			out = append(out, e)
		}
	}
	return out
}

type job struct {
	ctx    context.Context
	fn     func(*Tx) (any, error)
	val    any
	err    error
	events []draft
	people []string
	after  []func()
	done   chan struct{}
}

// Write runs fn in the node's one writer and returns after the commit. fn may run twice and must not
// write captured variables. A *pim.Refusal from fn undoes its state, keeps its events and is returned.
func Write[T any](ctx context.Context, s *Store, fn func(*Tx) (T, error)) (T, error) {
	var zero T
	ctx, ended := traced(ctx)
	j := &job{ctx: context.WithoutCancel(ctx), done: make(chan struct{}), fn: func(tx *Tx) (any, error) { return fn(tx) }}
	defer func() { ended(j.err) }()
	if s.w == nil {
		return zero, errors.New("store: opened read-only")
	}
	select {
	case s.jobs <- j:
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-s.quit:
		return zero, ErrClosed
	}
	<-j.done
	v, ok := j.val.(T)
	if !ok {
		return zero, j.err
	}
	return v, j.err
}

// Do is Write for operations without a result.
func Do(ctx context.Context, s *Store, fn func(*Tx) error) error {
	_, err := Write(ctx, s, func(tx *Tx) (struct{}, error) { return struct{}{}, fn(tx) })
	return err
}

func (s *Store) writer() {
	defer s.done.Done()
	for {
		select {
		case <-s.quit:
			return
		case first := <-s.jobs:
			s.commit(s.gather(first))
		}
	}
}

// gather takes whoever waits already, so that many clients share one fsync.
func (s *Store) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-s.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

func (s *Store) commit(batch []*job) {
	told := observing(len(batch))
	err := s.transact(batch)
	told(err)
	if err == nil {
		s.announce(batch)
	}
	for _, j := range batch {
		if err != nil {
			var zero any
			j.val, j.err = zero, failed(err)
		}
		if err == nil {
			for _, fn := range j.after {
				fn()
			}
		}
		close(j.done)
	}
}

// failed is what every member of a batch is told whose transaction died.
func failed(err error) error {
	if errors.Is(err, ErrUnclear) {
		return err
	}
	return fmt.Errorf("nothing was saved, try again: %w", err)
}

// ErrUnclear says that the database could not be asked whether it committed.
var ErrUnclear = errors.New("the database went away while it saved, and whether it did is not known yet; look at the page again before you try again")

// maxAttempts is how often a transaction is run that died of what running it again may cure.
const maxAttempts = 3

func (s *Store) transact(batch []*job) error {
	for attempt := 1; ; attempt++ {
		undo := s.refused.mark()
		bare := len(batch) == 1 && attempt == 1 && !s.opts.Twice
		err := s.attempt(batch, bare)
		if err == nil {
			return nil
		}
		undo()
		if errors.Is(err, errBare) && !s.mayStay(batch[0].err) {
			return nil
		}
		if attempt == maxAttempts || !errors.Is(err, errBare) && !s.engine.again(err) {
			return err
		}
	}
}

// errBare says that an operation failed which ran alone and without a savepoint: its transaction is undone.
// A refusal runs again in a savepoint, where its events may stay without its state.
var errBare = errors.New("store: the operation did not succeed without a savepoint")

// attempt runs a batch in one transaction. Most operations are alone and succeed: bare saves them the
// savepoint, which is two round trips and a copy of every page they change.
func (s *Store) attempt(batch []*job, bare bool) (err error) {
	ctx, cancel := s.bounded(context.Background())
	defer cancel()
	if s.writes == nil {
		if s.writes, err = s.newWriter(ctx); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	at, err := s.engine.begin(ctx, s.writes)
	if err != nil {
		return err
	}
	head, now, err := s.stand(ctx, at)
	if err != nil {
		return err
	}
	s.stands = head
	for _, j := range batch {
		if bare {
			err = s.runBare(j, now)
		} else {
			err = s.run(j, now)
		}
		if err != nil {
			return err
		}
	}
	counted, err := drafts(s.refused.counted(now), now)
	if err != nil {
		return err
	}
	from := head.Size
	if head, err = s.appendEvents(ctx, s.writes, head, append(batch, &job{events: counted})); err != nil {
		return err
	}
	if err := s.engine.commit(ctx, s.writes, s.clock.believed().UnixMicro()); err != nil {
		return err
	}
	s.setHead(head)
	s.wrote(span{from, head.Size})
	s.refused.forget(now)
	return nil
}

// bounded ends what a database does not answer, where it is on the other side of a network.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if p := s.engine.patience(); p > 0 {
		return context.WithTimeout(ctx, p)
	}
	return ctx, func() {}
}

// abandon rolls back; a connection that cannot is replaced by a new one.
func (s *Store) abandon() {
	ctx, cancel := s.bounded(context.Background())
	defer cancel()
	if s.writes.run(ctx, "ROLLBACK") != nil {
		_ = s.writes.close() // broken already
		s.writes = nil
	}
}

// stand returns the head this transaction appends to and the instant of its operations.
func (s *Store) stand(ctx context.Context, at *place) (audit.Head, time.Time, error) {
	head := s.getHead()
	if at == nil {
		return head, s.clock.Now(), nil
	}
	s.clock.follow(*at)
	head, err := s.headAt(ctx, s.writes, head, *at)
	return head, s.clock.Now(), err
}

// run executes one job in a savepoint; the error it returns is the transaction's, not the job's.
func (s *Store) run(j *job, now time.Time) error {
	rounds := 1
	if s.opts.Twice {
		rounds = 2
	}
	for i := range rounds {
		if err := s.try(j, now, i == rounds-1); err != nil {
			return err
		}
	}
	return nil
}

// runBare executes one job without a savepoint.
func (s *Store) runBare(j *job, now time.Time) error {
	ctx, cancel := s.bounded(j.ctx)
	defer cancel()
	t := s.call(ctx, j, now)
	if j.err == nil {
		j.events, j.err = drafts(s.refused.within(t, now), now)
	}
	if j.err != nil {
		j.events, j.after, j.people = nil, nil, nil
		return errBare
	}
	j.after, j.people = t.after, t.people
	return nil
}

// mayStay reports whether an operation that failed is worth running again: a refusal leaves its events, and
// some faults are cured by it. Of everything else nothing stays, and nothing does.
func (s *Store) mayStay(err error) bool {
	var refusal *pim.Refusal
	return errors.As(err, &refusal) || s.engine.again(err)
}

// call runs a job's function.
func (s *Store) call(ctx context.Context, j *job, now time.Time) *Tx {
	t := &Tx{Reader: &Reader{ctx: ctx, db: s.writes, Now: now, memory: &s.memory}, head: s.stands, follows: &s.followed}
	j.val, j.err = protect(func() (any, error) { return j.fn(t) })
	return t
}

func (s *Store) try(j *job, now time.Time, last bool) error {
	ctx, cancel := s.bounded(j.ctx)
	defer cancel()
	if err := s.writes.run(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	t := s.call(ctx, j, now)
	if j.err != nil && s.engine.again(j.err) {
		return j.err
	}
	var refusal *pim.Refusal
	refused := errors.As(j.err, &refusal)
	events := t.events
	switch {
	case refused && last:
		events = s.refused.keep(events, now)
	case last:
		events = s.refused.within(t, now)
	}
	var err error
	if j.events, err = drafts(events, now); err != nil && (j.err == nil || refused) {
		j.err, refused = err, false // without its evidence neither the change nor the refusal may stand
	}
	j.after, j.people = t.after, t.people
	if j.err == nil && last {
		if err = s.writes.run(ctx, "RELEASE SAVEPOINT job"); err == nil {
			return nil
		}
		j.err = err // it went on after a statement had failed: none of it stands
	}
	j.after, j.people = nil, nil
	if j.err != nil && !refused {
		j.events = nil
	}
	if err := s.writes.run(ctx, "ROLLBACK TO SAVEPOINT job"); err != nil {
		return errors.Join(j.err, err)
	}
	return s.writes.run(ctx, "RELEASE SAVEPOINT job")
}

func protect(fn func() (any, error)) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("store: an operation panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return fn()
}
