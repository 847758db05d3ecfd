package mail

import (
	"context"
	"crypto/x509"
	"net"
)

// Reaching gives a sender whose every connection goes to one address, whatever its server is called, and which takes
// certificates from an authority of the test's own.
func (s *Sender) Reaching(address string, authority []byte) *Sender {
	reaching := *s
	reaching.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	reaching.roots = x509.NewCertPool()
	reaching.roots.AppendCertsFromPEM(authority)
	return &reaching
}

// Mechanism is what is chosen of what a server offers.
func Mechanism(offered string, encrypted bool) string { return mechanism(offered, encrypted) }

// OnThisMachine says whether a server needs no encryption.
func OnThisMachine(host string) bool { return onThisMachine(host) }
