package mimecast_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	groupsPath   = "/directory/cloud-gateway/v1/groups"
	policiesPath = "/policy-management/cloud-gateway/v1/blocked-senders/policies"
	byotiCreate  = "/api/byo-threat-intelligence/create-batch"
)

func (v *vendor) rest(method, path string, body any) reply {
	v.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(v.t, err)
	return v.send(method, path, "application/json", string(raw))
}

func hashOf(n int) string { return fmt.Sprintf("%064x", n) }

func batchOf(operation string, hashes ...string) string {
	items := make([]any, len(hashes))
	for i, hash := range hashes {
		items[i] = map[string]string{"hash": hash, "provider": "Falcon", "description": "IOC"}
	}
	raw, err := json.Marshal(map[string]any{"data": []any{map[string]any{"operationType": operation, "hashList": items}}})
	if err != nil {
		return ""
	}
	return string(raw)
}

func TestBYOTITakesTheGoodHashesAndNamesTheBadOnes(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPut, "/limits", map[string]any{"refusedHashes": []string{hashOf(2)}})
	r := v.post(byotiCreate, batchOf("BLOCK", hashOf(1), hashOf(2), hashOf(3)))
	require.Equal(t, http.StatusOK, r.status)
	require.InDelta(t, 2, r.first()["hashCount"], 0)
	require.Contains(t, r.first()["completionTime"], "[UTC]")
	fail := r.body["fail"].([]any)
	require.Len(t, fail, 1)
	require.Equal(t, map[string]any{"hash": hashOf(2)}, fail[0].(map[string]any)["key"])
	require.Equal(t, 2, v.written())
	v.noViolations()

	r = v.post(byotiCreate, batchOf("DELETE", hashOf(1)))
	require.InDelta(t, 1, r.first()["hashCount"], 0)
	require.Equal(t, map[string]string{hashOf(3): "BLOCK"}, v.server.State().BYOTI)
}

func TestBYOTIWithoutQuotaTakesNothing(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPut, "/limits", map[string]any{"byotiHashes": 2})
	require.InDelta(t, 2, v.post(byotiCreate, batchOf("BLOCK", hashOf(1), hashOf(2))).first()["hashCount"], 0)
	again := v.post(byotiCreate, batchOf("BLOCK", hashOf(1), hashOf(2)))
	require.InDelta(t, 2, again.first()["hashCount"], 0, "what is there already needs no room")
	full := v.post(byotiCreate, batchOf("BLOCK", hashOf(1), hashOf(3)))
	require.Equal(t, http.StatusOK, full.status)
	require.Empty(t, full.data())
	require.Contains(t, fmt.Sprint(full.body["fail"]), "Quota not available to create the batch")
	require.Len(t, v.server.State().BYOTI, 2)
	require.InDelta(t, 0, v.post("/api/byo-threat-intelligence/get-quota", "").first()["remaining"], 0)
	v.noViolations()
}

func TestBYOTIIsStrictAboutItsLimits(t *testing.T) {
	v := newVendor(t)
	for name, body := range map[string]string{
		"hashes as strings":    `{"data":[{"operationType":"BLOCK","hashList":["` + hashOf(1) + `"]}]}`,
		"long provider":        `{"data":[{"operationType":"BLOCK","hashList":[{"hash":"` + hashOf(1) + `","provider":"12345678901"}]}]}`,
		"long description":     `{"data":[{"operationType":"BLOCK","hashList":[{"hash":"` + hashOf(1) + `","description":"` + strings.Repeat("x", 21) + `"}]}]}`,
		"SHA-1":                batchOf("BLOCK", strings.Repeat("a", 40)),
		"unknown operation":    batchOf("block", hashOf(1)),
		"more than a thousand": batchOf("BLOCK", strings.Split(strings.Repeat(hashOf(1)+",", 1001), ",")[:1001]...),
	} {
		r := v.post(byotiCreate, body)
		require.NotEmpty(t, r.code(), name)
		require.Len(t, v.violated(), 1, name)
	}
	require.Empty(t, v.server.State().BYOTI)
}

func TestBatchesAreListedAndDeletedAsAWhole(t *testing.T) {
	v := newVendor(t)
	v.post(byotiCreate, batchOf("BLOCK", hashOf(1), hashOf(2)))
	v.post(byotiCreate, batchOf("BLOCK", hashOf(3)))
	list := v.post("/api/byo-threat-intelligence/get-batches", `{"data":[{"order":"DESC","sortBy":"CREATE_TIME"}]}`)
	require.Len(t, list.data(), 2)
	require.InDelta(t, 1, list.first()["hashCount"], 0, "newest first")
	id := list.data()[1].(map[string]any)["batchIdToken"].(string)
	gone := v.post("/api/byo-threat-intelligence/delete-batch", fmt.Sprintf(`{"data":[{"id":%q}]}`, id))
	require.Equal(t, true, gone.first()["success"])
	require.Equal(t, map[string]string{hashOf(3): "BLOCK"}, v.server.State().BYOTI)
	v.noViolations()
}

func TestGroupsAreTheSameInBothStyles(t *testing.T) {
	v := newVendor(t)
	made := v.rest(http.MethodPost, groupsPath, map[string]string{"description": "Blocked by integration"})
	id := made.body["id"].(string)
	found := v.post("/api/directory/find-groups", `{"data":[{"query":"by integration","source":"cloud"}]}`)
	folder := found.first()["folders"].([]any)[0].(map[string]any)
	require.Equal(t, id, folder["id"])
	require.Contains(t, folder, "folderCount")
	none := v.post("/api/directory/find-groups", `{"data":[{"query":"nowhere"}]}`)
	require.Equal(t, http.StatusOK, none.status)
	require.Empty(t, none.first()["folders"])

	added := v.post("/api/directory/add-group-member", fmt.Sprintf(`{"data":[{"id":%q,"domain":"one.example","notes":"why"}]}`, id))
	require.Equal(t, id, added.first()["folderId"])
	results := v.rest(http.MethodPost, groupsPath+"/"+id+"/members", map[string]any{"groupMembers": []any{
		map[string]string{"domain": "one.example"}, map[string]string{"emailAddress": "x@two.example", "note": "why"},
	}})
	require.Equal(t, []any{map[string]any{"success": false}, map[string]any{"success": true}}, results.body["results"])

	members := v.get(groupsPath + "/" + id + "/members").body["groupMembers"].([]any)
	require.Len(t, members, 2)
	domain, address := members[0].(map[string]any), members[1].(map[string]any)
	require.Equal(t, "one.example", domain["emailAddress"], "a domain member's address is the domain")
	require.Equal(t, "two.example", address["domain"], "an address member has a domain as well")
	classic := v.post("/api/directory/get-group-members", fmt.Sprintf(`{"data":[{"id":%q}]}`, id))
	require.Len(t, classic.records("groupMembers"), 2)
	require.NotContains(t, classic.records("groupMembers")[0], "emailAddress")
	require.Equal(t, 3, v.written())
	v.noViolations()
}

func TestMemberAlreadyThereAndMemberGoneHaveTheirCodes(t *testing.T) {
	v := newVendor(t)
	id := v.rest(http.MethodPost, groupsPath, map[string]string{"description": "g"}).body["id"].(string)
	member := fmt.Sprintf(`{"data":[{"id":%q,"domain":"one.example"}]}`, id)
	v.post("/api/directory/add-group-member", member)
	again := v.post("/api/directory/add-group-member", member)
	require.Equal(t, http.StatusOK, again.status)
	require.Equal(t, "err_folder_group_member_already_exists", again.code())
	v.post("/api/directory/remove-group-member", member)
	require.Equal(t, "err_folder_email_address_not_found", v.post("/api/directory/remove-group-member", member).code())
	v.noViolations()

	long := fmt.Sprintf(`{"data":[{"id":%q,"domain":"two.example","notes":%q}]}`, id, strings.Repeat("n", 101))
	require.Equal(t, "err_validation_length", v.post("/api/directory/add-group-member", long).code())
	require.Len(t, v.violated(), 1)
}

func TestADomainCanBeRefusedAloneWhereverItCouldBeBlocked(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPut, "/limits", mimecast.Limits{RefusedDomains: []string{"Bad.example"}})
	id := v.rest(http.MethodPost, groupsPath, map[string]string{"description": "g"}).body["id"].(string)
	v.written()
	both := []any{map[string]string{"domain": "bad.example"}, map[string]string{"domain": "good.example"}}
	r := v.rest(http.MethodPost, groupsPath+"/"+id+"/members", map[string]any{"groupMembers": both})
	require.Equal(t, []any{map[string]any{"success": false}, map[string]any{"success": true}}, r.body["results"])

	r = v.post("/api/directory/add-group-member", fmt.Sprintf(`{"data":[{"id":%[1]q,"domain":"bad.example"},{"id":%[1]q,"domain":"other.example"}]}`, id))
	require.Equal(t, "err_domain_rejected", r.code())
	require.Len(t, r.data(), 1)

	r = v.post("/api/ttp/url/create-managed-url", `{"data":[{"url":"https://bad.example","action":"block","matchType":"domain"},{"url":"https://good.example","action":"block","matchType":"domain"}]}`)
	require.Equal(t, "err_domain_rejected", r.code())
	require.Len(t, r.data(), 1)

	r = v.rest(http.MethodPost, policiesPath, map[string]any{
		"description": "d", "option": "block_sender", "from": map[string]string{"type": "email_domain", "domain": "bad.example"},
		"to": map[string]string{"type": "everyone"},
	})
	require.Equal(t, http.StatusBadRequest, r.status)
	require.Equal(t, "err_domain_rejected", r.code())
	require.Equal(t, 3, v.written())

	v.steer(http.MethodPut, "/quirks", mimecast.Quirks{})
	r = v.rest(http.MethodPost, groupsPath+"/"+id+"/members", map[string]any{"groupMembers": both})
	require.Equal(t, http.StatusBadRequest, r.status, "the whole call")
	v.steer(http.MethodPut, "/limits", mimecast.Limits{})
	require.Len(t, v.post("/api/directory/add-group-member", fmt.Sprintf(`{"data":[{"id":%q,"domain":"bad.example"}]}`, id)).data(), 1)
	v.noViolations()
}

func TestGroupNamesAreNotUniqueAndOnlyEmptyOnesAreDeleted(t *testing.T) {
	v := newVendor(t)
	create := `{"data":[{"description":"New Folder"}]}`
	first := v.post("/api/directory/create-group", create).first()["id"].(string)
	second := v.post("/api/directory/create-group", create).first()["id"].(string)
	require.NotEqual(t, first, second)
	v.post("/api/directory/add-group-member", fmt.Sprintf(`{"data":[{"id":%q,"domain":"one.example"}]}`, first))
	remove := func(ids ...string) reply {
		data := make([]map[string]string, 0, len(ids))
		for _, id := range ids {
			data = append(data, map[string]string{"id": id})
		}
		return v.rest(http.MethodPost, "/api/directory/delete-group", map[string]any{"data": data})
	}
	v.written()
	full := remove(first)
	require.Equal(t, http.StatusOK, full.status)
	require.Equal(t, "err_folder_not_empty", full.code())
	require.Equal(t, map[string]any{"id": first}, full.body["fail"].([]any)[0].(map[string]any)["key"])
	v.steer(http.MethodPut, "/denied", []string{"/api/directory/delete-group"})
	require.Equal(t, http.StatusForbidden, remove(second).status)
	v.steer(http.MethodPut, "/denied", []string{})
	require.Zero(t, v.written())
	both := remove(first, second)
	require.Equal(t, http.StatusOK, both.status, "one of the two is refused")
	require.Len(t, both.body["fail"], 1)
	require.Equal(t, 1, v.written())
	require.Equal(t, http.StatusNotFound, v.get(groupsPath+"/"+second).status)
	require.Equal(t, "err_folder_not_found", remove(second).code())
	v.post("/api/directory/remove-group-member", fmt.Sprintf(`{"data":[{"id":%q,"domain":"one.example"}]}`, first))
	require.Equal(t, http.StatusNoContent, remove(first).status)
	v.noViolations()
}

func TestPoliciesAreTheSameInBothStyles(t *testing.T) {
	v := newVendor(t)
	group := v.rest(http.MethodPost, groupsPath, map[string]string{"description": "g"}).body["id"].(string)
	classic := v.post("/api/policy/blockedsenders/create-policy", fmt.Sprintf(`{"data":[{"option":"block_sender","policy":{
		"description":"Falcon IOC sync","fromPart":"both","from":{"type":"profile_group","groupId":%q},
		"to":{"type":"internal_addresses"},"fromEternal":true,"toEternal":true,"enabled":true}}]}`, group))
	require.Equal(t, http.StatusOK, classic.status, classic.body)
	policy := classic.first()["policy"].(map[string]any)
	require.Equal(t, "1900-01-01T00:00:00+0000", policy["fromDate"])
	require.Equal(t, "profile_group", policy["fromType"])

	id := classic.first()["id"].(string)
	rest := v.get(policiesPath + "/" + id).body
	require.Equal(t, "Falcon IOC sync", rest["description"])
	require.Equal(t, group, rest["from"].(map[string]any)["group"].(map[string]any)["id"])
	require.Len(t, v.get(policiesPath).body["policies"], 2, "the tenant's own and this one")

	require.Equal(t, http.StatusNoContent, v.rest(http.MethodPatch, policiesPath+"/"+id, map[string]any{"enabled": false}).status)
	read := v.post("/api/policy/blockedsenders/get-policy", fmt.Sprintf(`{"data":[{"id":%q}]}`, id))
	require.Equal(t, false, read.first()["policy"].(map[string]any)["enabled"])
	require.Equal(t, http.StatusNoContent, v.send(http.MethodDelete, policiesPath+"/"+id, "", "").status)
	require.Equal(t, http.StatusNotFound, v.send(http.MethodDelete, policiesPath+"/"+id, "", "").status)
	v.noViolations()
}

func TestPolicyOfADomainNamesItDifferentlyInEachStyle(t *testing.T) {
	v := newVendor(t)
	create := func(side map[string]string) reply {
		return v.rest(http.MethodPost, policiesPath, map[string]any{
			"description": "d", "option": "block_sender", "from": side, "to": map[string]string{"type": "everyone"},
		})
	}
	require.Equal(t, http.StatusOK, create(map[string]string{"type": "email_domain", "domain": "one.example"}).status)
	answer := create(map[string]string{"type": "email_domain", "domain": "two.example"})
	v.noViolations()
	require.Contains(t, answer.body, "policyId", "the second answer has the other form")
	require.Equal(t, http.StatusBadRequest, create(map[string]string{"type": "email_domain", "emailDomain": "x.example"}).status)
	require.Len(t, v.violated(), 1)
	require.Equal(t, http.StatusBadRequest, create(map[string]string{"type": "email_domain"}).status)
}

func TestClassicPolicyWritesExistOnlyWhereTheQuirkSaysSo(t *testing.T) {
	v := newVendor(t)
	id := v.get(policiesPath).body["policies"].([]any)[0].(map[string]any)["id"].(string)
	body := fmt.Sprintf(`{"data":[{"id":%q}]}`, id)
	require.Equal(t, http.StatusNotFound, v.post("/api/policy/blockedsenders/delete-policy", body).status)
	v.steer(http.MethodPut, "/quirks", mimecast.Quirks{ClassicPolicyWrites: true})
	require.Equal(t, http.StatusOK, v.post("/api/policy/blockedsenders/delete-policy", body).status)
	v.noViolations()
}

func TestIDsChangeBetweenReadsAndAllOfThemStayGood(t *testing.T) {
	v := newVendor(t, quirks(mimecast.Quirks{ChangingIDs: true, DefinitionsKey: true}))
	read := func() string {
		return v.get(policiesPath).body["definitions"].([]any)[0].(map[string]any)["id"].(string)
	}
	first, second := read(), read()
	require.NotEqual(t, first, second)
	require.Equal(t, http.StatusOK, v.get(policiesPath+"/"+first).status)
	require.Equal(t, http.StatusNoContent, v.send(http.MethodDelete, policiesPath+"/"+second, "", "").status)
	require.Equal(t, http.StatusNotFound, v.get(policiesPath+"/"+first).status)
}
