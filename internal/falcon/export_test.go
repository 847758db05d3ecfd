package falcon

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// SetClock makes the client read the time from now.
func (c *Client) SetClock(now func() time.Time) { c.now = now }

// Refusal reads an answer as the client does.
func Refusal(status int, header http.Header, body []byte) *vendorapi.Error {
	return refusal(status, header, body)
}

// Wait reads the hint of a throttled answer as the client does.
func Wait(header http.Header, now time.Time) time.Duration { return wait(header, now) }

// AlertDomains reads one alert as the client does: the domains that it is about, or why there are none.
func AlertDomains(raw []byte) (domains []string, reason string, err error) {
	var read alert
	if err := json.Unmarshal(raw, &read); err != nil {
		return nil, "", err
	}
	domains, reason = domainsOf(read)
	return domains, reason, nil
}

// Pace reads how close the rate limit is as the client does.
func Pace(header http.Header) vendorapi.Pace { return pace(header) }
