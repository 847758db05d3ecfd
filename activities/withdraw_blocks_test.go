package activities_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func (w *world) withdrawInput() activities.WithdrawBlocksInput {
	return activities.WithdrawBlocksInput{Integration: acme, Sources: bothSources(), Protect: w.settings.Protect, DryRun: w.settings.DryRun}
}

func (w *world) withdraw(in activities.WithdrawBlocksInput) activities.WithdrawBlocksResult {
	w.t.Helper()
	result, err := run[activities.WithdrawBlocksResult](w, w.WithdrawBlocks, in)
	require.NoError(w.t, err)
	return result
}

// manyListed are domains on Falcon's list, imported and blocked.
func (w *world) manyListed(n int) (domains []string, cursor activities.Cursor) {
	w.t.Helper()
	var iocs []control.IOC
	for i := range n {
		domains = append(domains, host(i))
		iocs = append(iocs, iocDomain(host(i)))
	}
	w.listed(iocs...)
	cursor = w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	return domains, cursor
}

func (w *world) deleted(values ...string) {
	w.t.Helper()
	for _, value := range values {
		require.NoError(w.t, w.vendors.DeleteFalconIOC(w.t.Context(), value))
	}
}

func TestWhatFalconTookBackIsUnblockedWithTheReason(t *testing.T) {
	w := newImports(t)
	ended := iocDomain("ended.top")
	ended.Expiration = w.clock.now().Add(time.Minute).Format(time.RFC3339)
	w.listed(iocDomain("deleted.top"), iocDomain("allowed.top"), iocDomain("none.top"), iocDomain("stays.top"), ended,
		iocHash(hash(1)), iocHash(hash(2)), iocHash(hash(3)))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	w.deleted("deleted.top", hash(1))
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "allow", "allowed.top", hash(2)))
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "no_action", "none.top"))
	w.imported(cursor)
	result := w.withdraw(w.withdrawInput())
	require.Equal(t, map[indicator.Source]activities.Counts{
		indicator.IOCDomains: {Withdrawn: 4}, indicator.IOCHashes: {Withdrawn: 2},
	}, result.Counts)
	require.Nil(t, result.Waiting)
	require.Equal(t, []string{"stays.top"}, w.members(ownName))
	require.Equal(t, []string{hash(3)}, w.blockedHashes())
	for value, reason := range map[string]indicator.Reason{
		"deleted.top": "deleted", "allowed.top": "not-blocking", "none.top": "not-blocking", "ended.top": "expired",
	} {
		entry := w.on(ledger.BlockedSenders, value)
		require.Equal(t, ledger.Withdrawn, entry.State, value)
		require.Equal(t, reason, entry.Reason, value)
	}
	require.Equal(t, indicator.Reason("deleted"), w.on(ledger.BYOTI, hash(1)).Reason)
	w.writes(fault.Mimecast)
	w.imported(cursor)
	require.Zero(t, w.withdraw(w.withdrawInput()))
	require.Zero(t, w.writes(fault.Mimecast))
}

func TestOnlyWhatTheIntegrationBlockedIsUnblocked(t *testing.T) {
	w := newImports(t)
	w.urlOf("foreign.top", "block")
	group := w.senderGroup()
	w.asPerson("/api/directory/add-group-member", map[string]any{"id": group.ID, "domain": "foreign.top"})
	w.asPerson(batchCall, map[string]any{"operationType": "BLOCK", "hashList": []any{map[string]any{"hash": hash(1)}}})
	w.listed(iocDomain("foreign.top"), iocHash(hash(1)))
	w.deleted("foreign.top", hash(1))
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	require.Equal(t, 1, read.Counts[indicator.IOCDomains].Dropped["deleted"])
	before := w.mimecast()
	require.Zero(t, w.withdraw(w.withdrawInput()))
	require.Equal(t, before, w.mimecast())
}

func TestFault_V21_AnEmptyListWithdrawsNothing(t *testing.T) {
	w := newImports(t)
	_, cursor := w.manyListed(5)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Path: iocList, Kind: fault.Status, Status: http.StatusOK, Body: `{"meta":{"pagination":{"limit":2000,"total":0,"after":""}},"errors":[],"resources":[]}`,
	}))
	w.clock.pass(48 * time.Hour)
	for _, from := range []activities.Cursor{cursor, {}} {
		w.imported(from)
		require.Zero(t, w.withdraw(w.withdrawInput()))
	}
	require.Len(t, w.members(ownName), 5)
}

// Falcon is asked once more about each value: somebody may list it again, in another record or with a later end.
func TestWhatIsListedAgainByTheTimeOfItsWithdrawalStaysBlocked(t *testing.T) {
	w := newImports(t)
	ended := iocDomain("prolonged.top")
	ended.Expiration = w.clock.now().Add(time.Minute).Format(time.RFC3339)
	w.listed(iocDomain("again.top"), iocDomain("marked.top"), ended)
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	w.deleted("again.top")
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "allow", "marked.top"))
	w.imported(cursor)
	require.NotZero(t, w.on(ledger.BlockedSenders, "again.top").DueAt)
	w.listed(iocDomain("again.top"))
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "detect", "marked.top"))
	later := w.clock.now().Add(time.Hour)
	w.edit(w.iocs()["prolonged.top"].ID, map[string]any{"expiration": later.Format(time.RFC3339), "expired": false, "action": "detect", "severity": "high"})
	w.writes(fault.Mimecast)
	require.Empty(t, w.withdraw(w.withdrawInput()).Counts)
	require.Zero(t, w.writes(fault.Mimecast))
	require.Len(t, w.members(ownName), 3)
	for _, value := range []string{"again.top", "marked.top"} {
		require.Zero(t, w.on(ledger.BlockedSenders, value).DueAt, value)
	}
	require.Equal(t, later, w.on(ledger.BlockedSenders, "prolonged.top").ExpiresAt)
}

// A word that Falcon may add one day says nothing of a value, neither when the list is read nor when Falcon is asked once more.
func TestAnActionThatNobodyKnowsUnblocksNothing(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("changed.top"), iocDomain("marked.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "allow", "marked.top"))
	cursor = w.imported(cursor).Cursor
	require.NotZero(t, w.on(ledger.BlockedSenders, "marked.top").DueAt)
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "prevent_quarantine", "changed.top", "marked.top"))
	read := w.imported(cursor)
	require.Equal(t, 2, read.Counts[indicator.IOCDomains].Dropped["unknown-action"])
	require.Empty(t, w.withdraw(w.withdrawInput()).Counts)
	require.ElementsMatch(t, []string{"changed.top", "marked.top"}, w.members(ownName))
}

// What only a Threat Share lists by then is no reason to go on blocking.
func TestAnEntryOfAThreatShareDoesNotKeepAValueBlocked(t *testing.T) {
	w := newImports(t)
	_, cursor := w.manyListed(1)
	w.deleted(host(0))
	w.imported(cursor)
	own := iocDomain(host(0))
	own.Source = "Mimecast Threat Share: other"
	w.listed(own)
	require.Equal(t, 1, w.withdraw(w.withdrawInput()).Counts[indicator.IOCDomains].Withdrawn)
}

func TestFault_V21_TheDeletionGuardStopsWhatIsMoreThanTheLargerOfTenAndFivePercent(t *testing.T) {
	for name, tc := range map[string]struct{ held, due, allowed int }{
		"ten of few": {20, 10, 10}, "eleven of few": {20, 11, 10}, "five percent": {240, 12, 12}, "more than that": {240, 13, 12}, "very many": {40, 25, 10},
	} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			domains, cursor := w.manyListed(tc.held)
			w.deleted(domains[:tc.due]...)
			w.imported(cursor)
			w.writes(fault.Mimecast)
			result := w.withdraw(w.withdrawInput())
			if tc.due <= tc.allowed {
				require.Nil(t, result.Waiting)
				require.Len(t, w.members(ownName), tc.held-tc.due)
				return
			}
			first := slices.Sorted(slices.Values(domains[:tc.due]))
			require.Equal(t, &activities.Waiting{
				Due: tc.due, Held: tc.held, Allowed: tc.allowed, First: first[:min(tc.due, 20)],
			}, result.Waiting)
			require.Empty(t, result.Counts)
			require.False(t, result.More)
			require.Zero(t, w.writes(fault.Mimecast))

			in := w.withdrawInput()
			in.Approved = tc.due - 1
			require.NotNil(t, w.withdraw(in).Waiting, "approved for fewer")
			in.Approved = tc.due
			require.Equal(t, tc.due, w.withdraw(in).Counts[indicator.IOCDomains].Withdrawn)
		})
	}
}

// A dry run that would take off more than one step can be told gives only the number of the rest.
func TestWhatADryRunOnlyCountsCountsForTheDeletionGuard(t *testing.T) {
	w := newImports(t)
	domains, _ := w.manyListed(20)
	in := w.withdrawInput()
	in.DryRun = true
	for _, value := range domains[:8] {
		in.Due = append(in.Due, activities.Item{
			Verdict: "withdraw", List: ledger.BlockedSenders, Source: indicator.IOCDomains, Value: value, Reason: "deleted",
		})
	}
	w.deleted(domains[:8]...)
	require.Len(t, w.withdraw(in).Items, 8)
	in.MoreDue = 3
	require.Equal(t, &activities.Waiting{Due: 11, Held: 20, Allowed: 10, First: domains[:8]}, w.withdraw(in).Waiting)
}

// Tools that keep a feed up to date delete all of it and list it anew.
func TestAFeedThatIsDeletedAndListedAnewIsNoMassDeletion(t *testing.T) {
	w := newImports(t)
	domains, cursor := w.manyListed(30)
	w.deleted(domains...)
	for _, value := range domains {
		w.listed(iocDomain(value))
	}
	w.clock.pass(25 * time.Hour) // the sweep reads all that was deleted
	w.imported(cursor)
	require.Zero(t, w.withdraw(w.withdrawInput()))
	require.Len(t, w.members(ownName), 30)
}

func TestAnApprovedWithdrawalOfManyTakesSeveralSteps(t *testing.T) {
	w := newImports(t)
	var entries []ledger.Entry
	for i := range 501 {
		entry := entryOn(ledger.BYOTI, hash(i), ledger.Shared)
		entry.ExpiresAt = w.clock.now().Add(-time.Minute)
		entries = append(entries, entry)
	}
	require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), entries))
	in := w.withdrawInput()
	in.Approved = 501
	first := w.withdraw(in)
	require.True(t, first.More)
	require.Equal(t, 500, first.Counts[indicator.IOCHashes].Withdrawn)
	second := w.withdraw(in)
	require.False(t, second.More)
	require.Equal(t, 1, second.Counts[indicator.IOCHashes].Withdrawn)
}

func TestTheURLsOfADomainGoWithItUnlessAnAlertWantsThem(t *testing.T) {
	w := newImports(t)
	domains, cursor := w.manyListed(3)
	w.blockAlerted(findings(domains[0])...)
	w.urlOf(domains[2], "permit")
	w.blockURLs(indicator.IOCDomains)
	w.deleted(domains...)
	w.imported(cursor)
	require.Equal(t, activities.Counts{Withdrawn: 3}, w.withdraw(w.withdrawInput()).Counts[indicator.IOCDomains])
	managed := w.managed()
	require.Contains(t, managed, "https://"+domains[0], "an alert wants it")
	require.NotContains(t, managed, "https://"+domains[1])
	require.Equal(t, "permit", managed["https://"+domains[2]].Action, "somebody else's")
	require.Equal(t, []string{domains[0]}, w.policed(ownName))
	require.Equal(t, ledger.Shared, w.on(ledger.ManagedURLs, domains[0]).State)
	require.Equal(t, ledger.Withdrawn, w.on(ledger.ManagedURLs, domains[1]).State)
	require.Equal(t, ledger.Foreign, w.on(ledger.ManagedURLs, domains[2]).State)
}

func TestADomainThatComesBackIsBlockedAgainWithItsURLs(t *testing.T) {
	w := newImports(t)
	_, cursor := w.manyListed(1)
	w.blockURLs(indicator.IOCDomains)
	w.deleted(host(0))
	cursor = w.imported(cursor).Cursor
	w.withdraw(w.withdrawInput())
	require.Empty(t, w.managed())
	w.nextRun()
	w.listed(iocDomain(host(0)))
	w.imported(cursor)
	require.Equal(t, []string{host(0)}, w.members(ownName))
	require.Zero(t, w.on(ledger.BlockedSenders, host(0)).DueAt)
	require.Equal(t, 1, w.blockURLs(indicator.IOCDomains).Counts.URLsBlocked)
	require.Len(t, w.managed(), 1)
}
