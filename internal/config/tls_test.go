package config_test

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"stint/internal/config"
	"stint/internal/stinttest/slapd/testca"
)

func TestRenewedCertificateIsUsed(t *testing.T) {
	first := testca.New(t, t.TempDir(), "localhost")
	c := config.Config{PublicURL: "https://localhost:8443", TLSCert: first.Cert, TLSKey: first.Key}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	server, err := c.TLS()
	if err != nil {
		t.Fatal(err)
	}
	leaf := func() []byte {
		cert, err := server.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Certificate[0]
	}
	before := leaf()
	later := time.Now()
	put := func(from, to string) {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		later = later.Add(time.Minute) // file systems may not tell two writes apart
		if err := os.WriteFile(to, content, 0o600); err != nil || os.Chtimes(to, later, later) != nil {
			t.Fatal(err)
		}
	}
	second := testca.New(t, t.TempDir(), "localhost")
	put(second.Cert, first.Cert)
	if !bytes.Equal(leaf(), before) {
		t.Error("a certificate without its key must not be used")
	}
	put(second.Key, first.Key)
	if bytes.Equal(leaf(), before) {
		t.Error("the renewed certificate is not used")
	}
}

func TestCertificateThatCannotBeUsed(t *testing.T) {
	c := config.Config{PublicURL: "https://localhost:8443", TLSCert: "none.pem", TLSKey: "none.key"}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.TLS(); !slices.Equal(refusals(err), []string{"tls_cert"}) {
		t.Error(err)
	}
	if server, err := new(config.Config).TLS(); server != nil || err != nil {
		t.Error(server, err)
	}
}
