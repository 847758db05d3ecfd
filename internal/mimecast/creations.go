package mimecast

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// grace is how long after a create a look-up that does not find the object is not believed.
const grace = time.Minute

// creations remembers for a while what was made, or may have been. Groups, policies and incidents are made twice if they are
// asked for twice; their makers ask first, but a read may show an object only some time after it was made. Safe for
// concurrent use.
type creations struct {
	mu    sync.Mutex
	tried map[string]creation
	now   func() time.Time
}

type creation struct {
	id string // empty: the answer was lost, or is still to come
	at time.Time
}

func newCreations(now func() time.Time) *creations {
	return &creations{tried: map[string]creation{}, now: now}
}

// once makes the object of a key with create, unless that was done just now: then it gives the id of then. Where nobody
// knows whether it was made, it gives an error that says when to ask again.
func (c *creations) once(key string, create func() (id string, err error)) (string, error) {
	earlier, known := c.start(key)
	switch {
	case known && earlier.id != "":
		return earlier.id, nil
	case known:
		return "", &vendorapi.Error{
			Class: vendorapi.Unavailable, Vendor: vendor, Operation: "create", RetryAfter: max(time.Second, earlier.at.Add(grace).Sub(c.now())),
			Message: "not sent: an earlier try may have made it, which a look-up may show only later",
		}
	}
	id, err := create()
	c.end(key, id, err)
	return id, err
}

func (c *creations) start(key string) (creation, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for old, tried := range c.tried {
		if now.Sub(tried.at) >= grace {
			delete(c.tried, old)
		}
	}
	earlier, known := c.tried[key]
	if !known {
		c.tried[key] = creation{at: now}
	}
	return earlier, known
}

func (c *creations) end(key, id string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && !mayHaveBeenMade(err) {
		delete(c.tried, key)
		return
	}
	c.tried[key] = creation{id: id, at: c.now()}
}

// forget forgets the object of an id, which is no longer there: the next one of its key is a new one.
func (c *creations) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, tried := range c.tried {
		if tried.id == id {
			delete(c.tried, key)
		}
	}
}

// mayHaveBeenMade says whether a create that failed may have been carried out all the same.
func mayHaveBeenMade(err error) bool {
	failure, ok := errors.AsType[*vendorapi.Error](err)
	if !ok {
		return true
	}
	switch {
	case failure.NotMade, failure.Class != vendorapi.Unavailable && failure.Class != vendorapi.Contract:
		return false // not sent, or refused
	case failure.Status >= http.StatusInternalServerError:
		return failure.Status != http.StatusServiceUnavailable && failure.Status != http.StatusNotImplemented
	case failure.Status >= http.StatusMultipleChoices:
		return false
	case failure.Status != 0:
		return failure.Code == "" && len(failure.Items) == 0 // with a code or about an entry it is a refusal
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return !ok || dial.Op != "dial"
}
