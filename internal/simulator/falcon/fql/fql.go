// Package fql reads the filter language of Falcon's search calls and says whether a record matches. It knows the part
// that the API documents: and (+), or (,), not (!), lists, comparisons, quotes of both kinds. Which fields exist and what
// they hold belongs to the caller.
package fql

import (
	"errors"
	"time"
)

// ErrFilter is the answer to everything that is not a filter; it has the service's own words.
var ErrFilter = errors.New("invalid query filter in request")

// MaxProperties is how many field conditions one filter may have.
const MaxProperties = 20

// Kind is what a field holds, and so which operators and literals it takes.
type Kind int

// Kinds of field. Text and Texts take quoted literals, Time quoted RFC 3339, Bool and Number bare ones.
const (
	Text Kind = iota + 1
	Texts
	Bool
	Number
	Time
)

// Language is the filter language of one search call.
type Language struct {
	Fields    map[string]Kind
	Wildcards bool      // field:*'a*' on Text fields
	Now       time.Time // when set, times may be relative to it: 'now-24h'
}

// Value is what a record holds in a field; the field's Kind says which part counts. A zero Time is an absent one.
type Value struct {
	Text   string
	Texts  []string
	Bool   bool
	Number float64
	Time   time.Time
}

// Record is something a filter can be applied to.
type Record interface {
	FilterValue(field string) Value
}

// Filter is a parsed filter. The zero Filter matches everything.
type Filter struct {
	either [][]property // any of these, each of which is all of its properties
}

// Match says whether the record satisfies the filter.
func (f Filter) Match(r Record) bool {
	if len(f.either) == 0 {
		return true
	}
	for _, every := range f.either {
		if matchAll(every, r) {
			return true
		}
	}
	return false
}

// OneOf gives the texts that the field must be one of for a record to match, when the filter says so. It lets the caller
// look records up instead of walking over all of them.
func (f Filter) OneOf(field string) ([]string, bool) {
	if len(f.either) != 1 {
		return nil, false
	}
	for _, p := range f.either[0] {
		if p.field != field || p.kind != Text || p.op != equal || p.not {
			continue
		}
		texts := make([]string, 0, len(p.texts))
		for text := range p.texts {
			texts = append(texts, text)
		}
		return texts, true
	}
	return nil, false
}

// NotBefore gives a time that the field of a matching record cannot be before, when the filter has one.
func (f Filter) NotBefore(field string) (time.Time, bool) {
	if len(f.either) != 1 {
		return time.Time{}, false
	}
	for _, p := range f.either[0] {
		if p.field == field && p.kind == Time && !p.not && (p.op == atLeast || p.op == above || p.op == equal) {
			return p.time, true
		}
	}
	return time.Time{}, false
}

func matchAll(every []property, r Record) bool {
	for i := range every {
		if every[i].match(r.FilterValue(every[i].field)) == every[i].not {
			return false
		}
	}
	return true
}
