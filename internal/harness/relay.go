package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// dialTime is how long a relay tries to reach one address before it tries the next.
const dialTime = 2 * time.Second

// relay hands each connection on to the first of some addresses that takes it, as a load balancer does that knows which
// servers are alive.
type relay struct {
	address  string
	listener net.Listener
	ends     context.CancelFunc
}

// startRelay listens on a free loopback port.
func startRelay(to ...string) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a relay: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &relay{address: listener.Addr().String(), listener: listener, ends: cancel}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go hand(ctx, in, to)
		}
	}()
	return r, nil
}

// stop closes the relay and all connections that it has handed on.
func (r *relay) stop() {
	r.ends()
	_ = r.listener.Close() // nothing else can be done about it
}

// hand connects in with the first address that answers, until one of the two has said all. A caller whom nobody answers is
// hung up on.
func hand(ctx context.Context, in net.Conn, to []string) {
	defer in.Close() // either side may have closed it
	var out net.Conn
	for _, address := range to {
		dialled, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", address)
		if err == nil {
			out = dialled
			break
		}
	}
	if out == nil {
		return
	}
	defer out.Close() // either side may have closed it
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
}
