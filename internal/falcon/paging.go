package falcon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Why a record of a page gives no entry or sighting: keys of Dropped. They are stored, counted and shown, so they do not
// change. alert_domains.go has those that only alerts have.
const (
	Unreadable      = indicator.Unreadable
	OtherType       = "other-type"       // an indicator of a type that nobody here can use
	DuplicateRecord = "duplicate-record" // an older version of a record on the same page
)

const (
	// drifted is from how many records on a page more than half unreadable ones mean that their shape has changed.
	drifted = 10
	// largestBody is what an answer may have; vendorapi reads one byte more and gives up.
	largestBody = 16 << 20
)

// fetchPage asks for one page of at most *size records, and gives how many it asked for at last. If Falcon does not take
// that size, or the page is too large to be read, it asks again for a smaller one, and *size stays that small: at most one
// call more for each halving. asked is the token of the page; out is where it is decoded.
func (c *Client) fetchPage(ctx context.Context, size *atomic.Int64, asked string, request func(limit int) vendorapi.Request, out any) (vendorapi.Answer, int, error) {
	for {
		limit := int(size.Load())
		answer, err := c.do(ctx, request(limit), out)
		smaller := smallerPage(limit, answer, err)
		if smaller == 0 {
			return answer, limit, tokenFailure(err, asked)
		}
		size.CompareAndSwap(int64(limit), int64(smaller))
	}
}

// smallerPage is the size to ask for after a refusal of this one, 0 if its size is not the trouble. Where the vendor's own
// texts differ on the maximum, 500 is the smaller of them (contract 2.3).
func smallerPage(limit int, answer vendorapi.Answer, err error) int {
	const accepted = 500
	failure, ok := errors.AsType[*vendorapi.Error](err)
	switch {
	case !ok:
		return 0
	case limit > accepted && badRequest(failure) && strings.Contains(strings.ToLower(failure.Message), "limit"):
		return accepted
	case len(answer.Body) > largestBody || failure.Status == http.StatusRequestEntityTooLarge:
		return limit / 2
	default:
		return 0
	}
}

func badRequest(failure *vendorapi.Error) bool {
	return failure.Class == vendorapi.Rejected && (failure.Status == http.StatusBadRequest || failure.Code == strconv.Itoa(http.StatusBadRequest))
}

// tokenFailure tells a refused page token from a refused request: the same filter was accepted for the first page.
func tokenFailure(err error, asked string) error {
	failure, ok := errors.AsType[*vendorapi.Error](err)
	if !ok || asked == "" || failure.Class != vendorapi.Rejected {
		return err
	}
	told := *failure
	told.Class, told.Code, told.Remedy = vendorapi.Contract, vendorapi.PageTokenRefused, ""
	told.Message = vendorapi.Clean("the page token is no longer accepted, the list is to be read again: " + failure.Message)
	return &told
}

// contractFailure is the error of an answer that is not what the contract says.
func contractFailure(operation string, answer vendorapi.Answer, message string) *vendorapi.Error {
	return &vendorapi.Error{
		Class: vendorapi.Contract, Vendor: vendor, Operation: operation, Status: answer.Status,
		Message: message, TraceID: traceID(answer.Header, ""),
	}
}

// driftFailure is nil unless most of a page is unreadable.
func driftFailure(operation string, answer vendorapi.Answer, read, unreadable int) error {
	if read < drifted || 2*unreadable <= read {
		return nil
	}
	return contractFailure(operation, answer, fmt.Sprintf("%d of %d records are unreadable", unreadable, read))
}

const tokenTwice = "the list does not end: a page token came twice"

// notAfter keeps a record with a date in the future from moving a checkpoint past limit.
func notAfter(at, limit time.Time) time.Time {
	if at.After(limit) {
		return limit.UTC()
	}
	return at
}

// lenient is a record that may not be one, so that the others of its page are read all the same.
type lenient[T any] struct {
	value T
	bad   bool
}

// UnmarshalJSON never fails: what is no T is marked bad.
func (l *lenient[T]) UnmarshalJSON(data []byte) error {
	var value T
	l.bad = json.Unmarshal(data, &value) != nil
	l.value = value
	return nil
}

// loose is a text that decides nothing by being absent: whatever is no text is "".
type loose string

// UnmarshalJSON never fails.
func (l *loose) UnmarshalJSON(data []byte) error {
	var value string
	if json.Unmarshal(data, &value) != nil {
		value = ""
	}
	*l = loose(value)
	return nil
}

// time is the moment that the text tells, zero if it tells none.
func (l loose) time() time.Time {
	at, err := time.Parse(time.RFC3339Nano, string(l))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// many is a list that may be null, absent, or one element without a list around it. T does not fail to decode but by its
// kind; such an element stays empty.
type many[T any] []T

// UnmarshalJSON never fails.
func (m *many[T]) UnmarshalJSON(data []byte) error {
	var list []T
	if json.Unmarshal(data, &list) != nil && list == nil {
		var one T
		if json.Unmarshal(data, &one) == nil {
			list = []T{one}
		}
	}
	*m = list
	return nil
}
