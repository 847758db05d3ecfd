package console

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/threatshare/threatshare/internal/config"
)

// bearer begins the header of a program that sends the password.
const bearer = "Bearer "

const (
	sessionTime  = 12 * time.Hour
	sessionNonce = 16
	triesAtOnce  = 5
	nextTry      = 2 * time.Second
	maxCallers   = 1000 // whose tries are counted at a time
)

// password knows whether somebody knows it, and who has shown that before. Sessions are signed with a key that is made of
// it: they outlive the process, and a new password ends them all.
type password struct {
	digest [sha256.Size]byte
	key    []byte
	now    func() time.Time

	mu    sync.Mutex
	tries map[string]*rate.Limiter
}

func newPassword(secret config.Secret, now func() time.Time) (*password, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret.Reveal()), nil, "threat share console session", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("make the key of sessions: %w", err)
	}
	return &password{digest: sha256.Sum256([]byte(secret.Reveal())), key: key, now: now, tries: map[string]*rate.Limiter{}}, nil
}

// is says whether this is the password. How long that takes says nothing about the password: digests of one length are
// compared, in full.
func (p *password) is(given string) bool {
	digest := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(digest[:], p.digest[:]) == 1
}

// judgement is what becomes of a try.
type judgement int

const (
	right judgement = iota
	wrong
	tooSoon
)

// try judges what a caller gives for the password. Some wrong ones may come at once, then one every few seconds. Tries are
// judged one at a time, so that many at once do not all pass before the first is counted.
func (p *password) try(r *http.Request, given string) judgement {
	p.mu.Lock()
	defer p.mu.Unlock()
	tries := p.triesOf(r)
	switch {
	case tries.TokensAt(p.now()) < 1:
		return tooSoon
	case p.is(given):
		return right
	default:
		tries.AllowN(p.now(), 1)
		return wrong
	}
}

// triesOf is what counts the wrong tries of a caller. It is called with mu held.
func (p *password) triesOf(r *http.Request) *rate.Limiter {
	caller, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		caller = r.RemoteAddr
	}
	if p.tries[caller] == nil {
		if len(p.tries) >= maxCallers {
			clear(p.tries)
		}
		p.tries[caller] = rate.NewLimiter(rate.Every(nextTry), triesAtOnce)
	}
	return p.tries[caller]
}

// bearer lets a program in that sends the password with its request.
func (p *password) bearer(w http.ResponseWriter, r *http.Request, inside http.Handler) {
	switch p.try(r, strings.TrimPrefix(r.Header.Get("Authorization"), bearer)) {
	case right:
		inside.ServeHTTP(w, r)
	case tooSoon:
		w.Header().Set("Retry-After", "2")
		http.Error(w, "Too many wrong passwords: wait.", http.StatusTooManyRequests)
	case wrong:
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "This is not the console's password.", http.StatusUnauthorized)
	}
}

// session is a new one, as it is kept in a cookie: when it ends, a random number, and the signature over both.
func (p *password) session(secure bool) *http.Cookie {
	ticket := make([]byte, 8+sessionNonce)
	binary.BigEndian.PutUint64(ticket, uint64(p.now().Add(sessionTime).Unix()))
	_, _ = rand.Read(ticket[8:]) // never fails
	return sessionCookie(base64.RawURLEncoding.EncodeToString(p.sign(ticket)), int(sessionTime/time.Second), secure)
}

func (p *password) sign(ticket []byte) []byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write(ticket)
	return mac.Sum(ticket)
}

func (p *password) signedIn(r *http.Request, secure bool) bool {
	cookie, err := r.Cookie(sessionName(secure))
	if err != nil {
		return false
	}
	signed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(signed) != 8+sessionNonce+sha256.Size {
		return false
	}
	ticket := signed[: 8+sessionNonce : 8+sessionNonce]
	ends := binary.BigEndian.Uint64(ticket)
	return hmac.Equal(p.sign(ticket), signed) && uint64(p.now().Unix()) < ends
}

// sessionCookie is the cookie that holds value for some seconds; less than none ends it.
func sessionCookie(value string, seconds int, secure bool) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where people come by https: on loopback they do not
		Name: sessionName(secure), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}
}

// sessionName has a prefix that browsers keep from being set by anybody but this host over https.
func sessionName(secure bool) string {
	if secure {
		return "__Host-threatshare"
	}
	return "threatshare"
}
