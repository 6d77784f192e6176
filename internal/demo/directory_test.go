package demo

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	password = "correct horse battery staple"
	dba      = "cn=dba,ou=groups,dc=northwind,dc=example"
	firewall = "cn=firewall-admins,ou=groups,dc=northwind,dc=example"
	alice    = "uid=alice,ou=people,dc=northwind,dc=example"
	jamal    = "uid=jamal,ou=people,dc=northwind,dc=example"
	nobody   = NorthwindFillerDN
)

// journal collects the directory's lines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func clock() time.Time { return time.Date(2026, 11, 22, 14, 2, 11, 0, time.UTC) }

func directoryConfig(t *testing.T, file string, log *journal) DirectoryConfig {
	t.Helper()
	seed, err := NorthwindDirectorySeed()
	if err != nil {
		t.Fatal(err)
	}
	return DirectoryConfig{
		Listen: "127.0.0.1:0", File: file, Seed: seed, BaseDN: NorthwindBaseDN, WriteBelow: NorthwindGroupsDN,
		BindDN: NorthwindBindDN, BindPassword: password, Log: log, Now: clock,
	}
}

// openDirectory starts a directory on this file; close it before opening the file again.
func openDirectory(t *testing.T, file string) (*Directory, *journal) {
	t.Helper()
	log := &journal{}
	d, err := NewDirectory(directoryConfig(t, file, log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, log
}

func dial(t *testing.T, d *Directory) *ldap.Conn {
	t.Helper()
	conn, err := ldap.DialURL("ldap://" + d.Addr())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetTimeout(10 * time.Second)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// service returns a connection bound as the service account.
func service(t *testing.T, d *Directory) *ldap.Conn {
	t.Helper()
	conn := dial(t, d)
	if err := conn.Bind(NorthwindBindDN, password); err != nil {
		t.Fatal(err)
	}
	return conn
}

func search(t *testing.T, conn *ldap.Conn, base string, scope int, filter string, attributes ...string) []*ldap.Entry {
	t.Helper()
	found, err := conn.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, attributes, nil))
	if err != nil {
		t.Fatalf("search %s %s: %v", base, filter, err)
	}
	return found.Entries
}

func members(t *testing.T, conn *ldap.Conn, group string) []string {
	t.Helper()
	return named(t, conn, group, "member")
}

func named(t *testing.T, conn *ldap.Conn, group, attribute string) []string {
	t.Helper()
	return search(t, conn, group, ldap.ScopeBaseObject, "(objectClass=*)", attribute)[0].GetAttributeValues(attribute)
}

func code(err error) uint16 {
	var e *ldap.Error
	if err == nil {
		return 0
	}
	if errors.As(err, &e) {
		return e.ResultCode
	}
	return 0xffff
}

func TestDirectoryBinds(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	conn := dial(t, d)
	for _, c := range []struct {
		why, dn, password string
		want              uint16
	}{
		{"the service account", NorthwindBindDN, password, ldap.LDAPResultSuccess},
		{"in another spelling", "CN=Stint, OU=services,DC=northwind,dc=example", password, ldap.LDAPResultSuccess},
		{"wrong password", NorthwindBindDN, "guess", ldap.LDAPResultInvalidCredentials},
		{"a person has no password", alice, password, ldap.LDAPResultInvalidCredentials},
		{"nobody of this name", "uid=eve,ou=people,dc=northwind,dc=example", password, ldap.LDAPResultInvalidCredentials},
		{"no DN at all", "stint", password, ldap.LDAPResultInvalidDNSyntax},
	} {
		if got := code(conn.Bind(c.dn, c.password)); got != c.want {
			t.Errorf("%s: code %d, want %d", c.why, got, c.want)
		}
	}
	// A name without a password is no sign-in (RFC 4513 5.1.2), and no success.
	if got := code(conn.UnauthenticatedBind(NorthwindBindDN)); got != ldap.LDAPResultUnwillingToPerform {
		t.Errorf("unauthenticated bind: code %d", got)
	}
	if err := conn.UnauthenticatedBind(""); err != nil {
		t.Errorf("anonymous bind: %v", err)
	}
}

func TestDirectoryWritesNeedTheServiceAccount(t *testing.T) {
	t.Parallel()
	d, log := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	join := ldap.NewModifyRequest(dba, nil)
	join.Add("member", []string{alice})

	anonymous := dial(t, d)
	if got := code(anonymous.Modify(join)); got != ldap.LDAPResultInsufficientAccessRights {
		t.Errorf("anonymous: code %d, want 50", got)
	}
	conn := service(t, d)
	_ = conn.Bind(NorthwindBindDN, "guess") // a failed bind takes away what the connection had (RFC 4513 4)
	if got := code(conn.Modify(join)); got != ldap.LDAPResultInsufficientAccessRights {
		t.Errorf("after a failed bind: code %d, want 50", got)
	}
	if strings.Contains(log.String(), "joined") || slices.Contains(members(t, conn, dba), alice) {
		t.Error("a refused write had an effect")
	}
}

func TestDirectoryModifyCodes(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	conn := service(t, d)
	for _, c := range []struct {
		why, dn string
		change  func(*ldap.ModifyRequest)
		want    uint16
	}{
		{"joins", dba, func(m *ldap.ModifyRequest) { m.Add("member", []string{alice}) }, 0},
		{"is there already", dba, func(m *ldap.ModifyRequest) { m.Add("member", []string{alice}) }, 20},
		{"is there already, spelt otherwise", dba, func(m *ldap.ModifyRequest) {
			m.Add("MEMBER", []string{"UID=Alice , ou=People,dc=northwind,dc=example"})
		}, 20},
		{"twice in one request", dba, func(m *ldap.ModifyRequest) { m.Add("member", []string{jamal, jamal}) }, 20},
		{"is no member", dba, func(m *ldap.ModifyRequest) { m.Delete("member", []string{jamal}) }, 16},
		{"nothing there", "cn=none,ou=groups,dc=northwind,dc=example", func(m *ldap.ModifyRequest) { m.Add("member", []string{alice}) }, 32},
		{"no DN as a value", dba, func(m *ldap.ModifyRequest) { m.Add("member", []string{"Alice"}) }, 21},
		{"no DN as a name", "dba", func(m *ldap.ModifyRequest) { m.Add("member", []string{alice}) }, 34},
		{"another attribute", dba, func(m *ldap.ModifyRequest) { m.Replace("description", []string{"x"}) }, 50},
		{"a person", alice, func(m *ldap.ModifyRequest) { m.Add("member", []string{alice}) }, 50},
		{"outside of groups", NorthwindFillerDN, func(m *ldap.ModifyRequest) { m.Add("member", []string{alice}) }, 50},
		{"the last member", firewall, func(m *ldap.ModifyRequest) { m.Delete("member", []string{jamal}) }, 65},
		{"the whole attribute", firewall, func(m *ldap.ModifyRequest) { m.Delete("member", nil) }, 65},
		{"replaced by nothing", firewall, func(m *ldap.ModifyRequest) { m.Replace("member", nil) }, 65},
		{"add of nothing", dba, func(m *ldap.ModifyRequest) { m.Add("member", nil) }, 2},
		{"an unknown critical control", dba, func(m *ldap.ModifyRequest) {
			m.Controls = []ldap.Control{ldap.NewControlString("1.2.3.4", true, "")}
			m.Add("member", []string{jamal})
		}, 12},
		{"half of it is wrong", dba, func(m *ldap.ModifyRequest) {
			m.Delete("member", []string{alice})
			m.Add("member", []string{nobody})
		}, 20},
		{"filler in, last person out", firewall, func(m *ldap.ModifyRequest) {
			m.Add("member", []string{nobody})
			m.Delete("member", []string{jamal})
		}, 0},
		{"replace", firewall, func(m *ldap.ModifyRequest) { m.Replace("member", []string{alice, jamal}) }, 0},
	} {
		request := ldap.NewModifyRequest(c.dn, nil)
		c.change(request)
		if got := code(conn.Modify(request)); got != c.want {
			t.Errorf("%s: code %d, want %d", c.why, got, c.want)
		}
	}
	if got := members(t, conn, dba); !slices.Equal(got, []string{nobody, alice}) {
		t.Errorf("dba: %q", got)
	}
	if got := members(t, conn, firewall); !slices.Equal(got, []string{alice, jamal}) {
		t.Errorf("firewall-admins: %q", got)
	}
	if got := code(conn.Del(ldap.NewDelRequest(dba, nil))); got != ldap.LDAPResultUnwillingToPerform {
		t.Errorf("delete an entry: code %d, want 53", got)
	}
	if got := code(conn.Add(ldap.NewAddRequest("cn=new,"+NorthwindGroupsDN, nil))); got != ldap.LDAPResultUnwillingToPerform {
		t.Errorf("add an entry: code %d, want 53", got)
	}
}

func TestDirectoryTellsWhoCameAndWent(t *testing.T) {
	t.Parallel()
	d, log := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	conn := service(t, d)
	for _, change := range []func(*ldap.ModifyRequest){
		func(m *ldap.ModifyRequest) { m.Add("member", []string{alice}); m.Delete("member", []string{nobody}) },
		func(m *ldap.ModifyRequest) { m.Replace("member", []string{"cn=bell\\07"}) },
	} {
		m := ldap.NewModifyRequest(dba, nil)
		change(m)
		if err := conn.Modify(m); err != nil {
			t.Fatal(err)
		}
	}
	want := "14:02:11  directory  + Alice Keller joined " + dba + "\n" +
		"14:02:11  directory  - nobody left " + dba + "\n" +
		"14:02:11  directory  + cn=bell\\07 joined " + dba + "\n" +
		"14:02:11  directory  - Alice Keller left " + dba + "\n"
	if log.String() != want {
		t.Errorf("lines:\n%s\nwant:\n%s", log.String(), want)
	}
	if got := printable("a\x1b[2Jb\n"); got != "a\uFFFD[2Jb\uFFFD" {
		t.Errorf("control characters reach the terminal: %q", got)
	}
}

func TestDirectoryKeepsMembersAndIDsAcrossRestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "directory.json")
	d, _ := openDirectory(t, file)
	conn := service(t, d)
	join := ldap.NewModifyRequest(dba, nil)
	join.Add("member", []string{alice})
	if err := conn.Modify(join); err != nil {
		t.Fatal(err)
	}
	id := search(t, conn, dba, ldap.ScopeBaseObject, "(objectClass=*)", "entryUUID")[0].GetAttributeValue("entryUUID")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	// A connection held open across Close changes nothing any more.
	leave := ldap.NewModifyRequest(dba, nil)
	leave.Delete("member", []string{alice})
	if got := code(conn.Modify(leave)); got != ldap.LDAPResultUnavailable {
		t.Errorf("write after Close: code %d, want 52", got)
	}

	again, _ := openDirectory(t, file)
	conn = dial(t, again)
	if got := members(t, conn, dba); !slices.Equal(got, []string{nobody, alice}) {
		t.Errorf("members after restart: %q", got)
	}
	if got := search(t, conn, dba, ldap.ScopeBaseObject, "(objectClass=*)", "entryUUID")[0].GetAttributeValue("entryUUID"); got != id || len(id) != 36 {
		t.Errorf("entryUUID %q became %q", id, got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file mode: %v, %v", info, err)
	}
}

func TestDirectoryGainsWhatTheSeedGained(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "directory.json")
	cfg := directoryConfig(t, file, &journal{})
	whole := cfg.Seed
	cfg.Seed = whole[:len(whole)-1]
	for _, seed := range [][]Entry{cfg.Seed, whole} {
		cfg.Seed = seed
		d, err := NewDirectory(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(search(t, dial(t, d), NorthwindBaseDN, ldap.ScopeWholeSubtree, "(objectClass=*)")); got != len(seed) {
			t.Errorf("%d entries, want %d", got, len(seed))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDirectoryRefusesAChangeItCannotKeep(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d, log := openDirectory(t, filepath.Join(dir, "directory.json"))
	conn := service(t, d)
	if err := os.RemoveAll(dir); err != nil { // the fault: nowhere to write
		t.Fatal(err)
	}
	join := ldap.NewModifyRequest(dba, nil)
	join.Add("member", []string{alice})
	if got := code(conn.Modify(join)); got != ldap.LDAPResultUnavailable {
		t.Errorf("code %d, want 52", got)
	}
	if slices.Contains(members(t, conn, dba), alice) || log.String() != "" {
		t.Error("a change that was not kept is visible")
	}
}

func TestDirectoryConfigRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "directory.json")
	for why, change := range map[string]func(*DirectoryConfig){
		"network address": func(c *DirectoryConfig) { c.Listen = "0.0.0.0:0" },
		"no address":      func(c *DirectoryConfig) { c.Listen = ":0" },
		"no password":     func(c *DirectoryConfig) { c.BindPassword = "" },
		"no bind DN":      func(c *DirectoryConfig) { c.BindDN = "" },
		"no groups":       func(c *DirectoryConfig) { c.WriteBelow = "groups" },
		"no clock":        func(c *DirectoryConfig) { c.Now = nil },
		"bad seed":        func(c *DirectoryConfig) { c.Seed = []Entry{{DN: "alice"}} },
		"entry twice":     func(c *DirectoryConfig) { c.Seed = append(c.Seed, c.Seed[0]) },
	} {
		cfg := directoryConfig(t, file, &journal{})
		change(&cfg)
		if d, err := NewDirectory(cfg); err == nil {
			_ = d.Close()
			t.Errorf("%s: accepted", why)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error holds the password", why)
		}
	}
	for _, content := range []string{"{", `{"version":9}`, `{"version":1,"entries":[{"dn":"x"}]}`} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NewDirectory(directoryConfig(t, file, &journal{})); err == nil {
			t.Errorf("file %s: accepted", content)
		}
	}
}

func TestDirectoryPortTaken(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	cfg := directoryConfig(t, filepath.Join(t.TempDir(), "directory.json"), &journal{})
	cfg.Listen = d.Addr()
	if _, err := NewDirectory(cfg); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second directory on one port: %v", err)
	}
}

// Many clients at once: every acknowledged join is there, none is there twice.
func TestDirectoryConcurrentWrites(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "directory.json")
	d, _ := openDirectory(t, file)
	people, err := NorthwindPeople()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, who := range people {
		conn := service(t, d)
		all.Go(func() {
			join := ldap.NewModifyRequest(dba, nil)
			join.Add("member", []string{personDN(who.Username)})
			if err := conn.Modify(join); err != nil {
				t.Errorf("%s: %v", who.Username, err)
			}
		})
	}
	all.Wait()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := openDirectory(t, file)
	if got := members(t, dial(t, again), dba); len(got) != len(people)+1 {
		t.Errorf("%d members, want %d and the filler: %q", len(got), len(people), got)
	}
}
