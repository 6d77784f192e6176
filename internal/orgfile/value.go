package orgfile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A rule says what is wrong with a text, or "".
type rule func(string) string

var idForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// isID: ids are ASCII, so that no two of them look alike (THREATS T22).
func isID(s string) string {
	switch {
	case len(s) > maxID:
		return fmt.Sprintf("is longer than %d characters", maxID)
	case !idForm.MatchString(s):
		return quote(s) + " is not an id" + strange(s) + ": use lower case letters a-z, digits and dashes, such as database-on-call"
	}
	return ""
}

// strange names the first character that is not plain ASCII: it may look as if it were.
func strange(s string) string {
	for _, r := range s {
		if r > unicode.MaxASCII {
			return fmt.Sprintf(" (it holds %U)", r)
		}
	}
	return ""
}

// isName: what people read must be what it seems. Composed form, no invisible characters, no change of
// direction, no word of two alphabets that share their shapes (UTS #39 §5.1, for the scripts that do).
func isName(s string) string {
	switch {
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space; take it away"
	case utf8.RuneCountInString(s) > maxName:
		return fmt.Sprintf("is longer than %d characters", maxName)
	case !norm.NFC.IsNormalString(s):
		return fmt.Sprintf("is not in composed form (Unicode NFC); write %q", norm.NFC.String(s))
	}
	if bad := unreadable(s); bad != "" {
		return bad
	}
	if word := mixed(s); word != "" {
		return fmt.Sprintf("mixes alphabets that look alike in the word %s (%s); write it in one", quote(word), fmt.Sprintf("%+q", word))
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
		return "needs a letter or a digit"
	}
	return ""
}

// isText is a line of up to n characters that reads as written.
func isText(n int) rule {
	return func(s string) string {
		if utf8.RuneCountInString(s) > n {
			return fmt.Sprintf("is longer than %d characters", n)
		}
		return unreadable(s)
	}
}

// unreadable refuses control characters, invisible ones and explicit changes of direction (UAX #9 §2).
func unreadable(s string) string {
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return "must be one line without tabs"
		case !unicode.IsPrint(r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r),
			r >= 0xFF01 && r <= 0xFF5E, r >= 0x1D400 && r <= 0x1D7FF: // full-width and mathematical letters pass for plain ones
			return fmt.Sprintf("holds the character %U, which is invisible or reads as another; take it away", r)
		}
	}
	return ""
}

var alike = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee}

// mixed returns the first word with letters of two alphabets that look alike.
func mixed(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) })
	for _, word := range words {
		var first *unicode.RangeTable
		for _, r := range word {
			for _, script := range alike {
				if !unicode.Is(script, r) {
					continue
				}
				if first != nil && first != script {
					return word
				}
				first = script
			}
		}
	}
	return ""
}

func isEmail(s string) string {
	name, domain, ok := strings.Cut(s, "@")
	switch {
	case len(s) > maxEmail:
		return fmt.Sprintf("is longer than %d characters", maxEmail)
	case !ok || name == "" || domain == "" || strings.ContainsAny(s, " ,;<>") || strings.Contains(domain, "@"):
		return quote(s) + " is not an address such as alice@example.org"
	}
	return unreadable(s)
}

var envForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// isEnv does not repeat the text: it may be the secret itself.
func isEnv(s string) string {
	if !envForm.MatchString(s) {
		return "must be the name of an environment variable, such as STINT_DIRECTORY_PASSWORD; never the secret itself"
	}
	return ""
}

var durationForm = regexp.MustCompile(`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`)

// ParseDuration reads a length of time such as 30m or 1h30m: whole hours, minutes and seconds in this order.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || s == "" || !durationForm.MatchString(s) {
		return 0, fmt.Errorf("%s is not a length of time; write it like 30m or 1h30m", quote(s))
	}
	return d, nil
}

var daysForm = regexp.MustCompile(`^[1-9][0-9]{0,4}d$`)

// ParseDays reads whole days, such as 365d, and what ParseDuration reads: for what lasts so long.
func ParseDays(s string) (time.Duration, error) {
	if !daysForm.MatchString(s) {
		d, err := ParseDuration(s)
		if err != nil {
			err = fmt.Errorf("%s is not a length of time; write it like 90d or 36h", quote(s))
		}
		return d, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	return time.Duration(n) * 24 * time.Hour, err
}

// FormatDays is what ParseDays reads back: 365d where it is whole days.
func FormatDays(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return FormatDuration(d)
}

// FormatDuration is what ParseDuration reads back: 1h30m, not 1h30m0s.
func FormatDuration(d time.Duration) string {
	d = d.Truncate(time.Second)
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	return b.String()
}

var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ParseTime reads an instant: 2027-06-30 is the end of that day in UTC, 2027-06-30T18:00:00+02:00 is exact.
// Whether it is past is the caller's to say.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err == nil {
		t = t.AddDate(0, 0, 1)
	} else if t, err = time.Parse(time.RFC3339, s); err != nil || t.Nanosecond() != 0 {
		return t, fmt.Errorf("%s is not a date; write 2027-06-30 (the end of that day in UTC) or 2027-06-30T18:00:00Z", quote(s))
	}
	switch t = t.UTC(); {
	case t.Before(earliest):
		return t, fmt.Errorf("%s is past", quote(s))
	case t.After(latest):
		return t, fmt.Errorf("%s is after 2199-12-31; leave `until` out for no end", quote(s))
	}
	return t, nil
}

// FormatTime is what ParseTime reads back.
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// FormatFrom writes a start; midnight UTC is written as its day.
func FormatFrom(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}
