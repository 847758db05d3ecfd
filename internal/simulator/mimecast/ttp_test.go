package mimecast_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	attachments = "/api/ttp/attachment/get-logs"
	clicks      = "/api/ttp/url/get-logs"
	imposters   = "/api/ttp/impersonation/get-logs"
)

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05-0700") }

// addAttachments adds n malicious records, a minute apart and the newest a minute old. Their names count from 0, oldest
// first.
func (v *vendor) addAttachments(n int) {
	records := make([]any, n)
	for i := range n {
		records[i] = map[string]any{
			"date": stamp(noon.Add(time.Duration(i-n) * time.Minute)), "result": "malicious", "route": "inbound",
			"fileName": strconv.Itoa(i), "senderAddress": "<>",
		}
	}
	v.steer(http.MethodPost, "/logs/attachment", records)
}

func ask(fields string, page ...string) string {
	return fmt.Sprintf(`{"meta":{"pagination":{%s}},"data":[{%s}]}`, strings.Join(page, ","), fields)
}

// readAll follows the page tokens until a page is empty or the last.
func (v *vendor) readAll(path, key, fields string, size int) (names []string, tokens []string) {
	v.t.Helper()
	page := []string{fmt.Sprintf(`"pageSize":%d`, size)}
	for range 500 {
		r := v.post(path, ask(fields, page...))
		require.Equal(v.t, http.StatusOK, r.status, r.body)
		records := r.records(key)
		require.InDelta(v.t, len(records), r.page()["pageSize"], 0, "pageSize is the page's own size")
		for _, record := range records {
			names = append(names, fmt.Sprint(record["fileName"]))
		}
		if r.next() == "" || len(records) == 0 {
			return names, tokens
		}
		tokens = append(tokens, r.next())
		page = []string{page[0], fmt.Sprintf(`"pageToken":%q`, r.next())}
	}
	require.Fail(v.t, "the paging does not end")
	return nil, nil
}

func TestPagingReturnsEveryRecordOnceInBothOrders(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(250)
	whole := `"from":"2026-11-16T00:00:00+0000","oldestFirst":`
	oldest, tokens := v.readAll(attachments, "attachmentLogs", whole+"true", 100)
	newest, _ := v.readAll(attachments, "attachmentLogs", whole+"false", 100)
	require.Len(t, oldest, 250)
	require.Equal(t, "0", oldest[0])
	slices.Reverse(newest)
	require.Equal(t, oldest, newest)
	slices.Sort(tokens)
	require.Equal(t, tokens, slices.Compact(slices.Clone(tokens)), "each page has another token")
	v.noViolations()
}

func TestPagingIsWholeForAnySizeAndAnyTies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := newVendor(t)
		seconds := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 60).Draw(rt, "seconds")
		records := make([]any, len(seconds))
		for i, s := range seconds {
			records[i] = map[string]any{"date": stamp(noon.Add(-time.Duration(s) * time.Second)), "fileName": strconv.Itoa(i)}
		}
		v.steer(http.MethodPost, "/logs/attachment", records)
		order := rapid.SampledFrom([]string{"true", "false"}).Draw(rt, "oldestFirst")
		names, _ := v.readAll(attachments, "attachmentLogs", `"oldestFirst":`+order, rapid.IntRange(1, 20).Draw(rt, "size"))
		require.Len(rt, names, len(seconds))
		slices.Sort(names)
		require.Len(rt, slices.Compact(names), len(seconds))
	})
}

func TestNewestComesFirstUnlessAskedOtherwise(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(3)
	names, _ := v.readAll(attachments, "attachmentLogs", "", 10)
	require.Equal(t, []string{"2", "1", "0"}, names)
}

func TestNextStandsOnTheLastPageAndOnTheEmptyOneAfterIt(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(2)
	last := v.post(attachments, ask(""))
	require.Len(t, last.records("attachmentLogs"), 2)
	require.NotEmpty(t, last.next())
	empty := v.post(attachments, ask("", fmt.Sprintf(`"pageToken":%q`, last.next())))
	require.Empty(t, empty.data(), "data holds no object")
	require.NotEmpty(t, empty.next())
	require.InDelta(t, 0, empty.page()["pageSize"], 0)

	plain := newVendor(t, quirks(mimecast.Quirks{}))
	plain.addAttachments(2)
	require.Empty(t, plain.post(attachments, ask("")).next())
}

func TestEmptyLogHasBothForms(t *testing.T) {
	v := newVendor(t)
	require.Empty(t, v.post(attachments, ask("")).data())
	r := v.post(clicks, ask(""))
	require.Len(t, r.data(), 1)
	require.Empty(t, r.first()["clickLogs"])
	require.NotNil(t, r.first()["clickLogs"], "the list is empty, not null")
	require.Empty(t, r.next())
}

func TestPageSizeAboveOneHundredIsLoweredSilently(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(150)
	require.Len(t, v.post(attachments, ask("", `"pageSize":500`)).records("attachmentLogs"), 100)
	require.Len(t, v.post(attachments, ask("")).records("attachmentLogs"), 10, "the default")
	v.noViolations()
}

func TestPageTokenIsGoodForTheSameFiltersOnly(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(30)
	next := v.post(attachments, ask(`"oldestFirst":true`)).next()
	withToken := fmt.Sprintf(`"pageToken":%q`, next)
	require.Equal(t, http.StatusOK, v.post(attachments, ask(`"oldestFirst":true`, withToken)).status)
	v.noViolations()
	for _, request := range []string{
		ask(`"oldestFirst":false`, withToken), ask("", withToken), ask(`"oldestFirst":true`, `"pageToken":"made-up"`),
	} {
		r := v.post(attachments, request)
		require.Equal(t, http.StatusBadRequest, r.status)
		require.Equal(t, "err_validation_page_token", r.code())
		require.Len(t, v.violated(), 1)
	}
	require.Equal(t, http.StatusBadRequest, v.post(clicks, ask(`"oldestFirst":true`, withToken)).status)
}

func TestTotalCountIsMissingNowAndThen(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(1)
	with, without := 0, 0
	for range 20 {
		if _, there := v.post(attachments, ask("")).page()["totalCount"]; there {
			with++
		} else {
			without++
		}
	}
	require.Positive(t, with)
	require.Positive(t, without)
}

func TestWindowHoldsBothItsEdges(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(10)
	fields := fmt.Sprintf(`"from":%q,"to":%q,"oldestFirst":true`, stamp(noon.Add(-5*time.Minute)), stamp(noon.Add(-3*time.Minute)))
	names, _ := v.readAll(attachments, "attachmentLogs", fields, 100)
	require.Equal(t, []string{"5", "6", "7"}, names)
}

func TestWindowBeginsTodayWhenNothingIsSaid(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPost, "/logs/attachment", []any{
		map[string]any{"date": "2026-11-15T23:59:59+0000", "fileName": "yesterday"},
		map[string]any{"date": "2026-11-16T00:00:00+0000", "fileName": "today"},
		map[string]any{"date": "2026-11-16T13:00:00+0000", "fileName": "later"},
	})
	names, _ := v.readAll(attachments, "attachmentLogs", "", 100)
	require.Equal(t, []string{"today"}, names)
}

func TestLogsOlderThanTheirRetentionAreEmpty(t *testing.T) {
	v := newVendor(t)
	v.addAttachments(3)
	old := fmt.Sprintf(`"from":%q`, stamp(noon.Add(-30*24*time.Hour-2*time.Hour)))
	names, _ := v.readAll(attachments, "attachmentLogs", old, 100)
	require.Empty(t, names)
	young := fmt.Sprintf(`"from":%q`, stamp(noon.Add(-30*24*time.Hour)))
	names, _ = v.readAll(attachments, "attachmentLogs", young, 100)
	require.Len(t, names, 3)
}

func TestLateRecordIsFoundOnlyAfterItsTime(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPost, "/logs/attachment?visibleAfter=30s", []any{
		map[string]any{"date": stamp(noon.Add(-time.Hour)), "fileName": "late"},
	})
	names, _ := v.readAll(attachments, "attachmentLogs", "", 100)
	require.Empty(t, names)
	v.advance(30 * time.Second)
	names, _ = v.readAll(attachments, "attachmentLogs", "", 100)
	require.Equal(t, []string{"late"}, names)
}

func TestDatesAreTakenInThreeFormsAndNoOther(t *testing.T) {
	v := newVendor(t)
	for _, good := range []string{"2026-11-16T00:00:00+0000", "2026-11-16T00:00:00Z", "2026-11-16T01:00:00+01:00"} {
		require.Equal(t, http.StatusOK, v.post(attachments, ask(fmt.Sprintf(`"from":%q`, good))).status, good)
	}
	v.noViolations()
	for _, bad := range []string{"2026-11-16", "2026-11-16T00:00:00.000Z", "2026-11-16 00:00:00", "1763251200", "2026-13-16T00:00:00Z"} {
		r := v.post(attachments, ask(fmt.Sprintf(`"from":%q`, bad)))
		require.Equal(t, http.StatusBadRequest, r.status, bad)
		require.Equal(t, "err_validation_date", r.code(), bad)
		require.Len(t, v.violated(), 1, bad)
	}
}

func TestFiltersOfTheThreeLogs(t *testing.T) {
	v := newVendor(t)
	at := stamp(noon.Add(-time.Minute))
	v.steer(http.MethodPost, "/logs/attachment", []any{
		map[string]any{"date": at, "result": "malicious", "route": "inbound"},
		map[string]any{"date": at, "result": "safe", "route": "inbound"},
		map[string]any{"date": at, "result": "malicious", "route": "internal"},
	})
	v.steer(http.MethodPost, "/logs/url", []any{
		map[string]any{"date": at, "scanResult": "malicious", "route": "inbound"},
		map[string]any{"date": at, "scanResult": "suspicious", "route": "inbound"},
	})
	v.steer(http.MethodPost, "/logs/impersonation", []any{
		map[string]any{
			"eventTime": at, "taggedMalicious": true, "action": "hold", "senderAddress": "ceo@one.example",
			"identifiers": []string{"newly_observed_domain"},
		},
		map[string]any{"eventTime": at, "taggedMalicious": false, "action": "bounce", "senderAddress": "ceo@two.example"},
	})
	for _, c := range []struct {
		path, key, fields string
		found             int
	}{
		{attachments, "attachmentLogs", `"result":"malicious"`, 2},
		{attachments, "attachmentLogs", `"result":"malicious","route":"internal"`, 1},
		{attachments, "attachmentLogs", `"result":"all","route":"all"`, 3},
		{clicks, "clickLogs", `"scanResult":"malicious"`, 1},
		{clicks, "clickLogs", ``, 2},
		{imposters, "impersonationLogs", `"taggedMalicious":true`, 1},
		{imposters, "impersonationLogs", `"taggedMalicious":false`, 1},
		{imposters, "impersonationLogs", `"actions":["hold","bounce"]`, 2},
		{imposters, "impersonationLogs", `"identifiers":["newly_observed_domain"]`, 1},
		{imposters, "impersonationLogs", `"searchField":"senderAddress","query":"two.example"`, 1},
	} {
		r := v.post(c.path, ask(c.fields))
		require.Equal(t, http.StatusOK, r.status, c.fields)
		require.Len(t, r.records(c.key), c.found, c.fields)
	}
	require.Contains(t, v.post(imposters, ask("")).first(), "resultCount")
	v.noViolations()
	for _, bad := range []string{`"result":"bad"`, `"route":"sideways"`, `"scanResult":"malicious"`} {
		require.Equal(t, http.StatusBadRequest, v.post(attachments, ask(bad)).status, bad)
		require.Len(t, v.violated(), 1)
	}
}

func TestRecordsComeBackByteForByte(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPost, "/logs/url", []any{map[string]any{
		"date": stamp(noon), "url": "https://a.example/?x=1&y=<2>", "unknown": []any{1, "two", nil}, "scanResult": 7,
	}})
	record := v.post(clicks, ask("")).records("clickLogs")[0]
	require.Equal(t, "https://a.example/?x=1&y=<2>", record["url"])
	require.Equal(t, []any{float64(1), "two", nil}, record["unknown"])
	require.InDelta(t, 7, record["scanResult"], 0)
}

func TestRewrittenLinkIsDecodedAndAnotherIsNot(t *testing.T) {
	v := newVendor(t)
	original := "https://login.one.example/a?b=c"
	body := fmt.Sprintf(`{"data":[{"url":%q},{"url":"https://two.example/"}]}`, mimecast.Rewrite(original))
	r := v.post("/api/ttp/url/decode-url", body)
	require.Equal(t, []any{
		map[string]any{"url": original, "success": true},
		map[string]any{"url": "https://two.example/", "success": false},
	}, r.data())
	v.noViolations()
	many := `{"data":[` + strings.TrimSuffix(strings.Repeat(`{"url":"https://two.example/"},`, 26), ",") + `]}`
	require.Equal(t, http.StatusBadRequest, v.post("/api/ttp/url/decode-url", many).status)
	require.Len(t, v.violated(), 1)
}
