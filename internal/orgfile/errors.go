package orgfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong in a file.
type Fault struct {
	Pos
	Field   string // such as roles[dba].settings.max_duration
	Message string // what is wrong, what is allowed, what to do
}

// Errors is everything that is wrong in a file, in the order of its lines.
type Errors struct {
	File   string
	Faults []Fault
}

// shown is how many faults are printed; a file of another kind would have thousands.
const shown = 100

func (e *Errors) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == shown {
			fmt.Fprintf(&b, "%s: and %d more", e.File, len(e.Faults)-shown)
			break
		}
		b.WriteString(e.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
		}
		b.WriteString(": ")
		if f.Field != "" {
			b.WriteString(f.Field + ": ")
		}
		b.WriteString(f.Message)
	}
	return b.String()
}

// Add notes a fault.
func (e *Errors) Add(at Pos, field, format string, args ...any) {
	e.Faults = append(e.Faults, Fault{Pos: at, Field: field, Message: fmt.Sprintf(format, args...)})
}

// Err returns the errors in the order of lines, nil when there are none.
func (e *Errors) Err() error {
	if len(e.Faults) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}

// near returns ` did you mean "x"?` for the name most like the wrong one, or "".
func near(wrong string, known []string) string {
	best, least := "", 3
	if n := len(wrong) / 3; n < least {
		least = max(n, 1)
	}
	for _, k := range known {
		if diff := len(k) - len(wrong); diff > least || -diff > least {
			continue
		}
		if d := distance(wrong, k); d <= least && (best == "" || d < distance(wrong, best)) {
			best = k
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is Levenshtein's, with two neighbours swapped counting as one slip of the hand.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// quote shows a value of the file: cut to what helps, and nothing that a terminal would act on (THREATS T29).
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
