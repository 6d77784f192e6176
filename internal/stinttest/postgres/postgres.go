// Package postgres runs a real PostgreSQL for tests: Debian's server on loopback with its own port, data directory and
// certificate authority. The packaged service is neither used nor started.
//
// The server runs as another user when the tests run as root, which PostgreSQL refuses, and it ends together with the
// test process, however that ends. Databases sort by code point (C.UTF-8), as SQLite does.
package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The superuser of every server. The password is asked for on TCP.
const (
	Superuser = "postgres"
	Password  = "superuser-secret"
)

const soon = 30 * time.Second

// Server is a running PostgreSQL. Its methods act as the superuser, beside whatever is tested.
type Server struct {
	Host, Port string
	CAFile     string // signed the server's certificate, which is for 127.0.0.1 and localhost

	bin, dir string // programs; everything the server writes
	guard    *guard

	mu    sync.Mutex
	admin *pgx.Conn // kept: signing in takes longer than most statements
}

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, s.Port) }

// Options say what an own server is for.
type Options struct {
	NoSync   bool              // survives no crash of the machine, and is several times faster
	Settings map[string]string // of postgresql.conf, over the defaults
}

var shared struct {
	sync.Mutex
	server *Server
}

// Start returns the one server that all tests of this process share (about 1 s the first time): without fsync, and never
// stopped before the process ends. Roles belong to the whole server: name them uniquely. Without PostgreSQL installed the
// test is skipped, or fails when STINT_E2E or CI says that everything must run.
func Start(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		shared.server = launch(t, Options{NoSync: true})
	}
	return shared.server
}

// StartOwn runs a server for this test alone, which may Stop, Crash and Run it. It syncs, as a real one does, unless told
// otherwise.
func StartOwn(t testing.TB, o Options) *Server {
	t.Helper()
	s := launch(t, o)
	t.Cleanup(s.guard.end)
	t.Cleanup(s.hangUp)
	return s
}

// DSN is the address of a database for the superuser, in the clear.
func (s *Server) DSN(database string) string { return s.DSNOf(Superuser, Password, database) }

// DSNOf is the address of a database for somebody else.
func (s *Server) DSNOf(user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: s.Addr(), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

var databases atomic.Int64

// Database makes an empty database for this test and returns its address (about 30 ms).
func (s *Server) Database(t testing.TB) (dsn string) {
	t.Helper()
	return s.Copy(t, "template0")
}

// Copy makes a copy of a database for this test and returns its address. Nobody may be connected to the original.
func (s *Server) Copy(t testing.TB, original string) (dsn string) {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	s.Exec(t, "CREATE DATABASE "+name+" TEMPLATE "+pgx.Identifier{original}.Sanitize())
	t.Cleanup(func() { _ = s.try("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") })
	return s.DSN(name)
}

// Exec runs statements, separated by semicolons, in the database "postgres".
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	if err := s.try(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (s *Server) try(sql string) error {
	return s.asAdmin(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}

// asAdmin runs fn on the superuser's connection.
func (s *Server) asAdmin(fn func(context.Context, *pgx.Conn) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admin == nil || s.admin.IsClosed() {
		if s.admin, err = pgx.Connect(ctx, s.DSN("postgres")+"&default_query_exec_mode=exec"); err != nil {
			return err
		}
	}
	return fn(ctx, s.admin)
}

// hangUp closes the superuser's connection before the server goes.
func (s *Server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		_ = s.admin.Close(ctx)
		s.admin = nil
	}
}

// Strings returns the first column of a query's rows, as text, in the database "postgres".
func (s *Server) Strings(t testing.TB, sql string, args ...any) (out []string) {
	t.Helper()
	err := s.asAdmin(func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			values, err := row.Values()
			if err != nil {
				return "", err
			}
			return fmt.Sprint(values[0]), nil
		})
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// Lasting makes an empty database that stays as long as the server, for who uses it in one test after the other.
func (s *Server) Lasting(t testing.TB) (dsn string) {
	t.Helper()
	name := fmt.Sprintf("lasting%d", databases.Add(1))
	s.Exec(t, "CREATE DATABASE "+name+" TEMPLATE template0")
	return s.DSN(name)
}
