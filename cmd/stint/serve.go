package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"stint/internal/config"
	"stint/internal/control"
	"stint/internal/signin"
	"stint/web"
)

type serveCmd struct {
	config.Config
}

// Run serves the portal until ctx ends.
func (c *serveCmd) Run(ctx context.Context, e *environment) error {
	if err := c.CompleteForServe(); err != nil {
		return err
	}
	n, err := openNode(ctx, &c.Config, e, "")
	if err != nil {
		return err
	}
	defer n.close()
	return n.serve(ctx, e, serveOptions{})
}

// serveOptions are what differs in the demo.
type serveOptions struct {
	demo  bool
	ready func(address string) // called once the portal answers
}

func signInClient(cfg *config.Config, e *environment) (*signin.Client, error) {
	return signin.New(signin.Config{Issuer: cfg.OIDCIssuer, ClientID: cfg.OIDCClientID, RedirectURL: cfg.RedirectURL(), Scopes: cfg.OIDCScopes,
		ClientSecret: func() (string, error) { return cfg.OIDCClientSecret.Read(e.env) }, EnrolClaim: cfg.OIDCEnrolClaim, EnrolValues: cfg.OIDCEnrolValues,
		GroupsClaim: cfg.OIDCGroupsClaim, MaxAge: cfg.OIDCMaxAge.Duration, Now: e.now})
}

// claimFresh is how long a membership from the provider's claim lasts without a new one (invariant 9).
const claimFresh = 24 * time.Hour

func (n *node) serve(ctx context.Context, e *environment, o serveOptions) error {
	client, err := signInClient(n.cfg, e)
	if err != nil {
		return err
	}
	site, err := web.New(web.Config{Broker: n.broker, SignIn: client, PublicURL: n.cfg.PublicURL, Secure: n.cfg.HTTPS(), TrustedProxies: n.cfg.Proxies(),
		OrgName: n.cfg.Organisation, Provider: n.cfg.Organisation, Contact: n.cfg.Contact, Demo: o.demo, Version: programVersion(), Log: n.log, EnrolClaimConfigured: n.cfg.OIDCEnrolClaim != "", SessionIdle: n.cfg.SessionIdle.Duration,
		SessionAbsolute: n.cfg.SessionAbsolute.Duration, GroupsFresh: claimFresh, RevalidateEvery: n.cfg.RevalidateEvery.Duration})
	if err != nil {
		return err
	}
	if err := n.attestation(ctx); err != nil {
		return err
	}
	quiet, err := n.telemetry(ctx, e)
	if err != nil {
		return err
	}
	defer quiet()
	listener, err := n.listen()
	if err != nil {
		return err
	}
	return n.run(ctx, site, listener, func() {
		n.log.Info("ready", "listen", listener.Addr().String(), "public_url", n.cfg.PublicURL)
		if o.ready != nil {
			o.ready(listener.Addr().String())
		}
	})
}

// attestation notes which makes of passkeys count, and says so where roles ask for them in vain.
func (n *node) attestation(ctx context.Context) error {
	if err := n.broker.EnsureKeyRule(ctx); err != nil {
		return err
	}
	asking, err := n.broker.AttestedInVain(ctx)
	for _, role := range asking {
		n.log.Warn("a role asks for an attested passkey and no make of passkey is trusted: nobody can activate it. Set passkey_roots", "role", role)
	}
	return err
}

func (n *node) listen() (net.Listener, error) {
	tlsConfig, err := n.cfg.TLS()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", n.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w. Is another process there already? Choose another address with listen", n.cfg.Listen, err)
	}
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	return l, nil
}

// run serves with the worker, the signer and the control socket beside it, and ends them in order.
func (n *node) run(ctx context.Context, site *web.Server, l net.Listener, ready func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// Nothing overdue is shown as held, not even for a moment (THREATS T17). A database that cannot be
	// written must not stop the worker: it revokes all the same.
	if err := errors.Join(n.broker.Restart(ctx), n.broker.Sweep(ctx)); err != nil {
		n.log.Error("starting the worker", "error", err)
	}
	var beside sync.WaitGroup
	beside.Go(func() { n.broker.Run(ctx) })
	beside.Go(func() { n.broker.Checkpoints(ctx) })
	beside.Go(func() { n.control(ctx) })
	server := &http.Server{Handler: site.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	server.RegisterOnShutdown(site.EndStreams) // else it would wait for pages to be closed
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	ready()
	var err error
	select {
	case <-ctx.Done():
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err = server.Shutdown(grace)
		done()
	case err = <-failed:
	}
	stop()
	beside.Wait()
	if _, signErr := n.broker.Checkpoint(context.WithoutCancel(ctx), false); signErr != nil {
		err = errors.Join(err, signErr)
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return err
}

// control answers other commands of this host.
func (n *node) control(ctx context.Context) {
	err := os.MkdirAll(n.cfg.Data, 0o700) // where the database is elsewhere nothing else makes it
	if err == nil {
		err = control.Serve(ctx, socket(n.cfg), hostHandlers(n.broker))
	}
	if err != nil {
		n.log.Error("the control socket", "error", err)
	}
}
