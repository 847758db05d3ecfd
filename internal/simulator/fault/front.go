package fault

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"sync"
	"time"
)

// Options are how a Front behaves. The zero value counts and does nothing else.
type Options struct {
	Now       func() time.Time // time.Now if nil
	Seed      uint64           // which calls a rule with a probability hits
	PerMinute int              // calls per minute and vendor before it answers 429; 0: no limit
	Latency   time.Duration    // how long every call takes at least

	Revoke func(vendor string) // makes all access tokens of a vendor bad; nil: the kind of that name does nothing
}

// Front counts the calls of both vendors and spoils them by rule. It is safe for concurrent use.
type Front struct {
	now     func() time.Time
	seed    uint64
	latency time.Duration
	revoke  func(vendor string)
	prints  maphash.Seed // of fingerprints

	mu     sync.Mutex
	rules  []*rule
	limits map[string]*limit
	ahead  map[string]time.Duration // how far the dates of a vendor's answers are ahead of the time

	meter
}

// New returns a Front without rules.
func New(opts Options) *Front {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Revoke == nil {
		opts.Revoke = func(string) {}
	}
	f := &Front{
		now: opts.Now, seed: opts.Seed, latency: opts.Latency, revoke: opts.Revoke, prints: maphash.MakeSeed(),
		ahead: map[string]time.Duration{}, meter: newMeter(),
	}
	if opts.PerMinute > 0 {
		f.limits = map[string]*limit{
			Mimecast: newLimit(opts.PerMinute, mimecastWindow),
			Falcon:   newLimit(opts.PerMinute, falconWindow),
		}
	}
	return f
}

// Wrap puts the Front before the server of a vendor.
func (f *Front) Wrap(vendor string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seenAs := fingerprint(r, f.prints)
		f.called(vendor, r, seenAs, f.now())
		f.date(vendor, w.Header())
		if !sleep(r.Context(), f.latency) {
			return
		}
		seen := &observed{ResponseWriter: w, onHeader: func(status int, header http.Header) {
			if status == http.StatusTooManyRequests {
				f.throttled(vendor, seenAs, header, f.now())
			}
		}}
		if !f.admit(vendor, seen) {
			return
		}
		drawn := f.draw(vendor, r)
		if drawn.revokes {
			f.revoke(vendor)
		}
		if !sleep(r.Context(), drawn.wait) {
			return
		}
		if drawn.found {
			f.spoil(vendor, drawn.fault, seen, r, next)
			return
		}
		next.ServeHTTP(seen, r)
	})
}

// SetClockSkew makes the answers of a vendor carry a date that is so far ahead of the time.
func (f *Front) SetClockSkew(vendor string, ahead time.Duration) error {
	if vendor != Mimecast && vendor != Falcon {
		return fmt.Errorf("vendor %q is neither %q nor %q", vendor, Mimecast, Falcon)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead[vendor] = ahead
	return nil
}

// date sets the date of an answer if it is not to be the right one, which the server sets itself.
func (f *Front) date(vendor string, header http.Header) {
	f.mu.Lock()
	ahead := f.ahead[vendor]
	f.mu.Unlock()
	if ahead != 0 {
		header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
}

// sleep waits and says whether the caller is still there.
func sleep(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// observed tells the status of an answer before its first byte is sent, and sets headers as late as that.
type observed struct {
	http.ResponseWriter

	onHeader func(status int, header http.Header)
	set      map[string]string // headers that win over the vendor's own
	wrote    bool
}

// Unwrap lets http.ResponseController reach the connection.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *observed) WriteHeader(status int) {
	if !o.wrote {
		o.wrote = true
		for name, value := range o.set {
			o.Header().Set(name, value)
		}
		o.onHeader(status, o.Header())
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(body []byte) (int, error) {
	if !o.wrote {
		o.WriteHeader(http.StatusOK)
	}
	return o.ResponseWriter.Write(body)
}
