package web

import (
	"fmt"
	"slices"
	"time"

	"stint/internal/pim"
)

// wallForms are how browsers send a datetime-local.
var wallForms = []string{"2006-01-02T15:04", "2006-01-02T15:04:05"}

// planned is a start as a form asks for it: an instant, and what is to know about it.
type planned struct {
	at   time.Time // zero: now
	note string
}

// parseStart reads "now", or a local time in a zone. A time that the clocks skip is refused in words; of one that
// comes twice the first is taken, and that is said (EC-32). How far ahead it may lie is for the rules to say.
func parseStart(when, wall, zone string) (planned, error) {
	if when != "at" {
		if wall != "" {
			return planned{}, pim.Invalid("start", "A time is given, but Now is chosen. Choose At a time, or empty the time.")
		}
		return planned{}, nil
	}
	if zone == "" || !knownZone(zone) {
		zone = "UTC"
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return planned{}, err
	}
	local, ok := parseWall(wall)
	if !ok {
		return planned{}, pim.Invalid("start", "Choose a day and a time, such as 2026-11-26 22:00.")
	}
	switch at := instants(local, loc); len(at) {
	case 0:
		return planned{}, pim.Invalid("start", "%s", skipped(local, loc))
	case 1:
		return planned{at: at[0]}, nil
	default:
		return planned{at[0], fmt.Sprintf("%s comes twice that night; the first is meant, %s.", local.Format("15:04"), at[0].In(loc).Format("15:04 MST"))}, nil
	}
}

// instantOf reads a local time in a zone (nil: UTC), of one that comes twice the first, or says what is wrong with it.
func instantOf(wall string, loc *time.Location) (at time.Time, wrong string) {
	local, ok := parseWall(wall)
	if !ok {
		return at, "Choose a day and a time, such as 2026-11-26 22:00."
	}
	if loc == nil {
		loc = time.UTC
	}
	all := instants(local, loc)
	if len(all) == 0 {
		return at, skipped(local, loc)
	}
	return all[0], ""
}

func parseWall(text string) (time.Time, bool) {
	for _, form := range wallForms {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// instants are the instants at which clocks in a zone show a local time, given as UTC: none where it is skipped,
// two where it comes twice.
func instants(local time.Time, loc *time.Location) (out []time.Time) {
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := local.Add(near).In(loc).Zone()
		at := local.Add(-time.Duration(offset) * time.Second)
		_, there := at.In(loc).Zone()
		if there == offset && !slices.ContainsFunc(out, at.Equal) {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// skipped says why there is no such time, and what comes after it.
func skipped(local time.Time, loc *time.Location) string {
	_, before := local.Add(-24 * time.Hour).In(loc).Zone()
	_, after := local.Add(24 * time.Hour).In(loc).Zone()
	next := local.Add(time.Duration(after-before) * time.Second)
	return fmt.Sprintf("There is no %s on %s in %s: the clocks go forward then. Choose %s instead.",
		local.Format("15:04"), local.Format(time.DateOnly), loc, next.Format("15:04"))
}

// comesTwice says which one of two equal local times an instant is, or nothing.
func comesTwice(at time.Time, loc *time.Location) string {
	in := at.In(loc)
	twins := instants(time.Date(in.Year(), in.Month(), in.Day(), in.Hour(), in.Minute(), in.Second(), 0, time.UTC), loc)
	switch {
	case len(twins) < 2:
		return ""
	case at.Equal(twins[0]):
		return in.Format("15:04") + " comes twice that night; this is the first."
	default:
		return in.Format("15:04") + " comes twice that night; this is the second."
	}
}
