package mimecast

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// pageReader reads one page of a list: the first one without a token. next is empty after the last one.
type pageReader[T any] func(token string) (entries []T, next string, err error)

// allPages reads a list to its end, which is a page without a token or without entries. A token that was met before is an
// error: the list has no end then, and nothing may be concluded from what is missing in it (contract section 2.1).
func allPages[T any](operation string, read pageReader[T]) ([]T, error) {
	return new(reading[T]).on(operation, read)
}

// reading is how far a list has been read.
type reading[T any] struct {
	entries []T
	token   string          // of the next page
	seen    map[string]bool // tokens
	at      time.Time       // when it came that far, if it was interrupted there
}

// on reads on to the end. After a failure of one call the reading may be taken up there; after one of the list it is at its
// beginning.
func (r *reading[T]) on(operation string, read pageReader[T]) ([]T, error) {
	for len(r.seen) < maxPages {
		entries, next, err := read(r.token)
		if err != nil {
			return nil, pageTokenFailure(err, r.token)
		}
		r.entries = append(r.entries, entries...)
		switch {
		case next == "" || len(entries) == 0:
			return r.entries, nil
		case r.seen[next]:
			*r = reading[T]{}
			return nil, contractError(operation, http.StatusOK, "the pages of the list lead in a circle")
		case r.seen == nil:
			r.seen = map[string]bool{}
		}
		r.seen[next], r.token = true, next
	}
	*r = reading[T]{}
	return nil, contractError(operation, http.StatusOK, "the list does not end after "+strconv.Itoa(maxPages)+" pages")
}

// resumable is how long an interrupted reading may be taken up again: what it has read may have changed since.
const resumable = 5 * time.Minute

// interruptions are readings of groups' members that a failure has interrupted. A large group has a hundred pages: where one
// call in twenty fails, it would never be read in one go. Safe for concurrent use.
type interruptions struct {
	mu   sync.Mutex
	left map[membersOf]*reading[member]
	now  func() time.Time
}

// membersOf is a list of members: the two styles do not know each other's page tokens.
type membersOf struct {
	group   string
	classic bool
}

func newInterruptions(now func() time.Time) *interruptions {
	return &interruptions{left: map[membersOf]*reading[member]{}, now: now}
}

// all reads a list of members to its end, on from where the last try was interrupted.
func (i *interruptions) all(key membersOf, operation string, read pageReader[member]) ([]member, error) {
	begun := i.take(key)
	members, err := begun.on(operation, read)
	if tokenRefused(err) && !begun.at.IsZero() { // it was too old
		begun = &reading[member]{}
		members, err = begun.on(operation, read)
	}
	if err != nil && len(begun.seen) > 0 && !tokenRefused(err) {
		i.keep(key, begun)
	}
	return members, err
}

func tokenRefused(err error) bool {
	failure, ok := errors.AsType[*vendorapi.Error](err)
	return ok && failure.Code == vendorapi.PageTokenRefused
}

// take gives the reading of a key to one caller, a new one if there is none.
func (i *interruptions) take(key membersOf) *reading[member] {
	i.mu.Lock()
	defer i.mu.Unlock()
	begun, found := i.left[key]
	delete(i.left, key)
	if !found || i.now().Sub(begun.at) >= resumable {
		return &reading[member]{}
	}
	return begun
}

func (i *interruptions) keep(key membersOf, begun *reading[member]) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	for other, old := range i.left {
		if now.Sub(old.at) >= resumable {
			delete(i.left, other)
		}
	}
	begun.at = now
	i.left[key] = begun
}

// forget drops what was read of a group that has been changed since.
func (i *interruptions) forget(group string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.left, membersOf{group: group})
	delete(i.left, membersOf{group: group, classic: true})
}
