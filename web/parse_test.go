package web

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stint/internal/store"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minutes, other string
		want           time.Duration
		ok             bool
	}{
		{"60", "", time.Hour, true}, {"1", "", time.Minute, true}, {"9999", "", 9999 * time.Minute, true}, {"30", "2:00", 30 * time.Minute, true},
		{"", "1:30", 90 * time.Minute, true}, {"", "0:05", 5 * time.Minute, true}, {"", "12:00", 12 * time.Hour, true}, {"", "1h30m", 90 * time.Minute, true},
		{"", "2h", 2 * time.Hour, true}, {"", "90m", 90 * time.Minute, true}, {"", "0:00", 0, true}, {"", "0h", 0, true},
		{"", "", 0, false}, {"060", "", 0, false}, {"+60", "", 0, false}, {"60 ", "", 0, false}, {"10000", "", 0, false}, {"６０", "", 0, false},
		{"", "1:60", 0, false}, {"", "1:5", 0, false}, {"", "1.5h", 0, false}, {"", "1H", 0, false}, {"", "-1:00", 0, false}, {"", "30m1h", 0, false},
		{"", "1h 30m", 0, false}, {"", "100:00", 0, false}, {"", "1:30\n", 0, false}, {"", "٣:٠٠", 0, false}, {"", "PT1H", 0, false}, {"", "1d", 0, false},
	} {
		got, err := parseDuration(c.minutes, c.other)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("parseDuration(%q, %q) = %v, %v", c.minutes, c.other, got, err)
		}
	}
}

// T22, T31: a browser in words, whatever it sends: short, in one line, and nothing that changes its direction.
func TestBrowserWords(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                 "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0":          "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                  "Safari on macOS",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36":                        "Chrome on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/139.0 Mobile/15E148 Safari/604.1": "Chrome on an iPhone",
		"Mozilla/5.0 (Windows NT 10.0)": "Unknown browser on Windows",
		"":                              "Unknown browser",
		"\u202e\x00\r\n\xff":            "Unknown browser",
		"curl/8.14.1":                   "curl",
		" <b>Own\u202etool\x07/1</b>\n": "<b>Owntool/1</b>",
		strings.Repeat("ü", 70000):      strings.Repeat("ü", maxBrowser),
		"Firefox/1 \u202e Linux" + strings.Repeat("x", 99): "Firefox on Linux",
	} {
		if got := browserWords(agent); got != want {
			t.Errorf("%.90q is called %.90q, want %.90q", agent, got, want)
		}
	}
}

// T15, F12: no text gives a duration that is negative or longer than the digits it has.
func FuzzDuration(f *testing.F) {
	for _, seed := range [][2]string{{"60", ""}, {"", "1:30"}, {"", "1h30m"}, {"-1", ""}, {"1e308", ""}, {"", "PT24H0.0000001S"}, {"99999999999999999999", "x"}, {"", "99h9999m"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, minutes, other string) {
		d, err := parseDuration(minutes, other)
		if err != nil && d != 0 || d < 0 || d > 99*time.Hour+9999*time.Minute || d%time.Minute != 0 {
			t.Errorf("parseDuration(%q, %q) = %v, %v", minutes, other, d, err)
		}
	})
}

// F12: what is read as a cursor is written the same way again.
func FuzzCursor(f *testing.F) {
	f.Add(cursor(store.Keyset{At: time.UnixMicro(1795338000000000), ID: "d5timcfcafk62nkncuptkowolzw2rdju"}))
	for _, seed := range []string{"", "x", "AAAAAAAAAAAA", "AAAAAAAAAABh", "________8GFh", "AAAA\nAAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parseCursor(text)
		switch {
		case err != nil && k != (store.Keyset{}):
			t.Errorf("%q is refused and gives %v", text, k)
		case err == nil && text != "" && (cursor(k) != text || k.ID == ""):
			t.Errorf("%q is read as %v, which is written %q", text, k, cursor(k))
		}
	})
}

// T35: the client is the right-most address that no trusted proxy has.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		remote string
		hops   []string
		want   string
	}{
		{"203.0.113.5:1", nil, "203.0.113.5"},
		{"203.0.113.5:1", []string{"198.51.100.1"}, "203.0.113.5"}, // not from a proxy
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6", "198.51.100.1"}, "198.51.100.1"}, // the header sent twice
		{"10.0.0.1:1", []string{"198.51.100.1, rubbish"}, "10.0.0.1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"[::1]:1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"[::ffff:10.0.0.1]:1", []string{"198.51.100.1"}, "198.51.100.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		for _, h := range c.hops {
			r.Header.Add("X-Forwarded-For", h)
		}
		if got := clientAddress(r, proxies); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.remote, c.hops, got, c.want)
		}
	}
}

func TestChoices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ usual, longest time.Duration }{
		{time.Hour, 8 * time.Hour}, {time.Hour, time.Hour}, {30 * time.Minute, 24 * time.Hour}, {8 * time.Hour, 24 * time.Hour}, {5 * time.Minute, 10 * time.Minute},
		{100 * time.Minute, 4 * time.Hour}, {time.Minute, time.Minute},
	} {
		list := choices(c.usual, c.longest)
		if len(list) > 5 || list[len(list)-1] != c.longest {
			t.Errorf("choices(%v, %v) = %v", c.usual, c.longest, list)
		}
		found := false
		for i, d := range list {
			found = found || d == c.usual
			if i > 0 && d <= list[i-1] {
				t.Errorf("choices(%v, %v) = %v is not in order", c.usual, c.longest, list)
			}
		}
		if !found {
			t.Errorf("choices(%v, %v) = %v lacks the default", c.usual, c.longest, list)
		}
	}
}

// A line of the table that says too little stops the program at its start (DESIGN §7.4, T33).
func TestRouteWithoutAccessPanics(t *testing.T) {
	t.Parallel()
	do := func(*Server, *request) error { return nil }
	for name, r := range map[string]route{
		"nobody may": {method: get, path: "/x", do: do}, "unknown access": {get, "/x", "root", do}, "does nothing": {method: get, path: "/x", who: person},
		"odd method": {"PUT", "/x", person, do}, "no path": {method: get, who: person, do: do},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			(&Server{}).mount(nil, r)
		}()
	}
	seen := map[string]bool{}
	for _, r := range routes {
		if seen[r.method+r.path] {
			t.Errorf("%s %s stands twice", r.method, r.path)
		}
		seen[r.method+r.path] = true
	}
}
