package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestSignerMakesItsKeyOnce(t *testing.T) { // DESIGN invariant 12
	path := filepath.Join(t.TempDir(), "keys", "audit.key")
	s, err := OpenSigner(path, testOrigin, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %#o", name, info.Mode(), err, want)
		}
	}
	before, _ := os.ReadFile(path)
	for _, recorded := range []string{"", s.VKey()} {
		again, err := OpenSigner(path, testOrigin, recorded)
		if err != nil || again.VKey() != s.VKey() {
			t.Errorf("recorded %q: %v", recorded, err)
		}
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the key file was written again")
	}
}

func TestSignerRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"group can read":      {func(t *testing.T, path string) { chmod(t, path, 0o640) }, "chmod 600"},
		"world can read":      {func(t *testing.T, path string) { chmod(t, path, 0o604) }, "chmod 600"},
		"group can write":     {func(t *testing.T, path string) { chmod(t, path, 0o620) }, "chmod 600"},
		"missing":             {func(t *testing.T, path string) { remove(t, path) }, "is missing"},
		"empty":               {func(t *testing.T, path string) { write(t, path, "") }, "damaged"},
		"cut":                 {func(t *testing.T, path string) { write(t, path, "PRIVATE+KEY+x+00000000+") }, "damaged"},
		"a directory":         {func(t *testing.T, path string) { remove(t, path); mkdir(t, path) }, "plain file"},
		"the key of another":  {func(t *testing.T, path string) { remove(t, path); open(t, path, testOrigin) }, "does not fit"},
		"key of another host": {func(t *testing.T, path string) { remove(t, path); open(t, path, "other.example/stint/audit") }, "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys", "audit.key")
			vkey := open(t, path, testOrigin).VKey()
			secret, _ := os.ReadFile(path)
			c.spoil(t, path)
			_, err := OpenSigner(path, testOrigin, vkey)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("got %v; want the path and %q", err, c.want)
			}
			if key := string(secret[len(secret)-45 : len(secret)-1]); strings.Contains(err.Error(), key) {
				t.Error("the key is in the error") // T28
			}
			if _, err := os.Stat(path); name == "missing" && !os.IsNotExist(err) {
				t.Error("a new key was made in place of the lost one")
			}
		})
	}
}

func TestSignerRefusesOpenDirectoryAndBadOrigin(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	mkdir(t, dir)
	chmod(t, dir, 0o755)
	path := filepath.Join(dir, "audit.key")
	if _, err := OpenSigner(path, testOrigin, ""); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a key was made in an open directory")
	}
	path = filepath.Join(t.TempDir(), "keys", "audit.key")
	if _, err := OpenSigner(path, "has a space", ""); err == nil {
		t.Error("a key was made for an origin that cannot name one")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("an unusable key file was left behind")
	}
}

func TestSignerFirstStartIsARace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "audit.key")
	var mu sync.Mutex
	var wg sync.WaitGroup
	made := map[string]bool{}
	for range 8 {
		wg.Go(func() {
			if s, err := OpenSigner(path, testOrigin, ""); err == nil { // the loser of a race may see half a file and stop
				mu.Lock()
				defer mu.Unlock()
				made[s.VKey()] = true
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Errorf("%d keys were made", len(made))
	}
	if s, err := OpenSigner(path, testOrigin, ""); err != nil || !made[s.VKey()] {
		t.Errorf("the key on disk is not the one in use: %v", err)
	}
}

func TestSignerHidesItsKey(t *testing.T) { // T28
	path := filepath.Join(t.TempDir(), "keys", "audit.key")
	s := open(t, path, testOrigin)
	secret, _ := os.ReadFile(path)
	key := string(secret[len(secret)-45 : len(secret)-1])
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(format, s); strings.Contains(out, key) || strings.Contains(out, fmt.Sprint(s.seed)) {
			t.Errorf("%s prints the key", format)
		}
	}
}

func TestSignerForNextEpoch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "audit.key")
	first := open(t, path, testOrigin)
	second, err := first.ForOrigin(testOrigin + "/2")
	if err != nil {
		t.Fatal(err)
	}
	c, err := second.Sign(EmptyHead())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseCheckpoint(c.Note, first.VKey()); err == nil {
		t.Error("the first log's key verifies the second log")
	}
	if _, err := ParseCheckpoint(c.Note, second.VKey()); err != nil {
		t.Error(err)
	}
	again, err := OpenSigner(path, testOrigin+"/2", second.VKey()) // after a restart, from the same file
	if err != nil || again.Origin() != testOrigin+"/2" {
		t.Error(err)
	}
}

func open(t *testing.T, path, origin string) *Signer {
	t.Helper()
	s, err := OpenSigner(path, origin, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func chmod(t *testing.T, path string, mode os.FileMode) { t.Helper(); must(t, os.Chmod(path, mode)) }
func remove(t *testing.T, path string)                  { t.Helper(); must(t, os.Remove(path)) }
func mkdir(t *testing.T, path string)                   { t.Helper(); must(t, os.Mkdir(path, 0o700)) }
func write(t *testing.T, path, s string)                { t.Helper(); must(t, os.WriteFile(path, []byte(s), 0o600)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
