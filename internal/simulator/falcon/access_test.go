package falcon_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTokenIsA201OfHalfAnHourAndNamesTheRegion(t *testing.T) {
	v := start(t)
	a := v.form("/oauth2/token", url.Values{
		"client_id": {clientID}, "client_secret": {clientSecret}, "grant_type": {"client_credentials"},
		"member_cid": {"aaaabbbbccccddddaaaabbbbccccdddd"},
	})
	require.Equal(t, http.StatusCreated, a.status)
	require.Contains(t, string(a.body), `"expires_in":1799,"token_type":"bearer"`)
	require.NotContains(t, string(a.body), "meta")
	require.Equal(t, "eu-1", a.header.Get("X-Cs-Region"))
	require.Equal(t, "6000", a.header.Get("X-Ratelimit-Limit"))
	v.noViolations()

	v.pass(1798 * time.Second)
	require.Equal(t, http.StatusOK, v.search(queries).status)
	v.pass(time.Second)
	v.refused(v.search(queries), http.StatusUnauthorized, "access denied, invalid bearer token")
	v.noViolations()
}

func TestTokenRefusesAsCsamDoes(t *testing.T) {
	good := url.Values{"client_id": {clientID}, "client_secret": {clientSecret}}
	for name, c := range map[string]struct {
		change    func(form url.Values, r *http.Request)
		status    int
		poweredBy string
		violation bool
	}{
		"wrong secret":    {func(f url.Values, _ *http.Request) { f.Set("client_secret", "wrong") }, 403, "csam", false},
		"wrong client":    {func(f url.Values, _ *http.Request) { f.Set("client_id", "wrong") }, 403, "csam", false},
		"wrong member":    {func(f url.Values, _ *http.Request) { f.Set("member_cid", "acme") }, 403, "csam", false},
		"no secret":       {func(f url.Values, _ *http.Request) { f.Del("client_secret") }, 403, "csam", true},
		"unknown field":   {func(f url.Values, _ *http.Request) { f.Set("scope", "all") }, 400, "csam", true},
		"other grant":     {func(f url.Values, _ *http.Request) { f.Set("grant_type", "password") }, 400, "csam", true},
		"in a header":     {func(_ url.Values, r *http.Request) { r.SetBasicAuth(clientID, clientSecret) }, 403, "csam", true},
		"in the query":    {func(f url.Values, r *http.Request) { r.URL.RawQuery = f.Encode() }, 400, "crowdstrike-api-gateway", true},
		"as JSON":         {func(_ url.Values, r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415, "crowdstrike-api-gateway", true},
		"no content type": {func(_ url.Values, r *http.Request) { r.Header.Del("Content-Type") }, 415, "crowdstrike-api-gateway", true},
		"by GET":          {func(_ url.Values, r *http.Request) { r.Method = http.MethodGet }, 405, "crowdstrike-api-gateway", true},
	} {
		t.Run(name, func(t *testing.T) {
			v := start(t)
			form := url.Values{}
			for k := range good {
				form.Set(k, good.Get(k))
			}
			r := httptest.NewRequest(http.MethodPost, "/oauth2/token", nil)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			c.change(form, r)
			r.Body = http.NoBody
			if name != "in the query" {
				r.Body = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode())).Body
			}
			a := v.send(r)
			require.Equal(t, c.status, a.status)
			require.Equal(t, c.poweredBy, a.Meta.PoweredBy)
			violations := v.takeViolations()
			require.Equal(t, c.violation, len(violations) == 1, violations)
			require.NotContains(t, strings.Join(violations, ""), clientSecret)
		})
	}
}

func TestRevokedTokenIsRefused(t *testing.T) {
	v := start(t)
	r := httptest.NewRequest(http.MethodPost, "/oauth2/revoke", strings.NewReader(url.Values{"token": {v.token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.refused(v.send(r), http.StatusForbidden, "Client authentication failed")
	require.Len(t, v.takeViolations(), 1)
	require.Equal(t, http.StatusOK, v.search(queries).status)

	r = httptest.NewRequest(http.MethodPost, "/oauth2/revoke", strings.NewReader(url.Values{"token": {v.token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(clientID, clientSecret)
	require.Equal(t, http.StatusOK, v.send(r).status)
	v.refused(v.search(queries), http.StatusUnauthorized, "access denied, invalid bearer token")
	v.noViolations()
}

func TestGatewayRefusesWhatIsNoCallOfTheAPI(t *testing.T) {
	v := start(t)
	bare := v.request(http.MethodGet, queries, nil)
	bare.Header.Del("Authorization")
	a := v.send(bare)
	v.refused(a, http.StatusUnauthorized, "Unauthorized: Please provide trace-id='"+a.Meta.TraceID+"' to support")

	foreign := v.request(http.MethodGet, queries, nil)
	foreign.Header.Set("Authorization", "Bearer of-another-vendor")
	v.refused(v.send(foreign), http.StatusUnauthorized, "access denied, invalid bearer token")

	v.refused(v.do(http.MethodGet, "/iocs/combined/indicators/v1", nil), http.StatusNotFound, "404: Page Not Found")
	v.refused(v.do(http.MethodPut, entities, "{}"), http.StatusMethodNotAllowed, "405")
	v.refused(v.search(queries, "filters", "x"), http.StatusBadRequest, "400")
	v.refused(v.do(http.MethodGet, queries+"?limit=1&limit=2", nil), http.StatusBadRequest, "400")
	v.refused(v.do(http.MethodGet, queries+"?limit=1;offset=2", nil), http.StatusBadRequest, "400")
	v.refused(v.search(queries, "filter", strings.Repeat("x", 64<<10)), http.StatusRequestURITooLong, "414")

	form := v.request(http.MethodPost, entities, batchOf(domain("bad.example")))
	form.Header.Set("Content-Type", "text/plain")
	v.refused(v.send(form), http.StatusUnsupportedMediaType, "415: Unsupported Media Type")
	v.refused(v.do(http.MethodPost, entities, strings.Repeat(" ", 16<<20)+"{}"), http.StatusRequestEntityTooLarge, "request too large")
	require.Len(t, v.takeViolations(), 10)
	require.Zero(t, v.wrote)
}

func TestEachCallNeedsItsScope(t *testing.T) {
	v := start(t)
	body := batchOf(domain("bad.example"))
	calls := map[string]func() answered{
		"IOC Management: Read":  func() answered { return v.search(combined) },
		"IOC Management: Write": func() answered { return v.do(http.MethodPost, entities, body) },
		"Alerts: Read":          func() answered { return v.do(http.MethodPost, "/alerts/combined/alerts/v1", "{}") },
	}
	for granted := range calls {
		v.asAdmin(http.MethodPut, "/scopes", `["`+granted+`"]`, nil)
		for needed, call := range calls {
			a := call()
			if needed == granted {
				require.Less(t, a.status, 300, needed)
				continue
			}
			v.refused(a, http.StatusForbidden, "access denied, scope not permitted")
			require.Equal(t, "crowdstrike-api-gateway", a.Meta.PoweredBy)
		}
	}
	v.noViolations()
}

func TestRateLimitIsASlidingMinute(t *testing.T) {
	v := start(t)
	require.Equal(t, "5999", v.search(queries).header.Get("X-Ratelimit-Remaining"))
	v.modes(`{"rateLimit": 3}`)
	for _, remaining := range []string{"2", "1", "0"} {
		a := v.search(queries)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "3", a.header.Get("X-Ratelimit-Limit"))
		require.Equal(t, remaining, a.header.Get("X-Ratelimit-Remaining"))
		v.pass(10 * time.Second)
	}
	first := v.clock().Add(-30 * time.Second)
	a := v.search(queries)
	v.refused(a, http.StatusTooManyRequests, "Too Many Requests")
	require.Equal(t, strconv.FormatInt(first.Unix()+61, 10), a.header.Get("X-Ratelimit-Retryafter"), "seconds, rounded up")
	v.modes(`{"retryAfterMs": true}`)
	a = v.search(queries)
	require.Equal(t, strconv.FormatInt(first.Add(time.Minute).UnixMilli()+1, 10), a.header.Get("X-Ratelimit-Retryafter"))

	v.pass(30 * time.Second)
	require.Equal(t, http.StatusOK, v.search(queries).status, "the first call is a minute old")
	require.Equal(t, http.StatusTooManyRequests, v.search(queries).status, "the others are not")
	v.pass(10 * time.Second)
	require.Equal(t, http.StatusOK, v.search(queries).status)
	v.noViolations()
}

func TestNewCredentialsReplaceTheOldOnes(t *testing.T) {
	v := start(t)
	v.asAdmin(http.MethodPut, "/credentials", `{"clientId":"ffffffffffffffffffffffffffffffff","clientSecret":"new"}`, nil)
	form := url.Values{"client_id": {clientID}, "client_secret": {clientSecret}}
	v.refused(v.form("/oauth2/token", form), http.StatusForbidden, "Failed to issue access token")
	require.Equal(t, http.StatusOK, v.search(queries).status, "a token that is out stays good")
	v.asAdmin(http.MethodPost, "/tokens/revoke", "", nil)
	require.Equal(t, http.StatusUnauthorized, v.search(queries).status)
	id, secret := v.server.Credentials()
	require.Equal(t, http.StatusCreated, v.form("/oauth2/token", url.Values{"client_id": {id}, "client_secret": {secret}}).status)
	v.noViolations()
}
