//go:build linux

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/oidc"
	"stint/internal/stinttest/samba"
)

const (
	domainGroups = ",OU=Groups," + samba.BaseDN
	domainCrowd  = 1700 // more than the 1,500 a domain controller hands out at once
)

// domainSite is an organisation with an Active Directory domain (Debian's Samba).
type domainSite struct {
	*host
	domain   *samba.Server
	provider *oidc.Provider
	ada      string // her DN
}

func newDomainSite(t *testing.T) *domainSite {
	t.Helper()
	s := &domainSite{host: newHost(t), domain: samba.Start(t), provider: oidc.Start(t)}
	s.ada = s.domain.AddPerson(t, "ada")
	s.domain.AddGroup(t, "CN=inner"+domainGroups, "inner", s.ada)
	s.domain.AddGroup(t, "CN=outer"+domainGroups, "outer", "CN=inner"+domainGroups)
	s.domain.AddGroup(t, "CN=everybody"+domainGroups, "everybody", s.domain.AddCrowd(t, domainCrowd)...)
	s.write("oidc.secret", s.provider.ClientSecret)
	s.write("domain.password", samba.ServicePassword)
	s.configure("oidc_issuer: "+s.provider.Issuer, "oidc_client_id: "+s.provider.ClientID, "oidc_client_secret: file:oidc.secret",
		"oidc_binding_claims: [preferred_username]")
	role := func(id string) string {
		return fmt.Sprintf("  - {id: %s, name: %s, privileged: false, means: [{resource: corp, entitlement: \"CN=%s%s\"}],\n     settings: [{max_duration: 1m, default_duration: 1m, step_up: none, justification: optional}]}", id, id, id, domainGroups)
	}
	may := func(id string) string {
		return fmt.Sprintf("  - {principal: group/staff, role: %s, resource: corp, kind: eligible}", id)
	}
	s.write("org.yaml", "version: 1", "targets:", "  - id: domain", "    kind: ldap", "    name: Domain",
		fmt.Sprintf("    settings: {address: %q, ca_file: %q, flavour: ad, base_dn: %q, bind_dn: %q, read_delay: 1s}", s.domain.URL, s.domain.CAFile, samba.BaseDN, samba.ServiceUPN),
		"    secret: {file: domain.password}", `    may_write: ["*`+domainGroups+`"]`,
		"resources:", "  - {id: corp, kind: domain, name: Corporate domain, target: domain}",
		"roles:", role("outer"), role("inner"), role("everybody"),
		"people:", "  - {id: ada, name: Ada Lovelace, match: {preferred_username: ada}}",
		"groups:", "  - {id: operators, name: Operators, members: [person/ada]}", "  - {id: staff, name: Staff, members: [group/operators]}",
		"accounts:", "  - {person: ada, target: domain, account: ada}",
		"assignments:", may("outer"), may("inner"), may("everybody"))
	return s
}

func (s *domainSite) member(group string) bool {
	s.Helper()
	return slices.ContainsFunc(s.domain.MemberOf(s.T, "CN="+group+domainGroups), func(dn string) bool { return strings.EqualFold(dn, s.ada) })
}

func (s *domainSite) awaitMember(want bool, group string, within time.Duration) {
	s.Helper()
	s.await(within, func() string {
		if s.member(group) != want {
			return fmt.Sprintf("ada in %s: still %v", group, !want)
		}
		return ""
	})
}

// Active Directory end to end: who is eligible through groups in groups is put into a domain group and taken out again,
// by hand and by time; a membership through a nested group is not a membership, one from before Stint stays, and a group
// of more members than the controller hands out at once is no different.
func TestActiveDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("a domain controller takes several seconds to set up")
	}
	t.Parallel()
	s := newDomainSite(t)
	if n, all := s.domain.FirstRange(t, "CN=everybody"+domainGroups); all || n >= domainCrowd {
		t.Fatalf("the large group is not large: the controller hands out %d members at once", n)
	}
	if out := s.stint("apply", "org.yaml"); strings.Contains(out, "not found yet") {
		t.Fatal(out)
	}
	s.says(s.stint("doctor"), "ok target domain")
	s.serve("/readyz")
	ada := &visitor{host: s.host, Person: &stinttest.Person{World: &stinttest.World{TB: t, URL: s.url}, Client: s.browser()}}
	s.provider.SignInAs("ada", map[string]any{"name": "Ada Lovelace", "preferred_username": "ada"})
	page := ada.Get("/sign-in/start")
	for range 2 { // to the provider, and back
		page = ada.Get(page.Want(t, http.StatusSeeOther).Location())
	}

	ask := func(role string) string { return ada.Activate(s.groupAssignment(role), "duration", "1") }
	outer, everybody, inner := ask("outer"), ask("everybody"), ask("inner")
	s.awaitMember(true, "outer", soon)
	s.awaitMember(true, "everybody", soon)
	for _, id := range []string{outer, everybody} {
		ada.awaitPage("/activations/"+id, soon, "confirmed at the target")
	}
	ada.Post("/activations/"+everybody+"/deactivate").Want(t, http.StatusSeeOther)
	s.awaitMember(false, "everybody", soon)
	ada.awaitPage("/activations/"+everybody, afterAMin, "confirmed gone at") // gone is seen twice, the second time 30 s after the last write
	if n := len(s.domain.MemberOf(t, "CN=everybody"+domainGroups)); n != domainCrowd {
		t.Errorf("the large group has %d members, want %d", n, domainCrowd)
	}
	s.awaitMember(false, "outer", afterAMin) // by time
	ada.awaitPage("/activations/"+outer, soon, "Expired", "confirmed gone at")
	ada.awaitPage("/activations/"+inner, soon, "Expired", "held before Stint")
	if !s.member("inner") {
		t.Error("what Ada held before Stint is gone")
	}
	s.says(s.stint("audit", "verify"), "are good")
}

func (s *domainSite) groupAssignment(role string) string {
	s.Helper()
	return s.assignment("staff", role)
}
