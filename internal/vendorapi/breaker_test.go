package vendorapi_test

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// gone is a vendor that gives no answer while it is down.
type gone struct {
	*vendor
	*clock
	*vendorapi.Client

	down atomic.Bool
}

func newGone(t *testing.T) *gone {
	t.Helper()
	g := &gone{vendor: newVendor(t), clock: newClock()}
	g.token = func(w http.ResponseWriter, _ *http.Request, number int64) {
		if g.down.Load() {
			write(w, http.StatusServiceUnavailable, "gone")
			return
		}
		grant(w, number, 1800)
	}
	g.call = func(w http.ResponseWriter, r *http.Request) {
		if g.down.Load() && r.URL.Path != "/well" {
			write(w, http.StatusServiceUnavailable, "gone")
			return
		}
		write(w, http.StatusOK, `{}`)
	}
	g.Client = g.client(t)
	g.SetClock(g.now)
	require.NoError(t, get(t.Context(), g.Client), "there is a token")
	g.down.Store(true)
	return g
}

func (g *gone) ask(t *testing.T, path string) error {
	t.Helper()
	_, err := g.Do(t.Context(), vendorapi.Request{Method: http.MethodGet, Path: path}, nil)
	return err
}

// lost asks until the vendor counts as gone.
func (g *gone) lost(t *testing.T) {
	t.Helper()
	for range 100 {
		if refused(t, g.ask(t, "/things")).RetryAfter > 0 {
			return
		}
		g.move(time.Second)
	}
	t.Fatal("the vendor never counts as gone")
}

func (g *gone) asked() int { return int(g.calls.Load() + g.tokenCalls.Load()) }

// Each step is tried as the flows' retry policy says, or when the error says.
func TestFault_N8_ADayOfOutageCostsAHundredCallsHoweverManyAsk(t *testing.T) {
	for _, steps := range []int{1, 3, 40} {
		t.Run(strconv.Itoa(steps), func(t *testing.T) {
			g := newGone(t)
			before, began := g.asked(), g.now()
			due, tries := make([]time.Time, steps), make([]int, steps)
			for i := range due {
				due[i] = began.Add(time.Duration(i) * time.Second / 10)
			}
			// next lets the step try that is due first.
			next := func() (step int, err error) {
				for i := range due {
					if due[i].Before(due[step]) {
						step = i
					}
				}
				g.move(due[step].Sub(g.now()))
				err = g.ask(t, "/log/"+strconv.Itoa(step%3))
				wait := min(time.Second<<min(tries[step], 20), 18*time.Minute)
				tries[step]++
				if err != nil && refused(t, err).RetryAfter > 0 {
					wait = refused(t, err).RetryAfter
				}
				due[step] = g.now().Add(wait)
				return step, err
			}
			for g.now().Sub(began) < 24*time.Hour {
				_, err := next()
				require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
			}
			t.Logf("%d calls", g.asked()-before)
			require.LessOrEqual(t, g.asked()-before, 100)
			g.down.Store(false)
			back := g.now()
			for well := map[int]bool{}; len(well) < steps; {
				if step, err := next(); err == nil {
					well[step], due[step] = true, g.now().Add(24*time.Hour)
				}
			}
			require.Less(t, g.now().Sub(back), 25*time.Minute)
		})
	}
}

func TestACallThatIsNotMadeSaysWhyAndWhenToComeAgain(t *testing.T) {
	g := newGone(t)
	g.lost(t)
	calls := g.asked()
	failure := refused(t, g.ask(t, "/things"))
	require.Equal(t, calls, g.asked())
	require.True(t, failure.NotMade)
	require.Equal(t, vendorapi.Unavailable, failure.Class)
	require.Positive(t, failure.RetryAfter)
	require.Contains(t, failure.Error(), "Acme, GET /things: not called: 12 calls in a row had no answer, and one at a time finds out when there is one again; the last: gone")

	g.move(failure.RetryAfter)
	failure = refused(t, g.ask(t, "/things"))
	require.False(t, failure.NotMade)
	require.Equal(t, calls+1, g.asked())
}

func TestWhatStillWorksOfAVendorIsInUseAndItsAnswerEndsTheRest(t *testing.T) {
	g := newGone(t)
	g.lost(t)
	require.True(t, refused(t, g.ask(t, "/things")).NotMade)
	require.NoError(t, g.ask(t, "/well"))
	require.False(t, refused(t, g.ask(t, "/things")).NotMade)
}

func TestManyCallersDoNotMakeAShortOutageALongOne(t *testing.T) {
	g := newGone(t)
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() { _, _ = g.Do(t.Context(), vendorapi.Request{Method: http.MethodGet, Path: "/things"}, nil) })
	}
	all.Wait()
	g.down.Store(false)
	left := refused(t, g.ask(t, "/things")).RetryAfter
	require.Positive(t, left)
	require.Less(t, left, 2*time.Second)
	g.move(left)
	require.NoError(t, g.ask(t, "/things"))
}

func TestOneCallAtATimeFindsOutWhetherAVendorIsBack(t *testing.T) {
	g := newGone(t)
	g.lost(t)
	g.move(time.Minute)
	found, asked := make(chan struct{}), make(chan struct{})
	g.call = func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-found
		write(w, http.StatusOK, `{}`)
	}
	first := make(chan error, 1)
	go func() {
		_, err := g.Do(t.Context(), vendorapi.Request{Method: http.MethodGet, Path: "/things"}, nil)
		first <- err
	}()
	g.down.Store(false)
	<-asked
	require.True(t, refused(t, g.ask(t, "/things")).NotMade)
	close(found)
	require.NoError(t, <-first)
	g.call = func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, `{}`) }
	require.NoError(t, g.ask(t, "/things"))
}

func TestAPersonWhoAsksIsNotKeptWaitingForAVendorThatWasGone(t *testing.T) {
	for name, forget := range map[string]func(*vendorapi.Client){
		"the failure": (*vendorapi.Client).ForgetFailure, "the token": (*vendorapi.Client).ForgetToken,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGone(t)
			g.lost(t)
			g.down.Store(false)
			require.True(t, refused(t, g.ask(t, "/things")).NotMade)
			forget(g.Client)
			require.NoError(t, g.ask(t, "/things"))
		})
	}
}

// Who does not wait for the answer says nothing about the vendor; nor does a page of something in between, which is told apart
// and ends a run.
func TestOnlyAVendorThatGivesNoAnswerCountsAsGone(t *testing.T) {
	for status, class := range map[int]vendorapi.Class{
		http.StatusForbidden: vendorapi.Forbidden, http.StatusUnauthorized: vendorapi.Credentials, http.StatusFound: vendorapi.Contract,
	} {
		g := newGone(t)
		g.call = func(w http.ResponseWriter, _ *http.Request) { write(w, status, "{}") }
		g.down.Store(false)
		for range 50 {
			failure := refused(t, g.ask(t, "/things"))
			require.Equal(t, class, failure.Class)
			require.False(t, failure.NotMade)
		}
	}
}
