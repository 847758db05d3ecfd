package vendorapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestSixteenParallelCallsMakeOneTokenCall(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	require.NoError(t, inParallel(16, func() error { return get(t.Context(), c) }))
	require.EqualValues(t, 1, v.tokenCalls.Load())
	require.EqualValues(t, 16, v.calls.Load())
}

func TestFault_V1_SixteenCallsThatMeetAStaleTokenMakeOneMoreTokenCall(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	var all sync.WaitGroup
	all.Add(16)
	v.call = func(w http.ResponseWriter, r *http.Request) {
		if bearer(r) != "Bearer "+tokenName(1) {
			write(w, http.StatusOK, `{"ok":true}`)
			return
		}
		all.Done()
		all.Wait() // every call has gone out with the first token before any of them is refused
		write(w, http.StatusUnauthorized, `{}`)
	}
	require.NoError(t, inParallel(16, func() error { return get(t.Context(), c) }))
	require.EqualValues(t, 2, v.tokenCalls.Load())
	require.EqualValues(t, 32, v.calls.Load())
}

func TestATokenRefusedLateDoesNotDropItsSuccessor(t *testing.T) {
	number := int64(0)
	tokens := vendorapi.NewTokens(func(context.Context) (vendorapi.Token, error) {
		number++
		return vendorapi.Token{Value: tokenName(number), ExpiresIn: time.Hour}, nil
	})
	first, err := tokens.Get(t.Context())
	require.NoError(t, err)
	tokens.Drop(first)
	second, err := tokens.Get(t.Context())
	require.NoError(t, err)
	tokens.Drop(first)
	still, err := tokens.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, tokenName(2), second)
	require.Equal(t, second, still)
}

func TestFault_V1_ASecondRefusalOfTheTokenIsReturned(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	v.call = func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusUnauthorized, `{}`) }
	failure := refused(t, get(t.Context(), c))
	require.Equal(t, vendorapi.Credentials, failure.Class)
	require.Equal(t, http.StatusUnauthorized, failure.Status)
	require.EqualValues(t, 2, v.calls.Load(), "exactly one repeat")
	require.EqualValues(t, 2, v.tokenCalls.Load())
}

func TestAFailedTokenRequestIsNotRepeatedWithinAMinute(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	clock := newClock()
	c.SetClock(clock.now)
	broken := v.token
	v.token = func(w http.ResponseWriter, _ *http.Request, _ int64) { write(w, http.StatusServiceUnavailable, `{}`) }
	for range 5 {
		require.Equal(t, vendorapi.Unavailable, refused(t, get(t.Context(), c)).Class)
		clock.move(11 * time.Second)
	}
	require.EqualValues(t, 1, v.tokenCalls.Load())

	v.token = broken
	clock.move(5 * time.Second)
	require.NoError(t, get(t.Context(), c))
	require.EqualValues(t, 2, v.tokenCalls.Load())
}

func TestForgetFailureAsksForATokenAtOnce(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	good := v.token
	v.token = func(w http.ResponseWriter, _ *http.Request, _ int64) { write(w, http.StatusForbidden, `{}`) }
	require.Error(t, get(t.Context(), c))
	v.token = good
	c.ForgetFailure()
	require.NoError(t, get(t.Context(), c))
}

func TestForgetTokenAsksForANewOne(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	require.NoError(t, get(t.Context(), c))
	c.ForgetToken()
	require.NoError(t, get(t.Context(), c))
	require.EqualValues(t, 2, v.tokenCalls.Load())
}

func TestACallerThatGivesUpDoesNotSpoilTheTokenOfOthers(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	good := v.token
	v.token = func(w http.ResponseWriter, r *http.Request, number int64) {
		close(asked)
		<-answer
		good(w, r, number)
	}
	impatient, giveUp := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- get(impatient, c) }()
	<-asked
	stayed := make(chan error)
	go func() { stayed <- get(t.Context(), c) }()
	giveUp()
	err := <-left // before the token endpoint has answered: nobody is kept waiting against its own context
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
	close(answer)
	require.NoError(t, <-stayed)
	require.EqualValues(t, 1, v.tokenCalls.Load())
}

func TestAWaitingCallerLeavesWhenItsContextEnds(t *testing.T) {
	answer := make(chan struct{})
	defer close(answer)
	tokens := vendorapi.NewTokens(func(context.Context) (vendorapi.Token, error) {
		<-answer
		return vendorapi.Token{Value: "late"}, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := tokens.Get(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestATokenRequestHeldBackByAWaitIsNotAFailedOne(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	clock := newClock()
	c.SetClock(clock.now)
	v.call = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		write(w, http.StatusTooManyRequests, `{}`)
	}
	require.Equal(t, vendorapi.Throttled, refused(t, get(t.Context(), c)).Class)
	c.ForgetToken()
	require.Equal(t, vendorapi.Throttled, refused(t, get(t.Context(), c)).Class)
	require.EqualValues(t, 1, v.tokenCalls.Load())
	v.call = func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, `{"ok":true}`) }
	clock.move(4 * time.Second) // over the wait and far from a minute
	require.NoError(t, get(t.Context(), c))
}

func TestAThrottledTokenRequestTellsHowLongItRests(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	clock := newClock()
	c.SetClock(clock.now)
	v.token = func(w http.ResponseWriter, _ *http.Request, _ int64) {
		w.Header().Set("Retry-After", "2")
		write(w, http.StatusTooManyRequests, `{}`)
	}
	require.Equal(t, vendorapi.Throttled, refused(t, get(t.Context(), c)).Class)
	clock.move(10 * time.Second) // over the wait, but the rest after a failure lasts on
	failure := refused(t, get(t.Context(), c))
	require.Equal(t, 50*time.Second, failure.RetryAfter)
	require.EqualValues(t, 1, v.tokenCalls.Load())
}

func TestARememberedFailureTellsWhatIsLeftOfItsWait(t *testing.T) {
	for _, c := range []struct {
		told              vendorapi.Error
		passed, remaining time.Duration
	}{
		{vendorapi.Error{Class: vendorapi.Throttled, RetryAfter: 5 * time.Minute}, 20 * time.Second, 4*time.Minute + 40*time.Second},
		{vendorapi.Error{Class: vendorapi.Unavailable, RetryAfter: 5 * time.Minute}, 20 * time.Second, 4*time.Minute + 40*time.Second},
		{vendorapi.Error{Class: vendorapi.Throttled, RetryAfter: 2 * time.Second}, 10 * time.Second, 50 * time.Second}, // of the rest after a failure
		{vendorapi.Error{Class: vendorapi.Unavailable}, 10 * time.Second, 0},
	} {
		clock := newClock()
		tokens := vendorapi.NewTokens(func(context.Context) (vendorapi.Token, error) { return vendorapi.Token{}, &c.told })
		tokens.SetClock(clock.now)
		_, err := tokens.Get(t.Context())
		require.Equal(t, c.told.RetryAfter, refused(t, err).RetryAfter)
		clock.move(c.passed)
		_, err = tokens.Get(t.Context())
		require.Equal(t, c.remaining, refused(t, err).RetryAfter, "%s %s", c.told.Class, c.told.RetryAfter)
	}
}

func TestATokenIsRenewedBeforeItEnds(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	clock := newClock()
	c.SetClock(clock.now)
	v.token = func(w http.ResponseWriter, _ *http.Request, number int64) { grant(w, number, 1000) }
	require.NoError(t, get(t.Context(), c))
	clock.move(799 * time.Second)
	require.NoError(t, get(t.Context(), c))
	require.EqualValues(t, 1, v.tokenCalls.Load())
	clock.move(time.Second)
	require.NoError(t, get(t.Context(), c))
	require.EqualValues(t, 2, v.tokenCalls.Load())
}

func TestTheLifeOfATokenIsBelievedWithinReason(t *testing.T) {
	for announced, used := range map[time.Duration]time.Duration{
		0:                           5 * time.Minute,
		-time.Second:                5 * time.Minute,
		3 * time.Second:             2400 * time.Millisecond,
		time.Minute:                 48 * time.Second,
		65 * time.Second:            52 * time.Second,
		2 * time.Minute:             time.Minute,
		4 * time.Minute:             3 * time.Minute,
		1799 * time.Second:          1799 * time.Second * 8 / 10,
		time.Hour:                   48 * time.Minute,
		1_000_000_000 * time.Second: 48 * time.Minute,
		math.MaxInt64:               48 * time.Minute,
	} {
		require.Equal(t, used, vendorapi.Lifetime(announced), "announced %s", announced)
	}
}

func TestATokenIsUsedForLessThanItsLifeAndNeverForNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		announced := time.Duration(rapid.Int64Range(int64(time.Second), int64(48*time.Hour)).Draw(t, "announced"))
		used := vendorapi.Lifetime(announced)
		require.Less(t, used, announced)
		require.GreaterOrEqual(t, used, min(announced/2, 48*time.Minute))
	})
}

func TestSecondsAreReadHoweverTheyAreWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`1799`:       1799 * time.Second,
		`"1799"`:     1799 * time.Second,
		`1799.5`:     1799*time.Second + 500*time.Millisecond,
		`0`:          0,
		`-5`:         -5 * time.Second,
		`1e9`:        1_000_000_000 * time.Second,
		`1e300`:      0,
		`"NaN"`:      0,
		`"Infinity"`: 0,
		`"soon"`:     0,
		`""`:         0,
		`null`:       0,
		`true`:       0,
		`[1]`:        0,
		`{"a":1}`:    0,
	} {
		var answer struct {
			ExpiresIn vendorapi.Seconds `json:"expires_in"`
		}
		require.NoError(t, json.Unmarshal([]byte(`{"expires_in":`+text+`}`), &answer), text)
		require.Equal(t, want, time.Duration(answer.ExpiresIn), text)
	}
}

func TestAnyFailureOfATokenRequestIsRemembered(t *testing.T) {
	calls := 0
	tokens := vendorapi.NewTokens(func(context.Context) (vendorapi.Token, error) {
		calls++
		return vendorapi.Token{}, errors.New("no route")
	})
	for range 3 {
		_, err := tokens.Get(t.Context())
		require.ErrorContains(t, err, "no route")
	}
	require.Equal(t, 1, calls)
}

func inParallel(n int, call func() error) error {
	var group sync.WaitGroup
	failures := make([]error, n)
	for i := range n {
		group.Go(func() { failures[i] = call() })
	}
	group.Wait()
	return errors.Join(failures...)
}
