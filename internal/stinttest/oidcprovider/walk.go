package oidcprovider

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// maxSteps is above what sign-in, consent and their redirects take.
const maxSteps = 20

// Browser returns an http.Client with its own cookies, as a fresh browser has.
func Browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// SignIn opens address (the authorization request) in browser, fills in the provider's forms as login,
// and returns the callback's URL without opening it. browser needs a cookie jar; where it still holds the
// provider's session no form appears.
func (p *Provider) SignIn(t testing.TB, browser *http.Client, address, login string) *url.URL {
	t.Helper()
	return p.walk(t, browser, address, url.Values{"login": {login}, "password": {"any"}}, false)
}

// Abort is SignIn by a person who chooses "cancel" at the first form.
func (p *Provider) Abort(t testing.TB, browser *http.Client, address string) *url.URL {
	t.Helper()
	return p.walk(t, browser, address, nil, true)
}

// SignOut opens address (the provider's sign-out) in browser and says yes.
func (p *Provider) SignOut(t testing.TB, browser *http.Client, address string) {
	t.Helper()
	resp, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := goquery.NewDocumentFromReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	yes, err := submit(resp.Request.URL, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	q, err := io.ReadAll(yes.Body)
	if err != nil {
		t.Fatal(err)
	}
	form := string(q) + "&logout=yes"
	yes.Body, yes.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
	done, err := browser.Do(yes)
	if err != nil {
		t.Fatal(err)
	}
	if err := done.Body.Close(); err != nil || done.StatusCode >= http.StatusBadRequest {
		t.Fatalf("signing out answered %s, %v", done.Status, err)
	}
}

func (p *Provider) walk(t testing.TB, browser *http.Client, address string, fields url.Values, abort bool) *url.URL {
	t.Helper()
	byHand := *browser
	byHand.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range maxSteps {
		resp, err := byHand.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		next, err := nextStep(resp, fields, abort)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatalf("%s: %v", req.URL, err)
		}
		if next.URL.Scheme+"://"+next.URL.Host != p.Issuer {
			return next.URL
		}
		req = next
	}
	t.Fatalf("still at the provider after %d steps: %s", maxSteps, req.URL)
	return nil
}

// nextStep follows a redirect, or submits the page's form.
func nextStep(resp *http.Response, fields url.Values, abort bool) (*http.Request, error) {
	if to, err := resp.Location(); err == nil {
		return http.NewRequest(http.MethodGet, to.String(), nil)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the provider answered %s", resp.Status)
	}
	page, err := goquery.NewDocumentFromReader(resp.Body)
	if err != nil {
		return nil, err
	}
	if abort {
		link, _ := page.Find(`a[href$="/abort"]`).Attr("href")
		to, err := resp.Request.URL.Parse(link)
		if err != nil || link == "" {
			return nil, fmt.Errorf("the page has no way to cancel: %s", page.Text())
		}
		return http.NewRequest(http.MethodGet, to.String(), nil)
	}
	return submit(resp.Request.URL, page, fields)
}

func submit(at *url.URL, page *goquery.Document, fields url.Values) (*http.Request, error) {
	form := page.Find("form").First()
	action, ok := form.Attr("action")
	to, err := at.Parse(action)
	if err != nil || !ok {
		return nil, fmt.Errorf("the page has no form: %s", page.Text())
	}
	values := url.Values{}
	form.Find("input[name]").Each(func(_ int, in *goquery.Selection) {
		name := in.AttrOr("name", "")
		values.Set(name, in.AttrOr("value", fields.Get(name)))
	})
	req, err := http.NewRequest(http.MethodPost, to.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}
