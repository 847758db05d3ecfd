package mimecast_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

func TestListsShowWhatWasMadeSomeTimeLaterAndCallsByIDAtOnce(t *testing.T) {
	const managed, allManaged = "/api/ttp/url/create-managed-url", "/api/ttp/url/get-all-managed-urls"
	v := newVendor(t)
	v.advance(time.Minute)
	v.steer(http.MethodPut, "/quirks", mimecast.Quirks{LagMS: 30_000})
	group := v.rest(http.MethodPost, groupsPath, map[string]string{"description": "late"}).body["id"].(string)
	member := map[string]any{"groupMembers": []any{map[string]string{"domain": "one.example"}}}
	v.rest(http.MethodPost, groupsPath+"/"+group+"/members", member)
	policy := map[string]any{
		"description": "d", "option": "block_sender", "from": map[string]string{"type": "email_domain", "domain": "one.example"},
		"to": map[string]string{"type": "everyone"},
	}
	require.Equal(t, http.StatusOK, v.rest(http.MethodPost, policiesPath, policy).status)
	url := `{"data":[{"url":"https://one.example","action":"block","matchType":"domain"}]}`
	require.Equal(t, http.StatusOK, v.post(managed, url).status)
	incident := fmt.Sprintf(`{"data":[{"hashOrMessageId":%q,"reason":"r"}]}`, hashOf(1))
	require.Equal(t, http.StatusOK, v.post("/api/ttp/remediation/create", incident).status)

	counts := func() []int {
		list := func(r reply, key string) int { return len(r.body[key].([]any)) }
		found := v.post("/api/ttp/remediation/find-incidents", `{"data":[{"searchBy":{"fieldName":"reason","value":"r"}}]}`).first()["incidents"].([]any)
		return []int{
			list(v.get(groupsPath+"?query=late"), "groups"), list(v.get(groupsPath+"/"+group+"/members"), "groupMembers"),
			list(v.get(policiesPath), "policies"), len(v.post(allManaged, `{}`).data()), len(found),
		}
	}
	require.Equal(t, []int{0, 0, 1, 0, 0}, counts(), "the tenant's own policy is old")
	require.Equal(t, http.StatusOK, v.get(groupsPath+"/"+group).status)
	require.Equal(t, "err_managed_url_exists_code", v.post(managed, url).code())
	v.advance(30 * time.Second)
	require.Equal(t, []int{1, 1, 2, 1, 1}, counts())
	v.noViolations()
}
