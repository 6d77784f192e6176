package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/control"
	"stint/internal/pim"
)

// serve runs a socket until the test ends and waits until it answers.
func serve(t *testing.T, path string, h control.Handlers) context.CancelFunc {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- control.Serve(ctx, path, h) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(5 * time.Second); ; {
		if _, err := control.Call(ctx, path, "ping", nil); !errors.Is(err, control.ErrNotRunning) {
			return stop
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the socket never answered")
		}
	}
}

var handlers = control.Handlers{
	"ping": func(context.Context, json.RawMessage) (any, error) { return "pong", nil },
	"echo": func(_ context.Context, in json.RawMessage) (any, error) { return in, nil },
	"no": func(context.Context, json.RawMessage) (any, error) {
		return nil, pim.Invalid("person", "No person of that name.")
	},
	"fault": func(context.Context, json.RawMessage) (any, error) {
		return nil, errors.New("line 3: wrong\nline 4: wrong")
	},
}

func TestCallAndAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.sock")
	serve(t, path, handlers)
	out, err := control.Call(t.Context(), path, "echo", map[string]string{"file": "né"})
	if err != nil || string(out) != `{"file":"né"}` {
		t.Fatalf("%s, %v", out, err)
	}
	var said *control.Error
	if _, err := control.Call(t.Context(), path, "no", nil); !errors.As(err, &said) || said.Kind != "invalid" || said.Field != "person" || said.Message != "No person of that name." {
		t.Errorf("refusal: %v", err)
	}
	if _, err := control.Call(t.Context(), path, "fault", nil); err == nil || err.Error() != "line 3: wrong\nline 4: wrong" {
		t.Errorf("fault: %v", err)
	}
	if _, err := control.Call(t.Context(), path, "other", nil); err == nil || !strings.Contains(err.Error(), "different versions") {
		t.Errorf("unknown operation: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A path longer than a socket's address can hold works all the same.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "stint.sock")
	serve(t, path, handlers)
	if out, err := control.Call(t.Context(), path, "ping", nil); err != nil || string(out) != `"pong"` {
		t.Fatalf("%s, %v", out, err)
	}
}

// Without a process, and with the socket file of a dead one, the caller is told to do it alone; the next
// process takes the file over.
func TestNobodyServes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.sock")
	if _, err := control.Call(t.Context(), path, "ping", nil); !errors.Is(err, control.ErrNotRunning) {
		t.Fatalf("no file: %v", err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Call(t.Context(), path, "ping", nil); !errors.Is(err, control.ErrNotRunning) {
		t.Fatalf("dead file: %v", err)
	}
	serve(t, path, handlers)
	if _, err := control.Call(t.Context(), path, "ping", nil); err != nil {
		t.Fatal(err)
	}
}

// An operation under way is finished although the process is told to stop.
func TestStopFinishesWhatRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.sock")
	began, release := make(chan struct{}), make(chan struct{})
	stop := serve(t, path, control.Handlers{"ping": handlers["ping"], "slow": func(ctx context.Context, _ json.RawMessage) (any, error) {
		close(began)
		<-release
		return "done", ctx.Err()
	}})
	answer := make(chan error, 1)
	go func() {
		_, err := control.Call(context.WithoutCancel(t.Context()), path, "slow", nil)
		answer <- err
	}()
	<-began
	stop()
	close(release)
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
}
