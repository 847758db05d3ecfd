package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// tries is what an attempt of a step leaves for the next one, in its heartbeat.
type tries struct {
	// Contract counts the attempts in a row that met an answer outside the contract. Others between them, whatever they failed
	// for, say that the vendor is there and only the way to it is bad.
	Contract int `json:"contract,omitempty"`
	// Failed counts the attempts in a row that failed, beginning anew with one that settled some of what the step was given: a
	// step of many calls would otherwise meet the waits of a long outage only because every few calls fail. An attempt whose
	// worker was killed or stopped is none of them.
	Failed int `json:"failed,omitempty"`
}

// triesBefore is what the attempt before has left. A worker that was killed may have left nothing, which costs a try more.
func triesBefore(ctx context.Context) tries {
	var before tries
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &before) != nil {
		return tries{}
	}
	return before
}

// after is what is left by an attempt that failed with err.
func (t tries) after(err error) tries {
	refusal, refused := errors.AsType[*vendorapi.Error](err)
	if refused && refusal.Class == vendorapi.Contract {
		t.Contract++
	} else {
		t.Contract = 0
	}
	if moved(err) {
		t.Failed = 0
	}
	t.Failed++
	return t
}

// leave hands t to the next attempt.
func (t tries) leave(ctx context.Context) {
	if p, beats := ctx.Value(pulseKey{}).(*pulse); beats {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tries = t
	}
	activity.RecordHeartbeat(ctx, t)
}

// slowest is how long the next try waits at most: a day of outage costs a vendor fewer than a hundred calls.
const slowest = 18 * time.Minute

// wait is how long the next try is to wait: a second at first, and twice as long after each further failure.
func (t tries) wait() time.Duration {
	if t.Failed > 10 {
		return slowest
	}
	return min(time.Second<<max(t.Failed-1, 0), slowest)
}

// partly is the failure of an attempt that has settled some of what the step was given: the next one has less to do.
type partly struct{ error }

func (p partly) Unwrap() error { return p.error }

// having gives err as the failure of an attempt that has settled so many values.
func having(settled int, err error) error {
	if err == nil || settled == 0 {
		return err
	}
	return partly{err}
}

func moved(err error) bool {
	_, ok := errors.AsType[partly](err)
	return ok
}
