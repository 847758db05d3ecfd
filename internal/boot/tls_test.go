package boot_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/threatshare/threatshare/internal/boot"
)

// Six ways to get mutual TLS wrong, each with a message of its own, and the right one.
func TestFault_P6_EveryTLSMistakeHasItsOwnMessage(t *testing.T) {
	ca, otherCA := newAuthority(t), newAuthority(t)
	good := ca.issue(t, "client", time.Hour)
	for name, c := range map[string]struct {
		server  leaf
		plain   bool
		client  *leaf
		caFile  string
		name    string
		final   bool
		message []string
	}{
		"wrong authority": {
			server: ca.issue(t, "temporal.example", time.Hour), client: &good, caFile: otherCA.file,
			name: "temporal.example", final: true,
			message: []string{otherCA.file, "unknown authority"},
		},
		"wrong name": {
			server: ca.issue(t, "temporal.example", time.Hour), client: &good, caFile: ca.file, name: "other.example", final: true,
			message: []string{"TEMPORAL_TLS_SERVER_NAME", "other.example"},
		},
		"server certificate ended": {
			server: ca.issue(t, "temporal.example", -time.Hour), client: &good, caFile: ca.file, name: "temporal.example",
			message: []string{"the server's certificate is no good", "expired"},
		},
		"client certificate missing": {
			server: ca.issue(t, "temporal.example", time.Hour), caFile: ca.file, name: "temporal.example", final: true,
			message: []string{"TEMPORAL_TLS_CLIENT_CERT_PATH", "asks for a client certificate"},
		},
		"client certificate of another authority": {
			server: ca.issue(t, "temporal.example", time.Hour), client: new(otherCA.issue(t, "client", time.Hour)),
			caFile: ca.file, name: "temporal.example", final: true,
			message: []string{"does not accept the client certificate", "client.pem"},
		},
		"client certificate ended": {
			server: ca.issue(t, "temporal.example", time.Hour), client: new(ca.issue(t, "client", -time.Hour)),
			caFile: ca.file, name: "temporal.example", final: true,
			message: []string{"client.pem", "ended on"},
		},
		"server without TLS": {
			plain: true, client: &good, caFile: ca.file, name: "temporal.example", final: true,
			message: []string{"does not speak TLS"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			if c.plain {
				serve(t, address, nil)
			} else {
				serve(t, address, nil, mutualTLS(c.server, ca))
			}
			environment(t, "TEMPORAL_ADDRESS", address, "TEMPORAL_TLS_SERVER_CA_CERT_PATH", c.caFile,
				"TEMPORAL_TLS_SERVER_NAME", c.name)
			if c.client != nil {
				t.Setenv("TEMPORAL_TLS_CLIENT_CERT_PATH", c.client.certFile)
				t.Setenv("TEMPORAL_TLS_CLIENT_KEY_PATH", c.client.keyFile)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			waited := false
			_, err := boot.DialTemporal(ctx, slog.New(slog.DiscardHandler), func(string) { waited = true; cancel() }, nil)
			for _, part := range c.message {
				require.ErrorContains(t, err, part)
			}
			require.Equal(t, c.final, !waited)
		})
	}
}

func TestMutualTLSConnects(t *testing.T) {
	ca := newAuthority(t)
	address := freeAddress(t)
	serve(t, address, nil, mutualTLS(ca.issue(t, "temporal.example", time.Hour), ca))
	client := ca.issue(t, "client", time.Hour)
	environment(t, "TEMPORAL_ADDRESS", address, "TEMPORAL_TLS_SERVER_CA_CERT_PATH", ca.file,
		"TEMPORAL_TLS_SERVER_NAME", "temporal.example",
		"TEMPORAL_TLS_CLIENT_CERT_PATH", client.certFile, "TEMPORAL_TLS_CLIENT_KEY_PATH", client.keyFile)
	c, err := boot.DialTemporal(t.Context(), slog.New(slog.DiscardHandler), neverWaiting(t), nil)
	require.NoError(t, err)
	c.Close()
}

func mutualTLS(server leaf, clients authority) grpc.ServerOption {
	pool := x509.NewCertPool()
	pool.AddCert(clients.cert)
	return grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{server.pair},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}))
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

type leaf struct {
	pair              tls.Certificate
	certFile, keyFile string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert: cert, key: key, file: writePEM(t, "ca.pem", "CERTIFICATE", der)}
}

// issue makes a certificate for name that ends after left; a negative left has ended.
func (a authority) issue(t *testing.T, name string, left time.Duration) leaf {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(left), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return leaf{
		pair:     tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		certFile: writePEM(t, "client.pem", "CERTIFICATE", der),
		keyFile:  writePEM(t, "client.key", "PRIVATE KEY", keyDER),
	}
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}
