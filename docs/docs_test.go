// Package docs_test holds the documentation against what it speaks of.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"stint/internal/config"
)

func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil || len(found) == 0 {
		t.Fatal("no pages: ", err)
	}
	return append(found, "../README.md", "../CONTRIBUTING.md")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchor is how a heading is addressed on the code-hosting sites.
func anchor(text string) string {
	text = strings.ToLower(strings.NewReplacer("`", "", "?", "", ":", "", ",", "", ".", "", "(", "", ")", "").Replace(text))
	return strings.ReplaceAll(text, " ", "-")
}

func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			file, fragment, _ := strings.Cut(m[1], "#")
			if strings.HasPrefix(file, "http") {
				continue
			}
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if fragment != "" && !hasHeading(read(t, target), fragment) {
				t.Errorf("%s links to %s, where no such heading is", page, m[1])
			}
		}
	}
}

func hasHeading(page, fragment string) bool {
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		if anchor(h[1]) == fragment {
			return true
		}
	}
	return false
}

// The sample configuration is one that `stint serve` takes.
func TestSampleConfiguration(t *testing.T) {
	var c config.Config
	none := config.LookupEnv(func(string) (string, bool) { return "", false })
	parser, err := kong.New(&c, kong.Bind(none))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--config", "samples/stint.yaml"}); err != nil {
		t.Fatal(err)
	}
	if err := c.CompleteForServe(); err != nil {
		t.Error(err)
	}
	for _, sample := range []string{"samples/nginx.conf", "samples/Caddyfile"} {
		text := read(t, sample)
		for _, needed := range []string{c.Listen, c.Public().Host, strings.Join(c.TrustedProxies, ", ")} {
			if !strings.Contains(text, needed) {
				t.Errorf("%s does not fit samples/stint.yaml: %q is not in it", sample, needed)
			}
		}
	}
	unit := read(t, "samples/stint.service")
	for _, needed := range []string{"StateDirectory=" + filepath.Base(c.Data) + " " + filepath.Base(c.Keys), "stint serve --config /etc/stint/stint.yaml"} {
		if !strings.Contains(unit, needed) {
			t.Errorf("samples/stint.service does not fit samples/stint.yaml: %q is not in it", needed)
		}
	}
}

// Fields that the pages and samples name exist.
func TestFieldsThatPagesName(t *testing.T) {
	known := map[string]bool{}
	for _, f := range config.Fields() {
		known[f.Name] = true
	}
	named := regexp.MustCompile("`((?:oidc|tls|session|trusted|public)_[a-z_]+)[`:]")
	for _, page := range pages(t) {
		for _, m := range named.FindAllStringSubmatch(read(t, page), -1) {
			if !known[m[1]] {
				t.Errorf("%s names %s, which is no field", page, m[1])
			}
		}
	}
}
