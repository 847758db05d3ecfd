package falcon_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestEveryAnswerHasItsClass(t *testing.T) {
	said := func(code int, message string) string {
		return fmt.Sprintf(`{"meta":{"trace_id":"t"},"errors":[{"code":%d,"message":%q}]}`, code, message)
	}
	for _, tc := range []struct {
		status int
		body   string
		class  vendorapi.Class
		remedy string
	}{
		{400, said(400, badBatch), vendorapi.Rejected, ""},
		{400, said(400, "Provided data does not match expected format"), vendorapi.Rejected, ""},
		{400, said(400, "Limit of 1 million indicators reached."), vendorapi.Quota, "delete"},
		{401, said(401, "access denied, invalid bearer token"), vendorapi.Credentials, "FALCON_BASE_URL"},
		{401, "", vendorapi.Credentials, ""},
		{403, said(403, "access denied, scope not permitted"), vendorapi.Forbidden, "scope"},
		{403, said(403, "access denied, authorization failed"), vendorapi.Forbidden, "allow-list"},
		{403, said(403, "don't have proper permissions"), vendorapi.Forbidden, "role"},
		{403, `{"message":"Forbidden"}`, vendorapi.Forbidden, ""},
		{404, said(404, "404: Page Not Found"), vendorapi.Rejected, "FALCON_BASE_URL"},
		{409, said(409, "conflict"), vendorapi.Rejected, ""},
		{413, said(413, "request too large"), vendorapi.Rejected, ""},
		{413, "<html>413</html>", vendorapi.Rejected, ""},
		{415, said(415, "415: Unsupported Media Type"), vendorapi.Rejected, ""},
		{429, said(429, "Too Many Requests"), vendorapi.Throttled, ""},
		{429, "<html>slow</html>", vendorapi.Throttled, ""},
		{500, said(500, "Internal Server Error: Please provide trace-id=t to support"), vendorapi.Unavailable, ""},
		{502, "<html>bad gateway</html>", vendorapi.Unavailable, ""},
		{503, "", vendorapi.Unavailable, ""},
		{504, "upstream timed out", vendorapi.Unavailable, ""},
		{403, "<html>blocked by the proxy</html>", vendorapi.Contract, ""},
		{404, "<html>nothing here</html>", vendorapi.Contract, ""},
		{400, `{"errors":`, vendorapi.Contract, ""},
		{200, "<html>sign in</html>", vendorapi.Contract, ""},
		{200, `{"errors":{}}`, vendorapi.Contract, ""},
		{200, said(0, "odd"), vendorapi.Contract, ""},
		{200, said(403, "access denied, scope not permitted"), vendorapi.Forbidden, "scope"},
		{201, said(500, "half"), vendorapi.Unavailable, ""},
		{200, said(429, "Too Many Requests"), vendorapi.Throttled, ""},
	} {
		failure := falcon.Refusal(tc.status, http.Header{}, []byte(tc.body))
		require.NotNil(t, failure, "%d %s", tc.status, tc.body)
		require.Equal(t, tc.class, failure.Class, "%d %s", tc.status, tc.body)
		require.Contains(t, failure.Remedy, tc.remedy, "%d %s", tc.status, tc.body)
	}
	for _, body := range []string{`{"errors":null,"resources":[]}`, `{"errors":[]}`, `{}`, "\ufeff{}", ``} {
		require.Nil(t, falcon.Refusal(200, http.Header{}, []byte(body)), body)
	}
}

func TestAMissingScopeIsNamedForTheCall(t *testing.T) {
	c := newFake(always(refusal(403, "access denied, scope not permitted", "null"))).client(t)
	_, err := c.Lookup(t.Context(), keys("a.example"))
	require.Contains(t, refused(t, err).Remedy, "IOC Management: Read")
	_, err = c.Create(t.Context(), shares("a.example"))
	require.Contains(t, refused(t, err).Remedy, "IOC Management: Write")
	require.Equal(t, vendorapi.Forbidden, refused(t, err).Class)
}

func TestATokenThatIsNoLongerGoodIsReplacedOnce(t *testing.T) {
	f := newFake(nil)
	f.answer = func(request) reply {
		if len(f.requests) == 1 {
			return refusal(401, "access denied, invalid bearer token", "null")
		}
		return found("")
	}
	c := f.client(t)
	_, err := c.Lookup(t.Context(), keys("a.example"))
	require.NoError(t, err)
	require.Len(t, f.tokens, 2)
	f.answer = always(refusal(401, "access denied, invalid bearer token", "null"))
	_, err = c.Lookup(t.Context(), keys("a.example"))
	require.Equal(t, vendorapi.Credentials, refused(t, err).Class)
	require.Len(t, f.requests, 4, "one repeat")
}

func TestTheTraceIDIsKept(t *testing.T) {
	header := http.Header{}
	body := []byte(`{"meta":{"trace_id":"from-the-body"},"errors":[{"code":500,"message":"x"}]}`)
	require.Equal(t, "from-the-body", falcon.Refusal(500, header, body).TraceID)
	header.Set("X-Cs-Traceid", "from-the-header")
	failure := falcon.Refusal(500, header, body)
	require.Equal(t, "from-the-header", failure.TraceID)
	require.Contains(t, failure.Error(), "[trace from-the-header]")
	require.Equal(t, "from-the-header", falcon.Refusal(502, header, []byte("<html>")).TraceID)
}

func TestTheWaitIsReadInEveryForm(t *testing.T) {
	at := noon().Add(30 * time.Second)
	seconds, milliseconds := strconv.FormatInt(at.Unix(), 10), strconv.FormatInt(at.UnixMilli(), 10)
	for name, tc := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"epoch seconds":                        {map[string]string{"X-Ratelimit-Retryafter": seconds}, 30 * time.Second},
		"epoch milliseconds":                   {map[string]string{"X-Ratelimit-Retryafter": milliseconds}, 30 * time.Second},
		"by the vendor's clock":                {map[string]string{"X-Ratelimit-Retryafter": seconds, "Date": noon().Add(20 * time.Second).Format(http.TimeFormat)}, 10 * time.Second},
		"over already":                         {map[string]string{"X-Ratelimit-Retryafter": strconv.FormatInt(noon().Unix()-5, 10)}, 0},
		"no epoch":                             {map[string]string{"X-Ratelimit-Retryafter": "30"}, 0},
		"negative":                             {map[string]string{"X-Ratelimit-Retryafter": "-1757757600"}, 0},
		"not a number":                         {map[string]string{"X-Ratelimit-Retryafter": "NaN"}, 0},
		"infinite":                             {map[string]string{"X-Ratelimit-Retryafter": "+Inf"}, 0},
		"words":                                {map[string]string{"X-Ratelimit-Retryafter": "soon"}, 0},
		"microseconds":                         {map[string]string{"X-Ratelimit-Retryafter": strconv.FormatInt(at.UnixMicro(), 10)}, 0},
		"Retry-After in seconds":               {map[string]string{"Retry-After": "7"}, 7 * time.Second},
		"Retry-After as a date":                {map[string]string{"Retry-After": at.Format(http.TimeFormat)}, 30 * time.Second},
		"Retry-After of a century":             {map[string]string{"Retry-After": "3155760000"}, 1e6 * time.Second},
		"Retry-After without end":              {map[string]string{"Retry-After": "Inf"}, 0},
		"Retry-After beside an unusable epoch": {map[string]string{"X-Ratelimit-Retryafter": "x", "Retry-After": "7"}, 7 * time.Second},
		"nothing":                              {nil, 0},
	} {
		header := http.Header{}
		for key, value := range tc.header {
			header.Set(key, value)
		}
		require.Equal(t, tc.want, falcon.Wait(header, noon()), name)
	}
}

func TestAThrottledCallAsksToWaitAndHoldsTheNextOneBack(t *testing.T) {
	limited := refusal(429, "Too Many Requests", "null")
	limited.header = map[string]string{"X-Ratelimit-Retryafter": strconv.FormatInt(time.Now().Add(5*time.Minute).Unix(), 10), "X-Ratelimit-Remaining": "0"}
	f := newFake(always(limited))
	c := f.client(t)
	_, err := c.Lookup(t.Context(), keys("a.example"))
	failure := refused(t, err)
	require.Equal(t, vendorapi.Throttled, failure.Class)
	require.Greater(t, failure.RetryAfter, 4*time.Minute)
	require.Less(t, failure.RetryAfter, 6*time.Minute)
	_, err = c.Create(t.Context(), shares("a.example"))
	require.Equal(t, vendorapi.Throttled, refused(t, err).Class)
	require.Len(t, f.requests, 1)
}

func TestTheLastCallsOfTheMinuteAreMadeSlowly(t *testing.T) {
	for remaining, gap := range map[string]time.Duration{
		"": 0, "5999": 0, "11": 0, "10": 200 * time.Millisecond, "6": 200 * time.Millisecond, "5": 500 * time.Millisecond,
		" 0 ": 500 * time.Millisecond, "-1": 500 * time.Millisecond, "NaN": 0, "soon": 0,
	} {
		header := http.Header{}
		header.Set("X-Ratelimit-Remaining", remaining)
		require.Equal(t, gap, falcon.Pace(header).Gap, remaining)
		require.Equal(t, gap > 0, falcon.Pace(header).For > 0, remaining)
	}
}

func FuzzRefusalIsAlwaysFitToTell(f *testing.F) {
	f.Add(400, "trace", []byte(`{"errors":[{"code":400,"message":"x"}],"resources":[{"message_type":"error","message":"y","row":"0","value":"z"},{"row":1.5},null,7]}`))
	f.Add(200, "", []byte(`{"errors":[{"code":"401","message":null,"id":"a\nb"}]}`))
	f.Add(502, "\x1b[31m", []byte(`<html>`))
	f.Add(429, "", []byte(`[]`))
	f.Add(404, "", []byte("\xff\xfe{"))
	f.Fuzz(func(t *testing.T, status int, trace string, body []byte) {
		failure := falcon.Refusal(status, http.Header{"X-Cs-Traceid": {trace}}, body)
		if failure == nil {
			require.True(t, status >= 200 && status < 300)
			return
		}
		require.NotEmpty(t, failure.Class)
		told := []string{failure.Error(), failure.Message, failure.TraceID, failure.Remedy}
		for _, item := range failure.Items {
			require.GreaterOrEqual(t, item.Row, 0)
			told = append(told, item.Value, item.Message, item.Type)
		}
		for _, text := range told {
			require.LessOrEqual(t, len([]rune(text)), 1200)
			for _, r := range text {
				require.True(t, unicode.IsPrint(r), "%U", r)
			}
		}
	})
}
