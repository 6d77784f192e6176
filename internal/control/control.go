package control

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// ErrNotRunning says that no process serves the socket; the caller may open the database itself.
var ErrNotRunning = errors.New("no running Stint answers on the control socket")

// Error is what an operation said went wrong, in plain words.
type Error struct {
	Kind    string `json:"kind,omitempty"`  // of a pim.Refusal, else empty
	Field   string `json:"field,omitempty"` // likewise
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// maxBody bounds a request and an answer: far above the largest file `stint apply` takes.
const maxBody = 64 << 20

// maxSocketPath is what fits into sockaddr_un with its terminating zero on every system Stint builds for.
const maxSocketPath = 100

// reachable returns a path of the socket that is short enough to bind or connect to: where the real one is
// too long, one through an open descriptor of its directory. The caller closes the directory afterwards.
func reachable(path string) (short string, dir *os.File, err error) {
	if len(path) <= maxSocketPath {
		return path, nil, nil
	}
	if dir, err = os.Open(filepath.Dir(path)); err != nil {
		return "", nil, err
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), filepath.Base(path)), dir, nil
}

func closeDir(dir *os.File) {
	if dir != nil {
		_ = dir.Close() // opened to be named only
	}
}

// allowedPeer checks the other end of a connection.
func allowedPeer(c net.Conn) error {
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("control: not a Unix socket")
	}
	uid, err := peerUID(unix)
	if err != nil {
		return err
	}
	if uid != 0 && uid != os.Geteuid() {
		return errors.New("control: user " + strconv.Itoa(uid) + " may not use this socket")
	}
	return nil
}
