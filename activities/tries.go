package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
)

// tries is what an attempt of a step leaves for the next one, in its heartbeat.
type tries struct {
	// Contract counts the attempts in a row that met an answer outside the contract. Others between them say that the vendor
	// is there and only the way to it is bad.
	Contract int `json:"contract,omitempty"`
	// Moved is the last attempt that settled some of what the step was given.
	Moved int `json:"moved,omitempty"`
}

// triesBefore is what the attempt before has left. A worker that was killed may have left nothing, which costs a try more.
func triesBefore(ctx context.Context) tries {
	var before tries
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &before) != nil {
		return tries{}
	}
	return before
}

// leave hands t to the next attempt.
func (t tries) leave(ctx context.Context) { activity.RecordHeartbeat(ctx, t) }

// slowest is how long the next try waits at most, as in the flows' retry policy.
const slowest = 18 * time.Minute

// wait is how long the next try is to wait, zero for what the retry policy says. That counts all attempts of a step, and one of
// many calls would meet the waits of a long outage only because every few calls fail; so after an attempt that got somewhere
// the count begins again.
func (t tries) wait(attempt int) time.Duration {
	since := attempt - t.Moved
	switch {
	case t.Moved == 0:
		return 0
	case since >= 10:
		return slowest
	default:
		return min(time.Second<<since, slowest)
	}
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
