//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/docs/samples/nginxtest"
)

// Debian's nginx with the sample configuration in front of the real server: people sign in and activate through it, and
// whatever they or their neighbours write into headers, the log has the address nginx saw (T35). An open page is told at
// once, and does not hold the server's end back.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.front = nginxtest.Reserve(t)
	_, port, err := net.SplitHostPort(h.front)
	h.ok(err)
	h.url = "https://" + net.JoinHostPort(nginxtest.Host, port)
	h.from = "127.0.0.9"
	s := newSiteAt(t, h, "public_url: "+h.url, "trusted_proxies: [127.0.0.1]")
	h.roots = nginxtest.Start(t, "../../docs/samples/nginx.conf", h.front, h.listen).CAs
	s.stint("apply", "org.yaml")
	s.serve("/readyz")

	ada, operator := s.operator()
	page := s.listen(ada)
	if ada.Cookie("__Host-stint") == "" {
		t.Error("behind https the session's cookie is not bound to the host")
	}
	given := ada.Activate(operator)
	s.await(soon, page.heard("news"))
	s.awaitMember(true, "ada", "operators", soon)
	ada.Post("/activations/"+given+"/deactivate").Want(t, http.StatusSeeOther)
	s.awaitMember(false, "ada", "operators", soon)

	forged := map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Real-Ip": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Forwarded-Host": "evil.example"}
	ada.Header = forged
	forgedPage := ada.Get("/my-roles").Want(t, http.StatusOK)
	if strings.Contains(forgedPage.Body, "evil.example") {
		t.Error("the page believes X-Forwarded-Host")
	}
	s.wantClient(forgedPage.Header.Get("X-Request-Id"), "127.0.0.9")

	h.front = h.listen // a neighbour who reaches Stint beside the proxy
	beside := h.browser()
	beside.Header = forged
	plain := beside.Do(http.MethodGet, strings.Replace(h.url, "https://", "http://", 1)+"/sign-in", nil).Want(t, http.StatusOK)
	s.wantClient(plain.Header.Get("X-Request-Id"), "127.0.0.9")

	h.from = "127.0.0.1" // the proxy's own address, where the header counts
	proxy := h.browser()
	proxy.Header = map[string]string{"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
	plain = proxy.Do(http.MethodGet, strings.Replace(h.url, "https://", "http://", 1)+"/sign-in", nil).Want(t, http.StatusOK)
	s.wantClient(plain.Header.Get("X-Request-Id"), "198.51.100.7") // what the proxy itself added, not what came before it

	began := time.Now()
	s.stop() // an open page does not hold the server back: the patience of its end is 5 s
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the server ended after %s", took)
	}
	s.await(soon, page.heard("end of the stream"))
}

// openPage is the stream of a page that is open.
type openPage struct {
	lock  sync.Mutex
	lines []string
}

// listen opens a page's stream.
func (s *site) listen(who *visitor) *openPage {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+"/events", nil)
	s.ok(err)
	answer, err := who.Client.Client.Do(r)
	s.ok(err)
	s.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		s.Fatalf("the stream: %s", answer.Status)
	}
	p := &openPage{}
	go func() {
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			p.keep(lines.Text())
		}
		p.keep("event: end of the stream")
	}()
	s.await(soon, p.heard("news")) // without since, a page is told to read itself
	p.forget()
	return p
}

func (p *openPage) keep(line string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.lines = append(p.lines, line)
}

func (p *openPage) forget() {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.lines = nil
}

// heard waits for an event.
func (p *openPage) heard(name string) func() string {
	return func() string {
		p.lock.Lock()
		defer p.lock.Unlock()
		if slices.Contains(p.lines, "event: "+name) {
			return ""
		}
		return "the page was not told: " + name
	}
}

// wantClient looks up a request in the log.
func (s *site) wantClient(request, client string) {
	s.Helper()
	s.await(soon, func() string {
		for line := range strings.Lines(s.served.log.String()) {
			var entry struct{ Msg, ID, Client string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "request" && entry.ID == request {
				if entry.Client != client {
					s.Errorf("the log has client %s, want %s", entry.Client, client)
				}
				return ""
			}
		}
		return "the log does not have the request " + request
	})
}
