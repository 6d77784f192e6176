package store

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

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

// CarriedBy returns the values that the last sign-in of each of some people showed. Who never showed any has none.
func (r *Reader) CarriedBy(principalIDs ...string) (Carried, error) {
	var args []any
	rows, err := many(r, scanString, "SELECT marks FROM carried_values WHERE principal_id IN "+in(&args, principalIDs), args...)
	out := Carried{}
	for _, row := range rows {
		for mark := range strings.FieldsSeq(row) {
			out[mark] = true
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
	_, err := tx.exec(`INSERT INTO carried_values (principal_id, marks) VALUES ($1, $2)
		ON CONFLICT (principal_id) DO UPDATE SET marks = excluded.marks WHERE carried_values.marks <> excluded.marks`,
		principalID, strings.Join(slices.Compact(marks), " "))
	return err
}

// FedGroups lists the groups that the provider's claim feeds.
func (r *Reader) FedGroups() ([]pim.Principal, error) {
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.kind = 'group' AND p.match_value <> '' AND p.removed_at = 0 ORDER BY p.id")
}
