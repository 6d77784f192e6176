//go:build linux

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/oidc"
	"stint/internal/stinttest/postgres"
	"stint/internal/store"
)

// clusterSite is an organisation with a PostgreSQL cluster.
type clusterSite struct {
	*host
	cluster  *postgres.Server
	provider *oidc.Provider
}

const clusterSecret = "cluster-secret-canary"

func newClusterSite(t *testing.T) *clusterSite {
	t.Helper()
	s := &clusterSite{host: newHost(t), cluster: postgres.StartOwn(t, postgres.Options{}), provider: oidc.Start(t)}
	s.cluster.Exec(t, `CREATE ROLE ada LOGIN PASSWORD 'her-own'; CREATE ROLE "Ledger ""Admin"""; CREATE ROLE reports;
		CREATE TABLE ledger (line TEXT); GRANT SELECT ON ledger TO "Ledger ""Admin""";
		CREATE ROLE stint LOGIN NOINHERIT PASSWORD '`+clusterSecret+`'; GRANT pg_signal_backend TO stint;
		GRANT "Ledger ""Admin""" TO stint WITH ADMIN OPTION; GRANT reports TO stint WITH ADMIN OPTION`)
	s.write("oidc.secret", s.provider.ClientSecret)
	s.write("cluster.password", clusterSecret)
	s.configure("oidc_issuer: "+s.provider.Issuer, "oidc_client_id: "+s.provider.ClientID, "oidc_client_secret: file:oidc.secret",
		"oidc_binding_claims: [preferred_username]")
	role := func(id, name string) string {
		return fmt.Sprintf("  - {id: %s, name: %s, privileged: false, means: [{resource: databases, entitlement: '%s'}],\n     settings: [{max_duration: 1m, default_duration: 1m, step_up: none, justification: optional}]}", id, id, name)
	}
	s.write("org.yaml", "version: 1", "targets:", "  - id: cluster", "    kind: postgres", "    name: Databases",
		fmt.Sprintf("    settings: {address: %q, ca_file: %q, user: stint, end_sessions: true, system_identifier: %s}", s.cluster.Addr(), s.cluster.CAFile,
			s.cluster.Strings(t, "SELECT system_identifier FROM pg_control_system()")[0]),
		"    secret: {file: cluster.password}", `    may_write: ["Ledger*", reports]`,
		"resources:", "  - {id: databases, kind: cluster, name: Databases, target: cluster}",
		"roles:", role("ledger", `Ledger "Admin"`), role("reports", "reports"),
		"people:", "  - {id: ada, name: Ada Lovelace, match: {preferred_username: ada}}",
		"accounts:", "  - {person: ada, target: cluster, account: ada}",
		"assignments:", "  - {principal: person/ada, role: ledger, resource: databases, kind: eligible}",
		"  - {principal: person/ada, role: reports, resource: databases, kind: eligible}")
	return s
}

func (s *clusterSite) awaitRole(want bool, name string, within time.Duration) {
	s.Helper()
	s.await(within, func() string {
		if got := s.cluster.Strings(s.T, "SELECT pg_has_role('ada', $1, 'MEMBER')", name)[0]; got != fmt.Sprint(want) {
			return fmt.Sprintf("ada in %s: still %s", name, got)
		}
		return ""
	})
}

// session is Ada's own, beside Stint.
func (s *clusterSite) session() *pgx.Conn {
	s.Helper()
	c, err := pgx.Connect(s.Context(), s.cluster.DSNOf("ada", "her-own", "postgres"))
	s.ok(err)
	s.Cleanup(func() { _ = c.Close(s.Context()) })
	return c
}

// PostgreSQL end to end: an eligible person really gets the role and really loses it, by hand and by time, and a session
// that has switched into it does not outlive it (THREATS rule 5).
func TestCluster(t *testing.T) {
	t.Parallel()
	s := newClusterSite(t)
	if out := s.stint("apply", "org.yaml"); strings.Contains(out, "not found yet") {
		t.Fatal(out)
	}
	s.says(s.stint("doctor"), "ok target cluster")
	s.serve("/readyz")
	ada := &visitor{host: s.host, Person: &stinttest.Person{World: &stinttest.World{TB: t, URL: s.url}, Client: s.browser()}}
	s.provider.SignInAs("ada", map[string]any{"name": "Ada Lovelace", "preferred_username": "ada"})
	page := ada.Get("/sign-in/start")
	for range 2 { // to the provider, and back
		page = ada.Get(page.Want(t, http.StatusSeeOther).Location())
	}

	reports := ada.Activate(s.assignment("ada", "reports"), "duration", "1")
	s.awaitRole(true, "reports", soon)
	ada.Post("/activations/"+reports+"/deactivate").Want(t, http.StatusSeeOther)
	s.awaitRole(false, "reports", soon)
	ada.awaitPage("/activations/"+reports, soon, "Deactivated", "confirmed gone at")

	session := s.session()
	if _, err := session.Exec(t.Context(), "SELECT line FROM ledger"); err == nil {
		t.Error("Ada reads the ledger before she holds the role")
	}
	ledger := ada.Activate(s.assignment("ada", "ledger"), "duration", "1")
	ada.awaitPage("/activations/"+ledger, soon, "confirmed at the target")
	s.awaitRole(true, `Ledger "Admin"`, soon)
	_, err := session.Exec(t.Context(), `SET ROLE "Ledger ""Admin"""; SELECT line FROM ledger`)
	s.ok(err)
	s.awaitRole(false, `Ledger "Admin"`, afterAMin) // by time
	ada.awaitPage("/activations/"+ledger, soon, "Expired", "confirmed gone at")
	if _, err := session.Exec(t.Context(), "SELECT line FROM ledger"); err == nil {
		t.Error("a session in the role outlives it")
	}
	s.session() // she may still sign in
	s.sessionsRecorded()
	s.says(s.stint("audit", "verify"), "are good")
	s.stop()
	if strings.Contains(s.served.log.String(), clusterSecret) { // T28
		t.Error("the log holds the password")
	}
}

func (s *clusterSite) sessionsRecorded() {
	s.Helper()
	gone := inDatabase(s.host, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: string(pim.EvGrantGone), Limit: 10})
	})
	if len(gone) != 2 || gone[0].Facts["sessions_ended"] != true {
		s.Errorf("the entries of what is gone: %+v", gone)
	}
}
