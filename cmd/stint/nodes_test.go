//go:build linux

package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"stint/internal/stinttest/postgres"
)

// otherGone is within which the other node takes away what one that died was about to.
const otherGone = 5 * time.Second

// nodesPace leaves two nodes and a database on two cores time to follow: what is judged is who takes over.
const nodesPace = 5 * crashPace

// TestNodes kills and stops one of two nodes on one PostgreSQL under load, in turn (STINT_NODE_ROUNDS rounds), and
// judges: nothing acknowledged is lost, nothing is logged twice, what ends is taken away by the other node (THREATS F1).
func TestNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two minutes")
	}
	t.Parallel()
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("STINT_NODE_ROUNDS"), "10"))
	if err != nil {
		t.Fatal("STINT_NODE_ROUNDS is the number of rounds: ", err)
	}
	database := postgres.Start(t).Database(t)
	c := newCrash(t, "database: "+database)
	c.shared, c.promise = database, otherGone*ciFactor()
	c.setUp()
	other := newHost(t)
	c.equip(other, "database: "+database)
	other.url, other.env = c.url, []string{"STINT_KEYS=" + c.path("keys"), "STINT_PUBLIC_URL=" + c.url}
	other.serve("/readyz")
	for i, p := range c.people {
		if i%2 == 1 {
			session := p.Jar
			p.Client = other.browser()
			p.Jar = session
		}
		p.Timeout = 3 * time.Second // a stopped node does not answer
		p.pace = nodesPace
	}
	load, stopLoad := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for _, p := range c.people {
		clients.Go(func() { p.act(load) })
	}
	for round := range rounds {
		c.disturb([]*host{c.host, other}[round%2], round/2%2 == 0, round/4%2 == 0)
	}
	stopLoad()
	clients.Wait()
	c.quiesce()
	other.stop()
	c.judge(rounds)
	if t.Failed() {
		t.Logf("one node:\n%s\nthe other:\n%s", c.served.log, other.served.log)
	}
}

// disturb lets the load run, then kills a node or stops it for longer than anybody waits for it; when asked, in the
// moment in which the target changed and whoever did it may not have recorded it.
func (c *crash) disturb(h *host, kill, atChange bool) {
	h.Helper()
	<-time.After(time.Second + rand.N(3*time.Second))
	if atChange {
		select {
		case <-c.journal.next():
		case <-time.After(5 * time.Second):
		}
	}
	if kill {
		h.served.kill()
		<-time.After(2 * time.Second)
		h.serve("/readyz")
		return
	}
	h.ok(h.served.cmd.Process.Signal(syscall.SIGSTOP))
	<-time.After(6 * time.Second)
	h.ok(h.served.cmd.Process.Signal(syscall.SIGCONT))
}
