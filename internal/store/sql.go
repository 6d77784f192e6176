package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

type conn interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

type row interface{ Scan(dest ...any) error }

func one[T any](r *Reader, scan func(row) (T, error), query string, args ...any) (T, error) {
	v, err := scan(r.db.QueryRowContext(r.ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, ErrNotFound
	}
	return v, err
}

func many[T any](r *Reader, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	return manyOf(r, 0, scan, query, args...)
}

// manyOf is many where it is known about how many come.
func manyOf[T any](r *Reader, room int, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := r.db.QueryContext(r.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	if room > 0 {
		out = make([]T, 0, room)
	}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func scanString(r row) (s string, err error) { return s, r.Scan(&s) }

func scanInt(r row) (n int64, err error) { return n, r.Scan(&n) }

// exec runs a statement and returns how many rows it changed.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	tx.version = "" // this may define
	res, err := tx.db.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// must is exec for statements that change exactly one row; another number is a lost race (invariant 3).
func (tx *Tx) must(query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n != 1 {
		err = ErrConflict
	}
	return err
}

// ErrConflict says that a conditional update found its row changed.
var ErrConflict = errors.New("store: the row has changed")

func us(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func num(b bool) int {
	if b {
		return 1
	}
	return 0
}

type timeCol struct{ t *time.Time }

// at scans microseconds since 1970 UTC; 0 is the zero time.
func at(t *time.Time) sql.Scanner { return timeCol{t} }

func (c timeCol) Scan(src any) error {
	n, err := toInt(src)
	if err != nil {
		return err
	}
	*c.t = time.Time{}
	if n != 0 {
		*c.t = time.UnixMicro(n).UTC()
	}
	return nil
}

type secondsCol struct{ d *time.Duration }

func seconds(d *time.Duration) sql.Scanner { return secondsCol{d} }

func (c secondsCol) Scan(src any) error {
	n, err := toInt(src)
	*c.d = time.Duration(n) * time.Second
	return err
}

func toInt(src any) (int64, error) {
	switch v := src.(type) {
	case int64:
		return v, nil
	case nil:
		return 0, nil
	case []byte:
		return strconv.ParseInt(string(v), 10, 64)
	default:
		return 0, fmt.Errorf("store: want a number, have %T", src)
	}
}

type jsonCol struct{ v any }

func asJSON(v any) sql.Scanner { return jsonCol{v} }

func (c jsonCol) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), c.v)
	case []byte:
		return json.Unmarshal(v, c.v)
	case nil:
		return nil
	default:
		return fmt.Errorf("store: want JSON text, have %T", src)
	}
}

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("store: only plain values are stored as JSON: " + err.Error())
	}
	return string(b)
}

type bytesCol struct{ b *[]byte }

func b64(b *[]byte) sql.Scanner { return bytesCol{b} }

func (c bytesCol) Scan(src any) (err error) {
	s, ok := src.(string)
	if !ok {
		raw, isBytes := src.([]byte)
		if !isBytes {
			return fmt.Errorf("store: want base64 text, have %T", src)
		}
		s = string(raw)
	}
	*c.b, err = base64.StdEncoding.DecodeString(s)
	return err
}

func to64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// in writes "($n, $n+1, …)" for a list of values and appends them to args. The last of a long list is repeated, so that
// few texts are enough for every length and each stays prepared.
func in[T any](args *[]any, values []T) string {
	if len(values) == 0 {
		return "(NULL)"
	}
	var b strings.Builder
	for i := range lengthOf(len(values)) {
		v := values[min(i, len(values)-1)]
		*args = append(*args, v)
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(len(*args)))
	}
	return "(" + b.String() + ")"
}

// lengthOf is how long a list of n values is made: up to 8 as it is, else the next power of two or multiple of 512.
func lengthOf(n int) int {
	switch {
	case n <= 8:
		return n
	case n > 512:
		return (n + 511) / 512 * 512
	}
	return 1 << bits.Len(uint(n-1)) // #nosec G115 -- between 8 and 511
}

// insertRows adds rows to "table (column, …)"; values holds them one after the other. Each statement adds
// 32, 16 or at most 8 rows, so that few texts are enough for every number and each stays prepared.
func insertRows(ctx context.Context, c conn, into string, values []any) error {
	width := strings.Count(into, ",") + 1
	for len(values) > 0 {
		n := len(values) / width
		switch {
		case n >= 32:
			n = 32
		case n >= 16:
			n = 16
		default:
			n = min(n, 8)
		}
		if _, err := c.ExecContext(ctx, "INSERT INTO "+into+" VALUES "+rowsOf(n, width), values[:n*width]...); err != nil {
			return err
		}
		values = values[n*width:]
	}
	return nil
}

// rowsOf writes "($1, $2), ($3, $4)" for two rows of two values.
func rowsOf(n, width int) string {
	b := make([]byte, 0, n*width*6)
	for i := range n * width {
		switch {
		case i == 0:
			b = append(b, "($"...)
		case i%width == 0:
			b = append(b, "), ($"...)
		default:
			b = append(b, ", $"...)
		}
		b = strconv.AppendInt(b, int64(i+1), 10)
	}
	return string(append(b, ')'))
}

// where collects conditions for a list page.
type where struct {
	conds []string
	args  []any
}

// add appends a condition whose ? stands for one value.
func (w *where) add(cond string, values ...any) {
	for _, v := range values {
		w.args = append(w.args, v)
		cond = strings.Replace(cond, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.conds = append(w.conds, cond)
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

func dollar(n int) string { return "$" + strconv.Itoa(n) }

// escapeLike takes the meaning from % and _ in a search (THREATS T22).
func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// pairs runs "SELECT key, value … IN " over ids; args are those of the query before them.
func (r *Reader) pairs(query string, ids []string, args ...any) (map[string]string, error) {
	if len(ids) == 0 {
		return map[string]string{}, nil
	}
	list := in(&args, ids)
	type pair struct{ k, v string }
	rows, err := many(r, func(r row) (p pair, err error) { return p, r.Scan(&p.k, &p.v) }, query+list, args...)
	out := make(map[string]string, len(rows))
	for _, p := range rows {
		out[p.k] = p.v
	}
	return out, err
}
