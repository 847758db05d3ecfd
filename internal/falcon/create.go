package falcon

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	maxDomain      = 200 // characters of a domain (contract 2.1)
	maxDescription = 200 // the lower of two documented caps, as for source
	maxSource      = 200
)

// Create makes all shares or says of each why not: one outcome for each share, in order. Any number of shares; it makes one
// call for each BatchSize of them, and more only if Falcon refuses one. A share that could only be refused is not sent.
// Contract 2.1 and 2.4.
//
// The outcomes are good also next to an error: then one with neither ID nor Duplicate nor Refused is not known, and the
// caller looks up before it tries again, because an answer may have been lost. The error is a *vendorapi.Error. It is
// Unavailable if Falcon said neither yes nor no to a share and does not list it either, after all others were tried.
func (c *Client) Create(ctx context.Context, shares []indicator.Share) ([]indicator.Outcome, error) {
	w := &writing{outcomes: make([]indicator.Outcome, len(shares)), rowOf: make(map[string]int, len(shares))}
	first := make(map[indicator.Key]int, len(shares))
	var rows, twins []int
	for row, share := range shares {
		w.outcomes[row].Key = share.Key
		if _, known := first[share.Key]; known {
			twins = append(twins, row) // sent once: Falcon refuses the second of two
			continue
		}
		first[share.Key] = row
		if reason := unfit(share, c.now()); reason != "" {
			w.refuse(row, reason)
			w.outcomes[row].NotSent = true
			continue
		}
		w.rowOf[share.Value] = row
		rows = append(rows, row)
	}
	w.made = func(made record) (int, bool) {
		row, found := first[made.key()]
		return row, found
	}
	w.send = func(ctx context.Context, rows []int) ([]record, error) { return c.post(ctx, shares, rows) }
	err := c.createAll(ctx, w, shares, rows)
	for _, row := range twins {
		w.outcomes[row] = w.outcomes[first[shares[row].Key]]
	}
	if err != nil {
		return w.outcomes, fmt.Errorf("create indicators: %w", err)
	}
	return w.outcomes, nil
}

func (c *Client) createAll(ctx context.Context, w *writing, shares []indicator.Share, rows []int) error {
	for batch := range slices.Chunk(rows, c.batch) {
		if err := w.write(ctx, batch); err != nil {
			return err
		}
	}
	return c.confirm(ctx, w, shares)
}

// confirm looks up the shares that a successful create left out of its answer. One that is not listed may still have been
// made, since search lags behind writes; so it is left open, for a later try that asks first.
func (c *Client) confirm(ctx context.Context, w *writing, shares []indicator.Share) error {
	if len(w.unconfirmed) == 0 {
		return nil
	}
	keys := make([]indicator.Key, 0, len(w.unconfirmed))
	rowOf := make(map[indicator.Key]int, len(w.unconfirmed))
	for _, row := range w.unconfirmed {
		keys = append(keys, shares[row].Key)
		rowOf[shares[row].Key] = row
	}
	listed, err := c.Lookup(ctx, keys)
	if err != nil {
		return err
	}
	for _, entry := range listed {
		row := rowOf[entry.Key]
		if entry.Mark == shares[row].Mark && entry.ID != "" {
			w.outcomes[row].ID = entry.ID
		} else {
			w.outcomes[row].Duplicate = true
		}
	}
	return unconfirmed(http.MethodPost, len(w.unconfirmed)-len(listed), len(shares))
}

// unconfirmed is nil if nothing is open.
func unconfirmed(method string, open, all int) error {
	if open == 0 {
		return nil
	}
	return &vendorapi.Error{
		Class: vendorapi.Unavailable, Vendor: vendor, Operation: method + " " + pathIndicators,
		Message: fmt.Sprintf("%d of %d entries were neither made nor refused", open, all),
	}
}

// post makes one create. The past is not searched for sightings (retrodetects), and warnings do not refuse: a value that is
// there already was found by the look-up before.
func (c *Client) post(ctx context.Context, shares []indicator.Share, rows []int) ([]record, error) {
	body := creation{Comment: shares[rows[0]].Mark.Source(), Indicators: make([]newEntry, 0, len(rows))}
	for _, row := range rows {
		body.Indicators = append(body.Indicators, entryOf(shares[row]))
	}
	return c.write(ctx, vendorapi.Request{
		Method: http.MethodPost, Path: pathIndicators, Query: url.Values{"ignore_warnings": {"true"}}, Body: body,
	})
}

// write makes one call that answers with records. A success with errors beside its records is an error, and gives them too.
func (c *Client) write(ctx context.Context, req vendorapi.Request) ([]record, error) {
	var made listing
	answer, err := c.do(ctx, req, &made)
	if err != nil {
		return madeBeside(answer), err
	}
	return made.Resources, nil
}

func entryOf(share indicator.Share) newEntry {
	entry := newEntry{
		Type:            string(share.Kind),
		Value:           share.Value,
		Action:          share.Action,
		Severity:        share.Severity,
		Platforms:       share.Platforms,
		AppliedGlobally: len(share.HostGroups) == 0,
		HostGroups:      share.HostGroups,
		Description:     shortened(share.Comment, maxDescription),
		Source:          shortened(share.Mark.Source(), maxSource),
		Tags:            []string{share.Mark.Tag()},
	}
	if !share.ExpiresAt.IsZero() {
		entry.Expiration = written(share.ExpiresAt)
	}
	return entry
}

// unfit says why a share could only be refused, "" if it could not. One bad entry would refuse all others of its call.
func unfit(share indicator.Share, now time.Time) string {
	switch {
	case !lookable(share.Key):
		return "not sent: not in canonical form"
	case share.Kind == indicator.Domain && len(share.Value) > maxDomain:
		return fmt.Sprintf("not sent: Falcon takes domains of up to %d characters", maxDomain)
	case !share.Mark.Ours():
		return "not sent: without a mark nobody could tell whose it is"
	case !share.ExpiresAt.IsZero() && !share.ExpiresAt.After(now):
		return "not sent: it has expired"
	default:
		return ""
	}
}

func shortened(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit])
	}
	return text
}
