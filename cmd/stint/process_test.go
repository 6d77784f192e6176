//go:build linux

package main

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
	"sync"
	"syscall"
	"testing"
	"time"

	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// binary is the real stint, built once for all tests of this package; TestMain removes it.
var binary struct {
	once sync.Once
	path string
	err  error
}

func realBinary(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		dir, err := os.MkdirTemp("", "stint-binary-")
		if err != nil {
			binary.err = err
			return
		}
		builtIn = dir
		binary.path = filepath.Join(dir, "stint")
		build := exec.Command("go", "build", "-o", binary.path, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal("building stint: ", binary.err)
	}
	return binary.path
}

// host is a machine with Stint on it: a directory, a configuration file, and the commands an engineer types there.
type host struct {
	*testing.T
	dir    string
	config string
	listen string
	url    string // public
	front  string // where browsers connect to: a proxy, or listen
	from   string // address browsers connect from
	roots  *x509.CertPool
	env    []string
	shared string // address of the database on PostgreSQL; empty: a file
	served *served
}

// newHost is a machine with a free port of loopback.
func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{T: t, dir: t.TempDir(), listen: freeAddress(t)}
	h.config = h.path("stint.yaml")
	_, port, _ := net.SplitHostPort(h.listen)
	h.url, h.front, h.from = "http://localhost:"+port, h.listen, "127.0.0.1"
	return h
}

// configure writes the configuration file. more are further lines of it.
func (h *host) configure(more ...string) {
	h.Helper()
	h.write("stint.yaml", append([]string{"organisation: Example", "listen: " + h.listen, "data: " + h.path("data"), "keys: " + h.path("keys"),
		"checkpoint: " + h.path("elsewhere/checkpoint")}, more...)...)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) database() string { return h.path("data/stint.db") }

// write makes a private file of lines.
func (h *host) write(name string, lines ...string) {
	h.Helper()
	h.ok(os.WriteFile(h.path(name), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

func (h *host) read(name string) string {
	h.Helper()
	text, err := os.ReadFile(h.path(name))
	h.ok(err)
	return strings.TrimSpace(string(text))
}

func (h *host) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command(realBinary(h.T), args...)
	cmd.Dir = h.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir, "STINT_CONFIG=" + h.config}, h.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// try runs a command to its end and returns what it printed, standard error included.
func (h *host) try(args ...string) (string, error) {
	h.Helper()
	out, err := h.command(args...).CombinedOutput()
	return string(out), err
}

// stint runs a command that must succeed.
func (h *host) stint(args ...string) string {
	h.Helper()
	out, err := h.try(args...)
	if err != nil {
		h.Fatalf("stint %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// refused runs a command that must fail and say all of words.
func (h *host) refused(words []string, args ...string) {
	h.Helper()
	out, err := h.try(args...)
	if err == nil {
		h.Fatalf("stint %s was not refused:\n%s", strings.Join(args, " "), out)
	}
	h.says(out, words...)
}

// says checks that a text holds all of words.
func (h *host) says(text string, words ...string) {
	h.Helper()
	folded := strings.Join(strings.Fields(text), " ")
	for _, w := range words {
		if !strings.Contains(folded, w) {
			h.Errorf("it does not say %q:\n%s", w, text)
		}
	}
}

// served is a running `stint serve`.
type served struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait, after exited
	log    *stinttest.Log
	ready  time.Time
}

const (
	readyLimit = 20 * time.Second // a generous deadline; what is promised is measured by the tests that promise it
	stopLimit  = 20 * time.Second
)

// serve starts `stint serve` and waits until path answers 200.
func (h *host) serve(path string) *served {
	h.Helper()
	s := &served{cmd: h.command("serve"), exited: make(chan struct{}), log: &stinttest.Log{}}
	s.cmd.Stderr, s.cmd.Stdout = s.log, s.log
	h.ok(s.cmd.Start())
	go func() { s.err = s.cmd.Wait(); close(s.exited) }()
	h.Cleanup(func() { s.kill() })
	h.served = s
	_, name, _ := strings.Cut(h.url, "://")
	if err := s.answers("http://"+h.listen+path, name); err != nil {
		h.Fatalf("stint serve: %v\n%s", err, s.log)
	}
	s.ready = time.Now()
	return s
}

// answers asks until the answer is 200.
func (s *served) answers(url, hostName string) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyLimit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	last := errors.New("nothing listens")
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		r.Host = hostName
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			var body bytes.Buffer
			_, _ = body.ReadFrom(answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Errorf("%s: %s", answer.Status, body.String())
		}
		select {
		case <-tick.C:
		case <-s.exited:
			return fmt.Errorf("it ended: %v", s.err)
		case <-ctx.Done():
			return fmt.Errorf("not ready after %s: %w", readyLimit, last)
		}
	}
}

// kill ends the process as a power cut does, and returns when.
func (s *served) kill() time.Time {
	_ = s.cmd.Process.Kill()
	<-s.exited
	return time.Now()
}

// stop asks the process to end, and waits for a clean end.
func (h *host) stop() {
	h.Helper()
	h.ok(h.served.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-h.served.exited:
		if h.served.err != nil {
			h.Fatalf("stint serve ended with %v\n%s", h.served.err, h.served.log)
		}
	case <-time.After(stopLimit):
		h.Fatalf("stint serve does not end\n%s", h.served.log)
	}
}

// await polls until done returns "", which otherwise says what is missing.
func (h *host) await(within time.Duration, done func() string) {
	h.Helper()
	deadline, tick := time.After(within), time.NewTicker(25*time.Millisecond)
	defer tick.Stop()
	for {
		missing := done()
		if missing == "" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			log := "not running"
			if h.served != nil {
				log = h.served.log.String()
			}
			h.Fatalf("after %s: %s\n%s", within, missing, log)
		}
	}
}

// inDatabase reads the database beside the running process, as doctor and export do.
func inDatabase[T any](h *host, fn func(*store.Reader) (T, error)) T {
	h.Helper()
	o := store.Options{Path: h.database(), ReadOnly: true}
	if h.shared != "" {
		o = store.Options{URL: h.shared, ReadOnly: true}
	}
	s, err := store.Open(h.Context(), o)
	h.ok(err)
	defer s.Close()
	v, err := store.Read(h.Context(), s, fn)
	h.ok(err)
	return v
}

// browser opens a browser at this host's portal.
func (h *host) browser() *stinttest.Client {
	h.Helper()
	c := (&stinttest.World{TB: h.T, URL: h.url}).Client()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(h.from)}}
	c.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, "localhost:") {
				addr = h.front
			}
			return dialer.DialContext(ctx, network, addr)
		}}
	h.Cleanup(c.CloseIdleConnections)
	return c
}
