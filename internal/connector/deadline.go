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

// item is one step of a sequence passed between goroutines; the last one carries no value.
type item[T any] struct {
	v    T
	err  error
	last bool
}

// eachWithin passes on what seq yields until the deadline, which covers the whole iteration.
func eachWithin[T any](ctx context.Context, d time.Duration, seq func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		items := make(chan item[T])
		go produce(ctx, items, seq)
		for {
			var it item[T]
			select {
			case it = <-items:
			case <-ctx.Done():
				it = item[T]{err: cutOff(ctx)}
			}
			switch {
			case it.err != nil:
				yield(it.v, it.err)
				return
			case it.last || !yield(it.v, nil):
				return
			}
		}
	}
}

// produce sends what seq yields, and then how it ended.
func produce[T any](ctx context.Context, items chan<- item[T], seq func(context.Context) iter.Seq2[T, error]) {
	send := func(it item[T]) bool {
		select {
		case items <- it:
			return true
		case <-ctx.Done():
			return false
		}
	}
	var err error
	defer func() { send(item[T]{err: err, last: true}) }()
	defer recovered(&err)
	for v, failed := range seq(ctx) {
		if err = failed; err != nil {
			return
		}
		if !send(item[T]{v: v}) {
			err = cutOff(ctx) // what was left out must not pass for the end
			return
		}
	}
}

func cutOff(ctx context.Context) error {
	return Errorf(Transient, "not everything was read within the deadline: %w", context.Cause(ctx))
}

// recovered turns a connector's panic into an error: it runs on a goroutine of its own, where a panic ends the process.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = Errorf(OutcomeUnknown, "the connector failed unexpectedly: %v", p)
	}
}
