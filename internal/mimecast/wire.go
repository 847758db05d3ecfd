package mimecast

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// dateLayout is the documented form of a date: the zone has no colon, so time.RFC3339 does not read it.
const dateLayout = "2006-01-02T15:04:05-0700"

// formatDate gives a date as requests need it, in UTC: …+0000.
func formatDate(at time.Time) string { return at.UTC().Format(dateLayout) }

// parseDate reads the forms that answers use: +0000, RFC 3339, and with the name of the zone behind it (…Z[UTC]).
func parseDate(written string) (time.Time, error) {
	plain, _, _ := strings.Cut(strings.TrimSpace(written), "[")
	for _, layout := range []string{dateLayout, time.RFC3339} {
		if at, err := time.Parse(layout, plain); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("a date in no known form")
}

// text is a field read as text, whatever JSON type the vendor gives it.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var plain string
	switch {
	case string(data) == "null":
		*t = ""
	case json.Unmarshal(data, &plain) == nil:
		*t = text(plain)
	default:
		*t = text(data)
	}
	return nil
}

// is compares as the vendor's enumerations need it: case and surrounding blanks vary.
func (t text) is(word string) bool { return strings.EqualFold(strings.TrimSpace(string(t)), word) }

// flag is a boolean, also one written as text or number. What is neither is false.
type flag bool

func (f *flag) UnmarshalJSON(data []byte) error {
	var word text
	_ = word.UnmarshalJSON(data) // never fails
	*f = flag(word.is("true") || word.is("1"))
	return nil
}

// count is a whole number, also one written as text. What is neither is zero.
type count int

func (c *count) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(data), `" `), 64)
	if err != nil || math.IsNaN(value) || math.Abs(value) > math.MaxInt32 {
		value = 0
	}
	*c = count(value)
	return nil
}

// many is a list; null is an empty one, and a single value where a list is expected is a list of one.
type many[T any] []T

func (m *many[T]) UnmarshalJSON(data []byte) error {
	*m = nil
	switch {
	case string(data) == "null":
		return nil
	case bytes.HasPrefix(data, []byte("[")):
		return json.Unmarshal(data, (*[]T)(m))
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*m = many[T]{one}
	return nil
}

// names are the keys of an object whose values do not matter, without those that are null.
type names []string

func (n *names) UnmarshalJSON(data []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	*n = nil
	for name, value := range object {
		if string(value) != "null" {
			*n = append(*n, name)
		}
	}
	return nil
}

func (n names) has(word string) bool {
	for _, name := range n {
		if strings.EqualFold(name, word) {
			return true
		}
	}
	return false
}

// meta is the envelope's part that says where the next page is. The contract documents one place for the token; the others
// have been seen in REST answers.
type meta struct {
	Pagination struct {
		Next     text `json:"next"`
		NextPage text `json:"nextPage"`
	} `json:"pagination"`
	NextPage      text `json:"nextPage"`
	NextPageToken text `json:"nextPageToken"`
}

func (m meta) next() string {
	for _, token := range []text{m.Pagination.Next, m.NextPage, m.NextPageToken, m.Pagination.NextPage} {
		if token != "" {
			return string(token)
		}
	}
	return ""
}

// pagination is the part of a classic request that asks for a page.
type pagination struct {
	PageSize  int    `json:"pageSize"`
	PageToken string `json:"pageToken,omitempty"`
}

type requestMeta struct {
	Pagination pagination `json:"pagination"`
}

func trimBOM(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }
