package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the SQLite engine, in Go

	"stint/db"
	"stint/internal/audit"
)

// ErrNotFound says that no row matched.
var ErrNotFound = errors.New("store: not found")

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("store: closed")

// ErrLocked says that another process holds the database.
var ErrLocked = errors.New("another Stint process uses this database; stop it, or let it run the command (apply and admin talk to it by themselves)")

// Options say how to open a database.
type Options struct {
	Path     string           // of the SQLite file
	ReadOnly bool             // no lock, no migration, no writer: export, audit verify, doctor
	Now      func() time.Time // wall clock; nil: time.Now
	Mono     func() time.Duration
	Log      *slog.Logger
	Twice    bool   // run every function twice, as the conformance suite does
	Mode     string // "", or "demo": the database carries it (invariant 14)

	schema fs.FS // the migrations; tests add some
}

// Store is one node's access to the database.
type Store struct {
	opts    Options
	w       *sql.DB    // one connection, the writer's
	r       *sql.DB    // read-only
	writes  *link      // the writer's connection
	pool    chan *link // readers; nil: to be made
	lock    *os.File
	jobs    chan *job
	quit    chan struct{}
	done    sync.WaitGroup
	clock   *Clock
	refused refusals
	head    audit.Head // of the last commit; owned by the writer
	mu      sync.Mutex

	watchers []func(Change)
}

// Open opens, migrates and checks a database and starts its writer. The caller calls Close.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.schema == nil {
		o.schema = db.Migrations
	}
	s := &Store{opts: o, jobs: make(chan *job), quit: make(chan struct{}), pool: make(chan *link, readers),
		refused: refusals{by: map[string]*refusalCount{}}}
	if err := s.open(ctx); err != nil {
		s.closeFiles()
		return nil, err
	}
	if !o.ReadOnly {
		s.done.Add(1)
		go s.writer()
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if !s.opts.ReadOnly {
		if err = os.MkdirAll(filepath.Dir(s.opts.Path), 0o700); err != nil {
			return fmt.Errorf("create the data directory: %w", err)
		}
		if s.lock, err = lockFile(s.opts.Path + ".lock"); err != nil {
			return err
		}
		if s.w, err = openWriter(ctx, s.opts.Path); err != nil {
			return err
		}
		if err = s.migrate(ctx); err != nil {
			return err
		}
	}
	if s.r, err = openReaders(ctx, s.opts.Path); err != nil {
		return err
	}
	if err = s.checkVersion(ctx); err != nil {
		return err
	}
	if err = s.checkMode(ctx); err != nil {
		return err
	}
	if err = s.loadState(ctx); err != nil {
		return err
	}
	return s.links(ctx)
}

// links takes the connections that serve from here on.
func (s *Store) links(ctx context.Context) (err error) {
	for range readers {
		s.pool <- nil
	}
	if s.w != nil {
		s.writes, err = newLink(ctx, s.w)
	}
	return err
}

// Close stops the writer and closes the files. Functions already accepted are finished.
func (s *Store) Close() error {
	select {
	case <-s.quit:
		return nil
	default:
	}
	close(s.quit)
	s.done.Wait()
	return s.closeFiles()
}

func (s *Store) closeFiles() error {
	var errs []error
	for range len(s.pool) {
		if l := <-s.pool; l != nil {
			errs = append(errs, l.close())
		}
	}
	if s.writes != nil {
		errs = append(errs, s.writes.close())
	}
	for _, db := range []*sql.DB{s.r, s.w} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Path is the database file.
func (s *Store) Path() string { return s.opts.Path }

// Statements is how many statements the writer has run since the database was opened: each is a round
// trip on PostgreSQL.
func (s *Store) Statements() int64 { return s.writes.ran.Load() }

// Clock is the node's guarded clock.
func (s *Store) Clock() *Clock { return s.clock }

func dsn(path string, params ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Add(params[i], params[i+1])
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func openWriter(ctx context.Context, path string) (*sql.DB, error) {
	// The file holds personal data: it must be 0600 before SQLite writes its first page.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, "_txlock", "immediate", "_pragma", "journal_mode(WAL)", "_pragma", "synchronous(FULL)",
		"_pragma", "foreign_keys(1)", "_pragma", "busy_timeout(10000)", "_pragma", "cache_size(-8192)", "_pragma", "temp_store(MEMORY)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2) // the writer keeps one; the other is for what runs before and beside it
	return db, db.PingContext(ctx)
}

func openReaders(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, "mode", "ro", "_pragma", "query_only(1)", "_pragma", "busy_timeout(10000)",
		"_pragma", "cache_size(-8192)", "_pragma", "temp_store(MEMORY)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers + 2) // a backup and a check beside the pages
	db.SetMaxIdleConns(readers + 2)
	if err := db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}
