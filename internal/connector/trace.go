package connector

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// What a call tells whoever watches: which target, which call, how it ended. Without a provider all of it does nothing.
var (
	tracer      = otel.Tracer("stint/connector")
	duration, _ = otel.Meter("stint/connector").Float64Histogram("stint.connector.duration", metric.WithUnit("s"), // what is wrong with it is told to the provider's error handler
		metric.WithDescription("How long a call of a target took."), metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15))
)

// told begins a span of a call; the returned function ends it with the kind of the error, never with its text.
func (g *guard) told(ctx context.Context, call string) (context.Context, func(*error)) {
	target, name := attribute.String("target", g.target), attribute.String("call", call)
	ctx, span := tracer.Start(ctx, "connector "+call, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(target))
	begun := time.Now()
	return ctx, func(err *error) {
		kind := KindOf(*err)
		if kind != None {
			span.SetStatus(codes.Error, string(kind))
		}
		span.End()
		duration.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(target, name, attribute.String("result", result(kind))))
	}
}

func result(k Kind) string {
	if k == None {
		return "ok"
	}
	return string(k)
}
