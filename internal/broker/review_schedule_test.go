package broker

import (
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
)

func starts(t *testing.T, s pim.ReviewSchedule, n int) (out []string) {
	t.Helper()
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := reviewsAfter(s, s.StartsAt, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range at {
		out = append(out, v.In(zone).Format("2006-01-02 15:04"))
	}
	return out
}

// W-12, W-14: when the reviews of a series begin, by the wall clock of its zone, over ends of daylight saving and through
// months that are too short.
func TestReviewStarts(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(y int, m time.Month, d, h, min int) time.Time { return time.Date(y, m, d, h, min, 0, 0, berlin) }
	for _, c := range []struct {
		name  string
		s     pim.ReviewSchedule
		first string
	}{
		{"once", pim.ReviewSchedule{Frequency: pim.ReviewOnce, StartsAt: at(2027, 1, 31, 9, 0)}, "2027-01-31 09:00"},
		{"weekly over the spring", pim.ReviewSchedule{Frequency: pim.ReviewWeekly, StartsAt: at(2027, 3, 22, 9, 0)}, "2027-03-22 09:00, 2027-03-29 09:00, 2027-04-05 09:00"},
		{"monthly on the last day", pim.ReviewSchedule{Frequency: pim.ReviewMonthly, StartsAt: at(2028, 1, 31, 9, 0)}, "2028-01-31 09:00, 2028-02-29 09:00, 2028-03-31 09:00"},
		{"monthly on the 30th", pim.ReviewSchedule{Frequency: pim.ReviewMonthly, StartsAt: at(2027, 1, 30, 9, 0)}, "2027-01-30 09:00, 2027-02-28 09:00, 2027-03-30 09:00"},
		{"quarterly over the autumn", pim.ReviewSchedule{Frequency: pim.ReviewQuarterly, StartsAt: at(2027, 9, 1, 9, 0)}, "2027-09-01 09:00, 2027-12-01 09:00, 2028-03-01 09:00"},
		{"half-yearly", pim.ReviewSchedule{Frequency: pim.ReviewHalfYearly, StartsAt: at(2027, 8, 31, 9, 0)}, "2027-08-31 09:00, 2028-02-29 09:00, 2028-08-31 09:00"},
		{"yearly on the 29th of February", pim.ReviewSchedule{Frequency: pim.ReviewYearly, StartsAt: at(2028, 2, 29, 9, 0)}, "2028-02-29 09:00, 2029-02-28 09:00, 2030-02-28 09:00"},
		{"in the hour that spring leaves out", pim.ReviewSchedule{Frequency: pim.ReviewWeekly, StartsAt: at(2027, 3, 21, 2, 30)}, "2027-03-21 02:30, 2027-03-28 03:30, 2027-04-04 02:30"},
		{"until a day", pim.ReviewSchedule{Frequency: pim.ReviewWeekly, StartsAt: at(2027, 3, 1, 9, 0), Until: at(2027, 3, 8, 9, 0)}, "2027-03-01 09:00, 2027-03-08 09:00"},
		{"first Mondays", pim.ReviewSchedule{Frequency: pim.ReviewByRule, Rule: "FREQ=MONTHLY;BYDAY=1MO", StartsAt: at(2027, 1, 15, 9, 0)}, "2027-02-01 09:00, 2027-03-01 09:00, 2027-04-05 09:00"},
	} {
		c.s.Zone = "Europe/Berlin"
		if got := strings.Join(starts(t, c.s, 3), ", "); got != c.first {
			t.Errorf("%s: %s, want %s", c.name, got, c.first)
		}
	}
}

// W-13, EC-27: a rule that cannot be, that never comes, or that comes again before a review of it is over.
func TestReviewRulesRefused(t *testing.T) {
	for rule, want := range map[string]string{
		"FREQ=MONTHLY;BYDAY=1MO": "", "FREQ=WEEKLY;INTERVAL=4": "", "RRULE:FREQ=YEARLY;BYMONTH=3,9;BYMONTHDAY=1": "",
		"FREQ=WEEKLY": "would not be over", "FREQ=DAILY": "would not be over", "FREQ=MONTHLY;BYDAY=1MO,2MO": "would not be over",
		"FREQ=HOURLY": "once a day", "FREQ=DAILY;BYHOUR=1": "once a day", "FREQ=MONTHLY;COUNT=4": "beside the rule", "FREQ=MONTHLY;UNTIL=20280101T000000Z": "beside the rule",
		"DTSTART:20270101T000000Z\nFREQ=MONTHLY": "One line", "FREQ=MONTHLY;INTERVAL=2000": "INTERVAL", "nonsense": "cannot be read", "FREQ=MONTHLY;BYMONTHDAY=99": "cannot be read",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30": "ever comes", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30": "ever comes", strings.Repeat("X", 201): "200 characters",
	} {
		d := pim.ReviewDefinition{Terms: pim.ReviewTerms{Stages: []pim.ReviewStage{{Days: 10}, {Days: 4}}},
			When: pim.ReviewSchedule{Frequency: pim.ReviewByRule, Rule: rule, Zone: "UTC", StartsAt: time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC)}}
		got := ""
		if err := checkRule(d); err != nil {
			got = err.Error()
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
	d := pim.ReviewDefinition{When: pim.ReviewSchedule{Frequency: pim.ReviewOnce, Zone: "Nowhere/Land"}}
	if err := checkRule(d); err == nil || !strings.Contains(err.Error(), "time zone") {
		t.Errorf("a zone nobody knows: %v", err)
	}
}

// Whatever somebody writes as a rule is read or refused, and asked for its dates without end (THREATS T22).
func FuzzReviewRule(f *testing.F) {
	for _, s := range []string{"FREQ=MONTHLY;BYDAY=1MO", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=-1SU", "FREQ=DAILY;BYSETPOS=-366;BYDAY=MO", "FREQ=YEARLY;BYEASTER=-400"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		d := pim.ReviewDefinition{Terms: pim.ReviewTerms{Stages: []pim.ReviewStage{{Days: 1}}},
			When: pim.ReviewSchedule{Frequency: pim.ReviewByRule, Rule: rule, Zone: "UTC", StartsAt: time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC)}}
		if err := checkRule(d); err == nil {
			if _, err := missedReview(d.When, d.When.StartsAt.AddDate(2, 0, 0)); err != nil {
				t.Errorf("%q was taken and cannot be read: %v", rule, err)
			}
		}
	})
}
