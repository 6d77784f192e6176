package audit

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// randomChanges are what somebody with the database does to it once, and whether the first wrong entry is then known
// exactly. A change with the key is found by a remembered checkpoint alone.
var randomChanges = []struct {
	name string
	do   func(*testing.T, *memLog, *rand.Rand) (at int)
	key  bool
}{
	{"edit a stored byte", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		columns := slices.Sorted(maps.Keys(flips))
		return int(flips[columns[r.IntN(len(columns))]](m, r, r.IntN(len(m.rows))))
	}, false},
	{"edit an entry with its columns", func(t *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows))
		forge(t, &m.rows[i], r)
		return i
	}, false},
	{"edit an entry with its columns and hash", func(t *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows))
		forge(t, &m.rows[i], r)
		first, _ := HashesOf(int64(i))
		m.hashes[first] = EmptyHead().Append([][]byte{m.rows[i].Leaf}).Hashes[0]
		return i
	}, false},
	{"edit the head row", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		if r.IntN(2) == 0 {
			m.head.Size += 1 + r.Int64N(9)
			return len(m.rows)
		}
		m.head.Root[r.IntN(32)] ^= 1 << r.IntN(8)
		return -1
	}, false},
	{"edit a checkpoint", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		c := &m.checkpoints[r.IntN(len(m.checkpoints))]
		c.Note = flip(r, c.Note)
		return -1
	}, false},
	{"swap two checkpoints", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i, j := two(r, len(m.checkpoints))
		m.checkpoints[i].Note, m.checkpoints[j].Note = m.checkpoints[j].Note, m.checkpoints[i].Note
		return -1
	}, false},
	{"delete", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows))
		m.rows = slices.Delete(m.rows, i, i+1)
		return i
	}, false},
	{"delete and close up", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows))
		m.rows = slices.Delete(m.rows, i, i+1)
		for j := i; j < len(m.rows); j++ {
			m.rows[j].Entry.Seq--
		}
		return i
	}, false},
	{"swap two entries", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i, j := two(r, len(m.rows))
		m.rows[i], m.rows[j] = m.rows[j], m.rows[i]
		m.rows[i].Entry.Seq, m.rows[j].Entry.Seq = int64(i), int64(j)
		return i
	}, false},
	{"swap two hashes", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i, j := two(r, len(m.hashes))
		m.hashes[i], m.hashes[j] = m.hashes[j], m.hashes[i]
		return -1
	}, false},
	{"insert again", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i, j := two(r, len(m.rows))
		row := m.rows[j]
		row.Entry.Seq = int64(i)
		m.rows[i] = row
		return i
	}, false},
	{"insert twice", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows) - 1)
		m.rows = slices.Insert(m.rows, i, m.rows[i])
		return i
	}, false},
	{"truncate", func(_ *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows))
		m.rows = m.rows[:i]
		return i
	}, false},
	{"truncate with all that speaks of it", func(t *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows))
		m.rows, m.hashes = m.rows[:i], m.hashes[:hashCount(int64(i))]
		m.head = headOf(t, m, int64(i))
		m.checkpoints = slices.DeleteFunc(m.checkpoints, func(c StoredCheckpoint) bool { return c.Size > int64(i) })
		return i
	}, true},
	{"edit and hash anew", rewriting(func(t *testing.T, m *memLog, r *rand.Rand, i int) { forge(t, &m.rows[i], r) }), false},
	{"delete and hash anew", rewriting(func(_ *testing.T, m *memLog, _ *rand.Rand, i int) { m.rows = slices.Delete(m.rows, i, i+1) }), false},
	{"insert and hash anew", rewriting(func(_ *testing.T, m *memLog, r *rand.Rand, i int) {
		m.rows = slices.Insert(m.rows, i, m.rows[r.IntN(len(m.rows)-1)]) // the last one again would be one more, as Stint adds it
	}), false},
	{"edit and sign anew", signing(func(t *testing.T, m *memLog, r *rand.Rand, i int) { forge(t, &m.rows[i], r) }), true},
	{"delete and sign anew", signing(func(_ *testing.T, m *memLog, _ *rand.Rand, i int) { m.rows = slices.Delete(m.rows, i, i+1) }), true},
	{"swap and sign anew", signing(func(_ *testing.T, m *memLog, r *rand.Rand, i int) {
		j := (i + 1) % len(m.rows)
		m.rows[i], m.rows[j] = m.rows[j], m.rows[i]
	}), true},
	{"insert and sign anew", signing(func(_ *testing.T, m *memLog, r *rand.Rand, i int) {
		row := m.rows[r.IntN(len(m.rows))]
		row.Entry.Actor = "somebody-else"
		m.rows = slices.Insert(m.rows, i, row)
	}), true},
	{"truncate and sign anew", func(t *testing.T, m *memLog, r *rand.Rand) int {
		i := 1 + r.IntN(len(m.rows)-1)
		m.rows = m.rows[:i]
		m.rebuild(t)
		m.resign(t)
		return i
	}, true},
}

func two(r *rand.Rand, n int) (i, j int) {
	i = r.IntN(n - 1)
	return i, i + 1 + r.IntN(n-1-i)
}

func headOf(t *testing.T, m *memLog, size int64) Head {
	t.Helper()
	h, err := LoadHead(size, m)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// forge makes an entry say something else, in every way that an entry can be written.
func forge(t *testing.T, row *StoredEntry, r *rand.Rand) {
	t.Helper()
	e := row.Entry
	e.Facts = maps.Clone(e.Facts)
	switch r.IntN(4) {
	case 0:
		e.Actor = fmt.Sprint("forged-", r.Uint32())
	case 1:
		e.Facts["ends_at"] = r.Int64N(1 << 50)
	case 2:
		e.Result = map[string]string{ResultOK: ResultRefused, ResultRefused: ResultOK}[e.Result]
	default:
		e.At = e.At.Add(time.Duration(1+r.IntN(1e6)) * time.Microsecond)
	}
	leaf, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	row.Entry, row.Leaf = e, leaf
}

func rewriting(change func(*testing.T, *memLog, *rand.Rand, int)) func(*testing.T, *memLog, *rand.Rand) int {
	return func(t *testing.T, m *memLog, r *rand.Rand) int {
		i := r.IntN(len(m.rows))
		change(t, m, r, i)
		m.rebuild(t)
		return i
	}
}

func signing(change func(*testing.T, *memLog, *rand.Rand, int)) func(*testing.T, *memLog, *rand.Rand) int {
	return func(t *testing.T, m *memLog, r *rand.Rand) int {
		i := rewriting(change)(t, m, r)
		m.resign(t)
		return min(i, len(m.rows)-1)
	}
}

// seed is another one each time; STINT_SEED repeats one.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("STINT_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// T20: of 10,000 random single changes to the tables of the log every one is found. Without the key the database itself
// shows it, at the entry that was touched or between the checkpoints around it; with the key a remembered checkpoint does,
// and the words for it are right.
func TestTenThousandRandomChanges(t *testing.T) {
	base := seed(t)
	logs := map[int]*memLog{20: filledLog(t, 20), 29: filledLog(t, 29), 300: filledLog(t, 300)}
	const shards, each = 4, 2500
	for shard := range shards {
		t.Run(strconv.Itoa(shard), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(base, uint64(shard))) // #nosec G115 -- small
			for n := range each {
				size := []int{20, 29}[r.IntN(2)]
				if n%50 == 0 {
					size = 300
				}
				good := logs[size]
				c := randomChanges[r.IntN(len(randomChanges))]
				m := good.clone()
				at := c.do(t, m, r)
				if problem := found(t, good, m, at, c.key); problem != "" {
					t.Fatalf("STINT_SEED=%d, change %d of shard %d, %q in a log of %d at entry %d: %s", base, n, shard, c.name, size, at, problem)
				}
			}
		})
	}
}

// found says what is wrong with how a changed log is judged, or "".
func found(t *testing.T, good, m *memLog, at int, key bool) string {
	whole := good.checkpoints[len(good.checkpoints)-1]
	alone, with := verify(t, m.read()), verify(t, m.read(whole.Note))
	f, bad := with.First()
	switch {
	case !bad:
		return "not found"
	case key && !alone.OK():
		return "found without a remembered checkpoint: " + alone.Findings[0].String()
	case !key && alone.OK() && m.head.Size >= whole.Size:
		return "found with a remembered checkpoint alone"
	case key && with.Truncated == with.Rewritten:
		return fmt.Sprintf("truncated %v, rewritten %v", with.Truncated, with.Rewritten)
	case key && with.Truncated != (m.head.Size < whole.Size):
		return fmt.Sprintf("%d entries are left and it is called truncated: %v", m.head.Size, with.Truncated)
	case at < 0 || strings.Contains(f.What, "one of them may have been removed instead"):
		return ""
	case f.Seq > int64(at)+8 || f.Seq >= 0 && max(f.Through, f.Seq+8) < int64(at):
		return "named elsewhere: " + f.String()
	}
	return ""
}
