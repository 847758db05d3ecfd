package falcon

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

var errSort = errors.New("unknown sort")

// sorting is the order of a list. Records that are equal in the field follow each other by id.
type sorting struct {
	field string
	desc  bool
}

// place is where a record stands in an order: its number or its text there, and its id.
type place struct {
	n    int64
	text string
	id   string
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.n, q.n), cmp.Compare(p.text, q.text), cmp.Compare(p.id, q.id))
}

// after says whether p comes after q in this order.
func (s sorting) after(p, q place) bool {
	if s.desc {
		return p.compare(q) < 0
	}
	return p.compare(q) > 0
}

func (s sorting) String() string {
	if s.desc {
		return s.field + "|desc"
	}
	return s.field + "|asc"
}

// parseSorting reads field, field.asc|desc or field|asc|desc.
func parseSorting(text string, otherwise sorting, fields []string) (sorting, error) {
	if text == "" {
		return otherwise, nil
	}
	out := sorting{field: text}
	for _, separator := range []string{"|", "."} {
		if field, found := strings.CutSuffix(text, separator+"asc"); found {
			out = sorting{field: field}
		}
		if field, found := strings.CutSuffix(text, separator+"desc"); found {
			out = sorting{field: field, desc: true}
		}
	}
	if !slices.Contains(fields, out.field) {
		return sorting{}, errSort
	}
	return out, nil
}

func iocSortFields() []string {
	return []string{
		"action", "applied_globally", "metadata.av_hits", "metadata.company_name.raw", "created_by", "created_on", "expiration",
		"expired", "metadata.filename.raw", "modified_by", "modified_on", "metadata.original_filename.raw",
		"metadata.product_name.raw", "metadata.product_version", "severity_number", "source", "type", "value",
	}
}

// numeric says whether a record's place in this order is a number: times (in milliseconds), flags, counts.
func numericIOCField(field string) bool {
	return slices.Contains([]string{
		"created_on", "modified_on", "expiration", "applied_globally", "expired", "metadata.av_hits", "severity_number",
	}, field)
}

// iocPlace is where the record stands. The service orders times by the millisecond.
func iocPlace(r *record, field string) place {
	p := place{id: r.ID}
	switch field {
	case "modified_on":
		p.n = r.ModifiedOn.UnixMilli()
	case "created_on":
		p.n = r.CreatedOn.UnixMilli()
	case "expiration":
		p.n = millis(r.Expiration)
	case "applied_globally":
		p.n = one(r.AppliedGlobally)
	case "expired":
		p.n = one(r.Expired)
	case "metadata.av_hits":
		p.n = int64(r.meta().AVHits)
	case "severity_number":
		p.n = int64(severityNumber(r.Severity))
	default:
		p.text = r.text(field)
	}
	return p
}

func one(flag bool) int64 {
	if flag {
		return 1
	}
	return 0
}

func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// pair is a place as it stands in a token: [1711624396301,"id"] or ["text","id"].
func (p place) pair(numeric bool) []any {
	if numeric {
		return []any{p.n, p.id}
	}
	return []any{p.text, p.id}
}

func parsePair(raw []byte, numeric bool) (place, bool) {
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || len(parts) != 2 {
		return place{}, false
	}
	var p place
	var first any = &p.text
	if numeric {
		first = &p.n
	}
	if json.Unmarshal(parts[0], first) != nil || json.Unmarshal(parts[1], &p.id) != nil {
		return place{}, false
	}
	return p, true
}

// iocToken is the after token: base64 of the last record's place.
func iocToken(p place, numeric bool) (string, error) {
	raw, err := json.Marshal(p.pair(numeric))
	return base64.StdEncoding.EncodeToString(raw), err
}

func parseIOCToken(token string, numeric bool) (place, bool) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return place{}, false
	}
	return parsePair(raw, numeric)
}
