package activities_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	quotaCall = "/api/byo-threat-intelligence/get-quota"
	batchCall = "/api/byo-threat-intelligence/create-batch"
)

// calls is how often a function of Mimecast's was called since the last count of writes.
func (w *world) calls(function string) int {
	w.t.Helper()
	stats, err := w.vendors.Stats(w.t.Context())
	require.NoError(w.t, err)
	return stats.Calls[fault.Mimecast][function]
}

// withoutQuota makes Mimecast have no call that tells the quota.
func (w *world) withoutQuota() {
	w.t.Helper()
	require.NoError(w.t, w.vendors.AddFaults(w.t.Context(), fault.Rule{Path: quotaCall, Kind: fault.Status, Status: http.StatusNotFound}))
}

func (w *world) roomFor(hashes int) {
	w.t.Helper()
	require.NoError(w.t, w.vendors.SetLimits(w.t.Context(), simulated.Limits{BYOTIHashes: &hashes}))
}

func hashes(from, n int) []string {
	list := make([]string, 0, n)
	for i := range n {
		list = append(list, hash(from+i))
	}
	return list
}

func TestHashesAreAddedAThousandWithACall(t *testing.T) {
	w := newImports(t)
	added := w.addHashes(findings(hashes(0, 1_000)...)...)
	require.Equal(t, activities.Counts{Shared: 1_000}, added.Counts)
	require.Equal(t, indicator.Quota{Used: 1_000, Limit: 100_000, Known: true}, added.Quota)
	require.Equal(t, 1, w.calls("POST "+batchCall))
	require.ElementsMatch(t, hashes(0, 1_000), w.blockedHashes())
	entry := w.on(ledger.BYOTI, hash(0))
	require.Equal(t, ledger.Shared, entry.State)
	require.Equal(t, indicator.IOCHashes, entry.Source)
	require.NotEmpty(t, entry.VendorID)
	require.Equal(t, 1_000, w.writes(fault.Mimecast))

	in := w.hashesInput(findings(append(hashes(0, 999), hash(1_000))...)...)
	in.Quota = &added.Quota
	again, err := run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, in)
	require.NoError(t, err)
	require.Equal(t, activities.Counts{Shared: 1, AlreadyThere: 999}, again.Counts)
	require.Equal(t, 1_001, again.Quota.Used)
	require.Zero(t, w.calls("POST "+quotaCall), "told by the step before")
	require.Equal(t, 1, w.writes(fault.Mimecast))
}

func TestAHashThatComesTwiceIsAddedOnce(t *testing.T) {
	w := newImports(t)
	added := w.addHashes(findings(hash(1), hash(1))...)
	require.Equal(t, 1, added.Counts.Shared)
	require.Equal(t, 1, w.writes(fault.Mimecast))
}

func TestWhatFitsIsAddedBeforeAFullListParksTheHashes(t *testing.T) {
	for name, byMimecast := range map[string]bool{"by Mimecast's count": true, "by the setting": false} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.addHashes(findings(hashes(100, 3)...)...)
			in := w.hashesInput(findings(hashes(0, 8)...)...)
			if byMimecast {
				w.roomFor(8)
			} else {
				w.withoutQuota()
				in.Limit = 8
			}
			added, err := run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, in)
			require.NoError(t, err)
			require.Equal(t, 5, added.Counts.Shared)
			require.Equal(t, 8, added.Quota.Used)
			require.Len(t, w.blockedHashes(), 8)
			require.Equal(t, ledger.Shared, w.on(ledger.BYOTI, hash(4)).State)
			require.Equal(t, activities.VendorQuota, added.Full.Type)
			require.Equal(t, "mimecast", added.Full.Vendor)
			require.Contains(t, added.Full.Reason, "8 hashes of 8")
			require.Contains(t, added.Full.Reason, "reconnect")
			require.Equal(t, !byMimecast, strings.Contains(added.Full.Reason, "byotiQuota"))
			w.writes(fault.Mimecast)

			w.nextRun()
			again, err := run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, in)
			require.NoError(t, err)
			require.Equal(t, activities.VendorQuota, again.Full.Type)
			require.Equal(t, activities.Counts{AlreadyThere: 5}, again.Counts)
			require.Zero(t, w.calls("POST "+batchCall), "no try without room")
		})
	}
}

// Where nobody tells the quota and the setting is too large, Mimecast refuses the batch as a whole.
func TestABatchThatMimecastHasNoRoomForParksTheHashes(t *testing.T) {
	w := newImports(t)
	w.withoutQuota()
	w.roomFor(5)
	added := w.addHashes(findings(hashes(0, 8)...)...)
	require.Equal(t, activities.VendorQuota, added.Full.Type)
	require.Contains(t, added.Full.Reason, "Quota not available", "the vendor's words")
	require.Zero(t, added.Counts)
	require.Empty(t, w.everything(), "nothing is taken for refused")
}

func TestARefusedHashIsOfferedInThreeRunsAndThenLeftAlone(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedHashes: []string{hash(1)}}))
	w.settings.SendToMimecast.IOCHashes.Enabled = true
	w.planned(activities.RunPlan{Settings: w.settings})
	offered := findings(hash(0), hash(1), hash(2))
	for tries := 1; tries <= 3; tries++ {
		added := w.addHashes(offered...)
		require.Equal(t, 1, added.Counts.Quarantined)
		require.Equal(t, tries, w.on(ledger.BYOTI, hash(1)).Tries)
		w.writes(fault.Mimecast)
		w.addHashes(offered...)
		require.Zero(t, w.calls("POST "+batchCall), "once in a run")
		w.nextRun()
		loaded, err := run[activities.LoadIntegrationResult](w, w.LoadIntegration, activities.LoadIntegrationInput{Integration: acme, Flow: "import-iocs"})
		require.NoError(t, err)
		offered = loaded.Again[indicator.IOCHashes]
		if tries < 3 {
			require.Equal(t, []string{hash(1)}, found(offered))
		}
	}
	require.Empty(t, offered)
	entry := w.on(ledger.BYOTI, hash(1))
	require.Equal(t, ledger.Quarantined, entry.State)
	require.Contains(t, entry.Detail, "not accepted", "the vendor's words")
	require.Equal(t, []string{hash(0), hash(2)}, w.blockedHashes())
}

func TestARefusedHashThatMimecastTakesLaterIsBlocked(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedHashes: []string{hash(1)}}))
	w.addHashes(findings(hash(1))...)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{}))
	w.nextRun()
	require.Equal(t, activities.Counts{Shared: 1}, w.addHashes(findings(hash(1))...).Counts)
	entry := w.on(ledger.BYOTI, hash(1))
	require.Equal(t, ledger.Shared, entry.State)
	require.Zero(t, entry.Tries)
	require.Empty(t, entry.Detail)
}

func TestThatMimecastRefusesEveryHashIsNoReasonToQuarantineThem(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedHashes: hashes(0, 12)}))
	_, err := run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, w.hashesInput(findings(hashes(0, 12)...)...))
	refusedAs(t, err, activities.VendorRejected, false)
	require.Empty(t, w.everything())
}

func TestManyRefusedHashesAreOfferedAgainWithoutParkingTheirSource(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedHashes: hashes(0, 12)}))
	require.Equal(t, 12, w.addHashes(findings(hashes(0, 100)...)...).Counts.Quarantined)
	for tries := 2; tries <= 3; tries++ {
		w.nextRun()
		require.Equal(t, activities.Counts{Quarantined: 12}, w.addHashes(findings(hashes(0, 12)...)...).Counts)
		require.Equal(t, tries, w.on(ledger.BYOTI, hash(0)).Tries)
	}
}

func TestAHashThatWasRefusedBeforeDoesNotHideThatAllNewOnesAre(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedHashes: hashes(0, 13)}))
	w.addHashes(findings(hash(0))...)
	w.nextRun()
	_, err := run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, w.hashesInput(findings(hashes(0, 13)...)...))
	refusedAs(t, err, activities.VendorRejected, false)
	require.Len(t, w.everything(), 1, "the new ones are not lost")
}

// Nobody can tell whether a first try that failed has put it there; what somebody else may have blocked is never removed.
func TestAHashThatMimecastCallsADuplicateIsSomebodyElsesAlsoAfterARetry(t *testing.T) {
	w := newImports(t)
	w.listed(iocHash(hash(1)))
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	w.asPerson(batchCall, map[string]any{"operationType": "BLOCK", "hashList": []any{map[string]any{"hash": hash(1)}}})
	exists := `{"meta":{"status":200},"data":[],"fail":[{"key":{"hash":"` + hash(1) + `"},` +
		`"errors":[{"code":"err_hash_already_exists","message":"The hash already exists","retryable":false}]}]}`
	for _, rule := range []fault.Rule{{Kind: fault.ResetBefore, Count: 1}, {Kind: fault.Status, Status: http.StatusOK, Body: exists, Count: 1}} {
		rule.Path = batchCall
		require.NoError(t, w.vendors.AddFaults(t.Context(), rule))
	}
	in := w.hashesInput(read.Found[indicator.IOCHashes]...)
	in.Remediate = true
	require.NoError(t, retried(w, w.AddBYOTIHashes, in))
	require.Equal(t, ledger.Foreign, w.on(ledger.BYOTI, hash(1)).State)
	require.Empty(t, w.wanted(indicator.IOCHashes))
	w.nextRun()
	w.deleted(hash(1))
	w.imported(read.Cursor)
	require.Zero(t, w.withdraw(w.withdrawInput()))
	require.Equal(t, []string{hash(1)}, w.blockedHashes())
}

func TestHashesAddedWithALostAnswerAreOursAfterTheRetry(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Path: batchCall, Kind: fault.ResetAfter, Count: 1}))
	in := w.hashesInput(findings(hash(1), hash(2))...)
	in.Remediate = true
	require.NoError(t, retried(w, w.AddBYOTIHashes, in))
	require.Equal(t, []string{hash(1), hash(2)}, w.blockedHashes())
	require.Equal(t, ledger.Shared, w.on(ledger.BYOTI, hash(1)).State)
	require.Len(t, w.wanted(indicator.IOCHashes), 2)
}

func TestADryRunOfHashesShowsWhatFitsAndWritesNothing(t *testing.T) {
	w := newImports(t)
	w.roomFor(2)
	w.settings.DryRun = true
	added := w.addHashes(findings(hashes(0, 3)...)...)
	require.Equal(t, activities.Counts{WouldShare: 2}, added.Counts)
	require.Equal(t, []activities.Item{
		{Verdict: "block", List: ledger.BYOTI, Source: indicator.IOCHashes, Value: hash(0)},
		{Verdict: "block", List: ledger.BYOTI, Source: indicator.IOCHashes, Value: hash(1)},
	}, added.Items)
	require.Equal(t, 2, added.Quota.Used)
	require.Empty(t, w.everything())
	require.Zero(t, w.writes(fault.Mimecast))
}

// wanted are the removals of mail that nobody has started.
func (w *world) wanted(source indicator.Source) []ledger.Remediation {
	w.t.Helper()
	wanted, err := w.store.WantedRemediations(w.t.Context(), acme, source, 10_000)
	require.NoError(w.t, err)
	return wanted
}

func TestWhatIsNewlyBlockedHasItsMailLookedForOnceADay(t *testing.T) {
	w := newImports(t)
	in := w.hashesInput(findings(hash(1))...)
	in.Remediate = true
	for range 2 {
		_, err := run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, in)
		require.NoError(t, err)
	}
	w.addHashes(findings(hash(2))...)
	wanted := w.wanted(indicator.IOCHashes)
	require.Len(t, wanted, 1, "not of what was blocked before, nor without the option")
	require.Equal(t, hash(1), wanted[0].Value)
	require.Equal(t, indicator.IOCHashes, wanted[0].Source)
	require.Equal(t, w.clock.now().Format(time.DateOnly), wanted[0].Day)
}
