package slapd

import (
	"os/exec"
	"syscall"
)

// endWithUs has the kernel end the server when the test process dies without cleaning up.
func endWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
