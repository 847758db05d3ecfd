package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

func (w *world) search(in activities.SearchLedgerInput) activities.SearchLedgerResult {
	w.t.Helper()
	if in.Integration == "" {
		in.Integration = acme
	}
	result, err := run[activities.SearchLedgerResult](w, w.SearchLedger, in)
	require.NoError(w.t, err)
	return result
}

func (w *world) book(at time.Time, entries ...ledger.Entry) {
	w.t.Helper()
	for i := range entries {
		if entries[i].Integration == "" {
			entries[i].Integration = acme
		}
	}
	require.NoError(w.t, w.store.Record(w.t.Context(), at, entries))
}

func domainKey(name string) indicator.Key {
	return indicator.Key{Kind: indicator.Domain, Value: name}
}

func booked(list ledger.List, name string, state ledger.State) ledger.Entry {
	return ledger.Entry{List: list, Key: domainKey(name), Source: indicator.IOCDomains, State: state, Run: "run-1"}
}

func valuesFound(result activities.SearchLedgerResult) []string {
	values := []string{}
	for _, entry := range result.Entries {
		values = append(values, entry.Value)
	}
	return values
}

func TestSearchTellsEverythingThatTheLedgerKnowsOfAValue(t *testing.T) {
	w := newWorld(t)
	began := w.clock.now().Add(-time.Hour)
	shared := ledger.Entry{
		List: ledger.FalconIOCs, Key: domainKey("evil.top"), Source: indicator.URLDomains, State: ledger.Shared, Reason: "found", Detail: "in full",
		VendorID: "id-1", Action: "detect", Severity: "high", Record: "record-1", Run: "run-1",
		SeenAt: began.Add(-time.Minute), ExpiresAt: began.Add(time.Hour),
	}
	blocked := booked(ledger.BlockedSenders, "evil.top", ledger.Shared)
	w.book(began, shared, blocked, booked(ledger.BlockedSenders, "other.top", ledger.Shared))
	due, err := w.store.MarkDue(t.Context(), began.Add(2*time.Minute), acme, ledger.BlockedSenders, map[indicator.Key]indicator.Reason{blocked.Key: "deleted"})
	require.NoError(t, err)
	require.Equal(t, 1, due)

	found := w.search(activities.SearchLedgerInput{Value: "evil.top"})
	require.Nil(t, found.Next)
	require.Equal(t, []activities.LedgerEntry{
		{
			Value: "evil.top", Kind: indicator.Domain, List: ledger.FalconIOCs, State: ledger.Shared, Reason: "found", Detail: "in full",
			Source: indicator.URLDomains, Record: "record-1", Run: "run-1", Action: "detect", Severity: "high", VendorID: "id-1",
			RecordedAt: began, ChangedAt: began, SeenAt: shared.SeenAt, ExpiresAt: shared.ExpiresAt,
		},
		{
			Value: "evil.top", Kind: indicator.Domain, List: ledger.BlockedSenders, State: ledger.Shared, Source: indicator.IOCDomains, Run: "run-1",
			RecordedAt: began, ChangedAt: began, DueAt: began.Add(2 * time.Minute), DueReason: "deleted",
		},
	}, found.Entries)
	require.Empty(t, w.search(activities.SearchLedgerInput{Value: "never.top"}).Entries)
	require.Empty(t, w.search(activities.SearchLedgerInput{Integration: "globex", Value: "evil.top"}).Entries)
}

func TestSearchSaysWhatAPersonMayRelease(t *testing.T) {
	w := newWorld(t)
	for reason, releasable := range map[indicator.Reason]bool{
		guard.FreeMail: true, guard.UnknownTLD: true, guard.InternalDomain: false, guard.PublicSuffix: false, indicator.NotADomain: false,
	} {
		held := booked(ledger.FalconIOCs, string(reason)+".top", ledger.Held)
		held.Reason = reason
		w.book(w.clock.now(), held)
		found := w.search(activities.SearchLedgerInput{Value: held.Value}).Entries
		require.Len(t, found, 1)
		require.Equal(t, releasable, found[0].Releasable, reason)
	}
	refused := booked(ledger.FalconIOCs, "refused.top", ledger.Quarantined)
	refused.Reason = guard.FreeMail // of an older run; it is not held now
	w.book(w.clock.now(), refused)
	require.False(t, w.search(activities.SearchLedgerInput{Value: "refused.top"}).Entries[0].Releasable)
}

func TestSearchFiltersByEveryField(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-time.Hour)
	file := booked(ledger.BYOTI, hash(1), ledger.Shared)
	file.Kind, file.Source = indicator.SHA256, indicator.IOCHashes
	w.book(at, booked(ledger.BlockedSenders, "a.top", ledger.Shared))
	w.book(at.Add(time.Minute), booked(ledger.BlockedSenders, "b.top", ledger.Held))
	w.book(at.Add(2*time.Minute), booked(ledger.ManagedURLs, "c.top", ledger.Shared), file)
	for name, c := range map[string]struct {
		in   activities.SearchLedgerInput
		want []string
	}{
		"all":    {activities.SearchLedgerInput{}, []string{"c.top", hash(1), "b.top", "a.top"}},
		"list":   {activities.SearchLedgerInput{List: ledger.BlockedSenders}, []string{"b.top", "a.top"}},
		"state":  {activities.SearchLedgerInput{State: ledger.Held}, []string{"b.top"}},
		"kind":   {activities.SearchLedgerInput{Kind: indicator.SHA256}, []string{hash(1)}},
		"source": {activities.SearchLedgerInput{Source: indicator.IOCHashes}, []string{hash(1)}},
		"since":  {activities.SearchLedgerInput{Since: at.Add(time.Minute), List: ledger.BlockedSenders}, []string{"b.top"}},
	} {
		require.Equal(t, c.want, valuesFound(w.search(c.in)), name)
	}
}

func TestSearchPagesThroughEverything(t *testing.T) {
	w := newWorld(t)
	var entries []ledger.Entry
	for n := range 1_201 {
		entries = append(entries, booked(ledger.BlockedSenders, fmt.Sprintf("host-%04d.top", n), ledger.Shared))
	}
	w.book(w.clock.now(), entries...)
	for limit, sizes := range map[int][]int{0: {500, 500, 201}, 600: {500, 500, 201}, 400: {400, 400, 400, 1}} {
		seen := map[string]bool{}
		in := activities.SearchLedgerInput{Limit: limit}
		for i, size := range sizes {
			page := w.search(in)
			require.Len(t, page.Entries, size)
			for _, entry := range page.Entries {
				require.False(t, seen[entry.Value], entry.Value)
				seen[entry.Value] = true
			}
			require.Equal(t, i == len(sizes)-1, page.Next == nil)
			in.After = page.Next
		}
		require.Len(t, seen, len(entries))
	}
}

// A hostile vendor can make each text as long as the ledger keeps it, of characters that JSON writes in six bytes.
func TestAPageOfSearchFitsIntoAPayloadWhateverItHolds(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("<", 5_000)
	var entries []ledger.Entry
	for n := range 40 {
		entry := booked(ledger.BlockedSenders, fmt.Sprintf("%q", strings.Repeat("&", 2_000)+fmt.Sprint(n)), ledger.Quarantined)
		entry.Detail, entry.VendorID, entry.Record, entry.Run, entry.Action = long, long, long, long, long
		entries = append(entries, entry)
	}
	w.book(w.clock.now(), entries...)
	for n := range 20 {
		day := w.clock.now().AddDate(0, 0, -n).Format(time.DateOnly)
		require.NoError(t, w.store.RecordRemediation(t.Context(), w.clock.now(), ledger.Remediation{
			Integration: acme, Key: entries[0].Key, Day: day, Source: indicator.IOCDomains, State: ledger.Done,
			Incident: long, Code: long, Detail: long, Run: long,
		}))
	}
	seen := 0
	for in := (activities.SearchLedgerInput{}); ; {
		page := w.search(in)
		text, err := json.Marshal(page)
		require.NoError(t, err)
		require.Less(t, len(text), 256<<10)
		require.NotEmpty(t, page.Entries)
		seen += len(page.Entries)
		if in.After = page.Next; page.Next == nil {
			break
		}
	}
	require.Equal(t, len(entries), seen)

	page := w.search(activities.SearchLedgerInput{Value: entries[0].Value})
	text, err := json.Marshal(page)
	require.NoError(t, err)
	require.Less(t, len(text), 256<<10)
	require.Len(t, page.Entries[0].Remediations, 10)
}

func TestSearchGivesTheRemovalsOfMailOfAValueNewestFirst(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now()
	w.book(at, booked(ledger.BlockedSenders, "evil.top", ledger.Shared), booked(ledger.ManagedURLs, "evil.top", ledger.Shared))
	for _, day := range []string{"2026-11-14", "2026-11-16", "2026-11-15"} {
		require.NoError(t, w.store.WantRemediations(t.Context(), at, []ledger.Remediation{
			{Integration: acme, Key: domainKey("evil.top"), Day: day, Source: indicator.IOCDomains, Run: "run-1"},
			{Integration: acme, Key: domainKey("other.top"), Day: day, Source: indicator.IOCDomains, Run: "run-1"},
		}))
	}
	require.NoError(t, w.store.RecordRemediation(t.Context(), at.Add(time.Minute), ledger.Remediation{
		Integration: acme, Key: domainKey("evil.top"), Day: "2026-11-15", Source: indicator.IOCDomains, State: ledger.Done,
		Incident: "id-1", Code: "TR-1", Detail: "ended", Identified: 5, Successful: 4, Failed: 1,
	}))
	for _, entry := range w.search(activities.SearchLedgerInput{Value: "evil.top"}).Entries {
		if entry.List != ledger.BlockedSenders {
			require.Empty(t, entry.Remediations, "the block of its links asks for none")
			continue
		}
		require.Len(t, entry.Remediations, 3)
		require.Equal(t, "2026-11-16", entry.Remediations[0].Day)
		require.Equal(t, activities.LedgerRemediation{
			Day: "2026-11-15", State: ledger.Done, Code: "TR-1", Incident: "id-1", Detail: "ended", Identified: 5, Successful: 4, Failed: 1,
			Run: "run-1", WantedAt: at, ChangedAt: at.Add(time.Minute),
		}, entry.Remediations[1])
	}
	for _, entry := range w.search(activities.SearchLedgerInput{}).Entries {
		require.Empty(t, entry.Remediations, "of a list they are not given")
	}
}

func TestASearchThatNoEntryCanAnswerIsRefusedWithEveryProblem(t *testing.T) {
	w := newWorld(t)
	_, err := run[activities.SearchLedgerResult](w, w.SearchLedger, activities.SearchLedgerInput{
		List: "blocked", State: "blo\x1bcked", Kind: "md5", Source: "nowhere", Limit: -1,
	})
	failed := refusedAs(t, err, activities.InvalidInput, false)
	for _, words := range []string{
		`list: must be one of iocs, byoti, blocked-senders, sender-policies, managed-urls, not "blocked"`, "state: must be one of shared, held,",
		"kind: must be one of sha256, domain", "source: must be one of attachmentHashes,", "limit: must be above 0", "integration: is missing",
	} {
		require.Contains(t, failed.Message(), words)
	}
	require.NotContains(t, failed.Message(), "\x1b")
	for _, in := range []activities.SearchLedgerInput{
		{Integration: acme, Value: "zero\x00byte"},
		{Integration: acme, Value: strings.Repeat("a", 5_000)},
		{Integration: acme, After: &activities.LedgerCursor{ChangedAt: w.clock.now()}},
	} {
		_, err := run[activities.SearchLedgerResult](w, w.SearchLedger, in)
		refusedAs(t, err, activities.InvalidInput, false)
	}
}

// silentLedger fails when it is searched.
type silentLedger struct{ activities.Ledger }

func (silentLedger) Search(context.Context, ledger.Query) ([]ledger.Entry, error) {
	return nil, errors.New("database is locked")
}

func TestASearchIsRepeatedWhenTheLedgerDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	w.Ledger = silentLedger{w.store}
	_, err := run[activities.SearchLedgerResult](w, w.SearchLedger, activities.SearchLedgerInput{Integration: acme})
	refusedAs(t, err, activities.StoreUnavailable, true)
}
