package falcon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// maxBatch is how many entries one create or update may have.
const maxBatch = 2000

// batch is the body of a create or an update.
type batch struct {
	Comment    string          `json:"comment"`
	Indicators []rawEntry      `json:"indicators"`
	BulkUpdate json.RawMessage `json:"bulk_update"`
}

type rawEntry = json.RawMessage

// entry is what a request says about one indicator. What it leaves out is not set.
type entry struct {
	ID              optional[string]        `json:"id"`
	Filter          optional[string]        `json:"filter"` // of a bulk update, in place of the id
	Type            optional[string]        `json:"type"`
	Value           optional[string]        `json:"value"`
	Action          optional[string]        `json:"action"`
	MobileAction    optional[string]        `json:"mobile_action"`
	Severity        optional[string]        `json:"severity"`
	Platforms       optional[[]string]      `json:"platforms"`
	AppliedGlobally optional[bool]          `json:"applied_globally"`
	HostGroups      optional[[]string]      `json:"host_groups"`
	Description     optional[string]        `json:"description"`
	Source          optional[string]        `json:"source"`
	Tags            optional[[]string]      `json:"tags"`
	Expiration      optional[string]        `json:"expiration"`
	Metadata        optional[entryMetadata] `json:"metadata"`
}

type entryMetadata struct {
	Filename string `json:"filename"`
}

// optional tells a value from null and from nothing.
type optional[T any] struct {
	given bool // not null
	null  bool
	value T
}

// UnmarshalJSON is not called for a field that is absent.
func (o *optional[T]) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte("null")) {
		o.null = true
		return nil
	}
	o.given = true
	return json.Unmarshal(raw, &o.value)
}

// onto puts the value into a field; with clears, null empties the field.
func (o optional[T]) onto(field *T, clears bool) {
	if o.given || o.null && clears {
		*field = o.value
	}
}

func sharedFields() []string {
	return []string{
		"action", "mobile_action", "severity", "platforms", "applied_globally", "host_groups", "description", "source", "tags",
		"expiration", "metadata",
	}
}

func createFields() []string { return append(sharedFields(), "type", "value") }
func updateFields() []string { return append(sharedFields(), "id") }
func bulkFields() []string   { return append(sharedFields(), "filter") }

// onto gives the record with what the entry says. Null clears the four fields that the API lets it clear and is nothing
// elsewhere. The expiration has to be read first.
func (e entry) onto(r record, expiration time.Time) record {
	e.Type.onto(&r.Type, false)
	e.Value.onto(&r.Value, false)
	e.Action.onto(&r.Action, false)
	e.MobileAction.onto(&r.MobileAction, false)
	e.Severity.onto(&r.Severity, true)
	e.Platforms.onto(&r.Platforms, false)
	e.AppliedGlobally.onto(&r.AppliedGlobally, false)
	e.HostGroups.onto(&r.HostGroups, false)
	e.Description.onto(&r.Description, true)
	e.Source.onto(&r.Source, true)
	e.Tags.onto(&r.Tags, false)
	if e.Expiration.given || e.Expiration.null {
		r.Expiration, r.Expired = expiration, false
	}
	if r.Action == "allow" && !e.Severity.given {
		r.Severity = ""
	}
	if r.Action == "prevent_no_ui" && r.Severity == "" {
		r.Severity = "medium"
	}
	if r.Expired {
		r.Action = "no_action" // until it gets a new expiration
	}
	if e.Metadata.given {
		m := r.meta()
		m.Filename = e.Metadata.value.Filename
		r.Metadata = &m
	}
	return r
}

// expiration reads the expiration, which is UTC and lies in the future.
func (e entry) expiration(now time.Time) (time.Time, *problem) {
	if !e.Expiration.given {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, e.Expiration.value)
	if err != nil || at.UTC().Format("Z07:00") != at.Format("Z07:00") {
		return time.Time{}, mistake("expiration must be an RFC 3339 time in UTC")
	}
	if !at.After(now) {
		return time.Time{}, refusal("expiration must be in the future")
	}
	return at.UTC(), nil
}

// readBatch checks the form of a create or an update. What is not in that form is refused as a whole.
func (c *call) readBatch(fields, bodyFields []string) ([]entry, *entry, *answer) {
	bad := func(why string, args ...any) ([]entry, *entry, *answer) {
		a := c.wrong(http.StatusBadRequest, iocManager, badFormat, why, args...)
		return nil, nil, &a
	}
	var body batch
	if err := decodeExactly(c.body, &body, bodyFields); err != nil {
		return bad("body: %v", err)
	}
	var bulk *entry
	if body.BulkUpdate != nil && !bytes.Equal(body.BulkUpdate, []byte("null")) {
		bulk = &entry{}
		if err := decodeExactly(body.BulkUpdate, bulk, bulkFields()); err != nil {
			return bad("bulk_update: %v", err)
		}
	}
	if len(body.Indicators) == 0 && bulk == nil {
		if c.r.Method == http.MethodPost && len(c.query) == 0 && string(bytes.TrimSpace(c.body)) == `{"indicators":[]}` {
			// Whoever sends this and nothing else asks whether creating is allowed. That is no mistake; a batch that somebody
			// forgot to fill would have parameters and a comment as a full one has.
			a := refuse(http.StatusBadRequest, iocManager, badFormat)
			return nil, nil, &a
		}
		return bad("no indicators")
	}
	if len(body.Indicators) > maxBatch {
		return bad("%d indicators in one call", len(body.Indicators))
	}
	entries := make([]entry, len(body.Indicators))
	for i, raw := range body.Indicators {
		if err := decodeExactly(raw, &entries[i], fields); err != nil {
			return bad("indicator %d: %v", i, err)
		}
		if m := entries[i].Metadata; m.given {
			if err := exactFields(fieldOf(raw, "metadata"), []string{"filename"}); err != nil {
				return bad("indicator %d: metadata: %v", i, err)
			}
		}
	}
	return entries, bulk, nil
}

// decodeExactly decodes one JSON object that has no fields but these, in exactly this spelling.
func decodeExactly(raw []byte, into any, fields []string) error {
	if err := exactFields(raw, fields); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("field %.40q has the wrong type", wrong.Field)
		}
		return errors.New("a field has the wrong type")
	}
	return nil
}

func exactFields(raw []byte, fields []string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return errors.New("not a JSON object")
	}
	for field := range object {
		if !slices.Contains(fields, field) {
			return fmt.Errorf("unknown field %.40q", field)
		}
	}
	return nil
}

func fieldOf(raw []byte, field string) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object[field]
}
