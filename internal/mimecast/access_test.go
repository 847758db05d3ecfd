package mimecast_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	groupsREST   = "/directory/cloud-gateway/v1/groups"
	policiesREST = "/policy-management/cloud-gateway/v1/blocked-senders/policies"

	forbidden   = `{"fail":[{"code":"app_forbidden","message":"The application is not permitted to use this function"}]}`
	noObjects   = `{"meta":{"status":400},"data":[],"fail":[{"errors":[{"field":"data","code":"err_validation_size","message":"holds 0 objects"}]}]}`
	nothingDone = `{"meta":{"status":200},"data":[],"fail":[]}`
)

func functions() []access.Function {
	all, _ := access.Functions()
	return all
}

// open lets the fake allow everything: reads find nothing, and a request about nothing is refused as such.
func (f *fake) open() {
	f.says(groupsREST, answer{body: `{"groups":[],"meta":{}}`})
	f.says(policiesREST, answer{body: `{"policies":[],"meta":{}}`})
	f.says(domainsPath, answer{body: `{"domains":[],"meta":{}}`})
	for _, path := range []string{
		attachmentPath, urlPath, impersonationPath, "/api/ttp/url/get-all-managed-urls", "/api/ttp/remediation/find-incidents",
		"/api/message-finder/search",
	} {
		f.says(path, answer{body: nothingDone})
	}
	for _, path := range []string{
		decodePath, "/api/byo-threat-intelligence/create-batch", "/api/directory/add-group-member",
		"/api/directory/get-group-members", "/api/directory/remove-group-member", "/api/policy/blockedsenders/create-policy",
		"/api/ttp/url/create-managed-url", "/api/ttp/url/delete-managed-url", "/api/ttp/remediation/create",
	} {
		f.says(path, answer{status: 400, body: noObjects})
	}
}

func TestEachFunctionNamesItsProductAndRoleAsTheConsoleDoes(t *testing.T) {
	client := newFake(t).client()
	for function, want := range map[access.Function]string{
		access.ReadURLLogs:     "product securityevents; role permission Monitoring, URL Protection, Read",
		access.BlockHashes:     "product threatmanagement; role permission BYO Threat Intelligence, Upload",
		access.KeepSenderGroup: "product userandgroupmanagement; role permission Directories, Groups, Edit",
		access.UnblockSenders: "product userandgroupmanagement; role permissions Directories, Groups, Edit; " +
			"Services, Directory Sync, Read; Services, Directory Sync, Edit",
		access.RemediateMail: "product threatmanagement; role permissions Services, Threat Remediation, Read; Services, Threat Remediation, Edit",
		access.ReadAlerts:    "",
	} {
		require.Equal(t, want, client.Permission(function))
	}
	for _, function := range functions() {
		require.Regexp(t, `^product \w+; role permissions? .+`, client.Permission(function), function)
	}
}

func TestAFunctionIsTriedWithTheFewestCallsAndNoneThatCouldChangeAnything(t *testing.T) {
	for function, calls := range map[access.Function][]string{
		access.ReadAttachmentLogs:    {"POST " + attachmentPath},
		access.ReadURLLogs:           {"POST " + urlPath},
		access.ReadImpersonationLogs: {"POST " + impersonationPath},
		access.DecodeLinks:           {"POST " + decodePath},
		access.ReadInternalDomains:   {"GET " + domainsPath},
		access.BlockHashes:           {"POST /api/byo-threat-intelligence/create-batch"},
		access.KeepSenderGroup:       {"GET " + groupsREST, "POST /api/directory/add-group-member"},
		access.UnblockSenders:        {"GET " + groupsREST, "POST /api/directory/get-group-members", "POST /api/directory/remove-group-member"},
		access.BlockSenders:          {"GET " + policiesREST, "POST /api/policy/blockedsenders/create-policy"},
		access.BlockURLs:             {"POST /api/ttp/url/get-all-managed-urls", "POST /api/ttp/url/create-managed-url"},
		access.UnblockURLs:           {"POST /api/ttp/url/delete-managed-url"},
		access.RemediateMail:         {"POST /api/ttp/remediation/find-incidents", "POST /api/ttp/remediation/create"},
		access.FindMessages:          {"POST /api/message-finder/search"},
	} {
		f := newFake(t)
		f.open()
		require.NoError(t, f.client().CheckAccess(t.Context(), function), function)
		require.Equal(t, calls, f.calls(), function)
		for _, call := range calls {
			_, path, _ := strings.Cut(call, " ")
			for _, sent := range f.asked(path) {
				writes := strings.Contains(path, "create") || strings.Contains(path, "-member") || strings.Contains(path, "delete")
				if writes {
					require.JSONEq(t, `{"data":[]}`, sent.body, path)
				}
			}
		}
	}
	require.Len(t, functions(), 13, "a new function is tried here as well")
}

func TestWhatIsMissingIsForbiddenAndSaysWhereItIsAdded(t *testing.T) {
	for _, function := range functions() {
		f := newFake(t)
		for _, path := range everyPath() {
			f.says(path, answer{status: 403, body: forbidden})
		}
		client := f.client()
		refused := refusalOf(t, client.CheckAccess(t.Context(), function))
		require.Equal(t, vendorapi.Forbidden, refused.Class, function)
		require.Contains(t, refused.Remedy, "the API application of MIMECAST_CLIENT_ID lacks the product", function)
		require.Contains(t, refused.Remedy, "add it in the Administration console > Integrations > API and Platform Integrations", function)
		require.True(t, strings.HasPrefix(refused.Error(), "Mimecast answered 403 to "), refused.Error())
	}
}

// everyPath is every path that a trial may ask, in either style.
func everyPath() []string {
	return []string{
		groupsREST, groupsREST + "/threat-share-access-check/members", groupsREST + "/threat-share-access-check/remove-members",
		policiesREST, policiesREST + "/threat-share-access-check", domainsPath, classicDomains,
		attachmentPath, urlPath, impersonationPath, decodePath, "/api/byo-threat-intelligence/create-batch",
		"/api/directory/find-groups", "/api/directory/add-group-member", "/api/directory/get-group-members", "/api/directory/remove-group-member",
		"/api/policy/blockedsenders/get-policy", "/api/policy/blockedsenders/create-policy",
		"/api/ttp/url/get-all-managed-urls", "/api/ttp/url/create-managed-url", "/api/ttp/url/delete-managed-url",
		"/api/ttp/remediation/find-incidents", "/api/ttp/remediation/create", "/api/message-finder/search",
	}
}

func TestTheEditPermissionIsMissedAlsoWhereReadingIsAllowed(t *testing.T) {
	for function, write := range map[access.Function][]string{
		access.KeepSenderGroup: {"/api/directory/add-group-member", groupsREST + "/threat-share-access-check/members"},
		access.UnblockSenders:  {"/api/directory/remove-group-member", groupsREST + "/threat-share-access-check/remove-members"},
		access.BlockSenders:    {"/api/policy/blockedsenders/create-policy", policiesREST + "/threat-share-access-check"},
		access.BlockURLs:       {"/api/ttp/url/create-managed-url"},
		access.RemediateMail:   {"/api/ttp/remediation/create"},
	} {
		f := newFake(t)
		f.open()
		for _, path := range write {
			f.says(path, answer{status: 403, body: forbidden})
		}
		require.Equal(t, vendorapi.Forbidden, refusalOf(t, f.client().CheckAccess(t.Context(), function)).Class, function)
		for _, path := range write[1:] {
			require.Len(t, f.asked(path), 1, "the other style is asked before something is called missing")
		}
	}
}

func TestAFunctionThatOneStyleAllowsIsAllowed(t *testing.T) {
	notFound := answer{status: 404, body: `{"errors":[{"code":"not_found","message":"not found"}]}`}
	for name, told := range map[string]answer{
		"refused in the classic style":     {status: 403, body: forbidden},
		"not offered in the classic style": notFound,
	} {
		for function, classic := range map[access.Function]string{
			access.KeepSenderGroup: "/api/directory/add-group-member",
			access.UnblockSenders:  "/api/directory/remove-group-member",
			access.BlockSenders:    "/api/policy/blockedsenders/create-policy",
		} {
			f := newFake(t)
			f.open()
			f.says(classic, told)
			require.NoError(t, f.client().CheckAccess(t.Context(), function), "%s: REST knows the call, and not the object: %s", name, function)
		}
	}
}

func TestATenantWithoutTheRESTStyleIsTriedInTheClassicOne(t *testing.T) {
	for _, function := range []access.Function{access.KeepSenderGroup, access.UnblockSenders, access.BlockSenders, access.ReadInternalDomains} {
		f := newFake(t)
		f.open()
		for _, path := range []string{groupsREST, policiesREST, domainsPath} {
			f.says(path, answer{status: 404, body: `{"fail":[{"code":"not_found"}]}`})
		}
		for _, path := range []string{"/api/directory/find-groups", "/api/policy/blockedsenders/get-policy", classicDomains} {
			f.says(path, answer{body: nothingDone})
		}
		client := f.client()
		require.NoError(t, client.CheckAccess(t.Context(), function), function)
		for _, path := range []string{"/api/directory/add-group-member", "/api/directory/remove-group-member", "/api/policy/blockedsenders/create-policy"} {
			f.says(path, answer{status: 403, body: forbidden})
		}
		if function != access.ReadInternalDomains {
			require.Equal(t, vendorapi.Forbidden, refusalOf(t, client.CheckAccess(t.Context(), function)).Class, function)
		}
	}
}

func TestWhatARefusalSaysAboutAccess(t *testing.T) {
	for name, tc := range map[string]struct {
		told  answer
		class vendorapi.Class // "": allowed
	}{
		"done":                       {answer{body: nothingDone}, ""},
		"refused as empty":           {answer{status: 400, body: noObjects}, ""},
		"the same in meta.status":    {answer{status: 200, body: noObjects}, ""},
		"an unknown code beside 200": {answer{body: `{"data":[],"fail":[{"errors":[{"code":"err_new","message":"no data"}]}]}`}, ""},
		"the list is full":           {answer{body: `{"data":[],"fail":[{"errors":[{"message":"Quota not available to create the batch"}]}]}`}, ""},
		"forbidden":                  {answer{status: 403, body: forbidden}, vendorapi.Forbidden},
		"forbidden in meta.status":   {answer{status: 200, body: `{"meta":{"status":403},"data":[],"fail":[]}`}, vendorapi.Forbidden},
		"package missing":            {answer{status: 400, body: `{"fail":[{"code":"err_package_missing","message":"no"}]}`}, vendorapi.Forbidden},
		"forbidden beside data":      {answer{body: `{"data":[{}],"fail":[{"errors":[{"code":"app_forbidden"}]}]}`}, vendorapi.Forbidden},
		"no such path":               {answer{status: 404, body: `{"fail":[{"code":"not_found"}]}`}, vendorapi.Rejected},
		"no such method":             {answer{status: 405, body: `{"fail":[{"code":"method_not_allowed"}]}`}, vendorapi.Rejected},
		"down":                       {answer{status: 503, body: `{}`}, vendorapi.Unavailable},
		"throttled":                  {answer{status: 429, body: `{}`}, vendorapi.Throttled},
		"a proxy's 403":              {answer{status: 403, body: `<html>blocked</html>`}, vendorapi.Contract},
		"a web page":                 {answer{status: 200, body: `<html>sign in</html>`}, vendorapi.Contract},
		"empty":                      {answer{status: 200}, vendorapi.Contract},
	} {
		f := newFake(t)
		f.says("/api/byo-threat-intelligence/create-batch", tc.told)
		err := f.client().CheckAccess(t.Context(), access.BlockHashes)
		if tc.class == "" {
			require.NoError(t, err, name)
			continue
		}
		refused := refusalOf(t, err)
		require.Equal(t, tc.class, refused.Class, name)
		if tc.class == vendorapi.Forbidden {
			require.Contains(t, refused.Remedy, "BYO Threat Intelligence, Upload", name)
		}
	}
}

func TestAMissingPermissionCountsMoreThanAnotherThatCouldNotBeTold(t *testing.T) {
	f := newFake(t)
	f.says("/api/ttp/remediation/find-incidents", answer{status: 503, body: `{}`})
	f.says("/api/ttp/remediation/create", answer{status: 403, body: forbidden})
	require.Equal(t, vendorapi.Forbidden, refusalOf(t, f.client().CheckAccess(t.Context(), access.RemediateMail)).Class)
	f.says("/api/ttp/remediation/create", answer{status: 400, body: noObjects})
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, f.client().CheckAccess(t.Context(), access.RemediateMail)).Class)
}

func TestWhatIsNoFunctionOfMimecastsIsNotTried(t *testing.T) {
	f := newFake(t)
	require.Equal(t, vendorapi.Rejected, refusalOf(t, f.client().CheckAccess(t.Context(), access.ReadAlerts)).Class)
	require.Empty(t, f.calls())
}

const accountPath = "/api/account/get-account"

func TestPackagesAreToldByTheirNumbersInAnyShape(t *testing.T) {
	wanted := functions()
	all := []string{
		`"Url Protect (renamed) [1043]","BYO: Threat Intelligence [1089]","Threat Remediation [1075]","Attachment Protection (Site) [1056]","Impersonation Protection [1060]"`,
		`{"id":1043},{"packageNumber":"1089"},{"name":"Threat Remediation [1075]"},{"code":1056,"active":true},{"n":"1060"}`,
	}
	for _, listed := range all {
		f := newFake(t)
		f.says(accountPath, answer{body: `{"data":[{"accountCode":"C1A1","packages":[` + listed + `]}]}`})
		missing, err := f.client().MissingPackages(t.Context(), wanted)
		require.NoError(t, err)
		require.Empty(t, missing, listed)
		require.JSONEq(t, `{"data":[]}`, f.asked(accountPath)[0].body)
	}
	f := newFake(t)
	f.says(accountPath, answer{body: `{"data":[{"packages":["Threat Remediation","Impersonation Protection [1060]","1089"]}]}`})
	missing, err := f.client().MissingPackages(t.Context(), wanted)
	require.NoError(t, err)
	url := "URL Protection (Site) [1043]"
	require.Equal(t, map[access.Function]string{
		access.RemediateMail: "Threat Remediation [1075]", access.BlockHashes: "BYO: Threat Intelligence [1089]",
		access.ReadAttachmentLogs: "Attachment Protection (Site) [1056]",
		access.ReadURLLogs:        url, access.DecodeLinks: url, access.BlockURLs: url, access.UnblockURLs: url,
	}, missing)
	some, err := f.client().MissingPackages(t.Context(), []access.Function{access.ReadInternalDomains, access.ReadImpersonationLogs})
	require.NoError(t, err)
	require.Empty(t, some)
}

func TestAnAccountThatMayNotBeReadOrListsNothingIsAnErrorWithoutItsSecrets(t *testing.T) {
	for body, want := range map[string]struct {
		status int
		class  vendorapi.Class
	}{
		forbidden: {403, vendorapi.Forbidden},
		`{"data":[{"passphrase":"canary","supportCode":"canary"}]}`: {200, vendorapi.Contract},
		`{"data":[]}`: {200, vendorapi.Contract},
		`{"data":[{"passphrase":"canary"}],"fail":[{"errors":[{"code":"app_forbidden"}]}]}`: {200, vendorapi.Forbidden},
		`{"data":[{"passphrase":"canary","packages":{"a":["x"]}}]}`:                         {200, vendorapi.Contract},
		`"canary"`: {200, vendorapi.Contract},
	} {
		f := newFake(t)
		f.says(accountPath, answer{status: want.status, body: body})
		_, err := f.client().MissingPackages(t.Context(), functions())
		refused := refusalOf(t, err)
		require.Equal(t, want.class, refused.Class, body)
		require.NotContains(t, err.Error(), "canary")
		if want.class == vendorapi.Forbidden {
			require.Contains(t, refused.Remedy, "accountmanagement")
		}
	}
}

func TestSixteenCallsWithAStaleTokenMakeOneMoreTokenCall(t *testing.T) {
	f := newFake(t)
	f.says(tokenPath, answer{body: `{"access_token":"token-1","expires_in":1799}`}, answer{body: `{"access_token":"token-2","expires_in":1799}`})
	f.does(whoamiPath, func(call received) answer {
		if call.header.Get("Authorization") == "Bearer token-2" {
			return answer{body: `{}`}
		}
		return answer{status: 401, body: `{"fail":[{"code":"token_expired","message":"The token has expired"}]}`}
	})
	client := f.client()
	var all errgroup.Group
	for range 16 {
		all.Go(func() error { return client.CheckConnection(t.Context()) })
	}
	require.NoError(t, all.Wait())
	require.Len(t, f.asked(tokenPath), 2)
}
