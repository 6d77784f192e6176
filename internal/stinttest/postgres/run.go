package postgres

import (
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"stint/internal/stinttest/slapd/testca"
)

const install = "PostgreSQL's server is not installed: apt-get install postgresql-15"

// find returns the directory of the newest PostgreSQL's programs.
func find(t testing.TB) string {
	t.Helper()
	var newest string
	var version int
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb"} {
		found, _ := filepath.Glob(pattern)
		for _, path := range found {
			var v int
			_, _ = fmt.Sscanf(strings.TrimLeft(filepath.Base(filepath.Dir(filepath.Dir(path))), "pgsql-"), "%d", &v)
			if v > version {
				newest, version = filepath.Dir(path), v
			}
		}
	}
	if newest == "" {
		if path, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(path)
		}
		if os.Getenv("STINT_E2E") == "1" || os.Getenv("CI") == "true" {
			t.Fatal(install)
		}
		t.Skip(install)
	}
	return newest
}

func launch(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{bin: find(t), Host: "127.0.0.1", Port: freePort(t)}
	s.dir = newDirectory(t)
	s.guard = s.watch(t)
	if err := s.create(t, o); err != nil {
		s.guard.end()
		t.Fatal(err)
	}
	s.Run(t)
	return s
}

// newDirectory belongs to the server's user. It is not t.TempDir: root's own directories are closed to others.
func newDirectory(t testing.TB) string {
	dir, err := os.MkdirTemp("", "stint-postgres-")
	if err == nil {
		err = give(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// freePort asks the kernel for a port nobody listens on.
func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) create(t testing.TB, o Options) error {
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		return err
	}
	certs := testca.New(t, s.dir, s.Host, "localhost")
	s.CAFile = certs.CA
	for _, file := range []string{password, certs.Cert, certs.Key} {
		if err := give(file); err != nil {
			return err
		}
	}
	if out, err := s.command("initdb", "-D", s.data(), "--no-sync", "-U", Superuser, "--pwfile="+password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s.configure(o, certs)
}

func (s *Server) configure(o Options, certs testca.Files) error {
	settings := map[string]string{
		"listen_addresses": s.Host, "port": s.Port, "unix_socket_directories": s.dir,
		"ssl": "on", "ssl_cert_file": certs.Cert, "ssl_key_file": certs.Key,
		"max_connections": "200", "shared_buffers": "32MB",
	}
	if o.NoSync {
		maps.Copy(settings, map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
	}
	maps.Copy(settings, o.Settings)
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(conf.String())
	return err
}

// command runs one of PostgreSQL's programs as the server's user.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	return s.as(exec.Command(filepath.Join(s.bin, program), args...))
}

func (s *Server) as(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	dropPrivileges(cmd)
	return cmd
}

// Run starts the server again after Stop or Crash, with the data it had.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	log := filepath.Join(s.dir, "log")
	if out, err := s.command("pg_ctl", "start", "-w", "-t", "30", "-D", s.data(), "-l", log).CombinedOutput(); err != nil {
		said, _ := os.ReadFile(log)
		t.Fatalf("pg_ctl start: %v\n%s\n%s", err, out, said)
	}
}

// Stop ends the server properly, cutting off its clients; its data stay.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.end(t, "fast")
}

// Crash ends the server without a checkpoint, so that Run recovers from the log.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	s.end(t, "immediate")
}

// Restart is Stop and Run.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Run(t)
}

func (s *Server) end(t testing.TB, mode string) {
	t.Helper()
	s.hangUp()
	if out, err := s.command("pg_ctl", "stop", "-w", "-D", s.data(), "-m", mode).CombinedOutput(); err != nil {
		t.Fatalf("pg_ctl stop: %v\n%s", err, out)
	}
}

// guard is a shell that waits for the end of its input: it ends the server and removes its directory when told to, and
// also when the test process is gone, however it went.
type guard struct {
	cmd  *exec.Cmd
	line io.Closer
	once sync.Once
}

const watch = `trap '' HUP INT TERM
read -r _
"$0" stop -D "$1/data" -m immediate
rm -rf "$1"`

func (s *Server) watch(t testing.TB) *guard {
	t.Helper()
	cmd := s.as(exec.Command("/bin/sh", "-c", watch, filepath.Join(s.bin, "pg_ctl"), s.dir))
	line, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &guard{cmd: cmd, line: line}
}

func (g *guard) end() {
	g.once.Do(func() {
		_ = g.line.Close()
		_ = g.cmd.Wait()
	})
}
