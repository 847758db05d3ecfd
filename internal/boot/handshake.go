package boot

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"go.temporal.io/sdk/contrib/envconfig"
)

// answerWait is how long the server's answer to a client certificate is waited for: in TLS 1.3 it comes after the
// handshake, and the client learns it with its first read.
const answerWait = time.Second

// The alerts by which a server says that it does not accept the client's certificate, or misses one (RFC 8446, section 6.2).
const (
	badCertificate         = tls.AlertError(42)
	unsupportedCertificate = tls.AlertError(43)
	certificateRevoked     = tls.AlertError(44)
	certificateExpired     = tls.AlertError(45)
	certificateUnknown     = tls.AlertError(46)
	unknownAuthority       = tls.AlertError(48)
	accessDenied           = tls.AlertError(49)
	certificateRequired    = tls.AlertError(116)
)

// handshake makes one TLS handshake with address to find out what is wrong with it, since gRPC gives the cause of a failed
// one as text only. It returns nil if nothing is, or nothing that TLS explains. A refusal is final if something on this
// side has to change; a server's certificate that has ended is the server's to renew.
func handshake(ctx context.Context, address string, settings *tls.Config, files envconfig.ClientConfigTLS) (final bool, refusal error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	settings = settings.Clone()
	settings.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: settings}).DialContext(ctx, "tcp", address)
	if err == nil {
		defer conn.Close() //nolint:errcheck // nothing was written
		_ = conn.SetReadDeadline(time.Now().Add(answerWait))
		_, err = conn.Read(make([]byte, 1))
	}
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		certificate := ""
		if len(settings.Certificates) > 0 {
			certificate = cmp.Or(files.ClientCertPath, "TEMPORAL_TLS_CLIENT_CERT_DATA")
		}
		return explainAlert(alert.Err, certificate)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		authorities := "this system's list (TEMPORAL_TLS_SERVER_CA_CERT_PATH is not set)"
		if settings.RootCAs != nil {
			authorities = cmp.Or(files.ServerCACertPath, "TEMPORAL_TLS_SERVER_CA_CERT_DATA")
		}
		return true, fmt.Errorf("no authority in %s vouches for the server's certificate: %w", authorities, err)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true, fmt.Errorf("the server's certificate is for another name, "+
			"check TEMPORAL_ADDRESS and TEMPORAL_TLS_SERVER_NAME: %w", err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true, fmt.Errorf("the server does not speak TLS, check TEMPORAL_ADDRESS and TEMPORAL_TLS: %w", err)
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return false, fmt.Errorf("the server's certificate is no good: %w", err)
	}
	return false, nil
}

// explainAlert explains what the server answered; certificate is where the client's is from, empty if it has none. Texts
// are compared because the type of an alert that comes in is crypto/tls's own.
func explainAlert(alert error, certificate string) (final bool, refusal error) {
	switch alert.Error() {
	case badCertificate.Error(), unsupportedCertificate.Error(), certificateRevoked.Error(), certificateExpired.Error(),
		certificateUnknown.Error(), unknownAuthority.Error(), accessDenied.Error(), certificateRequired.Error():
	default:
		return false, nil
	}
	if certificate == "" {
		return true, fmt.Errorf("the server asks for a client certificate, "+
			"set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH: %w", alert)
	}
	return true, fmt.Errorf("the server does not accept the client certificate %s: %w", certificate, alert)
}
