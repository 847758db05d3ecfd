package activities_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

const iocList = "/iocs/combined/indicator/v1"

func TestTheFirstReadTakesTheWholeListHoweverOld(t *testing.T) {
	w := newImports(t)
	old := iocDomain("old-evil.top")
	old.CreatedOn = w.clock.now().AddDate(-3, 0, 0).Format(time.RFC3339)
	md5 := control.IOC{Type: "md5", Value: hash(9)[:32], Action: "detect", Severity: "low"}
	w.listed(old, iocDomain("evil.top"), iocHash(hash(1)), md5)
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	require.Equal(t, []string{"old-evil.top", "evil.top"}, found(read.Found[indicator.IOCDomains]))
	require.Equal(t, []string{hash(1)}, found(read.Found[indicator.IOCHashes]))
	require.Equal(t, activities.Counts{Read: 2, Malicious: 2}, read.Counts[indicator.IOCDomains])
	require.Equal(t, activities.Counts{Read: 1, Malicious: 1}, read.Counts[indicator.IOCHashes])
	require.Equal(t, activities.Cursor{Newest: w.clock.now(), SweptAt: w.clock.now()}, read.Cursor)
	require.Zero(t, w.writes(fault.Falcon)+w.writes(fault.Mimecast))
}

func TestTheNextReadOfTheListStartsALittleBeforeItsNewestChange(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("first.top"))
	w.clock.pass(activities.Overlap + time.Minute)
	w.listed(iocDomain("second.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	require.Equal(t, w.clock.now(), cursor.Newest)
	late := iocDomain("late.top") // found by a search only after newer ones were
	late.CreatedOn = w.clock.now().Add(-activities.Overlap).Format(time.RFC3339)
	w.clock.pass(time.Minute)
	w.listed(late)
	read := w.readIOCs(w.iocsInput(cursor))
	require.Equal(t, []string{"late.top"}, found(read.Found[indicator.IOCDomains]))
	require.Equal(t, activities.Counts{Read: 2, Malicious: 2, AlreadyThere: 1}, read.Counts[indicator.IOCDomains], "the newest and the late one")
	require.Equal(t, cursor.Newest, read.Cursor.Newest, "a late one does not turn the cursor back")
}

// Whether a deletion counts as a change is not documented, so once a day every deleted entry is read.
func TestDeletedEntriesAreReadAfterTheOthersAndOnceADayAllOfThem(t *testing.T) {
	w := newImports(t)
	for _, value := range []string{"quiet.top", "loud.top", "last.top"} {
		w.listed(iocDomain(value))
		w.clock.pass(2 * time.Hour)
	}
	cursor := w.imported(activities.Cursor{}).Cursor
	require.NoError(t, w.vendors.EditFalconIOCs(t.Context(), map[string]any{
		"deleted": true, "modified_on": w.clock.now().Add(-6 * time.Hour).Format(time.RFC3339),
	}, "quiet.top"))
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), "loud.top"))

	w.clock.pass(5 * time.Minute)
	read := w.readIOCs(w.iocsInput(cursor))
	require.Equal(t, map[string]int{"deleted": 1}, read.Counts[indicator.IOCDomains].Dropped)
	require.Equal(t, indicator.Reason("deleted"), w.on(ledger.BlockedSenders, "loud.top").DueReason)
	require.Zero(t, w.on(ledger.BlockedSenders, "quiet.top").DueAt, "its deletion did not count as a change")

	w.clock.pass(24 * time.Hour)
	w.readIOCs(w.iocsInput(read.Cursor))
	require.Equal(t, indicator.Reason("deleted"), w.on(ledger.BlockedSenders, "quiet.top").DueReason)
	require.Zero(t, w.on(ledger.BlockedSenders, "last.top").DueAt)
}

func TestWithoutWithdrawalDeletedEntriesAreNotRead(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("evil.top"))
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), "evil.top"))
	in := w.iocsInput(activities.Cursor{})
	in.Withdraw = false
	read := w.readIOCs(in)
	require.Zero(t, read.Counts[indicator.IOCDomains])
	require.Zero(t, read.Cursor.SweptAt, "the day on which it is switched on all are read")
}

// It may be switched on later, when the change is no news any more. A dry run writes nothing and shows what the run would do.
func TestWithoutWithdrawalWhatFalconTakesBackIsMarkedAllTheSame(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("evil.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "allow", "evil.top"))
	in := w.iocsInput(cursor)
	in.Withdraw, in.DryRun = false, true
	require.Empty(t, w.readIOCs(in).Due)
	require.Zero(t, w.on(ledger.BlockedSenders, "evil.top").DueAt)
	in.DryRun = false
	w.readIOCs(in)
	require.Equal(t, indicator.Reason("not-blocking"), w.on(ledger.BlockedSenders, "evil.top").DueReason)
}

func TestFault_V17_AStaleTokenReadsTheListAgainAndLosesNothing(t *testing.T) {
	w := newImports(t)
	w.pagesOf(2)
	for i := range 50 {
		w.listed(iocDomain(host(i)))
		w.clock.pass(time.Second)
	}
	first := w.fetchIOCs(w.iocsInput(activities.Cursor{}))
	require.True(t, first.More)
	require.Len(t, first.Found[indicator.IOCDomains], 40, "20 pages")
	w.blockFound(first)
	stale := first.Cursor
	stale.Page = "a token of yesterday"
	rest := w.imported(stale)
	require.Len(t, rest.Found[indicator.IOCDomains], 10)
	require.Len(t, w.members(ownName), 50)
}

// The sweep counts as done only if it is: otherwise deletions would wait a day longer.
func TestAStaleTokenInTheMidstOfTheSweepDoesNotEndIt(t *testing.T) {
	w := newImports(t)
	w.pagesOf(1)
	for i := range 30 {
		w.listed(iocDomain(host(i)))
		w.clock.pass(time.Minute)
	}
	w.imported(activities.Cursor{})
	for i := range 30 {
		require.NoError(t, w.vendors.EditFalconIOCs(t.Context(), map[string]any{
			"deleted": true, "modified_on": w.clock.now().Add(-time.Duration(40-i) * time.Hour).Format(time.RFC3339),
		}, host(i)))
	}
	w.clock.pass(25 * time.Hour)
	in := w.iocsInput(activities.Cursor{Newest: w.clock.now()})
	first := w.fetchIOCs(in)
	require.True(t, first.More)
	require.True(t, first.Cursor.Deleted)
	in.Cursor = first.Cursor
	in.Cursor.Page = "a token of yesterday"
	w.readIOCs(in)
	for i := range 30 {
		require.NotZero(t, w.on(ledger.BlockedSenders, host(i)).DueAt, host(i))
	}
}

// circling answers the list with pages whose tokens lead in a circle.
func (w *world) circling() {
	w.t.Helper()
	page := func(value, after string) string {
		return fmt.Sprintf(`{"meta":{"pagination":{"limit":1,"total":9,"after":%q}},"errors":[],"resources":[{"id":"id-%s","type":"domain",`+
			`"value":%q,"action":"detect","modified_on":%q}]}`, after, value, value, w.clock.now().Format(time.RFC3339))
	}
	for range 20 {
		for _, body := range []string{page("one.top", "A"), page("two.top", "B")} {
			require.NoError(w.t, w.vendors.AddFaults(w.t.Context(), fault.Rule{
				Path: iocList, Kind: fault.Status, Status: http.StatusOK, Body: body, Count: 1,
			}))
		}
	}
}

func TestTokensThatLeadInACircleEndTheReading(t *testing.T) {
	w := newImports(t)
	w.circling()
	in := w.iocsInput(activities.Cursor{})
	in.Withdraw = false
	read := w.fetchIOCs(in)
	require.False(t, read.More)
	require.Subset(t, []string{"one.top", "two.top"}, found(read.Found[indicator.IOCDomains]))
	stats, err := w.vendors.Stats(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, stats.Calls[fault.Falcon]["GET "+iocList], 4)
}

func TestAFailureOnTheFirstPageOfTheListFailsTheStepAndOneOnALaterPageKeepsWhatWasRead(t *testing.T) {
	w := newImports(t)
	w.pagesOf(2)
	for i := range 6 {
		w.listed(iocDomain(host(i)))
	}
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Path: iocList, Kind: fault.Status, Status: http.StatusServiceUnavailable, After: 2, Count: 2,
	}))
	first := w.fetchIOCs(w.iocsInput(activities.Cursor{}))
	require.Len(t, first.Found[indicator.IOCDomains], 4)
	require.True(t, first.More)
	_, err := run[activities.FetchIOCsResult](w, w.FetchIOCs, w.iocsInput(first.Cursor))
	refusedAs(t, err, activities.VendorUnavailable, true)
	require.Len(t, w.readIOCs(w.iocsInput(first.Cursor)).Found[indicator.IOCDomains], 2)
}

func TestWhatAThreatShareMadeIsNeverImported(t *testing.T) {
	w := newImports(t)
	w.upload(w.clicked("by-ledger.top"))
	for value, made := range map[string]control.IOC{
		"by-source.top": {Source: ownName}, "by-tag.top": {Tags: []string{ownTag}},
		"of-another.top": {Source: "Mimecast Threat Share: other"}, "by-client.top": {CreatedBy: simulator.DemoClientID},
	} {
		made.Type, made.Value, made.Action, made.Severity = "domain", value, "detect", "low"
		w.listed(made)
	}
	w.edit(w.iocs()["by-ledger.top"].ID, map[string]any{"source": "", "tags": []string{}, "created_by": "somebody@soc.example"})
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	require.Empty(t, read.Found[indicator.IOCDomains])
	require.Equal(t, activities.Counts{Read: 5, Dropped: map[string]int{"own": 5}}, read.Counts[indicator.IOCDomains])
}

func TestOnlyWhatFalconStopsOrReportsIsBlocked(t *testing.T) {
	w := newImports(t)
	for action, value := range map[string]string{
		"detect": "detect.top", "prevent": "prevent.top", "prevent_no_ui": "silent.top", "allow": "allow.top", "no_action": "none.top",
		"allow_loudly": "future.top", "": "empty.top", "DETECT": "shouted.top",
	} {
		w.listed(control.IOC{Type: "domain", Value: value, Action: action})
	}
	ended := iocDomain("ended.top")
	ended.Expiration = w.clock.now().Add(-time.Minute).Format(time.RFC3339)
	flagged := iocDomain("flagged.top")
	flagged.Expired = true
	running := iocDomain("running.top")
	running.Expiration = w.clock.now().Add(time.Hour).Format(time.RFC3339)
	w.listed(ended, flagged, running)
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	domains := found(read.Found[indicator.IOCDomains])
	require.Subset(t, domains, []string{"detect.top", "prevent.top", "silent.top", "running.top"})
	require.NotContains(t, domains, "future.top", "a block of mail cannot be undone")
	require.Equal(t, 2, read.Counts[indicator.IOCDomains].Dropped["expired"])
	require.Equal(t, 11, read.Counts[indicator.IOCDomains].Read)
	require.Equal(t, len(domains), read.Counts[indicator.IOCDomains].Malicious)
	require.Equal(t, 3, read.Counts[indicator.IOCDomains].Dropped["not-blocking"], "Falcon makes no_action of an empty one")
	require.Equal(t, 6-len(domains), read.Counts[indicator.IOCDomains].Dropped["unknown-action"])
}

func TestASourceThatIsSwitchedOffIsCountedAndComesWholeWhenItIsSwitchedOn(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("evil.top"), iocHash(hash(1)))
	in := w.iocsInput(activities.Cursor{})
	in.Sources = []indicator.Source{indicator.IOCDomains}
	read := w.readIOCs(in)
	require.Equal(t, map[indicator.Source]activities.Counts{
		indicator.IOCDomains: {Read: 2, Malicious: 1, Dropped: map[string]int{"switched-off": 1}},
	}, read.Counts)
	require.Empty(t, read.Found[indicator.IOCHashes])
	w.blockFound(read)

	w.clock.pass(24 * time.Hour)
	both := w.readIOCs(w.iocsInput(activities.Cursor{})) // from the cursor of the one that is further behind
	require.Equal(t, []string{hash(1)}, found(both.Found[indicator.IOCHashes]))
	require.Empty(t, both.Found[indicator.IOCDomains])
	require.Equal(t, 1, both.Counts[indicator.IOCDomains].AlreadyThere)
}
