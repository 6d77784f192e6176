package audit

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// tlogHashes is the reference: one record after the other by tlog alone.
func tlogHashes(t interface{ Fatal(...any) }, leaves [][]byte) (stored []tlog.Hash, root tlog.Hash) {
	r := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, idx := range indexes {
			out[i] = stored[idx]
		}
		return out, nil
	})
	for i, leaf := range leaves {
		h, err := tlog.StoredHashes(int64(i), leaf, r)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, h...)
	}
	root, err := tlog.TreeHash(int64(len(leaves)), r)
	if err != nil {
		t.Fatal(err)
	}
	return stored, root
}

func TestAppendInAnySplitIsTlog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batches := rapid.SliceOfN(rapid.IntRange(0, 40), 0, 12).Draw(t, "batches")
		m := &memLog{head: EmptyHead()}
		var leaves [][]byte
		for _, n := range batches {
			var batch [][]byte
			for range n {
				batch = append(batch, fmt.Appendf(nil, "leaf %d", len(leaves)+len(batch)))
			}
			before := Head{m.head.Size, m.head.Root, append([]tlog.Hash(nil), m.head.Edge...)}
			a := m.head.Append(batch)
			if !reflect.DeepEqual(m.head, before) {
				t.Fatal("Append changed the head it started from")
			}
			if a.First != int64(len(m.hashes)) {
				t.Fatalf("first new hash at %d, %d are stored", a.First, len(m.hashes))
			}
			m.head, m.hashes, leaves = a.Head, append(m.hashes, a.Hashes...), append(leaves, batch...)
			loaded, err := LoadHead(m.head.Size, m)
			if err != nil || !reflect.DeepEqual(loaded, m.head) {
				t.Fatalf("loaded %+v (%v), have %+v", loaded, err, m.head)
			}
		}
		stored, root := tlogHashes(t, leaves)
		if len(stored) > 0 && !reflect.DeepEqual(m.hashes, stored) || m.head.Root != root || m.head.Size != int64(len(leaves)) {
			t.Fatalf("%d leaves in %v: root %v, tlog says %v", len(leaves), batches, m.head.Root, root)
		}
	})
}

func TestHashesOf(t *testing.T) {
	next := int64(0)
	for seq := range int64(300) {
		first, n := HashesOf(seq)
		if first != next {
			t.Fatalf("hashes of entry %d start at %d, want %d", seq, first, next)
		}
		next += int64(n)
		if next != tlog.StoredHashCount(seq+1) {
			t.Fatalf("after entry %d there are %d hashes, tlog says %d", seq, next, tlog.StoredHashCount(seq+1))
		}
	}
}

func TestLoadHeadRefuses(t *testing.T) {
	m := filledLog(t, 21)
	if _, err := LoadHead(-1, m); err == nil {
		t.Error("a negative size was loaded")
	}
	if _, err := LoadHead(22, m); err == nil {
		t.Error("a head beyond the stored hashes was loaded")
	}
	short := tlog.HashReaderFunc(func(i []int64) ([]tlog.Hash, error) { return make([]tlog.Hash, len(i)-1), nil })
	if _, err := LoadHead(21, short); err == nil {
		t.Error("missing hash rows were not noticed")
	}
	fault := errors.New("disk")
	broken := tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, fault })
	if _, err := LoadHead(21, broken); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkAppend(b *testing.B) { // one leaf: encode and hash, in batches of 16
	h, leaves := EmptyHead(), make([][]byte, 0, 16)
	for i := 0; b.Loop(); i++ {
		e := sample(i)
		e.Seq = int64(i)
		leaf, err := Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		if leaves = append(leaves, leaf); len(leaves) == 16 {
			h, leaves = h.Append(leaves).Head, leaves[:0]
		}
	}
}

func BenchmarkVerify(b *testing.B) { // 100,000 entries with hashes, texts and replay
	m := newMemLog(b)
	for i := range 100_000 {
		m.add(b, sample(i))
		if i%1000 == 999 {
			m.sign(b)
		}
	}
	l := m.read()
	for b.Loop() {
		l.Replay = NewStories().Replay
		if r := verify(b, l); !r.OK() || r.Size != 100_000 {
			b.Fatal(r.Findings)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100_000, "µs/entry")
}
