// Package telemetry sends out what the program tells of itself: figures for Prometheus, traces for an OpenTelemetry
// collector. What is told is written where it happens, with OpenTelemetry's API (web, store, connector); here it gets
// its way out, and only here are the libraries that know one.
//
// Nothing that goes out holds a name, a reason or an address: routes, ids of targets, kinds of errors, durations.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Config says what goes out; both empty: nothing does, and what is told costs next to nothing.
type Config struct {
	Metrics  bool
	TracesTo string // OTLP over HTTP
	Version  string
	Log      *slog.Logger
}

// Telemetry is what goes out of a process. There is one in a process: OpenTelemetry's API finds it by itself.
type Telemetry struct {
	registry *prometheus.Registry // nil: no metrics
	ends     []func(context.Context) error
}

// Start lets out what Config says. The caller calls Close.
func Start(ctx context.Context, c Config) (*Telemetry, error) {
	t := &Telemetry{}
	about := resource.NewSchemaless(attribute.String("service.name", "stint"), attribute.String("service.version", c.Version))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { c.Log.Warn("telemetry", "error", err) }))
	if c.Metrics {
		if err := t.metrics(about); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	if c.TracesTo != "" {
		if err := t.traces(ctx, c.TracesTo, about); err != nil {
			return nil, errors.Join(fmt.Errorf("traces_to: %w", err), t.Close(ctx))
		}
	}
	return t, nil
}

func (t *Telemetry) metrics(about *resource.Resource) error {
	t.registry = prometheus.NewRegistry()
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(t.registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(about))
	otel.SetMeterProvider(provider)
	t.ends = append(t.ends, provider.Shutdown)
	return nil
}

func (t *Telemetry) traces(ctx context.Context, to string, about *resource.Resource) error {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(to))
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	otel.SetTracerProvider(provider)
	t.ends = append(t.ends, provider.Shutdown)
	return nil
}

// Handler answers a scrape; nil without metrics.
func (t *Telemetry) Handler() http.Handler {
	if t.registry == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 5 * time.Second}))
	return mux
}

// Close sends what is left and stops.
func (t *Telemetry) Close(ctx context.Context) error {
	var errs []error
	for _, end := range t.ends {
		errs = append(errs, end(ctx))
	}
	return errors.Join(errs...)
}
