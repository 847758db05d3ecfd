package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// This file is what a container needs besides: a health check without a shell, and a way to a service that is not on loopback.

// probeTime is how long a simulator may take to answer a probe.
const probeTime = 2 * time.Second

// probe asks the simulator with that admin address whether it answers.
func probe(ctx context.Context, admin string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/stats", http.NoBody)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // nothing is read
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("probe: %s", answer.Status)
	}
	return nil
}

// passage hands connections on. The zero value is closed.
type passage struct{ from, to string }

// String is from=to, or nothing.
func (p *passage) String() string {
	if p.from == "" {
		return ""
	}
	return p.from + "=" + p.to
}

// Set reads from=to. Only what is on this machine may come in.
func (p *passage) Set(text string) error {
	from, to, _ := strings.Cut(text, "=")
	address, err := netip.ParseAddrPort(from)
	if err != nil || !address.Addr().IsLoopback() {
		return errors.New("the address before = is not a loopback address like 127.0.0.1:1025")
	}
	if _, _, err := net.SplitHostPort(to); err != nil {
		return errors.New("the address after = is not host:port")
	}
	p.from, p.to = from, to
	return nil
}

// open listens until ctx ends, and hands on in the background.
func (p *passage) open(ctx context.Context, log *slog.Logger) error {
	if p.from == "" {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", p.from)
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				if err := p.hand(ctx, in); err != nil {
					log.Warn("connection not handed on", "to", p.to, "error", err)
				}
			}()
		}
	}()
	return nil
}

// hand connects in with where it is to go, until one of the two has said all.
func (p *passage) hand(ctx context.Context, in net.Conn) error {
	defer in.Close() //nolint:errcheck // either side may have closed it
	out, err := (&net.Dialer{Timeout: probeTime}).DialContext(ctx, "tcp", p.to)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // either side may have closed it
	stop := context.AfterFunc(ctx, func() { _, _ = in.Close(), out.Close() })
	defer stop()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(way[1], way[0]) // that a connection breaks off is for its two ends to tell
			ended <- struct{}{}
		}()
	}
	<-ended
	return nil
}
