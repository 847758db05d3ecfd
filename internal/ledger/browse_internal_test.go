package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
)

// The place where a page stops looking lies on any entry: on one that matches, on the last one of all, among those of one time.
func TestBrowsingInStepsOfAnyLengthGivesEachEntryOnce(t *testing.T) {
	store := openFile(t)
	base := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	for i := range 14 {
		e := Entry{
			Integration: "acme", List: Lists()[i%2], State: States()[i%3/2], Source: indicator.IOCDomains,
			Key: indicator.Key{Kind: indicator.Domain, Value: fmt.Sprintf("%02d.example", i)},
		}
		if i%5 == 0 {
			e.Source = indicator.AlertDomains
		}
		require.NoError(t, store.Record(t.Context(), base.Add(time.Duration(i/4)*time.Minute), []Entry{e}))
	}
	for _, q := range []Query{
		{Source: indicator.AlertDomains},
		{List: FalconIOCs},
		{State: Shared, List: BYOTI, Since: base.Add(time.Minute)},
		{State: Held, Source: indicator.IOCDomains, Kind: indicator.Domain},
		{Source: "none"},
	} {
		q.Integration, q.Limit = "acme", MaxLimit
		want, err := store.Search(t.Context(), q)
		require.NoError(t, err)
		for most := 1; most <= 16; most++ {
			for limit := 1; limit <= 4; limit++ {
				q.Limit, q.After = limit, Position{}
				var found []Entry
				for {
					page, err := store.browse(t.Context(), q, most)
					require.NoError(t, err)
					require.LessOrEqual(t, len(page.Entries), min(limit, most))
					found = append(found, page.Entries...)
					if page.Next == (Position{}) {
						break
					}
					q.After = page.Next
				}
				require.Equal(t, want, found)
			}
		}
	}
}
