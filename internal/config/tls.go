package config

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// TLS is the server's side of https from TLSCert and TLSKey; nil when neither is set. A renewed certificate is used from
// the next handshake on; while the renewed files do not fit together, the last good pair stays.
func (c *Config) TLS() (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	p := &pair{certFile: c.TLSCert, keyFile: c.TLSKey}
	if err := p.load(); err != nil {
		return nil, c.wrong("tls-cert", fmt.Sprintf("cannot be used with tls_key: %v. Give the PEM files of one certificate chain and its private key, readable by Stint", err))
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current(), nil }}, nil
}

// pair is a certificate and its key, read again when one of the files changes.
type pair struct {
	certFile, keyFile string

	mu      sync.Mutex
	cert    *tls.Certificate
	version [2]time.Time // when the files last changed
}

func (p *pair) current() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.version != p.changed() {
		_ = p.load() // half written or unreadable: the last good pair stays, and the next handshake looks again
	}
	return p.cert
}

func (p *pair) load() error {
	version := p.changed() // before reading: a change in between is seen the next time
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return err
	}
	p.cert, p.version = &cert, version
	return nil
}

func (p *pair) changed() (at [2]time.Time) {
	for i, file := range []string{p.certFile, p.keyFile} {
		if info, err := os.Stat(file); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}
