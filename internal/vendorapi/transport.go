package vendorapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// requestTimeout is how long a whole request takes at most.
const requestTimeout = time.Minute

// NewHTTPClient gives the HTTP client that both vendors are called with: time-outs for every phase, no redirects (a
// redirect would carry the token elsewhere).
func NewHTTPClient() *http.Client { return newHTTPClient(newDialer().DialContext) }

func newHTTPClient(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dial,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   16,
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: notFollowed,
	}
}

// ParseBaseURL accepts https everywhere and plain http on loopback only. Of addresses it refuses those where no vendor can be,
// such as a cloud's metadata service; where a name leads is checked when it is called.
func ParseBaseURL(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case strings.ContainsAny(text, "@?#"):
		// Not repeated: what stands there may be a secret.
		return nil, errors.New("base URL: must hold neither credentials nor a query nor a fragment")
	case err != nil || base.Hostname() == "":
		return nil, fmt.Errorf("base URL %q: not an absolute URL such as https://api.example.com", text)
	}
	if address, err := netip.ParseAddr(base.Hostname()); err == nil && never(embedded(address)) {
		return nil, fmt.Errorf("base URL %q: no vendor is at this address", text)
	}
	if strings.ContainsFunc(base.Hostname(), func(r rune) bool { return r > '~' }) {
		return nil, fmt.Errorf("base URL %q: the host must be in ASCII, as the vendor writes it", text)
	}
	switch {
	case base.Scheme == "https":
	case base.Scheme == "http" && Loopback(base.Hostname()):
	case base.Scheme == "http":
		return nil, fmt.Errorf("base URL %q: plain http is accepted for loopback addresses only; use https", text)
	default:
		return nil, fmt.Errorf("base URL %q: the scheme must be https", text)
	}
	return base, nil
}

// Loopback says whether a host, a name or an IP address without brackets and port, is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func notFollowed(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// withoutURL takes the *url.Error off: it repeats the whole address with its query.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
