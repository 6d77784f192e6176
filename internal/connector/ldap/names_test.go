package ldap

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// T22, T40: what a may_write line means, and what it does not.
func TestCovers(t *testing.T) {
	const ops = "cn=ops,ou=groups,dc=example"
	for _, c := range []struct {
		pattern, name string
		want          connector.Match
	}{
		{"ops", "ops", connector.Yes},
		{"ops", "OPS", connector.Yes},
		{"ops", ops, connector.Yes},
		{"ops", "ops-2", connector.No},
		{"ops-2", "ops", connector.No},
		{"ops", "ops ", connector.No},
		{"ops", "\u043eps", connector.No}, // Cyrillic o
		{"ops", "op\u017f", connector.No}, // long s, an s to strings.EqualFold
		{"kim", "\u212aim", connector.No}, // Kelvin sign
		{"ops", "cn=ops-2,ou=groups,dc=example", connector.No},
		{"ops", "cn=ops+ou=x,dc=example", connector.No},
		{"ops-*", "ops-2", connector.Yes},
		{"ops-*", "ops-", connector.Yes},
		{"ops-*", "ops", connector.No},
		{"*-admins", "db-admins", connector.Yes},
		{"*-admins", "db-admins-x", connector.No},
		{"a*b*c", "a1b2c", connector.Yes},
		{"a*b*c", "ac", connector.No},
		{"a*a", "a", connector.No},
		{"*", "anything", connector.Yes},
		{"*", ops, connector.Yes},
		{ops, ops, connector.Yes},
		{ops, "CN=Ops, OU=Groups, DC=Example", connector.Yes},
		{ops, `cn=\6fps,ou=groups,dc=example`, connector.Yes},
		{ops, "ops", connector.Maybe},
		{ops, "other", connector.No},
		{ops, "cn=ops,ou=elsewhere,dc=example", connector.No},
		{ops, "cn=ops,ou=x,ou=groups,dc=example", connector.No},
		{"cn=ops-*,ou=groups,dc=example", "cn=ops-2,ou=groups,dc=example", connector.Yes},
		{"cn=ops-*,ou=groups,dc=example", "cn=ops-2,ou=deep,ou=groups,dc=example", connector.No},
		{"cn=ops*,ou=groups,dc=example", `cn=ops\,ou\=x,ou=groups,dc=example`, connector.Yes},
		{"*,ou=groups,dc=example", ops, connector.Yes},
		{"*,ou=groups,dc=example", "cn=x,ou=deep,ou=groups,dc=example", connector.Yes},
		{"*,ou=groups,dc=example", "ou=groups,dc=example", connector.No},
		{"*,ou=groups,dc=example", "cn=ops,ou=groups,dc=example,dc=org", connector.No},
		{"*,ou=groups,dc=example", `cn=ops\,ou=groups\,dc=example,dc=org`, connector.No},
		{"*,ou=groups,dc=example", "cn=ops,ou=more-groups,dc=example", connector.No},
		{"*,ou=groups,dc=example", "ops", connector.Maybe},
		{"*,broken", ops, connector.No},
		{"S-1-5-21-*-512", "S-1-5-21-1-2-3-512", connector.Yes},
		{"S-1-5-21-*-512", "S-1-5-21-1-2-3-5120", connector.No},
	} {
		if got := covers(c.pattern, c.name); got != c.want {
			t.Errorf("covers(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"ops", "Ops & Friends", "ключи", "a*b", `a\b`, "cn=a,dc=b", "e\u0301"} {
		if _, err := checkName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	if got, _ := checkName("e\u0301"); got != "\u00e9" {
		t.Errorf("not composed: %q", got)
	}
	for _, bad := range []string{"", "  ", "a\x00", "a\n", "a\x7f", "\u202eabc", "a\u200b", "\ufeffa", "\xff", strings.Repeat("a", maxName+1)} {
		if _, err := checkName(bad); connector.KindOf(err) != connector.Refused {
			t.Errorf("%q: %v, want refused", bad, err)
		}
	}
}

// The vectors are those of Windows' own tools: the domain administrators of a domain, and a GUID beside its bytes.
func TestIDs(t *testing.T) {
	guid := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	if got := formatGUID(guid); got != "00112233-4455-6677-8899-aabbccddeeff" {
		t.Errorf("formatGUID = %s", got)
	}
	sid := []byte{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0}
	if got := formatSID(sid); got != "S-1-5-32-544" {
		t.Errorf("formatSID = %s", got)
	}
	for _, broken := range [][]byte{nil, {1}, sid[:12], append(slices.Clone(sid), 0)} {
		if formatSID(broken) != "" || formatGUID(broken) != "" {
			t.Errorf("%x was taken for an id", broken)
		}
	}
	for _, bad := range []string{"", "*", "{00112233-4455-6677-8899-aabbccddeeff}", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef)"} {
		if isUUID(bad) {
			t.Errorf("%q passes for a UUID", bad)
		}
	}
}

func TestExtendedDN(t *testing.T) {
	const id = "00112233-4455-6677-8899-AABBCCDDEEFF"
	for _, c := range []struct{ value, guid, dn string }{
		{"<GUID=" + id + ">;<SID=S-1-5-21-1>;CN=a,DC=b", strings.ToLower(id), "CN=a,DC=b"},
		{"<GUID=" + id + ">;CN=<odd>;,DC=b", strings.ToLower(id), "CN=<odd>;,DC=b"},
		{"CN=a,DC=b", "", "CN=a,DC=b"},
		{"<GUID=short>;CN=a,DC=b", "", "CN=a,DC=b"},
		{"<broken", "", "<broken"},
	} {
		if guid, dn := splitExtendedDN(c.value); guid != c.guid || dn != c.dn {
			t.Errorf("splitExtendedDN(%q) = %q, %q", c.value, guid, dn)
		}
	}
}

func TestRangeOf(t *testing.T) {
	for _, c := range []struct {
		attribute  string
		from, next int
		values     int
	}{
		{"member;range=0-1499", 0, 1500, 2},
		{"member;Range=1500-*", 1500, -1, 2},
		{"member;range=0-*", 0, -1, 2},
		{"member;range=0-1499", 1500, -1, 0}, // not the range asked for
		{"member;range=1500-0", 1500, -1, 2}, // never backwards
		{"member;range=0-99999999999999999999", 0, -1, 2},
		{"member", 0, -1, 0},
	} {
		e := goldap.NewEntry("cn=x", map[string][]string{c.attribute: {"a", "b"}})
		if values, next := rangeOf(e, c.from); len(values) != c.values || next != c.next {
			t.Errorf("rangeOf(%q, %d) = %d values, next %d; want %d, %d", c.attribute, c.from, len(values), next, c.values, c.next)
		}
	}
}

// T22: whatever is read as a DN is read the same again after escaping, and equals no other spelling by accident.
func FuzzDN(f *testing.F) {
	for _, seed := range []string{
		"cn=ops,dc=example", "CN = Ops , DC=Example", `cn=a\,b+ou=c,dc=d`, `cn=\6fps,dc=x`, "cn=#0403616263,dc=x",
		`cn=\20a\20,dc=x`, "*,ou=x", `cn=*)(uid=*,dc=x`, "cn=\x00,dc=x", "2.5.4.3=a;dc=b", "cn=\u212a,dc=x", ",", "=", `\`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDN(s)
		if err != nil || len(s) > maxName {
			return
		}
		if len(d) == 0 {
			t.Fatalf("parseDN(%q) is empty without an error", s)
		}
		again, err := parseDN(strings.Join(d, ","))
		if err != nil || !slices.Equal(d, again) {
			t.Fatalf("parseDN(%q) = %q, escaped and read again %q (%v)", s, d, again, err)
		}
		if !sameDN(s, s) || d.under(d) || !d.under(d[1:]) || d[1:].under(d) {
			t.Fatalf("%q: a DN must equal itself and not be beneath itself", s)
		}
		if covers(s, s) == connector.No && !strings.Contains(s, "*") && strings.TrimSpace(s) == s {
			t.Fatalf("%q does not cover itself", s)
		}
		covers("*,"+s, s)
		leafValue(s)
	})
}

// T22: whatever a name is made of, the filter stays one comparison with exactly that value.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"ops", "*", "*)(uid=*", `\2a`, `\`, "(", ")", "a\x00b", "\xff", "é", "x)(|(cn=*", "", "&|!"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) > maxName {
			return
		}
		packet, err := goldap.CompileFilter(equals("cn", name))
		if err != nil {
			t.Fatalf("equals(cn, %q): %v", name, err)
		}
		if packet.Tag != goldap.FilterEqualityMatch || len(packet.Children) != 2 {
			t.Fatalf("equals(cn, %q) is no single comparison: %v", name, packet)
		}
		if got := packet.Children[1].Data.String(); packet.Children[0].Value != "cn" || got != name {
			t.Fatalf("equals(cn, %q) compares %v with %q", name, packet.Children[0].Value, got)
		}
		packet, err = goldap.CompileFilter(contains("cn", name))
		if err != nil {
			t.Fatalf("contains(cn, %q): %v", name, err)
		}
		if name != "" && (packet.Tag != goldap.FilterSubstrings || len(packet.Children[1].Children) != 1) {
			t.Fatalf("contains(cn, %q) is no single substring: %v", name, packet)
		}
		if checked, err := checkName(name); err == nil && (!utf8.ValidString(checked) || strings.ContainsRune(checked, 0)) {
			t.Fatalf("checkName let %q through", name)
		}
	})
}
