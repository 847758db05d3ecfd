package vendorapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"
)

// Alerts of TLS (RFC 8446, section 6.2) that say something about this side. Texts are compared because the type of an alert that
// comes in is crypto/tls's own.
const (
	badCertificate      = tls.AlertError(42)
	certificateUnknown  = tls.AlertError(46)
	unknownAuthority    = tls.AlertError(48)
	protocolVersion     = tls.AlertError(70)
	certificateRequired = tls.AlertError(116)
)

// reachRemedy is what a person can do where no connection comes about, empty if only time helps. It is tried again all the same:
// nothing has been sent, and most of it is the other side's to mend.
func reachRemedy(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "this machine does not know the authority of the certificate: if a proxy that looks into TLS stands in between, add its " +
			"authority to the file that SSL_CERT_FILE names; if none does, do not trust what answers there, and check the base URL and DNS"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is for another name: check the base URL, and that DNS leads to the vendor"
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch {
		case bad.Reason != x509.Expired:
			return "the certificate may not be used for this: check what stands between the worker and the vendor"
		case bad.Cert != nil && bad.Cert.NotBefore.After(time.Now()):
			return "the certificate begins later than now: check the clock of the worker's machine"
		default:
			return "the certificate has run out: check the clock of the worker's machine; if it is right, whoever answers there has to renew it"
		}
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "no TLS is spoken there: check the base URL and its port"
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		if name.IsNotFound {
			return "DNS does not know the name: check the base URL, and the DNS servers of the worker's machine"
		}
		return "DNS did not answer: check the DNS servers of the worker's machine"
	}
	return alertRemedy(err)
}

func alertRemedy(err error) string {
	failed, ok := errors.AsType[*net.OpError](err)
	if !ok || failed.Op != "remote error" {
		return ""
	}
	switch failed.Err.Error() {
	case protocolVersion.Error():
		return "only versions of TLS before 1.2 are spoken there: check what stands between the worker and the vendor"
	case badCertificate.Error(), certificateUnknown.Error(), unknownAuthority.Error(), certificateRequired.Error():
		return "a client certificate is asked for, which no vendor does: check the base URL, and what stands between the worker and the vendor"
	default:
		return ""
	}
}
