package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X main.version=v1.2.3.
var version string

type versionCmd struct{}

// Run prints one line: version, commit, Go and platform.
func (versionCmd) Run(e *environment) error {
	name, commit := version, "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if name == "" {
			name = info.Main.Version
		}
		if s := commitOf(info); s != "" {
			commit = s
		}
	}
	_, err := fmt.Fprintf(e.stdout, "stint %s, commit %s, %s %s/%s\n", name, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func commitOf(info *debug.BuildInfo) (commit string) {
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value + commit
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += " (changed)"
		}
	}
	return commit
}
