package broker_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/database"
	"stint/internal/store"
)

// counted counts what a node asks of the ward.
type counted struct {
	*ward
	mu     *sync.Mutex
	grants map[connector.AccountID]int
}

func (c counted) Grant(ctx context.Context, a connector.AccountID, e connector.EntitlementID, until time.Time) error {
	c.mu.Lock()
	c.grants[a]++
	c.mu.Unlock()
	return c.ward.Grant(ctx, a, e, until)
}

func (c counted) of(a connector.AccountID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.grants[a]
}

// cluster is two nodes on one PostgreSQL, with one pair of key files and one target.
type cluster struct {
	*world
	nodes   [2]*broker.Broker
	outside [2]string
	signer  *audit.Signer
	grants  counted
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &clock{now: epoch}
	o := store.Options{URL: database.Empty(t), Now: c.Now, Mono: c.Mono}
	n := &cluster{world: newWorldIn(t, o)}
	n.clock, n.grants = c, counted{n.ward, &sync.Mutex{}, map[connector.AccountID]int{}}
	keys := filepath.Join(t.TempDir(), "keys")
	for i := range n.nodes {
		s, err := store.Open(n.ctx, o)
		n.ok(err)
		t.Cleanup(func() { s.Close() })
		rp, err := stepup.New("http://localhost:8080", "Stint")
		n.ok(err)
		sealer, err := broker.OpenSealer(filepath.Join(keys, "seal.key"), "")
		n.ok(err)
		n.signer, err = audit.OpenSigner(filepath.Join(keys, "audit.key"), "stint.example/stint/audit", "")
		n.ok(err)
		n.outside[i] = filepath.Join(t.TempDir(), "checkpoint")
		n.nodes[i] = broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), StepUp: rp, Sealer: sealer, Signer: n.signer, Outside: n.outside[i],
			Open: func(string, connector.Config) (connector.Connector, error) { return n.grants, nil }})
		n.ok(n.nodes[i].RecordKeys(n.ctx, "stint.example"))
		n.ok(n.nodes[i].OpenJournal(n.ctx))
	}
	return n
}

// due makes grants that are wanted now.
func (n *cluster) due(names ...string) {
	n.Helper()
	n.ok(store.Do(n.ctx, n.b.Store(), func(tx *store.Tx) error {
		for _, name := range names {
			g := pim.Grant{ID: name, TargetID: "dir", AccountID: name, EntitlementID: "e", Before: pim.Unknown, Seen: pim.Unknown, Wanted: true, DueAt: tx.Now}
			if err := tx.InsertGrant(store.GrantRow{Grant: g, AccountName: name, Entitlement: "e"}); err != nil {
				return err
			}
			if err := tx.InsertNeed(pim.GrantNeed{GrantID: name, AssignmentID: "alice-dba", StartsAt: tx.Now}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// DESIGN §3, issue 3 item 1: due work of one database is done once, whichever node takes it.
func TestNodesDoDueWorkOnce(t *testing.T) {
	t.Parallel()
	n := newCluster(t)
	var names []string
	for _, c := range strings.Split("abcdefghijklmnop", "") {
		names = append(names, "account-"+c)
	}
	n.due(names...)
	var both sync.WaitGroup
	for _, node := range n.nodes {
		both.Go(func() {
			if err := node.Tick(n.ctx); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for _, name := range names {
		g, err := store.Read(n.ctx, n.b.Store(), func(r *store.Reader) (store.GrantRow, error) { return r.Grant(name) })
		n.ok(err)
		if times := n.grants.of(connector.AccountID(name)); times != 1 || g.Seen != pim.Present || g.Attempt != 1 {
			t.Errorf("%s: granted %d times, attempt %d, seen %s", name, times, g.Attempt, g.Seen)
		}
	}
}

// F6: what a node held that died is taken over within seconds; a node that starts leaves alone what another one
// works on.
func TestNodeTakesOverFromADeadOne(t *testing.T) {
	t.Parallel()
	n := newCluster(t)
	n.due("account-b")
	n.ok(n.nodes[0].Tick(n.ctx))
	n.due("account-a")
	claimed, err := store.Write(n.ctx, n.nodes[0].Store(), func(tx *store.Tx) ([]store.GrantRow, error) { return tx.ClaimGrants("dir", 9, 3*time.Second) })
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	n.ok(n.nodes[1].Restart(n.ctx))
	settled, err := store.Read(n.ctx, n.b.Store(), func(r *store.Reader) (store.GrantRow, error) { return r.Grant("account-b") })
	if err != nil || settled.Seen != pim.Present {
		t.Errorf("what another node has just seen is %s, %v", settled.Seen, err)
	}
	n.ok(n.nodes[1].Tick(n.ctx))
	if times := n.grants.of("account-a"); times != 0 {
		t.Fatal("taken from a node that works on it")
	}
	n.clock.add(4 * time.Second)
	n.ok(n.nodes[1].Tick(n.ctx))
	if times := n.grants.of("account-a"); times != 1 {
		t.Errorf("taken over from the dead node: granted %d times", times)
	}
}

// A lease of several nodes is short, and renewed for as long as the pass runs.
func TestLeaseIsRenewedWhileAPassRuns(t *testing.T) {
	t.Parallel()
	n := newCluster(t)
	lease := func() time.Time {
		g, err := store.Read(n.ctx, n.b.Store(), func(r *store.Reader) (store.GrantRow, error) { return r.Grant("account-a") })
		n.ok(err)
		return g.LeaseUntil
	}
	renewed := false
	n.ward.after = func() {
		n.clock.add(2 * time.Second)
		n.until(func() bool { return lease().Equal(epoch.Add(5 * time.Second)) })
		renewed = true
	}
	n.due("account-a")
	n.ok(n.nodes[0].Tick(n.ctx))
	if !renewed || !lease().IsZero() {
		t.Errorf("renewed %v, after the pass it stands at %v", renewed, lease())
	}
}

// Invariant 12: two nodes sign one log, each beside what the other signed, and each keeps the latest outside.
func TestNodesSignOneLog(t *testing.T) {
	t.Parallel()
	n := newCluster(t)
	for i := range 6 {
		n.ok(store.Do(n.ctx, n.nodes[i%2].Store(), func(tx *store.Tx) error {
			tx.Emit(pim.PersonEvent(pim.EvSignedIn, "alice", "alice", ""))
			return nil
		}))
		_, err := n.nodes[(i/2)%2].Checkpoint(n.ctx, true)
		n.ok(err)
	}
	report, err := store.Read(n.ctx, n.b.Store(), func(r *store.Reader) (audit.Report, error) {
		l, err := r.VerifyLog()
		if err != nil {
			return audit.Report{}, err
		}
		l.Origin, l.VKeys = "stint.example/stint/audit", []string{n.signer.VKey()}
		return audit.Verify(l)
	})
	if err != nil || !report.OK() {
		t.Fatalf("%v, %v", report.Findings, err)
	}
	var last store.KeptCheckpoint
	for i, node := range n.nodes {
		n.until(func() bool { return node.Store().Head().Size == report.Size }) // a node knows within a second
		_, err := node.Checkpoint(n.ctx, false)
		n.ok(err)
		last, err = store.Read(n.ctx, node.Store(), func(r *store.Reader) (store.KeptCheckpoint, error) { return r.LastCheckpoint() })
		n.ok(err)
		if kept, err := os.ReadFile(n.outside[i]); err != nil || string(kept) != last.Note {
			t.Errorf("node %d keeps outside %q, %v; signed last is %q", i, kept, err, last.Note)
		}
	}
	n.ok(store.Do(n.ctx, n.b.Store(), func(tx *store.Tx) error { return tx.SetMeta(store.MetaVKey, "of a new epoch") }))
	if _, err := n.nodes[0].Checkpoint(n.ctx, true); err == nil || !strings.Contains(err.Error(), "new epoch") {
		t.Errorf("signed in the name of an epoch that is over: %v", err)
	}
	if err := n.nodes[0].RecordKeys(n.ctx, "stint.example"); err == nil {
		t.Error("another node's keys are replaced")
	}
}
