package mimecast_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestTheWaitIsWhatTheHeadersSay(t *testing.T) {
	now := at(t, "2026-11-16T12:00:00Z")
	const reset, retry = "X-Ratelimit-Reset", "Retry-After"
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"nothing":                         {map[string]string{}, 0},
		"reset is in milliseconds":        {map[string]string{reset: "5000"}, 5 * time.Second},
		"a short reset":                   {map[string]string{reset: "3"}, 3 * time.Millisecond},
		"reset is over":                   {map[string]string{reset: "0"}, time.Millisecond},
		"the mimecast variant":            {map[string]string{"X-Mimecast-Ratelimit-Reset": "2500"}, 2500 * time.Millisecond},
		"the hyphenated variant":          {map[string]string{"X-Rate-Limit-Reset": "1500"}, 1500 * time.Millisecond},
		"retry-after in seconds":          {map[string]string{retry: "7"}, 7 * time.Second},
		"retry-after wins":                {map[string]string{retry: "7", reset: "5000"}, 7 * time.Second},
		"retry-after as a date":           {map[string]string{retry: now.Add(90 * time.Second).Format(http.TimeFormat)}, 90 * time.Second},
		"retry-after at once":             {map[string]string{retry: "0"}, time.Millisecond},
		"a date that is over":             {map[string]string{retry: now.Add(-time.Hour).Format(http.TimeFormat)}, 0},
		"a date in the year 9999":         {map[string]string{retry: "Fri, 31 Dec 9999 23:59:59 GMT"}, 24 * time.Hour},
		"milliseconds for seconds":        {map[string]string{retry: "90000000"}, 24 * time.Hour},
		"nonsense before a good one":      {map[string]string{retry: "soon", reset: "5000"}, 5 * time.Second},
		"negative":                        {map[string]string{reset: "-5000"}, 0},
		"not a number":                    {map[string]string{reset: "NaN"}, 0},
		"endless":                         {map[string]string{reset: "Inf", retry: "Inf"}, 0},
		"larger than any duration":        {map[string]string{reset: "1e300", retry: "1e300"}, 24 * time.Hour},
		"an epoch in seconds":             {map[string]string{reset: "1794830400"}, 0},
		"an epoch in milliseconds":        {map[string]string{reset: "1794830400000"}, 0},
		"two headers joined by a gateway": {map[string]string{reset: "4000, 4000"}, 4 * time.Second},
		"blank":                           {map[string]string{reset: " ", retry: ""}, 0},
	} {
		header := http.Header{}
		for key, value := range c.header {
			header.Set(key, value)
		}
		require.Equal(t, c.want, mimecast.Wait(header, now), name)
	}
}

func TestAThrottledCallSaysHowLongToWaitAndKeepsLaterCallsBack(t *testing.T) {
	f := newFake(t)
	f.says(attachmentPath, answer{status: 429, header: http.Header{"X-Ratelimit-Reset": {"5000"}}, body: `{"fail":[{"code":"too_many_requests","message":"Slow down"}]}`})
	client := f.client()
	_, err := client.TTPLogs(t.Context(), indicator.Query{Source: indicator.AttachmentHashes})
	refused := refusalOf(t, err)
	require.Equal(t, vendorapi.Throttled, refused.Class)
	require.Equal(t, 429, refused.Status)
	require.GreaterOrEqual(t, refused.RetryAfter, 5*time.Second)
	require.Less(t, refused.RetryAfter, 6*time.Second)

	_, err = client.InternalDomains(t.Context())
	require.Equal(t, vendorapi.Throttled, refusalOf(t, err).Class)
	require.Empty(t, f.asked(domainsPath), "no call inside an announced wait")
}

func TestTheLastCallsAreSpreadOverTheTimeThatIsLeft(t *testing.T) {
	const remaining, reset = "X-RateLimit-Remaining", "X-RateLimit-Reset"
	second := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	for name, c := range map[string]struct {
		header map[string]string
		want   vendorapi.Pace
	}{
		"nothing":                         {map[string]string{}, vendorapi.Pace{}},
		"plenty":                          {map[string]string{remaining: "4999", reset: "5000"}, vendorapi.Pace{}},
		"eleven":                          {map[string]string{remaining: "11", reset: "5000"}, vendorapi.Pace{}},
		"nine in five seconds":            {map[string]string{remaining: "9", reset: "5000"}, vendorapi.Pace{Gap: second(0.5), For: second(5)}},
		"one in a second":                 {map[string]string{remaining: "1", reset: "1000"}, vendorapi.Pace{Gap: second(0.5), For: second(1)}},
		"none":                            {map[string]string{remaining: "0", reset: "300"}, vendorapi.Pace{Gap: second(0.3), For: second(0.3)}},
		"less than none":                  {map[string]string{remaining: "-3", reset: "300"}, vendorapi.Pace{Gap: second(0.3), For: second(0.3)}},
		"nobody knows for how long":       {map[string]string{remaining: "2"}, vendorapi.Pace{}},
		"an epoch is no time left":        {map[string]string{remaining: "2", reset: "1794830400"}, vendorapi.Pace{}},
		"not a number":                    {map[string]string{remaining: "few", reset: "5000"}, vendorapi.Pace{}},
		"the mimecast variant":            {map[string]string{remaining: "4", "X-Mimecast-RateLimit-Reset": "1000"}, vendorapi.Pace{Gap: second(0.2), For: second(1)}},
		"two headers joined by a gateway": {map[string]string{remaining: "4, 4", reset: "1000, 1000"}, vendorapi.Pace{Gap: second(0.2), For: second(1)}},
	} {
		header := http.Header{}
		for key, value := range c.header {
			header.Set(key, value)
		}
		require.Equal(t, c.want, mimecast.Pace(header), name)
	}
}
