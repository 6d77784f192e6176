package connector

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// aboutTheHost are addresses where clouds tell a machine about itself, its credentials too, beside the link-local ones.
var aboutTheHost = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("192.0.0.192")}

// Dial reaches a target by TCP. Where the connection really goes is judged after its name was looked up, so that no name
// leads to where a machine keeps what is its own (THREATS T27): link-local and multicast addresses and none at all are no
// target's. Loopback and private networks are where targets live.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil, fmt.Errorf("a target is reached by TCP, not by %s", network)
	}
	return (&net.Dialer{Control: control}).DialContext(ctx, network, address)
}

func control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := to.Addr().Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || slices.Contains(aboutTheHost, ip) {
		return fmt.Errorf("%s is the address of no target", ip)
	}
	return nil
}
