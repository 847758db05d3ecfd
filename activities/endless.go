package activities

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Bounds of a reading that goes over many steps. Within one step every token is remembered; beyond, a cursor has no room for
// them.
const (
	// mostPages of one window: a million records of Mimecast's, many more of Falcon's.
	mostPages = 10_000
	// mostRestarts is how often a window may begin again without having got further, because a page token was refused.
	mostRestarts = 1
	// tokenLife is how long a page token lives at least. One that is refused later has run out, as they do.
	tokenLife = time.Minute
)

// onTo is the cursor with its count of pages once next has been named. A token that is the one of an earlier step's page would
// lead in a circle for ever; one token is kept, each time twice as many pages apart, which meets any circle sooner or later
// (Brent's way).
func (c Cursor) onTo(vendor, next string) (Cursor, error) {
	if next == "" {
		c.Pages, c.Anchor = 0, ""
		return c, nil
	}
	mark := fingerprint(next)
	if mark == c.Anchor {
		return c, endless(vendor, fmt.Sprintf("a page token came again after %d pages", c.Pages))
	}
	c.Pages++
	if c.Pages&(c.Pages-1) == 0 {
		c.Anchor = mark
	}
	return c, nil
}

func fingerprint(token string) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(token)) // a hash never fails to write
	return strconv.FormatUint(sum.Sum64(), 36)
}

// again is the cursor of a window that begins anew at opened, since a page token of c was refused.
func (c Cursor) again(vendor string, opened Cursor) (Cursor, error) {
	opened.Restarts = 0
	if opened.From.Equal(c.From) && opened.To.Sub(c.To) < tokenLife {
		opened.Restarts = c.Restarts + 1
	}
	if opened.Restarts > mostRestarts {
		return c, endless(vendor, "its page tokens are refused as soon as they are used, so that no list can be read to its end")
	}
	return opened, nil
}

func endless(vendor, why string) error {
	return &vendorapi.Error{Class: vendorapi.Contract, Vendor: vendor, Operation: "read page by page", Message: "the list does not end: " + why}
}
