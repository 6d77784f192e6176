package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// Call asks the running Stint for an operation and returns its JSON answer. The error is ErrNotRunning when
// nobody serves the socket, and an *Error when the operation said no.
func Call(ctx context.Context, path, name string, in any) (json.RawMessage, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, (&url.URL{Scheme: "http", Host: "stint", Path: "/" + name}).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) }}}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNotRunning
	case err != nil:
		return nil, fmt.Errorf("the running Stint did not answer on %s: %w", path, err)
	}
	defer response.Body.Close()
	return read(response)
}

func read(response *http.Response) (json.RawMessage, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("the running Stint broke off its answer: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return body, nil
	}
	said := &Error{}
	if json.Unmarshal(body, said) != nil || said.Message == "" {
		return nil, fmt.Errorf("the running Stint answered %s", response.Status)
	}
	return nil, said
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	short, dir, err := reachable(path)
	if err != nil {
		return nil, err
	}
	defer closeDir(dir)
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", short)
	if err != nil {
		return nil, err
	}
	if err := allowedPeer(c); err != nil { // whoever else sits on the path gets no secret
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}
