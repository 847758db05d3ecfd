package vendorapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestAnErrorSaysWhoAnsweredWhatAndWhatToDo(t *testing.T) {
	for want, failure := range map[string]vendorapi.Error{
		"Acme answered 403 to GET /things (no_go): not for you; add it in the console [trace t-1]": {
			Vendor: "acme", Operation: "GET /things", Status: 403, Code: "no_go", Message: "not for you", Remedy: "add it in the console", TraceID: "t-1",
		},
		"Acme answered 429 to GET /things; asks to wait 1m30s":                      {Vendor: "acme", Operation: "GET /things", Status: 429, RetryAfter: 90 * time.Second},
		"Acme, GET /things: not called: the vendor has asked to wait":               {Vendor: "acme", Operation: "GET /things", Class: vendorapi.Throttled, Message: "not called: the vendor has asked to wait"},
		"Acme, GET /things: unavailable":                                            {Vendor: "acme", Operation: "GET /things", Class: vendorapi.Unavailable},
		"Acme answered 500 to GET /a b: one line  of this":                          {Vendor: "acme", Operation: "GET /a\nb", Status: 500, Message: "one line\r\nof this"},
		"Éclair answered 500 to GET /things":                                        {Vendor: "éclair", Operation: "GET /things", Status: 500},
		"The vendor answered 500 to GET /things":                                    {Operation: "GET /things", Status: 500},
		"Acme answered 500 to GET /things: " + strings.Repeat("x", 2000) + "…; fix": {Vendor: "acme", Operation: "GET /things", Status: 500, Message: strings.Repeat("x", 1<<20), Remedy: "fix"},
	} {
		require.Equal(t, want, failure.Error())
	}
}

func TestAVendorThatIsGoneDidNotAnswer(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	v.Close()
	require.Regexp(t, `^Acme did not answer POST /token: dial tcp .*refused$`, get(t.Context(), c).Error())
}

func TestAuthenticateAsksForATokenAndNothingElse(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	require.NoError(t, c.Authenticate(t.Context()))
	require.NoError(t, c.Authenticate(t.Context()))
	require.EqualValues(t, 1, v.tokenCalls.Load())
	require.Zero(t, v.calls.Load())
	v.token = func(w http.ResponseWriter, _ *http.Request, _ int64) { write(w, http.StatusForbidden, `{}`) }
	c.ForgetToken()
	require.Equal(t, vendorapi.Forbidden, refused(t, c.Authenticate(t.Context())).Class)
}

func TestTheClocksAreComparedByEveryAnswerThatHasADate(t *testing.T) {
	const second = time.Second
	for name, tc := range map[string]struct {
		header map[string]string
		from   time.Duration
		to     time.Duration
		known  bool
	}{
		"the same time": {map[string]string{"Date": dated(0)}, -10 * second, 0, true},
		"ahead":         {map[string]string{"Date": dated(time.Hour)}, time.Hour - 10*second, time.Hour, true},
		"behind":        {map[string]string{"Date": dated(-time.Hour)}, -time.Hour - 10*second, -time.Hour + 2*second, true},
		"no date":       {map[string]string{"Date": "yesterday"}, 0, 0, false},
		"from a cache":  {map[string]string{"Date": dated(-time.Hour), "Age": "3600"}, 0, 0, false},
	} {
		v := newVendor(t)
		c := v.client(t)
		_, known := c.Skew()
		require.False(t, known, "nothing was asked yet")
		v.token = func(w http.ResponseWriter, _ *http.Request, _ int64) {
			for key, value := range tc.header {
				w.Header().Set(key, value)
			}
			write(w, http.StatusForbidden, `{}`) // a refusal has a date as well
		}
		require.Error(t, get(t.Context(), c))
		ahead, known := c.Skew()
		require.Equal(t, tc.known, known, name)
		require.GreaterOrEqual(t, ahead, tc.from, name)
		require.LessOrEqual(t, ahead, tc.to, name)
	}
}

func dated(ahead time.Duration) string { return time.Now().Add(ahead).UTC().Format(http.TimeFormat) }
