package mimecast_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	createURLPath = "/api/ttp/url/create-managed-url"
	listURLsPath  = "/api/ttp/url/get-all-managed-urls"
	deleteURLPath = "/api/ttp/url/delete-managed-url"
)

// sentURLs reads the hosts of a create.
func sentURLs(body string) []string {
	var request struct {
		Data []struct {
			URL string `json:"url"`
		} `json:"data"`
	}
	if json.Unmarshal([]byte(body), &request) != nil {
		return nil
	}
	var hosts []string
	for _, entry := range request.Data {
		hosts = append(hosts, strings.TrimPrefix(entry.URL, "https://"))
	}
	return hosts
}

// makesURLs answers a create; fail gives the code for a host that is refused, "" for one that is not.
func makesURLs(fail func(host string) string) func(received) answer {
	return func(call received) answer {
		var data, fails []string
		for _, host := range sentURLs(call.body) {
			if code := fail(host); code != "" {
				fails = append(fails, fmt.Sprintf(`{"key":{"url":"HTTPS://%s/","action":"block","overrideUrl":false},"errors":[{"code":%q,"message":"https://%s/?token=canary-secret"}]}`, host, code, host))
				continue
			}
			data = append(data, fmt.Sprintf(`{"id":"u-%s","scheme":"https","domain":%q,"port":-1,"path":"","queryString":"","matchType":"DOMAIN","action":"BLOCK"}`, host, strings.ToUpper(host)))
		}
		return answer{body: `{"meta":{"status":200},"data":[` + strings.Join(data, ",") + `],"fail":[` + strings.Join(fails, ",") + `]}`}
	}
}

func never(string) string { return "" }

func TestDomainsGoOntoTheListOfURLsTwentyWithEachCall(t *testing.T) {
	f := newFake(t)
	f.does(createURLPath, makesURLs(never))
	values := domains(45)
	outcomes, err := f.client().BlockURLDomains(t.Context(), values, mark)
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "u-bad44.example", outcomes[44].ID)
	calls := f.asked(createURLPath)
	require.Len(t, calls, 3)
	require.Equal(t, values[40:], sentURLs(calls[2].body))
	require.Contains(t, calls[0].body, `{"url":"https://bad0.example","action":"block","matchType":"domain","comment":"threatshare:acme","disableLogClick":false}`)
	require.Empty(t, f.asked(listURLsPath), "the list is read only if something is in the way")
}

func TestWhatStandsInTheWayOfANewURLDecidesWhatItMeans(t *testing.T) {
	f := newFake(t)
	existing := []string{"ours.example", "theirs.example", "permit.example", "path.example", "okpath.example", "hidden.example"}
	f.does(createURLPath, makesURLs(func(host string) string {
		switch {
		case slices.Contains(existing, host):
			return "err_managed_url_exists_code"
		case host == "odd.example":
			return "err_managed_url_create_failure"
		}
		return ""
	}))
	f.says(listURLsPath, answer{body: file(t, "managed-urls-1.json")}, answer{body: file(t, "managed-urls-2.json")})
	values := append(slices.Clone(existing), "new.example", "odd.example")
	outcomes, err := f.client().BlockURLDomains(t.Context(), values, mark)
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "u1", outcomes[0].ID, "made by an earlier try")
	require.True(t, outcomes[1].Duplicate)
	require.True(t, outcomes[2].Foreign)
	require.NotEmpty(t, outcomes[3].Refused, "one address of the domain is not the domain")
	require.True(t, outcomes[4].Foreign)
	require.NotEmpty(t, outcomes[5].Refused)
	require.Equal(t, "u-new.example", outcomes[6].ID)
	require.Equal(t, "err_managed_url_create_failure: https://odd.example/?…", outcomes[7].Refused)
	require.Len(t, f.asked(createURLPath), 1)
	lists := f.asked(listURLsPath)
	require.Len(t, lists, 2)
	require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100}}}`, lists[0].body, "unfiltered")
	require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100,"pageToken":"two"}}}`, lists[1].body)
}

func TestWithoutTheListNobodyKnowsWhatStandsInTheWay(t *testing.T) {
	f := newFake(t)
	f.does(createURLPath, makesURLs(func(host string) string {
		if host == "bad0.example" {
			return "err_managed_url_exists_code"
		}
		return ""
	}))
	f.says(listURLsPath, answer{status: 500})
	outcomes, err := f.client().BlockURLDomains(t.Context(), domains(2), mark)
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	require.Zero(t, ways(outcomes[0]))
	require.Equal(t, "bad0.example", outcomes[0].Value)
	require.Equal(t, "u-bad1.example", outcomes[1].ID)
}

func TestAListOfURLsThatIsFullIsAQuota(t *testing.T) {
	f := newFake(t)
	f.says(createURLPath, refuses("", "err_managed_url_create_failure", "The maximum number of managed URLs has been reached"))
	outcomes, err := f.client().BlockURLDomains(t.Context(), domains(20), mark)
	require.Equal(t, vendorapi.Quota, refusalOf(t, err).Class)
	require.Len(t, f.asked(createURLPath), 1)
	require.Zero(t, ways(outcomes[0]))
}

func TestOneBadURLInTwentyIsFoundByHalving(t *testing.T) {
	f := newFake(t)
	f.does(createURLPath, func(call received) answer {
		if slices.Contains(sentURLs(call.body), "bad13.example") {
			return answer{body: `{"data":[],"fail":[{"errors":[{"message":"The URL is invalid"}]}]}`}
		}
		return makesURLs(never)(call)
	})
	values := domains(20)
	outcomes, err := f.client().BlockURLDomains(t.Context(), values, mark)
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	for i, outcome := range outcomes {
		require.Equal(t, i == 13, outcome.Refused == "The URL is invalid")
	}
	require.LessOrEqual(t, len(f.asked(createURLPath)), 1+10)
}

func TestTheListOfURLsIsReadWhole(t *testing.T) {
	f := newFake(t)
	f.says(listURLsPath, answer{body: file(t, "managed-urls-1.json")}, answer{body: file(t, "managed-urls-2.json")})
	listed, err := f.client().ManagedURLs(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 5)
	require.Equal(t, indicator.ManagedURL{ID: "u1", Domain: "ours.example", MatchType: "domain", Action: "block", Comment: mark}, listed[0])
	require.Equal(t, "permit", listed[2].Action)
}

func TestAnEntryIsRemovedAndAMissingOneIsASuccess(t *testing.T) {
	for body, class := range map[string]vendorapi.Class{
		`{"meta":{"status":200},"data":[],"fail":[]}`:                                                               "",
		`{"data":[{"id":"u1","success":true}]}`:                                                                     "",
		`{"data":[],"fail":[{"errors":[{"code":"err_managed_url_not_found","message":"gone"}]}]}`:                   "",
		`{"data":[],"fail":[{"key":{"id":"u1"},"errors":[{"code":"err_managed_url_not_found","message":"gone"}]}]}`: "",
		`{"data":[{"id":"u1","success":"false"}]}`:                                                                  vendorapi.Contract,
		`{"data":[],"fail":[{"errors":[{"code":"err_new","message":"why not"}]}]}`:                                  vendorapi.Contract,
		`{"data":[{"id":"x"}],"fail":[{"errors":[{"code":"err_validation_blank","message":"no"}]}]}`:                vendorapi.Rejected,
		`{"meta":{"status":500},"data":[]}`:                                                                         vendorapi.Unavailable,
	} {
		f := newFake(t)
		f.says(deleteURLPath, answer{body: body})
		err := f.client().DeleteManagedURL(t.Context(), "u1")
		require.JSONEq(t, `{"data":[{"id":"u1"}]}`, f.asked(deleteURLPath)[0].body)
		if class == "" {
			require.NoError(t, err, body)
			continue
		}
		require.Equal(t, class, refusalOf(t, err).Class, body)
	}
	f := newFake(t)
	f.says(deleteURLPath, gone)
	require.Error(t, f.client().DeleteManagedURL(t.Context(), "u1"), "a function that is not there has removed nothing")
}
