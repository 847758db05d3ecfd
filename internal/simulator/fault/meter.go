package fault

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what is kept, so that a caller in a loop does not fill the memory.
const (
	maxOperations = 500
	maxViolations = 1000
	maxText       = 300
)

// Stats is what happened since the start or the last reset. The maps are by vendor.
type Stats struct {
	Calls           map[string]map[string]int `json:"calls"`           // by "METHOD path", ids in paths folded to {id}
	Writes          map[string]int            `json:"writes"`          // records that were made, changed or removed
	WritesBy        map[string]map[string]int `json:"writesBy"`        // the same by "METHOD path"
	Throttled       map[string]int            `json:"throttled"`       // calls that were answered 429
	Violations      []Violation               `json:"violations"`      // requests that broke the contract
	CallsInsideWait int                       `json:"callsInsideWait"` // calls made while a 429 had asked to wait
}

// Violation is a request that broke the vendor's contract.
type Violation struct {
	Vendor    string `json:"vendor"`
	Operation string `json:"operation"` // "METHOD path"
	Text      string `json:"text"`
}

// Total is the number of calls to a vendor.
func (s Stats) Total(vendor string) int {
	total := 0
	for _, n := range s.Calls[vendor] {
		total += n
	}
	return total
}

type meter struct {
	lock  sync.Mutex
	stats Stats
	waits map[string]wait
}

func newMeter() meter { return meter{stats: emptyStats(), waits: map[string]wait{}} }

func emptyStats() Stats {
	return Stats{
		Calls:      map[string]map[string]int{Mimecast: {}, Falcon: {}},
		Writes:     map[string]int{Mimecast: 0, Falcon: 0},
		WritesBy:   map[string]map[string]int{Mimecast: {}, Falcon: {}},
		Throttled:  map[string]int{Mimecast: 0, Falcon: 0},
		Violations: []Violation{},
	}
}

// Stats returns a copy of the counts.
func (m *meter) Stats() Stats {
	m.lock.Lock()
	defer m.lock.Unlock()
	return Stats{
		Calls: copied(m.stats.Calls), Writes: maps.Clone(m.stats.Writes), WritesBy: copied(m.stats.WritesBy),
		Throttled:  maps.Clone(m.stats.Throttled),
		Violations: slices.Clone(m.stats.Violations), CallsInsideWait: m.stats.CallsInsideWait,
	}
}

func copied(counts map[string]map[string]int) map[string]map[string]int {
	out := make(map[string]map[string]int, len(counts))
	for vendor, byOperation := range counts {
		out[vendor] = maps.Clone(byOperation)
	}
	return out
}

// ResetStats sets all counts to zero. A wait that was announced stays in force.
func (m *meter) ResetStats() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.stats = emptyStats()
}

// Wrote counts records that a call ("METHOD path") made, changed or removed at a vendor.
func (m *meter) Wrote(vendor, operation string, records int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.stats.Writes[vendor] += records
	m.stats.WritesBy[vendor] = counted(m.stats.WritesBy[vendor], folded(operation), records)
}

// Violate counts a request that broke the contract. Beyond the first thousand the texts are dropped.
func (m *meter) Violate(vendor, operation, text string) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if len(m.stats.Violations) < maxViolations {
		m.stats.Violations = append(m.stats.Violations,
			Violation{Vendor: vendor, Operation: bounded(operation), Text: bounded(text)})
	}
}

func bounded(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxText)], "") }

func (m *meter) called(vendor string, r *http.Request, seenAs string, now time.Time) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.stats.Calls[vendor] = counted(m.stats.Calls[vendor], folded(r.Method+" "+r.URL.Path), 1)
	if m.waits[vendor].holds(seenAs, now) {
		m.stats.CallsInsideWait++
	}
}

// counted adds to the count of an operation, or to that of all others when there are too many.
func counted(counts map[string]int, operation string, n int) map[string]int {
	if counts == nil {
		counts = map[string]int{}
	}
	if _, known := counts[operation]; !known && len(counts) >= maxOperations {
		operation = "others"
	}
	counts[operation] += n
	return counts
}

func (m *meter) throttled(vendor, seenAs string, header http.Header, now time.Time) {
	until := announced(vendor, header, now)
	m.lock.Lock()
	defer m.lock.Unlock()
	m.stats.Throttled[vendor]++
	before := m.waits[vendor]
	if !until.After(before.until) {
		return
	}
	from := now
	if now.Before(before.until) {
		from = before.from // the same wait, only longer
	}
	m.waits[vendor] = wait{from: from, until: until, refused: seenAs}
}

// folded is an operation for the statistics: ids in its path become {id}.
func folded(operation string) string {
	segments := strings.Split(bounded(operation), "/")
	for i := 1; i < len(segments); i++ {
		collection := segments[i-1] == "groups" || segments[i-1] == "policies"
		if segments[i] != "" && (collection || len(segments[i]) > 32) {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}
