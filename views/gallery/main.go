// Command gallery shows every page with sample data under the product's own Content-Security-Policy, so that
// looks can be judged, and photographed, without a database. For development.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata"

	"stint/static"
	"stint/views/sample"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8099", "address to serve on; loopback")
	out := flag.String("out", "", "write the pages as files into this directory instead")
	zone := flag.String("zone", "Europe/Berlin", "time zone of the reader")
	theme := flag.String("theme", "", "light, dark or empty for the system's")
	flag.Parse()
	if err := run(*addr, *out, *zone, *theme); err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

func run(addr, out, zone, theme string) error {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return fmt.Errorf("-zone: %w", err)
	}
	s := sample.Samples{T: sample.Plain, Nonce: "gallery", Theme: theme, Zone: loc}
	if out != "" {
		return write(s, out)
	}
	mux := http.NewServeMux()
	mux.Handle("/static/", static.Handler())
	mux.HandleFunc("/events", still)
	mux.HandleFunc("/events/", still)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { serve(s, w, r) })
	fmt.Println("gallery: http://" + addr + "/gallery")
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// still is a stream in which nothing happens: without it the pages would say that they are not kept up to date.
func still(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

const policy = "default-src 'none'; script-src 'nonce-%s'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx"

func serve(s sample.Samples, w http.ResponseWriter, r *http.Request) {
	if t := r.URL.Query().Get("theme"); t == "dark" || t == "light" {
		s.Theme = t
	}
	for _, p := range s.Pages() {
		if "/"+p.Name != r.URL.Path {
			continue
		}
		var page bytes.Buffer
		if err := p.Body.Render(r.Context(), &page); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf(policy, s.Nonce))
		_, _ = w.Write(page.Bytes())
		return
	}
	http.NotFound(w, r)
}

func write(s sample.Samples, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range s.Pages() {
		var page bytes.Buffer
		if err := p.Body.Render(context.Background(), &page); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		name := filepath.Join(dir, strings.ReplaceAll(p.Name, "/", "-")+".html")
		if err := os.WriteFile(name, page.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
