package falcon

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/falcon/fql"
)

// alert is one alert record: as it came in, plus the few fields that every record has.
type alert struct {
	id     string // composite_id
	hidden bool
	raw    json.RawMessage
	fields map[string]any
	times  map[string]time.Time
}

// alertStore holds the alerts by their composite_id.
type alertStore struct {
	mu   sync.Mutex
	byID map[string]*alert
}

func newAlertStore() *alertStore { return &alertStore{byID: map[string]*alert{}} }

// put stores alerts; one with a known id takes the place of the older one.
func (as *alertStore) put(alerts []*alert) {
	as.mu.Lock()
	defer as.mu.Unlock()
	for _, a := range alerts {
		as.byID[a.id] = a
	}
}

// get gives the alerts with these ids, or all for nil.
func (as *alertStore) get(ids []string) []*alert {
	as.mu.Lock()
	defer as.mu.Unlock()
	alerts := []*alert{}
	if ids == nil {
		for _, a := range as.byID {
			alerts = append(alerts, a)
		}
		return alerts
	}
	for _, id := range ids {
		if a := as.byID[id]; a != nil {
			alerts = append(alerts, a)
		}
	}
	return alerts
}

func alertTimes() []string {
	return []string{"created_timestamp", "updated_timestamp", "timestamp"}
}

// newAlert fills in what the record lacks of the fields that all alerts have.
func (s *Server) newAlert(raw json.RawMessage, now time.Time) (*alert, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil || fields == nil {
		return nil, errors.New("an alert is not a JSON object")
	}
	a := &alert{fields: fields, times: map[string]time.Time{}}
	kind := "ind:" + s.serial.hex("agent")[:32] + ":" + strconv.FormatUint(s.serial.n.Add(1), 10)
	stamp := now.UTC().Format(time.RFC3339Nano)
	created, _ := fields["created_timestamp"].(string)
	if created == "" {
		created = stamp
	}
	for field, value := range map[string]any{
		"composite_id": s.cid + ":" + kind, "cid": s.cid, "id": kind, "product": "epp", "type": "ldt", "status": "new",
		"name": "Intel Detection", "display_name": "Intel Detection", "created_timestamp": created,
		"updated_timestamp": created, "timestamp": created, "pattern_id": 0, "show_in_ui": true,
		"source_products": []any{"Falcon Insight"}, "source_vendors": []any{"CrowdStrike"},
	} {
		if _, given := fields[field]; !given {
			fields[field] = value
		}
	}
	for _, field := range alertTimes() {
		at, err := time.Parse(time.RFC3339Nano, a.text(field))
		if err != nil {
			return nil, errors.New(field + " of an alert is not an RFC 3339 time")
		}
		a.times[field] = at
	}
	if a.id = a.text("composite_id"); a.id == "" {
		return nil, errors.New("composite_id of an alert is empty or not a string")
	}
	a.hidden = fields["show_in_ui"] == false
	var err error
	a.raw, err = json.Marshal(fields)
	return a, err
}

// alertLanguage is the filter language of the alerts calls, with wildcards and relative times.
func alertLanguage(now time.Time) fql.Language {
	fields := map[string]fql.Kind{"severity": fql.Number, "confidence": fql.Number, "pattern_id": fql.Number, "show_in_ui": fql.Bool}
	for _, field := range []string{
		"composite_id", "cid", "id", "product", "type", "status", "resolution", "name", "display_name", "severity_name",
		"ioc_type", "ioc_value", "ioc_source", "tactic", "tactic_id", "technique", "technique_id", "cloud_indicator",
	} {
		fields[field] = fql.Text
	}
	for _, field := range []string{"source_products", "source_vendors", "tags", "ioc_values", "data_domains"} {
		fields[field] = fql.Texts
	}
	for _, field := range alertTimes() {
		fields[field] = fql.Time
	}
	return fql.Language{Fields: fields, Wildcards: true, Now: now}
}

func alertSortFields() []string {
	return append(alertTimes(), "composite_id", "severity", "confidence", "status", "product", "type", "name")
}

// FilterValue gives a field of alertLanguage.
func (a *alert) FilterValue(field string) fql.Value {
	v := fql.Value{Text: a.text(field), Time: a.times[field]}
	switch value := a.fields[field].(type) {
	case bool:
		v.Bool = value
	case json.Number:
		v.Number, _ = value.Float64() // what is no number is 0, as what is absent
	case []any:
		for _, item := range value {
			if text, ok := item.(string); ok {
				v.Texts = append(v.Texts, text)
			}
		}
	}
	return v
}

func (a *alert) text(field string) string {
	text, _ := a.fields[field].(string)
	return text
}

func numericAlertField(field string) bool {
	return slices.Contains(append(alertTimes(), "severity", "confidence"), field)
}

// place is where the alert stands in an order, times by the millisecond.
func (a *alert) place(field string) place {
	switch {
	case slices.Contains(alertTimes(), field):
		return place{n: a.times[field].UnixMilli(), id: a.id}
	case numericAlertField(field):
		return place{n: int64(a.FilterValue(field).Number), id: a.id}
	default:
		return place{text: a.text(field), id: a.id}
	}
}

// alertQuery is a search for alerts, checked.
type alertQuery struct {
	filter fql.Filter
	text   string // anywhere in the record
	hidden bool   // hidden ones, too
	sort   sorting
}

// find gives all that the query finds, in order.
func (as *alertStore) find(q alertQuery) []*alert {
	type placed struct {
		alert *alert
		place place
	}
	var all []placed
	for _, a := range as.get(nil) {
		if (q.hidden || !a.hidden) && bytes.Contains(a.raw, []byte(q.text)) && q.filter.Match(a) {
			all = append(all, placed{a, a.place(q.sort.field)})
		}
	}
	slices.SortFunc(all, func(a, b placed) int {
		if q.sort.desc {
			return b.place.compare(a.place)
		}
		return a.place.compare(b.place)
	})
	found := make([]*alert, len(all))
	for i, p := range all {
		found[i] = p.alert
	}
	return found
}
