package mimecast_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	policiesPath  = "/policy-management/cloud-gateway/v1/blocked-senders/policies"
	getPolicyPath = "/api/policy/blockedsenders/get-policy"
	createClassic = "/api/policy/blockedsenders/create-policy"
	deleteClassic = "/api/policy/blockedsenders/delete-policy"

	mark = "threatshare:acme"
)

// answersPolicies makes the REST path of policies list some and make one.
func (f *fake) answersPolicies(list, made answer) {
	f.does(policiesPath, func(call received) answer {
		if call.method == http.MethodPost {
			return made
		}
		return list
	})
}

// posted gives the body of the only POST to a path.
func (f *fake) posted(path string) string {
	f.t.Helper()
	require.Equal(f.t, 1, f.posts(path))
	for _, call := range f.asked(path) {
		if call.method == http.MethodPost {
			return call.body
		}
	}
	return ""
}

func TestPoliciesOfBothStylesAreTheSame(t *testing.T) {
	want := []indicator.Policy{
		{ID: "p1", Description: mark, Option: "block_sender", Enabled: true, GroupID: "g1"},
		{ID: "p2", Description: "by hand", Option: "no_action", Enabled: false, Domain: "good.example"},
		{ID: "p3", Description: "old form", Option: "block_sender", Enabled: true, Domain: "old.example"},
		{ID: "p4", Description: "to all", Option: "block_sender", Enabled: true},
	}
	for _, list := range []string{"policies", "definitions"} {
		f := newFake(t)
		f.says(policiesPath, answer{body: strings.Replace(file(t, "policies-rest.json"), `"policies"`, `"`+list+`"`, 1)})
		got, err := f.client().Policies(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, "pageSize=100", f.asked(policiesPath)[0].query)
	}
	f := newFake(t)
	f.says(getPolicyPath, answer{body: file(t, "policies-classic.json")})
	got, err := f.client().Policies(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100}}}`, f.asked(getPolicyPath)[0].body, "no data for all")
}

func TestAListOfPoliciesUnderNoKnownNameIsNotEmpty(t *testing.T) {
	f := newFake(t)
	f.says(policiesPath, answer{body: `{"items":[{"id":"p1"}],"meta":{}}`})
	_, _, err := f.client().EnsureGroupPolicy(t.Context(), mark, "g1")
	require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class)
	require.Zero(t, f.posts(policiesPath))
}

func TestThePolicyOfTheGroupIsMadeOnce(t *testing.T) {
	for _, made := range []string{`{"id":"p1"}`, `{"policyId":"p1"}`} {
		f := newFake(t)
		f.answersPolicies(answer{body: `{"policies":[],"meta":{}}`}, answer{status: 201, body: made})
		client := f.client()
		for range 2 {
			policy, _, err := client.EnsureGroupPolicy(t.Context(), mark, "g1")
			require.NoError(t, err)
			require.Equal(t, indicator.Policy{ID: "p1", Description: mark, Option: "block_sender", Enabled: true, GroupID: "g1"}, policy)
		}
		require.JSONEq(t, `{"description":"threatshare:acme","option":"block_sender","fromPart":"both",
			"from":{"type":"profile_group","groupId":"g1"},"to":{"type":"internal_addresses"},
			"enabled":true,"fromEternal":true,"toEternal":true}`, f.posted(policiesPath))
	}
}

func TestThePolicyIsFoundAgainByDescriptionAndGroup(t *testing.T) {
	f := newFake(t)
	f.says(policiesPath, answer{body: file(t, "policies-rest.json")})
	policy, _, err := f.client().EnsureGroupPolicy(t.Context(), mark, "g1")
	require.NoError(t, err)
	require.Equal(t, "p1", policy.ID)
	require.Equal(t, []string{"GET " + policiesPath}, f.calls())
}

func TestAPolicyThatWasSwitchedOffIsGivenAsItIs(t *testing.T) {
	f := newFake(t)
	f.says(policiesPath, answer{body: `{"policies":[{"id":"p1","description":" threatshare:acme ","option":"block_sender","enabled":"false","from":{"type":"PROFILE_GROUP","groupId":"g1"}}]}`})
	policy, _, err := f.client().EnsureGroupPolicy(t.Context(), mark, "g1")
	require.NoError(t, err)
	require.False(t, policy.Enabled)
}

func TestAPolicyOnAnotherGroupIsNotTheOneWanted(t *testing.T) {
	list := `{"policies":[{"id":"p1","description":"` + mark + `","option":"block_sender","enabled":true,"from":{"type":"profile_group","group":{"id":"other"}}}]}`
	name := func(name string) answer { return answer{body: `{"id":"x","description":"` + name + `"}`} }
	for _, c := range []struct {
		what          string
		other, wanted answer
		named         []string // ids of the groups of the name; nil: the list cannot be read
		id            string
		refused       bool
		made          int
	}{
		{what: "the same group by another id", other: name(ours), wanted: name(ours), named: []string{"x"}, id: "p1"},
		{what: "another group of the name", other: name(ours), wanted: name(ours), named: []string{"other", "g1"}, id: "p-new", made: 1},
		{what: "two groups of the name by other ids", other: name(ours), wanted: name(ours), named: []string{"x", "y"}, refused: true},
		{what: "another group", other: name("New Folder"), wanted: name(ours), id: "p-new", made: 1},
		{what: "a group that is gone", other: answer{status: 404}, wanted: name(ours), id: "p-new", made: 1},
		{what: "groups that cannot be read", other: gone, wanted: gone, refused: true},
		{what: "groups without a name", other: answer{body: `{}`}, wanted: answer{body: `{}`}, refused: true},
	} {
		f := newFake(t)
		f.answersPolicies(answer{body: list}, answer{body: `{"id":"p-new"}`})
		if c.named != nil {
			var list []string
			for _, id := range c.named {
				list = append(list, fmt.Sprintf(`{"id":%q,"description":%q}`, id, ours))
			}
			f.says(groupsPath, answer{body: `{"groups":[` + strings.Join(list, ",") + `],"meta":{}}`})
		}
		f.says(groupsPath+"/other", c.other)
		f.says(groupsPath+"/g1", c.wanted)
		policy, _, err := f.client().EnsureGroupPolicy(t.Context(), mark, "g1")
		require.Equal(t, c.made, f.posts(policiesPath), c.what)
		if c.refused {
			refused := refusalOf(t, err)
			require.Equal(t, vendorapi.Rejected, refused.Class, c.what)
			require.NotEmpty(t, refused.Remedy)
			continue
		}
		require.NoError(t, err, c.what)
		require.Equal(t, c.id, policy.ID, c.what)
	}
}

func TestWithoutRESTThePolicyIsMadeTheClassicWay(t *testing.T) {
	f := newFake(t)
	f.says(getPolicyPath, answer{body: `{"meta":{"status":200},"data":[],"fail":[]}`})
	f.says(createClassic, answer{body: `{"data":[{"option":"block_sender","id":"p1","policy":{"description":"x"}}]}`})
	client := f.client()
	policy, _, err := client.EnsureGroupPolicy(t.Context(), mark, "g1")
	require.NoError(t, err)
	require.Equal(t, "p1", policy.ID)
	require.JSONEq(t, `{"data":[{"option":"block_sender","policy":{"description":"threatshare:acme","fromPart":"both",
		"from":{"type":"profile_group","groupId":"g1"},"to":{"type":"internal_addresses"},
		"enabled":true,"fromEternal":true,"toEternal":true}}]}`, f.posted(createClassic))
	_, _, err = client.BlockSenderDomains(t.Context(), mark, []string{"bad.example"})
	require.NoError(t, err)
	require.Contains(t, f.asked(createClassic)[1].body, `"from":{"type":"email_domain","emailDomain":"bad.example"}`)
	require.Len(t, f.asked(policiesPath), 1, "REST is not asked again")
}

func TestEachDomainHasAPolicyOfItsOwn(t *testing.T) {
	f := newFake(t)
	n := 0
	f.does(policiesPath, func(call received) answer {
		if call.method == http.MethodGet {
			return answer{body: `{"policies":[]}`}
		}
		n++
		return answer{body: fmt.Sprintf(`{"id":"p%d"}`, n)}
	})
	values := []string{"bad.example", "worse.example", "bad.example"}
	outcomes, _, err := f.client().BlockSenderDomains(t.Context(), mark, values)
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, []string{"p1", "p2", "p1"}, []string{outcomes[0].ID, outcomes[1].ID, outcomes[2].ID})
	calls := f.asked(policiesPath)
	require.Len(t, calls, 3, "the list is read once")
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(calls[1].body), &sent))
	require.Equal(t, map[string]any{"type": "email_domain", "domain": "bad.example"}, sent["from"])
}

func TestADomainWithAPolicyIsLeftAsItIs(t *testing.T) {
	entry := func(id, description, option, rest string) string {
		return fmt.Sprintf(`{"id":%q,"description":%q,"option":%q,"from":{"type":"email_domain","domain":"bad.example"},%s}`, id, description, option, rest)
	}
	all := `"enabled":true,"to":{"type":"everyone"}`
	for _, c := range []struct {
		what string
		list []string
		want indicator.Outcome
		made int
	}{
		{"ours", []string{entry("p1", mark, "block_sender", all)}, indicator.Outcome{ID: "p1"}, 0},
		{"ours, switched off", []string{entry("p1", mark, "block_sender", `"enabled":false`)}, indicator.Outcome{ID: "p1"}, 0},
		{"somebody else's", []string{entry("p2", "by hand", "block_sender", all)}, indicator.Outcome{Duplicate: true}, 0},
		{"somebody else's exemption", []string{entry("p2", "by hand", "block_sender", all), entry("p3", "vip", "NO_ACTION", all)}, indicator.Outcome{Foreign: true}, 0},
		{"the exemption first", []string{entry("p3", "vip", "no_action", all), entry("p2", "by hand", "block_sender", all)}, indicator.Outcome{Foreign: true}, 0},
		{"ours beside theirs", []string{entry("p3", "vip", "no_action", all), entry("p1", mark, "block_sender", all)}, indicator.Outcome{ID: "p1"}, 0},
		{"theirs, switched off", []string{entry("p2", "by hand", "block_sender", `"enabled":false,"to":{"type":"everyone"}`)}, indicator.Outcome{ID: "new"}, 1},
		{"theirs, for one person", []string{entry("p2", "by hand", "block_sender", `"enabled":true,"to":{"type":"individual_email_address"}`)}, indicator.Outcome{ID: "new"}, 1},
	} {
		f := newFake(t)
		f.answersPolicies(answer{body: `{"definitions":[` + strings.Join(c.list, ",") + `]}`}, answer{body: `{"id":"new"}`})
		outcomes, _, err := f.client().BlockSenderDomains(t.Context(), mark, []string{"bad.example"})
		require.NoError(t, err, c.what)
		c.want.Key = indicator.Key{Kind: indicator.Domain, Value: "bad.example"}
		require.Equal(t, []indicator.Outcome{c.want}, outcomes, c.what)
		require.Equal(t, c.made, f.posts(policiesPath), c.what)
	}
}

func TestADomainThatIsRefusedDoesNotKeepTheOthersBack(t *testing.T) {
	f := newFake(t)
	f.does(policiesPath, func(call received) answer {
		switch {
		case call.method == http.MethodGet:
			return answer{body: `{"policies":[]}`}
		case strings.Contains(call.body, "odd.example"):
			return answer{status: 400, body: `{"errors":[{"code":"err_validation_domain","message":"odd"}]}`}
		case strings.Contains(call.body, "last.example"):
			return answer{status: 500}
		}
		return answer{body: `{"id":"p"}`}
	})
	values := []string{"odd.example", "not a domain", "bad.example", "last.example", "never.example"}
	outcomes, _, err := f.client().BlockSenderDomains(t.Context(), mark, values)
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	require.Equal(t, "err_validation_domain: odd", outcomes[0].Refused)
	require.Contains(t, outcomes[1].Refused, "not sent")
	require.Equal(t, "p", outcomes[2].ID)
	require.Zero(t, ways(outcomes[3]))
	require.Zero(t, ways(outcomes[4]))
	require.Equal(t, "never.example", outcomes[4].Value)
}

func TestAPolicyWhoseAnswerWasLostIsNotMadeTwice(t *testing.T) {
	f := newFake(t)
	f.answersPolicies(answer{body: `{"policies":[]}`}, answer{status: 504})
	client, now := f.client(), at(t, "2026-11-16T10:00:00Z")
	mimecast.SetClock(client, func() time.Time { return now })
	for range 3 {
		_, _, err := client.EnsureGroupPolicy(t.Context(), mark, "g1")
		require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
		_, _, err = client.BlockSenderDomains(t.Context(), mark, []string{"bad.example"})
		require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	}
	require.Equal(t, 2, f.posts(policiesPath))
	f.answersPolicies(answer{body: `{"policies":[{"id":"late","description":"` + mark + `","option":"block_sender","from":{"type":"profile_group","groupId":"g1"}}]}`}, answer{})
	policy, _, err := client.EnsureGroupPolicy(t.Context(), mark, "g1")
	require.NoError(t, err, "once it shows, it is believed at once")
	require.Equal(t, "late", policy.ID)
}

func TestAPolicyIsDeletedAndAMissingOneIsASuccess(t *testing.T) {
	listed := answer{body: `{"policies":[{"id":"p1"}]}`}
	for _, c := range []struct {
		what    string
		told    answer
		list    answer
		classic answer
		class   vendorapi.Class
		calls   []string
	}{
		{"deleted", answer{status: 204}, listed, gone, "", []string{"DELETE " + policiesPath + "/p1"}},
		{"missing", gone, answer{body: `{"policies":[]}`}, gone, "", []string{"DELETE " + policiesPath + "/p1", "GET " + policiesPath}},
		{"listed, but neither style deletes", gone, listed, gone, vendorapi.Rejected, []string{"DELETE " + policiesPath + "/p1", "GET " + policiesPath, "POST " + deleteClassic}},
		{"deleted the classic way", answer{status: 405}, listed, answer{body: `{"data":[],"fail":[]}`}, "", []string{"DELETE " + policiesPath + "/p1", "GET " + policiesPath, "POST " + deleteClassic}},
		{"gone meanwhile", answer{status: 405}, listed, refuses("", "err_policy_not_found", "gone"), "", []string{"DELETE " + policiesPath + "/p1", "GET " + policiesPath, "POST " + deleteClassic}},
		{"fails", answer{status: 500}, listed, gone, vendorapi.Unavailable, []string{"DELETE " + policiesPath + "/p1"}},
		{"list fails", gone, answer{status: 500}, gone, vendorapi.Unavailable, []string{"DELETE " + policiesPath + "/p1", "GET " + policiesPath}},
	} {
		f := newFake(t)
		f.says(policiesPath+"/p1", c.told)
		f.says(policiesPath, c.list)
		f.says(deleteClassic, c.classic)
		err := f.client().DeletePolicy(t.Context(), "p1")
		require.Equal(t, c.calls, f.calls(), c.what)
		if c.class == "" {
			require.NoError(t, err, c.what)
			continue
		}
		refused := refusalOf(t, err)
		require.Equal(t, c.class, refused.Class, c.what)
		require.NotContains(t, refused.Operation, "p1")
	}
}

func TestADeletedPolicyIsMadeAnewAtOnce(t *testing.T) {
	f := newFake(t)
	f.answersPolicies(answer{body: `{"policies":[]}`}, answer{body: `{"id":"p1"}`})
	f.says(policiesPath+"/p1", answer{status: 204})
	client := f.client()
	for range 2 {
		outcomes, _, err := client.BlockSenderDomains(t.Context(), mark, []string{"bad.example"})
		require.NoError(t, err)
		require.NoError(t, client.DeletePolicy(t.Context(), outcomes[0].ID))
	}
	require.Equal(t, 2, f.posts(policiesPath))
}
