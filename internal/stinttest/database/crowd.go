package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"stint/internal/store"
)

// Sizes of a Crowd.
const (
	CrowdPeople    = 100_000
	CrowdResources = 1_000
)

// The ids in a Crowd: of its role, of the group that everybody is in, and of the root of its resources.
const (
	CrowdRole  = "role"
	CrowdGroup = "all"
	CrowdRoot  = "root"
)

// Crowd fills a database that Stint has open: one role with an assignment of each of 100,000 people, spread over 1,000
// resources of ten branches below a root; it means something on the last. Person i is p00000 and on, "Given000 Family00000", mail0@x.example, of a
// department of forty; assignment i is a00000 and on. Every fifth is active; two of three have an end within a year, and
// all on resources the number of which ends with 7. One in fifty is disabled, one in twenty a guest, one in four never
// signed in, one in ten has no passkey. The rows are what the store itself would write; one at a time they take minutes.
func Crowd(t testing.TB, o store.Options, now time.Time) {
	t.Helper()
	driver, address := "sqlite", "file:"+o.Path+"?_pragma=busy_timeout(10000)"
	if o.URL != "" {
		driver, address = "pgx", o.URL
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range crowd(now) {
		if _, err := tx.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if o.URL != "" { // a server does so by itself soon after
		if _, err := db.ExecContext(context.Background(), "VACUUM ANALYZE"); err != nil {
			t.Fatal(err)
		}
	}
}

// crowd writes the numbers into statements that both engines understand.
func crowd(now time.Time) []string {
	fill := strings.NewReplacer("$EACH", "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < "+fmt.Sprint(CrowdPeople-1)+") SELECT",
		"$RESOURCES", "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < "+fmt.Sprint(CrowdResources-1)+") SELECT",
		"$NOW", fmt.Sprint(now.UnixMicro()), "$DAY", fmt.Sprint(24*time.Hour.Microseconds()),
		"$ID", "SUBSTR(CAST(100000 + i AS TEXT), 2)", "$GIVEN", "SUBSTR(CAST(1000 + i / 100 AS TEXT), 2)", "$I", "CAST(i AS TEXT)", "$SEP", "'\x1f'")
	var out []string
	for _, s := range []string{
		`INSERT INTO role_definitions (id, name, source) VALUES ('role', 'Role', 'file')`,
		`INSERT INTO resources (id, kind, name, source) VALUES ('root', 'group', 'Root', 'file')`,
		`INSERT INTO resources (id, parent_id, kind, name, source)
			$RESOURCES 'branch' || $I, 'root', 'group', 'Branch ' || $I, 'file' FROM n WHERE i < 10`,
		`INSERT INTO resources (id, parent_id, kind, name, source)
			$RESOURCES 'res' || $I, 'branch' || CAST(i / 100 AS TEXT), 'group', 'Resource ' || $I, 'file' FROM n`,
		`INSERT INTO role_meanings (role_id, resource_id, name, entitlement_id) VALUES ('role', 'res999', 'meaning', 'meaning')`,
		`INSERT INTO principals (id, kind, name, person_id, source, created_at, sort_name, search_text)
			VALUES ('all', 'group', 'All', 'all', 'file', $NOW, 'all', 'all' || $SEP || $SEP || $SEP)`,
		`INSERT INTO principal_words (word, principal_id) VALUES ('all', 'all')`,
		`INSERT INTO principals (id, kind, name, email, department, person_id, source, created_at, enabled, guest, last_seen_at, sort_name, search_text)
			$EACH 'p' || $ID, 'person', 'Given' || $GIVEN || ' Family' || $ID, 'mail' || $I || '@x.example', 'Dept' || CAST(i % 40 AS TEXT), 'p' || $I, 'file', $NOW,
			CASE WHEN i % 50 = 0 THEN 0 ELSE 1 END, CASE WHEN i % 20 = 0 THEN 1 ELSE 0 END, CASE WHEN i % 4 = 0 THEN 0 ELSE $NOW END,
			'given' || $GIVEN || ' family' || $ID, 'given' || $GIVEN || ' family' || $ID || $SEP || 'mail' || $I || '@x.example' || $SEP || 'dept' || CAST(i % 40 AS TEXT) || $SEP FROM n`,
		`INSERT INTO principal_words (word, principal_id) $EACH 'given' || $GIVEN, 'p' || $ID FROM n`,
		`INSERT INTO principal_words (word, principal_id) $EACH 'family' || $ID, 'p' || $ID FROM n`,
		`INSERT INTO principal_words (word, principal_id) $EACH 'mail' || $I || '@x.example', 'p' || $ID FROM n`,
		`INSERT INTO credentials (id, principal_id, name, raw_id, public_key, created_at) $EACH 'k' || $ID, 'p' || $ID, 'Key', 'k' || $ID, '', $NOW FROM n WHERE i % 10 > 0`,
		`INSERT INTO group_members (group_id, member_id, source, sort_name) $EACH 'all', 'p' || $ID, 'file', 'given' || $GIVEN || ' family' || $ID FROM n`,
		`INSERT INTO assignments (id, principal_id, role_id, resource_id, kind, starts_at, ends_at, source, created_at, sort_name)
			$EACH 'a' || $ID, 'p' || $ID, 'role', 'res' || CAST(i % 1000 AS TEXT), CASE WHEN i % 5 = 0 THEN 'active' ELSE 'eligible' END, $NOW,
			CASE WHEN i % 3 > 0 OR i % 10 = 7 THEN $NOW + (1 + i % 365) * $DAY ELSE 0 END, 'file', $NOW, 'given' || $GIVEN || ' family' || $ID FROM n`,
	} {
		out = append(out, fill.Replace(s))
	}
	return out
}
