package views_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"stint/views"
	"stint/views/sample"
)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone data on this machine: ", err)
	}
	return loc
}

func samples(t testing.TB, text sample.Text) sample.Samples {
	return sample.Samples{T: text, Nonce: "n0nce", Zone: berlin(t)}
}

func html(t testing.TB, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func doc(t testing.TB, c templ.Component) *goquery.Document {
	t.Helper()
	d, err := goquery.NewDocumentFromReader(strings.NewReader(html(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// page renders one sample page by its name.
func page(t testing.TB, name string) *goquery.Document {
	t.Helper()
	for _, p := range samples(t, sample.Plain).Pages() {
		if p.Name == name {
			return doc(t, p.Body)
		}
	}
	t.Fatalf("no sample page %q", name)
	return nil
}

// words is the text of a selection with its spaces made one.
func words(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

// shape is the elements and attribute names of a page, without texts and values. A bare wbr belongs to the text.
func shape(d *goquery.Document) []string {
	var out []string
	d.Find("*").Each(func(_ int, s *goquery.Selection) {
		n := s.Nodes[0]
		line := n.Data
		for _, a := range n.Attr {
			line += " " + a.Key
		}
		if line != "wbr" {
			out = append(out, line)
		}
	})
	return out
}

// polyglots try every context a text may land in: element, attribute, address, script, style, template, htmx.
var polyglots = []string{
	`jaVasCript:/*-/*` + "`" + `/*\` + "`" + `/*'/*"/**/(/* */oNcliCk=alert() )//%0D%0A%0d%0a//</stYle/</titLe/</teXtarEa/</scRipt/--!>\x3csVg/<sVg/oNloAd=alert()//>\x3e`,
	`"><script>alert(1)</script>`,
	`'><img src=x onerror=alert(1)>`,
	`" hx-get="/people" hx-trigger="load" x="`,
	`' data-hx-on:click='alert(1)`,
	`</textarea><svg onload=alert(1)>`,
	`</title><base href=//evil.example>`,
	`--><iframe srcdoc="<script>alert(1)</script>">`,
	`javascript:alert(1)`,
	`{{constructor.constructor('alert(1)')()}}`,
	"\u202eexe.gpj\u0000\ufeff<b>",
}

// T24: hostile text in every field changes no element and no attribute of any page.
func TestHostileTextChangesNoMarkup(t *testing.T) {
	plain := samples(t, sample.Plain).Pages()
	for n, evil := range polyglots {
		// The sample's own text stays in front, so that comparisons inside the views go the same way.
		hostile := samples(t, func(s string) string { return s + evil }).Pages()
		for i, p := range hostile {
			got, want := shape(doc(t, p.Body)), shape(doc(t, plain[i].Body))
			if !slices.Equal(got, want) {
				t.Errorf("%s, text %d: %s", p.Name, n, firstDifference(got, want))
			}
		}
	}
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("element %d is <%s>, want <%s>", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("%d elements, want %d", len(got), len(want))
}

// T24: a text that lands in an address cannot make it a script.
func TestAddressesStayAddresses(t *testing.T) {
	for _, p := range samples(t, func(string) string { return "javascript:alert(1)" }).Pages() {
		doc(t, p.Body).Find("[href], [action], [formaction], [src], [hx-get], [hx-post]").Each(func(_ int, s *goquery.Selection) {
			for _, name := range []string{"href", "action", "formaction", "src", "hx-get", "hx-post"} {
				if v, ok := s.Attr(name); ok && strings.HasPrefix(strings.ToLower(strings.TrimSpace(v)), "javascript") {
					t.Errorf("%s: %s=%q", p.Name, name, v)
				}
			}
		})
	}
	out := html(t, views.Error(views.ErrorView{Status: 403, Links: []views.Link{{Text: "x", Href: "javascript:alert(1)"}}}))
	if strings.Contains(out, "javascript:") {
		t.Error("a link of an error page became a script")
	}
}

// T24: the whole markup uses what the policy and the htmx subset of DESIGN §6 allow.
func TestPagesObeyThePolicy(t *testing.T) {
	allowed := map[string]bool{
		"hx-get": true, "hx-post": true, "hx-trigger": true, "hx-swap": true, "hx-nonce": true, "hx-include": true,
		"hx-select-oob": true, "hx-sse:connect": true, "hx-sse:close": true,
	}
	for _, p := range samples(t, sample.Plain).Pages() {
		d := doc(t, p.Body)
		d.Find("*").Each(func(_ int, s *goquery.Selection) {
			for _, a := range s.Nodes[0].Attr {
				switch {
				case a.Key == "style", strings.HasPrefix(a.Key, "on"), strings.HasPrefix(a.Key, "data-hx-"),
					strings.HasPrefix(a.Key, "hx-") && !allowed[a.Key], strings.Contains(a.Val, "js:"):
					t.Errorf("%s: <%s %s=%q>", p.Name, s.Nodes[0].Data, a.Key, a.Val)
				}
			}
			if s.Is("[hx-get], [hx-post], [hx-trigger]") && s.AttrOr("hx-nonce", "") != "n0nce" {
				t.Errorf("%s: an htmx element without the nonce is stripped by the browser", p.Name)
			}
		})
		d.Find("script").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("src", "") == "" || s.AttrOr("nonce", "") != "n0nce" || strings.TrimSpace(s.Text()) != "" {
				t.Errorf("%s: inline or unsigned script", p.Name)
			}
		})
		if n := d.Find("style, iframe, object, embed, base, link[rel=stylesheet]:not([href^='/static/'])").Length(); n > 0 {
			t.Errorf("%s: %d forbidden elements", p.Name, n)
		}
	}
}

// Every form works without script: POST to an own address, a button that submits, each field named and labelled.
func TestFormsWorkWithoutScript(t *testing.T) {
	for _, p := range samples(t, sample.Plain).Pages() {
		d := doc(t, p.Body)
		d.Find("form").Each(func(_ int, f *goquery.Selection) {
			action := f.AttrOr("action", "")
			if !strings.HasPrefix(action, "/") || strings.HasPrefix(action, "//") {
				t.Errorf("%s: form to %q", p.Name, action)
			}
			if m := f.AttrOr("method", ""); m != "post" && f.AttrOr("role", "") != "search" && !f.HasClass("bulk") {
				t.Errorf("%s: form %s by %q", p.Name, action, m)
			}
			if f.Find("button[type=submit]").Length() == 0 {
				t.Errorf("%s: form %s has no button", p.Name, action)
			}
		})
		d.Find("main form").Find("input, select, textarea").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("name", "") == "" {
				t.Errorf("%s: a field without a name", p.Name)
			}
			id := s.AttrOr("id", "")
			labelled := s.AttrOr("type", "") == "hidden" || s.Closest("label").Length() > 0 ||
				(id != "" && d.Find(`label[for="`+id+`"]`).Length() > 0)
			if !labelled {
				t.Errorf("%s: field %q without a label", p.Name, s.AttrOr("name", ""))
			}
		})
	}
}

// What automated accessibility checks look for first (UI.md §6).
func TestPagesAreWellFormedForAssistiveTechnology(t *testing.T) {
	for _, p := range samples(t, sample.Plain).Pages() {
		d := doc(t, p.Body)
		if n := d.Find("h1").Length(); n != 1 {
			t.Errorf("%s: %d h1", p.Name, n)
		}
		if d.Find("main#main").Length() != 1 || d.Find("a.skip[href='#main']").Length() != 1 || d.Find("html[lang=en]").Length() != 1 {
			t.Errorf("%s: no main, skip link or language", p.Name)
		}
		if strings.TrimSpace(d.Find("title").Text()) == "" {
			t.Errorf("%s: no title", p.Name)
		}
		ids := map[string]int{}
		d.Find("[id]").Each(func(_ int, s *goquery.Selection) { ids[s.AttrOr("id", "")]++ })
		for id, n := range ids {
			if n > 1 {
				t.Errorf("%s: id %q stands %d times", p.Name, id, n)
			}
		}
		d.Find("a, button").Each(func(_ int, s *goquery.Selection) {
			if words(s) == "" {
				t.Errorf("%s: a link or button without words", p.Name)
			}
		})
		d.Find("[aria-describedby]").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("aria-invalid", "") == "true" && ids[strings.Fields(s.AttrOr("aria-describedby", "x"))[0]] == 0 {
				t.Errorf("%s: a refused field points at no words", p.Name)
			}
		})
		d.Find("table").Each(func(_ int, s *goquery.Selection) {
			bare := s.Find("tr:not([role=row]), td:not([role=cell]), th:not([role]), tbody:not([role])").Length()
			if s.AttrOr("role", "") != "table" || bare > 0 {
				t.Errorf("%s: a table that loses its meaning as cards (%d parts)", p.Name, bare)
			}
		})
	}
}

// T24: no way around the escaping stands in a template or in Go; generated code is what the generator made of them.
func TestTemplatesUseNoEscapes(t *testing.T) {
	forbidden := regexp.MustCompile(`templ\.Raw|templ\.SafeURL|templ\.SafeCSS|templ\.JSUnsafe|templ\.JSExpression|@templ\.|hx-on|\bjs:|\bstyle=|\bon[a-z]+=|<style|<script>|javascript:`)
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) < 10 {
		t.Fatal("no templates found", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			if m := forbidden.FindString(line); m != "" && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d: %s", name, i+1, m)
			}
		}
	}
	goFiles, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range goFiles {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		never := []string{"Raw", "JSUnsafeFuncCall", "ComponentScript", "SafeScript"}
		if !strings.HasSuffix(name, "_templ.go") {
			never = append(never, "SafeURL") // the generator declares variables of that type, filled by its sanitizer
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(never, sel.Sel.Name) {
				t.Errorf("%s: templ.%s", name, sel.Sel.Name)
			}
			return true
		})
	}
}

// Words stay apart: the generator drops the space between a line of text and a component below it.
func TestWordsStayApart(t *testing.T) {
	glued := regexp.MustCompile(`[\pL\d.,;:!?)”]<(?:time|b|code|a|small)\b[^>]*>[\pL\d]|</(?:time|b|code|a|small)>[\pL\d(“]|[\pL\d>] +[.,;](?: |<|$)`)
	for _, p := range samples(t, sample.Plain).Pages() {
		text := html(t, p.Body)
		for _, at := range glued.FindAllStringIndex(text, -1) {
			t.Errorf("%s: words without a space, or a space too much: …%s…", p.Name, text[max(0, at[0]-30):min(len(text), at[1]+30)])
		}
	}
}

// The vocabulary is the stylesheet's (UI.md §4): a class that it does not know has no looks.
func TestClassesHaveLooks(t *testing.T) {
	sheet, err := os.ReadFile("../static/stint.css")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`\.([a-z][\w-]*)`).FindAllStringSubmatch(string(sheet), -1) {
		known[m[1]] = true
	}
	for _, p := range samples(t, sample.Plain).Pages() {
		doc(t, p.Body).Find("[class]").Each(func(_ int, s *goquery.Selection) {
			for _, c := range strings.Fields(s.AttrOr("class", "")) {
				if !known[c] {
					t.Errorf("%s: nothing says how class %q looks", p.Name, c)
				}
			}
		})
	}
}
