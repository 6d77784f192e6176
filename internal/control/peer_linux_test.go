package control_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Another user is turned away by the kernel's word, even where the file's mode would let them in.
func TestStrangersAreTurnedAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "stint.sock")
	serve(t, path, handlers)
	for _, name := range []string{dir, path} {
		if err := os.Chmod(name, 0o777); err != nil { // #nosec G302 -- the point of the test
			t.Fatal(err)
		}
	}
	type got struct {
		n   int
		err error
	}
	done := make(chan got, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread that became somebody else ends with its goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			done <- got{err: errno}
			return
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			done <- got{err: err}
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = c.Write([]byte("POST /ping HTTP/1.1\r\nHost: stint\r\nContent-Length: 4\r\n\r\nnull"))
		n, err := c.Read(make([]byte, 1))
		done <- got{n, err}
	}()
	switch g := <-done; {
	case g.n > 0:
		t.Error("a stranger was answered")
	case g.err == nil || os.IsTimeout(g.err):
		t.Errorf("the connection was not closed: %v", g.err)
	case g.err.Error() == "dial unix "+path+": connect: permission denied":
		t.Error("the file kept them out, not the check")
	}
}
