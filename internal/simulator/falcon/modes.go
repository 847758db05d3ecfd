package falcon

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const documentedRateLimit = 6000

// Modes is what the contract leaves open, or what differs between customers. They are set with PUT /modes, which takes
// some or all of the fields.
type Modes struct {
	// ProblemDetail is what an entry of a refused create says besides its reason: "none", "quoted" (the value stands in
	// the message), "value" (value and type are fields) or "row" (the entry's index, too).
	ProblemDetail string `json:"problemDetail"`
	// Duplicates is what ignore_warnings does to them: "refuse", "update" the one that is there, or "second-record".
	Duplicates string `json:"duplicates"`
	// LagMs is how long searches do not find a new record, in milliseconds. Reading by id does.
	LagMs int `json:"lagMs"`
	// RetryAfterMs makes X-Ratelimit-Retryafter milliseconds and not seconds since the epoch.
	RetryAfterMs bool `json:"retryAfterMs"`
	// ListLimit is the largest limit of an IOC search.
	ListLimit int `json:"listLimit"`
	// CIDLimit is how many records that are not deleted the customer can have.
	CIDLimit int `json:"cidLimit"`
	// RateLimit is the calls that pass in any one minute; 0 refuses none.
	RateLimit int `json:"rateLimit"`
	// FoldCase stores and compares values of new records in lower case.
	FoldCase bool `json:"foldCase"`
	// Mobile is whether the customer has Falcon for Mobile, without which ios and android are refused.
	Mobile bool `json:"mobile"`
	// LastAlertAfter is the token of the last page of alerts: "absent" or "empty".
	LastAlertAfter string `json:"lastAlertAfter"`
}

func (m Modes) check() error {
	var problems []error
	for _, choice := range []struct {
		name, value string
		allowed     []string
	}{
		{"problemDetail", m.ProblemDetail, []string{"none", "quoted", "value", "row"}},
		{"duplicates", m.Duplicates, []string{"refuse", "update", "second-record"}},
		{"lastAlertAfter", m.LastAlertAfter, []string{"absent", "empty"}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			problems = append(problems, fmt.Errorf("%s is %q and not one of %v", choice.name, choice.value, choice.allowed))
		}
	}
	for _, number := range []struct {
		name         string
		value, least int
	}{{"lagMs", m.LagMs, 0}, {"listLimit", m.ListLimit, 1}, {"cidLimit", m.CIDLimit, 0}, {"rateLimit", m.RateLimit, 0}} {
		if number.value < number.least {
			problems = append(problems, fmt.Errorf("%s is %d and must be at least %d", number.name, number.value, number.least))
		}
	}
	return errors.Join(problems...)
}

func (m Modes) lag() time.Duration { return time.Duration(m.LagMs) * time.Millisecond }

func (m Modes) rateLimit() int {
	if m.RateLimit == 0 {
		return documentedRateLimit
	}
	return m.RateLimit
}

func (m Modes) platforms() []string {
	platforms := []string{"windows", "mac", "linux"}
	if m.Mobile {
		platforms = append(platforms, "ios", "android")
	}
	return platforms
}

// modeBox holds the modes in force.
type modeBox struct {
	mu    sync.RWMutex
	modes Modes
}

func newModeBox() *modeBox {
	return &modeBox{modes: Modes{
		ProblemDetail: "none", Duplicates: "refuse", LastAlertAfter: "absent", ListLimit: 2000, CIDLimit: 1_000_000,
	}}
}

func (b *modeBox) get() Modes {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.modes
}

// change lets edit work on a copy and keeps it when it is valid.
func (b *modeBox) change(edit func(*Modes) error) (Modes, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	modes := b.modes
	if err := edit(&modes); err != nil {
		return Modes{}, err
	}
	if err := modes.check(); err != nil {
		return Modes{}, err
	}
	b.modes = modes
	return modes, nil
}
