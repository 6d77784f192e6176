package pim_test

import (
	"testing"

	"stint/internal/pim"
)

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1204: "1,204", -1204: "-1,204", -999: "-999", 100_000: "100,000", 5_000_001: "5,000,001"} {
		if got := pim.Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := pim.Plural(1, "role", "roles") + ", " + pim.Plural(1204, "role", "roles"); got != "1 role, 1,204 roles" {
		t.Error(got)
	}
}
