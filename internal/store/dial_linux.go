package store

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// giveUp ends a connection whose other side does not acknowledge what was sent (TCP_USER_TIMEOUT, tcp(7)).
func giveUp(network, _ string, c syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	if failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patienceWithServer.Milliseconds()))
	}); failed != nil {
		return failed
	}
	return err
}
