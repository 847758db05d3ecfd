package mimecast

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// Log names one of the three logs of targeted threat protection.
type Log string

// The logs.
const (
	Attachment    Log = "attachment"
	Impersonation Log = "impersonation"
	URL           Log = "url"
)

// log holds records as they go over the wire, sorted by date and then by arrival.
type log struct {
	entries []*entry
	arrived int
}

// entry is a record and what the filters look at.
type entry struct {
	at        int64 // date in epoch seconds
	seq       int   // order of arrival, tells records of the same second apart
	visibleAt time.Time
	raw       json.RawMessage

	route, result, fileHash                string
	tagged                                 bool
	sender, recipient, subject, definition string
	action                                 string
	identifiers                            []string
}

// AddLogs appends records to a log, as they go over the wire. They are found from visibleAt on, whatever their date says.
func (s *Server) AddLogs(name Log, records []json.RawMessage, visibleAt time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, known := s.logs[name]
	if !known {
		return fmt.Errorf("there is no log %q", name)
	}
	added := make([]*entry, 0, len(records))
	for i, raw := range records {
		e, err := readEntry(raw, s.opts.Now())
		if err != nil {
			return fmt.Errorf("record %d of log %q: %w", i, name, err)
		}
		e.visibleAt = visibleAt
		e.seq = l.arrived + i
		added = append(added, e)
	}
	l.arrived += len(records)
	l.entries = append(l.entries, added...)
	if !slices.IsSortedFunc(l.entries, byDate) {
		slices.SortFunc(l.entries, byDate)
	}
	return nil
}

func byDate(a, b *entry) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) }

// readEntry takes any JSON object: a test may add a record of the wrong shape to see what a client makes of it. One
// without a date is of now.
func readEntry(raw json.RawMessage, now time.Time) (*entry, error) {
	var fields struct {
		Date          json.RawMessage `json:"date"`
		EventTime     json.RawMessage `json:"eventTime"`
		Route         json.RawMessage `json:"route"`
		Result        json.RawMessage `json:"result"`
		ScanResult    json.RawMessage `json:"scanResult"`
		FileHash      json.RawMessage `json:"fileHash"`
		Sender        json.RawMessage `json:"senderAddress"`
		Recipient     json.RawMessage `json:"recipientAddress"`
		Subject       json.RawMessage `json:"subject"`
		Definition    json.RawMessage `json:"definition"`
		Action        json.RawMessage `json:"action"`
		Tagged        json.RawMessage `json:"taggedMalicious"`
		IdentifiedFor json.RawMessage `json:"identifiers"`
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	e := &entry{
		at: now.Unix(), raw: raw,
		route: text(fields.Route), result: text(fields.Result, fields.ScanResult), fileHash: strings.ToLower(text(fields.FileHash)),
		sender: text(fields.Sender), recipient: text(fields.Recipient), subject: text(fields.Subject),
		definition: text(fields.Definition), action: text(fields.Action),
	}
	if at, ok := parseDate(text(fields.Date, fields.EventTime)); ok {
		e.at = at.Unix()
	}
	// What has another type than it should matches no filter.
	_ = json.Unmarshal(fields.Tagged, &e.tagged)
	_ = json.Unmarshal(fields.IdentifiedFor, &e.identifiers)
	return e, nil
}

// text is the first of the values that is a text and not empty.
func text(values ...json.RawMessage) string {
	for _, value := range values {
		var out string
		if len(value) > 0 && json.Unmarshal(value, &out) == nil && out != "" {
			return out
		}
	}
	return ""
}

// logPage is a page of a log and where the next one begins.
type logPage struct {
	records []json.RawMessage
	last    cursor
	more    bool
}

// read returns up to size records that match, after the cursor, in the order asked for. Its work grows with the records
// it passes, not with those of the log.
func (l *log) read(after cursor, first bool, size int, oldestFirst bool, match func(*entry) bool) logPage {
	page := logPage{last: after}
	visit := func(e *entry) bool {
		if !match(e) {
			return true
		}
		if len(page.records) == size {
			page.more = true
			return false
		}
		page.records = append(page.records, e.raw)
		page.last.At, page.last.Seq = e.at, e.seq
		return true
	}
	edge := &entry{at: after.At, seq: after.Seq}
	if oldestFirst {
		start := sort.Search(len(l.entries), func(i int) bool {
			if first {
				return l.entries[i].at >= after.From
			}
			return byDate(l.entries[i], edge) > 0
		})
		for i := start; i < len(l.entries) && l.entries[i].at <= after.To && visit(l.entries[i]); i++ {
		}
		return page
	}
	end := sort.Search(len(l.entries), func(i int) bool {
		if first {
			return l.entries[i].at > after.To
		}
		return byDate(l.entries[i], edge) >= 0
	})
	for i := end - 1; i >= 0 && l.entries[i].at >= after.From && visit(l.entries[i]); i-- {
	}
	return page
}

// count is how many records of the window match.
func (l *log) count(from, to int64, match func(*entry) bool) int {
	start := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].at >= from })
	total := 0
	for _, e := range l.entries[start:] {
		if e.at > to {
			break
		}
		if match(e) {
			total++
		}
	}
	return total
}
