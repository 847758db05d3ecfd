package mimecast_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

func TestWhatTheContractDoesNotNameIsRefusedAndCounted(t *testing.T) {
	v := newVendor(t)
	const json = "application/json"
	for name, c := range map[string]struct {
		method, path, contentType, body string
		status                          int
	}{
		"unknown path":           {"POST", "/api/ttp/url/get-click-logs", json, `{"data":[{}]}`, 404},
		"path with two slashes":  {"POST", "//api/ttp/url/get-logs", json, `{"data":[{}]}`, 404},
		"GET on a classic path":  {"GET", clicks, "", "", 405},
		"PUT on a REST path":     {"PUT", "/directory/cloud-gateway/v1/groups", json, `{}`, 405},
		"query on a classic":     {"POST", clicks + "?pageSize=100", json, `{"data":[{}]}`, 400},
		"wrong content type":     {"POST", clicks, "text/plain", `{"data":[{}]}`, 415},
		"no content type":        {"POST", clicks, "", `{"data":[{}]}`, 415},
		"no body":                {"POST", clicks, json, "", 400},
		"not JSON":               {"POST", clicks, json, `{"data":[{}]`, 400},
		"two documents":          {"POST", clicks, json, `{"data":[{}]}{}`, 400},
		"data not an array":      {"POST", clicks, json, `{"data":{}}`, 400},
		"no data":                {"POST", clicks, json, `{}`, 400},
		"page without object":    {"POST", clicks, json, `{"meta":{"pagination":{"pageSize":1}},"data":[]}`, 400},
		"data with two objects":  {"POST", clicks, json, `{"data":[{},{}]}`, 400},
		"data with a string":     {"POST", clicks, json, `{"data":["x"]}`, 400},
		"unknown field":          {"POST", clicks, json, `{"data":[{"size":1}]}`, 400},
		"field in another case":  {"POST", clicks, json, `{"data":[{"ScanResult":"malicious"}]}`, 400},
		"unknown field of meta":  {"POST", clicks, json, `{"meta":{"pagination":{"page_size":100}},"data":[{}]}`, 400},
		"unknown field at top":   {"POST", clicks, json, `{"paging":{},"data":[{}]}`, 400},
		"page size of zero":      {"POST", clicks, json, `{"meta":{"pagination":{"pageSize":0}},"data":[{}]}`, 400},
		"blank page token":       {"POST", clicks, json, `{"meta":{"pagination":{"pageToken":""}},"data":[{}]}`, 400},
		"number as text":         {"POST", clicks, json, `{"meta":{"pagination":{"pageSize":"100"}},"data":[{}]}`, 400},
		"unknown REST parameter": {"GET", "/domain/cloud-gateway/v1/internal-domains?limit=10", "", "", 400},
		"body on a GET":          {"GET", "/identity/whoami", json, `{}`, 400},
		"body too large":         {"POST", clicks, json, `{"data":[{"from":"` + strings.Repeat("x", 5<<20) + `"}]}`, 413},
	} {
		r := v.send(c.method, c.path, c.contentType, c.body)
		require.Equal(t, c.status, r.status, name)
		require.NotEmpty(t, r.code(), name)
		require.Len(t, v.violated(), 1, name)
	}
}

func TestCallWithoutABearerTokenIsAViolation(t *testing.T) {
	v := newVendor(t)
	v.token = ""
	r := v.get("/identity/whoami")
	require.Equal(t, http.StatusUnauthorized, r.status)
	require.Len(t, v.violated(), 1)
}

func TestDeniedPathsAnswer403AndTheOthersGoOn(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPut, "/denied", []string{"/api/ttp/url/"})
	r := v.post(clicks, ask(""))
	require.Equal(t, http.StatusForbidden, r.status)
	require.Equal(t, "app_forbidden", r.code())
	require.Equal(t, http.StatusOK, v.post(attachments, ask("")).status)
	v.steer(http.MethodPut, "/denied", []string{})
	require.Equal(t, http.StatusOK, v.post(clicks, ask("")).status)
	v.noViolations()
}

func TestARequestAboutNothingAsksForThePermissionAndIsNoMistake(t *testing.T) {
	v := newVendor(t)
	const create = "/api/byo-threat-intelligence/create-batch"
	r := v.post(create, `{"data":[]}`)
	require.Equal(t, http.StatusBadRequest, r.status)
	require.Equal(t, "err_validation_size", r.code())
	v.steer(http.MethodPut, "/denied", []string{"POST " + create})
	require.Equal(t, "app_forbidden", v.post(create, `{"data":[]}`).code())
	require.Equal(t, http.StatusOK, v.post("/api/byo-threat-intelligence/get-quota", `{}`).status)
	v.noViolations()
	require.Zero(t, v.written())
}

func TestReadingAndWritingOnOnePathAreDeniedSeparately(t *testing.T) {
	v := newVendor(t)
	const policies = "/policy-management/cloud-gateway/v1/blocked-senders/policies"
	v.steer(http.MethodPut, "/denied", []string{"POST " + policies, "PATCH " + policies})
	require.Equal(t, http.StatusOK, v.get(policies).status)
	require.Equal(t, http.StatusForbidden, v.send(http.MethodPost, policies, "application/json", `{}`).status)
	v.steer(http.MethodPut, "/denied", []string{"GET " + policies})
	require.Equal(t, http.StatusForbidden, v.get(policies).status)
	v.noViolations()
}

func TestTheAccountListsThePackagesThatItWasGiven(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPut, "/packages", []string{"Threat Remediation [1075]"})
	account := v.post("/api/account/get-account", `{"data":[]}`).body["data"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"Threat Remediation [1075]"}, account["packages"])
}

func TestMetaStatusCanDifferFromTheHTTPStatus(t *testing.T) {
	v := newVendor(t, quirks(mimecast.Quirks{MetaStatus: true}))
	r := v.post(clicks, ask(`"route":"sideways"`))
	require.Equal(t, http.StatusOK, r.status)
	require.InDelta(t, 400, r.body["meta"].(map[string]any)["status"], 0)
	require.Equal(t, "err_validation_enum", r.code())
}

func TestEveryAnswerCarriesItsRequestIDAndTheMillisecondHeader(t *testing.T) {
	v := newVendor(t)
	r := v.get("/identity/whoami")
	require.Equal(t, "11111111-2222-3333-4444-555555555555", r.header.Get("X-Request-Id"))
	require.Equal(t, "5000", r.header.Get("X-RateLimit-Reset"))
	require.NotEmpty(t, r.header.Get("X-RateLimit-Limit"))
	require.NotEmpty(t, r.header.Get("X-RateLimit-Remaining"))
}

func TestHealthCallsTellTheTenantAndItsPackages(t *testing.T) {
	v := newVendor(t)
	require.Contains(t, v.get("/identity/whoami").body, "account-codes")
	for _, body := range []string{`{"data":[]}`, `{"data":[{}]}`} {
		require.Contains(t, v.post("/api/account/get-account", body).first()["packages"], "BYO: Threat Intelligence [1089]")
		require.Contains(t, v.post("/api/account/get-support-info", body).first(), "mainProduct")
	}
	v.noViolations()
}

func TestInternalDomainsAreTheSameInBothStyles(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPut, "/internal-domains", []string{"one.example", "two.example", "three.example"})
	classic := v.post("/api/domain/get-internal-domain", `{"data":[]}`)
	require.Len(t, classic.data(), 3)
	require.Equal(t, "one.example", classic.first()["domain"])

	first := v.get("/domain/cloud-gateway/v1/internal-domains?pageSize=2")
	require.Len(t, first.body["domains"], 2)
	second := v.get("/domain/cloud-gateway/v1/internal-domains?pageSize=2&pageToken=" + first.next())
	require.Len(t, second.body["domains"], 1)
	require.Empty(t, second.next())
	v.noViolations()
}
