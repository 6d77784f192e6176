package store_test

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"stint/internal/stinttest/database"
	"stint/internal/store"
)

// cutter stands between a node and its database, and cuts the connection at a commit when it is told to.
type cutter struct {
	server string
	before atomic.Bool // before the database heard of the commit
	after  atomic.Bool // when it has committed, before the node hears of it
}

func (c *cutter) url(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	c.server, u.Host = u.Host, l.Addr().String()
	go func() {
		for {
			node, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(node)
		}
	}()
	return u.String()
}

func (c *cutter) pass(node net.Conn) {
	defer node.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool
	go func() {
		defer node.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if err != nil || mute.Load() { // muted: this is the answer to the commit
				return
			}
			if _, err := node.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := node.Read(b)
		if err != nil {
			return
		}
		if bytes.Contains(b[:n], []byte("; COMMIT")) {
			if c.before.CompareAndSwap(true, false) {
				return
			}
			if c.after.CompareAndSwap(true, false) {
				mute.Store(true)
			}
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
	}
}

// DESIGN §4: a commit whose answer is lost is looked for: what happened is acknowledged and not done again, what
// did not happen is done.
func TestCommitWithUnknownOutcome(t *testing.T) {
	t.Parallel()
	var c cutter
	s := open(t, store.Options{URL: c.url(t, database.Empty(t))})
	for _, test := range []struct {
		name string
		cut  *atomic.Bool
		runs int64
	}{{"its answer lost", &c.after, 1}, {"never heard", &c.before, 2}} {
		var runs atomic.Int64
		size := s.Head().Size
		test.cut.Store(true)
		err := store.Do(context.Background(), s, func(tx *store.Tx) error {
			runs.Add(1)
			signedIn(tx, "alice")
			return tx.SetMeta(test.name, "done")
		})
		if err != nil || test.cut.Load() || runs.Load() != test.runs || value(t, s, test.name) != "done" {
			t.Errorf("%s: %v, cut %v, ran %d times", test.name, err, !test.cut.Load(), runs.Load())
		}
		if n := sound(t, s); n != size+1 || s.Head().Size != n {
			t.Errorf("%s: %d entries, the node knows %d, want one more than %d", test.name, n, s.Head().Size, size)
		}
	}
}
