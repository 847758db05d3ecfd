package vendorapi

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// reach is where the calls to a vendor may lead, whatever the name of its host resolves to at that moment: on the internet, or
// where the base URL itself says. A resolver that is wrong or lied to would otherwise have the credentials sent to a machine of
// the own network, or to the metadata service of a cloud.
type reach struct {
	host    string // of the base URL
	address string // the same with its port, as it is dialled
	private bool   // the operator has said that the host is in the own network
}

func newReach(base *url.URL, privateHosts []string) reach {
	host, port := strings.ToLower(base.Hostname()), base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	return reach{
		host: host, address: net.JoinHostPort(host, port),
		private: slices.ContainsFunc(privateHosts, func(name string) bool { return strings.EqualFold(name, host) }),
	}
}

// unsafeAddress is the error for an address that is not called.
type unsafeAddress struct {
	host    string
	address netip.Addr
	remedy  string
}

func (e *unsafeAddress) Error() string {
	return fmt.Sprintf("%s resolves to %s, which is not on the internet: not called", e.host, e.address)
}

// dial dials the vendor's host where that leads to an address that may be called. Another address can only be that of a proxy
// from HTTPS_PROXY, since no redirect is followed: that is the operator's own, and it is the proxy that resolves the name.
func (r reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := newDialer()
	if strings.EqualFold(address, r.address) {
		dialer.Control = func(_, resolved string, _ syscall.RawConn) error { return r.check(resolved) }
	}
	return dialer.DialContext(ctx, network, address)
}

func newDialer() *net.Dialer {
	return &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
}

// check is asked after the name has been resolved and before a connection is made.
func (r reach) check(resolved string) error {
	endpoint, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("read the address of %s: %w", r.host, err)
	}
	address := embedded(endpoint.Addr())
	if never(address) {
		return &unsafeAddress{r.host, address, "no vendor is there: check the base URL and the name servers of this machine"}
	}
	if Loopback(r.host) {
		if !address.IsLoopback() {
			return &unsafeAddress{r.host, address, "the base URL means this machine: check the name servers of this machine, or write 127.0.0.1"}
		}
		return nil
	}
	if _, err := netip.ParseAddr(r.host); err == nil || r.private || !own(address) {
		return nil
	}
	return &unsafeAddress{r.host, address, "if that is a gateway of yours, name it in THREATSHARE_PRIVATE_HOSTS; otherwise check the name servers of this machine"}
}

// never says whether nobody's vendor can be at an address: it is a metadata service (most are at a link-local address), or no
// address of a machine.
func never(address netip.Addr) bool {
	metadata := []string{"fd00:ec2::254", "100.100.100.200", "192.0.0.192"}
	return address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() || within(address, "0.0.0.0/8", "240.0.0.0/4") ||
		slices.Contains(metadata, address.String())
}

// own says whether an address is of the own machine or of networks that are not on the internet.
func own(address netip.Addr) bool {
	return address.IsLoopback() || address.IsPrivate() || within(address, "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "64:ff9b:1::/48", "fec0::/10")
}

func within(address netip.Addr, networks ...string) bool {
	return slices.ContainsFunc(networks, func(network string) bool { return netip.MustParsePrefix(network).Contains(address) })
}

// embedded is the IPv4 address within an IPv6 address that leads there: mapped, or translated by NAT64 or 6to4.
func embedded(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address
	}
	bytes := address.As16()
	switch {
	case within(address, "64:ff9b::/96"):
		return netip.AddrFrom4([4]byte(bytes[12:16]))
	case within(address, "2002::/16"):
		return netip.AddrFrom4([4]byte(bytes[2:6]))
	default:
		return address
	}
}
