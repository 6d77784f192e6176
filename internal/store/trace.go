package store

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// What a transaction tells whoever watches: nothing of what it holds. Without a provider all of it does nothing; what is
// wrong with an instrument is told to the provider's error handler.
var (
	tracer         = otel.Tracer("stint/store")
	meter          = otel.Meter("stint/store")
	transaction, _ = meter.Float64Histogram("stint.transaction.duration", metric.WithUnit("s"), metric.WithDescription("How long a transaction of the writer took, with its commit."),
		metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5))
	operations, _ = meter.Int64Counter("stint.operations", metric.WithDescription("Operations that transactions saved, or that failed with them."))
)

// observing times a transaction; the returned function tells how it went.
func observing(batch int) func(error) {
	begun := time.Now()
	return func(err error) {
		result := metric.WithAttributes(attribute.Bool("failed", err != nil))
		transaction.Record(context.Background(), time.Since(begun).Seconds(), result)
		operations.Add(context.Background(), int64(batch), result)
	}
}

// traced begins a span of a write; the returned function ends it with how it went.
func traced(ctx context.Context) (context.Context, func(error)) {
	ctx, span := tracer.Start(ctx, "transaction")
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "not saved") // never the error's text: it may hold names
		}
		span.End()
	}
}

// maxFollowed bounds how many works are remembered that a trace leads to.
const maxFollowed = 1024

// followed are the traces that lead to work still to be done. Of what another node does, or this one after a restart,
// the trace begins anew.
type followed struct {
	mu sync.Mutex
	of map[string]trace.SpanContext
}

// LeadsTo notes that this write leads to work under an id, which goes on with its trace.
func (tx *Tx) LeadsTo(id string) {
	from := trace.SpanContextFromContext(tx.ctx)
	if !from.IsValid() || tx.follows == nil {
		return
	}
	f := tx.follows
	tx.AfterCommit(func() { f.note(id, from) })
}

// note forgets all when it is full: what another node did is never followed here, and would keep the latest out.
func (f *followed) note(id string, from trace.SpanContext) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil || len(f.of) >= maxFollowed {
		f.of = map[string]trace.SpanContext{}
	}
	f.of[id] = from
}

// Follow returns a context that goes on with the trace of the write that led to work under an id.
func (s *Store) Follow(ctx context.Context, id string) context.Context {
	s.followed.mu.Lock()
	defer s.followed.mu.Unlock()
	from, ok := s.followed.of[id]
	if !ok {
		return ctx
	}
	delete(s.followed.of, id)
	return trace.ContextWithSpanContext(ctx, from)
}
