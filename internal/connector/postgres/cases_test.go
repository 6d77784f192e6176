//go:build unix

package postgres_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stint/internal/connector"
	"stint/internal/connector/postgres"
	server "stint/internal/stinttest/postgres"
	"stint/internal/stinttest/slapd/testca"
)

// What only PostgreSQL has, on one server.
func TestCases(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]func(fixture, *testing.T){
		"TLS":                     fixture.testTLS,
		"odd names":               fixture.testOddNames,
		"renamed":                 fixture.testRenamed,
		"renamed under way":       fixture.testRenamedUnderWay,
		"dropped and made again":  fixture.testDroppedAndMadeAgain,
		"granted beside":          fixture.testGrantedBeside,
		"own membership":          fixture.testOwnMembership,
		"one row at once":         fixture.testOneRowAtOnce,
		"sessions":                fixture.testSessions,
		"session that stays":      fixture.testSessionThatStays,
		"sessions, login dropped": fixture.testSessionsOfADroppedLogin,
		"sessions not allowed":    fixture.testSessionsNotAllowed,
		"protected by name":       fixture.testProtectedByName,
		"protected by power":      fixture.testProtectedByPower,
		"no ADMIN OPTION":         fixture.testNoAdminOption,
		"locked":                  fixture.testLocked,
		"circle":                  fixture.testCircle,
		"ids":                     fixture.testIDs,
		"not an account":          fixture.testNotAnAccount,
		"another cluster":         fixture.testAnotherCluster,
		"second server":           fixture.testSecondServer,
		"no such database":        fixture.testNoSuchDatabase,
		"browse":                  fixture.testBrowse,
	} {
		t.Run(name, func(t *testing.T) { test(f, t) })
	}
}

func (f fixture) testTLS(t *testing.T) {
	name := f.role(t, "tls")
	for what, c := range map[string]struct {
		address, caFile string
		want            connector.Kind
	}{
		"right":           {f.Addr(), f.CAFile, connector.None},
		"other CA":        {f.Addr(), testca.New(t, t.TempDir(), "x").CA, connector.Denied},
		"other host name": {"127.0.0.2:" + f.Port, f.CAFile, connector.Transient}, // nobody listens there
	} {
		_, err := f.open(t, "address", c.address, "ca_file", c.caFile).Canonical(t.Context(), name)
		if got := connector.KindOf(err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", what, got, err, c.want)
		}
	}
}

// A server without TLS gets no password, and one that cannot be written to is passed over.
func TestOtherServers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	standby := fixture{server.StartOwn(t, server.Options{NoSync: true, Settings: map[string]string{"ssl": "off", "default_transaction_read_only": "on"}})}
	_, err := standby.open(t).Canonical(t.Context(), "role 1")
	mustKind(t, connector.Denied, err)
	says(t, err, "no TLS")

	standby.Exec(t, "BEGIN READ WRITE; CREATE ROLE "+ownRole+" LOGIN PASSWORD '"+ownPassword+"'; COMMIT")
	_, err = standby.plain(t, standby.Addr()).Canonical(t.Context(), "role 1")
	mustKind(t, connector.Transient, err)
	says(t, err, "primary")
	name, login := f.role(t, "primary"), f.login(t, "primary")
	c := f.plain(t, standby.Addr()+"\n"+f.Addr())
	grant(t, c, find(t, c, login), entitlement(t, c, name))
}

func (f fixture) testOddNames(t *testing.T) {
	for _, name := range []string{`Weird "Role" 1`, "naïve Größe 2 – 役割", `semi;colon 3'; DROP ROLE stint; --`, "sp ace 4 ", `back\slash 5`, "UPPER 6", strings.Repeat("ö", 31) + "7"} {
		f.newRole(t, name)
		login := strings.Replace(name, " ", "_", 1)
		if login == name {
			login = "of 7"
		}
		f.newLogin(t, login)
		c := f.open(t)
		ent, acc := entitlement(t, c, name), find(t, c, login)
		if err := c.Grant(t.Context(), acc, ent, time.Time{}); err != nil {
			t.Errorf("Grant of %q: %v", name, err)
		}
		mustObserve(t, c, true, acc, ent)
		if e, err := c.Describe(t.Context(), ent); err != nil || e.Name != name {
			t.Errorf("Describe = %+v, %v; want %q", e, err, name)
		}
		if err := c.Revoke(t.Context(), acc, ent); err != nil {
			t.Errorf("Revoke of %q: %v", name, err)
		}
		mustObserve(t, c, false, acc, ent)
	}
	f.newRole(t, "Case 8")
	_, err := f.open(t).Canonical(t.Context(), "case 8")
	mustKind(t, connector.Gone, err)
	_, err = f.open(t).Canonical(t.Context(), strings.Repeat("ö", 31)+"79") // PostgreSQL would cut it to the name above
	mustKind(t, connector.Refused, err)
}

// Both sides are renamed between grant and revoke.
func (f fixture) testRenamed(t *testing.T) {
	name, login := f.role(t, "before"), f.login(t, "before")
	c := f.open(t)
	acc, ent := find(t, c, login), entitlement(t, c, name)
	grant(t, c, acc, ent)
	f.rename(t, name, unique("after"))
	f.rename(t, login, unique("after"))
	f.newRole(t, name) // somebody else is called so now
	f.newLogin(t, login)
	mustObserve(t, c, true, acc, ent)
	mustObserve(t, c, false, find(t, c, login), entitlement(t, c, name))
	if err := c.Revoke(t.Context(), acc, ent); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, false, acc, ent)
}

func (f fixture) rename(t *testing.T, from, to string) {
	t.Helper()
	f.Exec(t, "ALTER ROLE "+quoted(from)+" RENAME TO "+quoted(to))
	t.Cleanup(func() { f.Exec(t, "DROP ROLE IF EXISTS "+quoted(to)) })
}

// T22: the names are swapped after Stint has read them and before it writes. Nobody gets what was not meant.
func (f fixture) testRenamedUnderWay(t *testing.T) {
	name, other, login := f.role(t, "swapped"), f.role(t, "other"), f.login(t, "swapped")
	direct := f.open(t)
	acc, ent, otherEnt := find(t, direct, login), entitlement(t, direct, name), entitlement(t, direct, other)
	relay := startRelay(t, f.Addr())
	relay.before("GRANT ", func() {
		f.Exec(t, "ALTER ROLE "+quoted(name)+" RENAME TO swapping9; ALTER ROLE "+quoted(other)+" RENAME TO "+quoted(name)+
			"; ALTER ROLE swapping9 RENAME TO "+quoted(other))
	})
	mustKind(t, connector.Transient, f.plain(t, relay.addr).Grant(t.Context(), acc, ent, time.Time{}))
	mustObserve(t, direct, false, acc, ent)
	mustObserve(t, direct, false, acc, otherEnt)
	grant(t, direct, acc, ent) // the next try reads the names anew
	mustObserve(t, direct, false, acc, otherEnt)
}

func (f fixture) testDroppedAndMadeAgain(t *testing.T) {
	name, login := f.role(t, "phoenix"), f.login(t, "phoenix")
	c := f.open(t)
	acc, ent := find(t, c, login), entitlement(t, c, name)
	f.Exec(t, "DROP ROLE "+quoted(name)+"; DROP ROLE "+quoted(login))
	f.newRole(t, name)
	f.newLogin(t, login)
	_, err := c.Observe(t.Context(), acc, entitlement(t, c, name))
	mustKind(t, connector.Gone, err)
	mustKind(t, connector.Gone, c.Grant(t.Context(), find(t, c, login), ent, time.Time{}))
	mustKind(t, connector.Gone, c.Revoke(t.Context(), acc, ent))
	if got := f.holders(t, name); len(got) != 0 {
		t.Errorf("%q got in", got)
	}
}

// Before version 16 a membership has one row, whoever granted it: what others grant beside Stint is seen and can be revoked.
func (f fixture) testGrantedBeside(t *testing.T) {
	name, login, stranger := f.role(t, "beside"), f.login(t, "beside"), f.login(t, "stranger")
	c := f.open(t)
	acc, ent := find(t, c, login), entitlement(t, c, name)
	f.Exec(t, "GRANT "+quoted(name)+" TO "+quoted(stranger)+"; GRANT "+quoted(name)+" TO "+quoted(login)+" WITH ADMIN OPTION")
	mustObserve(t, c, true, acc, ent)
	want := []connector.AccountID{acc, find(t, c, stranger)}
	slices.Sort(want)
	if got := listed(t, c, ent); !slices.Equal(got, want) {
		t.Errorf("List yields %q, want %q", got, want)
	}
	grant(t, c, acc, ent)
	if err := c.Revoke(t.Context(), acc, ent); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, false, acc, ent)
	mustObserve(t, c, true, find(t, c, stranger), ent)
}

// The same membership is asked for by several at once: it is there in the end, and whoever lost the race may try again.
func (f fixture) testOneRowAtOnce(t *testing.T) {
	name, login := f.role(t, "raced"), f.login(t, "raced")
	c := f.open(t)
	acc, ent := find(t, c, login), entitlement(t, c, name)
	for _, call := range []func() error{
		func() error { return c.Grant(t.Context(), acc, ent, time.Time{}) },
		func() error { return c.Revoke(t.Context(), acc, ent) },
	} {
		done := make(chan error)
		for range 6 {
			go func() { done <- call() }()
		}
		for range 6 {
			if err := <-done; err != nil {
				mustKind(t, connector.Transient, err)
			}
		}
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	mustObserve(t, c, false, acc, ent)
}

// Stint's own role is a member of what it may give: never shown, never written, its sessions never ended.
func (f fixture) testOwnMembership(t *testing.T) {
	name := f.role(t, "own")
	c := f.open(t, "end_sessions", "true")
	if got := listed(t, c, entitlement(t, c, name)); len(got) != 0 {
		t.Errorf("List shows %q", got)
	}
	_, _, err := c.FindAccount(t.Context(), ownRole)
	mustKind(t, connector.Refused, err)
	self := connector.AccountID(f.Strings(t, "SELECT oid FROM pg_roles WHERE rolname = $1", ownRole)[0])
	mustKind(t, connector.Refused, c.Grant(t.Context(), self, entitlement(t, c, f.role(t, "other")), time.Time{}))
	mustKind(t, connector.Refused, c.EndSessions(t.Context(), self))
}

// T-rule 5: a session that had switched into the role keeps it after the revoke, until it is ended.
func (f fixture) testSessions(t *testing.T) {
	name, login, other := f.role(t, "held"), f.login(t, "held"), f.login(t, "bystander")
	c := f.open(t, "end_sessions", "true")
	acc, ent := find(t, c, login), entitlement(t, c, name)
	grant(t, c, acc, ent)
	holder, bystander := f.session(t, login), f.session(t, other)
	if _, err := holder.Exec(t.Context(), "SET ROLE "+quoted(name)); err != nil {
		t.Fatal(err)
	}
	if err := c.Revoke(t.Context(), acc, ent); err != nil {
		t.Fatal(err)
	}
	var as string
	if err := holder.QueryRow(t.Context(), "SELECT current_user::text").Scan(&as); err != nil || as != name {
		t.Fatalf("the session is %q (%v): PostgreSQL no longer keeps the role, so ending sessions is not needed", as, err)
	}
	if !c.Capabilities().EndsSessions {
		t.Error("EndsSessions is false")
	}
	if err := c.EndSessions(t.Context(), acc); err != nil {
		t.Fatal(err)
	}
	if left := f.Strings(t, "SELECT pid FROM pg_stat_activity WHERE usename = $1", login); len(left) != 0 {
		t.Errorf("sessions that were said to have ended: %v", left)
	}
	if _, err := holder.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the session goes on")
	}
	if _, err := bystander.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("somebody else's session ended: %v", err)
	}
	if err := c.EndSessions(t.Context(), acc); err != nil {
		t.Errorf("without sessions: %v", err)
	}
	again := f.session(t, login)
	if err := f.open(t).EndSessions(t.Context(), acc); err != nil {
		t.Errorf("where nobody asked for it: %v", err)
	}
	if _, err := again.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("where nobody asked for it the session ended: %v", err)
	}
}

// PostgreSQL lets the sessions of a dropped login go on.
func (f fixture) testSessionsOfADroppedLogin(t *testing.T) {
	login := f.login(t, "dropped")
	c := f.open(t, "end_sessions", "true")
	acc, session := find(t, c, login), f.session(t, login)
	f.Exec(t, "DROP ROLE "+quoted(login))
	if _, err := session.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatalf("the session ended with its role: %v", err)
	}
	if err := c.EndSessions(t.Context(), acc); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the session goes on")
	}
}

// A session that was told to end and has not is not called ended.
func (f fixture) testSessionThatStays(t *testing.T) {
	login := f.login(t, "stopped")
	c := f.open(t, "end_sessions", "true")
	acc := find(t, c, login)
	f.session(t, login)
	pid, err := strconv.Atoi(f.Strings(t, "SELECT pid FROM pg_stat_activity WHERE usename = $1", login)[0])
	if err != nil {
		t.Fatal(err)
	}
	stop := func(s syscall.Signal) {
		if err := syscall.Kill(pid, s); err != nil {
			t.Error(err)
		}
	}
	stop(syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	mustKind(t, connector.Transient, c.EndSessions(ctx, acc))
	stop(syscall.SIGCONT)
	if err := c.EndSessions(t.Context(), acc); err != nil {
		t.Error(err)
	}
	if left := f.Strings(t, "SELECT pid FROM pg_stat_activity WHERE usename = $1", login); len(left) != 0 {
		t.Errorf("sessions that were said to have ended: %v", left)
	}
}

func (f fixture) session(t *testing.T, login string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), f.DSNOf(login, "login-secret", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close(t.Context())
		<-c.PgConn().CleanupDone()
	})
	return c
}

func (f fixture) testSessionsNotAllowed(t *testing.T) {
	login := f.login(t, "superuser")
	f.Exec(t, "ALTER ROLE "+quoted(login)+" SUPERUSER")
	c := f.open(t, "end_sessions", "true")
	f.session(t, login)
	err := c.EndSessions(t.Context(), find(t, c, login))
	mustKind(t, connector.Denied, err)
}

// T40, before the network: nobody listens at this address.
func (f fixture) testProtectedByName(t *testing.T) {
	c := f.open(t, "address", "127.0.0.1:1", "may_write", "*")
	for _, name := range []string{"pg_read_all_data", "pg_execute_server_program", "pg_signal_backend", "postgres", ownRole, "rds_superuser", "cloudsqlsuperuser", "azure_pg_admin"} {
		_, err := c.Canonical(t.Context(), name)
		mustKind(t, connector.Refused, err)
		says(t, err, "protected")
	}
}

// What a role can do, or any role it is a member of, makes it protected; a literal line allows it. A revoke is not asked.
func (f fixture) testProtectedByPower(t *testing.T) {
	for power, sql := range map[string]string{
		"SUPERUSER":           `ALTER ROLE %s SUPERUSER`,
		"CREATEROLE":          `ALTER ROLE %s CREATEROLE`,
		"REPLICATION":         `ALTER ROLE %s REPLICATION`,
		"BYPASSRLS":           `ALTER ROLE %s BYPASSRLS`,
		"pg_write_all_data":   `GRANT pg_write_all_data TO %s`,
		"which has SUPERUSER": `GRANT postgres TO %s`,
		"member of stint":     `GRANT ` + ownRole + ` TO %s`,
	} {
		name, login := f.role(t, "power"), f.login(t, "power")
		c := f.open(t)
		acc, ent := find(t, c, login), entitlement(t, c, name)
		grant(t, c, acc, ent)
		if power == "member of stint" { // Stint may grant it, so that would be a circle
			f.Exec(t, "REVOKE "+quoted(name)+" FROM "+ownRole+"; "+strings.ReplaceAll(sql, "%s", quoted(name)))
			_, err := c.Canonical(t.Context(), name)
			mustKind(t, connector.Refused, err)
			continue
		}
		f.Exec(t, strings.ReplaceAll(sql, "%s", quoted(name)))
		err := c.Grant(t.Context(), acc, ent, time.Time{})
		mustKind(t, connector.Refused, err)
		says(t, err, power)
		_, err = c.Canonical(t.Context(), name)
		mustKind(t, connector.Refused, err)
		if err := f.open(t, "may_write", name).Grant(t.Context(), acc, ent, time.Time{}); err != nil {
			t.Errorf("%s, named literally: %v", power, err)
		}
		if power == "SUPERUSER" {
			continue // only superusers may revoke it
		}
		if err := c.Revoke(t.Context(), acc, ent); err != nil {
			t.Errorf("%s: a revoke was refused: %v", power, err)
		}
	}
}

func (f fixture) testNoAdminOption(t *testing.T) {
	name, login := f.role(t, "unadmitted"), f.login(t, "unadmitted")
	f.Exec(t, "REVOKE ADMIN OPTION FOR "+quoted(name)+" FROM "+ownRole)
	c := f.open(t)
	err := c.Grant(t.Context(), find(t, c, login), entitlement(t, c, name), time.Time{})
	mustKind(t, connector.Denied, err)
	says(t, err, name)
}

// A lock that is not given in time is Transient: the server has rolled back.
func (f fixture) testLocked(t *testing.T) {
	name, login := f.role(t, "locked"), f.login(t, "locked")
	c := f.open(t)
	acc, ent := find(t, c, login), entitlement(t, c, name)
	blocker, err := pgx.Connect(t.Context(), f.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Close(t.Context())
	if _, err := blocker.Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := blocker.Exec(t.Context(), "LOCK TABLE pg_catalog.pg_auth_members IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	s := f.settings()
	short, err := connector.Open(postgres.Kind, connector.Config{TargetID: "cluster", Settings: s, Secret: secret, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = short.Close() })
	mustKind(t, connector.Transient, short.Grant(t.Context(), acc, ent, time.Time{}))
	if _, err := blocker.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, false, acc, ent)
	grant(t, c, acc, ent)
}

func (f fixture) testCircle(t *testing.T) {
	inner, outer := f.role(t, "inner"), f.login(t, "outer")
	f.Exec(t, "GRANT "+quoted(outer)+" TO "+quoted(inner))
	c := f.open(t)
	mustKind(t, connector.Refused, c.Grant(t.Context(), find(t, c, outer), entitlement(t, c, inner), time.Time{}))
}

func (f fixture) testIDs(t *testing.T) {
	c := f.open(t)
	for _, id := range []string{"", "0", "-1", "1.0", " 1", "01", "4294967296", "1; DROP", "dn:cn=x", "ops"} {
		_, err := c.Observe(t.Context(), connector.AccountID(id), "10")
		mustKind(t, connector.Refused, err)
		_, err = c.Describe(t.Context(), connector.EntitlementID(id))
		mustKind(t, connector.Refused, err)
	}
	_, err := c.Observe(t.Context(), "4294967295", "10")
	mustKind(t, connector.Gone, err)
}

func (f fixture) testNotAnAccount(t *testing.T) {
	_, _, err := f.open(t).FindAccount(t.Context(), f.role(t, "group"))
	mustKind(t, connector.Refused, err)
	says(t, err, "cannot log in")
}

// A cluster restored from a dump has other roles at the same OIDs.
func (f fixture) testAnotherCluster(t *testing.T) {
	name := f.role(t, "here")
	system := f.Strings(t, "SELECT system_identifier FROM pg_control_system()")[0]
	entitlement(t, f.open(t, "system_identifier", system), name)
	_, err := f.open(t, "system_identifier", "1"+system[1:]).Canonical(t.Context(), name)
	mustKind(t, connector.Denied, err)
	says(t, err, system)
}

// The first address is dead: the second serves.
func (f fixture) testSecondServer(t *testing.T) {
	name := f.role(t, "second")
	entitlement(t, f.open(t, "address", "127.0.0.1:1\n"+f.Addr()), name)
}

func (f fixture) testNoSuchDatabase(t *testing.T) {
	_, err := f.open(t, "database", "nowhere").Canonical(t.Context(), "role 1")
	mustKind(t, connector.Denied, err)
	says(t, err, "nowhere")
}

// Stint's and PostgreSQL's own roles are nothing to pick.
func (f fixture) testBrowse(t *testing.T) {
	for e, err := range f.open(t).Browse(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if e.Name == ownRole || strings.HasPrefix(e.Name, "pg_") {
			t.Errorf("Browse shows %q", e.Name)
		}
	}
}
