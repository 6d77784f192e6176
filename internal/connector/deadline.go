package connector

import (
	"context"
	"iter"
	"time"
)

// grace is how long after its deadline a call may still hand in its own, better worded error before it is abandoned.
const grace = 200 * time.Millisecond

// within runs call and returns by the deadline even when call ignores its context: a connector that hangs costs a
// goroutine, never the worker. late is the kind of error an abandoned call gets.
func within[T any](ctx context.Context, d time.Duration, late Kind, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() { done <- r }()
		defer recovered(&r.err)
		r.v, r.err = call(ctx)
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
	}
	hard := time.NewTimer(grace)
	defer hard.Stop()
	select {
	case r := <-done:
		return r.v, r.err
	case <-hard.C:
		var zero T
		return zero, Errorf(late, "no answer within the deadline: %w", context.Cause(ctx))
	}
}

// eachWithin passes on what seq yields until the deadline, which covers the whole iteration.
func eachWithin[T any](ctx context.Context, d time.Duration, seq func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		type item struct {
			v    T
			err  error
			last bool
		}
		items := make(chan item)
		send := func(it item) bool {
			select {
			case items <- it:
				return true
			case <-ctx.Done():
				return false
			}
		}
		go func() {
			var err error
			defer func() { send(item{err: err, last: true}) }()
			defer recovered(&err)
			for v, e := range seq(ctx) {
				if e != nil {
					err = e
					return
				}
				if !send(item{v: v}) {
					return
				}
			}
		}()
		var zero T
		for {
			select {
			case it := <-items:
				if it.last {
					if it.err != nil {
						yield(zero, it.err)
					}
					return
				}
				if !yield(it.v, nil) {
					return
				}
			case <-ctx.Done():
				yield(zero, Errorf(Transient, "not everything was read within the deadline: %w", context.Cause(ctx)))
				return
			}
		}
	}
}

// recovered turns a connector's panic into an error: it runs on a goroutine of its own, where a panic ends the process.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = Errorf(OutcomeUnknown, "the connector failed unexpectedly: %v", p)
	}
}
