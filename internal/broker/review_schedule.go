package broker

import (
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"stint/internal/pim"
)

const (
	maxRule    = 200 // characters of an RRULE
	rulesReach = 30  // years a rule is asked for: one that never comes is not looked for until the year 9999
	compared   = 60  // occurrences of a rule whose distances are looked at
)

// fixed are the named frequencies as rules (W-12): months and years are counted in months.
var fixed = map[pim.ReviewFrequency]rrule.ROption{
	pim.ReviewWeekly: {Freq: rrule.WEEKLY}, pim.ReviewMonthly: {Freq: rrule.MONTHLY}, pim.ReviewQuarterly: {Freq: rrule.MONTHLY, Interval: 3},
	pim.ReviewHalfYearly: {Freq: rrule.MONTHLY, Interval: 6}, pim.ReviewYearly: {Freq: rrule.MONTHLY, Interval: 12},
}

func reviewZone(s pim.ReviewSchedule) (*time.Location, error) {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil || s.Zone == "Local" {
		return nil, pim.Invalid("zone", "This time zone is not known here.")
	}
	return zone, nil
}

// recurrence reads when the instances of a series begin; nil for one that comes once. The wall clock of its zone counts,
// so that nine in the morning stays nine when daylight saving begins.
func recurrence(s pim.ReviewSchedule) (*rrule.RRule, error) {
	zone, err := reviewZone(s)
	if err != nil || s.Frequency == pim.ReviewOnce {
		return nil, err
	}
	opt, ok := fixed[s.Frequency]
	start := s.StartsAt.In(zone)
	if ok && opt.Freq == rrule.MONTHLY && start.Day() > 28 { // the last day of a month that is too short
		for day := 28; day <= start.Day(); day++ {
			opt.Bymonthday = append(opt.Bymonthday, day)
		}
		opt.Bysetpos = []int{-1}
	}
	if !ok {
		if opt, err = readRule(s.Rule); err != nil {
			return nil, err
		}
	}
	opt.Dtstart, opt.Until = start, start.AddDate(rulesReach, 0, 0)
	rule, err := rrule.NewRRule(opt)
	if err != nil {
		return nil, pim.Invalid("rule", "This rule cannot be read: %s. Write it such as FREQ=MONTHLY;BYDAY=1MO.", err)
	}
	return rule, nil
}

// readRule reads an RRULE (RFC 5545 §3.3.10) that comes at most once a day; when it starts and ends is said elsewhere.
func readRule(text string) (rrule.ROption, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) > maxRule || strings.ContainsAny(text, "\r\n") {
		return rrule.ROption{}, pim.Invalid("rule", "One line of at most %d characters.", maxRule)
	}
	opt, err := rrule.StrToROption(text)
	switch {
	case err != nil:
		return rrule.ROption{}, pim.Invalid("rule", "This rule cannot be read: %s. Write it such as FREQ=MONTHLY;BYDAY=1MO.", err)
	case !opt.Dtstart.IsZero() || opt.Count != 0 || !opt.Until.IsZero():
		return rrule.ROption{}, pim.Invalid("rule", "When the series begins and ends is chosen beside the rule: leave DTSTART, COUNT and UNTIL out.")
	case opt.Freq > rrule.DAILY || len(opt.Byhour)+len(opt.Byminute)+len(opt.Bysecond) > 0:
		return rrule.ROption{}, pim.Invalid("rule", "A review comes at most once a day, at the time of day of the first one: leave hours, minutes and seconds out.")
	case len(opt.Byeaster) > 0: // of the module, not of the standard; it runs out of its tables
		return rrule.ROption{}, pim.Invalid("rule", "BYEASTER is no part of recurrence rules. Name days and months.")
	case opt.Interval < 0 || opt.Interval > 1000:
		return rrule.ROption{}, pim.Invalid("rule", "INTERVAL is from 1 to 1000.")
	}
	return *opt, nil
}

// reviewsAfter returns up to n instants at which a series begins after an instant, or at it. The end of the series counts.
func reviewsAfter(s pim.ReviewSchedule, after time.Time, n int) ([]time.Time, error) {
	rule, err := recurrence(s)
	if err != nil {
		return nil, err
	}
	var out []time.Time
	if rule == nil {
		if !s.StartsAt.Before(after) {
			out = append(out, s.StartsAt)
		}
		return out, nil
	}
	for next := rule.Iterator(); len(out) < n; {
		at, ok := next()
		switch at = at.UTC(); {
		case !ok, !s.Until.IsZero() && at.After(s.Until):
			return out, nil
		case !at.Before(after):
			out = append(out, at)
		}
	}
	return out, nil
}

// missedReview is the latest instant at which a series should have begun by now (only one is caught up with, however long
// nothing ran); the zero time when there is none.
func missedReview(s pim.ReviewSchedule, now time.Time) (time.Time, error) {
	rule, err := recurrence(s)
	if err != nil {
		return time.Time{}, err
	}
	if rule == nil {
		return s.StartsAt, nil
	}
	if !s.Until.IsZero() && s.Until.Before(now) {
		now = s.Until
	}
	at := rule.Before(now, true)
	if at.IsZero() {
		return at, nil
	}
	return at.UTC(), nil
}

// nextReview is when the next instance begins at an instant or after it; the zero time when none does (W-14).
func nextReview(d pim.ReviewDefinition, from time.Time) (time.Time, error) {
	if d.When.Count > 0 && d.Started >= int64(d.When.Count) || d.When.Frequency == pim.ReviewOnce && d.Started > 0 {
		return time.Time{}, nil
	}
	next, err := reviewsAfter(d.When, from, 1)
	if err != nil || len(next) == 0 {
		return time.Time{}, err
	}
	return next[0], nil
}

// checkRule refuses a zone, a rule that cannot be read or never comes, and one that comes again before a review of it is
// over (W-13, EC-27).
func checkRule(d pim.ReviewDefinition) error {
	starts, err := reviewsAfter(d.When, d.When.StartsAt, compared)
	if err != nil {
		return err
	}
	if len(starts) == 0 {
		return pim.Invalid("rule", "By this rule no review ever comes.")
	}
	zone, err := reviewZone(d.When)
	if err != nil {
		return err
	}
	for i := range starts[1:] {
		if lasts := starts[i].In(zone).AddDate(0, 0, d.Terms.Days()); lasts.After(starts[i+1]) {
			return pim.Invalid("days_1", "The one of %s would not be over before the next begins on %s. Let the stages last fewer days.",
				starts[i].In(zone).Format(time.DateOnly), starts[i+1].In(zone).Format(time.DateOnly))
		}
	}
	return nil
}

// ReviewStarts are the first instants at which a series begins, from an instant on: what the form shows before it is saved.
func ReviewStarts(d pim.ReviewDefinition, from time.Time, n int) ([]time.Time, error) {
	if left := int64(d.When.Count) - d.Started; d.When.Count > 0 && int64(n) > left {
		n = int(max(0, left))
	}
	return reviewsAfter(d.When, from, n)
}

// addDays is so many days later by the wall clock of a series.
func addDays(s pim.ReviewSchedule, from time.Time, days int) time.Time {
	zone, err := reviewZone(s)
	if err != nil { // a zone that an update of the system took away
		zone = time.UTC
	}
	return from.In(zone).AddDate(0, 0, days).UTC()
}
