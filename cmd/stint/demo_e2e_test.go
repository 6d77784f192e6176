//go:build e2e

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	ldap "github.com/go-ldap/ldap/v3"

	"stint/internal/demo"
)

// runningDemo is `stint demo`, the real binary on ports of its own.
type runningDemo struct {
	t         *testing.T
	portal    string // address to open
	provider  string
	directory string // ldap://…
	lock      sync.Mutex
	printed   []string
}

// startDemo builds stint, starts the demo and waits until it says what to open.
func startDemo(t *testing.T) *runningDemo {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "stint")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p := freePorts(t, 3)
	d := &runningDemo{t: t, portal: fmt.Sprintf("http://localhost:%d", p[0]), provider: fmt.Sprintf("http://127.0.0.1:%d", p[1]), directory: fmt.Sprintf("ldap://127.0.0.1:%d", p[2])}
	cmd := exec.Command(binary, "demo", "--dir", filepath.Join(t.TempDir(), "demo"),
		"--port", fmt.Sprint(p[0]), "--provider", fmt.Sprint(p[1]), "--directory", fmt.Sprint(p[2]))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go d.keep(bufio.NewScanner(out), ended)
	t.Cleanup(func() { d.end(cmd, ended) })
	d.waitReady(ended)
	return d
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (d *runningDemo) keep(lines *bufio.Scanner, ended chan<- struct{}) {
	for lines.Scan() {
		d.lock.Lock()
		d.printed = append(d.printed, lines.Text())
		d.lock.Unlock()
	}
	close(ended)
}

func (d *runningDemo) output() string {
	d.lock.Lock()
	defer d.lock.Unlock()
	return strings.Join(d.printed, "\n")
}

func (d *runningDemo) waitReady(ended <-chan struct{}) {
	d.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); ; {
		if answer, err := http.Get(d.portal + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK && strings.Contains(d.output(), d.portal) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ended:
			d.t.Fatalf("the demo ended:\n%s", d.output())
		case <-late:
			d.t.Fatalf("the demo does not answer:\n%s", d.output())
		}
	}
}

// end stops the demo as Ctrl-C does, and shows what it printed when something failed.
func (d *runningDemo) end(cmd *exec.Cmd, ended <-chan struct{}) {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		d.t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		d.t.Error("the demo does not end on Ctrl-C")
		_ = cmd.Process.Signal(syscall.SIGKILL)
	}
	if err := cmd.Wait(); err != nil {
		d.t.Errorf("the demo: %v", err)
	}
	if d.t.Failed() {
		d.t.Logf("the demo printed:\n%s", d.output())
	}
}

// members asks the directory, as ldapsearch does, who is in a group.
func (d *runningDemo) members(group string) []string {
	d.t.Helper()
	c, err := ldap.DialURL(d.directory)
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	found, err := c.Search(ldap.NewSearchRequest(demo.NorthwindGroupsDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 10, false,
		"(cn="+ldap.EscapeFilter(group)+")", []string{"member"}, nil))
	if err != nil {
		d.t.Fatal(err)
	}
	if len(found.Entries) != 1 {
		d.t.Fatalf("%d groups %s", len(found.Entries), group)
	}
	return found.Entries[0].GetAttributeValues("member")
}

func (d *runningDemo) holds(group, uid string, want bool) {
	d.t.Helper()
	list := d.members(group)
	if got := slices.ContainsFunc(list, func(dn string) bool { return strings.HasPrefix(dn, "uid="+uid+",") }); got != want {
		d.t.Errorf("%s in %s: %v, want %v; members %q", uid, group, got, want, list)
	}
}
