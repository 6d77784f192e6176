package views

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Reader is who reads the answer and when: all that times, polls and scripts need. Fragments carry it too.
type Reader struct {
	Now   time.Time
	Zone  *time.Location // nil: unknown; rendered in UTC and moved to the browser's zone by static/time.js
	Nonce string         // of this answer's Content-Security-Policy; stands on scripts and htmx elements
}

// now is the server's clock for the scripts: the browser's may be wrong.
func (r Reader) now() string { return r.Now.UTC().Format(time.RFC3339) }

// TimeStyle is how much of an instant is printed.
type TimeStyle string

// The styles. The date is printed only when it is not today, but always in Day and Full.
const (
	Fact TimeStyle = "fact" // 14:02:11, for what happened
	End  TimeStyle = "end"  // 16:02, for what will end
	Day  TimeStyle = "day"  // 2026-11-19
	Full TimeStyle = "full" // 2026-11-19 14:02:11
	Ago  TimeStyle = "ago"  // 12 min ago; just now
)

// TimeView is one instant on the screen.
type TimeView struct {
	Reader
	At    time.Time
	Style TimeStyle
}

func (r Reader) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

// zoneName is what data-zone says: empty lets the browser choose.
func (r Reader) zoneName() string {
	if r.Zone == nil {
		return ""
	}
	return r.Zone.String()
}

// Format prints an instant in the reader's zone.
func (v TimeView) Format() string {
	at, now := v.At.In(v.zone()), v.Now.In(v.zone())
	day := ""
	if at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		day = at.Format(time.DateOnly) + " "
	}
	switch v.Style {
	case Day:
		return at.Format(time.DateOnly)
	case Ago:
		if v.Now.Sub(v.At) < time.Minute {
			return "just now"
		}
		return Duration(v.Now.Sub(v.At).Truncate(time.Minute)) + " ago"
	case End:
		return day + at.Format("15:04")
	case Full:
		return at.Format(time.DateTime)
	default:
		return day + at.Format(time.TimeOnly)
	}
}

// exact is the instant in UTC to the second, for the title.
func (v TimeView) exact() string { return v.At.UTC().Format(time.DateTime) + " UTC" }

func (v TimeView) machine() string { return v.At.UTC().Format(time.RFC3339) }

// Duration says a span as people do: "30 min", "1 h 40 min", "3 days" from 48 h on. It rounds up to
// minutes, so that what is left is never said to be nothing.
func Duration(d time.Duration) string {
	minutes := int64((max(d, 0) + time.Minute - 1) / time.Minute)
	hours, rest := minutes/60, minutes%60
	switch {
	case hours >= 48:
		return fmt.Sprintf("%d days", hours/24)
	case hours == 0:
		return fmt.Sprintf("%d min", rest)
	case rest == 0:
		return fmt.Sprintf("%d h", hours)
	}
	return fmt.Sprintf("%d h %d min", hours, rest)
}

// Count prints a number with separated thousands: 184,226.
func Count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// CountUpTo is how far what waits is counted.
const CountUpTo = 1000

// count prints a number that was counted no further than CountUpTo: "1,000+".
func count(n int) string {
	if n >= CountUpTo {
		return Count(CountUpTo) + "+"
	}
	return Count(int64(n))
}

// Plural prints a number with its noun: Plural(1, "role", "roles") is "1 role".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(int64(n)) + " " + many
}

// to joins a path from its segments, each escaped: to("activations", id, "cancel").
func to(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// Query is a list page's address: the path and the filters that are set, in the order given.
func query(path string, pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		sep := "&"
		if b.Len() == 0 {
			sep = "?"
		}
		b.WriteString(sep + url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return path + b.String()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
