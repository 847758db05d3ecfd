// Package fault stands between a client and a simulated vendor: it counts every call, holds the rate limit, and injects
// faults by rule. What a vendor answers belongs to the vendor's own package; here are only the ways in which a network, a
// gateway or a tired server spoils it.
package fault

import (
	"errors"
	"fmt"
	"slices"
)

// The vendors, as rules and statistics name them.
const (
	Mimecast = "mimecast"
	Falcon   = "falcon"
)

// Kind is what a rule does to a call.
type Kind string

// The kinds of fault.
const (
	Status      Kind = "status"       // the rule's status, headers and body instead of the vendor's; the vendor is not asked
	Delay       Kind = "delay"        // the vendor is asked delayMs later; further rules still apply
	Cut         Kind = "cut"          // the vendor's answer with its full Content-Length and half of its body
	ResetBefore Kind = "reset-before" // the connection is reset, the vendor is not asked
	ResetAfter  Kind = "reset-after"  // the vendor does what it was asked, the connection is reset before a byte is answered
	HTML        Kind = "html"         // a gateway's HTML page, 502 unless the rule says otherwise
	Throttle    Kind = "throttle"     // 429; with the vendor's own hint of delayMs (1,000 if 0) unless headers are given
	Empty       Kind = "empty"        // an answer without a body, 200 unless the rule says otherwise
	Truncate    Kind = "truncate"     // the vendor's answer, half of its body, as if that were all: a good message with bad JSON
	Stall       Kind = "stall"        // the vendor's answer up to half of its body, then nothing for delayMs, then the end
	Bloat       Kind = "bloat"        // the vendor's answer, and after it so many MiB of blanks, which are good JSON
	GzipBomb    Kind = "gzip-bomb"    // the same, packed: a thousandth of it goes over the wire
	Revoke      Kind = "revoke"       // the vendor's tokens become bad, and it is asked with one of them; further rules still apply
)

// Rule is one fault. A call matches by vendor, method and path prefix, each of which may be empty for any.
type Rule struct {
	Vendor      string  `json:"vendor"`
	Method      string  `json:"method"`
	Path        string  `json:"path"`        // prefix of the request's path
	Probability float64 `json:"probability"` // 0 is taken as 1: always
	Count       int     `json:"count"`       // how many times at most; 0: no limit
	After       int     `json:"after"`       // how many matching calls pass first
	Kind        Kind    `json:"kind"`
	Status      int     `json:"status"`  // for status, html and empty
	Body        string  `json:"body"`    // for status and html; "" gives the vendor's usual error
	DelayMS     int     `json:"delayMs"` // for delay and stall, and the announced wait of throttle
	MiB         int     `json:"mib"`     // for bloat and gzip-bomb

	// Headers are set on the answer. For throttle, an empty map that is not nil announces no wait at all.
	Headers map[string]string `json:"headers"`
}

// maxMiB bounds what one answer can become.
const maxMiB = 10_000

// State is a rule and what it has done so far.
type State struct {
	Rule

	Matched int `json:"matched"`
	Fired   int `json:"fired"`
}

// Check says what is wrong with the rule, nil for nothing.
func (r Rule) Check() error {
	kinds := []Kind{Status, Delay, Cut, ResetBefore, ResetAfter, HTML, Throttle, Empty, Truncate, Stall, Bloat, GzipBomb, Revoke}
	var problems []error
	if !slices.Contains(kinds, r.Kind) {
		problems = append(problems, fmt.Errorf("kind %q is none of %v", r.Kind, kinds))
	}
	if !slices.Contains([]string{"", Mimecast, Falcon}, r.Vendor) {
		problems = append(problems, fmt.Errorf("vendor %q is neither %q nor %q", r.Vendor, Mimecast, Falcon))
	}
	if !(r.Probability >= 0 && r.Probability <= 1) {
		problems = append(problems, fmt.Errorf("probability %v is not between 0 and 1", r.Probability))
	}
	if r.Kind == Status && (r.Status < 200 || r.Status > 599) {
		problems = append(problems, fmt.Errorf("status %d is not between 200 and 599", r.Status))
	}
	if (r.Kind == HTML || r.Kind == Empty) && r.Status != 0 && (r.Status < 200 || r.Status > 599) {
		problems = append(problems, fmt.Errorf("status %d is not between 200 and 599", r.Status))
	}
	if r.Count < 0 || r.After < 0 || r.DelayMS < 0 {
		problems = append(problems, errors.New("count, after and delayMs are not below 0"))
	}
	if (r.Kind == Bloat || r.Kind == GzipBomb) && (r.MiB < 1 || r.MiB > maxMiB) {
		problems = append(problems, fmt.Errorf("mib %d is not between 1 and %d", r.MiB, maxMiB))
	}
	return errors.Join(problems...)
}
