package falcon

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// answered is an answer with a list of T: errors null or [], resources null, [] or filled.
type answered[T any] struct {
	Meta struct {
		Pagination pagination `json:"pagination"`
	} `json:"meta"`
	Resources []T `json:"resources"`
}

// listing is an answer with records (contract 2.1 and 2.3), all of which can be read.
type listing = answered[record]

// pagination is where a page stands in its list.
type pagination struct {
	Limit  number `json:"limit"`
	Offset number `json:"offset"` // of IOCs: how many records were given so far, this page included
	Total  number `json:"total"`
	After  string `json:"after"`
}

// full is how many records a full page has if limit of them were asked for: a vendor that gives less says so.
func (p pagination) full(limit int) int {
	if lowered := int(p.Limit); lowered > 0 {
		return min(limit, lowered)
	}
	return limit
}

// record is an entry as Falcon lists it. Fields without content are absent.
type record struct {
	ID         string   `json:"id"`
	Type       string   `json:"type"`
	Value      string   `json:"value"`
	Action     string   `json:"action"`
	Severity   string   `json:"severity"` // "" for no_action and allow
	Source     string   `json:"source"`
	Tags       []string `json:"tags"`
	Expiration stamp    `json:"expiration"`
	Expired    bool     `json:"expired"`
	Deleted    bool     `json:"deleted"`
	CreatedBy  loose    `json:"created_by"` // the API client's id, or a person's address
	CreatedOn  stamp    `json:"created_on"`
	ModifiedOn stamp    `json:"modified_on"`
}

// key is the record's key in canonical form: whether Falcon folds case is not known.
func (r record) key() indicator.Key {
	return indicator.Key{Kind: indicator.Kind(strings.ToLower(r.Type)), Value: canonicalValue(r.Value)}
}

func (r record) listed() indicator.Listed {
	return indicator.Listed{
		Key:       r.key(),
		ID:        r.ID,
		Action:    r.Action,
		Severity:  r.Severity,
		Mark:      indicator.ReadMark(r.Source, r.Tags),
		Expired:   r.Expired,
		ExpiresAt: time.Time(r.Expiration),
	}
}

// touched is when the record was last changed.
func (r record) touched() time.Time {
	if modified := time.Time(r.ModifiedOn); !modified.IsZero() {
		return modified
	}
	return time.Time(r.CreatedOn)
}

func canonicalValue(value string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(value)), ".")
}

// creation is the body of a create (contract 2.1).
type creation struct {
	Comment    string     `json:"comment,omitempty"`
	Indicators []newEntry `json:"indicators"`
}

// newEntry leaves out what is not set: a zero expiration would be refused as past, a severity beside some actions as well.
type newEntry struct {
	Type            string   `json:"type"`
	Value           string   `json:"value"`
	Action          string   `json:"action"`
	Severity        string   `json:"severity,omitempty"`
	Platforms       []string `json:"platforms,omitempty"`
	AppliedGlobally bool     `json:"applied_globally,omitempty"`
	HostGroups      []string `json:"host_groups,omitempty"`
	Description     string   `json:"description,omitempty"`
	Source          string   `json:"source"`
	Tags            []string `json:"tags"`
	Expiration      string   `json:"expiration,omitempty"`
}

// change is the body of an update (contract 2.5).
type change struct {
	Comment    string         `json:"comment,omitempty"`
	Indicators []changedEntry `json:"indicators"`
}

// changedEntry names only what is changed; the rest stays as it is. Null clears severity and expiration.
type changedEntry struct {
	ID         string  `json:"id"`
	Action     string  `json:"action"`
	Severity   *string `json:"severity"`
	Expiration *string `json:"expiration"`
}

// stamp is a time as Falcon writes it, RFC 3339 with up to nanoseconds; absent, null and "" are the zero time.
type stamp time.Time

// UnmarshalJSON refuses what is neither a time nor nothing.
func (s *stamp) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("read a time: %w", err)
	}
	if text == nil || *text == "" {
		*s = stamp{}
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil {
		return fmt.Errorf("read a time: %w", err)
	}
	*s = stamp(at.UTC())
	return nil
}

// number is a whole number that may be written as text; what is neither is zero.
type number int

// UnmarshalJSON never fails: no decision rests on a number being there.
func (n *number) UnmarshalJSON(data []byte) error {
	value, err := strconv.Atoi(strings.Trim(string(data), `"`))
	if err != nil {
		value = 0
	}
	*n = number(value)
	return nil
}

// madeBeside gives the records of a success that has errors beside them. The resources of a refusal are problems and have no
// id, or the id of what was not changed.
func madeBeside(answer vendorapi.Answer) []record {
	if answer.Status < 200 || answer.Status >= 300 {
		return nil
	}
	var made listing
	if err := json.Unmarshal(answer.Body, &made); err != nil {
		return nil
	}
	return made.Resources
}

func written(at time.Time) string { return at.UTC().Format(time.RFC3339) }
