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
		Violations: []Violation{},
	}
}

// Stats returns a copy of the counts.
func (m *meter) Stats() Stats {
	m.lock.Lock()
	defer m.lock.Unlock()
	calls := make(map[string]map[string]int, len(m.stats.Calls))
	for vendor, byOperation := range m.stats.Calls {
		calls[vendor] = maps.Clone(byOperation)
	}
	return Stats{
		Calls: calls, Writes: maps.Clone(m.stats.Writes),
		Violations: slices.Clone(m.stats.Violations), CallsInsideWait: m.stats.CallsInsideWait,
	}
}

// ResetStats sets all counts to zero. A wait that was announced stays in force.
func (m *meter) ResetStats() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.stats = emptyStats()
}

// Wrote counts records that a vendor's server made, changed or removed.
func (m *meter) Wrote(vendor string, records int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.stats.Writes[vendor] += records
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

func (m *meter) called(vendor string, r *http.Request, now time.Time) {
	m.lock.Lock()
	defer m.lock.Unlock()
	calls := m.stats.Calls[vendor]
	if calls == nil {
		calls = map[string]int{}
		m.stats.Calls[vendor] = calls
	}
	operation := operationOf(r)
	if _, known := calls[operation]; !known && len(calls) >= maxOperations {
		operation = "others"
	}
	calls[operation]++
	if m.waits[vendor].holds(fingerprint(r), now) {
		m.stats.CallsInsideWait++
	}
}

func (m *meter) throttled(vendor string, r *http.Request, header http.Header, now time.Time) {
	until := announced(vendor, header, now)
	m.lock.Lock()
	defer m.lock.Unlock()
	before := m.waits[vendor]
	if !until.After(before.until) {
		return
	}
	from := now
	if now.Before(before.until) {
		from = before.from // the same wait, only longer
	}
	m.waits[vendor] = wait{from: from, until: until, refused: fingerprint(r)}
}

// operationOf names a call for the statistics: its method and path, with ids folded to {id}.
func operationOf(r *http.Request) string {
	segments := strings.Split(bounded(r.URL.Path), "/")
	for i := 1; i < len(segments); i++ {
		collection := segments[i-1] == "groups" || segments[i-1] == "policies"
		if segments[i] != "" && (collection || len(segments[i]) > 32) {
			segments[i] = "{id}"
		}
	}
	return r.Method + " " + strings.Join(segments, "/")
}
