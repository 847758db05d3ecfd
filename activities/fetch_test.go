package activities_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func TestEachLogGivesTheIndicatorsOfItsSource(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-time.Hour)
	w.logged(indicator.AttachmentHashes, attachment(at, hash(1)))
	w.logged(indicator.URLDomains, click(at, "https://login.evil-one.top/a?b=c"))
	w.logged(indicator.ImpersonationDomains, impersonation(at, "boss@evil-two.top"))
	for source, value := range map[indicator.Source]string{
		indicator.AttachmentHashes: hash(1), indicator.URLDomains: "login.evil-one.top", indicator.ImpersonationDomains: "evil-two.top",
	} {
		got := w.fetch(source, activities.Cursor{})
		require.Len(t, got.Indicators, 1, source)
		require.Equal(t, indicator.Key{Kind: source.Kind(), Value: value}, got.Indicators[0].Key)
		require.Equal(t, source, got.Indicators[0].Source)
		require.Equal(t, at, got.Indicators[0].SeenAt)
		require.NotEmpty(t, got.Indicators[0].Record)
		require.Equal(t, activities.Cursor{Newest: at, ReadTo: w.clock.now()}, got.Cursor)
		require.Equal(t, activities.Counts{Read: 1, Malicious: 1}, got.Counts)
		require.False(t, got.More)
	}
	require.Zero(t, w.writes(fault.Mimecast))
}

func TestWhatIsNoThreatIsCountedByReason(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-time.Hour)
	safe, allowed := attachment(at, hash(1)), click(at, "https://evil.top")
	safe["result"], allowed["action"] = "safe", "allow"
	w.logged(indicator.AttachmentHashes, safe, attachment(at, hash(2)))
	w.logged(indicator.URLDomains, allowed)
	require.Equal(t, activities.Counts{Read: 2, Malicious: 1, Dropped: map[string]int{"not-malicious": 1}},
		w.fetch(indicator.AttachmentHashes, activities.Cursor{}).Counts)
	require.Equal(t, activities.Counts{Read: 1, Dropped: map[string]int{"allowed": 1}},
		w.fetch(indicator.URLDomains, activities.Cursor{}).Counts)
}

func TestTheNextReadFindsRecordsThatCameLateWithinTheOverlap(t *testing.T) {
	w := newWorld(t)
	now := w.clock.now()
	w.logged(indicator.AttachmentHashes, attachment(now, hash(1)))
	w.loggedLate(indicator.AttachmentHashes, activities.Overlap, attachment(now.Add(-activities.Overlap), hash(2)))
	first := w.fetch(indicator.AttachmentHashes, activities.Cursor{})
	require.Equal(t, []string{hash(1)}, values(first.Indicators))
	w.clock.pass(activities.Overlap)
	second := w.fetch(indicator.AttachmentHashes, first.Cursor)
	require.ElementsMatch(t, []string{hash(1), hash(2)}, values(second.Indicators))
	require.Equal(t, first.Cursor.Newest, second.Cursor.Newest, "a late record does not turn the cursor back")
}

func TestFault_V19_ARecordFromTheFutureDoesNotHideThePresent(t *testing.T) {
	w := newWorld(t)
	now := w.clock.now()
	w.logged(indicator.AttachmentHashes, attachment(now.Add(48*time.Hour), hash(1)), attachment(now.Add(-time.Minute), hash(2)))
	first := w.fetch(indicator.AttachmentHashes, activities.Cursor{})
	require.Equal(t, []string{hash(2)}, values(first.Indicators))
	require.False(t, first.Cursor.Newest.After(now))
	w.clock.pass(time.Hour)
	w.logged(indicator.AttachmentHashes, attachment(w.clock.now(), hash(3)))
	second := w.fetch(indicator.AttachmentHashes, first.Cursor)
	require.ElementsMatch(t, []string{hash(2), hash(3)}, values(second.Indicators), "the overlap and what is new")
	w.clock.pass(48 * time.Hour)
	require.Contains(t, values(w.fetch(indicator.AttachmentHashes, second.Cursor).Indicators), hash(1))
}

func TestAnUnfinishedWindowContinuesWhereItEnded(t *testing.T) {
	w := newWorld(t)
	w.Vendors = w.clients(2) // 20 pages of 2 in a step
	at := w.clock.now().Add(-2 * time.Hour)
	var all []string
	for i := range 101 { // all with the same time stamp, so that no date tells them apart
		w.logged(indicator.URLDomains, click(at, "https://"+host(i)))
		all = append(all, host(i))
	}
	var got []string
	cursor, opened := activities.Cursor{}, w.clock.now()
	for step, want := range []int{40, 40, 21} {
		result := w.fetch(indicator.URLDomains, cursor)
		require.Len(t, result.Indicators, want, "step %d", step)
		require.Equal(t, step < 2, result.More)
		require.Equal(t, at, result.Cursor.Newest)
		got, cursor = append(got, values(result.Indicators)...), result.Cursor
		w.clock.pass(time.Minute)
	}
	require.ElementsMatch(t, all, got)
	require.Equal(t, activities.Cursor{Newest: at, ReadTo: opened}, cursor, "the window is closed")
}

func TestFault_V17_AStalePageTokenReadsTheWindowAgainAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.Vendors = w.clients(1)
	start := w.clock.now().Add(-3 * time.Hour)
	for i := range 30 {
		w.logged(indicator.URLDomains, click(start.Add(time.Duration(i)*time.Minute), "https://"+host(i)))
	}
	first := w.fetch(indicator.URLDomains, activities.Cursor{})
	require.True(t, first.More)
	require.Len(t, first.Indicators, 20)
	first.Cursor.Page = "a token of yesterday"
	found := map[string]bool{}
	for cursor, more := first.Cursor, true; more; {
		next := w.fetch(indicator.URLDomains, cursor)
		for _, value := range values(next.Indicators) {
			found[value] = true
		}
		cursor, more = next.Cursor, next.More
	}
	for i := 20; i < 30; i++ {
		require.True(t, found[host(i)], host(i))
	}
}

func TestAStartBeyondTheVendorsRetentionIsMovedToItsEdge(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-29 * 24 * time.Hour)
	w.logged(indicator.AttachmentHashes, attachment(at, hash(1)))
	in := w.fetchInput(indicator.AttachmentHashes, activities.Cursor{})
	in.Since = w.clock.now().Add(-90 * 24 * time.Hour)
	got, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, in)
	require.NoError(t, err)
	require.Equal(t, []string{hash(1)}, values(got.Indicators))

	// The same for an integration that was switched off for long.
	in.Cursor = activities.Cursor{Newest: w.clock.now().Add(-60 * 24 * time.Hour)}
	got, err = run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, in)
	require.NoError(t, err)
	require.Equal(t, []string{hash(1)}, values(got.Indicators))
}

const clickLogs = "/api/ttp/url/get-logs"

func TestAFailureOnTheFirstPageFailsTheStep(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Path: clickLogs, Kind: fault.Status, Status: http.StatusServiceUnavailable}))
	_, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
	refusedAs(t, err, activities.VendorUnavailable, true)
}

func TestAFailureOnALaterPageKeepsWhatWasRead(t *testing.T) {
	w := newWorld(t)
	w.Vendors = w.clients(2)
	at := w.clock.now().Add(-time.Hour)
	for i := range 6 {
		w.logged(indicator.URLDomains, click(at, "https://"+host(i)))
	}
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Path: clickLogs, Kind: fault.Status, Status: http.StatusServiceUnavailable, After: 2, Count: 1,
	}))
	first := w.fetch(indicator.URLDomains, activities.Cursor{})
	require.Equal(t, []string{host(0), host(1), host(2), host(3)}, values(first.Indicators))
	require.True(t, first.More)
	second := w.fetch(indicator.URLDomains, first.Cursor)
	require.Equal(t, []string{host(4), host(5)}, values(second.Indicators))
	require.False(t, second.More)
}

func TestWhatTheLedgerKnowsAsSharedIsNotReturnedAgain(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-time.Hour)
	w.logged(indicator.URLDomains, click(at, "https://evil.top"), click(at, "https://evil.top/again"), click(at, "https://worse.top"))
	first := w.fetch(indicator.URLDomains, activities.Cursor{})
	require.Equal(t, []string{"evil.top", "worse.top"}, values(first.Indicators), "each value once")
	w.upload(first.Indicators[0])
	second := w.fetch(indicator.URLDomains, first.Cursor)
	require.Equal(t, []string{"worse.top"}, values(second.Indicators), "what was read and not written comes again")
	require.Equal(t, 1, second.Counts.AlreadyThere)
}

func TestTheTenantsOwnDomainsAreAskedForOnceAnHour(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.SetInternalDomains(t.Context(), "acme-mail.top"))
	w.logged(indicator.URLDomains, click(w.clock.now().Add(-time.Minute), "https://www.acme-mail.top/login"))
	asked := func() int {
		stats, err := w.vendors.Stats(t.Context())
		require.NoError(t, err)
		return stats.Calls[fault.Mimecast]["GET /domain/cloud-gateway/v1/internal-domains"]
	}
	for range 3 {
		got := w.fetch(indicator.URLDomains, activities.Cursor{})
		require.Equal(t, 1, got.Counts.Held["internal-domain"])
		w.clock.pass(19 * time.Minute)
	}
	require.Equal(t, 1, asked())
	w.clock.pass(3 * time.Minute)
	w.fetch(indicator.URLDomains, activities.Cursor{})
	require.Equal(t, 2, asked())

	w.logged(indicator.AttachmentHashes, attachment(w.clock.now(), hash(1)))
	w.clock.pass(2 * time.Hour)
	w.fetch(indicator.AttachmentHashes, activities.Cursor{})
	require.Equal(t, 2, asked(), "hashes belong to no domain")
}

func TestAnEmptyListOfTheTenantsDomainsIsNotBelievedForAnHour(t *testing.T) {
	w := newWorld(t)
	w.settings.Protect.Domains = []string{"partner-of-acme.top"}
	require.NoError(t, w.vendors.SetInternalDomains(t.Context()))
	w.logged(indicator.URLDomains, click(w.clock.now().Add(-time.Minute), "https://www.acme-mail.top/login"))
	w.fetch(indicator.URLDomains, activities.Cursor{})
	require.NoError(t, w.vendors.SetInternalDomains(t.Context(), "acme-mail.top"))
	again := w.fetch(indicator.URLDomains, activities.Cursor{})
	require.Equal(t, 1, again.Counts.Held["internal-domain"])
}
