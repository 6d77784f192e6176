// Command report reads `go test -json` and prints what a reader needs: one line a package, everything a failed test said,
// every skipped test with its reason. It fails when a test failed, and, with CI=true or STINT_E2E=1, when one was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// suite is what has been read so far.
type suite struct {
	out     io.Writer
	said    map[string][]string // package or package.test -> its lines
	skipped []string
	failed  bool
}

func main() {
	strict := os.Getenv("CI") == "true" || os.Getenv("STINT_E2E") == "1"
	if err := report(os.Stdin, os.Stdout, strict); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func report(in io.Reader, out io.Writer, strict bool) error {
	s := suite{out: out, said: map[string][]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		s.take(e)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return s.verdict(strict)
}

func (s *suite) take(e event) {
	key := e.Package + e.ImportPath + "." + e.Test
	switch e.Action {
	case "output", "build-output":
		s.said[key] = append(s.said[key], e.Output)
	case "pass":
		if e.Test == "" {
			fmt.Fprint(s.out, strings.Join(slices.DeleteFunc(s.said[key], func(l string) bool { return !strings.HasPrefix(l, "ok") }), ""))
		}
		delete(s.said, key)
	case "skip":
		if e.Test != "" {
			s.skipped = append(s.skipped, fmt.Sprintf("SKIP %s %s: %s", e.Package, e.Test, reason(s.said[key])))
		}
		delete(s.said, key)
	case "fail", "build-fail":
		s.failed = true
		if e.Test == "" {
			s.unfinished(e.Package)
		}
		fmt.Fprint(s.out, strings.Join(s.said[key], ""))
		delete(s.said, key)
	}
}

// unfinished prints the tests a panic or a time-out cut off: their output has no verdict of its own.
func (s *suite) unfinished(pkg string) {
	for key, lines := range s.said {
		if pkg != "" && strings.HasPrefix(key, pkg+".Test") {
			fmt.Fprint(s.out, strings.Join(lines, ""))
		}
	}
}

// reason is what the test said when it skipped itself.
func reason(lines []string) string {
	var words []string
	for _, l := range lines {
		if l = strings.TrimSpace(l); !strings.HasPrefix(l, "===") && !strings.HasPrefix(l, "---") {
			words = append(words, l)
		}
	}
	return strings.Join(words, " ")
}

func (s *suite) verdict(strict bool) error {
	for _, line := range s.skipped {
		fmt.Fprintln(s.out, line)
	}
	switch {
	case s.failed:
		return fmt.Errorf("FAIL")
	case strict && len(s.skipped) > 0:
		return fmt.Errorf("FAIL: %d tests were skipped, where CI=true or STINT_E2E=1 promises that everything runs", len(s.skipped))
	}
	return nil
}
