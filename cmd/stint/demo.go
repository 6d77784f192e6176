package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"stint/internal/broker"
	"stint/internal/config"
	"stint/internal/demo"
	"stint/internal/orgfile"
	"stint/internal/store"
)

type demoCmd struct {
	Dir       string `default:"demo-data" help:"Directory of everything the demo keeps. A restart finds it again."`
	Reset     bool   `help:"Begin anew: forget what the demo kept."`
	Port      int    `default:"8080" help:"Port of the portal on localhost."`
	Provider  int    `default:"9080" help:"Port of the demo's OpenID provider on 127.0.0.1."`
	Directory int    `default:"1389" help:"Port of the demo's LDAP directory on 127.0.0.1."`
}

const demoClient = "stint-demo"

// Run starts the portal with an OpenID provider and an LDAP directory of its own, all on loopback.
func (c *demoCmd) Run(ctx context.Context, e *environment) error {
	if err := c.directory(ctx); err != nil {
		return err
	}
	directory, err := c.startDirectory(e)
	if err != nil {
		return err
	}
	defer directory.Close()
	cfg, err := c.config()
	if err != nil {
		return err
	}
	closeProvider, err := c.startProvider(cfg, e)
	if err != nil {
		return err
	}
	defer closeProvider()
	n, err := openNode(ctx, cfg, e, "demo")
	if err != nil {
		return err
	}
	defer n.close()
	if err := c.apply(ctx, n, directory.Addr()); err != nil {
		return err
	}
	return n.serve(ctx, e, serveOptions{demo: true, ready: func(string) { c.welcome(e.stdout, cfg, directory.Addr()) }})
}

// demoMark is the file that says that a directory is the demo's. It is made only in a new or empty one.
const demoMark = "this-is-a-stint-demo"

// demoNames are what the demo keeps in its directory beside the mark: all that --reset removes.
var demoNames = []string{"data", "keys", "checkpoint", "checkpoint.new", "checkpoint.grants", "checkpoint.grants.new", "checkpoint.grants.unusable", "directory.json", "directory.password", "provider.key"}

// directory makes the demo's directory, or finds it again and with --reset empties it. Somebody else's is refused.
func (c *demoCmd) directory(ctx context.Context) error {
	var err error
	if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return err
	}
	there, err := os.ReadDir(c.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	marked := slices.ContainsFunc(there, func(f fs.DirEntry) bool { return f.Name() == demoMark && f.Type().IsRegular() })
	switch {
	case len(there) == 0:
		return errors.Join(os.MkdirAll(c.Dir, 0o700), os.WriteFile(filepath.Join(c.Dir, demoMark), []byte("stint demo --reset removes what the demo keeps here.\n"), 0o600))
	case !marked:
		return fmt.Errorf("%s was not made by the demo, which leaves it alone; name a new or empty directory with --dir", c.Dir)
	case c.Reset:
		return c.reset(ctx)
	}
	return nil
}

// reset removes the demo's own files, and those only when no database but the demo's is among them.
func (c *demoCmd) reset(ctx context.Context) error {
	data := &config.Config{Data: filepath.Join(c.Dir, "data")} // a file, always
	free, err := store.Free(data.DatabaseFile())
	if err != nil {
		return err
	}
	if _, err := os.Lstat(data.DatabaseFile()); !errors.Is(err, fs.ErrNotExist) && modeOf(ctx, data, nil) != "demo" {
		return errors.Join(fmt.Errorf("%s is not a database of the demo, so --reset leaves it alone; choose another --dir, or remove it yourself", data.DatabaseFile()), free())
	}
	var errs []error
	for _, name := range demoNames {
		errs = append(errs, os.RemoveAll(filepath.Join(c.Dir, name)))
	}
	return errors.Join(append(errs, free())...)
}

func (c *demoCmd) startDirectory(e *environment) (*demo.Directory, error) {
	password, err := demo.Secret(filepath.Join(c.Dir, "directory.password"))
	if err != nil {
		return nil, err
	}
	seed, err := demo.NorthwindDirectorySeed()
	if err != nil {
		return nil, err
	}
	d, err := demo.NewDirectory(demo.DirectoryConfig{Listen: loopback(c.Directory), File: filepath.Join(c.Dir, "directory.json"), Seed: seed,
		BaseDN: demo.NorthwindBaseDN, WriteBelow: demo.NorthwindGroupsDN, BindDN: demo.NorthwindBindDN, BindPassword: password, Log: e.stdout, Now: e.now})
	if err != nil {
		return nil, portTaken("directory", c.Directory, err)
	}
	return d, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)) }

func portTaken(flag string, port int, err error) error {
	return fmt.Errorf("the demo cannot use port %d (%w). Is another demo running? Choose another port with --%s", port, err, flag)
}

func (c *demoCmd) config() (*config.Config, error) {
	cfg := &config.Config{Organisation: "Northwind", Contact: "Grace Liu: grace@northwind.example", LogLevel: "warn", Data: filepath.Join(c.Dir, "data"), Keys: filepath.Join(c.Dir, "keys"),
		Checkpoint: filepath.Join(c.Dir, "checkpoint"), Listen: loopback(c.Port), PublicURL: fmt.Sprintf("http://localhost:%d", c.Port),
		OIDCIssuer: "http://" + loopback(c.Provider), OIDCClientID: demoClient, OIDCBindingClaims: config.List{"preferred_username"},
		OIDCEnrolClaim: "amr", OIDCEnrolValues: config.List{"hwk"}}
	return cfg, cfg.Complete()
}

func (c *demoCmd) startProvider(cfg *config.Config, e *environment) (func() error, error) {
	people, err := demo.NorthwindPeople()
	if err != nil {
		return nil, err
	}
	p, err := demo.NewProvider(demo.ProviderConfig{BaseURL: cfg.OIDCIssuer, ClientID: demoClient, RedirectURLs: []string{cfg.RedirectURL()},
		PostLogoutRedirectURLs: []string{cfg.PublicURL + "/sign-in"}, People: people, Now: e.now, KeyFile: filepath.Join(c.Dir, "provider.key")})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", loopback(c.Provider))
	if err != nil {
		return nil, portTaken("provider", c.Provider, err)
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l) //nolint:errcheck // ends with Close below
	return server.Close, nil
}

// apply brings Northwind in by the same path as any file.
func (c *demoCmd) apply(ctx context.Context, n *node, directory string) error {
	doc, err := orgfile.Parse("northwind.yaml", demo.Northwind(directory))
	if err != nil {
		return err
	}
	_, err = n.broker.Apply(ctx, doc, broker.ApplyOptions{Env: c.lookup})
	return err
}

// lookup answers the one variable the demo's file asks for.
func (c *demoCmd) lookup(name string) (string, bool) {
	if name != demo.NorthwindSecretEnv {
		return "", false
	}
	password, err := demo.Secret(filepath.Join(c.Dir, "directory.password"))
	return password, err == nil
}

func (c *demoCmd) welcome(w io.Writer, cfg *config.Config, directory string) {
	fmt.Fprintf(w, `
Stint demo: the organisation Northwind, all on this machine.

  Open         %s
  Sign in as   Alice Keller   activates roles (add a passkey first: it takes one touch)
               Bob Okafor     approves
               Grace Liu      administers Stint, once she activated it
               Erin Sato      audits
  Watch        ldapsearch -x -LLL -H ldap://%s -b %s '(cn=dba)' member

Every change of a membership in the directory is printed below.
Ctrl-C ends the demo and keeps its data; stint demo --reset begins anew.

`, cfg.PublicURL, directory, demo.NorthwindGroupsDN)
}
