package activities

import (
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// Counts is what became of the records of one source. Read = Malicious + the sum of Dropped; what is malicious ends as one
// of the others, several records of one value as one. Shared is what was put on the list that the source is for; what an
// option did besides is counted apart.
type Counts struct {
	Read         int                      `json:"read"`
	Malicious    int                      `json:"malicious"`
	Dropped      map[string]int           `json:"dropped,omitempty"` // records, by reason
	Shared       int                      `json:"shared"`
	AlreadyThere int                      `json:"alreadyThere"`
	Foreign      int                      `json:"foreign,omitempty"`     // at the vendor already, somebody else's
	Held         map[indicator.Reason]int `json:"held,omitempty"`        // values, by reason
	Echo         int                      `json:"echo,omitempty"`        // only there because we had written it at the other vendor
	Quarantined  int                      `json:"quarantined,omitempty"` // refused by the vendor
	Withdrawn    int                      `json:"withdrawn,omitempty"`
	URLsBlocked  int                      `json:"urlsBlocked,omitempty"` // domains whose URLs are blocked too

	// Dry run.
	WouldShare     int `json:"wouldShare,omitempty"`
	WouldBlockURLs int `json:"wouldBlockURLs,omitempty"`
	WouldWithdraw  int `json:"wouldWithdraw,omitempty"`
}

func (c *Counts) add(page indicator.Page) {
	c.Read += page.Read
	c.Malicious += page.Read // less what was dropped; one alert can have several sightings
	for _, n := range page.Dropped {
		c.Malicious -= n
	}
	c.Dropped = addUp(c.Dropped, page.Dropped)
}

// Plus adds two counts of the same source up.
func (c Counts) Plus(other Counts) Counts {
	return Counts{
		Read:         c.Read + other.Read,
		Malicious:    c.Malicious + other.Malicious,
		Dropped:      addUp(addUp(nil, c.Dropped), other.Dropped),
		Shared:       c.Shared + other.Shared,
		AlreadyThere: c.AlreadyThere + other.AlreadyThere,
		Foreign:      c.Foreign + other.Foreign,
		Held:         addUp(addUp(nil, c.Held), other.Held),
		Echo:         c.Echo + other.Echo,
		Quarantined:  c.Quarantined + other.Quarantined,
		Withdrawn:    c.Withdrawn + other.Withdrawn,
		URLsBlocked:  c.URLsBlocked + other.URLsBlocked,

		WouldShare:     c.WouldShare + other.WouldShare,
		WouldBlockURLs: c.WouldBlockURLs + other.WouldBlockURLs,
		WouldWithdraw:  c.WouldWithdraw + other.WouldWithdraw,
	}
}

// HeldInAll is the number of values held, whatever the reason.
func (c Counts) HeldInAll() int {
	sum := 0
	for _, n := range c.Held {
		sum += n
	}
	return sum
}

// Unreadable is the number of records that could not be read.
func (c Counts) Unreadable() int {
	return c.Dropped[indicator.Unreadable] + c.Dropped[indicator.UnreadableDate]
}

// booked replaces what a step can count twice when it is repeated by what the ledger has recorded for the run.
func (c Counts) booked(source indicator.Source, recorded []ledger.Count) Counts {
	c.Shared, c.Foreign, c.Quarantined, c.Withdrawn, c.URLsBlocked, c.Held = 0, 0, 0, 0, 0, nil
	for _, row := range recorded {
		if row.Source != source {
			continue
		}
		switch row.State {
		case ledger.Shared:
			c.book(row)
		case ledger.Foreign:
			c.Foreign += row.N
		case ledger.Quarantined:
			c.Quarantined += row.N
		case ledger.Held:
			c.Held = addUp(c.Held, map[indicator.Reason]int{row.Reason: row.N})
		case ledger.Withdrawn:
			if row.List == listOf(source) {
				c.Withdrawn += row.N
			}
		}
	}
	return c
}

// book counts what a run has put on a list. What was there before, and ours, is no work of the run.
func (c *Counts) book(row ledger.Count) {
	switch {
	case row.Reason == foundThere:
	case row.List == ledger.ManagedURLs:
		c.URLsBlocked += row.N
	default:
		c.Shared += row.N
	}
}

func addUp[K comparable](sum, more map[K]int) map[K]int {
	for key, n := range more {
		if sum == nil {
			sum = make(map[K]int, len(more))
		}
		sum[key] += n
	}
	return sum
}

// settled is how many values need no further try.
func (c Counts) settled() int { return c.Shared + c.AlreadyThere + c.Foreign + c.Quarantined }
