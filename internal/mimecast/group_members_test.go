package mimecast_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	membersPath   = groupsPath + "/g1/members"
	removePath    = groupsPath + "/g1/remove-members"
	addClassic    = "/api/directory/add-group-member"
	removeClassic = "/api/directory/remove-group-member"
)

func domains(n int) []string {
	values := make([]string, 0, n)
	for i := range n {
		values = append(values, fmt.Sprintf("bad%d.example", i))
	}
	return values
}

// sentDomains reads the domains of an add or a remove in either style.
func sentDomains(body string) []string {
	type entry struct {
		Domain string `json:"domain"`
	}
	var request struct {
		GroupMembers []entry `json:"groupMembers"`
		Data         []entry `json:"data"`
	}
	if json.Unmarshal([]byte(body), &request) != nil {
		return nil
	}
	var values []string
	for _, entry := range append(request.GroupMembers, request.Data...) {
		values = append(values, entry.Domain)
	}
	return values
}

// answersMembers sets what a read and an add of the REST path of members answer.
func (f *fake) answersMembers(list answer, add func(received) answer) {
	f.does(membersPath, func(call received) answer {
		if call.method == http.MethodGet {
			return list
		}
		return add(call)
	})
}

// results is a REST answer with one result for each domain, success as the function says.
func results(call received, good func(string) bool) answer {
	var list []string
	for _, domain := range sentDomains(call.body) {
		list = append(list, fmt.Sprintf(`{"success":%t}`, good(domain)))
	}
	return answer{body: `{"results":[` + strings.Join(list, ",") + `]}`}
}

func TestTheDomainsOfAGroupAreReadToTheEndWithoutItsAddresses(t *testing.T) {
	f := newFake(t)
	f.does(membersPath, func(call received) answer {
		if strings.Contains(call.query, "pageToken=two") {
			return answer{body: `{"groupMembers":[{"domain":"Three.example","emailAddress":"three.example"},{"domain":"one.example"}],"meta":{"pagination":{}}}`}
		}
		return answer{body: file(t, "members.json")}
	})
	got, err := f.client().GroupDomains(t.Context(), "g1")
	require.NoError(t, err)
	require.Equal(t, []string{"one.example", "two.example", "three.example"}, got)
	require.Equal(t, "pageSize=100", f.asked(membersPath)[0].query)
	require.Equal(t, "pageSize=100&pageToken=two", f.asked(membersPath)[1].query)
}

func TestTheDomainsOfAGroupAreReadTheClassicWay(t *testing.T) {
	f := newFake(t)
	f.says(getMembersPath,
		answer{body: `{"meta":{"pagination":{"next":"two"}},"data":[{"groupMembers":[{"domain":"one.example","type":"created_manually"},{"domain":"own.example","emailAddress":"a@own.example"}]}]}`},
		answer{body: `{"meta":{"pagination":{"next":"three"}},"data":[{"groupMembers":[]}]}`})
	got, err := f.client().GroupDomains(t.Context(), "g1")
	require.NoError(t, err)
	require.Equal(t, []string{"one.example"}, got)
	require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100,"pageToken":"two"}},"data":[{"id":"g1"}]}`, f.asked(getMembersPath)[1].body)
}

func TestAListOfMembersWithAHoleIsNone(t *testing.T) {
	page := func(next string) answer {
		return answer{body: `{"groupMembers":[{"domain":"one.example"}],"meta":{"nextPageToken":"` + next + `"}}`}
	}
	for name, answers := range map[string][]answer{
		"fails later":    {page("two"), {status: 500}},
		"the same token": {page("two")},
		"a circle":       {page("a"), page("b"), page("a"), page("b")},
		"token refused":  {page("two"), {status: 400, body: file(t, "error-rest.json")}},
		"no list":        {{body: `{"members":[]}`}},
	} {
		f := newFake(t)
		f.says(membersPath, answers...)
		got, err := f.client().GroupDomains(t.Context(), "g1")
		require.Error(t, err, name)
		require.Nil(t, got)
		require.LessOrEqual(t, len(f.asked(membersPath)), 4)
	}
}

func TestDomainsGoIntoTheGroupTenWithEachCall(t *testing.T) {
	for name, told := range map[string]func(received) answer{
		"results":   func(call received) answer { return results(call, func(string) bool { return true }) },
		"204":       func(received) answer { return answer{status: 204} },
		"empty 200": func(received) answer { return answer{} },
		"object":    func(received) answer { return answer{body: `{}`} },
	} {
		f := newFake(t)
		f.answersMembers(answer{}, told)
		values := domains(25)
		outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, strings.Repeat("n", 120))
		require.NoError(t, err, name)
		requireSettled(t, values, outcomes)
		require.Equal(t, "g1", outcomes[24].ID)
		calls := f.asked(membersPath)
		require.Len(t, calls, 3, name)
		require.Equal(t, values[:10], sentDomains(calls[0].body))
		require.JSONEq(t, fmt.Sprintf(`{"domain":"bad0.example","note":%q}`, strings.Repeat("n", 100)), members(t, calls[0].body)[0])
	}
}

func TestOneBatchThatFailsBetweenGoodOnesDoesNotKeepTheOthersBack(t *testing.T) {
	values := domains(60)
	for name, c := range map[string]struct {
		failing map[string]answer // by the first domain of the batch
		calls   int
		open    []int // batches
	}{
		"one between":       {map[string]answer{"bad10.example": {status: 503}}, 6, []int{1}},
		"two, not in a row": {map[string]answer{"bad10.example": {status: 503}, "bad30.example": {body: "<html>"}}, 6, []int{1, 3}},
		"two in a row":      {map[string]answer{"bad10.example": {status: 503}, "bad20.example": {status: 503}}, 3, []int{1, 2, 3, 4, 5}},
		"the first":         {map[string]answer{"bad0.example": {status: 503}}, 1, []int{0, 1, 2, 3, 4, 5}},
		"a wait":            {map[string]answer{"bad10.example": {status: 429}}, 2, []int{1, 2, 3, 4, 5}},
		"a permission":      {map[string]answer{"bad10.example": {status: 403}}, 2, []int{1, 2, 3, 4, 5}},
	} {
		f := newFake(t)
		f.answersMembers(answer{}, func(call received) answer {
			if told, bad := c.failing[sentDomains(call.body)[0]]; bad {
				return told
			}
			return results(call, func(string) bool { return true })
		})
		outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
		require.Error(t, err, name)
		require.Len(t, f.asked(membersPath), c.calls, name)
		for i, outcome := range outcomes {
			require.Equal(t, slices.Contains(c.open, i/10), ways(outcome) == 0, "%s %d", name, i)
		}
	}
}

// A gateway's empty 200 must not count as a block that was never made.
func TestAnEmptyAnswerIsNoSuccessOnceTheVendorHasToldResults(t *testing.T) {
	f := newFake(t)
	client := f.client()
	answers := []answer{{}, {}, {status: 204}}
	f.answersMembers(answer{}, func(call received) answer {
		if first := sentDomains(call.body)[0]; first != "bad10.example" {
			return results(call, func(domain string) bool { return domain != "bad1.example" || len(answers) < 3 })
		}
		next := answers[0]
		answers = answers[1:]
		return next
	})
	values := domains(20)
	outcomes, err := client.AddGroupDomains(t.Context(), "g1", values, "")
	require.Error(t, err, "bad1 is looked up in a list that is none")
	require.Equal(t, "g1", outcomes[10].ID, "this vendor may tell results only where something went wrong")

	outcomes, err = client.AddGroupDomains(t.Context(), "g1", values, "")
	require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class)
	requireSettled(t, values[:10], outcomes[:10])
	require.Zero(t, ways(outcomes[10]), "nobody has said that it was done")

	outcomes, err = client.AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err, "204 says that there is nothing to tell")
	requireSettled(t, values, outcomes)
}

// members gives the members of a REST request as JSON.
func members(t *testing.T, body string) []string {
	t.Helper()
	var request struct {
		GroupMembers []json.RawMessage `json:"groupMembers"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &request))
	var all []string
	for _, raw := range request.GroupMembers {
		all = append(all, string(raw))
	}
	return all
}

func TestAMemberAlreadyIsADuplicateHoweverTheVendorSaysSo(t *testing.T) {
	values := domains(10)
	old := values[3]
	for name, told := range map[string]func(received) answer{
		"without a word": func(call received) answer { return results(call, func(domain string) bool { return domain != old }) },
		"409": func(call received) answer {
			if slices.Contains(sentDomains(call.body), old) {
				return answer{status: 409, body: `{"errors":[{"code":"conflict","message":"no"}]}`}
			}
			return answer{status: 204}
		},
		"in words": func(call received) answer {
			told := results(call, func(domain string) bool { return domain != old })
			told.body = strings.ReplaceAll(told.body, `"success":false`, `"success":false,"errors":[{"code":"err_folder_group_member_already_exists","message":"is in"}]`)
			return told
		},
		"as a count that does not match": func(call received) answer {
			if slices.Contains(sentDomains(call.body), old) {
				return answer{body: `{"results":[]}`}
			}
			return answer{}
		},
	} {
		f := newFake(t)
		f.answersMembers(answer{body: `{"groupMembers":[{"domain":"` + old + `"}],"meta":{}}`}, told)
		outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
		require.NoError(t, err, name)
		requireSettled(t, values, outcomes)
		for i, outcome := range outcomes {
			require.Equal(t, i == 3, outcome.Duplicate, "%s %d", name, i)
		}
	}
}

func TestADomainThatIsRefusedWithoutAWordIsNoMemberAndRefused(t *testing.T) {
	f := newFake(t)
	f.answersMembers(answer{body: `{"groupMembers":[],"meta":{}}`}, func(call received) answer {
		return results(call, func(domain string) bool { return domain != "bad1.example" })
	})
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", domains(3), "")
	require.NoError(t, err)
	require.NotEmpty(t, outcomes[1].Refused)
	require.Equal(t, "g1", outcomes[2].ID)
	require.Equal(t, []string{"POST " + membersPath, "POST " + addClassic, "GET " + membersPath}, f.calls(), "the classic style is not offered")

	f.answersMembers(answer{status: 500}, func(call received) answer { return results(call, func(string) bool { return false }) })
	outcomes, err = f.client().AddGroupDomains(t.Context(), "g1", domains(1), "")
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	require.Zero(t, ways(outcomes[0]), "what cannot be told is left open")
}

func TestADomainThatIsRefusedWithoutAWordIsLeftOpenWhenALaterCallFails(t *testing.T) {
	f := newFake(t)
	f.answersMembers(answer{body: file(t, "members.json")}, func(call received) answer {
		if sentDomains(call.body)[0] == "bad10.example" {
			return answer{status: 500}
		}
		return results(call, func(string) bool { return false })
	})
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", domains(11), "")
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	require.Zero(t, ways(outcomes[0]), "it may be a member already: nobody has looked")
}

func TestWithoutRESTDomainsGoIntoTheGroupTheClassicWay(t *testing.T) {
	f := newFake(t)
	f.does(addClassic, func(call received) answer {
		var data, fail []string
		for _, domain := range sentDomains(call.body) {
			switch domain {
			case "bad1.example":
				fail = append(fail, `{"key":{"id":"g1","domain":"bad1.example"},"errors":[{"code":"err_folder_group_member_already_exists","message":"is in"}]}`)
			case "bad2.example":
				fail = append(fail, `{"key":{"id":"g1","emailAddress":"BAD2.example"},"errors":[{"code":"err_folder_new","message":"why not"}]}`)
			default:
				data = append(data, `{"id":"m","folderId":"g1","domain":"`+domain+`","internal":false}`)
			}
		}
		return answer{body: `{"meta":{"status":200},"data":[` + strings.Join(data, ",") + `],"fail":[` + strings.Join(fail, ",") + `]}`}
	})
	values := domains(12)
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "a note")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "g1", outcomes[0].ID)
	require.True(t, outcomes[1].Duplicate)
	require.Equal(t, "err_folder_new: why not", outcomes[2].Refused)
	require.Contains(t, f.asked(addClassic)[0].body, `{"id":"g1","domain":"bad0.example","notes":"a note"}`)
	require.Len(t, f.asked(addClassic), 2)
}

func TestOneBadDomainInTenIsFoundByHalving(t *testing.T) {
	f := newFake(t)
	f.does(addClassic, func(call received) answer {
		sent := sentDomains(call.body)
		if slices.Contains(sent, "bad7.example") {
			return refuses("", "err_new", "one of them")
		}
		return answer{body: `{"data":[` + strings.TrimSuffix(strings.Repeat(`{"id":"m"},`, len(sent)), ",") + `]}`}
	})
	values := domains(10)
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	for i, outcome := range outcomes {
		require.Equal(t, i == 7, outcome.Refused != "")
	}
	require.LessOrEqual(t, len(f.asked(addClassic)), 1+8)
}

func TestDomainsAreTakenOutAndNoMemberIsASuccess(t *testing.T) {
	f := newFake(t)
	f.does(removePath, func(call received) answer {
		return results(call, func(domain string) bool { return domain == "bad0.example" })
	})
	f.answersMembers(answer{body: `{"groupMembers":[{"domain":"bad2.example"}],"meta":{}}`}, nil)
	values := domains(3)
	outcomes, err := f.client().RemoveGroupDomains(t.Context(), "g1", values)
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "g1", outcomes[0].ID)
	require.True(t, outcomes[1].Duplicate, "it is not in the list")
	require.NotEmpty(t, outcomes[2].Refused, "it is in the list still")
	require.JSONEq(t, `{"groupMembers":[{"domain":"bad0.example"},{"domain":"bad1.example"},{"domain":"bad2.example"}]}`, f.asked(removePath)[0].body)
}

func TestWithoutRESTDomainsAreTakenOutTheClassicWay(t *testing.T) {
	f := newFake(t)
	f.says(removeClassic, answer{body: `{"data":[{"id":"m","folderId":"g1","domain":"bad0.example"}],"fail":[{"key":{"id":"g1","domain":"bad1.example"},"errors":[{"code":"err_folder_email_address_not_found","message":"not there"}]}]}`})
	values := domains(2)
	outcomes, err := f.client().RemoveGroupDomains(t.Context(), "g1", values)
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "g1", outcomes[0].ID)
	require.True(t, outcomes[1].Duplicate)
	require.JSONEq(t, `{"data":[{"id":"g1","domain":"bad0.example"},{"id":"g1","domain":"bad1.example"}]}`, f.asked(removeClassic)[0].body)
}

func TestAWriteThatMayHaveBeenCarriedOutIsNotRepeatedInTheOtherStyle(t *testing.T) {
	for _, told := range []answer{{status: 500}, {status: 429}, {body: `<html></html>`}, {status: 400, body: file(t, "error-rest.json")}} {
		f := newFake(t)
		f.answersMembers(answer{body: `{"groupMembers":[],"meta":{}}`}, func(received) answer { return told })
		_, _ = f.client().AddGroupDomains(t.Context(), "g1", domains(1), "")
		require.Empty(t, f.asked(addClassic), "%d", told.status)
	}
}

func TestAnAddressIsNoDomainToBlock(t *testing.T) {
	f := newFake(t)
	values := []string{"a@bad.example", "*.bad.example", "192.0.2.1", "BAD.example"}
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Empty(t, f.calls())
}
