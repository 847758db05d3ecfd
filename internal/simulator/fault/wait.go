package fault

import (
	"bytes"
	"hash/maphash"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxWait bounds the wait that a caller is held to: nobody has to obey an hour, or the year 9999.
const maxWait = 5 * time.Minute

// grace is how long after a 429 another call of the same vendor may still arrive without having known about it. A repeat
// of the very call that was refused has no such excuse.
const grace = 250 * time.Millisecond

// wait is an announced wait.
type wait struct {
	from, until time.Time
	refused     string // fingerprint of the call that was answered 429
}

func (w wait) holds(call string, now time.Time) bool {
	if !now.Before(w.until) {
		return false
	}
	return call == w.refused || now.Sub(w.from) > grace
}

// maxPrinted is how much of a body is looked at to tell a repeated call from another one.
const maxPrinted = 1 << 20

// fingerprint tells a repeated call from another one. The body can still be read to its end, with what went wrong on its way.
func fingerprint(r *http.Request, seed maphash.Seed) string {
	head, _ := io.ReadAll(io.LimitReader(r.Body, maxPrinted)) // the next read meets the same error
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	return r.Method + " " + r.URL.RequestURI() + " " + strconv.FormatUint(maphash.Bytes(seed, head), 16)
}

// announced reads until when a 429 asks to wait, zero when it does not say: Retry-After wins, then Mimecast's duration in
// milliseconds (contract section 10.3) or Falcon's epoch time (contract section 4).
func announced(vendor string, header http.Header, now time.Time) time.Time {
	until := now.Add(vendorWait(vendor, header, now))
	if text := header.Get("Retry-After"); text != "" {
		if seconds, err := strconv.Atoi(text); err == nil {
			until = now.Add(time.Duration(min(max(seconds, 0), 3600)) * time.Second)
		} else if at, err := http.ParseTime(text); err == nil {
			until = at
		}
	}
	if !until.After(now) {
		return time.Time{}
	}
	if latest := now.Add(maxWait); until.After(latest) {
		return latest
	}
	return until
}

func vendorWait(vendor string, header http.Header, now time.Time) time.Duration {
	if vendor == Falcon {
		epoch, err := strconv.ParseInt(header.Get("X-RateLimit-RetryAfter"), 10, 64)
		if err != nil || epoch <= 0 {
			return 0
		}
		at := time.Unix(epoch, 0)
		if epoch > 100_000_000_000 { // milliseconds: as seconds it would lie 3,000 years ahead
			at = time.UnixMilli(epoch)
		}
		return min(at.Sub(now), maxWait)
	}
	for _, name := range []string{"X-RateLimit-Reset", "X-Mimecast-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		if ms, err := strconv.ParseInt(header.Get(name), 10, 64); err == nil && ms > 0 {
			return time.Duration(min(ms, maxWait.Milliseconds())) * time.Millisecond
		}
	}
	return 0
}
