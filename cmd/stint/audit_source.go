package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stint/internal/audit"
)

// openBare opens a log that is not in a database: an export, or tiles in a directory or at an address. The caller calls close.
func (c *auditVerifyCmd) openBare(ctx context.Context, e *environment, vkeys func(origin string) ([]string, error)) (l audit.Log, close func() error, err error) {
	close = func() error { return nil }
	if c.URL == "" {
		info, err := os.Stat(c.What)
		if err != nil {
			return l, close, err
		}
		if !info.IsDir() {
			return c.openExport(vkeys)
		}
	}
	fetch, err := c.fetcher(ctx, e)
	if err != nil {
		return l, close, err
	}
	l, err = audit.OpenTiles(fetch, vkeys)
	return l, close, err
}

func (c *auditVerifyCmd) openExport(vkeys func(origin string) ([]string, error)) (l audit.Log, close func() error, err error) {
	f, err := os.Open(c.What)
	if err != nil {
		return l, nil, err
	}
	if l, err = audit.ReadExport(f); err == nil {
		l.VKeys, err = vkeys(l.Origin)
	}
	return l, f.Close, err
}

func (c *auditVerifyCmd) fetcher(ctx context.Context, e *environment) (audit.Fetch, error) {
	if c.URL == "" {
		return func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(c.What, path)) }, nil
	}
	cookie, err := c.Cookie.Read(e.env)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(strings.TrimSuffix(c.URL, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("--url: write an address such as https://stint.example.org/log")
	}
	if cookie != "" && u.Scheme != "https" && !onLoopback(u.Hostname()) {
		return nil, errors.New("--cookie: a session goes over https only")
	}
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return readable(func(path string) ([]byte, error) { return fetchURL(ctx, client, u.String()+"/"+path, cookie) }, u.String()), nil
}

// readable tells a log that ends from one that may not be read, or not any more: a Stint answers 404 to both. Whoever still
// gets the checkpoint may read the rest too.
func readable(fetch audit.Fetch, address string) audit.Fetch {
	return func(path string) ([]byte, error) {
		b, err := fetch(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
		if path != audit.CheckpointPath {
			if _, denied := fetch(audit.CheckpointPath); denied == nil {
				return nil, err
			} else if !errors.Is(denied, fs.ErrNotExist) {
				return nil, denied
			}
		}
		return nil, fmt.Errorf("%s answers 404: no log is there, or this session may not read it (an auditor's session is given with --cookie). This says nothing about the log", address)
	}
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxFetched is more than the largest tile of entries.
const maxFetched = audit.TileWidth * (audit.MaxLeaf + 2)

func fetchURL(ctx context.Context, client *http.Client, address, cookie string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", address, fs.ErrNotExist)
	case resp.StatusCode/100 == 3, resp.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%s asks for a sign-in: give an auditor's session with --cookie, or verify a mirror made by stint audit export --tiles", address)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %s", address, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxFetched+1))
	if err == nil && len(b) > maxFetched {
		err = fmt.Errorf("%s answers more than any tile has", address)
	}
	return b, err
}
