package main

import (
	"debug/elf"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const (
	imageUser   = 65532
	imageLimit  = 46 << 20 // bytes of the stripped binary; it was 40 before Prometheus and OpenTelemetry, 44 before access reviews
	dockerfile  = "../../Dockerfile"
	versionWord = "v0.0.0-image"
)

// imageBinary builds the binary with the very command of the Dockerfile.
func imageBinary(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0) (go build .*) -o /out/stint \./cmd/stint$`).FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("the Dockerfile has no build line of the known form")
	}
	binary := filepath.Join(t.TempDir(), "stint")
	build := exec.Command("sh", "-c", m[2]+` -o "$OUT" .`)
	build.Env = append(os.Environ(), m[1], "VERSION="+versionWord, "OUT="+binary)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", m[2], err, out)
	}
	return binary
}

// The image of the Dockerfile, without a container engine: an empty directory with the binary in it as the root, as
// the image's user.
func TestImage(t *testing.T) {
	binary := imageBinary(t)
	t.Run("static", func(t *testing.T) { static(t, binary) })
	t.Run("small", func(t *testing.T) {
		if info, err := os.Stat(binary); err != nil || info.Size() > imageLimit {
			t.Errorf("%d bytes, at most %d: %v", info.Size(), imageLimit, err)
		}
	})
	t.Run("chroot", func(t *testing.T) { emptyRoot(t, binary) })
	t.Run("embedded", embedded)
}

func static(t *testing.T, binary string) {
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary asks for a dynamic loader")
		}
	}
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary asks for %v: %v", libraries, err)
	}
}

// CA roots and time zones are part of the binary.
func embedded(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"time/tzdata", "golang.org/x/crypto/x509roots/fallback"} {
		if !slices.Contains(strings.Fields(string(out)), pkg) {
			t.Errorf("%s is not linked", pkg)
		}
	}
}

func emptyRoot(t *testing.T, binary string) {
	if os.Geteuid() != 0 {
		t.Skip("changing the root directory needs root")
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(binary, filepath.Join(root, "stint")); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) (string, error) {
		cmd := exec.Command("/stint", args...)
		cmd.Dir, cmd.Env = "/", []string{"STINT_DATA=/data", "STINT_KEYS=/keys"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: imageUser, Gid: imageUser}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := inside("version"); err != nil || !strings.HasPrefix(out, "stint "+versionWord+", ") {
		t.Errorf("version: %v\n%s", err, out)
	}
	if out, err := inside("config", "--values"); err != nil || !strings.Contains(out, "/keys") {
		t.Errorf("config: %v\n%s", err, out)
	}
	health(t, inside)
}

// health runs the image's health check against a Stint that is down, up, and up but unwell.
func health(t *testing.T, inside func(...string) (string, error)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := "--listen=" + l.Addr().String()
	status := make(chan int, 1)
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(<-status)
	})}
	go server.Serve(l) //nolint:errcheck // ends with Close
	status <- http.StatusOK
	if out, err := inside("health", listen); err != nil || out != "ok\n" {
		t.Errorf("up: %v\n%s", err, out)
	}
	status <- http.StatusServiceUnavailable
	if out, err := inside("health", listen); err == nil || !strings.Contains(out, "503") {
		t.Errorf("unwell: %v\n%s", err, out)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := inside("health", listen); err == nil || !strings.Contains(out, "nothing healthy answers") {
		t.Errorf("down: %v\n%s", err, out)
	}
}

// .dockerignore lets in every directory the binary is built from, and nothing else.
func TestDockerignore(t *testing.T) {
	text, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, pkg := range strings.Fields(string(out)) {
		rest, ours := strings.CutPrefix(pkg, "stint/")
		top, _, _ := strings.Cut(rest, "/")
		if ours && !slices.Contains(lines, "!"+top) {
			t.Errorf("%s is needed for the build, but %s is kept out of the image's build", pkg, top)
		}
	}
}
