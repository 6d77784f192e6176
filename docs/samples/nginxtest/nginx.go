// Package nginxtest runs Debian's nginx with docs/samples/nginx.conf in front of a server under test. Only what cannot
// be the same on a test machine is replaced: port, host name, certificate, upstream address.
package nginxtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stint/internal/stinttest/slapd/testca"
)

// Host is the name the proxy answers to. It resolves to loopback.
const Host = "localhost"

const readyWithin = 10 * time.Second

// Proxy is a running nginx.
type Proxy struct {
	URL    string // https://localhost:port, the public URL of what is behind
	Addr   string // host:port it listens on
	CAs    *x509.CertPool
	Client *http.Client // trusts the proxy's certificate; keeps no cookies, follows no redirects
}

// Reserve returns a free port of loopback as host:port, so that the public URL can be known before the upstream starts.
func Reserve(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Start runs nginx on listen until the test ends, in front of upstream (both host:port). sample is the path of
// docs/samples/nginx.conf. Without nginx the test is skipped, or fails when STINT_E2E or CI says that everything must run.
func Start(t testing.TB, sample, listen, upstream string) *Proxy {
	t.Helper()
	binary := find(t)
	dir := t.TempDir()
	certs := testca.New(t, dir, Host)
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, adapt(t, sample, certs, listen, upstream))
	run(t, binary, dir, listen)
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(certs.CA)
	if err != nil || !pool.AppendCertsFromPEM(ca) {
		t.Fatal("the test's authority: ", err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	return &Proxy{URL: "https://" + net.JoinHostPort(Host, port), Addr: listen, CAs: pool, Client: client}
}

func find(t testing.TB) string {
	path := "/usr/sbin/nginx"
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("nginx"); err != nil {
			if os.Getenv("STINT_E2E") == "1" || os.Getenv("CI") == "true" {
				t.Fatal("nginx is not installed: apt-get install nginx-light")
			}
			t.Skip("nginx is not installed: apt-get install nginx-light")
		}
	}
	return path
}

// adapt replaces in the sample what a test machine has otherwise; each text must be there as often as said.
func adapt(t testing.TB, sample string, certs testca.Files, listen, upstream string) string {
	content, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, r := range []struct {
		old, new string
		times    int
	}{
		{"listen 443 ", "listen " + listen + " ", 2},
		{"server_name stint.example.org;", "server_name " + Host + ";", 1},
		{"/etc/letsencrypt/live/stint.example.org/fullchain.pem", certs.Cert, 1},
		{"/etc/letsencrypt/live/stint.example.org/privkey.pem", certs.Key, 1},
		{"proxy_pass http://127.0.0.1:8080;", "proxy_pass http://" + upstream + ";", 1},
	} {
		if n := strings.Count(text, r.old); n != r.times {
			t.Fatalf("%s has %q %d times, want %d", sample, r.old, n, r.times)
		}
		text = strings.ReplaceAll(text, r.old, r.new)
	}
	return text
}

// write puts the sample where Debian's main configuration would include it, with every path in dir.
func write(t testing.TB, dir, sample string) {
	main := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr; worker_processes 1;%[2]s
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
    include %[1]s/stint.conf;
}
`, dir, map[bool]string{true: " user root;"}[os.Geteuid() == 0])
	for name, text := range map[string]string{"nginx.conf": main, "stint.conf": sample} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t testing.TB, binary, dir, listen string) {
	var output bytes.Buffer
	cmd := exec.Command(binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
	cmd.Stderr, cmd.Stdout = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-exited
		if t.Failed() {
			t.Logf("nginx said:\n%s", output.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), readyWithin)
	defer cancel()
	if err := answers(ctx, listen, exited); err != nil {
		t.Fatalf("nginx does not answer at %s: %v", listen, err)
	}
}

// answers dials until somebody listens.
func answers(ctx context.Context, addr string, exited <-chan struct{}) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
