package store

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
)

// walPages is how many pages of the write-ahead log may wait before they are copied into the database file. A commit waits
// for a copy that the disk is busy with, so that each is small.
const walPages = 250

// walCopier copies beside the writer what was committed, so that no commit copies many pages while everybody waits.
// The writer's own limit (openWriter) is sixteen times walPages: it finds little left and begins the log anew.
type walCopier struct {
	db   *sql.DB
	wake chan struct{}
	done sync.WaitGroup
}

func newWALCopier(path string) (*walCopier, error) {
	db, err := sql.Open("sqlite", dsn(path, "_pragma", "synchronous(FULL)", "_pragma", "busy_timeout(10000)", "_pragma", "cache_size(-512)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c := &walCopier{db: db, wake: make(chan struct{}, 1)}
	c.done.Go(c.run)
	return c, nil
}

// committed never waits.
func (c *walCopier) committed() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *walCopier) run() {
	for range c.wake {
		if err := c.copy(context.Background()); err != nil {
			slog.Warn("the write-ahead log could not be copied beside the writer; the writer will do it", "error", err)
		}
	}
}

// copy copies when enough waits. NOOP only counts; PASSIVE waits for nobody and nobody waits for it.
func (c *walCopier) copy(ctx context.Context) error {
	var busy, pages, copied int
	err := c.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &pages, &copied)
	if err != nil || pages-copied < walPages {
		return err
	}
	return c.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied)
}

func (c *walCopier) close() error {
	close(c.wake)
	c.done.Wait()
	return c.db.Close()
}
