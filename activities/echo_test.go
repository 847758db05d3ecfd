package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
)

// A person deletes an IOC as a false positive, and the log still has what our own block of it found.
func TestWhatOurBlockFoundIsNotSharedOnceTheBlockIsWithdrawn(t *testing.T) {
	w := newImports(t)
	w.listed(iocHash(hash(1)))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	w.logged(indicator.AttachmentHashes, attachment(w.clock.now().Add(-time.Minute), hash(1)))
	log := w.fetch(indicator.AttachmentHashes, activities.Cursor{})
	require.Empty(t, log.Indicators)
	w.nextRun()
	w.deleted(hash(1))
	w.imported(cursor)
	w.withdraw(w.withdrawInput())
	require.Empty(t, w.blockedHashes())
	log = w.fetch(indicator.AttachmentHashes, log.Cursor) // the overlap
	require.Empty(t, log.Indicators)
	require.Equal(t, 1, log.Counts.Echo)

	w.nextRun()
	w.logged(indicator.AttachmentHashes, attachment(w.clock.now().Add(-time.Minute), hash(1)))
	require.Equal(t, []string{hash(1)}, values(w.fetch(indicator.AttachmentHashes, log.Cursor).Indicators), "Mimecast finds it without us")
}

func TestAnAlertFromBeforeOurIOCWasWithdrawnBlocksNothing(t *testing.T) {
	w := newImports(t)
	withdrawn := w.clock.now().Add(-30 * time.Minute)
	require.NoError(t, w.Ledger.Record(t.Context(), withdrawn, []ledger.Entry{
		entryOn(ledger.FalconIOCs, "before.top", ledger.Withdrawn), entryOn(ledger.FalconIOCs, "then.top", ledger.Withdrawn),
		entryOn(ledger.FalconIOCs, "after.top", ledger.Withdrawn),
	}))
	w.raised(control.DomainAlert("before.top").At(withdrawn.Add(-time.Minute)), control.DomainAlert("then.top").At(withdrawn),
		control.DomainAlert("after.top").At(withdrawn.Add(time.Minute)))
	got := w.fetchAlerts(activities.Cursor{})
	require.Equal(t, []string{"after.top"}, found(got.Found))
	require.Equal(t, 2, got.Counts.Echo)
}
