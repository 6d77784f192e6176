package pim_test

import (
	"testing"

	"stint/internal/pim"
)

// A stop says only what is there to say.
func TestSyncStopWords(t *testing.T) {
	settings := pim.SyncSettings{MaxShare: 10}
	for want, c := range map[string]pim.SyncCounts{
		"40 of 100 people would be disabled: they are gone from the directory. At most 10 percent may go in one run.":                         {Read: 60, Missing: 40},
		"40 of 100 people would be disabled: they are disabled in the directory. At most 10 percent may go in one run.":                       {Read: 100, Disabled: 40},
		"40 of 100 people would be disabled: 30 are disabled in the directory and 10 are gone from it. At most 10 percent may go in one run.": {Read: 90, Disabled: 30, Missing: 10},
		"The directory answered with nobody at all.": {},
		"": {Read: 100, Missing: 10},
	} {
		if got := settings.Stop(c, 100, 0); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}
