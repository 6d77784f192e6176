package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "stint"

// source is one Go file outside tests.
type source struct {
	name    string // from the module's root, with slashes
	pkg     string // its directory
	imports []string
	tree    *ast.File
}

// sources parses every Go file of the module that is no test.
func sources(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	var out []source
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); rel != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" || base == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		out = append(out, parse(t, name, filepath.ToSlash(rel)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func parse(t *testing.T, name, rel string) source {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	s := source{name: rel, pkg: path.Dir(rel), tree: tree}
	for _, i := range tree.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		s.imports = append(s.imports, p)
	}
	return s
}

// covers reports whether a table's path covers a package or file: "a/b" itself, "a/b/" what is below.
func covers(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "/"); ok {
		return strings.HasPrefix(name, below+"/")
	}
	return pattern == name
}

// within reports whether an import is a path or below it.
func within(parent, p string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }

// TestArchitecture holds the source against the tables of rules_test.go.
func TestArchitecture(t *testing.T) {
	all := sources(t)
	if len(all) < 50 {
		t.Fatalf("only %d files found: the test looks in the wrong place", len(all))
	}
	for _, s := range all {
		for _, p := range s.imports {
			for _, problem := range []string{modulePart(s, p), narrowPart(s, p), neverPart(s, p), pimPart(s, p)} {
				if problem != "" {
					t.Errorf("%s imports %s: %s", s.name, p, problem)
				}
			}
		}
		if problem := clockPart(s); problem != "" {
			t.Errorf("%s: %s", s.name, problem)
		}
	}
}

func ruleOf(pkg string) (rule, bool) {
	var best rule
	found := false
	for _, r := range rules {
		if covers(r.path, pkg) && len(r.path) >= len(best.path) {
			best, found = r, true
		}
	}
	return best, found
}

// modulePart is one way only: web -> broker -> store, pim; nothing back.
func modulePart(s source, p string) string {
	dep, ours := strings.CutPrefix(p, module+"/")
	r, known := ruleOf(s.pkg)
	switch {
	case !known:
		return "package " + s.pkg + " has no rule; add one to rules_test.go, with its reason"
	case !ours || slices.ContainsFunc(r.may, func(m string) bool { return covers(m, dep) }):
		return ""
	}
	return allowedWords(s, p, "not allowed: "+r.why)
}

// allowedWords lets an exempted file use single names of a package.
func allowedWords(s source, p, problem string) string {
	for _, w := range words {
		if w.file != s.name || w.path != p {
			continue
		}
		for _, name := range selectors(s.tree, path.Base(p)) {
			if !slices.Contains(w.names, name) {
				return "uses " + name + ", but only " + strings.Join(w.names, ", ") + " is exempted: " + w.why
			}
		}
		return ""
	}
	return problem
}

func narrowPart(s source, p string) string {
	best := -1
	for i, n := range narrow {
		if within(n.path, p) && (best < 0 || len(n.path) > len(narrow[best].path)) {
			best = i
		}
	}
	if best < 0 || within(narrow[best].path, module+"/"+s.pkg) {
		return ""
	}
	for _, who := range narrow[best].only {
		if covers(who, s.pkg) || covers(who, s.name) {
			return ""
		}
	}
	return "not allowed here: " + narrow[best].why
}

func neverPart(s source, p string) string {
	for _, n := range never {
		if s.pkg == n.under && p == n.path && !ast.IsGenerated(s.tree) {
			return n.why
		}
	}
	return ""
}

func pimPart(s source, p string) string {
	if within("internal/pim", s.pkg) && !slices.Contains(pimStandard, p) {
		return "the domain uses the standard library's values and functions alone (DESIGN §1)"
	}
	return ""
}

// clockPart finds who asks for the time by themselves.
func clockPart(s source) string {
	for file := range clock {
		if covers(file, s.name) || file == s.name {
			return ""
		}
	}
	asks := []string{"Now"}
	if within("internal/pim", s.pkg) {
		asks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"}
	}
	for _, name := range selectors(s.tree, "time") {
		if slices.Contains(asks, name) {
			return "time." + name + ": take now, or a Now func() time.Time field (DESIGN house rule 2)"
		}
	}
	return ""
}

// selectors lists the names used of a package.
func selectors(tree *ast.File, pkg string) []string {
	var out []string
	ast.Inspect(tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == pkg {
				out = append(out, sel.Sel.Name)
			}
		}
		return true
	})
	return out
}

// Every line of the tables has a reason, and no path stands twice.
func TestTablesHaveReasons(t *testing.T) {
	seen := map[string]bool{}
	line := func(table, path, why string) {
		if why == "" || seen[table+path] {
			t.Errorf("%s %s: no reason, or there twice", table, path)
		}
		seen[table+path] = true
	}
	for _, r := range rules {
		line("rules", r.path, r.why)
	}
	for _, n := range narrow {
		line("narrow", n.path, n.why)
	}
	for _, n := range never {
		line("never", n.under+" "+n.path, n.why)
	}
	for file, why := range clock {
		line("clock", file, why)
	}
	for _, w := range words {
		line("words", w.file+" "+w.path, w.why)
	}
}

// The checks themselves can fail.
func TestChecksCanFail(t *testing.T) {
	file := func(name, text string) source {
		tree, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		return source{name: name, pkg: path.Dir(name), tree: tree}
	}
	plain := "package x"
	for _, c := range []struct {
		name, imports string
		check         func(source, string) string
		refused       bool
	}{
		{"web/x.go", "stint/internal/connector", modulePart, true},
		{"web/x.go", "stint/internal/connector/ldap", modulePart, true},
		{"web/x.go", "database/sql", narrowPart, true},
		{"web/x.go", "stint/internal/broker", modulePart, false},
		{"internal/store/x.go", "stint/internal/broker", modulePart, true},
		{"internal/store/x.go", "database/sql", narrowPart, false},
		{"internal/connector/ldap/x.go", "stint/internal/pim", modulePart, true},
		{"internal/connector/ldap/x.go", "stint/internal/connector", modulePart, false},
		{"internal/connector/scim/x.go", "stint/internal/connector/ldap", modulePart, true},
		{"internal/broker/x.go", "stint/internal/connector/ldap", modulePart, true},
		{"internal/broker/x.go", "stint/internal/connector", modulePart, false},
		{"cmd/stint/node.go", "stint/internal/connector/ldap", modulePart, false},
		{"views/x.go", "stint/internal/pim", modulePart, true},
		{"views/x.go", "stint/static", modulePart, false},
		{"cmd/stint/serve.go", "stint/internal/demo", narrowPart, true},
		{"cmd/stint/demo.go", "stint/internal/demo", narrowPart, false},
		{"cmd/stint/serve.go", "stint/internal/stinttest/passkey", narrowPart, true},
		{"internal/pim/x.go", "context", pimPart, true},
		{"internal/pim/x.go", "math/rand/v2", pimPart, true},
		{"internal/pim/x.go", "crypto/rand", pimPart, true},
		{"internal/pim/x.go", "github.com/x/y", pimPart, true},
		{"internal/pim/x.go", "stint/internal/store", modulePart, true},
		{"internal/pim/x.go", "time", pimPart, false},
		{"internal/pimx/x.go", "fmt", modulePart, true},
		{"internal/broker/x.go", "net/http", neverPart, true},
		{"internal/demox/x.go", "stint/internal/demo", narrowPart, true},
	} {
		if got := c.check(file(c.name, plain), c.imports); (got != "") != c.refused {
			t.Errorf("%s imports %s: %q", c.name, c.imports, got)
		}
	}
	asks := "package x\nimport \"time\"\nvar now = time.Now"
	if clockPart(file("internal/pim/x.go", asks)) == "" || clockPart(file("web/x.go", asks)) == "" || clockPart(file("cmd/stint/main.go", asks)) != "" {
		t.Error("who asks for the time is not found, or the door may not")
	}
	calls := "package x\nimport \"stint/internal/connector\"\nvar d = connector.Open"
	if modulePart(file("web/view_target.go", calls), "stint/internal/connector") == "" {
		t.Error("an exemption of words lets calls through")
	}
}
