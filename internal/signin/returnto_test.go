package signin_test

import (
	"net/url"
	"strings"
	"testing"

	"stint/internal/signin"
)

// outside are addresses that some browser or server reads as leading away (T6); all become "/".
var outside = []string{
	"", "e", "//", "//?", "//e", "///e", "/\\e", "\\/e", "\\\\e", "/%09/e", "/\t/e", "/\n/e", "/%0d%0aLocation:%20https://e", "https:e",
	"https://e", "https:/e", "https:///e", "javascript:alert(1)", "data:text/html,x", "/%2f%2fe", "/%2fe", "/%5ce", "/%5c%5ce",
	"//user@e", "//user:pass@e/", "user@e", " //e", "/a//e", "/a/%2f/e", "/..//e", "/.//e", "/%2e%2e//e", "/%00", "/\x00", "/\x7f",
	"/\u0085", "/\xff", "/%", "/%zz", "/?a=%zz", "/?a;b", "?next=//e", "#//e", "/" + strings.Repeat("a", 3000),
	"/?" + strings.Repeat("&", 1000) + strings.Repeat("ä", 1000),
}

func TestReturnTo(t *testing.T) {
	for _, raw := range outside {
		if got := signin.ReturnTo(raw); got != "/" {
			t.Errorf("ReturnTo(%q) = %q, want /", raw, got)
		}
	}
	for raw, want := range map[string]string{
		"/":                                "/",
		"/my-roles":                        "/my-roles",
		"/my-roles/":                       "/my-roles",
		"/approvals?state=open&q=a%20b":    "/approvals?q=a+b&state=open",
		"/roles?next=//e":                  "/roles?next=%2F%2Fe",
		"/roles?next=https://e/%0d%0a":     "/roles?next=https%3A%2F%2Fe%2F%0D%0A",
		"/activations/x#story":             "/activations/x",
		"/a/../../b":                       "/b",
		"/@e":                              "/@e",
		"/a:b":                             "/a:b",
		"/%D0%A0%D0%BE%D0%BB%D1%8C?q=роль": "/%D0%A0%D0%BE%D0%BB%D1%8C?q=%D1%80%D0%BE%D0%BB%D1%8C",
		"/a%3f//e":                         "/",
		"/a%3fb":                           "/a%3Fb",
	} {
		if got := signin.ReturnTo(raw); got != want {
			t.Errorf("ReturnTo(%q) = %q, want %q", raw, got, want)
		}
	}
}

// T6: whatever comes in, the browser stays on this host.
func FuzzReturnTo(f *testing.F) {
	for _, raw := range outside {
		f.Add(raw)
	}
	f.Add("/my-roles?q=1#x")
	base, err := url.Parse("https://stint.example/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := signin.ReturnTo(raw)
		to, err := base.Parse(got)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme || to.User != nil {
			t.Fatalf("%q became %q, which leads to %v (%v)", raw, got, to, err)
		}
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\t\r\n\x00 ") {
			t.Fatalf("%q became %q, which browsers may read as another host", raw, got)
		}
		if again := signin.ReturnTo(got); again != got {
			t.Fatalf("%q became %q, then %q", raw, got, again)
		}
	})
}
