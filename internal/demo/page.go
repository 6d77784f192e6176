package demo

import (
	"bytes"
	_ "embed"
	"hash/fnv"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

//go:embed page.html
var pageText string

//go:embed demo.css
var styleText []byte

//go:embed icon.svg
var iconText []byte

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageModel is a page: a heading and a sentence, and the people when somebody is to be chosen.
type pageModel struct {
	Title, Text string
	Fields      []formField // the sign-in request, carried along
	People      []personModel
}

type formField struct{ Name, Value string }

type personModel struct {
	Person
	Initials, Tone string
}

// requestFields are the parameters the choice is made for; others are not carried along.
var requestFields = []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
	"code_challenge", "code_challenge_method"}

// choose shows the people.
func (p *Provider) choose(w http.ResponseWriter, q url.Values) {
	page := pageModel{Title: "Who do you want to be?", Text: "Choose a person of Northwind. There are no passwords here."}
	for _, name := range requestFields {
		if q.Has(name) {
			page.Fields = append(page.Fields, formField{name, q.Get(name)})
		}
	}
	for _, who := range p.cfg.People {
		page.People = append(page.People, personModel{who, initials(who.Name), tone(who.Subject)})
	}
	render(w, http.StatusOK, page)
}

// message shows a page that only says something.
func (p *Provider) message(w http.ResponseWriter, status int, title, text string) {
	render(w, status, pageModel{Title: title, Text: text})
}

func render(w http.ResponseWriter, status int, page pageModel) {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, page); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleText)
}

func icon(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(iconText)
}

// initials are the first letters of the first and the last name.
func initials(name string) string {
	words := strings.Fields(name)
	if len(words) > 2 {
		words = []string{words[0], words[len(words)-1]}
	}
	var letters strings.Builder
	for _, word := range words {
		first, _ := utf8.DecodeRuneInString(word)
		letters.WriteRune(first)
	}
	return letters.String()
}

// tone gives a person always the same one of six colours.
func tone(id string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id))
	return "c" + string(rune('1'+hash.Sum32()%6))
}
