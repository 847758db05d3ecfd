package activities

import (
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// Counts is what became of the records of one source. Read = Malicious + the sum of Dropped; what is malicious ends as one
// of the others, several records of one value as one.
type Counts struct {
	Read         int                      `json:"read"`
	Malicious    int                      `json:"malicious"`
	Dropped      map[string]int           `json:"dropped,omitempty"` // records, by reason
	Shared       int                      `json:"shared"`
	AlreadyThere int                      `json:"alreadyThere"`
	Foreign      int                      `json:"foreign,omitempty"`     // at the vendor already, somebody else's
	Held         map[indicator.Reason]int `json:"held,omitempty"`        // values, by reason
	Quarantined  int                      `json:"quarantined,omitempty"` // refused by the vendor
	WouldShare   int                      `json:"wouldShare,omitempty"`  // dry run
}

func (c *Counts) add(page indicator.Page) {
	c.Read += page.Read
	c.Malicious += len(page.Sightings)
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
		Quarantined:  c.Quarantined + other.Quarantined,
		WouldShare:   c.WouldShare + other.WouldShare,
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

// booked replaces what a step can count twice when it is repeated by what the ledger has recorded for the run.
func (c Counts) booked(source indicator.Source, recorded []ledger.Count) Counts {
	c.Shared, c.Foreign, c.Quarantined, c.Held = 0, 0, 0, nil
	for _, row := range recorded {
		if row.Source != source {
			continue
		}
		switch row.State {
		case ledger.Shared:
			if row.Reason != foundAtFalcon {
				c.Shared += row.N
			}
		case ledger.Foreign:
			c.Foreign += row.N
		case ledger.Quarantined:
			c.Quarantined += row.N
		case ledger.Held:
			c.Held = addUp(c.Held, map[indicator.Reason]int{row.Reason: row.N})
		case ledger.Withdrawn:
		}
	}
	return c
}

func countReasons(held []heldBack) map[indicator.Reason]int {
	var counts map[indicator.Reason]int
	for _, h := range held {
		counts = addUp(counts, map[indicator.Reason]int{h.refusal.Reason: 1})
	}
	return counts
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
