package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"stint/internal/telemetry"
)

// telemetry lets out what the configuration says; the returned function ends it.
func (n *node) telemetry(ctx context.Context, e *environment) (func(), error) {
	t, err := telemetry.Start(ctx, telemetry.Config{Metrics: n.cfg.MetricsListen != "", TracesTo: n.cfg.TracesTo, Version: programVersion(), Log: n.log})
	if err != nil {
		return nil, err
	}
	var beside sync.WaitGroup
	stop := func() {}
	if handler := t.Handler(); handler != nil {
		if err := telemetry.Watch(n.broker, e.now); err != nil {
			return nil, err
		}
		l, err := net.Listen("tcp", n.cfg.MetricsListen)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w. Is another process there already? Choose another address with metrics_listen", n.cfg.MetricsListen, err)
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10}
		beside.Go(func() { _ = server.Serve(l) }) // it ends with stop
		n.log.Info("metrics", "listen", l.Addr().String())
		stop = func() { _ = server.Close() }
	}
	return func() {
		stop()
		beside.Wait()
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer done()
		if err := t.Close(grace); err != nil {
			n.log.Warn("telemetry", "error", err)
		}
	}, nil
}
