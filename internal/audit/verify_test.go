package audit

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

func TestVerifyGoodLog(t *testing.T) {
	for n := range 40 {
		m := filledLog(t, n)
		kept := m.sign(t).Note
		var seen int64
		l := m.read(kept)
		l.Checkpoints = each(slices.CompactFunc(m.checkpoints, func(a, b StoredCheckpoint) bool { return a.Size == b.Size }))
		l.Replay = func(e Entry) error {
			if e.Seq != seen {
				t.Errorf("replayed %d, want %d", e.Seq, seen)
			}
			seen++
			return nil
		}
		r := verify(t, l)
		if !r.OK() || r.Size != int64(n) || r.Root != m.head.Root || r.Signed != int64(n) || seen != int64(n) || len(r.Erased) != 0 {
			t.Fatalf("%d entries: %+v", n, r)
		}
	}
}

// flips changes one byte of one stored column and returns the first bad seq an honest verifier names.
var flips = map[string]func(*memLog, *rand.Rand, int) int64{
	"seq": func(m *memLog, r *rand.Rand, i int) int64 {
		m.rows[i].Entry.Seq ^= 1 << r.IntN(40)
		return min(int64(i), m.rows[i].Entry.Seq)
	},
	"at": func(m *memLog, r *rand.Rand, i int) int64 {
		e := &m.rows[i].Entry
		e.At = time.UnixMicro(e.At.UnixMicro() ^ 1<<r.IntN(50))
		return int64(i)
	},
	"type":        flipColumn(func(e *Entry) *string { return &e.Type }),
	"actor":       flipColumn(func(e *Entry) *string { return &e.Actor }),
	"subject":     flipColumn(func(e *Entry) *string { return &e.Subject }),
	"role":        flipColumn(func(e *Entry) *string { return &e.RoleID }),
	"resource":    flipColumn(func(e *Entry) *string { return &e.ResourceID }),
	"target":      flipColumn(func(e *Entry) *string { return &e.TargetID }),
	"object":      flipColumn(func(e *Entry) *string { return &e.ObjectID }),
	"correlation": flipColumn(func(e *Entry) *string { return &e.Correlation }),
	"result":      flipColumn(func(e *Entry) *string { return &e.Result }),
	"leaf": func(m *memLog, r *rand.Rand, i int) int64 {
		m.rows[i].Leaf = flip(r, m.rows[i].Leaf)
		return int64(i)
	},
	"hash": func(m *memLog, r *rand.Rand, i int) int64 {
		first, n := HashesOf(int64(i))
		m.hashes[first+int64(r.IntN(n))][r.IntN(32)] ^= 1 << r.IntN(8)
		return int64(i)
	},
	"text value": flipText(func(r *rand.Rand, t Text) Text { t.Value = string(flip(r, []byte(t.Value))); return t }),
	"text salt":  flipText(func(r *rand.Rand, t Text) Text { t.Salt = flip(r, t.Salt); return t }),
	"text field": func(m *memLog, r *rand.Rand, i int) int64 {
		m.rows[i].Texts = map[string]Text{string(flip(r, []byte("reason"))): m.rows[i].Texts["reason"]}
		return int64(i)
	},
}

func flip(r *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	return b
}

func flipColumn(column func(*Entry) *string) func(*memLog, *rand.Rand, int) int64 {
	return func(m *memLog, r *rand.Rand, i int) int64 {
		c := column(&m.rows[i].Entry)
		*c = string(flip(r, []byte(*c)))
		return int64(i)
	}
}

func flipText(change func(*rand.Rand, Text) Text) func(*memLog, *rand.Rand, int) int64 {
	return func(m *memLog, r *rand.Rand, i int) int64 {
		m.rows[i].Texts = map[string]Text{"reason": change(r, m.rows[i].Texts["reason"])}
		return int64(i)
	}
}

func TestVerifyNamesEveryFlippedByte(t *testing.T) { // T20: each column of 1,000 random rows
	const size = 18
	good := filledLog(t, size)
	for _, column := range slices.Sorted(maps.Keys(flips)) {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(20, 26))
			for range 1000 {
				m, i := good.clone(), r.IntN(size)
				want := flips[column](m, r, i)
				expectFirst(t, verify(t, m.read()), want, want)
			}
		})
	}
}

func expectFirst(t testing.TB, r Report, seq, through int64) {
	t.Helper()
	f, ok := r.First()
	if !ok || f.Seq != seq || f.Through != through {
		t.Fatalf("want entries %d to %d named, got %+v", seq, through, r.Findings)
	}
	if r.OK() {
		t.Fatal("called good all the same")
	}
	if prefix := fmt.Sprintf("entry %d: ", seq); seq == through && !strings.HasPrefix(f.String(), prefix) {
		t.Fatalf("%q does not begin with %q", f, prefix)
	}
}

func TestVerifyFindsMovedRows(t *testing.T) { // T20: delete, swap, insert, cut; hash rows untouched
	good := filledLog(t, 50)
	whole := good.checkpoints[len(good.checkpoints)-1].Note
	for i := range 50 {
		m := good.clone()
		m.rows = slices.Delete(m.rows, i, i+1)
		expectFirst(t, verify(t, m.read()), int64(i), int64(i))

		m = good.clone() // deleted and closed up
		m.rows = slices.Delete(m.rows, i, i+1)
		for j := i; j < len(m.rows); j++ {
			m.rows[j].Entry.Seq--
		}
		expectFirst(t, verify(t, m.read()), int64(i), int64(i))

		m = good.clone() // deleted and another put in its place
		m.rows[i].Entry.Actor = "somebody-else"
		m.rows[i].Leaf, _ = Encode(m.rows[i].Entry)
		expectFirst(t, verify(t, m.read()), int64(i), int64(i))

		if j := (i + 7) % 50; j > i {
			m = good.clone()
			m.rows[i], m.rows[j] = m.rows[j], m.rows[i]
			m.rows[i].Entry.Seq, m.rows[j].Entry.Seq = int64(i), int64(j)
			expectFirst(t, verify(t, m.read()), int64(i), int64(i))
		}

		m = good.clone() // the tail cut off with everything that speaks of it in the database
		m.rows = m.rows[:i]
		m.head, _ = LoadHead(int64(i), m)
		m.hashes = m.hashes[:hashCount(int64(i))]
		m.checkpoints = slices.DeleteFunc(m.checkpoints, func(c StoredCheckpoint) bool { return c.Size > int64(i) })
		if r := verify(t, m.read()); !r.OK() {
			t.Fatalf("nothing inside the database shows a clean cut, yet: %v", r.Findings)
		}
		expectFirst(t, verify(t, m.read(whole)), int64(i), 49)
	}
}

func hashCount(size int64) int64 { first, _ := HashesOf(size); return first }

func TestVerifyFindsRewrittenLogs(t *testing.T) { // T20: everything recomputed, without and with the key
	good := filledLog(t, 50)
	whole := good.checkpoints[len(good.checkpoints)-1].Note
	var all [][]byte
	for _, c := range good.checkpoints {
		all = append(all, c.Note)
	}
	rewrites := map[string]func(*memLog, int){
		"change": func(m *memLog, i int) { m.rows[i].Entry.Actor = "somebody-else" },
		"delete": func(m *memLog, i int) { m.rows = slices.Delete(m.rows, i, i+1) },
		"insert": func(m *memLog, i int) { m.rows = slices.Insert(m.rows, i, m.rows[(i+9)%50]) },
		"swap":   func(m *memLog, i int) { j := (i + 1) % 50; m.rows[i], m.rows[j] = m.rows[j], m.rows[i] },
	}
	for name, rewrite := range rewrites {
		t.Run(name, func(t *testing.T) {
			for i := range 49 {
				m := good.clone()
				rewrite(m, i)
				m.rebuild(t)
				from := int64(i) / 8 * 8
				if through := min(from+7, 49); through < m.head.Size {
					expectFirst(t, verify(t, m.read()), from, through) // no key: the next kept checkpoint
				}
				m.resign(t)
				if r := verify(t, m.read()); !r.OK() {
					t.Fatalf("a log re-signed with the key agrees with itself, yet: %v", r.Findings)
				}
				r := verify(t, m.read(whole))
				cut := name == "delete" && !r.OK() && strings.HasSuffix(r.Findings[0].What, "entries 0 to 48, one of them may have been removed instead")
				if !cut && (r.OK() || r.Findings[0].Seq > int64(i) || r.Findings[0].Through < int64(i)) {
					t.Fatalf("entry %d rewritten, one remembered checkpoint: %v", i, r.Findings)
				}
				r = verify(t, m.read(all...))
				if name == "delete" && i == 48 { // looks like a cut tail; the words say so
					if r.OK() || !strings.Contains(r.Findings[0].What, "entries 48 to 48, one of them may") {
						t.Fatal(r.Findings)
					}
					continue
				}
				if r.OK() || r.Findings[0].Seq != from || r.Findings[0].Through < int64(i) || r.Findings[0].Through > from+7 {
					t.Fatalf("entry %d rewritten, all remembered: %v", i, r.Findings)
				}
			}
		})
	}
}

func TestVerifyNamesDamagedCheckpointsAndGoesOn(t *testing.T) {
	m := filledLog(t, 40)
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		bad := m.clone()
		bad.checkpoints[1].Note = flip(r, bad.checkpoints[1].Note)
		rep := verify(t, bad.read())
		if len(rep.Findings) != 1 || rep.Findings[0].Checkpoint != 16 || rep.Findings[0].Seq != -1 || rep.Size != 40 || rep.Signed != 40 {
			t.Fatalf("%q: %+v", bad.checkpoints[1].Note, rep)
		}
		if !strings.HasPrefix(rep.Findings[0].String(), "checkpoint of 16 entries: ") {
			t.Fatal(rep.Findings[0])
		}
	}
	bad := m.clone()
	bad.checkpoints[1].Size = 17
	if rep := verify(t, bad.read()); len(rep.Findings) != 1 || !strings.Contains(rep.Findings[0].What, "wrong size") {
		t.Error(rep.Findings)
	}
	bad = m.clone()
	bad.checkpoints[0], bad.checkpoints[1] = bad.checkpoints[1], bad.checkpoints[0]
	if rep := verify(t, bad.read()); len(rep.Findings) != 1 || rep.Findings[0].Checkpoint != 8 {
		t.Error(rep.Findings)
	}
	other := testSigner(t) // a key that is not the log's
	forged, _ := other.Sign(m.head)
	bad = m.clone()
	bad.checkpoints = append(bad.checkpoints[:4], StoredCheckpoint{40, forged.Note})
	if rep := verify(t, bad.read()); rep.OK() || rep.Signed != 32 {
		t.Errorf("%+v", rep)
	}
	if rep := verify(t, m.read(forged.Note)); rep.OK() || !strings.Contains(rep.Findings[0].String(), "kept outside") {
		t.Errorf("a remembered checkpoint by another key passed: %+v", rep)
	}
}

func TestVerifyComparesTheHeadRow(t *testing.T) {
	m := filledLog(t, 20)
	l := m.read()
	l.Size, l.Checkpoints = 25, nil
	expectFirst(t, verify(t, l), 20, 24)
	l.Size = 12
	if r := verify(t, l); r.OK() || r.Findings[0].Seq != 12 {
		t.Errorf("%+v", r)
	}
	l.Size, l.Root = 20, m.hashes[0]
	if r := verify(t, l); len(r.Findings) != 1 || !strings.Contains(r.Findings[0].String(), "head row records another root") {
		t.Errorf("%+v", r)
	}
	l.Size, l.Root = -1, tlog.Hash{}
	if r := verify(t, l); !r.OK() || r.Signed != 0 {
		t.Errorf("%+v", r)
	}
}

func TestVerifyReportsErasedTextsAndStaysGood(t *testing.T) { // THREATS §5, erasure
	m := filledLog(t, 20)
	for _, i := range []int{3, 4, 11} {
		m.rows[i].Texts = nil
	}
	r := verify(t, m.read())
	if !r.OK() || r.Erased["reason"] != 3 || r.Root != m.head.Root {
		t.Errorf("%+v", r)
	}
	m.rows[5].Texts = map[string]Text{"reason": {Salt: nil, Value: "because"}} // an unreadable salt
	expectFirst(t, verify(t, m.read()), 5, 5)
}

func TestVerifyRefusesLeavesThatAreNoEntries(t *testing.T) {
	m := filledLog(t, 20)
	a := m.head.Append([][]byte{[]byte(`{"v":1}`)}) // hashed properly, by somebody who has the key
	m.head, m.hashes = a.Head, append(m.hashes, a.Hashes...)
	m.rows = append(m.rows, StoredEntry{Entry: Entry{Seq: 20}, Leaf: []byte(`{"v":1}`)})
	m.sign(t)
	expectFirst(t, verify(t, m.read()), 20, 20)
}

func TestFirstIsTheLowestPlace(t *testing.T) {
	other, check, entry := Finding{-1, -1, -1, "other"}, Finding{-1, -1, 9, "checkpoint"}, Finding{12, 12, -1, "entry"}
	for _, c := range []struct {
		findings []Finding
		want     Finding
	}{{[]Finding{other, entry, check}, check}, {[]Finding{other, entry}, entry}, {[]Finding{other}, other}} {
		if got, ok := (Report{Findings: c.findings}).First(); !ok || got != c.want {
			t.Errorf("first of %v is %v", c.findings, got)
		}
	}
	if _, ok := (Report{}).First(); ok {
		t.Error("a good log has a first finding")
	}
}

func TestVerifyCarriesReadErrorsOut(t *testing.T) {
	m, fault := filledLog(t, 20), errors.New("disk")
	l := m.read()
	l.Entries = func(yield func(StoredEntry, error) bool) {
		for row, err := range m.read().Entries {
			if row.Entry.Seq == 9 {
				yield(StoredEntry{}, fault)
				return
			}
			if !yield(row, err) {
				return
			}
		}
	}
	if r, err := Verify(l); !errors.Is(err, fault) || r.Size != 9 {
		t.Errorf("%+v, %v", r, err)
	}
	l = m.read()
	l.Checkpoints = func(yield func(StoredCheckpoint, error) bool) { yield(StoredCheckpoint{}, fault) }
	if _, err := Verify(l); !errors.Is(err, fault) {
		t.Error(err)
	}
}

func TestVerifyBoundsReplayFindings(t *testing.T) {
	l := filledLog(t, 150).read()
	l.Replay = func(e Entry) error { return errors.New("no") }
	r := verify(t, l)
	if len(r.Findings) != MaxFindings || r.More != 50 || r.Size != 150 {
		t.Errorf("%d findings, %d more, size %d", len(r.Findings), r.More, r.Size)
	}
}

func TestVerifyShowsADeclaredRestoreAsAGap(t *testing.T) { // THREATS §5, rollback
	m := filledLog(t, 40)
	lost := m.checkpoints[len(m.checkpoints)-1].Note // of 40 entries, kept outside
	back := m.clone()                                // the backup held 20
	back.rows, back.hashes = back.rows[:20], back.hashes[:hashCount(20)]
	back.head, _ = LoadHead(20, back)
	back.checkpoints = back.checkpoints[:2]
	second, err := m.signer.ForOrigin(testOrigin + "/2")
	if err != nil {
		t.Fatal(err)
	}
	back.signer = second
	silent := back.read(lost)
	silent.Origin, silent.VKeys = second.Origin(), []string{m.signer.VKey(), second.VKey()}
	expectFirst(t, verify(t, silent), 20, 39) // undeclared

	opened := sample(20)
	opened.Type, opened.Actor = "epoch.opened", "system"
	back.add(t, opened)
	for i := range 30 {
		back.add(t, sample(i))
	}
	kept := back.sign(t).Note
	l := back.read(lost, kept)
	l.Origin, l.VKeys = second.Origin(), silent.VKeys
	r := verify(t, l)
	if !r.OK() || len(r.Gaps) != 1 || r.Gaps[0].Checkpoint != 40 || r.Signed != 51 {
		t.Fatalf("%+v", r)
	}
	if !strings.Contains(r.Gaps[0].What, "entry 20 declares a restore") {
		t.Error(r.Gaps[0].What)
	}
	back.rows[7].Entry.Actor = "somebody-else" // a declared restore excuses nothing before it
	back.rebuild(t)
	l = back.read(m.checkpoints[1].Note)
	l.Origin, l.VKeys, l.Checkpoints = second.Origin(), silent.VKeys, nil
	expectFirst(t, verify(t, l), 0, 15)
}
