package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// postgres is a database that several nodes write. Each has one writer; a lock on audit_head lets one
// transaction of all of them run at a time.
type postgres struct {
	cfg   *pgx.ConnConfig
	clock bool   // the database's clock is the one that counts
	node  string // this process, in the table nodes
	w     *sql.DB
}

// oldest is the first version every statement here was written for.
const oldest = 13

// Bounds of what the server waits for. A node that is stopped or cut off in the middle of a transaction
// must not hold back the others, which have to revoke within seconds.
const (
	patienceWithServer = 10 * time.Second
	idleInTransaction  = 2 * time.Second
	lockWait           = 5 * time.Second
)

func newPostgres(url string, databaseClock bool) (*postgres, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the address of the database: %w", err) // pgx leaves the password out
	}
	node := randomID()
	for name, value := range map[string]string{"application_name": application + node, "client_encoding": "UTF8", "statement_timeout": ms(patienceWithServer), "lock_timeout": ms(lockWait)} {
		if _, set := cfg.RuntimeParams[name]; !set {
			cfg.RuntimeParams[name] = value
		}
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	// A server that vanished without a word is noticed in seconds: until then nobody revokes from memory.
	dialer := net.Dialer{Control: giveUp, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: 2 * time.Second, Count: 3}}
	cfg.DialFunc = dialer.DialContext
	return &postgres{cfg: cfg, clock: databaseClock, node: node}, nil
}

// application begins the name by which the server knows a Stint; the rest tells it from others.
const application = "stint "

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (e *postgres) name() string {
	return fmt.Sprintf("postgres://%s@%s:%d/%s", e.cfg.User, e.cfg.Host, e.cfg.Port, e.cfg.Database)
}

func (e *postgres) openWriter(ctx context.Context) (*sql.DB, error) {
	cfg := e.cfg.Copy()
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = ms(idleInTransaction)
	w := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(durable), stdlib.OptionShouldPing(always))
	w.SetMaxOpenConns(3) // the writer keeps one; the others are for what runs before and beside it
	e.w = w
	return w, e.fit(ctx, w)
}

// always has a connection tried out that is taken from the pool: after a fail-over all of them are dead.
func always(context.Context, stdlib.ShouldPingParams) bool { return true }

// durable makes a commit wait for the disk where the server's own settings would not.
func durable(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	return err
}

func (e *postgres) openReaders(ctx context.Context) (*sql.DB, error) {
	cfg := e.cfg.Copy()
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	r := stdlib.OpenDB(*cfg, stdlib.OptionShouldPing(always))
	r.SetMaxOpenConns(readers + 2)
	r.SetMaxIdleConns(readers + 2)
	if err := e.fit(ctx, r); err != nil || e.w == nil {
		return r, err
	}
	_, err := e.w.ExecContext(ctx, "DELETE FROM nodes WHERE seen_at < "+databaseNow+" - $1", nodesKept.Microseconds())
	return r, err
}

// nodesKept is how long the last batch of a process is remembered: far longer than it is asked for.
const nodesKept = 24 * time.Hour

// fit refuses a database on which the same SQL would mean something else than on SQLite.
func (e *postgres) fit(ctx context.Context, db *sql.DB) error {
	var version int
	var encoding string
	var byCodePoint bool
	err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), 'Z' < 'a' AND 'a.z' < 'a/' AND 'a/' < 'aa'").
		Scan(&version, &encoding, &byCodePoint)
	if err != nil {
		return fmt.Errorf("open %s: %w", e.name(), err)
	}
	switch {
	case version < oldest:
		return fmt.Errorf("%s is PostgreSQL %d; Stint needs %d or later", e.name(), version, oldest)
	case encoding != "UTF8" || !byCodePoint:
		return fmt.Errorf("%s must be UTF-8 and sort by code point. Make it with: CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'", e.name(), pgx.Identifier{e.cfg.Database}.Sanitize())
	}
	return nil
}

func (e *postgres) close() error { return nil }

func (e *postgres) migrations() (string, goose.Dialect, []goose.ProviderOption, error) {
	// Two nodes may start at once: the second waits, and finds nothing left to do.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	return "migrations/postgres", goose.DialectPostgres, []goose.ProviderOption{goose.WithSessionLocker(locker)}, err
}

// keep does nothing: whoever runs a PostgreSQL keeps its backups.
func (e *postgres) keep(context.Context, *sql.DB, int64) error { return nil }

// ErrOwnTools says that a database on PostgreSQL is backed up by PostgreSQL's own programs.
var ErrOwnTools = errors.New("this database is on PostgreSQL, which has its own programs for backups")

func (e *postgres) backup(context.Context, string) error { return ErrOwnTools }

// integrity leaves pages and indexes to PostgreSQL; the log is verified by audit verify.
func (e *postgres) integrity(ctx context.Context, r *sql.DB) (string, error) {
	return "", r.PingContext(ctx)
}

func (e *postgres) server(ctx context.Context, r *sql.DB) (s Server, err error) {
	var fsync, synchronous string
	err = r.QueryRowContext(ctx, `SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'), (SELECT COUNT(DISTINCT application_name)
		FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1 AND application_name <> $2)`, application+"%", application+e.node).
		Scan(&s.Version, &fsync, &synchronous, &s.Others)
	switch {
	case fsync == "off":
		s.Loses = "fsync is off: a power cut loses what was acknowledged, or everything. Turn it on in postgresql.conf."
	case synchronous == "off":
		s.Loses = "synchronous_commit is off. Stint turns it on for what it writes itself, but whoever set it should know; turn it on in postgresql.conf."
	}
	return s, err
}

// noTable reports whether a query failed because its table does not exist.
func noTable(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && said.Code == "42P01"
}

func (e *postgres) shared() bool { return true }

func (e *postgres) patience() time.Duration { return patienceWithServer }

func (e *postgres) preparesItself() bool { return true }
