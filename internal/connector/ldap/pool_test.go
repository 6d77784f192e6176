package ldap

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"stint/internal/connector"
)

// Canceling ends a call by itself, without the guard's help, and leaves no goroutine waiting for the server.
func TestCancelClosesTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bare, err := open(connector.Config{
		Settings: map[string]string{
			"address": "ldap://" + l.Addr().String(), "bind_dn": "cn=x", "base_dn": "dc=x", connector.MayWrite: "x",
		},
		Secret: func(string) (string, error) { return "x", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := bare.Canonical(ctx, "ops")
		done <- err
	}()
	silent, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := silent.Read(make([]byte, 1)); err != nil { // the bind has been sent: now the call waits for its answer
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-done:
		if connector.KindOf(err) != connector.Transient {
			t.Errorf("error is %v, want transient", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the call did not end")
	}
}

// T27: an address whose name leads to the machine's own credentials is not connected to, and the answer says so.
func TestNoAddressOfTheMachineItself(t *testing.T) {
	t.Parallel()
	bare, err := open(connector.Config{
		Settings: map[string]string{"address": "ldap://169.254.169.254:80", "allow_plaintext": "true", "bind_dn": "cn=x", "base_dn": "dc=x", connector.MayWrite: "x"},
		Secret:   func(string) (string, error) { return "x", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if _, err := bare.Canonical(t.Context(), "ops"); err == nil || !strings.Contains(err.Error(), "the address of no target") {
		t.Errorf("it answers %v", err)
	}
}
