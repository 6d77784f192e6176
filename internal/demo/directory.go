package demo

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jimlambrt/gldap"
)

// Entry is one object a directory begins with.
type Entry struct {
	DN         string
	Attributes []Attribute
}

// Attribute is one attribute of an Entry, its name spelt as the schema spells it.
type Attribute struct {
	Name   string
	Values []string
}

// DirectoryConfig is what a demo directory needs. Every field but Log is required.
type DirectoryConfig struct {
	Listen       string // loopback IP address and port, such as 127.0.0.1:1389; port 0 takes any free one
	File         string // where entries and members are kept, mode 0600
	Seed         []Entry
	BaseDN       string // the naming context the root DSE names
	WriteBelow   string // members of groups below this DN may be changed, nothing else
	BindDN       string // the one account with a password, which alone may write
	BindPassword string
	Log          io.Writer        // gets one line for each change of members; nil for none
	Now          func() time.Time // the clock of those lines; its location is the zone they are written in
}

// Directory is a running LDAP server: everybody on this machine may read, the service account may change members.
type Directory struct {
	cfg        DirectoryConfig
	bindName   distinguishedName
	writeBelow distinguishedName
	addr       string
	server     *gldap.Server
	done       chan error // Run's result, once

	mu     sync.RWMutex
	tree   *tree
	bound  map[int]bool // connections authenticated as the service account
	ended  int          // connections that came and went
	closed bool
}

// NewDirectory opens the file, or seeds it, and serves LDAP until Close.
func NewDirectory(cfg DirectoryConfig) (*Directory, error) {
	d := &Directory{cfg: cfg, bound: map[int]bool{}}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("demo directory: %w", err)
	}
	var err error
	if d.tree, err = loadTree(cfg.File, cfg.Seed); err == nil {
		err = d.tree.save(cfg.File)
	}
	if err == nil {
		err = d.start()
	}
	if err != nil {
		return nil, fmt.Errorf("demo directory: %w", err)
	}
	return d, nil
}

func (d *Directory) check() (err error) {
	addr, err := netip.ParseAddrPort(d.cfg.Listen)
	if err != nil || !addr.Addr().IsLoopback() {
		return fmt.Errorf("listen address %q: give a loopback IP address and a port, such as 127.0.0.1:1389", d.cfg.Listen)
	}
	if d.cfg.File == "" || d.cfg.Now == nil || d.cfg.BindPassword == "" {
		return errors.New("file, clock and bind password are required")
	}
	if d.cfg.Log == nil {
		d.cfg.Log = io.Discard
	}
	if d.bindName, err = parseDN(d.cfg.BindDN); err != nil || len(d.bindName) == 0 {
		return fmt.Errorf("bind DN %q: %w", d.cfg.BindDN, errDN)
	}
	if d.writeBelow, err = parseDN(d.cfg.WriteBelow); err != nil || len(d.writeBelow) == 0 {
		return fmt.Errorf("write below %q: %w", d.cfg.WriteBelow, errDN)
	}
	return nil
}

// Addr is the address the directory listens on, with the real port.
func (d *Directory) Addr() string { return d.addr }

// Close stops listening and lets a change being written finish. A connection that a client holds open is answered
// "unavailable" at its next request and closed then: the server library offers no way to close it sooner.
func (d *Directory) Close() error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	d.mu.Unlock()
	if again {
		return nil
	}
	go func() { _ = d.server.Stop() }() // waits for idle clients: not ours to wait for
	return <-d.done
}

// start binds the port and serves. The server library opens the listener itself and does not tell its address, so the
// port is chosen and tried first, which also gives the plain error when it is taken.
func (d *Directory) start() error {
	var err error
	for range 3 {
		probe, lerr := net.Listen("tcp", d.cfg.Listen)
		if lerr != nil {
			return lerr
		}
		d.addr = probe.Addr().String()
		_ = probe.Close()
		if err = d.serve(); err == nil {
			return nil
		}
	}
	return err
}

func (d *Directory) serve() error {
	mux, err := d.routes()
	if err != nil {
		return err
	}
	d.server, err = gldap.NewServer(gldap.WithLogger(hclog.NewNullLogger()), gldap.WithOnClose(d.forget))
	if err != nil {
		return err
	}
	if err := d.server.Router(mux); err != nil {
		return err
	}
	d.done = make(chan error, 1)
	go func(server *gldap.Server, addr string, done chan<- error) { done <- server.Run(addr) }(d.server, d.addr, d.done)
	return d.awaitReady()
}

// awaitReady sees a first connection through to its end: the library counts connections in a way that must have begun
// before anybody stops it.
func (d *Directory) awaitReady() error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	tried := false
	for range 5000 {
		if !tried && d.server.Ready() {
			conn, err := net.Dial("tcp", d.addr)
			if tried = err == nil; tried {
				_ = conn.Close()
			}
		}
		if tried && d.served() {
			return nil
		}
		select {
		case err := <-d.done:
			return fmt.Errorf("not serving: %w", err)
		case <-tick.C:
		}
	}
	return errors.New("not ready after 5 s")
}

func (d *Directory) served() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.ended > 0
}

func (d *Directory) routes() (*gldap.Mux, error) {
	mux, err := gldap.NewMux()
	if err != nil {
		return nil, err
	}
	refuse := func(application int) gldap.HandlerFunc {
		return func(w *gldap.ResponseWriter, r *gldap.Request) {
			_ = w.Write(r.NewResponse(gldap.WithApplicationCode(application), gldap.WithResponseCode(gldap.ResultUnwillingToPerform),
				gldap.WithDiagnosticMessage("the demo directory binds, searches and changes members")))
		}
	}
	return mux, errors.Join(mux.Bind(d.bind), mux.Search(d.search), mux.Modify(d.modify),
		mux.Add(refuse(gldap.ApplicationAddResponse)), mux.Delete(refuse(gldap.ApplicationDelResponse)),
		mux.DefaultRoute(refuse(gldap.ApplicationExtendedResponse)))
}

func (d *Directory) forget(connection int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.bound, connection)
	d.ended++
}

// bind answers simple binds: anonymous, or the service account. A failed bind leaves the connection anonymous (RFC 4513 4).
func (d *Directory) bind(w *gldap.ResponseWriter, r *gldap.Request) {
	answer := r.NewBindResponse(gldap.WithResponseCode(gldap.ResultInvalidCredentials))
	defer func() { _ = w.Write(answer) }()
	d.forget(r.ConnectionID())
	m, err := r.GetSimpleBindMessage()
	if err != nil {
		answer.SetResultCode(gldap.ResultAuthMethodNotSupported)
		return
	}
	answer.SetResultCode(d.authenticate(r.ConnectionID(), m.UserName, string(m.Password)))
}

func (d *Directory) authenticate(connection int, dn, password string) (code int) {
	name, err := parseDN(dn)
	switch {
	case err != nil:
		return gldap.ResultInvalidDNSyntax
	case len(name) == 0 && password == "":
		return gldap.ResultSuccess
	case password == "":
		// A name without a password must not look like a successful sign-in (RFC 4513 5.1.2).
		return gldap.ResultUnwillingToPerform
	}
	right := subtle.ConstantTimeCompare([]byte(password), []byte(d.cfg.BindPassword)) == 1
	if name.key() != d.bindName.key() || !right {
		return gldap.ResultInvalidCredentials
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return gldap.ResultUnavailable
	}
	d.bound[connection] = true
	return gldap.ResultSuccess
}
