package web_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

const openPages = 1_000

// BenchmarkOpenPages is the time from before a commit until a page that shows it has been read again, over loopback,
// with 1,000 pages open. Goal: p99 at most 1 s. "one": each commit concerns one of them; "everyone": all, which read
// themselves again at once. Beside it the raw limit: a handler that does nothing but tell and answer. KB/page is what
// server and client of an open page hold together.
func BenchmarkOpenPages(b *testing.B) {
	b.Run("one", func(b *testing.B) { benchOne(b, newCrowd(b)) })
	b.Run("one-raw", func(b *testing.B) { benchOne(b, newRawCrowd(b)) })
	b.Run("everyone", func(b *testing.B) { benchEveryone(b, newCrowd(b)) })
	b.Run("everyone-raw", func(b *testing.B) { benchEveryone(b, newRawCrowd(b)) })
}

// crowd is a thousand people with an open page each.
type crowd struct {
	*testing.B
	url     string
	headers []string      // the cookie of each
	told    chan int      // whose page was told and has been read again
	held    uint64        // bytes an open page holds
	change  func(who int) // something on the page of one changes
	all     func()        // something on all pages changes
	client  *http.Client
	ended   sync.WaitGroup
}

func (c *crowd) open() {
	c.told = make(chan int, 4*openPages)
	c.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 0}}
	before := held()
	ctx, cancel := context.WithCancel(c.Context())
	began := make(chan error, openPages)
	for i := range openPages {
		c.ended.Go(func() {
			if err := c.page(ctx, i, began); err != nil {
				began <- err
			}
		})
	}
	for range openPages {
		if err := <-began; err != nil {
			c.Fatal(err)
		}
	}
	c.held = (held() - before) / openPages
	c.Cleanup(func() { cancel(); c.ended.Wait(); c.client.CloseIdleConnections() })
}

// page listens and reads itself again when told; its first report is that it listens.
func (c *crowd) page(ctx context.Context, i int, began chan<- error) error {
	stream := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := c.get(ctx, stream, i, "/events?since="+c.headers[openPages])
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("stream %d: %s", i, answer.Status)
	}
	began <- nil
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if lines.Text() == "event: news" && c.again(ctx, i) == nil {
			c.told <- i
		}
	}
	return nil
}

func (c *crowd) again(ctx context.Context, i int) error {
	answer, err := c.get(ctx, c.client, i, "/my-roles")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func (c *crowd) get(ctx context.Context, client *http.Client, i int, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("HX-Request", "true")
	r.Header.Set("Cookie", c.headers[i])
	return client.Do(r)
}

func held() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// newCrowd is a thousand people who may activate a role each.
func newCrowd(b *testing.B) *crowd {
	w := stinttest.New(b)
	w.Role("dba", stinttest.Rules{NoPasskey: true, NoReason: true, Approvers: []string{"boss"}})
	w.Person("boss")
	c := &crowd{B: b, url: w.URL}
	var people []string
	for i := range openPages {
		id := fmt.Sprintf("p%04d", i)
		secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(fmt.Sprintf("%032d", i)))
		sum := sha256.Sum256([]byte(secret))
		w.Do(func(tx *store.Tx) error {
			if err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}); err != nil {
				return err
			}
			return tx.InsertSession(store.SessionRow{ID: hex.EncodeToString(sum[:]), PrincipalID: id, Data: "{}", ExpiresAt: tx.Now.Add(time.Hour)})
		})
		w.Do(func(tx *store.Tx) error {
			return tx.InsertAccount(pim.Account{ID: "account-of-" + id, PrincipalID: id, TargetID: stinttest.Directory, Name: id, ExternalID: id, ConfirmedAt: tx.Now, Source: pim.SourceFile})
		})
		w.Eligible(id, "dba", time.Time{})
		people = append(people, id)
		c.headers = append(c.headers, "stint="+secret)
	}
	w.Group("all", people...)
	c.headers = append(c.headers, head(w))
	open := map[int]string{}
	c.change = func(who int) {
		actor := broker.Actor{PrincipalID: people[who]}
		if id := open[who]; id != "" {
			delete(open, who)
			w.OK(w.Broker.Cancel(b.Context(), actor, id))
			return
		}
		out, err := w.Broker.RequestActivation(b.Context(), actor, pim.ActivationRequest{AssignmentID: people[who] + "-dba", Duration: time.Hour})
		w.OK(err)
		open[who] = out.ActivationID
	}
	c.all = func() {
		w.Do(func(tx *store.Tx) error {
			tx.Emit(pim.Event{Type: pim.EvAssignmentChanged, Actor: pim.System, Subject: "all", Result: pim.OK})
			return nil
		})
	}
	c.open()
	return c
}

// newRawCrowd is a server that knows nobody, with an answer of the size of the page.
func newRawCrowd(b *testing.B) *crowd {
	page := []byte(strings.Repeat("x", 9_000))
	news := make([]chan struct{}, openPages)
	c := &crowd{B: b, headers: make([]string, openPages+1)}
	for i := range news {
		news[i], c.headers[i] = make(chan struct{}, 1), fmt.Sprintf("i=%d", i)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			_, _ = w.Write(page)
			return
		}
		var i int
		_, _ = fmt.Sscanf(r.Header.Get("Cookie"), "i=%d", &i)
		ctl := http.NewResponseController(w)
		_ = ctl.Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-news[i]:
				_, _ = io.WriteString(w, "event: news\ndata:\n\n")
				_ = ctl.Flush()
			}
		}
	}))
	b.Cleanup(server.Close)
	c.url = server.URL
	c.change = func(who int) { news[who] <- struct{}{} }
	c.all = func() {
		for i := range news {
			news[i] <- struct{}{}
		}
	}
	c.open()
	return c
}

func benchOne(b *testing.B, c *crowd) {
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		who := i * 7 % openPages
		start := time.Now()
		c.change(who)
		for got := -1; got != who; {
			got = c.next()
		}
		took = append(took, time.Since(start))
	}
	c.report(took)
}

func benchEveryone(b *testing.B, c *crowd) {
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		c.all()
		seen := map[int]bool{}
		for len(seen) < openPages {
			who := c.next()
			if !seen[who] {
				seen[who] = true
				took = append(took, time.Since(start))
			}
		}
	}
	c.report(took)
}

func (c *crowd) next() int {
	select {
	case who := <-c.told:
		return who
	case <-time.After(time.Minute):
		c.Fatal("a page is not told")
		return 0
	}
}

func (c *crowd) report(took []time.Duration) {
	slices.Sort(took)
	c.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	c.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	c.ReportMetric(float64(c.held)/1024, "KB/page")
}
