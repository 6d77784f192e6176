package audit

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Head is the state of the log that the next append needs: the right edge of the tree.
type Head struct {
	Size int64     // number of entries
	Root tlog.Hash // RFC 6962 root over them
	// Edge holds the roots of the complete subtrees the tree is made of, largest first: one for each
	// set bit of Size. With it an append reads nothing.
	Edge []tlog.Hash
}

// EmptyHead returns the head of a log without entries.
func EmptyHead() Head { return Head{Root: tlog.Hash(sha256.Sum256(nil))} } // RFC 6962 §2.1

// Appended is what one append adds to the log.
type Appended struct {
	Head   Head        // the log after it; becomes the cached head only when it is committed
	First  int64       // tlog stored-hash index of Hashes[0]; the rest follow without a gap
	Hashes []tlog.Hash // rows to add to the hash table
}

// Append adds the leaves, in order, as entries h.Size, h.Size+1, …; h itself stays as it is.
func (h Head) Append(leaves [][]byte) Appended {
	next := Head{Size: h.Size, Root: h.Root, Edge: slices.Clone(h.Edge)}
	out := Appended{First: tlog.StoredHashCount(h.Size), Hashes: make([]tlog.Hash, 0, 2*len(leaves)+1)}
	for _, leaf := range leaves {
		out.Hashes = next.push(out.Hashes, leaf)
	}
	if len(leaves) > 0 {
		next.Root = next.root()
	}
	out.Head = next
	return out
}

// push adds one leaf to the edge and its new hashes, in tlog's stored order, to dst. Root is left behind.
func (h *Head) push(dst []tlog.Hash, leaf []byte) []tlog.Hash {
	return h.pushHash(dst, tlog.RecordHash(leaf))
}

func (h *Head) pushHash(dst []tlog.Hash, hash tlog.Hash) []tlog.Hash {
	dst = append(dst, hash)
	for n := h.Size; n&1 == 1; n >>= 1 { // each trailing one completes a subtree
		last := len(h.Edge) - 1
		hash = tlog.NodeHash(h.Edge[last], hash)
		h.Edge = h.Edge[:last]
		dst = append(dst, hash)
	}
	h.Edge = append(h.Edge, hash)
	h.Size++
	return dst
}

func (h *Head) root() tlog.Hash {
	if len(h.Edge) == 0 {
		return EmptyHead().Root
	}
	root := h.Edge[len(h.Edge)-1]
	for _, left := range slices.Backward(h.Edge[:len(h.Edge)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// LoadHead rebuilds the head of a log of the given size from its stored hashes: one read of at most
// 63 hashes, needed at start and when another node has appended. The hashes are believed; Verify is
// what checks them against the entries.
func LoadHead(size int64, r tlog.HashReader) (Head, error) {
	h := Head{Size: size}
	if size < 0 {
		return Head{}, fmt.Errorf("audit log: recorded size %d is negative", size)
	}
	if size > 0 {
		indexes := edgeIndexes(size)
		edge, err := r.ReadHashes(indexes)
		if err != nil {
			return Head{}, fmt.Errorf("audit log: read the edge of %d entries: %w", size, err)
		}
		if len(edge) != len(indexes) {
			return Head{}, fmt.Errorf("audit log: %d of %d edge hashes are stored; run stint audit verify", len(edge), len(indexes))
		}
		h.Edge = slices.Clone(edge)
	}
	h.Root = h.root()
	return h, nil
}

// HashesOf returns where the hashes of entry seq are stored: n of them from tlog index first on, the
// leaf hash and then the subtrees this entry completed.
func HashesOf(seq int64) (first int64, n int) {
	return tlog.StoredHashIndex(0, seq), 1 + bits.TrailingZeros64(^uint64(seq)) // #nosec G115 -- a seq is never negative
}

func edgeIndexes(size int64) []int64 {
	var indexes []int64
	for lo := int64(0); lo < size; {
		level := bits.Len64(uint64(size-lo)) - 1 // #nosec G115 -- lo < size
		indexes = append(indexes, tlog.StoredHashIndex(level, lo>>level))
		lo += 1 << level
	}
	return indexes
}
