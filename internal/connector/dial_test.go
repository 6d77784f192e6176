package connector_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"stint/internal/connector"
)

// T27: no address of a target leads to where a machine is told its own credentials, however it is written.
func TestDialReachesTargetsOnly(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	for _, at := range []string{"169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[::ffff:a9fe:a9fe]:389", "[fe80::1%lo]:389", "[fd00:ec2::254]:80", "100.100.100.200:80", "168.63.129.16:80",
		"192.0.0.192:80", "0.0.0.0:389", "[::]:389", "224.0.0.1:389", "[ff02::1%lo]:389"} {
		conn, err := connector.Dial(ctx, "tcp", at)
		if err == nil {
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "the address of no target") {
			t.Errorf("%s: %v", at, err)
		}
	}
	for _, network := range []string{"unix", "udp", ""} {
		if _, err := connector.Dial(ctx, network, "/run/docker.sock"); err == nil || !strings.Contains(err.Error(), "by TCP") {
			t.Errorf("%s: %v", network, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := connector.Dial(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
