package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"stint/internal/config"
)

type healthCmd struct {
	config.Config
}

const healthTimeout = 4 * time.Second

// Run asks /healthz where this configuration makes Stint listen. Any answer but 200 is an error.
func (c *healthCmd) Run(ctx context.Context, e *environment) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	address, err := ownAddress(c.Listen)
	if err != nil {
		return err
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address+"/healthz", nil)
	if err != nil {
		return err
	}
	request.Host = c.Public().Host
	answer, err := healthClient().Do(request)
	if err != nil {
		return fmt.Errorf("nothing healthy answers at %s: %w. Is `stint serve` running with the same listen address?", address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s instead of 200 OK: look into Stint's log", address, answer.Status)
	}
	_, err = fmt.Fprintln(e.stdout, "ok")
	return err
}

// ownAddress is where to reach a listener of this machine.
func ownAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}

func healthClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			// Asks only whether this very machine's Stint is alive: nothing is sent, nothing it says is believed, and an
			// expired certificate must not make a container restart for ever.
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}, // #nosec G402
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
