package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X main.version=v1.2.3.
var version string

type versionCmd struct{}

// Run prints one line: version, commit, Go and platform.
func (versionCmd) Run(e *environment) error {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		commit = cmp.Or(commitOf(info), commit)
	}
	_, err := fmt.Fprintf(e.stdout, "stint %s, commit %s, %s %s/%s\n", programVersion(), commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// programVersion is what the linker was told, else what the build knows of the module.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(version, info.Main.Version)
	}
	return version
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
