package store

import "testing"

func TestUnnumbered(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1": "SELECT 1",
		"INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)": "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)",
		rowsOf(4, 3):                 "(?, ?, ?), (?, ?, ?), (?, ?, ?), (?, ?, ?)",
		"a = $1 OR b = $1":           "a = $1 OR b = $1",
		"a = $2 AND b = $1":          "a = $2 AND b = $1",
		"a = $10":                    "a = $10",
		"a = $1 AND b LIKE 'x$y'":    "a = $1 AND b LIKE 'x$y'",
		"a = $1 AND b = $2 OR c = 1": "a = ? AND b = ? OR c = 1",
	} {
		if got := unnumbered(query); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", query, got, want)
		}
	}
}
