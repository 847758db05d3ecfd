package vendorapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// authority vouches for certificates in the tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

// certify makes a server's certificate for an address, good from one time to another.
func (a authority) certify(t *testing.T, address string, from, to time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test vendor"}, IPAddresses: []net.IP{net.ParseIP(address)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// trusting is the client's transport as it is in the product, with the test's authority in the place of the system's.
func (a authority) trusting() *http.Client {
	client := vendorapi.NewHTTPClient()
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	if transport, ok := client.Transport.(*http.Transport); ok {
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return client
}

// What answers there is wrong in six ways. Each has words of its own, and not a byte of a request is sent.
func TestFault_V23_EachFaultOfTLSHasItsOwnWordsAndNothingIsSent(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	const hour = time.Hour
	words := map[string]string{}
	for name, row := range map[string]struct {
		certificate tls.Certificate
		change      func(*tls.Config)
		plain       bool
		says        string
	}{
		"an unknown authority":      {certificate: others.certify(t, "127.0.0.1", -hour, hour), says: "does not know the authority"},
		"another name":              {certificate: ours.certify(t, "192.0.2.7", -hour, hour), says: "for another name"},
		"run out":                   {certificate: ours.certify(t, "127.0.0.1", -2*hour, -hour), says: "has run out"},
		"not begun":                 {certificate: ours.certify(t, "127.0.0.1", hour, 2*hour), says: "begins later than now"},
		"no TLS at all":             {plain: true, says: "no TLS is spoken there"},
		"an old version":            {certificate: ours.certify(t, "127.0.0.1", -hour, hour), change: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, says: "versions of TLS before 1.2"},
		"it asks for a certificate": {certificate: ours.certify(t, "127.0.0.1", -hour, hour), change: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }, says: "client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
			if row.plain {
				server.Start()
			} else {
				server.TLS = &tls.Config{Certificates: []tls.Certificate{row.certificate}}
				if row.change != nil {
					row.change(server.TLS)
				}
				server.StartTLS()
			}
			t.Cleanup(server.Close)
			v := &vendor{Server: server}
			v.URL = "https://" + server.Listener.Addr().String()
			failure := refused(t, get(t.Context(), v.clientWith(t, vendorapi.Config{HTTP: ours.trusting()})))
			require.Equal(t, vendorapi.Unavailable, failure.Class)
			require.Contains(t, failure.Remedy, row.says)
			require.Contains(t, failure.Error(), "Acme did not answer POST /token")
			require.NotContains(t, failure.Error(), secretText)
			if !row.plain { // a request that is sent in TLS to a server that speaks none is noise to it
				require.Zero(t, requests.Load())
			}
			require.NotContains(t, words, failure.Remedy, "said of another fault too")
			words[failure.Remedy] = name
		})
	}
	require.Len(t, words, 7)
}

// nameServer answers every question with a code.
func nameServer(t *testing.T, code dnsmessage.RCode) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		for {
			buffer := make([]byte, 512)
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var asked dnsmessage.Message
			if asked.Unpack(buffer[:n]) != nil {
				continue
			}
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, RCode: code}, Questions: asked.Questions}
			if packed, err := answer.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

func TestFault_V23_ANameThatDNSDoesNotKnowIsToldFromDNSThatDoesNotAnswer(t *testing.T) {
	for code, says := range map[dnsmessage.RCode]string{
		dnsmessage.RCodeNameError:     "DNS does not know the name",
		dnsmessage.RCodeServerFailure: "DNS did not answer",
	} {
		server := nameServer(t, code)
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", server)
		}}
		client := vendorapi.NewHTTPClient()
		transport, ok := client.Transport.(*http.Transport)
		require.True(t, ok)
		transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second, Resolver: resolver}).DialContext
		v := &vendor{Server: &httptest.Server{URL: "https://api.vendor.example."}}
		failure := refused(t, get(t.Context(), v.clientWith(t, vendorapi.Config{HTTP: client})))
		require.Equal(t, vendorapi.Unavailable, failure.Class)
		require.Contains(t, failure.Remedy, says)
	}
}
