package vendorapi

import (
	"context"
	"net"
	"time"
)

// SetClock makes the gate, the breaker and the tokens of a client read the time from now.
func (c *Client) SetClock(now func() time.Time) {
	c.gate.SetClock(now)
	c.tokens.SetClock(now)
	c.breaker.now, c.now = now, now
}

// SetClock makes the gate read the time from now.
func (g *Gate) SetClock(now func() time.Time) { g.now = now }

// SetClock makes the tokens read the time from now.
func (t *Tokens) SetClock(now func() time.Time) { t.now = now }

// Lifetime is how long a token with this announced life is used.
func Lifetime(expiresIn time.Duration) time.Duration { return lifetime(expiresIn) }

// Dial connects to an address as a client with this base URL does, whose host may not be in the own network.
func Dial(ctx context.Context, baseURL, address string) (net.Conn, error) {
	base, err := ParseBaseURL(baseURL)
	if err != nil {
		return nil, err
	}
	return newReach(base, nil).dial(ctx, "tcp", address)
}

// Check says whether a client with this base URL connects to an address that the host has been resolved to.
func Check(baseURL, resolved string) error {
	base, err := ParseBaseURL(baseURL)
	if err != nil {
		return err
	}
	return newReach(base, nil).check(resolved)
}
