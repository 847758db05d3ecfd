package falcon_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/drift"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
)

// Every recorded page with every change of one thing in it. What is listed or alerted on is never a value that the page as it was
// does not name, and every record is counted.
func TestFault_V22_NoChangeOfTheAnswersNamesAWrongValue(t *testing.T) {
	var body string
	c := newFake(func(request) reply { return reply{status: 200, body: body} }).direct(t, 200)
	list := func() (values map[string]bool, read, counted int, err error) {
		page, err := c.ListIOCs(t.Context(), indicator.ListQuery{})
		values, counted = map[string]bool{}, len(page.Entries)
		for _, entry := range page.Entries {
			values[entry.Value] = true
		}
		for _, n := range page.Dropped {
			counted += n
		}
		return values, page.Read, counted, err
	}
	alerts := func() (values map[string]bool, read, counted int, err error) {
		page, err := c.Alerts(t.Context(), indicator.Query{})
		values = map[string]bool{}
		records := map[string]bool{}
		for _, sighting := range page.Sightings {
			records[sighting.Record] = true
			if found, err := indicator.New(sighting, ""); err == nil {
				values[found.Value] = true
			}
		}
		counted = len(records)
		for _, n := range page.Dropped {
			counted += n
		}
		return values, page.Read, counted, err
	}
	all := 0
	for name, read := range map[string]func() (map[string]bool, int, int, error){"ioc-page.json": list, "alert-page.json": alerts} {
		body = file(t, name)
		named, _, _, err := read()
		if name == "ioc-page.json" { // one of its records cannot be read as it is; a change may mend that
			named["odd.example"] = true
		}
		require.NoError(t, err)
		require.NotEmpty(t, named)
		mutations, err := drift.Of([]byte(body))
		require.NoError(t, err)
		refused := 0
		for i, mutation := range mutations {
			if i%scale.Of(4, 1) != 0 {
				continue
			}
			all++
			body = string(mutation.Body)
			values, n, counted, err := read()
			if err != nil {
				refused++
				continue
			}
			require.Equal(t, n, counted, "%s: %s is %s", name, mutation.Path, mutation.What)
			for value := range values {
				_, novel := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: value}, "")
				require.True(t, named[value] || novel != nil, "%s: %s is %s: names %s", name, mutation.Path, mutation.What, value)
			}
		}
		t.Logf("%s: %d changes, %d of them refused as a whole", name, len(mutations), refused)
	}
	require.Greater(t, all, 500)
}
