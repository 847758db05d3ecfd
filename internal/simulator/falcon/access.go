package falcon

import (
	"slices"
	"sync"
	"time"
)

// Scopes of an API client, as the console names them.
const (
	scopeIOCRead    = "IOC Management: Read"
	scopeIOCWrite   = "IOC Management: Write"
	scopeAlertsRead = "Alerts: Read"
)

func allScopes() []string { return []string{scopeIOCRead, scopeIOCWrite, scopeAlertsRead} }

// tokenPrefix tells a token of an earlier life of the simulator from one that never was Falcon's.
const tokenPrefix = "falcon-simulator-"

// access is what decides whether a request gets in: credentials, tokens, scopes, rate limit.
type access struct {
	mu         sync.Mutex
	id, secret string
	scopes     []string
	tokens     map[string]grant
	calls      []time.Time // those of the last minute, oldest first
}

type grant struct {
	client  string
	expires time.Time
}

func newAccess(id, secret string) *access {
	return &access{id: id, secret: secret, scopes: allScopes(), tokens: map[string]grant{}}
}

func (a *access) credentials() (id, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.id, a.secret
}

// setCredentials replaces the API client. Tokens that are out stay good; they end with revokeAll.
func (a *access) setCredentials(id, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id, a.secret = id, secret
}

func (a *access) setScopes(scopes []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scopes = scopes
}

func (a *access) issue(token, client string, now time.Time, life time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for old, g := range a.tokens {
		if !now.Before(g.expires) {
			delete(a.tokens, old)
		}
	}
	a.tokens[token] = grant{client: client, expires: now.Add(life)}
}

func (a *access) revoke(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tokens, token)
}

func (a *access) revokeAll() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.tokens)
	clear(a.tokens)
	return n
}

func (a *access) check(token, scope string, now time.Time) (client string, granted, alive bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, known := a.tokens[token]
	if !known || !now.Before(g.expires) {
		return "", false, false
	}
	return g.client, slices.Contains(a.scopes, scope), true
}

// take counts a call against the sliding minute. It gives the calls left, or until when the caller has to wait. A limit
// of 0 refuses nothing and always reports the documented limit as nearly untouched, so that nobody slows down for it.
func (a *access) take(now time.Time, limit int) (remaining int, wait time.Time) {
	if limit == 0 {
		return documentedRateLimit - 1, time.Time{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	gone, _ := slices.BinarySearchFunc(a.calls, now.Add(-time.Minute), func(at, edge time.Time) int {
		if at.After(edge) {
			return 1
		}
		return -1
	})
	a.calls = a.calls[gone:]
	if len(a.calls) >= limit {
		return 0, a.calls[len(a.calls)-limit].Add(time.Minute)
	}
	a.calls = append(a.calls, now)
	return limit - len(a.calls), time.Time{}
}
