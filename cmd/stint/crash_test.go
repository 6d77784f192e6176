//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/demo"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/oidc"
	"stint/internal/store"
)

// What is promised (THREATS F1, §7).
const (
	readyPromise = 3 * time.Second
	gonePromise  = 10 * time.Second // after the end, or after the restart is ready
)

// The load: people who ask for and give back roles at random. Some roles are never given back and expire.
const (
	crashPeople = 8
	crashRoles  = 12 // of which the last two mean the groups of the first two
	crashGroups = 10
	crashPace   = 100 * time.Millisecond // between two requests of one person
	keptOf100   = 3
	crashBase   = "dc=crash,dc=test"
)

// TestCrash kills the real server under load, again and again, at random points and in the moment in which the target
// changed, and judges what is left by what the target and the clients wrote down (THREATS F1, T19; STINT_KILLS rounds).
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two minutes")
	}
	t.Parallel()
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("STINT_KILLS"), "10"))
	if err != nil {
		t.Fatal("STINT_KILLS is the number of rounds: ", err)
	}
	c := newCrash(t)
	c.setUp()
	load, stopLoad := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for _, p := range c.people {
		clients.Go(func() { p.act(load) })
	}
	for round := range rounds {
		c.round(round)
	}
	stopLoad()
	clients.Wait()
	c.quiesce()
	c.judge(rounds)
}

// crash is one run: the host, the target with its journal, the people with theirs.
type crash struct {
	*host
	provider *oidc.Provider
	journal  *journal
	people   []*crashPerson
	up       []span // when the server was ready, until it was killed
	starts   []time.Duration
	promise  time.Duration // within which what is not needed is gone
}

type span struct{ from, to time.Time }

func crashPersonID(i int) string { return fmt.Sprintf("person-%d", i) }
func crashGroupOf(role int) string {
	return fmt.Sprintf("group-%d", role%crashGroups)
}
func crashGroupDN(name string) string { return "cn=" + name + ",ou=groups," + crashBase }

func newCrash(t *testing.T, more ...string) *crash {
	c := &crash{host: newHost(t), provider: oidc.Start(t), journal: &journal{}, promise: gonePromise}
	c.equip(c.host, more...)
	c.write("directory.password", "directory-secret")
	directory, err := demo.NewDirectory(demo.DirectoryConfig{Listen: "127.0.0.1:0", File: c.path("directory.json"), Seed: crashSeed(), BaseDN: crashBase,
		WriteBelow: "ou=groups," + crashBase, BindDN: "cn=stint," + crashBase, BindPassword: "directory-secret", Log: c.journal, Now: time.Now})
	c.ok(err)
	t.Cleanup(func() { _ = directory.Close() })
	c.write("org.yaml", crashFile(directory.Addr()))
	return c
}

// equip gives a host what it needs of the world around it.
func (c *crash) equip(h *host, more ...string) {
	h.Helper()
	h.configure(append([]string{"oidc_issuer: " + c.provider.Issuer, "oidc_client_id: " + c.provider.ClientID, "oidc_client_secret: file:oidc.secret",
		"oidc_binding_claims: [preferred_username]", "log_level: warn"}, more...)...)
	h.write("oidc.secret", c.provider.ClientSecret)
}

// crashSeed is a directory of people and groups. Person 0 is in the last group before Stint is set up.
func crashSeed() []demo.Entry {
	entry := func(dn string, pairs ...string) demo.Entry {
		e := demo.Entry{DN: dn}
		for i := 0; i < len(pairs); i += 2 {
			e.Attributes = append(e.Attributes, demo.Attribute{Name: pairs[i], Values: []string{pairs[i+1]}})
		}
		return e
	}
	seed := []demo.Entry{entry(crashBase, "objectClass", "organization", "o", "Crash"), entry("ou=people,"+crashBase, "objectClass", "organizationalUnit", "ou", "people"),
		entry("ou=groups,"+crashBase, "objectClass", "organizationalUnit", "ou", "groups"), entry("cn=stint,"+crashBase, "objectClass", "organizationalRole", "cn", "stint"),
		entry("cn=nobody,"+crashBase, "objectClass", "organizationalRole", "cn", "nobody")}
	for i := range crashPeople {
		id := crashPersonID(i)
		seed = append(seed, entry("uid="+id+",ou=people,"+crashBase, "objectClass", "inetOrgPerson", "uid", id, "cn", id, "sn", id))
	}
	for i := range crashGroups {
		member := "cn=nobody," + crashBase
		if i == crashGroups-1 {
			member = "uid=" + crashPersonID(0) + ",ou=people," + crashBase
		}
		seed = append(seed, entry(crashGroupDN(crashGroupOf(i)), "objectClass", "groupOfNames", "cn", crashGroupOf(i), "member", member))
	}
	return seed
}

// crashFile is the file of stint apply.
func crashFile(address string) string {
	var roles, people, accounts, assignments strings.Builder
	for r := range crashRoles {
		fmt.Fprintf(&roles, "  - {id: role-%d, name: Role %d, privileged: false, means: [{resource: corp, entitlement: %q}],\n     settings: [{max_duration: 1m, default_duration: 1m, step_up: none, justification: optional}]}\n",
			r, r, crashGroupDN(crashGroupOf(r)))
	}
	for i := range crashPeople {
		id := crashPersonID(i)
		fmt.Fprintf(&people, "  - {id: %s, name: %s, match: {preferred_username: %s}}\n", id, id, id)
		fmt.Fprintf(&accounts, "  - {person: %s, target: directory, account: %s}\n", id, id)
		for r := range crashRoles {
			fmt.Fprintf(&assignments, "  - {principal: person/%s, role: role-%d, resource: corp, kind: eligible}\n", id, r)
		}
	}
	return fmt.Sprintf(`version: 1
targets:
  - id: directory
    kind: ldap
    name: Directory
    settings: {address: "ldap://%s", base_dn: %q, bind_dn: "cn=stint,%s", filler_dn: "cn=nobody,%s"}
    secret: {file: directory.password}
    may_write: ["*,ou=groups,%s"]
resources:
  - {id: corp, kind: directory, name: Corporate, target: directory}
roles:
%speople:
%saccounts:
%sassignments:
%s`, address, crashBase, crashBase, crashBase, crashBase, roles.String(), people.String(), accounts.String(), assignments.String())
}

// setUp applies the file, starts the server and signs everybody in.
func (c *crash) setUp() {
	c.Helper()
	c.says(c.stint("apply", "org.yaml"), "Made ")
	c.start()
	type key struct{ person, role string }
	assignments := inDatabase(c.host, func(r *store.Reader) (map[key]string, error) {
		out := map[key]string{}
		all, err := r.Assignments()
		for _, a := range all {
			p, err := r.Principal(a.PrincipalID)
			if err != nil {
				return nil, err
			}
			role, err := r.Role(a.RoleID)
			if err != nil {
				return nil, err
			}
			out[key{p.Key, role.Key}] = a.ID
		}
		return out, err
	})
	for i := range crashPeople {
		p := &crashPerson{Client: c.browser(), id: crashPersonID(i), asked: map[string]ack{}, released: map[string]time.Time{}, pace: crashPace}
		for r := range crashRoles {
			p.assignments = append(p.assignments, assignments[key{p.id, fmt.Sprintf("role-%d", r)}])
		}
		c.signIn(p)
		c.people = append(c.people, p)
	}
}

func (c *crash) signIn(p *crashPerson) {
	c.Helper()
	c.provider.SignInAs(p.id, map[string]any{"name": p.id, "preferred_username": p.id})
	page := p.Get("/sign-in/start")
	for range 2 { // to the provider, and back
		page = p.Get(page.Want(c, http.StatusSeeOther).Location())
	}
	page.Want(c, http.StatusSeeOther)
	p.Get("/my-roles").Want(c, http.StatusOK)
}

func (c *crash) start() {
	c.Helper()
	begin := time.Now()
	s := c.serve("/readyz")
	c.starts = append(c.starts, s.ready.Sub(begin))
	c.up = append(c.up, span{from: s.ready})
}

// round lets the load run for a while, kills, and starts again.
func (c *crash) round(n int) {
	c.Helper()
	after := time.Second + rand.N(12*time.Second)
	if n%2 == 1 {
		after /= 2
	}
	select {
	case <-time.After(after):
	case <-c.served.exited:
		c.Fatalf("stint serve ended by itself: %v\n%s", c.served.err, c.served.log)
	}
	if n%2 == 1 { // the target has just changed and the server does not know it yet
		select {
		case <-c.journal.next():
		case <-time.After(5 * time.Second):
		}
	}
	c.up[len(c.up)-1].to = c.served.kill()
	c.start()
}

// quiesce waits until everything has ended and nothing is left to do, and ends the server in order.
func (c *crash) quiesce() {
	c.Helper()
	c.await(2*time.Minute, func() string {
		left := inDatabase(c.host, func(r *store.Reader) ([]store.GrantRow, error) { return r.LiveGrants() })
		if len(left) > 0 {
			return fmt.Sprintf("%d grants are not settled, such as %+v", len(left), left[0])
		}
		return ""
	})
	c.up[len(c.up)-1].to = time.Now()
	c.stop()
}

// crashPerson is one browser with its journal of what was acknowledged.
type crashPerson struct {
	*stinttest.Client
	id          string
	assignments []string // by role number
	open        []string // acknowledged, and to be given back some time
	asked       map[string]ack
	released    map[string]time.Time // given back, as acknowledged
	problems    []string
	pace        time.Duration // between two requests
}

type ack struct {
	role int
	at   time.Time
}

// act sends requests until the load ends. A dead server is one more answer.
func (p *crashPerson) act(ctx context.Context) {
	tick := time.NewTicker(p.pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if len(p.open) > 0 && rand.IntN(2) == 0 {
			p.giveBack()
		} else {
			p.ask()
		}
	}
}

func (p *crashPerson) ask() {
	role := rand.IntN(crashRoles)
	page, err := p.post("/my-roles/"+p.assignments[role]+"/activations", "duration", "1")
	if err != nil {
		return // unknown: it may or may not have been made
	}
	id, made := strings.CutPrefix(page.Location(), "/activations/")
	switch {
	case made:
		p.asked[id] = ack{role, time.Now()}
		if rand.IntN(100) >= keptOf100 {
			p.open = append(p.open, id)
		}
	case page.StatusCode == http.StatusUnprocessableEntity || page.StatusCode == http.StatusConflict || page.StatusCode == http.StatusForbidden:
		// already held: the answer to a request before was lost, or it is kept
	default:
		p.problems = append(p.problems, fmt.Sprintf("asking: %d %s %s", page.StatusCode, page.Location(), page.Text("main")))
	}
}

func (p *crashPerson) giveBack() {
	at := rand.IntN(len(p.open))
	id := p.open[at]
	p.open = append(p.open[:at], p.open[at+1:]...)
	page, err := p.post("/activations/" + id + "/deactivate")
	if err != nil {
		return
	}
	switch {
	case page.Location() == "/activations/"+id:
		p.released[id] = time.Now()
	case page.StatusCode == http.StatusConflict: // expired meanwhile
	default:
		p.problems = append(p.problems, fmt.Sprintf("giving back %s: %d %s %s", id, page.StatusCode, page.Location(), page.Text("main")))
	}
}

func (p *crashPerson) post(path string, pairs ...string) (*stinttest.Page, error) {
	return p.Try(http.MethodPost, path, stinttest.Form(pairs...), "Sec-Fetch-Site", "same-origin")
}

// change is one line of the target's own journal.
type change struct {
	at     time.Time
	member string
	group  string
	joined bool
}

// journal writes down what the directory tells, with its own clock.
type journal struct {
	mu    sync.Mutex
	lines []change
	hook  chan struct{}
}

// Write takes a line such as "12:00:00  directory  + person-1 joined cn=group-1,ou=groups,dc=crash,dc=test".
func (j *journal) Write(line []byte) (int, error) {
	now := time.Now()
	f := strings.Fields(string(line))
	if len(f) != 6 {
		return 0, fmt.Errorf("the journal cannot read %q", line)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	group, _, _ := strings.Cut(strings.TrimPrefix(f[5], "cn="), ",")
	j.lines = append(j.lines, change{at: now, member: f[3], group: group, joined: f[2] == "+"})
	if j.hook != nil {
		close(j.hook)
		j.hook = nil
	}
	return len(line), nil
}

// next is closed at the next change.
func (j *journal) next() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.hook == nil {
		j.hook = make(chan struct{})
	}
	return j.hook
}

func (j *journal) all() []change {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]change(nil), j.lines...)
}
