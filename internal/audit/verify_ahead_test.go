package audit

import (
	"errors"
	"slices"
	"testing"
)

// Whatever is read ahead, a verdict is about the rows in their order, and what cannot be read is an error only where it comes
// before anything bad.
func TestVerifyAheadKeepsTheOrder(t *testing.T) {
	const size = 3*rowsAtOnce*rowsAhead + 7
	good := filledLog(t, size)
	broken := errors.New("the disk is gone")
	for _, at := range []int{0, 1, rowsAtOnce - 1, rowsAtOnce, rowsAtOnce * rowsAhead, size - 1} {
		m := good.clone()
		m.rows[at].Leaf = append(slices.Clone(m.rows[at].Leaf), ' ')
		for _, failing := range []int{at, min(at+1, size-1), size} {
			l := m.read()
			rows, n := l.Entries, 0
			l.Entries = func(yield func(StoredEntry, error) bool) {
				for row := range rows {
					if n == failing {
						yield(StoredEntry{}, broken)
						return
					}
					n++
					if !yield(row, nil) {
						return
					}
				}
			}
			r, err := Verify(l)
			if failing <= at {
				if !errors.Is(err, broken) || r.Size != int64(failing) {
					t.Fatalf("unreadable at %d: %v, %d entries", failing, err, r.Size)
				}
				continue
			}
			if err != nil {
				t.Fatalf("bad at %d, unreadable at %d: %v", at, failing, err)
			}
			expectFirst(t, r, int64(at), int64(at))
		}
	}
}
