package web

import (
	"testing"
	"time"
)

// Bars lie beside each other over the whole span, few enough for a phone, and whole days begin at midnight of the reader,
// also where a day has 23 or 25 hours.
func TestBarBounds(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 28, 13, 31, 12, 0, berlin)
	for _, span := range []time.Duration{0, time.Minute, 11 * time.Minute, time.Hour, 5 * time.Hour, 23 * time.Hour, 30 * time.Hour, 9 * day, 40 * day, 200 * day, 3 * 365 * day, 40 * 365 * day} {
		until := from.Add(span)
		bounds := barBounds(from, until)
		if len(bounds) < 2 || len(bounds) > maxBars+1 {
			t.Errorf("%s: %d bounds", span, len(bounds))
			continue
		}
		if bounds[0].After(from) || !bounds[len(bounds)-1].After(until) {
			t.Errorf("%s: from %s until %s", span, bounds[0], bounds[len(bounds)-1])
		}
		for i := 1; i < len(bounds); i++ {
			if !bounds[i].After(bounds[i-1]) {
				t.Errorf("%s: %s comes after %s", span, bounds[i], bounds[i-1])
			}
			if bounds[1].Sub(bounds[0]) >= 23*time.Hour && bounds[i].Hour() != 0 {
				t.Errorf("%s: a day begins at %s", span, bounds[i])
			}
		}
	}
}
