package audit

import (
	"fmt"
	"testing"
)

// BenchmarkReplay is what 100,000 entries of activations mean, beside the check of their bytes.
func BenchmarkReplay(b *testing.B) {
	var entries []Entry
	for i := 0; len(entries) < 100_000; i++ {
		id, grant := fmt.Sprint("act", i), fmt.Sprint("grant", i)
		for _, e := range []Entry{
			{Type: "activation.requested", Facts: map[string]any{"verdicts": map[string]any{"approval": "todo"}}},
			{Type: "activation.approval_requested", Facts: map[string]any{"quorum": int64(1)}},
			{Type: "activation.approved", Actor: "bob"},
			{Type: "activation.provisioning"},
			{Type: "grant.confirmed", ObjectID: grant, Facts: map[string]any{"seen": "present"}},
			{Type: "activation.confirmed"},
			{Type: "activation.ended"},
			{Type: "grant.confirmed_gone", ObjectID: grant, Facts: map[string]any{"seen": "absent"}},
			{Type: "activation.settled", Facts: map[string]any{"outcomes": map[string]any{grant: "gone"}}},
		} {
			e.Seq, e.Correlation, e.Subject, e.Result = int64(len(entries)), id, "alice", ResultOK
			entries = append(entries, e)
		}
	}
	for b.Loop() {
		stories := NewStories()
		for _, e := range entries[:100_000] {
			if err := stories.Replay(e); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/100,000")
}
