package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pressly/goose/v3"
)

// engine is what SQLite and PostgreSQL do differently. The SQL of the nouns is one text for both.
type engine interface {
	name() string // of the database, for people; never with a password
	openWriter(ctx context.Context) (*sql.DB, error)
	openReaders(ctx context.Context) (*sql.DB, error) // which cannot write
	close() error

	migrations() (dir string, dialect goose.Dialect, options []goose.ProviderOption, err error)
	keep(ctx context.Context, w *sql.DB, version int64) error // a copy of what is about to be migrated
	backup(ctx context.Context, path string) error
	integrity(ctx context.Context, r *sql.DB) (problem string, err error)

	shared() bool            // other nodes write too
	patience() time.Duration // how long it is waited for; 0: for ever
	preparesItself() bool    // the driver keeps parsed statements
	server(ctx context.Context, r *sql.DB) (Server, error)
	begin(ctx context.Context, l *link) (*place, error)    // the writer's transaction; alone among all nodes when it returns
	commit(ctx context.Context, l *link, mark int64) error // with the believed time; nil only when what was written will stay
	again(err error) bool                                  // the transaction died of something that running it again may cure
	snapshot(ctx context.Context, l *link) error           // a reader's transaction
	look(ctx context.Context, r *sql.DB) (*place, error)   // outside of a transaction
}

// Server is what doctor wants to know of a PostgreSQL.
type Server struct {
	Version string
	Others  int    // other Stint processes that use the database
	Loses   string // why acknowledged commits may be lost, or ""
}

// place is where the log and the clock of a database stand that other nodes write too. A nil place means
// that this process alone writes: its own memory says it.
type place struct {
	size     int64
	root     string
	now      time.Time // by the database's clock
	mark     time.Time // believed time that any node stored last
	accepted string    // changes when an administrator accepts the clock
}
