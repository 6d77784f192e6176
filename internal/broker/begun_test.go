package broker

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

// T5, T38: a begun sign-in counts once; whoever fills the memory of them with begun ones of their own keeps nobody
// else from signing in.
func TestBegunSignInsAreBoundedWithoutALockout(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var seen taken
	id := func(n uint64) [sha256.Size]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, n)) }
	for n := range uint64(maxTaken) {
		if !seen.once(id(n), now, now.Add(10*time.Minute)) {
			t.Fatalf("the first answer %d does not count", n)
		}
	}
	if seen.once(id(7), now, now.Add(10*time.Minute)) {
		t.Error("an answer counts twice")
	}
	if !seen.once(id(maxTaken), now, now.Add(10*time.Minute)) || seen.once(id(maxTaken), now, now.Add(10*time.Minute)) {
		t.Error("nobody can sign in any more, or twice with one answer")
	}
	if len(seen.ends) > maxTaken {
		t.Errorf("%d are remembered", len(seen.ends))
	}
}
