package broker

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"stint/internal/pim"
)

// BenchmarkJournal is what noting a grant outside the database adds to it: one wait for the disk, shared by
// all that wait at that moment.
func BenchmarkJournal(b *testing.B) {
	for _, wide := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d at once", wide), func(b *testing.B) {
			j := &journal{path: filepath.Join(b.TempDir(), "checkpoint.grants"), key: make([]byte, 32), open: map[Held]mark{}}
			if err := j.rewrite(); err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.SetParallelism(wide)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := j.begin(pim.Grant{TargetID: "dir", AccountID: fmt.Sprint(n.Add(1)), EntitlementID: "dba"}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
