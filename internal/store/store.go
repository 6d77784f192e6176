package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

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
	URL      string           // of a database on PostgreSQL, instead of Path; may hold its password
	ReadOnly bool             // no lock, no migration, no writer: export, audit verify, doctor
	Now      func() time.Time // wall clock; nil: time.Now, on PostgreSQL the database's
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
	stands  audit.Head // what the writer's transaction goes on from
	pool    chan *link // readers; nil: to be made
	engine  engine
	jobs    chan *job
	quit    chan struct{}
	done    sync.WaitGroup
	clock   *Clock
	refused refusals
	memory  memory
	mu      sync.Mutex
	head    audit.Head   // the last one known
	lost    string       // why entries are missing
	ran     atomic.Int64 // statements of the writer
	asked   atomic.Int64 // and of the readers

	watchers []func(Change)
	told     atomic.Int64 // entries before this one were announced
	own      []span       // of them, what this node wrote and announced itself
	followed followed
}

// Open opens, migrates and checks a database and starts its writer. The caller calls Close.
func Open(ctx context.Context, o Options) (*Store, error) {
	engine, err := engineOf(o)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.schema == nil {
		o.schema = db.Migrations
	}
	s := &Store{opts: o, engine: engine, jobs: make(chan *job), quit: make(chan struct{}), pool: make(chan *link, readers),
		refused: refusals{by: map[string]*refusalCount{}}}
	if err := s.open(ctx); err != nil {
		s.closeFiles()
		return nil, err
	}
	if !o.ReadOnly {
		s.done.Add(1)
		go s.writer()
		if s.engine.shared() {
			s.done.Add(1)
			go s.watch()
		}
	}
	return s, nil
}

func engineOf(o Options) (engine, error) {
	if o.URL != "" {
		return newPostgres(o.URL, o.Now == nil)
	}
	return &sqlite{path: o.Path}, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if !s.opts.ReadOnly {
		if s.w, err = s.engine.openWriter(ctx); err != nil {
			return err
		}
		if err = s.migrate(ctx); err != nil {
			return err
		}
	}
	if s.r, err = s.engine.openReaders(ctx); err != nil {
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
		s.writes, err = s.newWriter(ctx)
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
	return errors.Join(append(errs, s.engine.close())...)
}

// Name is the database for people: the path of its file, or its address without a password.
func (s *Store) Name() string { return s.engine.name() }

// Statements is how many statements the writer has run since the database was opened: each is a round
// trip on PostgreSQL.
func (s *Store) Statements() int64 { return s.ran.Load() }

// Asked is how many statements the readers have run, each snapshot's beginning and end among them.
func (s *Store) Asked() int64 { return s.asked.Load() }

// Server says what is known of the server of a database on PostgreSQL.
func (s *Store) Server(ctx context.Context) (Server, error) { return s.engine.server(ctx, s.r) }

// Shared reports whether other nodes may write the database too.
func (s *Store) Shared() bool { return s.engine.shared() }

// Others is how many other Stint processes use the database; 0 on SQLite, which has a lock.
func (s *Store) Others(ctx context.Context) (int, error) {
	server, err := s.Server(ctx)
	return server.Others, err
}

// Clock is the node's guarded clock.
func (s *Store) Clock() *Clock { return s.clock }
