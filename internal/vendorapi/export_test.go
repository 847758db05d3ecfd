package vendorapi

import "time"

// SetClock makes the gate and the tokens of a client read the time from now.
func (c *Client) SetClock(now func() time.Time) {
	c.gate.SetClock(now)
	c.tokens.SetClock(now)
}

// SetClock makes the gate read the time from now.
func (g *Gate) SetClock(now func() time.Time) { g.now = now }

// SetClock makes the tokens read the time from now.
func (t *Tokens) SetClock(now func() time.Time) { t.now = now }

// Lifetime is how long a token with this announced life is used.
func Lifetime(expiresIn time.Duration) time.Duration { return lifetime(expiresIn) }
