package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/pim"
)

// Carried are values of the provider's groups claim, by their digests.
type Carried map[string]bool

// Has reports whether a value is among them.
func (c Carried) Has(value string) bool { return value != "" && c[markOf(value)] }

func markOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:12])
}

// shown are the values that somebody's sign-ins showed: the last one, and those before with when they did not any more.
type shown struct {
	last    string
	earlier map[string]int64
}

func scanShown(r row) (s shown, err error) {
	var earlier string
	err = r.Scan(&s.last, &earlier)
	s.earlier = map[string]int64{}
	for entry := range strings.FieldsSeq(earlier) {
		mark, at, _ := strings.Cut(entry, ":")
		s.earlier[mark], _ = strconv.ParseInt(at, 10, 64)
	}
	return s, err
}

// CarriedBy returns the values that the last sign-in of each of some people showed, and an earlier one that is not longer
// than pim.CarriedFor ago. Who never showed any has none.
func (r *Reader) CarriedBy(principalIDs ...string) (Carried, error) {
	var args []any
	rows, err := many(r, scanShown, "SELECT marks, earlier FROM carried_values WHERE principal_id IN "+in(&args, principalIDs), args...)
	out, since := Carried{}, us(r.Now.Add(-pim.CarriedFor))
	for _, row := range rows {
		for mark := range strings.FieldsSeq(row.last) {
			out[mark] = true
		}
		for mark, at := range row.earlier {
			if at > since {
				out[mark] = true
			}
		}
	}
	return out, err
}

// Carries records the values that a sign-in showed. The same again writes nothing.
func (tx *Tx) Carries(principalID string, values []string) error {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = markOf(v)
	}
	slices.Sort(marks)
	marks = slices.Compact(marks)
	was, err := one(tx.Reader, scanShown, "SELECT marks, earlier FROM carried_values WHERE principal_id = $1", principalID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	_, err = tx.exec(`INSERT INTO carried_values (principal_id, marks, earlier) VALUES ($1, $2, $3)
		ON CONFLICT (principal_id) DO UPDATE SET marks = excluded.marks, earlier = excluded.earlier WHERE carried_values.marks <> excluded.marks`,
		principalID, strings.Join(marks, " "), was.without(marks, tx.Now))
	return err
}

// without is what was shown earlier, once a sign-in shows some marks and no others.
func (s shown) without(marks []string, now time.Time) string {
	var out []string
	for mark := range strings.FieldsSeq(s.last) {
		s.earlier[mark] = us(now)
	}
	for _, mark := range slices.Sorted(maps.Keys(s.earlier)) {
		if at := s.earlier[mark]; at > us(now.Add(-pim.CarriedFor)) && !slices.Contains(marks, mark) {
			out = append(out, mark+":"+strconv.FormatInt(at, 10))
		}
	}
	return strings.Join(out, " ")
}

// FedGroups lists the groups that the provider's claim feeds.
func (r *Reader) FedGroups() ([]pim.Principal, error) {
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.kind = 'group' AND p.match_value <> '' AND p.removed_at = 0 ORDER BY p.id")
}
