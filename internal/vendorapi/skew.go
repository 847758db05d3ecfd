package vendorapi

import (
	"net/http"
	"sync"
	"time"
)

// skew is how far the vendor's clock is from ours, by the last answer that tells. Safe for concurrent use.
type skew struct {
	mu    sync.Mutex
	ahead time.Duration
	known bool
}

// Skew is how far the vendor's clock is ahead of ours, negative if it is behind, by the last answer that had a date; not
// known before the first. Only what is certain counts: a date is of the second, and of some moment between request and answer.
func (c *Client) Skew() (ahead time.Duration, known bool) {
	c.skew.mu.Lock()
	defer c.skew.mu.Unlock()
	return c.skew.ahead, c.skew.known
}

func (s *skew) note(header http.Header, asked, answered time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || header.Get("Age") != "" { // a cache repeats the date of long ago
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = true
	switch earliest, latest := date, date.Add(time.Second); {
	case earliest.After(answered):
		s.ahead = earliest.Sub(answered)
	case latest.Before(asked):
		s.ahead = latest.Sub(asked)
	default:
		s.ahead = 0
	}
}
