package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
)

func openFile(t *testing.T) *Store {
	t.Helper()
	store, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// counting counts the queries that go to the database.
type counting struct {
	querier
	queries int
}

func (c *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.queries++
	return c.querier.QueryContext(ctx, query, args...)
}

func TestLookupOfAThousandKeysTakesAHandfulOfQueries(t *testing.T) {
	store := openFile(t)
	for _, test := range []struct {
		name    string
		kinds   []indicator.Kind
		n       int
		queries int
	}{
		{"none", []indicator.Kind{indicator.Domain}, 0, 0},
		{"a full query", []indicator.Kind{indicator.Domain}, 500, 1},
		{"one more", []indicator.Kind{indicator.Domain}, 501, 2},
		{"two kinds", []indicator.Kind{indicator.Domain, indicator.SHA256}, 1000, 2},
		{"one kind", []indicator.Kind{indicator.SHA256}, 1000, 2},
	} {
		var keys []indicator.Key
		for i := range test.n {
			kind := test.kinds[i%len(test.kinds)]
			keys = append(keys, indicator.Key{Kind: kind, Value: fmt.Sprintf("%04d.example", i)})
		}
		db := &counting{querier: store.reader}
		_, err := store.lookup(t.Context(), db, scope{"acme", FalconIOCs}, append(keys, keys...))
		require.NoError(t, err)
		require.Equal(t, test.queries, db.queries, test.name)
	}
}

func TestSearchReadsAnIndexAndSortsNothing(t *testing.T) {
	store := openFile(t)
	page := Position{ChangedAt: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC), List: FalconIOCs, Key: indicator.Key{Kind: indicator.Domain, Value: "a.example"}}
	const newest, inState = "indicators_newest (integration=?", "indicators_newest_in_state (integration=? AND state=?"
	const position = "(changed_at,list,kind,value)"
	for _, test := range []struct {
		query Query
		end   Position
		index string
	}{
		{Query{}, Position{}, newest + ")"},
		{Query{After: page}, Position{}, newest + " AND " + position + "<"},
		{Query{State: Held}, Position{}, inState + ")"},
		{Query{State: Held, After: page}, Position{}, inState + " AND " + position + "<"},
		{Query{Value: "a.example"}, Position{}, "indicators_by_value (integration=? AND value=?)"},
		{Query{Since: page.ChangedAt}, Position{}, newest + " AND changed_at>?)"},
		{Query{State: Held, Since: page.ChangedAt}, Position{}, inState + " AND changed_at>?)"},
		{Query{List: FalconIOCs, Kind: indicator.Domain, Value: "a.example"}, Position{}, "sqlite_autoindex_indicators_1 (integration=? AND list=? AND kind"},
		{Query{List: BYOTI}, Position{}, newest + ")"},
		{Query{Source: indicator.IOCDomains, Kind: indicator.Domain}, page, newest + " AND " + position + ">"},
		{Query{List: BYOTI, Source: indicator.IOCDomains, After: page}, page, newest + " AND " + position + ">(?,?,?,?) AND " + position + "<"},
		{Query{State: Shared, List: BYOTI}, Position{}, inState + ")"},
		{Query{State: Shared, List: BYOTI, Source: indicator.IOCDomains}, page, inState + " AND " + position + ">"},
		{Query{State: Quarantined, List: BYOTI, After: page}, page, inState + " AND " + position + ">(?,?,?,?) AND " + position + "<"},
	} {
		test.query.Integration = "acme"
		statement, arguments, err := searchStatement(test.query, test.end, 10, 0)
		require.NoError(t, err)
		plan := explain(t, store, statement, arguments)
		require.Contains(t, plan, test.index)
		require.NotContains(t, plan, "TEMP B-TREE", "%+v", test.query)
	}
}

// What every run asks for costs what there is to give, or a walk along an index: never a look at each row.
func TestWhatEveryRunAsksForReadsItsIndex(t *testing.T) {
	store := openFile(t)
	where := scope{"acme", BYOTI}
	keyed, keyedArguments := inBatch(where, []indicator.Key{{Kind: indicator.Domain, Value: "a.example"}, {Kind: indicator.Domain, Value: "b.example"}})
	const byKey = "sqlite_autoindex_indicators_1 (integration=? AND list=? AND kind=? AND value=?)"
	for _, test := range []struct {
		name, statement string
		arguments       []any
		want            []string
		sorts           bool
	}{
		{"count due", countDue, []any{"acme", "byoti", "acme", "byoti", "2026"}, []string{
			"indicators_due (integration=? AND list=?)", "indicators_ending (integration=? AND list=? AND expires_at<?)",
		}, false},
		{"read due", readDue, []any{"acme", "byoti", "acme", "byoti", "2026", 10}, []string{
			"indicators_due (integration=? AND list=?)", "indicators_ending (integration=? AND list=? AND expires_at<?)",
		}, true},
		{"count shared", countShared, []any{"acme", "byoti", "acme", "byoti"}, []string{
			"indicators_shared (integration=? AND list=?)", "indicators_due (integration=? AND list=?)",
		}, false},
		{"retry", retryStatement, []any{"acme", "byoti", 3, 10}, []string{
			"indicators_refused (integration=? AND list=? AND tries<?)",
		}, true},
		{"missing", missingStatement, []any{"acme", "blocked-senders", "iocDomains", "acme", "managed-urls", 10, "acme", "blocked-senders"}, []string{
			"MERGE (EXCEPT)", "indicators_shared (integration=? AND list=? AND source=?)",
			"COVERING INDEX indicators_known (integration=? AND list=?)", "SCAN missing\nSEARCH indicators USING INDEX " + byKey,
		}, true},
		{"summary", summaryStatement, []any{"acme", "run-1"}, []string{"COVERING INDEX indicators_by_run (integration=? AND run=?)"}, false},
		{"days", dailyStatement, []any{"acme", "2026-11-01"}, []string{"sqlite_autoindex_days_1 (integration=? AND day>?)"}, false},
		{"count a state", countStatement, []any{"acme", "held", 10}, []string{"(integration=? AND state=?)"}, false},
		{"mark due", setDueStatement + keyed + " AND " + isNotDue, append([]any{nil, ""}, keyedArguments...), []string{byKey}, false},
		{"clear due", setDueStatement + keyed + " AND " + isDue, append([]any{nil, ""}, keyedArguments...), []string{byKey}, false},
		{"wanted remediations", wantedStatement, []any{"acme", "iocDomains", 10}, []string{"remediations_wanted (integration=? AND source=?)"}, false},
		{"remediations of a value", remediationsOfStatement, []any{"acme", "domain", "a.example", 10}, []string{
			"sqlite_autoindex_remediations_1 (integration=? AND kind=? AND value=?)",
		}, false},
		{"remediation counts", remediationCountStatement, []any{"acme"}, []string{"COVERING INDEX remediations_by_state (integration=?)"}, false},
	} {
		plan := explain(t, store, test.statement, test.arguments)
		for _, index := range test.want {
			require.Contains(t, plan, index, test.name)
		}
		require.Equal(t, test.sorts, strings.Contains(plan, "TEMP B-TREE"), "%s:\n%s", test.name, plan)
	}
}

func TestTheListsAreEachOfOneVendor(t *testing.T) {
	require.Equal(t, ToFalcon, FalconIOCs.Direction())
	for _, list := range Lists() {
		if list != FalconIOCs {
			require.Equal(t, ToMimecast, list.Direction(), list)
		}
	}
	require.Empty(t, List("elsewhere").Direction())
}

func explain(t *testing.T, store *Store, statement string, arguments []any) string {
	t.Helper()
	rows, err := store.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, arguments...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	require.NoError(t, rows.Err())
	return strings.Join(steps, "\n")
}
