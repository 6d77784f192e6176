package demo

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The file is read strictly, each id it uses is one it defines, and it holds what the demo is to show.
func TestNorthwindIsWhole(t *testing.T) {
	t.Parallel()
	var file struct {
		Version int
		Targets []struct {
			ID, Kind, Name string
			Settings       map[string]string
			Secret         map[string]string
			MayWrite       []string `yaml:"may_write"`
		}
		Resources []struct{ ID, Kind, Name, Parent, Target string }
		Roles     []struct {
			ID, Name, Description string
			Privileged            bool
			Means                 []struct{ Resource, Entitlement string }
			Settings              []map[string]any
		}
		People []struct {
			ID, Name, Email, Department, Title string
			Match                              map[string]string
		}
		Groups []struct {
			ID, Name string
			Members  []string
		}
		Accounts    []struct{ Person, Target, Account string }
		Assignments []struct{ Principal, Role, Resource, Kind, Until string }
	}
	decoder := yaml.NewDecoder(bytes.NewReader(Northwind("")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"resource/stint": true, "role/privileged-role-administrator": true, "role/auditor": true}
	for _, x := range file.Targets {
		known["target/"+x.ID] = true
	}
	for _, x := range file.Resources {
		known["resource/"+x.ID] = true
	}
	for _, x := range file.Roles {
		known["role/"+x.ID] = true
	}
	for _, x := range file.People {
		known["person/"+x.ID] = true
	}
	for _, x := range file.Groups {
		known["group/"+x.ID] = true
	}
	needs := func(kind, id string) {
		if id != "" && !known[strings.TrimPrefix(kind+"/"+id, "/")] {
			t.Errorf("%s %q is used and not defined", kind, id)
		}
	}
	for _, x := range file.Resources {
		needs("resource", x.Parent)
		needs("target", x.Target)
	}
	for _, x := range file.Roles {
		for _, m := range x.Means {
			needs("resource", m.Resource)
		}
		for _, s := range x.Settings {
			if x.Privileged && s["step_up"] != "passkey" {
				t.Errorf("%s is privileged without a passkey", x.ID)
			}
			approvers, _ := s["approvers"].([]any)
			if (s["approval"] == "required") != (len(approvers) > 0) {
				t.Errorf("%s: approval %v, approvers %v", x.ID, s["approval"], approvers)
			}
			for _, a := range approvers {
				needs("", a.(string))
			}
		}
	}
	for _, x := range file.Groups {
		for _, m := range x.Members {
			needs("", m)
		}
	}
	for _, x := range file.Accounts {
		needs("person", x.Person)
		needs("target", x.Target)
	}
	for _, x := range file.Assignments {
		needs("", x.Principal)
		needs("role", x.Role)
		needs("resource", x.Resource)
	}
	if file.Version != 1 || len(file.People) != 12 || len(file.Accounts) != 12 || len(file.Targets) != 1 {
		t.Errorf("version %d, %d people, %d accounts, %d targets", file.Version, len(file.People), len(file.Accounts), len(file.Targets))
	}
	target := file.Targets[0]
	for name, want := range map[string]string{"address": "ldap://" + NorthwindDirectory, "base_dn": NorthwindBaseDN, "bind_dn": NorthwindBindDN, "filler_dn": NorthwindFillerDN} {
		if target.Settings[name] != want {
			t.Errorf("target: %s is %q, the demo sets up %q", name, target.Settings[name], want)
		}
	}
	if target.Secret["env"] != NorthwindSecretEnv || !slices.Equal(target.MayWrite, []string{"*," + NorthwindGroupsDN}) {
		t.Errorf("target: secret %v, may_write %v", target.Secret, target.MayWrite)
	}
}

// The directory has every entitlement and account that the file speaks of.
func TestNorthwindDirectoryMatchesTheFile(t *testing.T) {
	t.Parallel()
	o, err := readOrganisation()
	if err != nil {
		t.Fatal(err)
	}
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	has := func(dn, class string) {
		t.Helper()
		name, err := parseDN(dn)
		if err != nil {
			t.Fatal(err)
		}
		if e := d.tree.find(name); e == nil || !slices.Contains(e.values("objectClass"), class) {
			t.Errorf("%s is not in the directory as %s", dn, class)
		}
	}
	for _, r := range o.Roles {
		for _, m := range r.Means {
			has(m.Entitlement, "groupOfNames")
		}
	}
	for _, a := range o.Accounts {
		has(personDN(a.Account), "inetOrgPerson")
	}
	has(NorthwindFillerDN, "organizationalRole")
	has(NorthwindBindDN, "organizationalRole")
	for group, people := range standing {
		has(group, "groupOfNames")
		for _, id := range people {
			has(personDN(id), "inetOrgPerson")
		}
	}
}

func TestNorthwindPeopleAndHints(t *testing.T) {
	t.Parallel()
	people, err := NorthwindPeople()
	if err != nil {
		t.Fatal(err)
	}
	hints := map[string]string{}
	for _, p := range people {
		if p.Subject == "" || p.Subject == p.Username || p.Email == "" || p.Name == "" || p.Title == "" {
			t.Errorf("incomplete: %+v", p)
		}
		hints[p.Username] = p.Hint
	}
	for username, want := range map[string]string{
		"bob":   "May activate Production operator. Approves Database on call.",
		"kira":  "May activate Database maintenance, Production operator.",
		"dave":  "Holds Backup operator.",
		"grace": "May activate Privileged Role Administrator.",
		"erin":  "May activate Auditor.",
	} {
		if hints[username] != want {
			t.Errorf("%s: %q, want %q", username, hints[username], want)
		}
	}
}

func TestNorthwindAddress(t *testing.T) {
	t.Parallel()
	if got := Northwind("127.0.0.1:4711"); !bytes.Contains(got, []byte(`"ldap://127.0.0.1:4711"`)) || bytes.Contains(got, []byte(":1389")) {
		t.Error("the directory's address was not put in")
	}
}

func TestSecretIsMadeOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	first, err := Secret(file)
	if err != nil || len(first) != 26 {
		t.Fatalf("%d characters, %v", len(first), err)
	}
	if again, err := Secret(file); err != nil || again != first {
		t.Error("the secret changed", err)
	}
	if _, err := Secret(filepath.Join(file, "below")); err == nil {
		t.Error("a secret that cannot be kept was given out")
	}
}
