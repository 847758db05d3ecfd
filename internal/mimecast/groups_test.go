package mimecast_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	groupsPath      = "/directory/cloud-gateway/v1/groups"
	findGroupsPath  = "/api/directory/find-groups"
	createGroupPath = "/api/directory/create-group"
	getMembersPath  = "/api/directory/get-group-members"
	deleteGroupPath = "/api/directory/delete-group"

	ours = "Threat Share acme"
)

// answersGroups makes the REST path of groups list some and make one.
func (f *fake) answersGroups(list, made answer) {
	f.does(groupsPath, func(call received) answer {
		if call.method == http.MethodPost {
			return made
		}
		return list
	})
}

// gone is the answer of a path that is not there.
var gone = answer{status: 404, body: `{"fail":[{"code":"not_found","message":"no such path"}]}`}

func TestTheGroupIsFoundByItsRememberedID(t *testing.T) {
	f := newFake(t)
	f.says(groupsPath+"/g1", answer{body: `{"id":"g1","description":"renamed by a person"}`})
	id, err := f.client().SenderGroup(t.Context(), ours, "g1")
	require.NoError(t, err)
	require.Equal(t, "g1", id)
	require.Equal(t, []string{"GET " + groupsPath + "/g1"}, f.calls())
}

func TestTheGroupIsFoundByItsExactName(t *testing.T) {
	f := newFake(t)
	f.answersGroups(answer{body: file(t, "groups.json")}, answer{})
	id, err := f.client().SenderGroup(t.Context(), ours, "no-more")
	require.NoError(t, err)
	require.Equal(t, "g-ours", id)
	require.Equal(t, []string{"GET " + groupsPath + "/no-more", "GET " + groupsPath}, f.calls())
	require.Equal(t, "pageSize=100&query=Threat+Share+acme&source=cloud", f.asked(groupsPath)[0].query)
}

func TestTheGroupIsMadeOnceIfThereIsNone(t *testing.T) {
	for _, body := range []string{`{"groups":[],"meta":{}}`, `{"groups":null,"meta":{}}`, `{"meta":{"pagination":{"next":""}}}`} {
		f := newFake(t)
		f.answersGroups(answer{body: body}, answer{status: 201, body: `{"id":"g-new"}`})
		client := f.client()
		for range 2 {
			id, err := client.SenderGroup(t.Context(), ours, "")
			require.NoError(t, err)
			require.Equal(t, "g-new", id, "made a moment ago and not listed yet")
		}
		var bodies []string
		for _, call := range f.asked(groupsPath) {
			if call.method == http.MethodPost {
				bodies = append(bodies, call.body)
			}
		}
		require.Equal(t, []string{`{"description":"Threat Share acme"}`}, bodies)
	}
}

func TestTwoGroupsOfTheNameAreAFinalErrorThatNamesThem(t *testing.T) {
	f := newFake(t)
	long := strings.Repeat("eNoV", 60)
	f.answersGroups(answer{body: `{"groups":[{"id":"g1","description":"` + ours + `"},{"id":"` + long + `","description":"` + ours + `"}],"meta":{}}`}, answer{})
	_, err := f.client().SenderGroup(t.Context(), ours, "")
	refused := refusalOf(t, err)
	require.Equal(t, vendorapi.Rejected, refused.Class)
	require.Contains(t, refused.Error(), "g1")
	require.Contains(t, refused.Error(), long)
	require.NotEmpty(t, refused.Remedy)
	require.Equal(t, []string{"GET " + groupsPath}, f.calls(), "nothing is made")
}

func TestOfTwoGroupsOfTheNameTheRememberedOneIsOurs(t *testing.T) {
	f := newFake(t)
	f.answersGroups(answer{body: `{"groups":[{"id":"g1","description":"` + ours + `"},{"id":"g2","description":"` + ours + `"}],"meta":{}}`}, answer{})
	id, err := f.client().SenderGroup(t.Context(), ours, "g2")
	require.NoError(t, err)
	require.Equal(t, "g2", id)
}

func TestTheSameGroupOnTwoPagesIsOne(t *testing.T) {
	f := newFake(t)
	f.does(groupsPath, func(call received) answer {
		if !strings.Contains(call.query, "pageToken") {
			return answer{body: `{"groups":[{"id":"g1","description":"` + ours + `"}],"meta":{"nextPage":"two"}}`}
		}
		return answer{body: `{"groups":[{"id":"g1","description":"` + ours + `"}],"meta":{}}`}
	})
	id, err := f.client().SenderGroup(t.Context(), ours, "")
	require.NoError(t, err)
	require.Equal(t, "g1", id)
	require.Contains(t, f.asked(groupsPath)[1].query, "pageToken=two")
	require.Contains(t, f.asked(groupsPath)[1].query, "query=Threat+Share+acme")
}

func TestWithoutRESTTheGroupIsFoundTheClassicWay(t *testing.T) {
	f := newFake(t)
	f.says(findGroupsPath, answer{body: file(t, "folders.json")})
	client := f.client()
	id, err := client.SenderGroup(t.Context(), ours, "")
	require.NoError(t, err)
	require.Equal(t, "g-ours", id)
	require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100}},"data":[{"query":"Threat Share acme","source":"cloud"}]}`, f.asked(findGroupsPath)[0].body)
	_, err = client.SenderGroup(t.Context(), ours, "g-ours")
	require.NoError(t, err)
	require.Len(t, f.asked(groupsPath), 1, "REST is not asked again")
}

func TestWithoutRESTTheGroupIsMadeTheClassicWay(t *testing.T) {
	f := newFake(t)
	f.says(findGroupsPath, answer{body: `{"meta":{"status":200},"data":[{"source":"cloud","folders":[]}],"fail":[]}`})
	f.says(createGroupPath, answer{body: `{"meta":{"status":200},"data":[{"id":"g-new","description":"x","folderCount":0}],"fail":[]}`})
	id, err := f.client().SenderGroup(t.Context(), ours, "")
	require.NoError(t, err)
	require.Equal(t, "g-new", id)
	require.JSONEq(t, `{"data":[{"description":"Threat Share acme"}]}`, f.asked(createGroupPath)[0].body)
}

func TestWithoutRESTARenamedGroupIsKnownByItsID(t *testing.T) {
	f := newFake(t)
	f.says(findGroupsPath, answer{body: `{"data":[{"folders":[]}]}`})
	f.says(getMembersPath, answer{body: `{"data":[{"groupMembers":[]}]}`})
	id, err := f.client().SenderGroup(t.Context(), ours, "g1")
	require.NoError(t, err)
	require.Equal(t, "g1", id)
	require.Empty(t, f.asked(createGroupPath))
}

func TestNothingIsMadeWhenTheSearchFails(t *testing.T) {
	for _, c := range []struct {
		told  answer
		class vendorapi.Class
	}{
		{answer{status: 500}, vendorapi.Unavailable},
		{answer{status: 400, body: file(t, "error-rest.json")}, vendorapi.Rejected},
		{answer{body: `{"folders":[]}`}, vendorapi.Contract},
		{answer{body: `<html></html>`}, vendorapi.Contract},
		{answer{body: `{"groups":[{"id":"a","description":"x"}],"meta":{"nextPage":"loop"}}`}, vendorapi.Contract},
	} {
		f := newFake(t)
		f.says(groupsPath, c.told)
		_, err := f.client().SenderGroup(t.Context(), ours, "")
		require.Equal(t, c.class, refusalOf(t, err).Class, c.told.body)
		for _, call := range f.calls() {
			require.Equal(t, "GET "+groupsPath, call)
		}
		require.LessOrEqual(t, len(f.calls()), 2, "a circle is left at once")
	}
}

func TestNeitherStyleIsTheFirstRefusal(t *testing.T) {
	f := newFake(t)
	f.says(groupsPath, answer{status: 403, body: `{"fail":[{"code":"app_forbidden","message":"REST"}]}`})
	f.says(findGroupsPath, answer{status: 403, body: `{"fail":[{"code":"app_forbidden","message":"classic"}]}`})
	_, err := f.client().SenderGroup(t.Context(), ours, "")
	refused := refusalOf(t, err)
	require.Equal(t, vendorapi.Forbidden, refused.Class)
	require.Equal(t, "REST", refused.Message)
	require.Contains(t, refused.Remedy, "userandgroupmanagement")
}

func TestFault_P12_ACreateWithoutAnAnswerIsNotMadeAgainBeforeALookUpCanBeBelieved(t *testing.T) {
	for name, lost := range map[string]answer{
		"500":      {status: 500},
		"timeout":  {status: 504, body: file(t, "maintenance.html")},
		"garbage":  {body: `{"id":`},
		"no id":    {body: `{}`},
		"204":      {status: 204},
		"meta 500": {body: `{"meta":{"status":500},"data":[]}`},
	} {
		f := newFake(t)
		f.answersGroups(answer{body: `{"groups":[],"meta":{}}`}, lost)
		client, now := f.client(), at(t, "2026-11-16T10:00:00Z")
		mimecast.SetClock(client, func() time.Time { return now })
		_, err := client.SenderGroup(t.Context(), ours, "")
		require.Error(t, err, name)
		made := f.posts(groupsPath)
		require.Equal(t, 1, made, name)

		now = now.Add(mimecast.Grace / 2)
		_, err = client.SenderGroup(t.Context(), ours, "")
		refused := refusalOf(t, err)
		require.Equal(t, vendorapi.Unavailable, refused.Class, name)
		require.Equal(t, mimecast.Grace/2, refused.RetryAfter, name)
		require.Equal(t, 1, f.posts(groupsPath), name)

		f.answersGroups(answer{body: `{"groups":[],"meta":{}}`}, answer{body: `{"id":"g2"}`})
		now = now.Add(mimecast.Grace)
		id, err := client.SenderGroup(t.Context(), ours, "")
		require.NoError(t, err, name)
		require.Equal(t, "g2", id)
	}
}

func TestACreateThatWasRefusedMayBeTriedAgainAtOnce(t *testing.T) {
	for _, told := range []answer{
		{status: 400, body: file(t, "error-rest.json")},
		{status: 503},
		{body: `{"fail":[{"code":"err_new","message":"no"}]}`},
		{status: 403, body: file(t, "error-gateway.json")},
	} {
		f := newFake(t)
		f.answersGroups(answer{body: `{"groups":[],"meta":{}}`}, told)
		client := f.client()
		_, err := client.SenderGroup(t.Context(), ours, "")
		require.Error(t, err)
		f.answersGroups(answer{body: `{"groups":[],"meta":{}}`}, answer{body: `{"id":"g1"}`})
		id, err := client.SenderGroup(t.Context(), ours, "")
		require.NoError(t, err, "%d %s", told.status, told.body)
		require.Equal(t, "g1", id)
	}
}

// A vendor can be found to be gone between the look-up and the create. Nothing was made then, and there is nothing to wait for but the
// vendor.
func TestACreateThatWasHeldBackIsNotTakenForOneThatMayHaveBeenMade(t *testing.T) {
	f := newFake(t)
	f.answersGroups(answer{body: `{"groups":[],"meta":{}}`}, answer{body: `{"id":"g1"}`})
	client, now := f.client(), at(t, "2026-11-16T10:00:00Z")
	mimecast.SetClock(client, func() time.Time { return now })
	held := &vendorapi.Error{Class: vendorapi.Unavailable, NotMade: true, RetryAfter: 5 * time.Second}
	require.Error(t, mimecast.OnceGroup(client, ours, func() (string, error) { return "", held }))
	id, err := client.SenderGroup(t.Context(), ours, "")
	require.NoError(t, err)
	require.Equal(t, "g1", id)
}

// posts counts the POST calls to a path.
func (f *fake) posts(path string) int {
	n := 0
	for _, call := range f.asked(path) {
		if call.method == http.MethodPost {
			n++
		}
	}
	return n
}

func TestAnIDIsEscapedInThePathAndLeftOutOfWhatIsSaid(t *testing.T) {
	f := newFake(t)
	id := "eNo/x+y=" + strings.Repeat("Z", 240) + "?a#b"
	var observed []string
	client, err := mimecast.New(mimecast.Config{
		BaseURL: f.baseURL, ClientID: clientID, ClientSecret: secret(clientSecret),
		Observe: func(call vendorapi.Call) { observed = append(observed, call.Operation) },
	})
	require.NoError(t, err)
	path := groupsPath + "/eNo%2Fx+y=" + strings.Repeat("Z", 240) + "%3Fa%23b/members"
	f.says(path, answer{status: 500})
	_, err = client.GroupDomains(t.Context(), id)
	refused := refusalOf(t, err)
	require.Len(t, f.asked(path), 1, fmt.Sprint(f.calls()))
	require.Equal(t, "GET "+groupsPath+"/{id}/members", refused.Operation)
	require.NotContains(t, refused.Error(), "ZZZ")
	require.Equal(t, []string{"POST /oauth/token", "GET " + groupsPath + "/{id}/members"}, observed)
}

func TestWhatIsNoIDReachesNoPath(t *testing.T) {
	for _, id := range []string{"", ".", "..", " "} {
		f := newFake(t)
		_, err := f.client().GroupDomains(t.Context(), id)
		require.Equal(t, vendorapi.Rejected, refusalOf(t, err).Class)
		require.Error(t, f.client().DeletePolicy(t.Context(), id))
		if strings.TrimSpace(id) == "" {
			require.Equal(t, vendorapi.Rejected, refusalOf(t, f.client().DeleteGroup(t.Context(), id)).Class)
		}
		_, err = f.client().AddGroupDomains(t.Context(), id, []string{"bad.example"}, "")
		require.Error(t, err)
		require.Empty(t, f.calls())
	}
}

func TestAnEmptyGroupIsDeletedAndAMissingOneIsASuccess(t *testing.T) {
	for what, told := range map[string]answer{
		"204":         {status: 204},
		"200":         {body: `{"meta":{"status":200},"data":[],"fail":[]}`},
		"said":        {body: `{"data":[{"id":"g1","success":true}]}`},
		"missing":     refuses(`{"id":"g1"}`, "err_folder_not_found", "The group does not exist"),
		"missing 404": {status: 404, body: `{"fail":[{"errors":[{"code":"err_folder_not_found","message":"gone"}]}]}`},
	} {
		f := newFake(t)
		f.says(deleteGroupPath, told)
		require.NoError(t, f.client().DeleteGroup(t.Context(), "g1"), what)
		require.Equal(t, []string{"POST " + deleteGroupPath}, f.calls(), what)
		require.JSONEq(t, `{"data":[{"id":"g1"}]}`, f.asked(deleteGroupPath)[0].body)
	}
}

func TestAGroupThatIsNotDeletedIsAnErrorOfTheVendors(t *testing.T) {
	for what, c := range map[string]struct {
		told  answer
		class vendorapi.Class
		words string
	}{
		"not empty":          {refuses(`{"id":"g1"}`, "err_folder_not_empty", "The group is not empty"), vendorapi.Rejected, "not empty"},
		"not empty, as data": {answer{body: `{"data":[{}],"fail":[{"errors":[{"code":"err_folder_not_empty","message":"not empty"}]}]}`}, vendorapi.Rejected, "not empty"},
		"unknown code":       {refuses(`{"id":"g1"}`, "err_new_word", "nobody knows"), vendorapi.Contract, "err_new_word"},
		"said":               {answer{body: `{"data":[{"id":"g1","success":false}]}`}, vendorapi.Contract, "not removed"},
		"no such call":       {gone, vendorapi.Rejected, "not_found"},
		"forbidden":          {answer{status: 403, body: file(t, "error-gateway.json")}, vendorapi.Forbidden, "Directories, Groups, Edit"},
		"tired":              {answer{status: 503}, vendorapi.Unavailable, "503"},
		"throttled":          {answer{status: 429}, vendorapi.Throttled, "429"},
	} {
		f := newFake(t)
		f.says(deleteGroupPath, c.told)
		refused := refusalOf(t, f.client().DeleteGroup(t.Context(), "g1"))
		require.Equal(t, c.class, refused.Class, what)
		require.Contains(t, refused.Error(), c.words, what)
		require.Len(t, f.asked(deleteGroupPath), 1, what)
	}
}

// A group that was made a moment ago is not looked for, since a search may show it only later. One that was deleted since is
// not given out again.
func TestADeletedGroupIsMadeAnewAtOnce(t *testing.T) {
	f := newFake(t)
	f.answersGroups(answer{body: `{"groups":[],"meta":{}}`}, answer{body: `{"id":"g1"}`})
	f.says(deleteGroupPath, answer{status: 204})
	client := f.client()
	for range 2 {
		id, err := client.SenderGroup(t.Context(), ours, "")
		require.NoError(t, err)
		require.NoError(t, client.DeleteGroup(t.Context(), id))
	}
	require.Equal(t, 2, f.posts(groupsPath))
}
