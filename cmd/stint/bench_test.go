package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkStart is the stripped binary from exec to its first answer, with a database that exists.
// Goals: at most 150 ms, 40 MB resident then, 40 MB of file.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	bin := filepath.Join(dir, "stint")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(bin)
	if err != nil {
		b.Fatal(err)
	}
	startOnce(b, bin, dir) // makes keys and database
	var took []time.Duration
	var resident int64
	for b.Loop() {
		d, kb := startOnce(b, bin, dir)
		took, resident = append(took, d), max(resident, kb)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-first-answer-p50")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-first-answer-max")
	b.ReportMetric(float64(resident)/1024, "MB-resident")
	b.ReportMetric(float64(info.Size())/(1<<20), "MB-binary")
}

func startOnce(b *testing.B, bin, dir string) (time.Duration, int64) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(bin, "serve", "--data", filepath.Join(dir, "data"), "--listen", address, "--oidc-issuer", "http://127.0.0.1:1", "--oidc-client-id", "bench")
	cmd.Stderr = nil
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			b.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Fatalf("serve ended with %v", err)
		}
	}()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		b.Fatal(err)
	}
	for {
		answer, err := http.Get("http://localhost:" + port + "/sign-in")
		if err == nil {
			answer.Body.Close()
			took := time.Since(start)
			if answer.StatusCode != http.StatusOK {
				b.Fatalf("the first answer is %s", answer.Status)
			}
			return took, rss(b, cmd.Process.Pid)
		}
		if time.Since(start) > 20*time.Second {
			b.Fatal("no answer within 20 s")
		}
	}
}

func rss(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("resident memory is read from /proc")
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb
		}
	}
	return 0
}
