package activities

import (
	"context"
	"fmt"
	"slices"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// forget records what the ledger still has on a list from which everything of ours is gone: its removal was not recorded, since the
// worker was killed or the answer lost. Otherwise the flows would take it for settled. gone gives those that are not there.
func (a *Activities) forget(
	ctx context.Context, in WithdrawListInput, result *WithdrawListResult, gone func(context.Context, []ledger.Entry) ([]ledger.Entry, error),
) error {
	if in.DryRun || result.More || result.Left > 0 {
		return nil
	}
	query := ledger.Query{Integration: in.Integration, List: in.List, State: ledger.Shared, Limit: ledger.MaxLimit}
	for {
		entries, err := a.Ledger.Search(ctx, query)
		if err != nil {
			return fmt.Errorf("look for what the ledger still has: %w", err)
		}
		last := len(entries) < ledger.MaxLimit
		if !last {
			query.After = entries[len(entries)-1].Position()
		}
		if entries, err = gone(ctx, entries); err != nil {
			return err
		}
		if err := a.recordUndone(ctx, entries); err != nil {
			return err
		}
		result.Found += len(entries)
		result.Missing += len(entries)
		if last {
			return nil
		}
	}
}

// withoutListed leaves out the entries that Falcon lists with the mark.
func withoutListed(ctx context.Context, falcon Falcon, mark indicator.Mark, entries []ledger.Entry) ([]ledger.Entry, error) {
	listed, err := falcon.Lookup(ctx, entryKeys(entries))
	if err != nil {
		return nil, err
	}
	there := make(map[indicator.Key]bool, len(listed))
	for _, entry := range listed {
		there[entry.Key] = entry.Mark == mark
	}
	return slices.DeleteFunc(entries, func(entry ledger.Entry) bool { return there[entry.Key] }), nil
}
