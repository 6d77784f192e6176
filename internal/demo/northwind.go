package demo

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed northwind.yaml
var northwindFile []byte

// What northwind.yaml says of the directory, and the demo must set up alike.
const (
	NorthwindDirectory = "127.0.0.1:1389"                               // host and port the file names
	NorthwindBaseDN    = "dc=northwind,dc=example"                      //
	NorthwindBindDN    = "cn=stint,ou=services,dc=northwind,dc=example" // the service account
	NorthwindGroupsDN  = "ou=groups,dc=northwind,dc=example"            // where Stint may write
	NorthwindFillerDN  = "cn=nobody,dc=northwind,dc=example"            // the member that keeps a group from being empty
	NorthwindSecretEnv = "STINT_DIRECTORY_PASSWORD"                     // where the file takes the bind password from
)

// Northwind returns the sample organisation as `stint apply` reads it, with its directory at this host and port. An
// empty address leaves the one of the file.
func Northwind(directory string) []byte {
	if directory == "" {
		return bytes.Clone(northwindFile)
	}
	return bytes.ReplaceAll(northwindFile, []byte("ldap://"+NorthwindDirectory), []byte("ldap://"+directory))
}

// organisation is the part of northwind.yaml that the provider and the directory are made from.
type organisation struct {
	Roles []struct {
		ID, Name, Description string
		Means                 []struct{ Resource, Entitlement string }
		Settings              []struct{ Approvers []string }
	}
	People []struct {
		ID, Name, Email, Department, Title string
		Match                              struct {
			Username string `yaml:"preferred_username"`
		}
	}
	Groups []struct {
		ID      string
		Members []string
	}
	Accounts    []struct{ Person, Account string }
	Assignments []struct{ Principal, Role, Kind string }
}

func readOrganisation() (o organisation, err error) {
	if err = yaml.Unmarshal(northwindFile, &o); err != nil {
		return o, fmt.Errorf("northwind.yaml: %w", err)
	}
	return o, nil
}

// NorthwindPeople returns the people of the sample organisation as the provider shows them.
func NorthwindPeople() ([]Person, error) {
	o, err := readOrganisation()
	if err != nil {
		return nil, err
	}
	people := make([]Person, 0, len(o.People))
	for _, p := range o.People {
		// A subject that tells nothing, as real providers give: Stint must not mistake it for a name.
		id := sha256.Sum256([]byte("northwind person " + p.ID))
		people = append(people, Person{
			Subject: base64.RawURLEncoding.EncodeToString(id[:15]), Username: p.Match.Username, Name: p.Name, Email: p.Email,
			Title: p.Title, Department: p.Department, Hint: o.hint(p.ID),
		})
	}
	return people, nil
}

// hint says in one line what a person can try.
func (o organisation) hint(id string) string {
	var may, holds, approves []string
	for _, r := range o.Roles {
		for _, a := range o.Assignments {
			switch {
			case a.Role != r.ID || !o.includes(a.Principal, id):
			case a.Kind == "active":
				holds = append(holds, r.Name)
			default:
				may = append(may, r.Name)
			}
		}
		for _, s := range r.Settings {
			if slices.ContainsFunc(s.Approvers, func(p string) bool { return o.includes(p, id) }) {
				approves = append(approves, r.Name)
			}
		}
	}
	for _, a := range o.Assignments {
		switch {
		case a.Principal != "person/"+id:
		case a.Role == "privileged-role-administrator":
			may = append(may, "Privileged Role Administrator")
		case a.Role == "auditor":
			may = append(may, "Auditor")
		}
	}
	return strings.TrimSpace(sentence("May activate ", may) + sentence("Holds ", holds) + sentence("Approves ", approves))
}

func sentence(start string, names []string) string {
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return ""
	}
	return start + strings.Join(names, ", ") + ". "
}

// includes says whether a principal is the person or a group that contains them, at any depth.
func (o organisation) includes(principal, id string) bool {
	if principal == "person/"+id {
		return true
	}
	for _, g := range o.Groups {
		if principal == "group/"+g.ID && slices.ContainsFunc(g.Members, func(m string) bool { return o.includes(m, id) }) {
			return true
		}
	}
	return false
}
