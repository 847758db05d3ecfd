package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	simulatedfalcon "github.com/threatshare/threatshare/internal/simulator/falcon"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulatedmimecast "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// gateway stands before a vendor and counts. It may answer token requests itself, or change what the vendor answers.
type gateway struct {
	next  http.Handler
	token func(w http.ResponseWriter, r *http.Request)

	mu     sync.Mutex
	tokens int
	last   time.Time     // token request
	gap    time.Duration // the shortest between two of them; 0: there were not two
	data   int
	denied int // data calls that were answered 401
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	isToken := strings.HasSuffix(r.URL.Path, "/token")
	g.count(isToken, http.StatusOK)
	if isToken && g.token != nil {
		g.token(w, r)
		return
	}
	answer := httptest.NewRecorder()
	g.next.ServeHTTP(answer, r)
	if !isToken && answer.Code == http.StatusUnauthorized {
		g.count(false, answer.Code)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (g *gateway) count(isToken bool, status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case status == http.StatusUnauthorized:
		g.denied++
	case isToken:
		if gap := time.Since(g.last); g.tokens > 0 && (g.gap == 0 || gap < g.gap) {
			g.gap = gap
		}
		g.tokens, g.last = g.tokens+1, time.Now()
	default:
		g.data++
	}
}

// vendors are both of them behind a gateway, with tokens of a life.
func vendors(life time.Duration) map[string]func(*testing.T, *gateway, func(http.Handler) http.Handler) caller {
	return map[string]func(*testing.T, *gateway, func(http.Handler) http.Handler) caller{
		fault.Mimecast: func(t *testing.T, g *gateway, behind func(http.Handler) http.Handler) caller {
			return mimecastBehind(t, func(next http.Handler) http.Handler {
				g.next = behind(next)
				return g
			}, simulatedmimecast.Options{TokenLife: life})
		},
		fault.Falcon: func(t *testing.T, g *gateway, behind func(http.Handler) http.Handler) caller {
			return falconBehindOf(t, func(next http.Handler) http.Handler {
				g.next = behind(next)
				return g
			}, simulatedfalcon.Options{TokenLife: life})
		},
	}
}

func directly(next http.Handler) http.Handler { return next }

func slowly(next http.Handler) http.Handler {
	return fault.New(fault.Options{Latency: 20 * time.Millisecond}).Wrap(fault.Falcon, next)
}

// The token is taken back at every place of a run of calls in sixteen lanes: one new token, and nobody notices.
func TestFault_V1_ATokenTakenBackAtAnyCallCostsOneTokenMore(t *testing.T) {
	const callsOfLane = 4
	for name, make := range vendors(0) {
		for at := range lanes * callsOfLane {
			synctest.Test(t, func(t *testing.T) {
				inAFewYears()
				g := &gateway{}
				var revoke func()
				call := make(t, g, func(next http.Handler) http.Handler {
					revoke = func() {
						if vendor, ok := next.(interface{ RevokeTokens() }); ok {
							vendor.RevokeTokens()
						}
					}
					front := fault.New(fault.Options{Latency: 20 * time.Millisecond, Revoke: func(string) { revoke() }})
					require.NoError(t, front.Add(fault.Rule{Kind: fault.Revoke, After: 1 + at, Count: 1})) // the first call is for the token
					return front.Wrap(name, next)
				})
				inLanes(func(lane int) {
					for number := range callsOfLane {
						if err := call(t.Context(), lane, number); err != nil {
							t.Errorf("%s, revoked at call %d: %v", name, at, err)
						}
					}
				})
				require.Equal(t, 2, g.tokens, "%s, revoked at call %d", name, at)
				require.GreaterOrEqual(t, g.denied, 1)
				require.Equal(t, lanes*callsOfLane+g.denied, g.data, "each refused call was made once more")
			})
		}
	}
}

// Tokens live three seconds, however the vendor says so. What it does not say, or says wrongly, is found out by a refusal, which
// costs a repeat and no failure.
func TestFault_V2_NoCallFailsBecauseATokenRunsOut(t *testing.T) {
	const calls = 1000
	for said, announced := range map[string]any{
		"rightly": 3, "as text": "3", "not at all": nil, "as nothing": 0, "as a negative": -1, "as a century": 3_155_760_000, "as a word": "soon",
	} {
		for name, make := range vendors(3 * time.Second) {
			t.Run(name+" says it "+said, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					inAFewYears()
					g := &gateway{}
					call := make(t, g, func(next http.Handler) http.Handler { return slowly(saying(next, announced)) })
					for number := range calls {
						require.NoError(t, call(t.Context(), 0, number))
					}
					if said == "rightly" || said == "as text" {
						require.Zero(t, g.denied, "renewed in time")
					}
					require.LessOrEqual(t, g.denied, calls/100, "one for each life of a token")
					require.LessOrEqual(t, g.tokens, 1+calls/100)
				})
			})
		}
	}
}

// saying changes how long the vendor says that its tokens live.
func saying(next http.Handler, life any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/token") {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		var granted map[string]any
		body := answer.Body.Bytes()
		if json.Unmarshal(body, &granted) == nil {
			granted["expires_in"] = life
			if life == nil {
				delete(granted, "expires_in")
			}
			body, _ = json.Marshal(granted) // of what was just read
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}

// Sixteen impatient callers at a token endpoint that fails for an hour in each of these ways.
func TestFault_V3_ATokenEndpointThatFailsIsAskedOnceAMinute(t *testing.T) {
	const words = "words-of-the-answer"
	answering := func(status int, header, value string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"fail":[{"code":"` + words + `"}],"errors":[],"error":"` + words + `"}`))
		}
	}
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><title>" + words + "</title></html>"))
	}
	for ends, token := range map[string]func(http.ResponseWriter, *http.Request){
		"with 400": answering(400, "", ""), "with 401": answering(401, "", ""), "with 403": answering(403, "", ""), "with 404": answering(404, "", ""),
		"with 500": answering(500, "", ""), "with 503": answering(503, "", ""), "with 302": answering(302, "Location", "https://portal.example/"),
		"with 429":             answering(429, "Retry-After", "1"),
		"with a page":          page,
		"with an empty answer": func(http.ResponseWriter, *http.Request) {},
		"with a long text":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(words), 1<<14)) },
		"when the time has gone by": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Minute):
			}
		},
	} {
		least := 25
		if ends == "with 500" || ends == "with 503" {
			least = 12 // then the vendor counts as gone and is left alone for longer
		}
		for name, make := range vendors(0) {
			t.Run(name+" "+ends, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					inAFewYears()
					g := &gateway{token: token}
					call := make(t, g, directly)
					ctx, end := context.WithTimeout(t.Context(), time.Hour)
					defer end()
					inLanes(func(lane int) {
						for number := 0; ctx.Err() == nil; number++ {
							err := call(ctx, lane, number)
							if err == nil || strings.Contains(err.Error(), words) {
								t.Errorf("a failure in our words is expected: %v", err)
								return
							}
							wait(ctx, 10*time.Second)
						}
					})
					time.Sleep(2 * time.Minute) // until the last request has ended
					synctest.Wait()             // which the race detector understands
					require.GreaterOrEqual(t, g.gap, time.Minute)
					require.Greater(t, g.tokens, least, "it is asked again, each time that it may be")
					require.Zero(t, g.data)
				})
			})
		}
	}
}

func TestFault_N19_SixteenLanesAskForOneTokenInEachOfItsLives(t *testing.T) {
	const life, lives = 30 * time.Minute, 12
	for name, make := range vendors(life) {
		synctest.Test(t, func(t *testing.T) {
			inAFewYears()
			g := &gateway{}
			call := make(t, g, slowly)
			ctx, end := context.WithTimeout(t.Context(), lives*life*8/10) // renewed at four fifths of its life
			defer end()
			inLanes(func(lane int) {
				for number := 0; ctx.Err() == nil; number++ {
					if err := call(ctx, lane, number); err != nil && ctx.Err() == nil {
						t.Error(fmt.Errorf("%s: %w", name, err))
						return
					}
					wait(ctx, 20*time.Second)
				}
			})
			require.Equal(t, lives, g.tokens, name)
			require.Zero(t, g.denied, name)
		})
	}
}
