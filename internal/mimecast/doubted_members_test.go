package mimecast_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// classicAdds is the classic answer to an add: the domains of already are members, those of bad may not become any.
func classicAdds(call received, already, bad []string) answer {
	var data, fail []string
	for _, domain := range sentDomains(call.body) {
		switch {
		case slices.Contains(already, domain):
			fail = append(fail, failing(memberKey(domain), `{"code":"err_folder_group_member_already_exists","message":"is in"}`))
		case slices.Contains(bad, domain):
			fail = append(fail, failing(memberKey(domain), `{"code":"err_folder_domain_invalid","message":"is none"}`))
		default:
			data = append(data, memberOf([]string{domain}))
		}
	}
	return answer{body: `{"meta":{"status":200},"data":[` + strings.Join(data, ",") + `],"fail":[` + strings.Join(fail, ",") + `]}`}
}

func refusesAll(call received) answer { return results(call, func(string) bool { return false }) }

func TestTheClassicStyleTellsWhyRESTRefusedWithoutAWordAndNoListIsRead(t *testing.T) {
	f := newFake(t)
	values := domains(12)
	f.answersMembers(answer{status: http.StatusInternalServerError}, refusesAll)
	f.does(addClassic, func(call received) answer { return classicAdds(call, values[:10], values[10:11]) })
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	for _, outcome := range outcomes[:10] {
		require.True(t, outcome.Duplicate, outcome.Value)
	}
	require.Equal(t, "err_folder_domain_invalid: is none", outcomes[10].Refused)
	require.Equal(t, "g1", outcomes[11].ID, "it was not there, and is now")
	require.Len(t, f.asked(addClassic), 2)
	require.Len(t, f.asked(membersPath), 2, "the writes, and no reading")
}

func TestOneMemberAlreadyThatKeepsTenOutCostsOneCallMore(t *testing.T) {
	f := newFake(t)
	values := domains(10)
	f.says(membersPath, answer{status: http.StatusConflict, body: `{"errors":[{"code":"conflict","message":"no"}]}`})
	f.does(addClassic, func(call received) answer { return classicAdds(call, values[3:4], nil) })
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	for i, outcome := range outcomes {
		require.Equal(t, i == 3, outcome.Duplicate, outcome.Value)
	}
	require.Equal(t, []string{"POST " + membersPath, "POST " + addClassic}, f.calls())
}

func TestOfVeryManyRefusedWithoutAWordTheListOfMembersTellsAtOnce(t *testing.T) {
	f := newFake(t)
	values := domains(101)
	f.answersMembers(answer{body: `{"groupMembers":[{"domain":"` + strings.Join(values, `"},{"domain":"`) + `"}],"meta":{}}`}, refusesAll)
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err)
	for _, outcome := range outcomes {
		require.True(t, outcome.Duplicate, outcome.Value)
	}
	require.Empty(t, f.asked(addClassic))
	require.Len(t, f.asked(membersPath), 11+1)
}

func TestWhatTheClassicStyleCouldNotBeAskedAboutIsLeftOpen(t *testing.T) {
	f := newFake(t)
	f.answersMembers(answer{body: `{"groupMembers":[],"meta":{}}`}, refusesAll)
	f.says(addClassic, answer{status: http.StatusServiceUnavailable})
	client := f.client()
	outcomes, err := client.AddGroupDomains(t.Context(), "g1", domains(3), "")
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	for _, outcome := range outcomes {
		require.Zero(t, ways(outcome), "it may be a member already: nobody has looked")
	}
	outcomes, err = client.AddGroupDomains(t.Context(), "g1", domains(3), "")
	require.NoError(t, err, "the next try looks at the list of members")
	for _, outcome := range outcomes {
		require.NotEmpty(t, outcome.Refused)
	}
}

// REST still works: what the other style fails for must neither hold up the step nor stop the integration.
func TestAClassicStyleThatDoesNotWorkHoldsUpNoWriteThatRESTCanDo(t *testing.T) {
	values := domains(10)
	for _, failing := range []answer{
		{status: http.StatusBadGateway}, {status: http.StatusUnauthorized, body: file(t, "error-gateway.json")}, {body: "<html>"},
	} {
		f := newFake(t)
		f.answersMembers(answer{body: `{"groupMembers":[{"domain":"` + values[3] + `"}],"meta":{}}`}, func(call received) answer {
			if slices.Contains(sentDomains(call.body), values[3]) {
				return answer{status: http.StatusConflict, body: `{"errors":[{"code":"conflict","message":"no"}]}`}
			}
			return answer{status: http.StatusNoContent}
		})
		f.says(addClassic, failing)
		outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
		require.NoError(t, err, failing)
		for i, outcome := range outcomes {
			require.Equal(t, i == 3, outcome.Duplicate, outcome.Value)
		}
	}
}

func TestCredentialsThatOnlyTheClassicStyleRefusesLeaveTheListOfMembersToTell(t *testing.T) {
	f := newFake(t)
	values := domains(2)
	f.answersMembers(answer{body: `{"groupMembers":[{"domain":"` + values[1] + `"}],"meta":{}}`}, refusesAll)
	f.says(addClassic, answer{status: http.StatusUnauthorized, body: file(t, "error-gateway.json")})
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err)
	require.Equal(t, []bool{false, true}, []bool{outcomes[0].Duplicate, outcomes[1].Duplicate})
}

func TestWhereBothStylesRefuseWithoutAWordTheListOfMembersTells(t *testing.T) {
	f := newFake(t)
	values := domains(3)
	f.answersMembers(answer{body: `{"groupMembers":[{"domain":"` + values[1] + `"}],"meta":{}}`}, refusesAll)
	f.says(addClassic, answer{body: `{"meta":{"status":200},"data":[],"fail":[]}`})
	outcomes, err := f.client().AddGroupDomains(t.Context(), "g1", values, "")
	require.NoError(t, err)
	for i, outcome := range outcomes {
		require.Equal(t, i == 1, outcome.Duplicate, outcome.Value)
		require.Equal(t, i != 1, outcome.Refused != "", outcome.Value)
	}
}

func TestADomainThatRESTWouldNotTakeOutWithoutAWordAndThatIsNoMemberIsASuccess(t *testing.T) {
	f := newFake(t)
	values := domains(2)
	f.does(removePath, refusesAll)
	f.does(removeClassic, func(received) answer {
		return answer{body: `{"meta":{"status":200},"data":[` + memberOf(values[:1]) + `],"fail":[` +
			failing(memberKey(values[1]), `{"code":"err_folder_email_address_not_found","message":"is not in"}`) + `]}`}
	})
	outcomes, err := f.client().RemoveGroupDomains(t.Context(), "g1", values)
	require.NoError(t, err)
	require.Equal(t, "g1", outcomes[0].ID)
	require.True(t, outcomes[1].Duplicate)
	require.Equal(t, []string{"POST " + removePath, "POST " + removeClassic}, f.calls())
}
