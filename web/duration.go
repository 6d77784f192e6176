package web

import (
	"regexp"
	"strconv"
	"time"

	"stint/internal/pim"
)

var (
	minutesOnly = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
	clockForm   = regexp.MustCompile(`^([0-9]{1,2}):([0-5][0-9])$`)
	unitForm    = regexp.MustCompile(`^(?:([0-9]{1,2})h)?(?:([0-9]{1,4})m)?$`)
)

// parseDuration reads how long a role is asked for: minutes of a choice, or else what was written
// (1:30, 1h30m, 90m). Nothing else is a duration: no fraction, sign, space or other digit; what the role
// allows is for the rules to say. The refusal names the field.
func parseDuration(minutes, other string) (time.Duration, error) {
	if minutes != "" {
		if !minutesOnly.MatchString(minutes) {
			return 0, pim.Invalid("duration", "Choose one of the durations, or Other.")
		}
		return inMinutes("0", minutes), nil
	}
	if m := clockForm.FindStringSubmatch(other); m != nil {
		return inMinutes(m[1], m[2]), nil
	}
	if m := unitForm.FindStringSubmatch(other); m != nil && other != "" {
		return inMinutes(m[1], m[2]), nil
	}
	return 0, pim.Invalid("other", "Write hours and minutes, such as 1:30, 1h30m or 90m.")
}

// inMinutes adds hours and minutes of a few digits each; an empty part is none.
func inMinutes(hours, minutes string) time.Duration {
	h, _ := strconv.Atoi(hours) // the patterns let only digits through
	m, _ := strconv.Atoi(minutes)
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
