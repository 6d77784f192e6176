//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/oidc"
	"stint/internal/stinttest/oidcprovider"
	"stint/internal/stinttest/slapd"
	"stint/internal/store"
)

const (
	soon       = 30 * time.Second // what takes a moment, on a busy machine
	afterAMin  = 2 * time.Minute  // what ends after one minute
	engineerDN = ",ou=groups," + slapd.BaseDN
)

// site is an organisation: Debian's slapd, a third-party OpenID provider, a host with Stint, and the file that says who
// may be what.
type site struct {
	*host
	directory *slapd.Server
	provider  *oidcprovider.Provider
}

var engineerGroups = []string{"dba", "wiki", "operators"}

func newSite(t *testing.T) *site { return newSiteAt(t, newHost(t)) }

// newSiteAt is newSite on a given host, with further lines of configuration.
func newSiteAt(t *testing.T, h *host, more ...string) *site {
	t.Helper()
	s := &site{host: h, directory: slapd.Start(t)}
	s.provider = oidcprovider.Start(t, s.url+"/sign-in/callback")
	for login := range oidcprovider.Accounts {
		s.directory.AddPerson(t, login)
	}
	for _, group := range engineerGroups {
		s.directory.Add(t, "cn="+group+engineerDN, "objectClass", "groupOfNames", "cn", group, "member", slapd.ServiceDN)
	}
	s.write("oidc.secret", s.provider.ClientSecret)
	s.write("directory.password", slapd.ServicePassword)
	s.configure(append(more, "oidc_issuer: "+s.provider.Issuer, "oidc_client_id: "+s.provider.ClientID, "oidc_client_secret: file:oidc.secret",
		"oidc_scopes: [profile, email, groups]", "oidc_groups_claim: groups", "oidc_binding_claims: [preferred_username]")...)
	s.writeOrg(true)
	return s
}

// writeOrg writes org.yaml; Ada may be on call in it, or not.
func (s *site) writeOrg(onCall bool) {
	s.Helper()
	more := ""
	if onCall {
		more = "  - {principal: person/ada, role: database-on-call, resource: dba-group, kind: eligible}\n"
	}
	s.write("org.yaml", fmt.Sprintf(`version: 1
targets:
  - id: directory
    kind: ldap
    name: Company directory
    settings: {address: %q, ca_file: %q, base_dn: %q, bind_dn: %q, filler_dn: %q}
    secret: {file: directory.password}
    may_write: ["*,ou=groups,%s"]
resources:
  - {id: example, kind: organisation, name: Example}
  - {id: corp, parent: example, kind: directory, name: Company directory, target: directory}
  - {id: dba-group, parent: corp, kind: group, name: Database administrators}
roles:
  - id: database-on-call
    name: Database on call
    privileged: true
    means: [{resource: dba-group, entitlement: "cn=dba%s"}]
    settings: [{max_duration: 4h, default_duration: 1h, approval: required, approvers: [group/leads]}]
  - id: wiki-editor
    name: Wiki editor
    privileged: false
    means: [{resource: corp, entitlement: "cn=wiki%s"}]
    settings: [{max_duration: 1m, default_duration: 1m, step_up: none}]
  - id: operator
    name: Operator
    privileged: true
    means: [{resource: corp, entitlement: "cn=operators%s"}]
people:
  - {id: ada, name: Ada Lovelace, match: {preferred_username: ada}}
  - {id: grace, name: Grace Hopper, match: {preferred_username: grace}}
groups:
  - {id: leads, name: Leads, members: [person/grace]}
accounts:
  - {person: ada, target: directory, account: ada}
  - {person: grace, target: directory, account: grace}
assignments:
  - {principal: person/ada, role: wiki-editor, resource: example, kind: eligible}
  - {principal: person/ada, role: operator, resource: corp, kind: eligible}
`, s.directory.TLSURL, s.directory.CAFile, slapd.BaseDN, slapd.ServiceDN, slapd.ServiceDN, slapd.BaseDN, engineerDN, engineerDN, engineerDN)+more)
}

// member reports whether somebody is in a group, as the directory's manager sees it.
func (s *site) member(login, group string) bool {
	s.Helper()
	return slices.Contains(s.directory.Values(s.T, "cn="+group+engineerDN, "member"), "uid="+login+",ou=people,"+slapd.BaseDN)
}

func (s *site) awaitMember(want bool, login, group string, within time.Duration) {
	s.Helper()
	s.await(within, func() string {
		if s.member(login, group) != want {
			return fmt.Sprintf("%s in %s: still %v", login, group, !want)
		}
		return ""
	})
}

// The engineer's way (issue: from one file to a role that is really held and really lost), with nobody's components but
// ours and third parties'.
func TestEngineer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.says(s.stint("apply", "--dry-run", "org.yaml"), "dry run")
	if _, err := os.Stat(s.database()); err == nil {
		t.Error("a dry run left a database behind")
	}
	s.says(s.stint("apply", "org.yaml"), "Made ", "took away 0")
	s.says(s.stint("apply", "org.yaml"), "Nothing to change")
	s.serve("/readyz")

	ada, grace := s.visitor("ada"), s.visitor("grace")
	ada.signIn(s.provider)
	s.says(ada.Get("/my-roles").Want(t, http.StatusOK).Text("body"), "Ada Lovelace", "Database on call", "Wiki editor")
	brief := ada.Activate(s.assignment("ada", "wiki-editor"), "duration", "1", "justification", "Mend the page on backups")
	s.awaitMember(true, "ada", "wiki", soon)
	ada.awaitPage("/activations/"+brief, soon, "confirmed at the target")

	s.firstAdministrator(ada)
	s.approvedBySomebodyElse(ada, grace)
	s.givenBack(ada)
	s.fileTakesAway(ada)

	s.awaitMember(false, "ada", "wiki", afterAMin) // by time, while all of the above went on
	ada.awaitPage("/activations/"+brief, soon, "Expired", "confirmed gone at")
	s.says(s.stint("audit", "verify"), "are good", "signed checkpoint")
	exported := s.stint("export")
	s.write("exported.yaml", exported)
	s.says(s.stint("apply", "exported.yaml"), "Nothing to change")
	s.says(s.stint("doctor"), "ok database", "ok provider", "ok target directory")
	s.stop()
	s.leaksNothing(exported)
}

// firstAdministrator: the link is in a private file since there is no terminal, works once, and brings a passkey.
func (s *site) firstAdministrator(ada *visitor) {
	s.Helper()
	if page := ada.Get("/people"); page.StatusCode != http.StatusNotFound {
		s.Errorf("before the link Ada sees the people: %d", page.StatusCode)
	}
	s.says(s.stint("admin", "link"), "readable by you alone")
	first := s.read("data/admin-link")
	if info, err := os.Stat(s.path("data/admin-link")); err != nil || info.Mode().Perm() != 0o600 {
		s.Errorf("the link's file: %v %v", info, err)
	}
	ada.administer()
	ada.Post(strings.TrimPrefix(first, s.url)).Want(s.T, http.StatusForbidden) // a new link kills the old
	ada.Post(strings.TrimPrefix(s.read("data/admin-link"), s.url)).Want(s.T, http.StatusForbidden)
}

func (s *site) approvedBySomebodyElse(ada, grace *visitor) {
	s.Helper()
	request := ada.Activate(s.assignment("ada", "database-on-call"), "duration", "60", "justification", "Repair the ledger")
	if page := ada.Decide(request, "approve"); page.StatusCode == http.StatusSeeOther { // T10
		s.Error("Ada approved for herself")
	}
	if s.member("ada", "dba") {
		s.Error("Ada is in the group before the approval")
	}
	grace.signIn(s.provider)
	s.says(s.stint("admin", "voucher", "grace"), "readable by you alone")
	grace.enrol(s.read("data/voucher"))
	s.says(grace.Get("/approvals").Want(s.T, http.StatusOK).Text("main"), "Ada Lovelace", "Database on call")
	grace.Approve(request)
	s.awaitMember(true, "ada", "dba", soon)
	ada.awaitPage("/activations/"+request, soon, "confirmed at the target", "Grace Hopper")
}

func (s *site) givenBack(ada *visitor) {
	s.Helper()
	id := ada.Activate(s.assignment("ada", "operator"))
	s.awaitMember(true, "ada", "operators", soon)
	ada.Post("/activations/"+id+"/deactivate").Want(s.T, http.StatusSeeOther)
	s.awaitMember(false, "ada", "operators", soon)
	ada.awaitPage("/activations/"+id, soon, "Deactivated", "confirmed gone at")
}

// fileTakesAway applies a file without an eligibility that is in use, through the running process (EC-11).
func (s *site) fileTakesAway(ada *visitor) {
	s.Helper()
	asg := s.assignment("ada", "database-on-call")
	s.writeOrg(false)
	s.says(s.stint("apply", "org.yaml"), "took away 1")
	s.awaitMember(false, "ada", "dba", soon)
	over := inDatabase(s.host, func(r *store.Reader) (*pim.Activation, error) {
		a, err := r.Assignment(asg)
		if err != nil {
			return nil, err
		}
		return r.LastActivation(a.PrincipalID, a.RoleID, a.ResourceID)
	})
	if over == nil || over.State != pim.EligibilityEnded {
		s.Fatalf("the activation is %+v", over)
	}
	ada.awaitPage("/activations/"+over.ID, soon, "confirmed gone at")
}

// leaksNothing looks for secrets in the log, the database and the export (T28).
func (s *site) leaksNothing(exported string) {
	s.Helper()
	database, err := os.ReadFile(s.database())
	s.ok(err)
	for where, text := range map[string]string{"the log": s.served.log.String(), "the database": string(database), "the export": exported} {
		for _, secret := range []string{s.provider.ClientSecret, slapd.ServicePassword, strings.TrimPrefix(s.read("data/admin-link"), s.url+"/admin-link/"), s.read("data/voucher")} {
			if strings.Contains(text, secret) {
				s.Errorf("%s holds a secret", where)
			}
		}
	}
}

// A provider that is down does not stop the start; the page says so, and once it is up people sign in (F13).
func TestProviderComesUpLate(t *testing.T) {
	t.Parallel()
	h, late := newHost(t), oidc.New(t)
	address := freeAddress(t)
	late.Issuer = "http://" + address
	h.write("oidc.secret", late.ClientSecret)
	h.configure("oidc_issuer: "+late.Issuer, "oidc_client_id: "+late.ClientID, "oidc_client_secret: file:oidc.secret")
	h.serve("/readyz")
	browser := h.browser()
	browser.Get("/sign-in").Want(t, http.StatusOK)
	h.says(browser.Get("/sign-in/start").Want(t, http.StatusServiceUnavailable).Text("main"), "not signed in")
	h.refused([]string{"BAD provider"}, "doctor")

	listener, err := net.Listen("tcp", address)
	h.ok(err)
	server := httptest.NewUnstartedServer(late)
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	late.SignInAs("ada", map[string]any{"name": "Ada Lovelace"})
	h.await(time.Minute, func() string {
		page := browser.Get("/sign-in/start")
		for range 2 {
			if page.StatusCode != http.StatusSeeOther {
				return page.Text("main")
			}
			page = browser.Get(page.Location())
		}
		return ""
	})
	h.says(browser.Get("/my-roles").Want(t, http.StatusOK).Text("body"), "Ada Lovelace")
}
