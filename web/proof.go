package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

const textType = "text/plain; charset=utf-8"

// EntryProof is GET /audit/:seq/proof: what proves offline that an entry is in the signed log (C2SP tlog-proof), for those
// who may read the entry.
func (s *Server) EntryProof(q *request) error {
	seq, err := parseSeq(q.Param("seq"))
	if err != nil {
		return err
	}
	p, err := read(s, q, func(r *store.Reader) (audit.Proof, error) {
		e, err := r.Entry(seq)
		if err == nil {
			err = mayReadEntry(r, q, e)
		}
		if err != nil {
			return audit.Proof{}, err
		}
		return proofOf(r, e)
	})
	if err != nil {
		return err
	}
	q.Response().Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, proofName(seq)))
	return q.Blob(http.StatusOK, textType, p.Format())
}

func proofName(seq int64) string { return fmt.Sprintf("audit-%d.tlog-proof", seq) }

func proofOf(r *store.Reader, e store.EntryRow) (audit.Proof, error) {
	kept, err := r.CheckpointOver(e.Seq)
	if errors.Is(err, store.ErrNotFound) {
		return audit.Proof{}, pim.Refuse(pim.KindConflict, "Entry %d is not signed yet. The log is signed within ten seconds of a change; ask again then.", e.Seq)
	}
	if err != nil {
		return audit.Proof{}, err
	}
	c, err := audit.ReadCheckpoint([]byte(kept.Note))
	if err != nil {
		return audit.Proof{}, err
	}
	return audit.Receipt(c, e.Seq, e.Leaf, r.HashReader())
}

// proofView says what the proof of an entry proves, and how to check it elsewhere; the zero view while nothing covers it.
func proofView(r *store.Reader, seq int64) (v views.ProofView, err error) {
	kept, err := r.CheckpointOver(seq)
	if errors.Is(err, store.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	recorded, err := r.Meta(store.MetaVKey)
	if err != nil {
		return v, err
	}
	v.Origin, _, _ = strings.Cut(kept.Note, "\n")
	v.Size, v.Signed, v.Href = kept.Size, kept.At, fmt.Sprintf("/audit/%d/proof", seq)
	if v.Key, err = audit.VKeyFor(recorded, v.Origin); err != nil {
		v.Key = "" // a log without a recorded key: what it is verified with is with its auditors
	}
	v.Command = "stint audit verify " + proofName(seq)
	if v.Key != "" {
		v.Command += " --vkey " + v.Key
	}
	return v, nil
}

// LogCheckpoint is GET /log/checkpoint: the last signed checkpoint, from which C2SP tlog-tiles begins.
func (s *Server) LogCheckpoint(q *request) error {
	c, err := read(s, q, func(r *store.Reader) (store.KeptCheckpoint, error) { return r.LastCheckpoint() })
	if err != nil {
		return err
	}
	return q.Blob(http.StatusOK, textType, []byte(c.Note))
}

// LogTile is GET /log/tile/*: a tile of hashes or of entries, as far as the log is signed. Entries are the bytes that are
// hashed: ids and commitments, no name and no reason. A full tile never changes.
func (s *Server) LogTile(q *request) error {
	t, err := audit.ParseTile(strings.TrimPrefix(q.Request().URL.Path, "/log/"))
	if err != nil {
		return pim.NotFound()
	}
	b, err := read(s, q, func(r *store.Reader) ([]byte, error) {
		size, err := r.LastCheckpointSize()
		if err == nil && !t.In(size) {
			err = store.ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		return r.Tile(t)
	})
	if err != nil {
		return err
	}
	if t.Full() {
		q.Response().Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	return q.Blob(http.StatusOK, "application/octet-stream", b)
}
