package vendorapi

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// failureRest is how long a failed token request is not repeated: a token endpoint must not be hammered.
	failureRest = time.Minute
	// tokenTimeout ends a token request, which no single caller's context does.
	tokenTimeout = time.Minute
)

// Token is an access token and how long the vendor says it lives.
type Token struct {
	Value     string
	ExpiresIn time.Duration
}

// Seconds is a life in seconds as vendors write it: a number, or a number as text. What is neither counts as not given.
type Seconds time.Duration

// UnmarshalJSON never fails: a token with an unreadable life is still a token.
func (s *Seconds) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	if err != nil || math.IsNaN(value) || math.Abs(value) > 1e9 {
		*s = 0
		return nil //nolint:nilerr // see above
	}
	*s = Seconds(value * float64(time.Second))
	return nil
}

// Tokens keeps one token for all callers of a credential: 16 parallel calls make one token call. It is renewed at 80 % of
// its life or a minute before its end, whichever is earlier. Safe for concurrent use.
type Tokens struct {
	fetch   func(ctx context.Context) (Token, error)
	now     func() time.Time
	renewal singleflight.Group

	mu      sync.Mutex
	value   string
	renewAt time.Time
	failed  error
	restEnd time.Time
}

// NewTokens keeps what fetch gets. fetch makes one token request; its errors are *Error.
func NewTokens(fetch func(ctx context.Context) (Token, error)) *Tokens {
	return &Tokens{fetch: fetch, now: time.Now}
}

// Get gives a token that is good for the next moments. After a failed token request the same failure is given for a minute.
// A caller whose context ends gets the context's error; the token request goes on for the others that wait for it.
func (t *Tokens) Get(ctx context.Context) (string, error) {
	if value, err := t.kept(); value != "" || err != nil {
		return value, err
	}
	renewed := t.renewal.DoChan("", func() (any, error) { return t.renew(context.WithoutCancel(ctx)) })
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case result := <-renewed:
		value, _ := result.Val.(string)
		return value, result.Err
	}
}

// kept gives the current token, or the failure that is not to be repeated yet, or neither.
func (t *Tokens) kept() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if t.value != "" && now.Before(t.renewAt) {
		return t.value, nil
	}
	if left := t.restEnd.Sub(now); t.failed != nil && left > 0 {
		return "", remembered(t.failed, left)
	}
	return "", nil
}

func (t *Tokens) renew(ctx context.Context) (string, error) {
	// Whoever looked just before another renewal ended comes here just after it.
	if value, err := t.kept(); value != "" || err != nil {
		return value, err
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	asked := t.now()
	token, err := t.fetch(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if !heldBack(err) {
			t.failed, t.restEnd = err, t.now().Add(failureRest)
		}
		return "", err
	}
	t.failed = nil
	t.value, t.renewAt = token.Value, asked.Add(lifetime(token.ExpiresIn))
	return t.value, nil
}

// Drop forgets value if it is still the current token: of many callers that met the same refusal only the first drops it.
func (t *Tokens) Drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.value = ""
	}
}

// Forget forgets a remembered failure, for when a person asks to try again now.
func (t *Tokens) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = nil
}

// Reset forgets the token as well, for when the credentials themselves are to be tried.
func (t *Tokens) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value, t.failed = "", nil
}

// heldBack says whether the token request was not made at all: the wait that kept it back may be shorter than the rest after a
// failure, and must not become one.
func heldBack(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && refusal.NotMade
}

// remembered is a failure of a while ago, with what is left of the wait that it asks for, or of the time in which no other token
// is asked for if that is longer.
func remembered(failed error, left time.Duration) error {
	refusal, ok := errors.AsType[*Error](failed)
	if !ok || refusal.Class != Throttled && refusal.RetryAfter == 0 {
		return failed
	}
	again := *refusal
	again.RetryAfter = max(left, refusal.RetryAfter-(failureRest-left))
	return &again
}

// lifetime is how long a token is used. A vendor that gives no, a negative or an absurd life is not believed, and one of
// less than two minutes is used for 80 % of it, since a minute before its end would be at once.
func lifetime(expiresIn time.Duration) time.Duration {
	const unknown, most = 5 * time.Minute, time.Hour
	if expiresIn <= 0 {
		return unknown
	}
	expiresIn = min(expiresIn, most)
	if expiresIn < 2*time.Minute {
		return expiresIn * 8 / 10
	}
	return min(expiresIn*8/10, expiresIn-time.Minute)
}
