package oidcprovider

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed package.json package-lock.json launcher.mjs
var files embed.FS

const installLimit = 3 * time.Minute

// install returns a directory with the launcher and its packages, made at most once per version.
func install(t testing.TB) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			absent(t, "The third-party OpenID provider needs Node.js and npm; install the packages nodejs and npm.")
		}
	}
	name, err := version()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	dir := filepath.Join(cache, "stint-test", "oidc-provider-"+name)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := fill(dir); err != nil {
		absent(t, "The third-party OpenID provider cannot be installed by npm ci: "+err.Error())
	}
	return dir
}

// absent skips the test, or fails it where the environment promises that everything is there.
func absent(t testing.TB, sentence string) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("STINT_E2E") == "1" {
		t.Fatal(sentence)
	}
	t.Skip(sentence)
}

// version changes with every byte of what is installed.
func version() (string, error) {
	sum := sha256.New()
	err := each(func(name string, content []byte) error {
		_, err := fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:12], err
}

// fill installs beside dir and renames, so that a second process never sees half of it.
func fill(dir string) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	err = each(func(name string, content []byte) error {
		return os.WriteFile(filepath.Join(fresh, name), content, 0o600)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), installLimit)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, there := os.Stat(dir); there == nil {
			return nil // another test binary was faster
		}
		return err
	}
	return nil
}

func each(do func(name string, content []byte) error) error {
	entries, err := files.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		content, err := files.ReadFile(e.Name())
		if err != nil {
			return err
		}
		if err := do(e.Name(), content); err != nil {
			return err
		}
	}
	return nil
}
