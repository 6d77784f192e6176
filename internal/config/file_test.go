package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stint/internal/config"
)

func TestFileFaultsNameTheLine(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"\n\npubic_url: x", `stint.yaml line 3: "pubic_url" is not a field; did you mean public_url?`},
		{"public-url: x", `line 1: "public-url" is not a field; did you mean public_url?`},
		{"config: other.yaml", `"config" is not a field`},
		{"colour: red", "`stint config` lists them all"},
		{"listen: :1\nlisten: :2", "line 2: listen is there twice; keep one"},
		{"listen: [a, b]", "line 1: listen: takes one value, not a list"},
		{"listen: {a: b}", "line 1: listen: takes a plain value, not a block of fields"},
		{"a: &x 1\nlisten: *x", "line 2: listen: write the value out instead of a YAML alias"},
		{"oidc_scopes:\n  - a\n  - 'b,c'", "line 1: oidc_scopes: line 3: each item is one plain value without a comma"},
		{"- a", "line 1: write one field a line"},
		{"just words", "line 1: write one field a line"},
		{"listen: :1\n---\nlisten: :2", "a second document begins here"},
		{"listen: 'x", "stint.yaml is not YAML: "},
		{"\tlisten: x", "stint.yaml is not YAML: "},
		{strings.Repeat("#", 1<<20+1), "larger than 1 MiB"},
	} {
		_, err := parse(t, tt.file, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: got %v, want %q", tt.file, err, tt.want)
		}
	}
}

func TestFileWithoutFields(t *testing.T) {
	for _, file := range []string{"# nothing", "---\n", "null", "listen:\npublic_url: ~"} {
		if _, err := parse(t, file, nil); err != nil {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func TestFileThatIsMissing(t *testing.T) {
	_, err := parse(t, "", map[string]string{"STINT_CONFIG": "/nowhere/stint.yaml"})
	if err == nil || !strings.Contains(err.Error(), "/nowhere/stint.yaml") || !strings.Contains(err.Error(), "STINT_CONFIG") {
		t.Error(err)
	}
}

// The sample that `stint config --format yaml` prints names every field, and is taken with all comments taken off.
func TestSampleFile(t *testing.T) {
	text := regexp.MustCompile(`(?m)^#([a-z_]+:)`).ReplaceAllString(config.YAML(), "$1")
	if _, err := parse(t, text, nil); err != nil {
		t.Error(err)
	}
	for _, f := range config.Fields()[1:] {
		if !strings.Contains(text, "\n"+f.Name+":") {
			t.Errorf("%s is missing", f.Name)
		}
	}
}

// docs/configuration.md is made from the struct; make gen writes it.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil || string(page) != config.Markdown() {
		t.Errorf("docs/configuration.md is not what the fields say; run: make gen (%v)", err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add("listen: 127.0.0.1:8080\ntrusted_proxies: [::1]\n")
	f.Add("a: &b [c]\n<<: *b\n? {x: y}\n: z\n")
	f.Add(config.YAML())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse(t, text+"\n", nil)
		if err == nil && (c.PublicURL == "" || c.SessionIdle.Duration <= 0 || c.Keys == c.Data) {
			t.Errorf("%q was taken: %+v", text, c)
		}
	})
}
