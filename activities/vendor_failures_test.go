package activities_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
)

// told is one answer of a vendor over HTTP.
type told struct {
	status int
	header map[string]string
	body   string
}

// script is a vendor that gives a token, unless that is what goes wrong, and one answer to everything else.
type script struct {
	token, call told
	tokens      atomic.Int64
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := s.call
	if strings.HasSuffix(r.URL.Path, "/token") {
		s.tokens.Add(1)
		out = s.token
		if out.status == 0 {
			out = told{status: http.StatusCreated, body: `{"access_token":"a-token-of-the-tests","expires_in":1799}`}
		}
	}
	if out.status == hangUp {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range out.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(out.status)
	_, _ = w.Write([]byte(out.body))
}

const (
	hangUp = -1 // the connection is cut in place of an answer
	final  = false
	again  = true
)

// ending is how a step ends with a vendor's answer.
type ending struct {
	token, call told
	kind        string
	retried     bool
	wait        time.Duration // that the vendor asks for
	says        string        // what a person reads: for a final failure, the remedy
	tokens      int64         // token calls, if they matter
}

// play lets the real clients meet a vendor that answers as the row says, and makes sure of everything that follows.
func (w *world) play(t *testing.T, name, vendor string, row ending, step func() error) {
	t.Helper()
	s := &script{token: row.token, call: row.call}
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	m, err := mimecast.New(mimecast.Config{BaseURL: server.URL, ClientID: "an-id-of-the-tests", ClientSecret: config.NewSecret("a-secret-of-the-tests")})
	require.NoError(t, err)
	f, err := falcon.New(falcon.Config{
		BaseURL: server.URL, Region: "us-1", ClientID: "an-id-of-the-tests", ClientSecret: config.NewSecret("a-secret-of-the-tests"),
	})
	require.NoError(t, err)
	w.Vendors = &clients{mimecast: m, falcon: f}

	err = step()
	failed := refusedAs(t, err, row.kind, row.retried)
	require.Contains(t, failed.Message(), row.says, name)
	require.Contains(t, failed.Message(), vendor, name)
	require.NotContains(t, failed.Message(), "of-the-tests", name)
	require.NotContains(t, failed.Message(), "\n", name)
	switch {
	case row.wait == 0 && row.retried != final:
		require.Equal(t, time.Second, failed.NextRetryDelay(), "%s: of a first failure", name)
	case row.wait == 0:
		require.Zero(t, failed.NextRetryDelay(), name)
	default:
		require.InDelta(t, row.wait.Seconds(), failed.NextRetryDelay().Seconds(), 3+row.wait.Seconds()/20, name)
	}
	if problem := activities.ProblemOf(err); row.retried == final {
		require.Equal(t, strings.ToLower(vendor), problem.Vendor, name)
		require.Equal(t, row.kind, problem.Type, name)
		require.Equal(t, failed.Message(), problem.Reason, name)
		require.NotEmpty(t, row.says, "%s: a final failure has a remedy", name)
	}
	if row.tokens != 0 {
		require.Equal(t, row.tokens, s.tokens.Load(), name)
	}
}

func falconSays(status int, message string) told {
	return told{status: status, body: fmt.Sprintf(`{"meta":{"trace_id":"t-1"},"errors":[{"code":%d,"message":%q}],"resources":null}`, status, message)}
}

func page(status int) told {
	return told{status: status, header: map[string]string{"Content-Type": "text/html"}, body: "<html><h1>Portal</h1></html>"}
}

func with(answer told, name, value string) told {
	answer.header = map[string]string{name: value}
	return answer
}

// inSeconds is the epoch of so many seconds from now.
func inSeconds(n int) int64 { return time.Now().Add(time.Duration(n) * time.Second).Unix() }

func TestEveryAnswerOfFalconsHasItsFailure(t *testing.T) {
	w := newWorld(t)
	const console = "in the Falcon console (Support and resources > API clients and keys)"
	limited := falconSays(429, "Too Many Requests")
	for name, row := range map[string]ending{
		// The token.
		"wrong secret":             {token: falconSays(403, "Failed to issue access token - Not Authorized"), kind: activities.VendorAuth, says: "check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET", tokens: 1},
		"wrong secret, older":      {token: falconSays(400, "Failed to generate access token for clientID=an-id-of-the-tests"), kind: activities.VendorAuth, says: console},
		"wrong secret with 401":    {token: falconSays(401, "Unauthorized"), kind: activities.VendorAuth, says: "check FALCON_CLIENT_ID"},
		"allow-list":               {token: falconSays(403, "access denied, authorization failed"), kind: activities.VendorAuth, says: "IP allow-list"},
		"another cloud":            {token: told{status: 201, header: map[string]string{"X-Cs-Region": "eu-1"}, body: `{"access_token":"x","expires_in":1}`}, kind: activities.VendorAuth, says: "set FALCON_BASE_URL to https://api.eu-1.crowdstrike.com"},
		"redirected":               {token: with(told{status: 308}, "Location", "https://api.us-2.crowdstrike.com/oauth2/token"), kind: activities.VendorAuth, says: "https://api.us-2.crowdstrike.com"},
		"token throttled":          {token: with(limited, "X-Ratelimit-Retryafter", strconv.FormatInt(inSeconds(120), 10)), kind: activities.VendorThrottled, retried: again, wait: 2 * time.Minute},
		"token server down":        {token: falconSays(500, "Internal Server Error"), kind: activities.VendorUnavailable, retried: again},
		"a portal for a token":     {token: page(200), kind: activities.VendorContract, retried: again, says: "web page"},
		"no token in the answer":   {token: told{status: 201, body: `{}`}, kind: activities.VendorContract, retried: again},
		"token media type refused": {token: falconSays(415, "415: Unsupported Media Type"), kind: activities.VendorRejected, says: "if there was none, report this"},
		"token call is hung up":    {token: told{status: hangUp}, kind: activities.VendorUnavailable, retried: again, says: "did not answer"},

		// The calls (contract 4).
		"bad filter":              {call: falconSays(400, "invalid query filter in request"), kind: activities.VendorRejected, says: "if there was none, report this"},
		"wrong CID":               {call: falconSays(400, "invalid CID provided"), kind: activities.VendorRejected, says: "report this"},
		"token refused":           {call: falconSays(401, "access denied, invalid bearer token"), kind: activities.VendorAuth, says: "check that FALCON_BASE_URL", tokens: 2},
		"no token":                {call: falconSays(401, "Unauthorized: Please provide trace-id='t-1' to support"), kind: activities.VendorAuth, says: "FALCON_BASE_URL", tokens: 2},
		"scope missing":           {call: falconSays(403, "access denied, scope not permitted"), kind: activities.VendorForbidden, says: "lacks the scope Alerts: Read: add it " + console},
		"denied":                  {call: falconSays(403, "access denied, authorization failed"), kind: activities.VendorForbidden, says: "not a missing scope"},
		"role missing":            {call: falconSays(403, "You don't have proper permissions"), kind: activities.VendorForbidden, says: "the API client's role"},
		"no such page":            {call: falconSays(404, "404: Page Not Found"), kind: activities.VendorRejected, says: "check FALCON_BASE_URL"},
		"conflict":                {call: falconSays(409, "conflict"), kind: activities.VendorRejected, says: "report this"},
		"media type":              {call: falconSays(415, "415: Unsupported Media Type"), kind: activities.VendorRejected, says: "report this"},
		"too large down to one":   {call: falconSays(413, "request too large"), kind: activities.VendorRejected, says: "report this"},
		"server":                  {call: falconSays(500, "Internal Server Error: Please provide trace-id=t-1 to support"), kind: activities.VendorUnavailable, retried: again, says: "trace t-1"},
		"bad gateway":             {call: page(502), kind: activities.VendorUnavailable, retried: again},
		"maintenance":             {call: told{status: 503}, kind: activities.VendorUnavailable, retried: again},
		"timed out":               {call: told{status: 504, body: "upstream timed out"}, kind: activities.VendorUnavailable, retried: again},
		"hung up":                 {call: told{status: hangUp}, kind: activities.VendorUnavailable, retried: again, says: "did not answer"},
		"cut off":                 {call: with(told{status: 200, body: `{"resources":[`}, "Content-Length", "500"), kind: activities.VendorUnavailable, retried: again, says: "cut off"},
		"errors beside 200":       {call: told{status: 200, body: `{"errors":[{"code":403,"message":"access denied, scope not permitted"}]}`}, kind: activities.VendorForbidden, says: "Alerts: Read"},
		"server's beside 200":     {call: told{status: 200, body: `{"errors":[{"code":500,"message":"half"}]}`}, kind: activities.VendorUnavailable, retried: again},
		"a web page with 200":     {call: page(200), kind: activities.VendorContract, retried: again, says: "web page"},
		"a web page with 403":     {call: page(403), kind: activities.VendorContract, retried: again, says: "web page"},
		"another shape":           {call: told{status: 200, body: `{"errors":null,"resources":{"a":1}}`}, kind: activities.VendorContract, retried: again},
		"not JSON":                {call: told{status: 200, body: `resources: []`}, kind: activities.VendorContract, retried: again},
		"a redirect":              {call: with(told{status: 302}, "Location", "https://portal.example/"), kind: activities.VendorContract, retried: again},
		"throttled until seconds": {call: with(limited, "X-Ratelimit-Retryafter", strconv.FormatInt(inSeconds(90), 10)), kind: activities.VendorThrottled, retried: again, wait: 90 * time.Second},
		"throttled until ms":      {call: with(limited, "X-Ratelimit-Retryafter", strconv.FormatInt(inSeconds(90)*1000, 10)), kind: activities.VendorThrottled, retried: again, wait: 90 * time.Second},
		"throttled for seconds":   {call: with(limited, "Retry-After", "30"), kind: activities.VendorThrottled, retried: again, wait: 30 * time.Second},
		"throttled without hint":  {call: limited, kind: activities.VendorThrottled, retried: again, wait: time.Minute},
		"throttled for ever":      {call: with(limited, "X-Ratelimit-Retryafter", "9999999999"), kind: activities.VendorThrottled, retried: again, wait: 15 * time.Minute},
	} {
		w.play(t, name, "Falcon", row, func() error {
			_, err := run[activities.FetchAlertsResult](w, w.FetchAlerts, activities.FetchAlertsInput{Integration: acme, Since: w.clock.now().Add(-time.Hour)})
			return err
		})
	}
}

func TestAFullListOfIOCsIsFinalUntilSomebodyMakesRoom(t *testing.T) {
	w := newWorld(t)
	row := ending{
		call: falconSays(400, "Limit of 1 million indicators reached."), kind: activities.VendorQuota, says: "delete indicators in Falcon",
	}
	w.play(t, "full", "Falcon", row, func() error {
		_, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, w.uploadInput(w.clicked("evil.top")))
		return err
	})
}

func mimecastSays(status int, code, message string) told {
	return told{status: status, body: fmt.Sprintf(
		`{"meta":{"status":%d},"data":[],"fail":[{"errors":[{"code":%q,"message":%q,"retryable":false}]}]}`, status, code, message,
	)}
}

func gatewaySays(status int, code, message string) told {
	return told{status: status, body: fmt.Sprintf(`{"fail":[{"code":%q,"message":%q}]}`, code, message)}
}

func TestEveryAnswerOfMimecastsHasItsFailure(t *testing.T) {
	w := newWorld(t)
	const (
		check   = "check MIMECAST_CLIENT_ID and MIMECAST_CLIENT_SECRET"
		console = "add it in the Administration console > Integrations > API and Platform Integrations"
	)
	limited := gatewaySays(429, "too_many_requests", "Too Many Requests")
	for name, row := range map[string]ending{
		// Credentials wrong.
		"wrong secret":             {token: gatewaySays(401, "InvalidClientIdentifier", "Client credentials are invalid: a-secret-of-the-tests"), kind: activities.VendorAuth, says: check, tokens: 1},
		"wrong secret with 400":    {token: told{status: 400, body: `{"error":"invalid_request"}`}, kind: activities.VendorAuth, says: check},
		"application switched off": {token: gatewaySays(403, "app_forbidden", "no"), kind: activities.VendorAuth, says: "Administration console"},
		"signature":                {call: mimecastSays(400, "err_xdk_invalid_signature", "no"), kind: activities.VendorAuth, says: check},
		"token server down":        {token: told{status: 503}, kind: activities.VendorUnavailable, retried: again},
		"token throttled":          {token: with(limited, "Retry-After", "120"), kind: activities.VendorThrottled, retried: again, wait: 2 * time.Minute},
		"a portal for a token":     {token: page(200), kind: activities.VendorContract, retried: again},

		// Token stale.
		"expired twice":        {call: gatewaySays(401, "token_expired", "The token has expired"), kind: activities.VendorAuth, says: check, tokens: 2},
		"unauthorised twice":   {call: gatewaySays(401, "unauthorized", "no"), kind: activities.VendorAuth, says: check, tokens: 2},
		"unverified twice":     {call: gatewaySays(401, "token_verification_failed", "no"), kind: activities.VendorUnavailable, retried: again, tokens: 2},
		"unauthorised request": {call: gatewaySays(401, "x", "Unauthorized Request"), kind: activities.VendorUnavailable, retried: again, tokens: 2},

		// Not allowed.
		"product missing":        {call: gatewaySays(403, "app_forbidden", "no"), kind: activities.VendorForbidden, says: console},
		"role missing":           {call: mimecastSays(403, "err_no_permission", "no"), kind: activities.VendorForbidden, says: `"Monitoring, Attachment Protection, Read"`},
		"403 in meta.status":     {call: told{status: 200, body: `{"meta":{"status":403},"data":[],"fail":[]}`}, kind: activities.VendorForbidden, says: console},
		"package missing":        {call: mimecastSays(400, "err_account_package_missing", "no"), kind: activities.VendorForbidden, says: "the account needs the package as well"},
		"forbidden beside data":  {call: told{status: 200, body: `{"data":[{"attachmentLogs":[]}],"fail":[{"errors":[{"code":"app_forbidden"}]}]}`}, kind: activities.VendorForbidden, says: console},
		"developer key (passes)": {call: mimecastSays(400, "err_developer_key", "no"), kind: activities.VendorUnavailable, retried: again},

		// Bad input.
		"validation":      {call: mimecastSays(400, "err_validation_null", "This field cannot be null"), kind: activities.VendorRejected, says: "report this"},
		"validation, 200": {call: told{status: 200, body: `{"data":[],"fail":[{"errors":[{"code":"err_validation_blank","message":"blank"}]}]}`}, kind: activities.VendorRejected, says: "report this"},
		"no such path":    {call: gatewaySays(404, "not_found", "no"), kind: activities.VendorRejected, says: "report this"},
		"no such method":  {call: gatewaySays(405, "method_not_allowed", "no"), kind: activities.VendorRejected, says: "report this"},
		"conflict":        {call: gatewaySays(409, "conflict", "no"), kind: activities.VendorRejected, says: "report this"},
		"media type":      {call: gatewaySays(415, "unsupported", "no"), kind: activities.VendorRejected, says: "report this"},

		// Quota.
		"no quota": {call: told{status: 200, body: `{"data":[],"fail":[{"errors":[{"message":"Quota not available to create the batch"}]}]}`}, kind: activities.VendorQuota, says: "make room in the console of Mimecast"},

		// Throttled.
		"throttled for ms":       {call: with(limited, "X-RateLimit-Reset", "90000"), kind: activities.VendorThrottled, retried: again, wait: 90 * time.Second},
		"throttled, other name":  {call: with(limited, "X-Mimecast-RateLimit-Reset", "45000"), kind: activities.VendorThrottled, retried: again, wait: 45 * time.Second},
		"throttled for seconds":  {call: with(limited, "Retry-After", "30"), kind: activities.VendorThrottled, retried: again, wait: 30 * time.Second},
		"throttled until a date": {call: with(limited, "Retry-After", time.Now().Add(5*time.Minute).UTC().Format(http.TimeFormat)), kind: activities.VendorThrottled, retried: again, wait: 5 * time.Minute},
		"throttled without hint": {call: limited, kind: activities.VendorThrottled, retried: again, wait: time.Minute},
		"throttled by an epoch":  {call: with(limited, "X-RateLimit-Reset", "1790000000000"), kind: activities.VendorThrottled, retried: again, wait: time.Minute},

		// Server, network.
		"server":        {call: mimecastSays(500, "err_internal", "no"), kind: activities.VendorUnavailable, retried: again},
		"bad gateway":   {call: page(502), kind: activities.VendorUnavailable, retried: again},
		"maintenance":   {call: told{status: 503}, kind: activities.VendorUnavailable, retried: again},
		"timed out":     {call: told{status: 504, body: "timed out"}, kind: activities.VendorUnavailable, retried: again},
		"bandwidth":     {call: told{status: 509}, kind: activities.VendorUnavailable, retried: again},
		"hung up":       {call: told{status: hangUp}, kind: activities.VendorUnavailable, retried: again, says: "did not answer"},
		"cut off":       {call: with(told{status: 200, body: `{"data":[`}, "Content-Length", "500"), kind: activities.VendorUnavailable, retried: again, says: "cut off"},
		"web page, 200": {call: page(200), kind: activities.VendorContract, retried: again, says: "web page"},
		"web page, 403": {call: page(403), kind: activities.VendorContract, retried: again, says: "web page"},
		"another shape": {call: told{status: 200, body: `{"data":{"attachmentLogs":[]}}`}, kind: activities.VendorContract, retried: again},
		"another name":  {call: told{status: 200, body: `{"data":[{"fileLogs":[{"fileHash":"x"}]}]}`}, kind: activities.VendorContract, retried: again},
		"empty":         {call: told{status: 200}, kind: activities.VendorContract, retried: again},
		"unknown refusal": {
			call: told{status: 200, body: `{"data":[],"fail":[{"errors":[{"code":"err_new","message":"new"}]}]}`}, kind: activities.VendorContract, retried: again,
		},
	} {
		w.play(t, name, "Mimecast", row, func() error {
			_, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.AttachmentHashes, activities.Cursor{}))
			return err
		})
	}
}

func TestAnAnswerOutsideTheContractSaysWhatToLookFor(t *testing.T) {
	w := newWorld(t)
	w.breakMimecast(refusal("contract", 0))
	err := retried(w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
	failed := refusedAs(t, err, activities.VendorContract, false)
	require.Contains(t, activities.ProblemOf(failed).Reason, "no proxy, portal or maintenance page stands between the worker and Mimecast")
}

func TestAVendorThatIsGoneIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	f, err := falcon.New(falcon.Config{BaseURL: server.URL, ClientID: "id", ClientSecret: config.NewSecret("secret")})
	require.NoError(t, err)
	w.Vendors = &clients{falcon: f}
	_, err = run[activities.FetchAlertsResult](w, w.FetchAlerts, activities.FetchAlertsInput{Integration: acme})
	failed := refusedAs(t, err, activities.VendorUnavailable, true)
	require.Contains(t, failed.Message(), "Falcon did not answer POST /oauth2/token: dial tcp")
}
