package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const testOrigin = "stint.example/stint/audit"

// memLog keeps a log as the store does: rows, hash rows, texts and checkpoints beside each other.
type memLog struct {
	head        Head
	rows        []StoredEntry // Hashes are looked up in hashes when the log is read
	hashes      []tlog.Hash
	checkpoints []StoredCheckpoint
	signer      *Signer
}

func newMemLog(t testing.TB) *memLog {
	t.Helper()
	return &memLog{head: EmptyHead(), signer: testSigner(t)}
}

func testSigner(t testing.TB) *Signer {
	t.Helper()
	s, err := OpenSigner(filepath.Join(t.TempDir(), "keys", "audit.key"), testOrigin, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (m *memLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, idx := range indexes {
		if idx >= int64(len(m.hashes)) {
			return nil, fmt.Errorf("no hash %d", idx)
		}
		out[i] = m.hashes[idx]
	}
	return out, nil
}

// add appends entries in one batch; seq and commitments are filled in.
func (m *memLog) add(t testing.TB, entries ...Entry) {
	t.Helper()
	var leaves [][]byte
	for i, e := range entries {
		e.Seq = m.head.Size + int64(i)
		salt := bytes.Repeat([]byte{byte(e.Seq)}, SaltSize)
		binary.BigEndian.PutUint64(salt, uint64(e.Seq))
		e.Commitments = map[string]string{"reason": Commit(salt, "reason", "because")}
		leaf, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
		m.rows = append(m.rows, StoredEntry{Entry: e, Leaf: leaf, Texts: map[string]Text{"reason": {salt, "because"}}})
	}
	a := m.head.Append(leaves)
	if a.First != int64(len(m.hashes)) {
		t.Fatalf("new hashes start at %d, %d are stored", a.First, len(m.hashes))
	}
	m.head, m.hashes = a.Head, append(m.hashes, a.Hashes...)
}

func (m *memLog) sign(t testing.TB) Checkpoint {
	t.Helper()
	c, err := m.signer.Sign(m.head)
	if err != nil {
		t.Fatal(err)
	}
	m.checkpoints = append(m.checkpoints, StoredCheckpoint{c.Size, c.Note})
	return c
}

func sample(i int) Entry {
	return Entry{
		At: time.UnixMicro(1_790_000_000_000_000 + int64(i)*1_000_003).UTC(), Type: "assignment.made", Actor: fmt.Sprintf("person-%d", i%7),
		Subject: fmt.Sprintf("person-%d", i%11), RoleID: "role-1", ResourceID: "res-1", TargetID: "target-1",
		ObjectID: fmt.Sprintf("assignment-%d", i), Correlation: "story-1", Result: ResultOK,
		Facts: map[string]any{"kind": "eligible", "ends_at": int64(i), "privileged": i%2 == 0, "groups": []string{"a", "b"}, "verdicts": map[string]any{"open": "pass"}},
	}
}

// filledLog has n entries in batches of 1 to 5 and a checkpoint at least every 8.
func filledLog(t testing.TB, n int) *memLog {
	t.Helper()
	m := newMemLog(t)
	for i := 0; i < n; {
		batch := min(1+i%5, n-i, 8-int(m.head.Size%8))
		var entries []Entry
		for range batch {
			entries = append(entries, sample(i))
			i++
		}
		m.add(t, entries...)
		if m.head.Size%8 == 0 || i == n {
			m.sign(t)
		}
	}
	return m
}

// clone copies everything an attacker may change.
func (m *memLog) clone() *memLog {
	c := &memLog{head: m.head, hashes: slices.Clone(m.hashes), checkpoints: slices.Clone(m.checkpoints), signer: m.signer}
	for _, r := range m.rows {
		c.rows = append(c.rows, StoredEntry{Entry: r.Entry, Leaf: r.Leaf, Texts: r.Texts})
	}
	return c
}

// read presents the log as the store would: rows by seq with the hash rows of that seq.
func (m *memLog) read(remembered ...[]byte) Log {
	rows := slices.Clone(m.rows)
	slices.SortStableFunc(rows, func(a, b StoredEntry) int { return int(max(-1, min(1, a.Entry.Seq-b.Entry.Seq))) })
	entries := func(yield func(StoredEntry, error) bool) {
		for _, r := range rows {
			if first, n := HashesOf(max(r.Entry.Seq, 0)); first+int64(n) <= int64(len(m.hashes)) {
				r.Hashes = m.hashes[first : first+int64(n)]
			}
			if !yield(r, nil) {
				return
			}
		}
	}
	return Log{Origin: testOrigin, VKeys: []string{m.signer.VKey()}, Entries: entries, Checkpoints: each(m.checkpoints), Size: m.head.Size, Root: m.head.Root, Remembered: remembered}
}

func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// rebuild recomputes leaves, hash rows and head from the rows' columns, as an attacker would.
func (m *memLog) rebuild(t testing.TB) {
	t.Helper()
	rows := m.rows
	m.head, m.hashes, m.rows = EmptyHead(), nil, nil
	for i, r := range rows {
		r.Entry.Seq = int64(i)
		leaf, err := Encode(r.Entry)
		if err != nil {
			t.Fatal(err)
		}
		r.Leaf = leaf
		a := m.head.Append([][]byte{leaf})
		m.head, m.hashes, m.rows = a.Head, append(m.hashes, a.Hashes...), append(m.rows, r)
	}
}

// resign replaces every checkpoint by one of the log as it is now: the stolen key.
func (m *memLog) resign(t testing.TB) {
	t.Helper()
	for i, c := range m.checkpoints {
		size := min(c.Size, m.head.Size)
		h, err := LoadHead(size, m)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := m.signer.Sign(h)
		if err != nil {
			t.Fatal(err)
		}
		m.checkpoints[i] = StoredCheckpoint{size, signed.Note}
	}
	m.checkpoints = slices.CompactFunc(m.checkpoints, func(a, b StoredCheckpoint) bool { return a.Size == b.Size })
}

func verify(t testing.TB, l Log) Report {
	t.Helper()
	r, err := Verify(l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
