package simulator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	simulatedfalcon "github.com/threatshare/threatshare/internal/simulator/falcon"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulatedmimecast "github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Here the clients meet the simulator's rate limit: with all that they add to what a vendor announces (jitter, gaps between
// the last calls) the limit stays in use, and no call is made inside an announced wait. The clock is the bubble's, which
// moves on when everybody waits, so the figures do not depend on the machine.

// wire carries requests to a handler without a network.
type wire struct{ handler http.Handler }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	rec.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat)) // in whole seconds, as of a server
	served := r.Clone(r.Context())
	served.RequestURI = r.URL.RequestURI()
	if served.Body == nil {
		served.Body = http.NoBody
	}
	w.handler.ServeHTTP(rec, served)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

type secret string

func (s secret) Reveal() string { return string(s) }

// limited is a vendor behind a rate limit, and a call that a client of it makes.
type limited struct {
	front *fault.Front
	call  func(ctx context.Context, caller, number int) error
}

func limitedMimecast(t *testing.T, perMinute int) limited {
	t.Helper()
	front := fault.New(fault.Options{PerMinute: perMinute, Latency: 20 * time.Millisecond})
	client, err := mimecast.New(mimecast.Config{
		BaseURL: "https://mimecast.example", ClientID: "demo", ClientSecret: secret("demo-secret"),
		HTTP: &http.Client{Transport: wire{front.Wrap(fault.Mimecast, simulatedmimecast.New(simulatedmimecast.Options{}))}},
	})
	require.NoError(t, err)
	return limited{front, func(ctx context.Context, caller, number int) error {
		_, err := client.BlockHashes(ctx, []string{fmt.Sprintf("%064x", caller*1_000_000+number)}, "test")
		return err
	}}
}

func limitedFalcon(t *testing.T, perMinute int) limited {
	t.Helper()
	return falconBehind(t, fault.Options{PerMinute: perMinute}, simulatedfalcon.New(simulatedfalcon.Options{}))
}

// slidingFalcon counts the calls of the last minute, whenever that began, as the vendor is said to.
func slidingFalcon(t *testing.T, perMinute int) limited {
	t.Helper()
	vendor := simulatedfalcon.New(simulatedfalcon.Options{})
	mode := httptest.NewRecorder()
	vendor.Admin().ServeHTTP(mode, httptest.NewRequestWithContext(
		t.Context(), http.MethodPut, "/modes", strings.NewReader(fmt.Sprintf(`{"rateLimit":%d}`, perMinute))))
	require.Equal(t, http.StatusOK, mode.Code)
	return falconBehind(t, fault.Options{}, vendor)
}

func falconBehind(t *testing.T, opts fault.Options, vendor *simulatedfalcon.Server) limited {
	t.Helper()
	opts.Latency = 20 * time.Millisecond
	front := fault.New(opts)
	id, password := vendor.Credentials()
	client, err := falcon.New(falcon.Config{
		BaseURL: "https://falcon.example", ClientID: id, ClientSecret: secret(password),
		HTTP: &http.Client{Transport: wire{front.Wrap(fault.Falcon, vendor)}},
	})
	require.NoError(t, err)
	return limited{front, func(ctx context.Context, caller, number int) error {
		key := indicator.Key{Kind: indicator.Domain, Value: fmt.Sprintf("c%d-n%d.example", caller, number)}
		_, err := client.Lookup(ctx, []indicator.Key{key})
		return err
	}}
}

// run lets callers call for a while, each of them waiting exactly as long as it is told to. It gives the calls that the
// vendor let pass.
func (l limited) run(t *testing.T, vendor string, callers int, span time.Duration) (passed int) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), span)
	defer end()
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for number := 0; ctx.Err() == nil; number++ {
				err := l.call(ctx, caller, number)
				for ; err != nil && ctx.Err() == nil; err = l.call(ctx, caller, number) {
					refused, ok := errors.AsType[*vendorapi.Error](err)
					if !ok || refused.Class != vendorapi.Throttled {
						t.Errorf("not a matter of the limit: %v", err)
						return
					}
					wait(ctx, refused.RetryAfter)
				}
			}
		})
	}
	all.Wait()
	stats := l.front.Stats()
	require.Zero(t, stats.CallsInsideWait)
	require.Empty(t, stats.Violations)
	return stats.Total(vendor) - stats.Throttled[vendor]
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func TestFault_V6_TheLimitStaysInUseAndNoCallIsMadeInsideAWait(t *testing.T) {
	for name, c := range map[string]struct {
		vendor    string
		limit     func(*testing.T, int) limited
		perMinute int
		span      time.Duration // fifty windows or more, since the last one is counted whole
	}{
		"mimecast, few":   {fault.Mimecast, limitedMimecast, 60, 5 * time.Minute},
		"mimecast, many":  {fault.Mimecast, limitedMimecast, 600, 5 * time.Minute},
		"falcon":          {fault.Falcon, limitedFalcon, 60, 50 * time.Minute},
		"falcon, sliding": {fault.Falcon, slidingFalcon, 60, 50 * time.Minute},
	} {
		for _, callers := range []int{1, 8} {
			t.Run(fmt.Sprintf("%s, %d callers", name, callers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					// A bubble begins in 2000, and an epoch time from before 2001 is not believed to be one.
					time.Sleep(time.Until(time.Date(2026, 11, 16, 12, 0, 0, 300_000_000, time.UTC)))
					l := c.limit(t, c.perMinute)
					passed := l.run(t, c.vendor, callers, c.span)
					busy := float64(passed) / (float64(c.perMinute) * c.span.Minutes())
					t.Logf("%.1f %% of the limit, %d calls refused", 100*busy, l.front.Stats().Throttled[c.vendor])
					require.Greater(t, busy, 0.9)
					if c.vendor == fault.Mimecast && callers == 1 {
						require.Zero(t, l.front.Stats().Throttled[c.vendor], "the limit is approached, not met")
					}
				})
			})
		}
	}
}
