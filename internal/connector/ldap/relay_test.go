package ldap_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// relay passes LDAP on until the first change, which it hands to the server; the answer it keeps, and hangs up.
type relay struct {
	addr   string
	cut    chan struct{} // closed once the server has answered the change
	once   sync.Once
	hangUp atomic.Bool // instead of passing on the next request
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String(), cut: make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { r.serve(client, to) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return r
}

// serve works request by request, which is all a connector that waits for each answer needs. A search has several.
func (r *relay) serve(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := ber.ReadPacket(client)
		if err != nil {
			return
		}
		if r.hangUp.CompareAndSwap(true, false) {
			return
		}
		if _, err := server.Write(request.Bytes()); err != nil {
			return
		}
		change := request.Children[1].Tag == goldap.ApplicationModifyRequest
		if r.answer(server, client, change) != nil {
			return
		}
	}
}

func (r *relay) answer(server io.Reader, client io.Writer, change bool) error {
	for {
		answer, err := ber.ReadPacket(server)
		if err != nil {
			return err
		}
		if change {
			r.once.Do(func() { close(r.cut) })
			return io.EOF
		}
		if _, err := client.Write(answer.Bytes()); err != nil {
			return err
		}
		if answer.Children[1].Tag != goldap.ApplicationSearchResultEntry {
			return nil
		}
	}
}

// awaitPresent looks until the account holds the entitlement.
func awaitPresent(t *testing.T, c connector.Connector, acc connector.AccountID, ent connector.EntitlementID) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if h, err := c.Observe(t.Context(), acc, ent); err == nil && h.Present {
			return
		}
	}
	t.Error("the change whose answer was lost never took effect")
}
