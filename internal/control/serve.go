package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"stint/internal/pim"
)

// Handler is one operation: a JSON value in, a value for JSON out. A *pim.Refusal crosses with its kind.
type Handler func(ctx context.Context, in json.RawMessage) (any, error)

// Handlers are the operations by name.
type Handlers map[string]Handler

// Serve answers on the socket until ctx ends; the operations under way are finished first. The caller holds
// the database's lock. The error is nil after ctx ended.
func Serve(ctx context.Context, path string, handlers Handlers) error {
	l, err := listen(path)
	if err != nil {
		return fmt.Errorf("the control socket %s: %w", path, err)
	}
	server := &http.Server{Handler: handlers, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(peers{l}) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		err = server.Shutdown(grace)
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	short, dir, err := reachable(path)
	if err != nil {
		return nil, err
	}
	defer closeDir(dir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// Its short path ends with this function; a socket left behind is replaced at the next start.
	l.SetUnlinkOnClose(dir == nil)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// peers accepts only connections of this user or root, whatever the file's mode says.
type peers struct{ net.Listener }

func (p peers) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if allowedPeer(c) == nil {
			return c, nil
		}
		_ = c.Close() // a stranger: nothing to tell them
	}
}

// ServeHTTP answers POST /NAME.
func (h Handlers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, ok := h[r.URL.Path[min(1, len(r.URL.Path)):]]
	if !ok || r.Method != http.MethodPost {
		answer(w, http.StatusNotFound, &Error{Message: "this Stint does not know the operation " + r.URL.Path + "; the command and the running process may be of different versions"})
		return
	}
	in, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, http.StatusBadRequest, &Error{Message: "the request could not be read: " + err.Error()})
		return
	}
	out, err := handler(r.Context(), in)
	if err != nil {
		answer(w, http.StatusUnprocessableEntity, plain(err))
		return
	}
	answer(w, http.StatusOK, out)
}

func plain(err error) *Error {
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return &Error{Kind: string(refusal.Kind), Field: refusal.Field, Message: refusal.Message}
	}
	return &Error{Message: err.Error()}
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"message":"the answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the command is gone when this fails
}
