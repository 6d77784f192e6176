package ldap

import (
	"errors"
	"maps"
	"testing"

	"stint/internal/connector"
)

func TestSettings(t *testing.T) {
	good := map[string]string{
		"address": "ldaps://dc1.example.org", "bind_dn": "cn=stint,dc=example", "base_dn": "dc=example", "may_write": "ops",
	}
	for _, c := range []struct {
		field, value, wrong string // wrong is the field the error must name; "" = valid
	}{
		{"address", "ldaps://dc1.example.org:6360", ""},
		{"address", "ldaps://a.example.org\nldaps://b.example.org", ""},
		{"address", "ldap://127.0.0.1:389", ""},
		{"address", "ldap://[::1]:389", ""},
		{"address", "ldap://localhost", ""},
		{"address", "", "address"},
		{"address", "ldap://dc1.example.org", "address"}, // in the clear
		{"address", "ldap://localhost.example.org", "address"},
		{"address", "ldap://127.0.0.1.example.org", "address"},
		{"address", "https://dc1.example.org", "address"},
		{"address", "dc1.example.org:636", "address"},
		{"address", "ldaps://user:secret@dc1.example.org", "address"},
		{"address", "ldaps://dc1.example.org/dc=example", "address"},
		{"address", "ldaps://\x00", "address"},
		{"start_tls", "true", "start_tls"}, // with ldaps
		{"start_tls", "yes", "start_tls"},
		{"allow_plaintext", "1", "allow_plaintext"},
		{"flavour", "ad", ""},
		{"flavour", "AD", "flavour"},
		{"membership", "memberUid", ""},
		{"membership", "uniqueMember", ""},
		{"membership", "memberOf", "membership"},
		{"bind_dn", "", "bind_dn"},
		{"bind_dn", "stint@example.org", "bind_dn"}, // flavour ad only
		{"base_dn", "", "base_dn"},
		{"base_dn", "example.org", "base_dn"},
		{"account_attribute", "mail", ""},
		{"account_attribute", "extension-Attribute1", ""},
		{"account_attribute", "uid)(cn=*", "account_attribute"},
		{"account_attribute", "1uid", "account_attribute"},
		{"filler_dn", "cn=nobody", ""},
		{"filler_dn", "nobody", "filler_dn"},
		{"read_delay", "15s", ""},
		{"read_delay", "-1s", "read_delay"},
		{"read_delay", "2h", "read_delay"},
		{"read_delay", "soon", "read_delay"},
		{"may_write", "", "may_write"},
		{"may_write", " \n ", "may_write"},
		{"may_write", "*,ou=groups,dc=example\ncn=ops,dc=example\nops-*", ""},
		{"may_write", "cn=ops,groups", "may_write"},
		{"bind_password", "secret", "bind_password"}, // not a plain setting
		{"colour", "blue", "colour"},
	} {
		s := maps.Clone(good)
		s[c.field] = c.value
		err := connector.Validate(Kind, s)
		var field *connector.FieldError
		switch errors.As(err, &field); {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %q: %v", c.field, c.value, err)
		case c.wrong != "" && (field == nil || field.Field != c.wrong || field.Message == ""):
			t.Errorf("%s: %q: error is %v, want one that names %s", c.field, c.value, err, c.wrong)
		}
	}
}

func TestSettingsTogether(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   map[string]string
		wrong string
	}{
		{"StartTLS", map[string]string{"address": "ldap://dc1.example.org", "start_tls": "true"}, ""},
		{"in the clear on purpose", map[string]string{"address": "ldap://dc1.example.org", "allow_plaintext": "true"}, ""},
		{"AD binds as user@domain", map[string]string{"flavour": "ad", "bind_dn": "stint@example.org"}, ""},
		{"AD binds as domain and user", map[string]string{"flavour": "ad", "bind_dn": `EXAMPLE\stint`}, ""},
		{"AD knows member only", map[string]string{"flavour": "ad", "membership": "memberUid"}, "membership"},
		{"AD needs no filler", map[string]string{"flavour": "ad", "filler_dn": "cn=x"}, "filler_dn"},
		{"posixGroup needs no filler", map[string]string{"membership": "memberUid", "filler_dn": "cn=x"}, "filler_dn"},
	} {
		s := map[string]string{
			"address": "ldaps://dc1.example.org", "bind_dn": "cn=stint,dc=example", "base_dn": "dc=example", "may_write": "ops",
		}
		maps.Copy(s, c.set)
		var field *connector.FieldError
		err := connector.Validate(Kind, s)
		if errors.As(err, &field); (c.wrong == "") != (err == nil) || field != nil && field.Field != c.wrong {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOpenSaysWhatIsWrongWithTheCAFile(t *testing.T) {
	for _, path := range []string{"/does/not/exist", "settings_test.go"} {
		_, err := connector.Open(Kind, connector.Config{TargetID: "t", Settings: map[string]string{
			"address": "ldaps://dc1.example.org", "bind_dn": "cn=stint,dc=example", "base_dn": "dc=example",
			"may_write": "ops", "ca_file": path,
		}})
		var field *connector.FieldError
		if !errors.As(err, &field) || field.Field != "ca_file" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestADReadDelay(t *testing.T) {
	c, err := connector.Open(Kind, connector.Config{TargetID: "t", Settings: map[string]string{
		"address": "ldaps://dc1.example.org", "bind_dn": "stint@example.org", "base_dn": "dc=example",
		"may_write": "ops", "flavour": "ad", "read_delay": "1s",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Capabilities(); got.ReadDelay != adReadDelay || got.NativeExpiry || got.EndsSessions || !got.ListsStrangers {
		t.Errorf("Capabilities = %+v", got)
	}
}
