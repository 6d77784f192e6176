package stinttest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// Client is one browser: it keeps cookies, sends what browsers send and follows nothing by itself.
type Client struct {
	*http.Client
	world *World
	// Header is added to every request, after what browsers send; an empty value takes a header away.
	Header map[string]string
}

// Client opens a new browser.
func (w *World) Client() *Client {
	w.Helper()
	jar, err := cookiejar.New(nil)
	w.OK(err)
	return &Client{world: w, Client: &http.Client{Jar: jar, Transport: w.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Page is one answer.
type Page struct {
	*http.Response
	Body string
	doc  *goquery.Document
}

// Get asks for a path or an absolute address.
func (c *Client) Get(path string) *Page {
	c.world.Helper()
	return c.Do(http.MethodGet, path, nil)
}

// Fragment asks as htmx does.
func (c *Client) Fragment(path string) *Page {
	c.world.Helper()
	return c.Do(http.MethodGet, path, nil, "HX-Request", "true", "HX-Request-Type", "partial")
}

// Post sends a form from a page of Stint; pairs are field names and values.
func (c *Client) Post(path string, pairs ...string) *Page {
	c.world.Helper()
	return c.Do(http.MethodPost, path, Form(pairs...), "Origin", c.world.URL, "Sec-Fetch-Site", "same-origin")
}

// Form makes values from names and values in turn.
func Form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// Do sends any request; headers are names and values in turn.
func (c *Client) Do(method, path string, form url.Values, headers ...string) *Page {
	c.world.Helper()
	p, err := c.Try(method, path, form, headers...)
	c.world.OK(err)
	return p
}

// Try is Do for other goroutines than the test's.
func (c *Client) Try(method, path string, form url.Values, headers ...string) (*Page, error) {
	address := path
	if strings.HasPrefix(path, "/") {
		address = c.world.URL + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, address, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range c.Header {
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	response, err := c.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return &Page{Response: response, Body: string(text)}, err
}

// Cookie returns a cookie the browser holds, "" when it has none.
func (c *Client) Cookie(name string) string {
	u, err := url.Parse(c.world.URL)
	c.world.OK(err)
	for _, k := range c.Jar.Cookies(u) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// SetCookie puts a cookie into the browser, as a thief does.
func (c *Client) SetCookie(name, value string) {
	u, err := url.Parse(c.world.URL)
	c.world.OK(err)
	c.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// Location is where a redirect leads.
func (p *Page) Location() string { return p.Header.Get("Location") }

// Find selects in the page.
func (p *Page) Find(selector string) *goquery.Selection {
	if p.doc == nil {
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(p.Body))
		if err != nil {
			panic(err) // a string can always be read
		}
		p.doc = doc
	}
	return p.doc.Find(selector)
}

// Text is the text of what a selector finds, its spaces folded.
func (p *Page) Text(selector string) string {
	return strings.Join(strings.Fields(p.Find(selector).Text()), " ")
}

// Want stops the test when the status is another.
func (p *Page) Want(t interface {
	Helper()
	Fatalf(string, ...any)
}, status int) *Page {
	t.Helper()
	if p.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %s", p.Request.Method, p.Request.URL.Path, p.StatusCode, status, p.Text("main"))
	}
	return p
}
