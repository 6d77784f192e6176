// Package slapd runs a real OpenLDAP server for a test: Debian's slapd on loopback with its own ports, directory and
// certificate authority.
//
// The directory holds ou=people, ou=groups and ou=services beneath BaseDN. The service account may read everything and
// write memberships beneath ou=groups only; beneath ou=blind it may not see memberships, and ou=hidden not at all.
package slapd

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/stinttest/slapd/testca"
)

// What every server is set up with.
const (
	BaseDN          = "dc=example,dc=org"
	ServiceDN       = "cn=stint,ou=services," + BaseDN
	ServicePassword = "service-secret"

	managerDN       = "cn=manager," + BaseDN
	managerPassword = "manager-secret"
	readyWithin     = 15 * time.Second
)

// Server is a running slapd. Its methods write as the directory's manager, beside whatever is tested.
type Server struct {
	URL    string // ldap://127.0.0.1:port, also StartTLS
	TLSURL string // ldaps://127.0.0.1:port
	CAFile string

	binary string
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}
	output bytes.Buffer
}

// Start runs a server until the test ends. Without slapd installed the test is skipped, or fails when STINT_E2E or CI
// says that everything must run.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{binary: find(t), dir: t.TempDir()}
	certs := testca.New(t, s.dir, "127.0.0.1")
	s.CAFile = certs.CA
	s.configure(t, certs)
	plain, secure := freePort(t), freePort(t)
	s.URL, s.TLSURL = "ldap://"+plain, "ldaps://"+secure
	s.Run(t)
	t.Cleanup(s.Stop)
	s.populate(t)
	return s
}

func find(t testing.TB) string {
	for _, path := range []string{"/usr/sbin/slapd", "/usr/lib/openldap/slapd", "/usr/libexec/slapd"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if os.Getenv("STINT_E2E") == "1" || os.Getenv("CI") == "true" {
		t.Fatal("slapd is not installed: apt-get install slapd")
	}
	t.Skip("slapd is not installed: apt-get install slapd")
	return ""
}

func (s *Server) configure(t testing.TB, certs testca.Files) {
	if err := os.Mkdir(filepath.Join(s.dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer(
		"{DIR}", s.dir, "{CERT}", certs.Cert, "{KEY}", certs.Key, "{CA}", certs.CA,
		"{BASE}", BaseDN, "{SERVICE}", ServiceDN, "{MANAGER}", managerDN, "{PASSWORD}", managerPassword,
	).Replace(configuration)
	if err := os.WriteFile(filepath.Join(s.dir, "slapd.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
}

const configuration = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {DIR}/slapd.pid
argsfile {DIR}/slapd.args
TLSCertificateFile {CERT}
TLSCertificateKeyFile {KEY}
TLSCACertificateFile {CA}
sizelimit 500
database mdb
directory {DIR}/db
suffix "{BASE}"
rootdn "{MANAGER}"
rootpw {PASSWORD}
index objectClass,entryUUID,uid,cn,member,memberUid eq
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=hidden,{BASE}" by * none
access to dn.subtree="ou=blind,{BASE}" attrs=member,uniqueMember,memberUid,owner by * none
access to dn.subtree="ou=groups,{BASE}" attrs=member,uniqueMember,memberUid,owner by dn.exact="{SERVICE}" write by * none
access to * by dn.exact="{SERVICE}" read by * none
`

// freePort asks the kernel for a port nobody listens on.
func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Run starts the server again after Stop, with the data it had.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command(s.binary, "-d", "none", "-f", filepath.Join(s.dir, "slapd.conf"), "-h", s.URL+"/ "+s.TLSURL+"/")
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	endWithUs(s.cmd)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	s.awaitReady(t)
}

func (s *Server) awaitReady(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if c, err := net.Dial("tcp", strings.TrimPrefix(s.TLSURL, "ldaps://")); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-again.C:
		case <-s.exited:
			t.Fatalf("slapd ended at once: %s", s.output.String())
		case <-ctx.Done():
			t.Fatalf("slapd does not listen after %s", readyWithin)
		}
	}
}

// Stop ends the server; its data stay.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

func (s *Server) populate(t testing.TB) {
	s.Add(t, BaseDN, "objectClass", "dcObject", "objectClass", "organization", "o", "Example")
	for _, ou := range []string{"people", "groups", "services", "blind", "hidden"} {
		s.Add(t, "ou="+ou+","+BaseDN, "objectClass", "organizationalUnit")
	}
	s.Add(t, ServiceDN, "objectClass", "organizationalRole", "objectClass", "simpleSecurityObject",
		"userPassword", ServicePassword)
}

// asManager runs fn on a connection of the directory's manager.
func (s *Server) asManager(t testing.TB, what string, fn func(*goldap.Conn) error) {
	t.Helper()
	c, err := goldap.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bind(managerDN, managerPassword); err != nil {
		t.Fatal(err)
	}
	if err := fn(c); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Add makes an entry of attribute, value pairs; an attribute may come more than once.
func (s *Server) Add(t testing.TB, dn string, pairs ...string) {
	t.Helper()
	add := goldap.NewAddRequest(dn, nil)
	var order []string
	values := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		if values[pairs[i]] == nil {
			order = append(order, pairs[i])
		}
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	for _, a := range order {
		add.Attribute(a, values[a])
	}
	s.asManager(t, "add "+dn, func(c *goldap.Conn) error { return c.Add(add) })
}

// AddPerson makes a person with that uid beneath ou=people and returns their DN.
func (s *Server) AddPerson(t testing.TB, uid string) string {
	t.Helper()
	dn := fmt.Sprintf("uid=%s,ou=people,%s", goldap.EscapeDN(uid), BaseDN)
	s.Add(t, dn, "objectClass", "inetOrgPerson", "uid", uid, "cn", "Person "+uid, "sn", uid,
		"mail", strings.ReplaceAll(uid, " ", ".")+"@example.org")
	return dn
}

// Delete removes an entry.
func (s *Server) Delete(t testing.TB, dn string) {
	t.Helper()
	s.asManager(t, "delete "+dn, func(c *goldap.Conn) error { return c.Del(goldap.NewDelRequest(dn, nil)) })
}

// Rename gives an entry another RDN and, unless it is "", another parent.
func (s *Server) Rename(t testing.TB, dn, rdn, parent string) {
	t.Helper()
	s.asManager(t, "rename "+dn, func(c *goldap.Conn) error {
		return c.ModifyDN(goldap.NewModifyDNRequest(dn, rdn, true, parent))
	})
}

// Modify adds (or, with add false, deletes) one value.
func (s *Server) Modify(t testing.TB, dn, attribute, value string, add bool) {
	t.Helper()
	m := goldap.NewModifyRequest(dn, nil)
	if add {
		m.Add(attribute, []string{value})
	} else {
		m.Delete(attribute, []string{value})
	}
	s.asManager(t, "modify "+dn, func(c *goldap.Conn) error { return c.Modify(m) })
}

// Values reads an attribute, as the manager sees it.
func (s *Server) Values(t testing.TB, dn, attribute string) (values []string) {
	t.Helper()
	s.asManager(t, "read "+dn, func(c *goldap.Conn) error {
		found, err := c.Search(goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, goldap.NeverDerefAliases,
			0, 0, false, "(objectClass=*)", []string{attribute}, nil))
		if err == nil {
			values = found.Entries[0].GetEqualFoldAttributeValues(attribute)
		}
		return err
	})
	return values
}
