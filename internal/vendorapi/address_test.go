package vendorapi_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// names is a name server for a test: it answers with the addresses of a name, and can be lied to.
type names struct {
	mu        sync.Mutex
	addresses map[string][]string
}

func (n *names) lead(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[name+"."] = addresses
}

// newNames makes every look-up of the test ask it.
func newNames(t *testing.T) *names {
	t.Helper()
	n := &names{addresses: map[string][]string{}}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.serve(theirs)
		return ours, nil
	}}
	t.Cleanup(func() { net.DefaultResolver = before })
	return n
}

// serve answers as a name server does over TCP: each message behind its length.
func (n *names) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := n.answer(question)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func (n *names) answer(question []byte) []byte {
	var asked dnsmessage.Message
	if err := asked.Unpack(question); err != nil {
		return nil
	}
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true}, Questions: asked.Questions}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, text := range n.addresses[asked.Questions[0].Name.String()] {
		address := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: asked.Questions[0].Name, Class: dnsmessage.ClassINET}
		switch wanted := asked.Questions[0].Type; {
		case wanted == dnsmessage.TypeA && address.Is4():
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: address.As4()}})
		case wanted == dnsmessage.TypeAAAA && address.Is6():
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
		}
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// counted is a server on loopback with a certificate that nobody trusts. It counts who connects.
func counted(t *testing.T) (port string, connections func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			n++
			mu.Unlock()
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	return port, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// called makes one call to a base URL and gives its refusal.
func called(t *testing.T, baseURL string, privateHosts ...string) *vendorapi.Error {
	t.Helper()
	c, err := vendorapi.New(vendorapi.Config{
		BaseURL: baseURL, PrivateHosts: privateHosts, Dialect: vendorapi.Dialect{Vendor: "acme"},
		Token: func(ctx context.Context, c *vendorapi.Client) (vendorapi.Token, error) {
			_, err := c.PostForm(ctx, "/token", map[string][]string{"client_secret": {secretText}}, nil)
			return vendorapi.Token{}, err
		},
	})
	require.NoError(t, err)
	refused, is := errors.AsType[*vendorapi.Error](c.Authenticate(t.Context()))
	require.True(t, is)
	require.NotContains(t, refused.Error(), secretText)
	return refused
}

// A name that leads into the own network, to this machine or to a cloud's metadata service gets no connection, so no credentials.
func TestFault_V23_ANameThatDoesNotLeadToTheInternetIsNotCalled(t *testing.T) {
	resolver := newNames(t)
	port, connections := counted(t)
	for _, address := range []string{
		"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "192.0.0.8", "198.18.0.1", "fd12:3456::1",
		"64:ff9b::7f00:1", "64:ff9b::a01:203", "64:ff9b:1::1", "2002:7f00:1::1", "fec0::1",
		"169.254.169.254", "169.254.170.2", "fe80::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255",
		"64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::ffff:169.254.169.254",
	} {
		resolver.lead("api.vendor.test", address)
		refused := called(t, "https://api.vendor.test:"+port)
		require.Equal(t, vendorapi.Contract, refused.Class, "%s: %s", address, refused)
		require.Contains(t, refused.Error(), "api.vendor.test resolves to ", address)
		require.NotEmpty(t, refused.Remedy, address)
	}
	require.Zero(t, connections())
}

func TestFault_V23_AGatewayThatTheOperatorNamesIsCalledAndAMetadataServiceNever(t *testing.T) {
	resolver := newNames(t)
	port, connections := counted(t)
	resolver.lead("gateway.corp.test", "127.0.0.1")
	base := "https://gateway.corp.test:" + port
	require.Contains(t, called(t, base).Error(), "THREATSHARE_PRIVATE_HOSTS")
	require.Contains(t, called(t, base, "other.corp.test").Error(), "THREATSHARE_PRIVATE_HOSTS")
	require.Zero(t, connections())
	require.Contains(t, called(t, base, "other.corp.test", "Gateway.corp.test").Error(), "certificate", "it is reached, and says the wrong name")
	require.Equal(t, 1, connections())

	// The name leads elsewhere from one call to the next: each connection is checked, and not only the first.
	resolver.lead("gateway.corp.test", "169.254.169.254")
	refused := called(t, base, "gateway.corp.test")
	require.Equal(t, vendorapi.Contract, refused.Class)
	require.Contains(t, refused.Error(), "169.254.169.254")

	// An address that is written into the base URL says itself where it leads.
	require.Contains(t, called(t, "https://127.0.0.1:"+port).Error(), "certificate")
	require.Equal(t, 2, connections())
}

func TestFault_V23_WhatIsCalledLocalhostStaysOnThisMachine(t *testing.T) {
	for resolved, good := range map[string]bool{"127.0.0.1:9": true, "[::1]:9": true, "203.0.113.1:9": false, "10.1.2.3:9": false, "169.254.169.254:9": false} {
		for _, base := range []string{"http://localhost:9", "http://LOCALHOST:9", "https://localhost:9"} {
			require.Equal(t, good, vendorapi.Check(base, resolved) == nil, "%s at %s", base, resolved)
		}
	}
}

// The proxy of HTTPS_PROXY is mostly in the own network.
func TestAProxyMayBeAnywhere(t *testing.T) {
	port, _ := counted(t)
	conn, err := vendorapi.Dial(t.Context(), "https://api.vendor.test", "127.0.0.1:"+port)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestFault_V23_ABaseURLThatNoVendorCanHaveIsRefused(t *testing.T) {
	for _, text := range []string{
		"https://169.254.169.254", "https://169.254.169.254:443/latest/meta-data", "https://[fe80::1]", "https://[fe80::1%25eth0]", "https://[fd00:ec2::254]", "https://0.0.0.0",
		"https://[::]", "https://[::ffff:169.254.169.254]", "https://[64:ff9b::a9fe:a9fe]", "https://100.100.100.200", "https://224.0.0.1", "https://255.255.255.255", "http://0.0.0.0",
		"https://аpi.vendor.example", // a Cyrillic letter
	} {
		_, err := vendorapi.ParseBaseURL(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"https://10.1.2.3", "https://[fd12::1]:8443", "https://api.vendor.example", "http://127.0.0.1:80"} {
		_, err := vendorapi.ParseBaseURL(text)
		require.NoError(t, err, text)
	}
}
