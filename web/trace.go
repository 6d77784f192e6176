package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// The names are OpenTelemetry's semantic conventions for HTTP servers. Without a provider all of it does nothing.
var (
	tracer      = otel.Tracer("stint/web")
	duration, _ = otel.Meter("stint/web").Float64Histogram("http.server.request.duration", metric.WithUnit("s"), // what is wrong with it is told to the provider's error handler
		metric.WithDescription("How long an answer took."), metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5))
)

// timed times answers and begins their traces. Labels are routes, never addresses, so that nobody can make more of
// them; a trace that a request claims to belong to is not believed.
func timed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		method := methodLabel(c.Request().Method)
		ctx, span := tracer.Start(c.Request().Context(), method, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		c.SetRequest(c.Request().WithContext(ctx))
		begun := time.Now()
		err := next(c)
		route, status := orUnmatched(c.Path()), c.Response().Status
		span.SetName(method + " " + route)
		labels := []attribute.KeyValue{attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.Int("http.response.status_code", status)}
		span.SetAttributes(labels...)
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		if !strings.HasPrefix(c.Response().Header().Get("Content-Type"), "text/event-stream") { // open as long as its page
			duration.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(labels...))
		}
		return err
	}
}

func methodLabel(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return m
	}
	return "_OTHER" // the convention's word
}

func orUnmatched(route string) string {
	if route == "" || route == "/*" {
		return "unmatched"
	}
	return route
}
