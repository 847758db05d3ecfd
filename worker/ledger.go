package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/threatshare/threatshare/internal/boot"
	"github.com/threatshare/threatshare/internal/ledger"
)

// openLedger opens the ledger. A database server that is not reached, or is just starting, is waited for as Temporal is.
func openLedger(ctx context.Context, address string, log *slog.Logger, waiting func(reason string)) (*ledger.Store, error) {
	var store *ledger.Store
	err := boot.Reach(ctx, log, "the ledger", waiting, func(ctx context.Context) (final bool, err error) {
		store, err = ledger.Open(ctx, address)
		return !ledger.Unreachable(err), err
	})
	if err != nil {
		return nil, fmt.Errorf("open the ledger (THREATSHARE_LEDGER): %w", err)
	}
	return store, nil
}
