package simulator_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	simulatedfalcon "github.com/threatshare/threatshare/internal/simulator/falcon"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulatedmimecast "github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// hint is how a 429 announces a wait, and the least that a caller has to wait then.
type hint struct {
	name, value string
	least       time.Duration
}

// What the clients make of hints: none, or one that cannot be meant, is a minute, and nothing is believed beyond 15.
const (
	noHint   = time.Minute
	longest  = 15 * time.Minute
	shortest = time.Second
)

func yearOff() string {
	return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Format(http.TimeFormat)
}

func mimecastHints(now time.Time, rng *rand.Rand) []hint {
	seconds := 1 + rng.IntN(120)
	good := time.Duration(seconds) * time.Second
	const reset, retry = "X-RateLimit-Reset", "Retry-After"
	return []hint{
		{retry, strconv.Itoa(seconds), good},
		{retry, now.Add(good).UTC().Truncate(time.Second).Format(http.TimeFormat), good - time.Second},
		{reset, strconv.Itoa(seconds * 1000), good},
		{"X-Mimecast-RateLimit-Reset", strconv.Itoa(seconds * 1000), good},
		{reset, "7", shortest},
		{retry, "0", shortest},
		{"", "", noHint},
		{retry, "-5", noHint},
		{reset, "-5000", noHint},
		{retry, "NaN", noHint},
		{reset, "Inf", noHint},
		{retry, "soon", noHint},
		{reset, strconv.FormatInt(now.Unix(), 10), noHint}, // an epoch
		{retry, yearOff(), longest},
		{retry, "1e300", longest},
		{retry, "315360000000", longest},
		{retry, strconv.Itoa(seconds * 1000), min(good*1000, longest)}, // milliseconds in place of seconds
	}
}

func falconHints(now time.Time, rng *rand.Rand) []hint {
	seconds := 1 + rng.IntN(120)
	good := time.Duration(seconds) * time.Second
	const epoch, retry = "X-RateLimit-RetryAfter", "Retry-After"
	at := now.Add(good)
	return []hint{
		{epoch, strconv.FormatInt(at.Unix()+1, 10), good},
		{epoch, strconv.FormatInt(at.UnixMilli(), 10), good},
		{retry, strconv.Itoa(seconds), good},
		{retry, at.UTC().Truncate(time.Second).Format(http.TimeFormat), good - time.Second},
		{"", "", noHint},
		{epoch, "-1", noHint},
		{epoch, "NaN", noHint},
		{epoch, "30", noHint},
		{epoch, "soon", noHint},
		{epoch, strconv.FormatInt(now.Add(-time.Hour).Unix(), 10), noHint},
		{retry, "-5", noHint},
		{epoch, "253402300799", noHint}, // the year 9999, in seconds: nobody can tell it from 1978 in milliseconds
		{epoch, "9999999999", longest},
		{retry, yearOff(), longest},
		{retry, "1e300", longest},
		{retry, strconv.Itoa(seconds * 1000), min(good*1000, longest)}, // milliseconds in place of seconds
	}
}

// throttling answers 429 to many of the calls, each time with another hint, and counts what is called before it is time.
type throttling struct {
	next  http.Handler
	hints func(now time.Time, rng *rand.Rand) []hint
	most  int

	mu        sync.Mutex
	rng       *rand.Rand
	open      time.Time
	said      time.Time // of the last 429: who called at that very moment could not know
	throttled int
	inside    int
}

func (h *throttling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given, refused := h.judge(time.Now())
	if !refused {
		h.next.ServeHTTP(w, r)
		return
	}
	if given.name != "" {
		w.Header().Set(given.name, given.value)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
}

func (h *throttling) judge(now time.Time) (hint, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.open) && now.After(h.said) {
		h.inside++
	}
	if h.throttled == h.most || h.rng.IntN(3) == 0 {
		return hint{}, false
	}
	all := h.hints(now, h.rng)
	given := all[h.throttled%len(all)]
	h.throttled++
	h.said = now
	if until := now.Add(given.least); until.After(h.open) {
		h.open = until
	}
	return given, true
}

func (h *throttling) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.throttled == h.most
}

// caller makes calls of a vendor's client, whatever they are.
type caller func(ctx context.Context, lane, number int) error

func mimecastBehind(t *testing.T, behind func(http.Handler) http.Handler, opts simulatedmimecast.Options) caller {
	t.Helper()
	client, err := mimecast.New(mimecast.Config{
		BaseURL: "https://mimecast.example", ClientID: "demo", ClientSecret: secret("demo-secret"),
		HTTP: &http.Client{Transport: wire{behind(simulatedmimecast.New(opts))}},
	})
	require.NoError(t, err)
	return func(ctx context.Context, lane, number int) error {
		_, err := client.BlockHashes(ctx, []string{fmt.Sprintf("%064x", lane*1_000_000+number)}, "test")
		return err
	}
}

func falconBehindOf(t *testing.T, behind func(http.Handler) http.Handler, opts simulatedfalcon.Options) caller {
	t.Helper()
	vendor := simulatedfalcon.New(opts)
	id, password := vendor.Credentials()
	client, err := falcon.New(falcon.Config{
		BaseURL: "https://falcon.example", ClientID: id, ClientSecret: secret(password),
		HTTP: &http.Client{Transport: wire{behind(vendor)}},
	})
	require.NoError(t, err)
	return func(ctx context.Context, lane, number int) error {
		_, err := client.Lookup(ctx, []indicator.Key{{Kind: indicator.Domain, Value: fmt.Sprintf("c%d-n%d.example", lane, number)}})
		return err
	}
}

// lanes is how many callers share a credential.
const lanes = 16

// inLanes runs a piece of work side by side.
func inLanes(work func(lane int)) {
	var all sync.WaitGroup
	for lane := range lanes {
		all.Go(func() { work(lane) })
	}
	all.Wait()
}

// inAFewYears begins a bubble at a time of which vendors believe that it is now.
func inAFewYears() { time.Sleep(time.Until(time.Date(2026, 11, 16, 12, 0, 0, 300_000_000, time.UTC))) }

// Also N7: sixteen callers, each of which waits exactly as long as it is told to.
func TestFault_V5_NoCallIsMadeInsideAnAnnouncedWaitHoweverAbsurdTheHint(t *testing.T) {
	throttles := scale.Of(600, 10_000)
	for name, vendor := range map[string]struct {
		hints func(time.Time, *rand.Rand) []hint
		make  func(*testing.T, func(http.Handler) http.Handler) caller
	}{
		fault.Mimecast: {mimecastHints, func(t *testing.T, behind func(http.Handler) http.Handler) caller {
			return mimecastBehind(t, behind, simulatedmimecast.Options{})
		}},
		fault.Falcon: {falconHints, func(t *testing.T, behind func(http.Handler) http.Handler) caller {
			return falconBehindOf(t, behind, simulatedfalcon.Options{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inAFewYears()
				h := &throttling{hints: vendor.hints, most: throttles, rng: rand.New(rand.NewPCG(1, 2))}
				call := vendor.make(t, func(next http.Handler) http.Handler {
					h.next = next
					return h
				})
				began, passed := time.Now(), make([]int, lanes)
				inLanes(func(lane int) {
					for number := 0; !h.over(); number++ {
						err := call(t.Context(), lane, number)
						refused, ok := errors.AsType[*vendorapi.Error](err)
						switch {
						case err == nil:
							passed[lane]++
							time.Sleep(time.Second)
						case !ok || refused.Class != vendorapi.Throttled:
							t.Errorf("not a matter of the limit: %v", err)
							return
						case refused.RetryAfter <= 0 || refused.RetryAfter > longest+longest/20+time.Second:
							t.Errorf("a wait of %s is not up to 15 min", refused.RetryAfter)
							return
						default:
							time.Sleep(refused.RetryAfter)
						}
					}
				})
				all := 0
				for _, n := range passed {
					all += n
				}
				t.Logf("%d throttles in %s of the bubble's time, %d calls passed, %d inside a wait", h.throttled, time.Since(began).Round(time.Minute), all, h.inside)
				require.Zero(t, h.inside)
				require.Equal(t, throttles, h.throttled)
				require.Positive(t, all)
			})
		})
	}
}
