package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"stint/internal/broker"
)

// figures are the gauges of the whole: name, what it counts, how it is read.
var figures = []struct {
	name, help string
	of         func(f broker.Figures, now time.Time) float64
}{
	{"stint.requests.pending", "Requests that wait for approval.", func(f broker.Figures, _ time.Time) float64 { return float64(f.Pending) }},
	{"stint.activations.active", "Activations that run.", func(f broker.Figures, _ time.Time) float64 { return float64(f.Active) }},
	{"stint.grants.late", "Grants that are not as they should be at their target, though it is time.", func(f broker.Figures, _ time.Time) float64 { return float64(f.Late) }},
	{"stint.grants.late.age", "Seconds since the grant that waits longest should have been as it should be; 0 without one.", func(f broker.Figures, now time.Time) float64 { return age(f.LateSince, now) }},
	{"stint.targets.failing", "Targets that do not answer as they should.", func(f broker.Figures, _ time.Time) float64 { return float64(f.Failing) }},
	{"stint.incidents.strangers", "Open incidents: held at a target beside Stint.", func(f broker.Figures, _ time.Time) float64 { return float64(f.Strangers) }},
	{"stint.incidents.lost", "Open incidents: taken away at a target by another hand.", func(f broker.Figures, _ time.Time) float64 { return float64(f.Lost) }},
	{"stint.audit.entries", "Entries of the audit log that the last signed checkpoint covers.", func(f broker.Figures, _ time.Time) float64 { return float64(f.Entries) }},
	{"stint.audit.checkpoint.age", "Seconds since the last checkpoint of the audit log was signed; 0 before the first.", func(f broker.Figures, now time.Time) float64 { return age(f.Signed, now) }},
	{"stint.granting.paused", "1 while nothing is granted, see /readyz and `stint doctor`; else 0.", func(f broker.Figures, _ time.Time) float64 { return flag(f.Paused) }},
	{"stint.database.up", "1 while the figures can be read from the database; else 0, and the others are missing.", nil},
}

func age(since, now time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since).Seconds(), 0)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Watch reads the figures at every scrape.
func Watch(b *broker.Broker, now func() time.Time) error {
	meter := otel.Meter("stint")
	gauges, all := make([]metric.Float64ObservableGauge, len(figures)), make([]metric.Observable, len(figures))
	for i, f := range figures {
		g, err := meter.Float64ObservableGauge(f.name, metric.WithDescription(f.help))
		if err != nil {
			return err
		}
		gauges[i], all[i] = g, g
	}
	_, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		read, err := b.Figures(ctx)
		for i, f := range figures {
			switch {
			case f.of == nil:
				o.ObserveFloat64(gauges[i], flag(err == nil))
			case err == nil:
				o.ObserveFloat64(gauges[i], f.of(read, now()))
			}
		}
		return nil // said by stint_database_up: an error would take the other figures with it
	}, all...)
	return err
}
