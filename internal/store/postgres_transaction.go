package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// databaseNow is the database's clock, µs.
const databaseNow = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"

// placeQuery asks for everything a transaction begins with, in one row.
const placeQuery = `SELECT COALESCE((SELECT size FROM audit_head WHERE id = 1), 0), COALESCE((SELECT root FROM audit_head WHERE id = 1), ''),
	` + databaseNow + `,
	COALESCE((SELECT value FROM meta WHERE name = '` + MetaClock + `'), ''), COALESCE((SELECT value FROM meta WHERE name = '` + MetaClockAccepted + `'), '')`

// alone is the first statement of every transaction that writes: whoever has it is the only one of all
// nodes, so each sees what the one before committed.
const alone = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; LOCK TABLE audit_head IN EXCLUSIVE MODE; "

// begin sends everything in one message: one way to the server and back.
func (e *postgres) begin(ctx context.Context, l *link) (*place, error) {
	results, err := e.send(ctx, l, alone+placeQuery)
	if err != nil {
		return nil, err
	}
	last := results[len(results)-1]
	if len(last.Rows) != 1 || len(last.Rows[0]) != 5 {
		return nil, errors.New("store: the database did not say where its log stands")
	}
	v := last.Rows[0]
	size, err1 := strconv.ParseInt(string(v[0]), 10, 64)
	now, err2 := strconv.ParseInt(string(v[2]), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return e.place(size, now, string(v[1]), string(v[3]), string(v[4]))
}

func (e *postgres) snapshot(ctx context.Context, l *link) error {
	return l.run(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

func (e *postgres) look(ctx context.Context, r *sql.DB) (*place, error) {
	var size, now int64
	var root, mark, accepted string
	if err := r.QueryRowContext(ctx, placeQuery).Scan(&size, &root, &now, &mark, &accepted); err != nil {
		return nil, err
	}
	return e.place(size, now, root, mark, accepted)
}

func (e *postgres) place(size, now int64, root, mark, accepted string) (*place, error) {
	at := &place{size: size, root: root, accepted: accepted}
	if e.clock {
		at.now = time.UnixMicro(now).UTC()
	}
	var err error
	at.mark, err = toMark(mark)
	return at, err
}

// send runs statements without arguments in one message.
func (e *postgres) send(ctx context.Context, l *link, statements string) (results []*pgconn.Result, err error) {
	if l.ran != nil {
		l.ran.Add(1)
	}
	err = l.c.Raw(func(c any) (err error) {
		conn := c.(*stdlib.Conn).Conn().PgConn()
		if conn.IsClosed() {
			return driver.ErrBadConn
		}
		results, err = conn.Exec(ctx, statements).ReadAll()
		return err
	})
	return results, err
}

// commit leaves an id of its own in the transaction, by which an outcome that got lost can be found out.
func (e *postgres) commit(ctx context.Context, l *link, mark int64) error {
	id := randomID()
	results, err := e.send(ctx, l, fmt.Sprintf(`INSERT INTO nodes (id, batch, seen_at) VALUES ('%s', '%s', %s) ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at;
		INSERT INTO meta (name, value) VALUES ('%s', '%d') ON CONFLICT (name) DO UPDATE SET value = excluded.value; COMMIT`, e.node, id, databaseNow, MetaClock, mark))
	switch {
	case err == nil && results[len(results)-1].CommandTag.String() == "COMMIT":
		return nil
	case err == nil:
		return errors.New("store: the database rolled back instead of committing")
	case !unclear(err):
		return err
	}
	there, lost := e.settled(id)
	switch {
	case lost != nil:
		return lost
	case there:
		return nil
	}
	return errors.Join(errGone, err)
}

// unclear tells a commit that may have happened from one that did not. pgconn.SafeToRetry is no help: of a
// connection that ends instead of an answer it says that nothing was sent.
func unclear(err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Severity != "ERROR" // FATAL: it may have committed before it was told to go
	}
	return !errors.Is(err, driver.ErrBadConn)
}

// settleFor is how long it is asked what became of a commit.
const settleFor = 30 * time.Second

// errGone says that a commit did not happen after all.
var errGone = errors.New("store: the connection was lost before the commit")

// settled finds out whether a transaction whose answer was lost is there. Asking takes the lock it held,
// so that a server still busy with it is waited for.
func (e *postgres) settled(id string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), settleFor)
	defer cancel()
	for {
		batch, err := e.lastBatch(ctx)
		switch {
		case err == nil && batch == id:
			return true, nil
		case err == nil:
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, errors.Join(ErrUnclear, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (e *postgres) lastBatch(ctx context.Context) (string, error) {
	c, err := e.w.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	results, err := e.send(ctx, &link{c: c}, alone+"SELECT batch FROM nodes WHERE id = '"+e.node+"'; ROLLBACK")
	if err != nil {
		return "", err
	}
	if rows := results[2].Rows; len(rows) == 1 {
		return string(rows[0][0]), nil
	}
	return "", nil
}

// again reports what is worth a second run: a conflict with another transaction, and a connection that was
// lost before the commit.
func (e *postgres) again(err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Code == "40001" || said.Code == "40P01" || said.Severity == "FATAL" && said.Code != "57P03"
	}
	var connecting *pgconn.ConnectError
	if errors.Is(err, ErrUnclear) || errors.As(err, &connecting) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var network net.Error
	return errors.Is(err, errGone) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.EOF) || errors.As(err, &network) || strings.HasSuffix(err.Error(), "conn closed")
}

func randomID() string { return strings.ToLower(rand.Text()) }
