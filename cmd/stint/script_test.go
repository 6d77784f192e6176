package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
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

// TestScript runs testdata/script/*.txtar, each in its own directory.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true})
}
