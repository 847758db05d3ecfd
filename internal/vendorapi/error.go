package vendorapi

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Class is what an answer means for whoever called: whether the call is worth repeating, and for whom it is over.
type Class string

// The classes. The comment of each says for whom or what the call is over.
const (
	Credentials Class = "credentials" // the credentials are wrong: over for everything that uses them
	Forbidden   Class = "forbidden"   // a scope, role, product or licence is missing: over for this function
	Rejected    Class = "rejected"    // the request is refused as it stands: over for what is in it
	Quota       Class = "quota"       // no room left at the vendor: over until somebody makes some
	Throttled   Class = "throttled"   // too many calls: again after RetryAfter
	Unavailable Class = "unavailable" // not reached, or the vendor has a fault of its own: again later
	Contract    Class = "contract"    // an answer that is not in the contract (HTML, cut JSON, endless paging): again a few times
)

// PageTokenRefused is the code of a Contract error for a page token that is no longer accepted: the window is to be read
// again from its start, repeating the call does not help.
const PageTokenRefused = "page-token-refused" //nolint:gosec // G101: a code, not a credential

// OtherRegion is the code of a Credentials error for credentials that are good, but not at this base URL.
const OtherRegion = "other-region"

// Error is a vendor's refusal or failure. It holds no secret, token, query string or body.
type Error struct {
	Class      Class
	Vendor     string // "mimecast" or "falcon"
	Operation  string // method and path, without the query
	Status     int    // HTTP status; 0 if there was no answer
	Code       string // the vendor's own code, if it gave one
	Message    string // the vendor's own words, printable and bounded
	Remedy     string // what a person can do about it, for errors that time does not heal
	RetryAfter time.Duration
	TraceID    string // what the vendor's support asks for
	NotMade    bool   // no request was sent, so nothing can have changed at the vendor

	// Items are the vendor's reasons for single entries of a refused batch, if it gave any.
	Items []Item

	cause error
}

// Item is what a vendor says about one entry of a refused batch. Value and Row are what the vendor named; either may be missing.
type Item struct {
	Value   string
	Row     int // 1-based; 0 if not given
	Type    string
	Message string
}

// Error is one line that people read in mails and tables: who answered what to which call, in the vendor's words, and what to
// do about it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(Name(e.Vendor))
	switch operation := Clean(e.Operation); {
	case e.Status != 0:
		fmt.Fprintf(&b, " answered %d to %s", e.Status, operation)
	case e.cause != nil && e.Class == Unavailable:
		fmt.Fprintf(&b, " did not answer %s", operation)
	default:
		fmt.Fprintf(&b, ", %s", operation)
	}
	if code := Clean(e.Code); code != "" {
		fmt.Fprintf(&b, " (%s)", code)
	}
	message := printable(e.Message, maxOwn)
	if message == "" && e.Status == 0 {
		message = string(e.Class)
	}
	if message != "" {
		fmt.Fprintf(&b, ": %s", message)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; asks to wait %s", e.RetryAfter.Round(time.Millisecond))
	}
	if e.Remedy != "" {
		fmt.Fprintf(&b, "; %s", e.Remedy)
	}
	if e.TraceID != "" {
		fmt.Fprintf(&b, " [trace %s]", Clean(e.TraceID))
	}
	return b.String()
}

// Name is a vendor's name as people write it: "falcon" is Falcon.
func Name(vendor string) string {
	first, size := utf8.DecodeRuneInString(vendor)
	if size == 0 {
		return "The vendor"
	}
	return string(unicode.ToUpper(first)) + vendor[size:]
}

func (e *Error) Unwrap() error { return e.cause }
