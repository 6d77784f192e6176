package web_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	stinttest "stint/internal/stinttest/harness"
	"stint/web"
)

// T7: nothing that another site began is done, on any route, by whatever header it tries.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	root := w.Person("root")
	w.Administrator("root")
	root.SignIn()
	foreign := "https://evil.example"
	variants := map[string][]string{
		"cross-site":               {"Sec-Fetch-Site", "cross-site", "Origin", foreign},
		"cross-site, our origin":   {"Sec-Fetch-Site", "cross-site", "Origin", w.URL},
		"same-site":                {"Sec-Fetch-Site", "same-site"},
		"origin null":              {"Origin", "null"},
		"origin null, same-origin": {"Origin", "null", "Sec-Fetch-Site", "same-origin"},
		"no header":                {},
		"foreign origin":           {"Origin", foreign},
		"look-alike origin":        {"Origin", w.URL + ".evil.example"},
		"other port":               {"Origin", "http://localhost:1"},
		"other scheme":             {"Origin", strings.Replace(w.URL, "http", "https", 1)},
		"forged HX-Request":        {"HX-Request", "true", "Origin", foreign},
		"HX-Request alone":         {"HX-Request", "true"},
		"two sites":                {"Sec-Fetch-Site", "same-origin, cross-site"},
	}
	before := w.Store.Head().Size
	for _, r := range web.Routes() {
		if r.Method != http.MethodPost {
			continue
		}
		for name, headers := range variants {
			want := http.StatusForbidden
			if r.Path == "/sign-in/logout" { // the provider's machine sends it: what counts is its signature
				want = http.StatusBadRequest
			}
			if page := root.Do(r.Method, fill(r.Path), stinttest.Form(), headers...); page.StatusCode != want {
				t.Errorf("%s, %s: %d", r.Path, name, page.StatusCode)
			}
		}
	}
	if w.Store.Head().Size != before {
		t.Error("something was done")
	}
	for name, headers := range map[string][]string{"origin": {"Origin", w.URL}, "fetch metadata": {"Sec-Fetch-Site", "same-origin"}} {
		if page := root.Do(http.MethodPost, "/notices/read", stinttest.Form(), headers...); page.StatusCode == http.StatusForbidden {
			t.Errorf("our own form with %s was refused", name)
		}
	}
}

// T34: what two parsers could read differently is not read at all; what no form has is ignored.
func TestParameterPollution(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{NoPasskey: true})
	alice := w.Person("alice")
	w.Person("victim")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.SignIn()
	path := "/my-roles/" + assignment + "/activations"
	send := func(path, body, kind string) *stinttest.Page {
		r, err := http.NewRequest(http.MethodPost, w.URL+path, strings.NewReader(body))
		w.OK(err)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", w.URL)
		answer, err := alice.Client.Client.Do(r)
		w.OK(err)
		answer.Body.Close()
		return &stinttest.Page{Response: answer}
	}
	const form, good = "application/x-www-form-urlencoded", "duration=60&justification=Mend+it"
	for name, c := range map[string]struct {
		path, body, kind string
		want             int
	}{
		"field twice":           {path, good + "&duration=480", form, 400},
		"reason twice":          {path, good + "&justification=", form, 400},
		"address and body":      {path + "?duration=480", good, form, 400},
		"address twice":         {path + "?x=1&x=2", good, form, 400},
		"broken escape":         {path, good + "&x=%zz", form, 400},
		"semicolons":            {path, good + ";x=1", form, 400},
		"JSON":                  {path, `{"duration":60,"duration":480}`, "application/json", 415},
		"multipart":             {path, "--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415},
		"text":                  {path, good, "text/plain", 415},
		"too large":             {path, good + "&x=" + strings.Repeat("x", 65<<10), form, 413},
		"field twice elsewhere": {"/profile", "theme=dark&theme=light", form, 400},
		"passkey answer twice":  {"/step-up/x", "response=1&response=2", form, 400},
	} {
		if page := send(c.path, c.body, c.kind); page.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, page.StatusCode, c.want)
		}
	}
	alice.Get("/my-roles?q=a&q=b").Want(t, http.StatusBadRequest)
	extra := send(path, good+"&role_id=root&RoleID=root&Duration=480&state=active&requester_id=victim&principal_id=victim&ends_at=9999999999&version=99", form)
	id, ok := strings.CutPrefix(extra.Location(), "/activations/")
	if !ok {
		t.Fatalf("status %d", extra.StatusCode)
	}
	a := w.Activation(id)
	if a.RoleID != "operator" || a.PrincipalID != "alice" || a.Duration != time.Hour || a.Version != 1 && a.Version != 2 || a.EndsAt.Sub(a.StartsAt) != time.Hour {
		t.Errorf("what was stored: %+v", a)
	}
	alice.Post("/profile", "zone", "UTC", "theme", "", "enabled", "1", "person_id", "victim", "name", "Root").Want(t, http.StatusSeeOther)
	for _, p := range stinttest.Read(w, readPrincipals) {
		if p.ID == "alice" && (p.Name != "alice" || p.PersonID != "alice") {
			t.Errorf("the profile changed %+v", p)
		}
	}
}

// dump is a digest of everything in the database but sessions (the cookie's own row), the clock's mark
// and when somebody was seen last (DESIGN §4 invariant 10).
func dump(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables []string
	rows, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('sessions') ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	sum := sha256.New()
	for _, table := range tables {
		where := ""
		if table == "meta" {
			where = " WHERE name <> 'clock'"
		}
		digestRows(t, db, fmt.Sprintf("SELECT * FROM %q%s", table, where), sum.Write)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// writings tells whether anybody has written to a database since it was asked last: PRAGMA data_version counts the
// commits of others, and a digest of everything for each page would take minutes under the race detector.
func writings(t *testing.T, path string) func() bool {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	last := int64(-1)
	return func() bool {
		var version int64
		if err := db.QueryRow("PRAGMA data_version").Scan(&version); err != nil {
			t.Fatal(err)
		}
		changed := version != last
		last = version
		return changed
	}
}

func digestRows(t *testing.T, db *sql.DB, query string, write func([]byte) (int, error)) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			fmt.Fprintf(writerFunc(write), "%v|", *v.(*any))
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// T7, invariant 10: reading changes nothing, whatever an administrator reads; every link of every page
// is followed, and every route is asked with something that exists.
func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, root := w.Person("alice"), w.Person("root")
	w.Administrator("root")
	w.Role("operator", stinttest.Rules{})
	w.Role("dba", stinttest.Rules{Approvers: []string{"root"}})
	operator, dba := w.Eligible("alice", "operator", time.Time{}), w.Eligible("alice", "dba", time.Time{})
	own := w.Eligible("root", "operator", time.Time{})
	alice.Ready()
	root.Ready()
	active, waiting := alice.Activate(operator), alice.Activate(dba)
	w.Tick()
	step := root.Ask(own).Want(t, http.StatusSeeOther).Location()

	todo := []string{"/", "/my-roles", "/activations/" + active, "/approvals/" + waiting, "/approvals/" + active, "/approvals/all", step, "/audit/0", "/audit/story/" + active,
		"/people/alice", "/targets/dir", "/admin-link/x", "/readyz", "/sign-in/start", "/first-run", "/my-roles/" + own + "/activate?again=1&duration=30"}
	w.NeedsFile()
	before, done := dump(t, w.Path), map[string]bool{}
	wrote := writings(t, w.Path)
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if done[path] || !strings.HasPrefix(path, "/") || len(done) > 400 {
			continue
		}
		done[path] = true
		page := root.Get(path)
		if page.StatusCode >= 500 {
			t.Errorf("%s: %d", path, page.StatusCode)
		}
		root.Fragment(path)
		root.Do(http.MethodHead, path, nil)
		if wrote() && dump(t, w.Path) != before {
			t.Fatalf("GET %s changed the database", path)
		}
		page.Find("a[href], link[href]").Each(func(_ int, s *goquerySelection) { todo = append(todo, s.AttrOr("href", "")) })
	}
	if len(done) < 30 {
		t.Errorf("only %d pages were found", len(done))
	}
	if dump(t, w.Path) != before {
		t.Error("the database has changed")
	}
}
