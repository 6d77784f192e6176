package demo

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

func TestDirectorySearches(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	conn := dial(t, d)
	id := search(t, conn, alice, ldap.ScopeBaseObject, "(objectClass=*)", "entryUUID")[0].GetAttributeValue("entryUUID")
	for _, c := range []struct {
		base   string
		scope  int
		filter string
		want   int
	}{
		{NorthwindBaseDN, ldap.ScopeBaseObject, "(objectClass=*)", 1},
		{NorthwindBaseDN, ldap.ScopeSingleLevel, "(objectClass=*)", 4},
		{NorthwindBaseDN, ldap.ScopeSingleLevel, "(objectClass=organizationalUnit)", 3},
		{"OU=People, dc=Northwind,dc=example", ldap.ScopeWholeSubtree, "(uid=*)", 12},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(&(objectClass=inetOrgPerson)(uid=ALICE))", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(|(uid=alice)(uid=bob)(uid=eve))", 2},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(&(uid=*)(!(uid=alice)))", 11},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(cn=al*e*ler)", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(cn=*ALICE*)", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(cn=Inês  duarte)", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(cn=Liam O'Connell)", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(member=UID=jamal,ou=people, dc=northwind,dc=example)", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(entryDN=" + alice + ")", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(entryUUID=" + strings.ToUpper(id) + ")", 1},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(&(uid=*)(uid>=k))", 2},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(&(uid=*)(uid<=bob))", 2},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(colour=red)", 0},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(!(colour=red))", 0}, // undefined, not true
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(!(member=no dn))", 0},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(member:1.2.840.113556.1.4.1941:=" + alice + ")", 0},
		{NorthwindBaseDN, ldap.ScopeBaseObject, "(&)", 1},
		{"", ldap.ScopeBaseObject, "(objectClass=*)", 1},
		// What a name could smuggle in stays a value once it is escaped (ASVS 1.2.6).
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(uid=" + ldap.EscapeFilter("*)(uid=*") + ")", 0},
		{NorthwindBaseDN, ldap.ScopeWholeSubtree, "(uid=" + ldap.EscapeFilter("a\x00lice") + ")", 0},
	} {
		if got := search(t, conn, c.base, c.scope, c.filter, "1.1"); len(got) != c.want {
			t.Errorf("%q %d %s: %d entries, want %d", c.base, c.scope, c.filter, len(got), c.want)
		}
	}
}

func TestDirectorySearchRefusals(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	conn := dial(t, d)
	request := func(base, filter string, size int) *ldap.SearchRequest {
		return ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, size, 0, false, filter, nil, nil)
	}
	for _, c := range []struct {
		request *ldap.SearchRequest
		want    uint16
	}{
		{request("dc=elsewhere", "(uid=*)", 0), ldap.LDAPResultNoSuchObject},
		{request("", "(uid=*)", 0), ldap.LDAPResultNoSuchObject},
		{request("elsewhere", "(uid=*)", 0), ldap.LDAPResultInvalidDNSyntax},
		{request(NorthwindBaseDN, "(uid="+strings.Repeat("a", maxFilter)+")", 0), ldap.LDAPResultProtocolError},
		{request(NorthwindBaseDN, "(uid=*)", 3), ldap.LDAPResultSizeLimitExceeded},
	} {
		found, err := conn.Search(c.request)
		if code(err) != c.want {
			t.Errorf("%q: %v, want code %d", c.request.BaseDN, err, c.want)
		}
		if c.want == ldap.LDAPResultSizeLimitExceeded && len(found.Entries) != 3 {
			t.Errorf("%d entries before the limit, want 3", len(found.Entries))
		}
	}
}

func TestDirectoryAttributes(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	conn := dial(t, d)
	names := func(typesOnly bool, wanted ...string) (got []string) {
		found, err := conn.Search(ldap.NewSearchRequest(alice, ldap.ScopeBaseObject, 0, 0, 0, typesOnly, "(objectClass=*)", wanted, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range found.Entries[0].Attributes {
			if typesOnly != (len(a.Values) == 0) {
				t.Errorf("types only %v: %s has values %q", typesOnly, a.Name, a.Values)
			}
			got = append(got, a.Name)
		}
		return got
	}
	user := []string{"objectClass", "uid", "cn", "displayName", "givenName", "sn", "mail", "title", "departmentNumber"}
	for _, c := range []struct{ got, want []string }{
		{names(false), user},
		{names(false, "*"), user},
		{names(false, "+"), []string{"entryUUID", "entryDN"}},
		{names(false, "*", "+"), append(slices.Clone(user), "entryUUID", "entryDN")},
		{names(false, "MAIL", "EntryUUID", "colour"), []string{"mail", "entryUUID"}},
		{names(false, "1.1"), nil},
		{names(true, "cn"), []string{"cn"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("attributes %q, want %q", c.got, c.want)
		}
	}
}

func TestDirectoryPages(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	conn := dial(t, d)
	whole := search(t, conn, NorthwindBaseDN, ldap.ScopeWholeSubtree, "(uid=*)")
	paged, err := conn.SearchWithPaging(ldap.NewSearchRequest(NorthwindBaseDN, ldap.ScopeWholeSubtree, 0, 0, 0, false, "(uid=*)", nil, nil), 5)
	if err != nil {
		t.Fatal(err)
	}
	dns := func(entries []*ldap.Entry) (names []string) {
		for _, e := range entries {
			names = append(names, e.DN)
		}
		return names
	}
	if !slices.Equal(dns(whole), dns(paged.Entries)) {
		t.Errorf("pages of 5: %q\nwhole: %q", dns(paged.Entries), dns(whole))
	}
}

// The line the demo prints for its visitors works with Debian's client.
func TestDirectoryWithLdapsearch(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("ldapsearch")
	if err != nil {
		t.Skip("ldapsearch is not installed (Debian: ldap-utils)")
	}
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), tool, append([]string{"-x", "-LLL", "-o", "ldif-wrap=no", "-H", "ldap://" + d.Addr()}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ldapsearch %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := run("-b", NorthwindGroupsDN, "(member="+jamal+")", "member"); out != "dn: "+firewall+"\nmember: "+jamal+"\n\n" {
		t.Errorf("group of Jamal:\n%s", out)
	}
	if out := run("-b", NorthwindBaseDN, "-E", "pr=4/noprompt", "(&(objectClass=inetOrgPerson)(!(title=*lead*))(|(cn=*a*)(cn=*e*)))", "uid"); strings.Count(out, "\nuid: ") != 9 {
		t.Errorf("people who lead nothing:\n%s", out)
	}
	if out := run("-D", NorthwindBindDN, "-w", password, "-s", "base", "-b", "", "+", "namingContexts"); !strings.Contains(out, "namingContexts: "+NorthwindBaseDN) {
		t.Errorf("root DSE:\n%s", out)
	}
	if err := exec.CommandContext(t.Context(), tool, "-x", "-H", "ldap://"+d.Addr(), "-D", NorthwindBindDN, "-w", "guess", "-b", "").Run(); err == nil || err.(*exec.ExitError).ExitCode() != 49 {
		t.Errorf("wrong password: %v, want exit code 49", err)
	}
}
