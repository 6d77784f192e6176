package postgres_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"stint/internal/connector"
	server "stint/internal/stinttest/postgres"
)

// relay passes PostgreSQL's protocol on, in the clear, message by message from the client, until one contains what is
// waited for.
type relay struct {
	addr string

	mu      sync.Mutex
	awaited string
	then    func()
	fault   fault
	came    chan struct{} // closed when what is waited for has come
}

// fault is what happens to the message that is waited for.
type fault string

const (
	none  fault = ""              // passed on
	lose  fault = "lose"          // hung up, not passed on
	cut   fault = "cut"           // passed on, answered, hung up before the answer gets through
	stall fault = "stall"         // swallowed; the connection stays
	every       = "\x00any query" // awaited: whatever comes after signing in
)

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String(), came: make(chan struct{})}
	ended := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { r.serve(client, to, ended) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		close(ended)
		all.Wait()
	})
	return r
}

func (r *relay) before(awaited string, then func()) { r.set(awaited, none, then) }
func (r *relay) at(awaited string, f fault)         { r.set(awaited, f, nil) }

func (r *relay) set(awaited string, f fault, then func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaited, r.fault, r.then = awaited, f, then
}

// judge says what to do with a message; each wait is for one.
func (r *relay) judge(message []byte) fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.awaited == "" || r.awaited != every && !bytes.Contains(message, []byte(r.awaited)) || message[0] == 'p' {
		return none
	}
	if r.then != nil {
		r.then()
	}
	r.awaited = ""
	return r.fault
}

func (r *relay) serve(client net.Conn, to string, ended <-chan struct{}) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { // whatever is open at the end of the test is hung up
		<-ended
		_ = client.Close()
		_ = server.Close()
	}()
	answers := &gate{to: client}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(answers, server)
		_ = client.Close()
	}()
	r.forward(client, server, answers)
	_ = server.Close()
	<-copied
}

func (r *relay) forward(client, server net.Conn, answers *gate) {
	for first := true; ; first = false {
		message, err := readMessage(client, first)
		if err != nil {
			return
		}
		f := none
		if !first {
			f = r.judge(message)
		}
		switch f {
		case lose:
			close(r.came)
			return
		case stall:
			close(r.came)
			continue
		case cut:
			answered := answers.shut()
			if _, err := server.Write(message); err == nil {
				<-answered // the server has done it
			}
			close(r.came)
			return
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// gate lets answers through until it is shut; then the next one is kept.
type gate struct {
	to io.Writer

	mu   sync.Mutex
	kept chan struct{}
}

func (g *gate) shut() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept = make(chan struct{})
	return g.kept
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.kept != nil {
		close(g.kept)
		return 0, io.EOF
	}
	return g.to.Write(p)
}

// readMessage reads one message; the first has no type (PostgreSQL §55.7).
func readMessage(from io.Reader, first bool) ([]byte, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[len(head)-4:])
	message := append(head, make([]byte, n-4)...)
	_, err := io.ReadFull(from, message[len(head):])
	return message, err
}

// What each fault leaves behind, and what Stint says of it: only a COMMIT whose answer was lost is an unknown outcome.
func TestFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct {
		awaited string
		fault   fault
		want    connector.Kind
		after   bool // the account is a member in the end
	}{
		"lost before the statement": {"GRANT ", lose, connector.None, true}, // tried again on another connection at once
		"answer to GRANT lost":      {"GRANT ", cut, connector.None, true},  // rolled back by the server, tried again
		"GRANT hangs":               {"GRANT ", stall, connector.Transient, false},
		"COMMIT lost":               {"commit", lose, connector.OutcomeUnknown, false},
		"answer to COMMIT lost":     {"commit", cut, connector.OutcomeUnknown, true},
		"COMMIT hangs":              {"commit", stall, connector.OutcomeUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			role, login := f.role(t, "fault"), f.login(t, "fault")
			direct := f.open(t)
			acc, ent := find(t, direct, login), entitlement(t, direct, role)
			relay := startRelay(t, f.Addr())
			limit := 10 * time.Second
			if c.fault == stall {
				limit = 2 * time.Second
			}
			through := f.within(t, relay.addr, limit)
			mustObserve(t, through, false, acc, ent) // signed in: what is limited is the call alone
			relay.at(c.awaited, c.fault)
			mustKind(t, c.want, through.Grant(t.Context(), acc, ent, time.Time{}))
			<-relay.came
			mustObserve(t, direct, c.after, acc, ent)
			if err := through.Grant(t.Context(), acc, ent, time.Time{}); err != nil {
				t.Errorf("the next try: %v", err)
			}
			mustObserve(t, direct, true, acc, ent)
		})
	}
}

func (f fixture) within(t *testing.T, addr string, timeout time.Duration) connector.Connector {
	t.Helper()
	s := f.settings()
	s["address"], s["tls"] = addr, "disable"
	delete(s, "ca_file")
	c, err := connector.Open("postgres", connector.Config{TargetID: "cluster", Settings: s, Secret: secret, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A kept connection that dies under the next request is replaced: nothing had been changed.
func TestHungUpOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	role := f.role(t, "patient")
	relay := startRelay(t, f.Addr())
	c := f.plain(t, relay.addr)
	entitlement(t, c, role)
	relay.at(every, lose)
	entitlement(t, c, role)
	<-relay.came
}

// Connections that died while idle are replaced without anybody noticing, and a server that is down is Transient.
func TestRestart(t *testing.T) {
	t.Parallel()
	f := fixture{server.StartOwn(t, server.Options{NoSync: true})}
	f.Exec(t, "CREATE ROLE stint LOGIN PASSWORD '"+ownPassword+"'; CREATE ROLE person1 LOGIN; CREATE ROLE team1; GRANT team1 TO stint WITH ADMIN OPTION")
	c := f.open(t)
	acc, ent := find(t, c, "person1"), entitlement(t, c, "team1")
	f.Stop(t)
	mustKind(t, connector.Transient, c.Grant(t.Context(), acc, ent, time.Time{}))
	f.Run(t)
	grant(t, c, acc, ent)
	f.Restart(t)
	mustObserve(t, c, true, acc, ent)
}
