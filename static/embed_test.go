package static_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"stint/static"
)

func get(t *testing.T, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHashedNamesAreServedForAYear(t *testing.T) {
	for name, kind := range map[string]string{
		"stint.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8",
		"icons.svg": "image/svg+xml", "inter.woff2": "font/woff2",
	} {
		r := get(t, static.URL(name))
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %d %q", name, r.StatusCode, r.Header.Get("Content-Type"))
		}
		if cc := r.Header.Get("Cache-Control"); !strings.Contains(cc, "immutable") {
			t.Errorf("%s: Cache-Control %q", name, cc)
		}
	}
}

func TestPlainAndForeignNamesAreNotServed(t *testing.T) {
	for _, path := range []string{"/static/stint.css", "/static/", "/static/../go.mod", "/static/licences/inter-OFL.txt", "/static/embed.go"} {
		if r := get(t, path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, static.URL("stint.css"), nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestStylesheetNamesTheHashedFont(t *testing.T) {
	css := body(t, get(t, static.URL("stint.css")))
	font := strings.TrimPrefix(static.URL("inter.woff2"), "/static/")
	if !strings.Contains(css, `url("`+font+`")`) || strings.Contains(css, `url("inter.woff2")`) {
		t.Error("the stylesheet does not name the font as it is served")
	}
	for _, m := range regexp.MustCompile(`url\(([^)]*)\)`).FindAllStringSubmatch(css, -1) {
		if strings.Contains(m[1], "//") || strings.Contains(m[1], "data:") {
			t.Errorf("outside address in the stylesheet: %s", m[1])
		}
	}
}

// The budgets of issue 2 and UI.md §6.
func TestBudgets(t *testing.T) {
	for name, limit := range map[string]int{"stint.css": 38_000, "app.js": 5_000, "live.js": 2_500, "time.js": 6_000} {
		if n := len(body(t, get(t, static.URL(name)))); n > limit {
			t.Errorf("%s is %d bytes as served, at most %d", name, n, limit)
		}
	}
	r := get(t, static.URL("stint.css"), "Accept-Encoding", "gzip")
	if r.Header.Get("Content-Encoding") != "gzip" || len(body(t, r)) > 9_500 {
		t.Error("the stylesheet is not compressed for those who can read it so")
	}
}

// A vendored file that differs from what VENDOR.md says is a different program.
func TestVendoredFilesAreThePinnedOnes(t *testing.T) {
	list, err := os.ReadFile("VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$`).FindAllStringSubmatch(string(list), -1)
	if len(rows) < 5 {
		t.Fatalf("VENDOR.md names %d files", len(rows))
	}
	for _, row := range rows {
		b, err := os.ReadFile(row[1])
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != row[2] {
			t.Errorf("%s is not the file that VENDOR.md pins", row[1])
		}
	}
}

// Trusted Types allow only htmx to write HTML: our own scripts must not try (DESIGN §6).
func TestOwnScriptsWriteNoHTML(t *testing.T) {
	sink := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc|setHTMLUnsafe|createContextualFragment|trustedTypes`)
	for _, name := range []string{"app.js", "live.js", "time.js", "stepup.js"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := sink.FindString(string(b)); m != "" {
			t.Errorf("%s uses %s", name, m)
		}
	}
}
