package mimecast_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestEveryAnswerIsOfTheClassThatTheContractGives(t *testing.T) {
	function := func(code, message, retryable string) string {
		return `{"meta":{"status":200},"data":[],"fail":[{"errors":[{"code":"` + code + `","message":"` + message + `","retryable":` + retryable + `}]}]}`
	}
	meta := func(status string) string { return `{"meta":{"status":` + status + `},"data":[],"fail":[]}` }
	for _, c := range []struct {
		name   string
		status int
		body   string
		class  vendorapi.Class // "": a success
	}{
		{"good", 200, `{"meta":{"status":200},"data":[],"fail":[]}`, ""},
		{"good without meta", 200, `{"data":[{}]}`, ""},
		{"no content", 204, ``, ""},
		{"partly good is for the caller to read", 200, `{"data":[{"id":"1"}],"fail":[{"errors":[{"code":"x"}]}]}`, ""},
		{"function error at 200", 200, file(t, "error-function.json"), vendorapi.Rejected},
		{"function error at 400", 400, file(t, "error-function.json"), vendorapi.Rejected},
		{"gateway error at 403", 403, file(t, "error-gateway.json"), vendorapi.Forbidden},
		{"gateway error at 200", 200, file(t, "error-gateway.json"), vendorapi.Forbidden},
		{"rest error at 404", 404, file(t, "error-rest.json"), vendorapi.Rejected},
		{"rest error at 200", 200, file(t, "error-rest.json"), vendorapi.Contract},
		{"plain error", 400, `{"error":"invalid_thing","error_description":"bad"}`, vendorapi.Rejected},
		{"nested error", 403, `{"error":{"message":"no"}}`, vendorapi.Forbidden},
		{"meta says 403 at 200", 200, meta("403"), vendorapi.Forbidden},
		{"meta says 404 at 200", 200, meta("404"), vendorapi.Rejected},
		{"meta says 429 at 200", 200, meta("429"), vendorapi.Throttled},
		{"meta says 500 at 200 as text", 200, meta(`"500"`), vendorapi.Unavailable},
		{"meta says 200 at 500", 500, meta("200"), vendorapi.Unavailable},
		{"meta says 500 next to data", 200, `{"meta":{"status":500},"data":[{"clickLogs":[]}]}`, vendorapi.Unavailable},
		{"unknown client", 401, `{"fail":[{"code":"InvalidClientIdentifier","message":"no"}]}`, vendorapi.Credentials},
		{"bad signature", 400, function("err_xdk_invalid_signature", "no", "false"), vendorapi.Credentials},
		{"old token", 401, `{"fail":[{"code":"token_expired"}]}`, vendorapi.Credentials},
		{"unverified token is the vendor's glitch", 401, `{"fail":[{"code":"token_verification_failed"}]}`, vendorapi.Unavailable},
		{"unauthorized request is the vendor's glitch", 401, `{"fail":[{"code":"unauthorized","message":"Unauthorized Request"}]}`, vendorapi.Unavailable},
		{"any other 401", 401, ``, vendorapi.Credentials},
		{"expired binding", 418, ``, vendorapi.Credentials},
		{"empty 403", 403, ``, vendorapi.Forbidden},
		{"package missing", 200, function("err_account_package_missing", "no", "false"), vendorapi.Forbidden},
		{"validation", 200, function("err_validation_blank", "no", "false"), vendorapi.Rejected},
		{"invalid url", 200, function("err", "The URL is invalid", "false"), vendorapi.Rejected},
		{"no quota", 200, function("err", "Quota not available to create the batch", "true"), vendorapi.Quota},
		{"developer key passes on a second try", 200, function("err_developer_key", "no", "false"), vendorapi.Unavailable},
		{"unknown and retryable", 200, function("err_new", "no", "true"), vendorapi.Unavailable},
		{"unknown and not retryable", 200, function("err_new", "no", "false"), vendorapi.Contract},
		{"retryable at 400", 400, function("err_new", "no", `"true"`), vendorapi.Unavailable},
		{"method", 405, ``, vendorapi.Rejected},
		{"conflict", 409, `not json`, vendorapi.Rejected},
		{"media type", 415, `{`, vendorapi.Rejected},
		{"request timeout", 408, ``, vendorapi.Unavailable},
		{"throttled whatever else it says", 429, function("err_validation_x", "no", "false"), vendorapi.Throttled},
		{"throttled page", 429, file(t, "maintenance.html"), vendorapi.Throttled},
		{"web page at 502", 502, file(t, "maintenance.html"), vendorapi.Unavailable},
		{"web page at 403", 403, file(t, "maintenance.html"), vendorapi.Contract},
		{"web page at 401", 401, file(t, "maintenance.html"), vendorapi.Contract},
		{"empty 500", 500, ``, vendorapi.Unavailable},
		{"bandwidth", 509, `{"fail":[]}`, vendorapi.Unavailable},
		{"fail as an object", 403, `{"fail":{"code":"app_forbidden"}}`, vendorapi.Forbidden},
		{"fail of the wrong types", 400, `{"fail":["x",7],"meta":[],"error":3}`, vendorapi.Rejected},
		{"byte order mark", 200, "\xef\xbb\xbf" + file(t, "error-gateway.json"), vendorapi.Forbidden},
	} {
		refused := mimecast.Refusal(c.status, http.Header{}, []byte(c.body))
		if c.class == "" {
			require.Nil(t, refused, c.name)
			continue
		}
		require.NotNil(t, refused, c.name)
		require.Equal(t, c.class, refused.Class, c.name)
	}
}

func TestAWebPageWithAGoodStatusIsNoAnswer(t *testing.T) {
	f := newFake(t)
	for _, body := range []string{file(t, "maintenance.html"), "", "null and void", `{"data":[{"attachmentLogs":[{"result":"mal`} {
		f.says(whoamiPath, answer{body: body})
		require.Equal(t, vendorapi.Contract, refusalOf(t, f.client().CheckConnection(t.Context())).Class)
		_, err := f.read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: body})
		require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class)
	}
}

func TestAMissingPermissionNamesTheProductAndTheRole(t *testing.T) {
	for path, want := range map[string][]string{
		attachmentPath:    {"securityevents", "Monitoring, Attachment Protection, Read"},
		urlPath:           {"securityevents", "Monitoring, URL Protection, Read"},
		impersonationPath: {"securityevents", "Monitoring, Impersonation Protection, Read"},
	} {
		f := newFake(t)
		f.says(path, answer{status: 403, body: file(t, "error-gateway.json")})
		var err error
		for _, source := range sources() {
			if pathOf(source) == path {
				_, err = f.client().TTPLogs(t.Context(), indicator.Query{Source: source})
			}
		}
		refused := refusalOf(t, err)
		require.Equal(t, vendorapi.Forbidden, refused.Class)
		require.Equal(t, "app_forbidden", refused.Code)
		for _, part := range want {
			require.Contains(t, refused.Remedy, part)
		}
		require.Len(t, f.asked(path), 1, "not repeated")
	}

	f := newFake(t)
	f.says(domainsPath, answer{status: 403, body: file(t, "error-gateway.json")})
	_, err := f.client().InternalDomains(t.Context())
	require.Contains(t, refusalOf(t, err).Remedy, "domainmanagement")
	require.Contains(t, refusalOf(t, err).Remedy, "Directories, Internal, Read")
}

func TestFault_D2_ARefusalIsPrintableBoundedAndTraceable(t *testing.T) {
	body := `{"fail":[{"errors":[{"field":"from","code":"err_validation_x","message":"line\r\nbreak \u001b[31m ` + strings.Repeat("long ", 5000) + `"},{"code":"second"}]}]}`
	header := http.Header{"X-Request-Id": {"6f1c-trace"}}
	_, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{status: 400, header: header, body: body})
	refused := refusalOf(t, err)
	require.Equal(t, "6f1c-trace", refused.TraceID)
	require.Equal(t, "POST "+attachmentPath, refused.Operation)
	require.Equal(t, 400, refused.Status)
	require.LessOrEqual(t, len([]rune(refused.Message)), 301)
	require.NotContains(t, refused.Error(), "\n")
	require.NotContains(t, refused.Error(), "\x1b")
}
