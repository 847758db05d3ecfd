package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
)

// Bounds of one answer of SearchLedger, which is a payload.
const (
	searchPage  = 500
	searchBytes = 200 << 10 // of 256 KiB; a single entry is far below that, however hostile its text
	// shownRemediations is how many removals of mail are given of a value, the newest days first.
	shownRemediations = 10
	// maxIncident bounds the vendor's own id of an incident, in characters; people know it by its code.
	maxIncident = 300
)

// SearchLedgerInput says which entries of the ledger to give. Only Integration is needed: what is left out is not asked for.
type SearchLedgerInput struct {
	Integration string           `json:"integration"`
	Value       string           `json:"value,omitempty"` // the whole value, as the ledger spells it
	Kind        indicator.Kind   `json:"kind,omitempty"`
	List        ledger.List      `json:"list,omitempty"`
	State       ledger.State     `json:"state,omitempty"`
	Source      indicator.Source `json:"source,omitempty"`
	Since       time.Time        `json:"since,omitzero"` // only those whose state changed then or later

	Limit int           `json:"limit,omitempty"` // 0: as many as fit, at most 500
	After *LedgerCursor `json:"after,omitempty"` // Next of the page before
}

// LedgerCursor is where a page of entries ended.
type LedgerCursor struct {
	ChangedAt time.Time      `json:"changedAt"`
	List      ledger.List    `json:"list"`
	Kind      indicator.Kind `json:"kind"`
	Value     string         `json:"value"`
}

// SearchLedgerResult is a page of entries, those first whose state changed last.
type SearchLedgerResult struct {
	Entries []LedgerEntry `json:"entries"`
	Next    *LedgerCursor `json:"next,omitempty"` // nil on the last page
}

// LedgerEntry is what the ledger knows of one value on one list. Its JSON is an outside name. Times are UTC; those that are
// not known are left out.
type LedgerEntry struct {
	Value  string           `json:"value"`
	Kind   indicator.Kind   `json:"kind"`
	List   ledger.List      `json:"list"`
	State  ledger.State     `json:"state"`
	Reason indicator.Reason `json:"reason,omitempty"`
	Detail string           `json:"detail,omitempty"` // the reason in full
	// Releasable says that it is held for a reason that protect.allow overrides.
	Releasable bool             `json:"releasable,omitempty"`
	Source     indicator.Source `json:"source"`
	Record     string           `json:"record,omitempty"` // of the source
	Run        string           `json:"run"`
	Action     string           `json:"action,omitempty"`
	Severity   string           `json:"severity,omitempty"`
	VendorID   string           `json:"vendorId,omitempty"`
	Tries      int              `json:"tries,omitempty"` // in how many runs the vendor has refused it
	DueReason  indicator.Reason `json:"dueReason,omitempty"`
	RecordedAt time.Time        `json:"recordedAt"`
	ChangedAt  time.Time        `json:"changedAt"`
	SeenAt     time.Time        `json:"seenAt,omitzero"`
	ExpiresAt  time.Time        `json:"expiresAt,omitzero"`
	DueAt      time.Time        `json:"dueAt,omitzero"` // since when it is to be withdrawn

	// Remediations are the last removals of delivered mail that followed from the entry. They are given only where one value was
	// asked for.
	Remediations []LedgerRemediation `json:"remediations,omitempty"`
}

// LedgerRemediation is the removal of delivered mail with a value in it. Its JSON is an outside name.
type LedgerRemediation struct {
	Day        string                  `json:"day"` // UTC, such as "2026-11-24"
	State      ledger.RemediationState `json:"state"`
	Code       string                  `json:"code,omitempty"`     // by which people know the incident at Mimecast
	Incident   string                  `json:"incident,omitempty"` // Mimecast's own id
	Detail     string                  `json:"detail,omitempty"`
	Identified int                     `json:"identified"` // messages
	Successful int                     `json:"successful"`
	Failed     int                     `json:"failed"`
	Run        string                  `json:"run,omitempty"`
	WantedAt   time.Time               `json:"wantedAt"`
	ChangedAt  time.Time               `json:"changedAt"`
}

// SearchLedger gives a page of what the ledger knows, for people who ask why a value is shared, held or blocked. It reads only.
func (a *Activities) SearchLedger(ctx context.Context, in SearchLedgerInput) (SearchLedgerResult, error) {
	query, err := in.query()
	if err != nil {
		return SearchLedgerResult{}, final(InvalidInput, "", err)
	}
	entries, err := a.Ledger.Search(ctx, query)
	if errors.Is(err, ledger.ErrInvalid) {
		return SearchLedgerResult{}, final(InvalidInput, "", err)
	}
	if err != nil {
		return SearchLedgerResult{}, failure(ctx, err)
	}
	more := len(entries) == query.Limit // one more than asked for
	found := ledgerEntries(entries[:min(len(entries), query.Limit-1)])
	if in.Value != "" {
		if err := a.addRemediations(ctx, in.Integration, found); err != nil {
			return SearchLedgerResult{}, failure(ctx, err)
		}
	}
	return onePage(found, more)
}

func (in SearchLedgerInput) query() (ledger.Query, error) {
	problems := []error{
		oneOf("list", in.List, ledger.Lists()),
		oneOf("state", in.State, ledger.States()),
		oneOf("kind", in.Kind, []indicator.Kind{indicator.SHA256, indicator.Domain}),
		oneOf("source", in.Source, settings.Sources()),
	}
	if in.Integration == "" {
		problems = append(problems, errors.New(`integration: is missing; the input is {"integration": "<name>", "value": "evil.example"}`))
	}
	if in.Limit < 0 {
		problems = append(problems, fmt.Errorf("limit: must be above 0, not %d", in.Limit))
	}
	if err := errors.Join(problems...); err != nil {
		return ledger.Query{}, err
	}
	limit := searchPage
	if in.Limit > 0 {
		limit = min(limit, in.Limit)
	}
	query := ledger.Query{
		Integration: in.Integration, List: in.List, Kind: in.Kind, Value: in.Value, State: in.State, Source: in.Source, Since: in.Since,
		Limit: limit + 1,
	}
	if after := in.After; after != nil {
		query.After = ledger.Position{ChangedAt: after.ChangedAt, List: after.List, Key: indicator.Key{Kind: after.Kind, Value: after.Value}}
	}
	return query, nil
}

// oneOf is an error unless word is empty or one of words.
func oneOf[W ~string](field string, word W, words []W) error {
	if word == "" || slices.Contains(words, word) {
		return nil
	}
	known := make([]string, 0, len(words))
	for _, w := range words {
		known = append(known, string(w))
	}
	return fmt.Errorf("%s: must be one of %s, not %q", field, strings.Join(known, ", "), indicator.Printable(string(word), 60))
}

func ledgerEntries(entries []ledger.Entry) []LedgerEntry {
	found := make([]LedgerEntry, 0, len(entries))
	for _, e := range entries {
		found = append(found, LedgerEntry{
			Value: e.Value, Kind: e.Kind, List: e.List, State: e.State, Reason: e.Reason, Detail: e.Detail,
			Releasable: e.State == ledger.Held && !guard.Hard(e.Reason),
			Source:     e.Source, Record: e.Record, Run: e.Run, Action: e.Action, Severity: e.Severity, VendorID: e.VendorID,
			Tries: e.Tries, DueReason: e.DueReason,
			RecordedAt: e.RecordedAt, ChangedAt: e.ChangedAt, SeenAt: e.SeenAt, ExpiresAt: e.ExpiresAt, DueAt: e.DueAt,
		})
	}
	return found
}

// addRemediations gives each entry the removals of mail that its source asked for. All entries have one value.
func (a *Activities) addRemediations(ctx context.Context, integration string, entries []LedgerEntry) error {
	for i := range entries {
		entry := &entries[i]
		made, err := a.Ledger.RemediationsOf(ctx, integration, indicator.Key{Kind: entry.Kind, Value: entry.Value}, shownRemediations)
		if err != nil {
			return err
		}
		for _, r := range made {
			if listOf(r.Source) != entry.List {
				continue
			}
			entry.Remediations = append(entry.Remediations, LedgerRemediation{
				Day: r.Day, State: r.State, Code: r.Code, Incident: indicator.Printable(r.Incident, maxIncident), Detail: r.Detail,
				Identified: r.Identified, Successful: r.Successful, Failed: r.Failed,
				Run: r.Run, WantedAt: r.WantedAt, ChangedAt: r.ChangedAt,
			})
		}
	}
	return nil
}

// onePage cuts what is too much for a payload. At least one entry is given, so that every page goes on.
func onePage(found []LedgerEntry, more bool) (SearchLedgerResult, error) {
	size, fit := 0, 0
	for _, entry := range found {
		text, err := json.Marshal(entry)
		if err != nil {
			return SearchLedgerResult{}, fmt.Errorf("write an entry: %w", err)
		}
		if size += len(text) + 1; size > searchBytes && fit > 0 {
			more = true
			break
		}
		fit++
	}
	result := SearchLedgerResult{Entries: found[:fit]}
	if more && fit > 0 {
		last := found[fit-1]
		result.Next = &LedgerCursor{ChangedAt: last.ChangedAt, List: last.List, Kind: last.Kind, Value: last.Value}
	}
	return result, nil
}
