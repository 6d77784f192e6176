package demo

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

func TestParseDNEqualSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{"uid=alice,dc=x", "UID=Alice , DC=X", true},
		{"cn=a+sn=b,dc=x", "SN=B+CN=A,dc=x", true},
		{`cn=a\2cb,dc=x`, `cn=a\,b,dc=x`, true},
		{"cn=a  b,dc=x", "cn=A b,dc=x", true},
		{"cn=ÉMILE,dc=x", `cn=\c3\a9mile,dc=x`, true},
		{"commonName=a,dc=x", "2.5.4.3=A,domainComponent=x", true},
		{"cn=a,dc=x", "cn=a,dc=y", false},
		{`cn=a\,dc=x`, "cn=a,dc=x", false},
		{"cn=a,cn=b", "cn=b,cn=a", false},
	} {
		a, aerr := parseDN(c.a)
		b, berr := parseDN(c.b)
		if aerr != nil || berr != nil || (a.key() == b.key()) != c.equal {
			t.Errorf("%s and %s: %q %v, %q %v, want equal %v", c.a, c.b, a, aerr, b, berr, c.equal)
		}
	}
	for _, bad := range []string{"alice", "uid", "=x", "uid=a,,dc=x", "u id=a", "cn=\xff", `cn=\ff`, `cn=a\`} {
		if dn, err := parseDN(bad); err == nil {
			t.Errorf("%q read as %q", bad, dn)
		}
	}
}

// F12: a DN from the network never panics; its normal form is its own normal form, and lies within itself.
func FuzzParseDN(f *testing.F) {
	for _, seed := range []string{alice, "CN=a\\2c b + sn=#04024869 ,dc=x", "", "=", "a=b=c", `cn=\20a\ `, "cn=İ", "1.2=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := parseDN(text)
		if err != nil {
			return
		}
		again, err := parseDN(name.key())
		if err != nil || again.key() != name.key() || len(again) != len(name) {
			t.Errorf("%q -> %q -> %q, %v", text, name.key(), again.key(), err)
		}
		if !name.within(again, ldap.ScopeBaseObject) || len(name) > 0 && name.within(name[1:], ldap.ScopeBaseObject) {
			t.Errorf("%q is not within itself, or is its parent", text)
		}
	})
}

// F12: a filter from the network never panics, and "not" is its mirror: what a filter leaves undefined stays so.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"(uid=alice)", "(&(cn=a*b*c)(!(member=" + alice + ")))", "(|)", "(&)", "(cn~=x)", "(uid>=a)",
		"(uid:dn:2.5.13.2:=x)", `(cn=\2a)`, "(cn=*)", "(!(x=y))", "(cn=**)", "((cn=a))", "(=)", "(!)"} {
		f.Add(seed)
	}
	seed, err := NorthwindDirectorySeed()
	if err != nil {
		f.Fatal(err)
	}
	people, err := (&tree{}).seeded(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := parseFilter(text)
		if err != nil {
			return
		}
		not, err := parseFilter("(!" + text + ")")
		if err != nil {
			if len(text)+3 > maxFilter {
				return
			}
			t.Fatalf("(!%s): %v", text, err)
		}
		wire, err := ldap.DecompileFilter(filter)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, e := range people.Entries {
			if got, mirror := evaluate(filter, e), evaluate(not, e); got+mirror != yes {
				t.Errorf("%s (%s) on %s: %d, its negation %d", text, wire, e.DN, got, mirror)
			}
		}
	})
}

// F12: values as the server library hands them over.
func FuzzBerValues(f *testing.F) {
	f.Add("\x04\x05alice\x04\x03bob")
	f.Add("")
	f.Add("\x04\x80")
	f.Add("\x04\x84\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := berValues([]string{raw})
		if err == nil && len(strings.Join(values, "")) > len(raw) {
			t.Errorf("%q gave more than it holds: %q", raw, values)
		}
	})
}

func TestBerValues(t *testing.T) {
	t.Parallel()
	if got, err := berValues([]string{"\x04\x05alice\x04\x03bob"}); err != nil || strings.Join(got, " ") != "alice bob" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"\x02\x01\x05", "\x04\x05ali", "alice"} {
		if got, err := berValues([]string{bad}); err == nil {
			t.Errorf("%q read as %q", bad, got)
		}
	}
}
