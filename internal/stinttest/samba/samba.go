// Package samba runs a real Active Directory domain controller for a test: Debian's Samba on a loopback address of its
// own, with its own directories and certificate authority.
//
// Samba's LDAP ports are fixed (389, 636), so each server takes an address of 127.0.0.0/8 that is free; binding them
// needs root. Samba's own certificate is replaced: its serial number is negative half of the time, which Go refuses.
package samba

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
	"unicode/utf16"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/stinttest/slapd/testca"
)

// What every domain is set up with. ServiceDN is a plain user to whom OU=Groups is delegated.
const (
	BaseDN          = "DC=stint,DC=test"
	ServiceDN       = "CN=stint,OU=Services," + BaseDN
	ServiceUPN      = "stint@stint.test"
	ServicePassword = "Service-Secret-1"

	administrator         = "administrator@stint.test"
	administratorPassword = "Administrator-Secret-1"
	readyWithin           = 60 * time.Second
)

// Server is a running domain controller. Its methods act as the domain's administrator, beside whatever is tested.
type Server struct {
	URL    string // ldaps://127.x.y.z:636
	Plain  string // ldap://127.x.y.z:389, also StartTLS
	CAFile string

	dir    string
	ip     string
	admin  *goldap.Conn
	cmd    *exec.Cmd
	exited chan struct{}
	output bytes.Buffer
}

// Start provisions a domain and runs its controller until the test ends (about 7 s). Without Samba or root the test is
// skipped, or fails when STINT_E2E or CI says that everything must run.
func Start(t testing.TB) *Server {
	t.Helper()
	if why := missing(); why != "" {
		if os.Getenv("STINT_E2E") == "1" || os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	s := &Server{dir: t.TempDir(), ip: freeAddress(t)}
	s.URL, s.Plain = "ldaps://"+s.ip+":636", "ldap://"+s.ip+":389"
	s.provision(t)
	s.configure(t)
	s.run(t)
	s.populate(t)
	return s
}

func missing() string {
	const install = "apt-get install samba samba-ad-dc samba-ad-provision"
	if os.Geteuid() != 0 {
		return "a domain controller needs root for its ports"
	}
	for _, program := range []string{"samba", "samba-tool"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed: " + install
		}
	}
	if _, err := os.Stat("/usr/share/samba/setup/provision.ldif"); err != nil {
		return "samba-ad-provision is not installed: " + install
	}
	return ""
}

// freeAddress finds a loopback address on which nobody listens at the LDAP ports.
func freeAddress(t testing.TB) string {
	for last := 1; last < 255; last++ {
		ip := fmt.Sprintf("127.77.%d.%d", os.Getpid()%250, last)
		if free(ip+":389") && free(ip+":636") {
			return ip
		}
	}
	t.Fatal("no loopback address has ports 389 and 636 free")
	return ""
}

func free(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func (s *Server) provision(t testing.TB) {
	out, err := exec.Command("samba-tool", "domain", "provision", "--realm=STINT.TEST", "--domain=STINT",
		"--server-role=dc", "--dns-backend=NONE", "--host-name=dc1", "--host-ip="+s.ip,
		"--adminpass="+administratorPassword, "--targetdir="+s.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("samba-tool domain provision: %v\n%s", err, out)
	}
}

func (s *Server) configure(t testing.TB) {
	certs := testca.New(t, s.dir, s.ip, "dc1.stint.test")
	s.CAFile = certs.CA
	conf := strings.NewReplacer("{DIR}", s.dir, "{IP}", s.ip,
		"{CA}", certs.CA, "{CERT}", certs.Cert, "{KEY}", certs.Key).Replace(configuration)
	if err := os.WriteFile(filepath.Join(s.dir, "smb.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"ncalrpc", "winbindd", "ntp", "cache"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o750); err != nil {
			t.Fatal(err)
		}
	}
}

const configuration = `[global]
	netbios name = DC1
	realm = STINT.TEST
	workgroup = STINT
	server role = active directory domain controller
	server services = ldap
	bind interfaces only = yes
	interfaces = {IP}/8
	private dir = {DIR}/private
	state directory = {DIR}/state
	cache directory = {DIR}/cache
	lock directory = {DIR}
	pid directory = {DIR}
	ncalrpc dir = {DIR}/ncalrpc
	winbindd socket directory = {DIR}/winbindd
	ntp signd socket directory = {DIR}/ntp
	binddns dir = {DIR}/bind-dns
	log file = {DIR}/log
	ldb:nosync = yes
	tls cafile = {CA}
	tls certfile = {CERT}
	tls keyfile = {KEY}
`

func (s *Server) run(t testing.TB) {
	s.cmd = exec.Command("samba", "-i", "-M", "single", "-s", filepath.Join(s.dir, "smb.conf"), "--debug-stdout")
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	stdin, err := s.cmd.StdinPipe() // in the foreground samba ends with its standard input
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() {
		if s.admin != nil {
			_ = s.admin.Close()
		}
		_ = s.cmd.Process.Kill()
		<-s.exited
		_ = stdin.Close()
	})
	s.awaitReady(t)
}

// awaitReady waits until the controller answers a bind.
func (s *Server) awaitReady(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.bind()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-s.exited:
			t.Fatalf("samba ended at once: %s", s.output.String())
		case <-ctx.Done():
			t.Fatalf("samba does not answer after %s: %v", readyWithin, err)
		}
	}
}

func (s *Server) bind() error {
	raw, err := net.Dial("tcp", s.ip+":636")
	if err != nil {
		return err
	}
	_ = raw.Close()
	conf, err := testca.Trust(s.CAFile)
	if err != nil {
		return err
	}
	c, err := goldap.DialURL(s.URL, goldap.DialWithTLSConfig(conf))
	if err != nil {
		return err
	}
	if err := c.Bind(administrator, administratorPassword); err != nil {
		_ = c.Close()
		return err
	}
	s.admin = c
	return nil
}

func (s *Server) populate(t testing.TB) {
	for _, ou := range []string{"People", "Groups", "Services", "Elsewhere"} {
		s.AddOU(t, "OU="+ou+","+BaseDN)
	}
	s.Add(t, ServiceDN, map[string][]string{
		"objectClass": {"user"}, "sAMAccountName": {"stint"}, "userPrincipalName": {ServiceUPN},
		"unicodePwd": {quotedUTF16(ServicePassword)}, "userAccountControl": {"512"},
	})
	s.delegate(t)
}

// delegate gives the service account the right to write member of groups beneath OU=Groups, and nothing else: the
// least an administrator of a domain can hand out.
func (s *Server) delegate(t testing.TB) {
	sid := s.tool(t, "user", "show", "stint", "--attributes=objectSid")
	_, sid, _ = strings.Cut(sid, "objectSid: ")
	sid, _, _ = strings.Cut(sid, "\n")
	const memberAttribute, groupClass = "bf9679c0-0de6-11d0-a285-00aa003049e2", "bf967a9c-0de6-11d0-a285-00aa003049e2"
	s.tool(t, "dsacl", "set", "--objectdn=OU=Groups,"+BaseDN, "--action=allow",
		"--sddl=(OA;CI;WP;"+memberAttribute+";"+groupClass+";"+strings.TrimSpace(sid)+")")
}

// tool runs samba-tool on the controller's own database.
func (s *Server) tool(t testing.TB, args ...string) string {
	t.Helper()
	args = append(args, "-H", filepath.Join(s.dir, "private", "sam.ldb"), "-s", filepath.Join(s.dir, "smb.conf"))
	out, err := exec.Command("samba-tool", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("samba-tool %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// quotedUTF16 is how Active Directory takes a password (MS-ADTS §3.1.1.3.1.5).
func quotedUTF16(password string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(`"` + password + `"`)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

// Add makes an entry.
func (s *Server) Add(t testing.TB, dn string, attributes map[string][]string) {
	t.Helper()
	add := goldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		add.Attribute(name, values)
	}
	if err := s.admin.Add(add); err != nil {
		t.Fatalf("add %s: %v", dn, err)
	}
}

// AddOU makes an organizational unit.
func (s *Server) AddOU(t testing.TB, dn string) {
	t.Helper()
	s.Add(t, dn, map[string][]string{"objectClass": {"organizationalUnit"}})
}

// AddPerson makes a user beneath OU=People (without a password) and returns their DN.
func (s *Server) AddPerson(t testing.TB, login string) string {
	t.Helper()
	dn := "CN=" + goldap.EscapeDN(login) + ",OU=People," + BaseDN
	s.Add(t, dn, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {login}, "displayName": {"Person " + login}})
	return dn
}

// AddCrowd makes n contacts in one transaction, the cheapest things that can be members, and returns their DNs.
func (s *Server) AddCrowd(t testing.TB, n int) (dns []string) {
	t.Helper()
	s.AddOU(t, "OU=Crowd,"+BaseDN)
	var ldif strings.Builder
	for i := range n {
		dn := fmt.Sprintf("CN=crowd%04d,OU=Crowd,%s", i, BaseDN)
		dns = append(dns, dn)
		fmt.Fprintf(&ldif, "dn: %s\nobjectClass: contact\n\n", dn)
	}
	const script = `
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm(filename_for_non_global_lp=sys.argv[1])
db = SamDB(url=sys.argv[2], session_info=system_session(), lp=lp)
db.transaction_start()
db.add_ldif(sys.stdin.read())
db.transaction_commit()
`
	cmd := exec.Command("/usr/bin/python3", "-c", script,
		filepath.Join(s.dir, "smb.conf"), filepath.Join(s.dir, "private", "sam.ldb"))
	cmd.Stdin = strings.NewReader(ldif.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("adding a crowd: %v\n%s", err, out)
	}
	return dns
}

// AddGroup makes a global security group.
func (s *Server) AddGroup(t testing.TB, dn, account string, members ...string) {
	t.Helper()
	attributes := map[string][]string{"objectClass": {"group"}, "sAMAccountName": {account}}
	if len(members) > 0 {
		attributes["member"] = members
	}
	s.Add(t, dn, attributes)
}

// Delete removes an entry.
func (s *Server) Delete(t testing.TB, dn string) {
	t.Helper()
	if err := s.admin.Del(goldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatalf("delete %s: %v", dn, err)
	}
}

// Rename gives an entry another RDN and, unless it is "", another parent.
func (s *Server) Rename(t testing.TB, dn, rdn, parent string) {
	t.Helper()
	if err := s.admin.ModifyDN(goldap.NewModifyDNRequest(dn, rdn, true, parent)); err != nil {
		t.Fatalf("rename %s: %v", dn, err)
	}
}

// SetMember adds (or, with add false, deletes) one member.
func (s *Server) SetMember(t testing.TB, group, member string, add bool) {
	t.Helper()
	m := goldap.NewModifyRequest(group, nil)
	if add {
		m.Add("member", []string{member})
	} else {
		m.Delete("member", []string{member})
	}
	if err := s.admin.Modify(m); err != nil {
		t.Fatalf("member %s of %s: %v", member, group, err)
	}
}

// MemberOf returns the DNs whose own memberOf names the group: the other end of the link that a connector writes.
func (s *Server) MemberOf(t testing.TB, group string) (dns []string) {
	t.Helper()
	found, err := s.admin.Search(goldap.NewSearchRequest(BaseDN, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases,
		0, 0, false, "(memberOf="+goldap.EscapeFilter(group)+")", []string{"1.1"}, nil))
	if err != nil {
		t.Fatalf("members of %s: %v", group, err)
	}
	for _, e := range found.Entries {
		dns = append(dns, e.DN)
	}
	return dns
}

// FirstRange asks for up to 1500 members of a group and returns how many came and whether the controller said that
// this was all. (Windows never hands out more at once; Samba does, unless asked for ranges.)
func (s *Server) FirstRange(t testing.TB, group string) (n int, all bool) {
	t.Helper()
	found, err := s.admin.Search(goldap.NewSearchRequest(group, goldap.ScopeBaseObject, goldap.NeverDerefAliases,
		0, 0, false, "(objectClass=*)", []string{"member;range=0-1499"}, nil))
	if err != nil {
		t.Fatalf("members of %s: %v", group, err)
	}
	for _, a := range found.Entries[0].Attributes {
		if strings.HasPrefix(a.Name, "member;range=") {
			return len(a.Values), strings.HasSuffix(a.Name, "-*")
		}
	}
	return 0, true
}
