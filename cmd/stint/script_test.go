package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"stint/internal/stinttest/postgres"
)

// TestMain makes this test binary the stint command that the scripts run: the real main, in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(cleaning{m}, map[string]func(){"stint": main})
}

// builtIn is a directory that a test made for all tests; it goes with the last of them.
var builtIn string

type cleaning struct{ testscript.TestingM }

func (c cleaning) Run() int {
	code := c.TestingM.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	return code
}

// TestScript runs testdata/script/*.txtar, each in its own directory. They may use two commands more: freeport NAME...
// sets each variable to a free port of loopback; ready ADDRESS waits until a Stint answers there; postgres NAME makes an
// empty database on a real PostgreSQL and sets the variable to its address and PGPASSWORD to its password.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"freeport": freePort, "ready": ready,
			"postgres": func(ts *testscript.TestScript, _ bool, names []string) { postgresFor(t, ts, names[0]) }}})
}

func postgresFor(t *testing.T, ts *testscript.TestScript, name string) {
	u, err := url.Parse(postgres.Start(t).Database(t))
	ts.Check(err)
	u.User = url.User(u.User.Username())
	ts.Setenv(name, u.String())
	ts.Setenv("PGPASSWORD", postgres.Password)
}

func freePort(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

func ready(ts *testscript.TestScript, _ bool, args []string) {
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := http.Get("http://" + args[0] + "/healthz")
		if err == nil {
			_ = answer.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("nothing answers at %s: %v", args[0], err)
		}
	}
}
