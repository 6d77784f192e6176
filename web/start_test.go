package web

import (
	"strings"
	"testing"
	"time"
)

// EC-32, R-06: local times around the changes of clocks, and what is no time at all.
func TestParseStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		when, wall, zone string
		want             string // UTC; "" refused
		words            string // of the refusal or the note
	}{
		{"at", "2026-11-26T22:00", "UTC", "2026-11-26T22:00:00Z", ""},
		{"at", "2026-11-26T22:00", "Europe/Berlin", "2026-11-26T21:00:00Z", ""},
		{"at", "2026-11-26T22:00:30", "Europe/Berlin", "2026-11-26T21:00:30Z", ""},
		{"at", "2026-11-26T22:00", "", "2026-11-26T22:00:00Z", ""},
		{"at", "2026-11-26T22:00", "Local", "2026-11-26T22:00:00Z", ""},
		{"at", "2026-11-26T22:00", "../../etc/passwd", "2026-11-26T22:00:00Z", ""},
		{"at", "2027-03-28T01:59", "Europe/Berlin", "2027-03-28T00:59:00Z", ""},
		{"at", "2027-03-28T02:00", "Europe/Berlin", "", "There is no 02:00 on 2027-03-28 in Europe/Berlin: the clocks go forward then. Choose 03:00 instead."},
		{"at", "2027-03-28T02:30", "Europe/Berlin", "", "Choose 03:30 instead."},
		{"at", "2027-03-28T03:00", "Europe/Berlin", "2027-03-28T01:00:00Z", ""},
		{"at", "2027-10-31T02:30", "Europe/Berlin", "2027-10-31T00:30:00Z", "02:30 comes twice that night; the first is meant, 02:30 CEST."},
		{"at", "2027-10-31T03:00", "Europe/Berlin", "2027-10-31T02:00:00Z", ""},
		{"at", "2027-03-14T02:15", "America/New_York", "", "Choose 03:15 instead."},
		{"at", "2027-10-03T02:10", "Australia/Lord_Howe", "", "Choose 02:40 instead."},
		{"now", "2026-11-26T22:00", "UTC", "", "Now is chosen"},
		{"at", "", "UTC", "", "Choose a day and a time"},
		{"at", "tomorrow", "UTC", "", "Choose a day and a time"},
		{"at", "２０２６-11-26T22:00", "UTC", "", "Choose a day and a time"},
		{"at", "2026-11-31T22:00", "UTC", "", "Choose a day and a time"},
		{"at", "99999-01-01T00:00", "UTC", "", "Choose a day and a time"},
		{"at", "2036-11-26T22:00", "UTC", "2036-11-26T22:00:00Z", ""}, // too far: the rules say the limit
	} {
		got, err := parseStart(c.when, c.wall, c.zone)
		text := got.note
		if err != nil {
			text = err.Error()
		}
		if (err == nil) != (c.want != "") || err == nil && got.at.Format(time.RFC3339) != c.want || !strings.Contains(text, c.words) || c.words == "" && got.note != "" {
			t.Errorf("%s in %s: %v %q, %v", c.wall, c.zone, got.at, got.note, err)
		}
	}
	if got, err := parseStart("now", "", "rubbish"); err != nil || !got.at.IsZero() {
		t.Errorf("now: %v, %v", got, err)
	}
}

func TestComesTwice(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2027, 10, 31, 0, 30, 0, 0, time.UTC)
	for hours, want := range []string{"the first", "the second", ""} {
		if got := comesTwice(at.Add(time.Duration(hours)*time.Hour), berlin); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%d: %q", hours, got)
		}
	}
}

// No text gives an instant that the clocks of its zone show otherwise.
func FuzzStart(f *testing.F) {
	for _, seed := range [][2]string{{"2027-03-28T02:30", "Europe/Berlin"}, {"2027-10-31T02:30", "Europe/Berlin"}, {"x", ""}, {"0000-01-01T00:00", "Asia/Tokyo"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, wall, zone string) {
		got, err := parseStart("at", wall, zone)
		if err != nil {
			return
		}
		loc := time.UTC
		if zone != "" && knownZone(zone) {
			loc, _ = time.LoadLocation(zone)
		}
		if local, ok := parseWall(wall); !ok || got.at.In(loc).Format(time.DateTime) != local.Format(time.DateTime) {
			t.Errorf("%q in %q is %v", wall, zone, got.at)
		}
	})
}
