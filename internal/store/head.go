package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
)

func (s *Store) setHead(h audit.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = h
}

func (s *Store) getHead() audit.Head {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

// Head is the committed head of the audit log, as this node last knew it.
func (s *Store) Head() audit.Head { return s.getHead() }

func (s *Store) loadHead(ctx context.Context) error {
	err := s.readHead(ctx)
	if s.opts.ReadOnly {
		return nil // nothing will be appended, and audit verify must open what is damaged to say so
	}
	return err
}

func (s *Store) readHead(ctx context.Context) error {
	if !s.opts.ReadOnly {
		_, err := s.w.ExecContext(ctx, "INSERT INTO audit_head (id, size, root) VALUES (1, 0, $1) ON CONFLICT (id) DO NOTHING", audit.EmptyHead().Root.String())
		if err != nil {
			return err
		}
	}
	var size int64
	var root string
	err := s.r.QueryRowContext(ctx, "SELECT size, root FROM audit_head WHERE id = 1").Scan(&size, &root)
	if errors.Is(err, sql.ErrNoRows) {
		s.setHead(audit.EmptyHead())
		return nil
	}
	if err != nil {
		return err
	}
	head, err := loadHead(ctx, s.r, size, root)
	if err == nil {
		s.setHead(head)
	}
	return err
}

// loadHead rebuilds a recorded head from its hashes, which must give its root.
func loadHead(ctx context.Context, db conn, size int64, root string) (audit.Head, error) {
	hash, err := tlog.ParseHash(root)
	if err != nil {
		return audit.Head{}, fmt.Errorf("the audit head is damaged: %w; run stint audit verify", err)
	}
	head, err := audit.LoadHead(size, hashReader{ctx, db})
	if err == nil && head.Root != hash {
		err = errors.New("the audit log's hashes do not give its recorded root; run stint audit verify")
	}
	return head, err
}

// headAt is the head other nodes may have moved since this one knew it. When the log no longer goes on
// from there, what was written is lost: the store says so from then on (Lost), and goes on, so that what
// is taken away can still be recorded.
func (s *Store) headAt(ctx context.Context, db conn, known audit.Head, at place) (audit.Head, error) {
	if at.size == known.Size && at.root == known.Root.String() {
		return known, nil
	}
	goesOn := at.size > known.Size
	if goesOn && known.Size > 0 {
		root, err := tlog.TreeHash(known.Size, hashReader{ctx, db})
		if err != nil {
			return known, err
		}
		goesOn = root == known.Root
	}
	if !goesOn && !s.opts.ReadOnly {
		s.lose(fmt.Sprintf("The database no longer holds the %d audit entries this node knew: it was rolled back, or another server without them took over.", known.Size))
	}
	return loadHead(ctx, db, at.size, at.root)
}

func (s *Store) lose(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == "" {
		s.lost = why
		s.opts.Log.Error("entries of the audit log are lost", "reason", why)
	}
}

// Lost says that the database lost entries while this process ran, or "" (THREATS §5, F4).
func (s *Store) Lost() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// hashReader reads stored hashes of the Merkle tree.
type hashReader struct {
	ctx context.Context
	db  conn
}

func (h hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make(map[int64]tlog.Hash, len(indexes))
	for some := range slices.Chunk(indexes, 256) {
		if err := h.read(some, found); err != nil {
			return nil, err
		}
	}
	out := make([]tlog.Hash, len(indexes))
	for i, idx := range indexes {
		hash, ok := found[idx]
		if !ok {
			return nil, fmt.Errorf("audit hash %d is missing", idx)
		}
		out[i] = hash
	}
	return out, nil
}

func (h hashReader) read(indexes []int64, found map[int64]tlog.Hash) error {
	var args []any
	rows, err := h.db.QueryContext(h.ctx, "SELECT idx, hash FROM audit_hashes WHERE idx IN "+in(&args, indexes), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var idx int64
		var text string
		if err := rows.Scan(&idx, &text); err != nil {
			return err
		}
		if found[idx], err = tlog.ParseHash(text); err != nil {
			return fmt.Errorf("audit hash %d: %w", idx, err)
		}
	}
	return rows.Err()
}
