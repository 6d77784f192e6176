package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxPrepared bounds the statements a connection keeps; lists of ids make texts of many lengths.
const maxPrepared = 256

// link is one connection with its statements parsed once: parsing costs more than most of Stint's
// queries. It is used by one goroutine at a time.
type link struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt // nil: the driver keeps them
	ran   *atomic.Int64        // statements so far; nil: not counted
}

func (s *Store) newLink(ctx context.Context, db *sql.DB) (*link, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{c: c}
	if !s.engine.preparesItself() {
		l.stmts = map[string]*sql.Stmt{}
	}
	return l, nil
}

func (s *Store) newWriter(ctx context.Context) (*link, error) {
	l, err := s.newLink(ctx, s.w)
	if err == nil {
		l.ran = &s.ran
	}
	return l, err
}

func (l *link) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if l.ran != nil {
		l.ran.Add(1)
	}
	if s, ok := l.stmts[query]; ok {
		return s, nil
	}
	if l.stmts == nil || len(l.stmts) >= maxPrepared {
		return nil, errFull
	}
	s, err := l.c.PrepareContext(ctx, unnumbered(query))
	if err == nil {
		l.stmts[query] = s
	}
	return s, err
}

// unnumbered writes a statement whose parameters stand once each and in order with ? instead of $1, $2, …: SQLite's
// driver finds each numbered one among all of them by name, which for many rows costs more than storing them.
func unnumbered(query string) string {
	var out strings.Builder
	n, rest := 0, query
	for {
		before, after, found := strings.Cut(rest, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		n++
		own, ok := strings.CutPrefix(after, strconv.Itoa(n))
		if !ok || own != "" && '0' <= own[0] && own[0] <= '9' {
			return query
		}
		out.WriteByte('?')
		rest = own
	}
}

var errFull = errors.New("store: enough statements are kept")

func (l *link) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s, err := l.stmt(ctx, query); err == nil {
		return s.QueryContext(ctx, args...)
	}
	return l.c.QueryContext(ctx, query, args...)
}

func (l *link) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s, err := l.stmt(ctx, query); err == nil {
		return s.QueryRowContext(ctx, args...)
	}
	return l.c.QueryRowContext(ctx, query, args...)
}

func (l *link) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s, err := l.stmt(ctx, query); err == nil {
		return s.ExecContext(ctx, args...)
	}
	return l.c.ExecContext(ctx, query, args...)
}

// run executes a statement of transaction control.
func (l *link) run(ctx context.Context, statement string) error {
	_, err := l.ExecContext(ctx, statement)
	return err
}

func (l *link) close() error {
	var errs []error
	for _, s := range l.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, l.c.Close())...)
}
