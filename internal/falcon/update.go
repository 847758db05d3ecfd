package falcon

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Update sets action, severity and expiration of entries as their shares say, and leaves everything else as it is: an empty
// severity and a zero expiry clear what is there. One outcome for each update, in order, as with Create; updating twice is
// as good as once. Whose the entries are was decided by the caller. Contract 2.5.
func (c *Client) Update(ctx context.Context, updates []indicator.Update) ([]indicator.Outcome, error) {
	w := &writing{outcomes: make([]indicator.Outcome, len(updates)), rowOf: make(map[string]int, 2*len(updates))}
	byID := make(map[string]int, len(updates))
	var rows []int
	for row, update := range updates {
		w.outcomes[row].Key = update.Key
		if reason := unfitUpdate(update, byID); reason != "" {
			w.refuse(row, reason)
			w.outcomes[row].NotSent = true
			continue
		}
		if reason := unfit(update.Share, c.now()); reason != "" {
			w.refuse(row, reason)
			w.outcomes[row].NotSent = true
			continue
		}
		byID[update.ID] = row
		w.rowOf[update.Value], w.rowOf[canonicalValue(update.ID)] = row, row
		rows = append(rows, row)
	}
	w.made = func(changed record) (int, bool) {
		row, found := byID[changed.ID]
		return row, found
	}
	w.send = func(ctx context.Context, rows []int) ([]record, error) { return c.patch(ctx, updates, rows) }
	for batch := range slices.Chunk(rows, c.batch) {
		if err := w.write(ctx, batch); err != nil {
			return w.outcomes, fmt.Errorf("update indicators: %w", err)
		}
	}
	if err := unconfirmed(http.MethodPatch, len(w.unconfirmed), len(updates)); err != nil {
		return w.outcomes, fmt.Errorf("update indicators: %w", err)
	}
	return w.outcomes, nil
}

func unfitUpdate(update indicator.Update, seen map[string]int) string {
	if update.ID == "" {
		return "not sent: the entry's id is not known"
	}
	if _, twice := seen[update.ID]; twice {
		return "not sent: the same entry is updated twice"
	}
	return ""
}

func (c *Client) patch(ctx context.Context, updates []indicator.Update, rows []int) ([]record, error) {
	body := change{Comment: updates[rows[0]].Mark.Source(), Indicators: make([]changedEntry, 0, len(rows))}
	for _, row := range rows {
		update := updates[row]
		entry := changedEntry{ID: update.ID, Action: update.Action}
		if update.Severity != "" {
			entry.Severity = &update.Severity
		}
		if !update.ExpiresAt.IsZero() {
			expiration := written(update.ExpiresAt)
			entry.Expiration = &expiration
		}
		body.Indicators = append(body.Indicators, entry)
	}
	return c.write(ctx, vendorapi.Request{Method: http.MethodPatch, Path: pathIndicators, Body: body})
}
