package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds every body the provider sends; metadata, keys and claims are a few KB.
const maxAnswer = 1 << 20

// hardened returns a copy of base that follows no redirect (a 307 from the token endpoint would carry
// code, verifier and secret elsewhere), reads at most maxAnswer, and always has a time-out.
func hardened(base *http.Client) *http.Client {
	c := http.Client{Timeout: defaultTimeout}
	if base != nil {
		c = *base
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = limited{c.Transport}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Jar = nil
	return &c
}

type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// transportFault says in a few words why no answer came, or "" when err is not about the network.
// Bodies are left out: a library error may quote what the provider sent.
func transportFault(err error, limit time.Duration) string {
	var urlErr *url.Error
	var netErr net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled by the caller"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return fmt.Sprintf("no answer within %s", limit)
	case errors.As(err, &urlErr):
		return urlErr.Err.Error()
	}
	return ""
}
