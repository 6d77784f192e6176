package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed *.css *.js *.svg *.woff2
var files embed.FS

// prefix is where Handler is mounted.
const prefix = "/static/"

// asset is one file under its hashed name.
type asset struct {
	name  string // "stint.0f3a….css"
	kind  string // Content-Type
	plain []byte
	gzip  func() []byte // nil when the format is compressed already
}

// table maps plain names and hashed names; it is built when first asked for.
var table = sync.OnceValue(func() map[string]*asset {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("static: embedded files: " + err.Error())
	}
	t := map[string]*asset{}
	add := func(name string, body []byte) {
		a := newAsset(name, body)
		t[name], t[a.name] = a, a
	}
	var sheets []string
	for _, e := range entries {
		if path.Ext(e.Name()) == ".css" {
			sheets = append(sheets, e.Name())
			continue
		}
		add(e.Name(), read(e.Name()))
	}
	// Stylesheets last: they name other files, and a changed font must change the stylesheet's hash too.
	for _, name := range sheets {
		body := string(read(name))
		for plain, a := range t {
			body = strings.ReplaceAll(body, `url("`+plain+`")`, `url("`+a.name+`")`)
		}
		add(name, []byte(body))
	}
	return t
})

func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic("static: " + err.Error())
	}
	return b
}

func newAsset(name string, body []byte) *asset {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	a := &asset{
		name:  strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext,
		kind:  kinds[ext],
		plain: body,
	}
	if ext != ".woff2" {
		a.gzip = sync.OnceValue(func() []byte { return squeeze(body) })
	}
	return a
}

var kinds = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

func squeeze(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // errs only on an unknown level
	_, _ = w.Write(body)                                    // a bytes.Buffer never errs
	_ = w.Close()
	return out.Bytes()
}

// URL is the address of a file by its plain name: URL("stint.css") is "/static/stint.<hash>.css".
// It panics on a name that was not built in: that is a spelling mistake in a template.
func URL(name string) string {
	a, ok := table()[name]
	if !ok {
		panic(fmt.Sprintf("static: no file %q", name))
	}
	return prefix + a.name
}

// Handler answers GET and HEAD below /static/ for the hashed names that URL gives; everything else is 404.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, prefix)
		a := table()[name]
		if a == nil || a.name != name {
			http.NotFound(w, r)
			return
		}
		a.serve(w, r)
	})
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	body := a.plain
	if a.gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = a.gzip()
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the reader went away: nothing to do
}
