package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"stint/internal/pim"
)

// Every event of the vocabulary has words, each its own (issue 2, item 9).
func TestEveryEventHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../internal/pim/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen, words := 0, map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Ev") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		text := eventWords[pim.EventType(value)]
		if text == "" {
			t.Errorf("%s (%s) has no words in eventWords", spec.Names[0].Name, value)
		}
		if other := words[text]; other != "" {
			t.Errorf("%s and %s have the same words %q", other, value, text)
		}
		words[text] = value
		return true
	})
	if seen != len(eventWords) || seen < 60 {
		t.Errorf("pim has %d events, eventWords %d", seen, len(eventWords))
	}
}
