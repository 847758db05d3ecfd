// Package network is a bad network between a client and a server on this machine: a TCP proxy that delays, slices, limits,
// cuts and resets what goes over it. It knows nothing of HTTP. It is for tests, not part of the product.
package network

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Fault is one way in which connections suffer. The kinds and their attributes are toxiproxy's.
type Fault struct {
	Kind       string         `json:"type"`     // latency, bandwidth, slicer, limit_data, timeout, reset_peer, slow_close
	Stream     string         `json:"stream"`   // upstream or downstream
	Share      float32        `json:"toxicity"` // of the connections, 0 to 1
	Attributes map[string]any `json:"attributes"`
}

// Path is the way to a server.
type Path struct {
	URL string // of the server, this way

	proxy *toxiproxy.Proxy
}

// To opens a way to the server at an http URL.
func To(server string) (*Path, error) {
	target, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("read the server's address: %w", err)
	}
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(api, "path", "127.0.0.1:0", target.Host)
	if err := proxy.Start(); err != nil {
		return nil, fmt.Errorf("open the way: %w", err)
	}
	return &Path{URL: "http://" + proxy.Listen, proxy: proxy}, nil
}

// Suffer adds a fault.
func (p *Path) Suffer(fault Fault) error {
	encoded, err := json.Marshal(fault)
	if err != nil {
		return fmt.Errorf("write the fault: %w", err)
	}
	if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(encoded)); err != nil {
		return fmt.Errorf("add the fault %s: %w", fault.Kind, err)
	}
	return nil
}

// Heal removes all faults.
func (p *Path) Heal(ctx context.Context) { p.proxy.Toxics.ResetToxics(ctx) }

// Close cuts what goes over the way and ends it.
func (p *Path) Close() { p.proxy.Stop() }
