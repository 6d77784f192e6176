package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/config"
	"stint/internal/control"
	"stint/internal/store"
)

const orgFile = `version: 1
targets:
  - id: directory
    kind: ldap
    name: Directory
    settings: {address: "ldap://127.0.0.1:1", base_dn: "dc=example,dc=org", bind_dn: "cn=stint,dc=example,dc=org"}
    secret: {env: DIRECTORY_PASSWORD}
    may_write: ["*,ou=groups,dc=example,dc=org"]
people:
  - {id: alice, name: Alice Keller}
`

// desk is a data directory and a file to apply.
type desk struct {
	*testing.T
	dir  string
	env  map[string]string
	file string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, dir: t.TempDir()}
	d.file = filepath.Join(d.dir, "org.yaml")
	d.env = map[string]string{"STINT_DATA": filepath.Join(d.dir, "data"), "STINT_LOG_LEVEL": "error", "DIRECTORY_PASSWORD": "canary"}
	d.write(orgFile)
	return d
}

func (d *desk) write(text string) {
	d.Helper()
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) lookup(name string) (string, bool) { v, ok := d.env[name]; return v, ok }

func (d *desk) run(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(context.WithoutCancel(d.Context()), args, strings.NewReader(""), &out, &out, d.lookup)
	return out.String(), err
}

func (d *desk) must(args ...string) string {
	d.Helper()
	out, err := d.run(args...)
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// node opens the database as `stint serve` does.
func (d *desk) node() *node {
	d.Helper()
	cfg := &config.Config{Data: d.env["STINT_DATA"], Listen: "127.0.0.1:8080", LogLevel: "error"}
	if err := cfg.Complete(); err != nil {
		d.Fatal(err)
	}
	n, err := openNode(d.Context(), cfg, &environment{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, env: d.lookup, now: time.Now}, "")
	if err != nil {
		d.Fatal(err)
	}
	return n
}

// serve lets a process hold the database and answer its socket until stop.
func (d *desk) serve() (n *node, stop func()) {
	d.Helper()
	n = d.node()
	ctx, cancel := context.WithCancel(d.Context())
	done := make(chan struct{})
	go func() { n.control(ctx); close(done) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(10 * time.Second); ; {
		if _, err := control.Call(ctx, socket(n.cfg), "nothing", nil); !errors.Is(err, control.ErrNotRunning) {
			break
		}
		select {
		case <-tick.C:
		case <-limit:
			d.Fatal("the socket does not answer")
		}
	}
	return n, func() {
		cancel()
		<-done
		if err := n.close(); err != nil {
			d.Error(err)
		}
	}
}

// While a process runs, apply works through it, with the environment of whoever applies; faults come back as
// they are. Without one it works alone.
func TestApplyThroughTheRunningProcess(t *testing.T) {
	d := newDesk(t)
	n, stop := d.serve()
	if out := d.must("apply", d.file, "--dry-run", "--wait", "0s"); !strings.Contains(out, "Would make 2,") {
		t.Errorf("%s", out)
	}
	if out := d.must("apply", d.file, "--wait", "0s"); !strings.Contains(out, `+ person/alice "Alice Keller" (line 10)`) || !strings.Contains(out, "Made 2,") {
		t.Errorf("%s", out)
	}
	if names, err := store.Read(t.Context(), n.store, func(r *store.Reader) (int, error) { p, err := r.Principals("person"); return len(p), err }); err != nil || names != 1 {
		t.Errorf("%d people, %v", names, err)
	}
	d.write(strings.Replace(orgFile, "alice,", "Alice,", 1))
	if _, err := d.run("apply", d.file); err == nil || !strings.Contains(err.Error(), `people[1].id: "Alice" is not an id`) {
		t.Errorf("%v", err)
	}
	d.write(strings.Replace(orgFile, "kind: ldap", "kind: ldap\n    colour: red", 1))
	if _, err := d.run("apply", d.file); err == nil || !strings.Contains(err.Error(), d.file+":5:5: ") {
		t.Errorf("%v", err)
	}
	d.write(orgFile)
	if out := d.must("export"); !strings.Contains(out, "{id: alice, name: Alice Keller}") {
		t.Errorf("%s", out)
	}
	d.write(orgFile + "  - {id: bob, name: Bob Okafor}\n")
	if _, err := d.run("apply", d.file, "--reseal"); err == nil || !strings.Contains(err.Error(), "stop it before --reseal") {
		t.Errorf("%v", err)
	}
	stop()
	if out := d.must("apply", d.file, "--wait", "0s"); !strings.Contains(out, "Made 1,") {
		t.Errorf("%s", out)
	}
}

// A lost sealing key: Stint says so and does not start; applying with --reseal makes a new one and seals anew.
func TestResealAfterTheKeyWasLost(t *testing.T) {
	d := newDesk(t)
	d.must("apply", d.file, "--wait", "0s")
	key := filepath.Join(d.dir, "data-keys", sealKeyFile)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if _, err := d.run("apply", d.file); err == nil || !strings.Contains(err.Error(), "the sealing key "+key+" is missing") {
		t.Errorf("%v", err)
	}
	if out := d.must("apply", d.file, "--reseal", "--wait", "0s"); !strings.Contains(out, "~ target/directory: the secret at env:DIRECTORY_PASSWORD has changed") {
		t.Errorf("%s", out)
	}
	n := d.node()
	defer n.close()
	sealed, err := store.Read(t.Context(), n.store, func(r *store.Reader) (string, error) {
		targets, err := r.Targets()
		for _, target := range targets {
			if target.Key == "directory" {
				secret, err := n.sealer.Unseal(target.ID, target.Sealed)
				return string(secret), err
			}
		}
		return fmt.Sprint(targets), err
	})
	if err != nil || sealed != "canary" {
		t.Errorf("%q, %v", sealed, err)
	}
}
