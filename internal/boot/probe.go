package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// probeTimeout bounds a probe. It is longer than the check behind /readyz may take.
const probeTimeout = checkTimeout + time.Second

// CheckReady asks the program that serves its pages on listen, on this machine, whether it is ready. The error says why it is
// not. It is for containers, which hold no program that could ask. It takes 3 seconds at most.
func CheckReady(ctx context.Context, listen string) error {
	if listen == "" || listen == "off" {
		return errors.New("nothing to ask: THREATSHARE_LISTEN is off")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	// Whatever the URL says, it is listen that is dialed: where that means all addresses, Go dials this machine.
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", listen)
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", listen, err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("ask %s (THREATSHARE_LISTEN): %w", listen, err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	var answer readiness
	decoded := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer)
	switch {
	case decoded != nil || res.StatusCode == http.StatusOK && !answer.Ready:
		return fmt.Errorf("%s answers %d, and not as this program does: something else listens there", listen, res.StatusCode)
	case !answer.Ready:
		return errors.New(answer.Reason)
	default:
		return nil
	}
}
