// Package simulator runs Mimecast and Falcon over HTTP on loopback addresses, with an admin API beside them. It puts the
// parts together; how a vendor answers, what spoils an answer and what traffic is made up are the packages below.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/falcon"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/simulator/seed"
)

// The credentials that both vendors take unless told otherwise.
const (
	DemoClientID       = "demo"
	DemoMimecastSecret = "demo-secret-mimecast"
	DemoFalconSecret   = "demo-secret-falcon" //nolint:gosec // opens nothing but a simulator on this machine
)

// Options are what a Simulator is made of. The zero value listens on free ports, has empty logs and no limits.
type Options struct {
	MimecastAddr, FalconAddr, AdminAddr string // loopback only; 127.0.0.1:0 if ""

	Traffic   seed.Options  // generated at the start; none if Records is 0
	PerMinute int           // calls per minute and vendor; 0: no limit
	Latency   time.Duration // how long every vendor call takes at least
	TokenLife time.Duration // the vendors' own if 0

	RemediationTime time.Duration // how long a Mimecast incident takes to its end; 30 s if 0

	MimecastClientID, MimecastClientSecret string // the demo's if ""
	FalconClientID, FalconClientSecret     string // the demo's if ""
	FalconRegion                           string // us-1 if ""

	Now func() time.Time // time.Now if nil
	Log *slog.Logger     // discards if nil
}

// URLs are where the three parts answer.
type URLs struct {
	Mimecast string `json:"mimecast"`
	Falcon   string `json:"falcon"`
	Admin    string `json:"admin"`
}

// Simulator is a running pair of vendors.
type Simulator struct {
	URLs URLs

	opts     Options
	front    *fault.Front
	mimecast *mimecast.Server
	falcon   *falcon.Server
	expected expectations
	servers  []*http.Server
	failed   chan error
}

// Start seeds and starts everything. Close stops it.
func Start(ctx context.Context, opts Options) (*Simulator, error) {
	opts = opts.completed()
	s := &Simulator{opts: opts, failed: make(chan error, 3)}
	s.front = fault.New(fault.Options{
		Now: opts.Now, Seed: opts.Traffic.Seed, PerMinute: opts.PerMinute, Latency: opts.Latency, Revoke: s.revoke,
	})
	s.mimecast = mimecast.New(mimecast.Options{
		Now: opts.Now, Seed: opts.Traffic.Seed, TokenLife: opts.TokenLife, RemediationTime: opts.RemediationTime,
		ClientID: opts.MimecastClientID, ClientSecret: opts.MimecastClientSecret,
		Violate: s.violated(fault.Mimecast),
		Wrote:   s.wrote(fault.Mimecast),
	})
	s.mimecast.SetInternalDomains(seed.InternalDomains())
	s.falcon = falcon.New(falcon.Options{
		Now: opts.Now, Seed: opts.Traffic.Seed, TokenLife: opts.TokenLife, Region: opts.FalconRegion,
		ClientID: opts.FalconClientID, ClientSecret: opts.FalconClientSecret,
		Violate: s.violated(fault.Falcon),
		Wrote:   s.wrote(fault.Falcon),
	})
	if opts.Traffic.Records > 0 || opts.Traffic.Hostile {
		if _, err := s.Seed(opts.Traffic); err != nil {
			return nil, err
		}
	}
	for _, part := range []struct {
		name, addr string
		handler    http.Handler
		url        *string
	}{
		{"mimecast", opts.MimecastAddr, s.front.Wrap(fault.Mimecast, s.mimecast), &s.URLs.Mimecast},
		{"falcon", opts.FalconAddr, s.front.Wrap(fault.Falcon, s.falcon), &s.URLs.Falcon},
		{"admin", opts.AdminAddr, s.admin(), &s.URLs.Admin},
	} {
		url, err := s.serve(ctx, part.addr, part.handler)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start %s: %w", part.name, err), s.Close(ctx))
		}
		*part.url = url
	}
	return s, nil
}

func (o Options) completed() Options {
	for _, text := range []struct {
		into     *string
		fallback string
	}{
		{&o.MimecastAddr, "127.0.0.1:0"},
		{&o.FalconAddr, "127.0.0.1:0"},
		{&o.AdminAddr, "127.0.0.1:0"},
		{&o.MimecastClientID, DemoClientID},
		{&o.MimecastClientSecret, DemoMimecastSecret},
		{&o.FalconClientID, DemoClientID},
		{&o.FalconClientSecret, DemoFalconSecret},
	} {
		if *text.into == "" {
			*text.into = text.fallback
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// serve listens on a loopback address. The vendors take plain HTTP and known passwords, so nobody else may reach them.
func (s *Simulator) serve(ctx context.Context, addr string, handler http.Handler) (string, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("read address %q: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("address %q is not a loopback address like 127.0.0.1:8080", addr)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", listener.Addr(), err)
		}
	}()
	return "http://" + listener.Addr().String(), nil
}

// Failed yields the error of a part that stopped by itself.
func (s *Simulator) Failed() <-chan error { return s.failed }

// Close stops listening, lets running calls end until ctx is done, and then ends them.
func (s *Simulator) Close(ctx context.Context) error {
	var problems []error
	for _, server := range s.servers {
		if err := server.Shutdown(ctx); err != nil {
			problems = append(problems, fmt.Errorf("stop: %w", err), server.Close())
		}
	}
	return errors.Join(problems...)
}

// revoke makes all access tokens of a vendor bad.
func (s *Simulator) revoke(vendor string) {
	switch vendor {
	case fault.Mimecast:
		s.mimecast.RevokeTokens()
	case fault.Falcon:
		s.falcon.RevokeTokens()
	}
}

func (s *Simulator) wrote(vendor string) func(operation string, records int) {
	return func(operation string, records int) { s.front.Wrote(vendor, operation, records) }
}

func (s *Simulator) violated(vendor string) func(operation, text string) {
	return func(operation, text string) {
		s.front.Violate(vendor, operation, text)
		s.opts.Log.Warn("request broke the contract", "vendor", vendor, "operation", operation, "problem", text)
	}
}
