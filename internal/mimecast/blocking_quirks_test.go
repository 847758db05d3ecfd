package mimecast_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// The quirks are those of the contract's section 11 that touch the calls that block, by their numbers there.

func TestQuirk1DataIsAListAndEmptyHasManyFormsInWritesToo(t *testing.T) {
	for _, data := range []string{`[]`, `null`, `[{}]`, `[null]`, `{}`} {
		f := newFake(t)
		client := f.client()
		told := answer{body: `{"meta":{"status":200},"data":` + data + `,"fail":null}`}
		for _, path := range []string{batchPath, createURLPath, listURLsPath, searchPath, searchHashPath, findIncidentsPath, getIncidentPath, remediatePath, messageInfoPath} {
			f.says(path, told)
		}
		_, err := client.BlockHashes(t.Context(), hashes(1), "")
		require.NoError(t, err, data)
		outcomes, err := client.BlockURLDomains(t.Context(), domains(1), mark)
		require.NoError(t, err, data)
		require.NotEmpty(t, outcomes[0].Refused, "neither done nor refused is not done")
		_, err = client.ManagedURLs(t.Context())
		require.NoError(t, err, data)
		messages, more, err := client.FindMessages(t.Context(), "bad.example", at(t, "2026-11-01T00:00:00Z"), at(t, "2026-11-02T00:00:00Z"), 5)
		require.NoError(t, err, data)
		require.Empty(t, messages)
		require.False(t, more)
		seen, err := client.HashesSeen(t.Context(), hashes(1))
		require.NoError(t, err, data)
		require.Empty(t, seen)
		_, err = client.Incident(t.Context(), "i1")
		require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class, data)
		_, err = client.MessageID(t.Context(), "m1")
		require.Error(t, err)
	}
}

func TestQuirk3ATokenOnAnEmptyPageEndsAList(t *testing.T) {
	f := newFake(t)
	f.says(listURLsPath, answer{body: `{"meta":{"pagination":{"next":"more"}},"data":[{"id":"u1","domain":"bad.example"}]}`}, answer{body: `{"meta":{"pagination":{"next":"still"}},"data":[]}`})
	listed, err := f.client().ManagedURLs(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 1)
	require.Len(t, f.asked(listURLsPath), 2)
}

func TestQuirk3ACircleOfTokensEndsWithAnErrorAndNotWithAList(t *testing.T) {
	page := func(next string) answer {
		return answer{body: `{"meta":{"pagination":{"next":"` + next + `"}},"data":[{"id":"u1","domain":"bad.example"}]}`}
	}
	for _, answers := range [][]answer{{page("a")}, {page("a"), page("b"), page("a"), page("b"), page("a")}} {
		f := newFake(t)
		f.says(listURLsPath, answers...)
		_, err := f.client().ManagedURLs(t.Context())
		require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class)
		require.LessOrEqual(t, len(f.asked(listURLsPath)), 3, "no call past the token that came back")
	}
}

func TestQuirk5TheSameEntryTwiceIsOne(t *testing.T) {
	f := newFake(t)
	f.says(searchPath, answer{body: `{"data":[{"trackedEmails":[{"id":"m1","fromEnv":{"emailAddress":"a@bad.example"}},{"id":"m1","fromEnv":{"emailAddress":"a@bad.example"}}]}]}`})
	f.says(membersPath, answer{body: `{"groupMembers":[{"domain":"bad.example"},{"domain":"BAD.example","emailAddress":"bad.example"}],"meta":{}}`})
	client := f.client()
	messages, more, err := client.FindMessages(t.Context(), "bad.example", at(t, "2026-11-01T00:00:00Z"), at(t, "2026-11-02T00:00:00Z"), 1)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.False(t, more)
	members, err := client.GroupDomains(t.Context(), "g1")
	require.NoError(t, err)
	require.Equal(t, []string{"bad.example"}, members)
}

func TestQuirk6EveryListAsksForItsPageSizeByTheNameThatTheServerReads(t *testing.T) {
	f := newFake(t)
	f.says(groupsPath, answer{body: `{"groups":[],"meta":{}}`})
	f.says(policiesPath, answer{body: `{"policies":[],"meta":{}}`})
	f.says(membersPath, answer{body: `{"groupMembers":[],"meta":{}}`})
	for _, path := range []string{listURLsPath, searchPath, findIncidentsPath} {
		f.says(path, answer{body: `{"data":[]}`})
	}
	day := at(t, "2026-11-16T00:00:00Z")
	lists := func(client *mimecast.Client) {
		_, _ = client.SenderGroup(t.Context(), ours, "") // the making may fail, the looking for it counts
		_, _ = client.Policies(t.Context())
		_, _ = client.GroupDomains(t.Context(), "g1")
		_, _ = client.ManagedURLs(t.Context())
		_, _, _ = client.FindMessages(t.Context(), "bad.example", day, day, 1)
		_, _, _ = client.FindIncident(t.Context(), "why", day, day)
	}
	lists(f.client())
	for _, path := range []string{groupsPath, policiesPath, membersPath} {
		require.Contains(t, f.asked(path)[0].query, "pageSize=100", path)
	}
	for _, path := range []string{listURLsPath, searchPath, findIncidentsPath} {
		require.Contains(t, f.asked(path)[0].body, `"meta":{"pagination":{"pageSize":100}}`, path)
	}

	classic := newFake(t)
	classic.says(findGroupsPath, answer{body: `{"data":[{"folders":[]}]}`})
	classic.says(getMembersPath, answer{body: `{"data":[{"groupMembers":[]}]}`})
	classic.says(getPolicyPath, answer{body: `{"data":[]}`})
	lists(classic.client())
	for _, path := range []string{findGroupsPath, getMembersPath, getPolicyPath} {
		require.Contains(t, classic.asked(path)[0].body, `"meta":{"pagination":{"pageSize":100}}`, path)
	}
}

func TestQuirk6OnlyTheTokenSaysWhetherAListGoesOn(t *testing.T) {
	f := newFake(t)
	f.says(listURLsPath,
		answer{body: `{"meta":{"pagination":{"pageSize":1,"totalCount":1,"next":"more"}},"data":[{"id":"u1","domain":"bad.example"}]}`},
		answer{body: `{"meta":{"pagination":{"pageSize":100,"totalCount":900}},"data":[{"id":"u2","domain":"worse.example"}]}`})
	listed, err := f.client().ManagedURLs(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 2)
	require.Len(t, f.asked(listURLsPath), 2, "neither a short page nor a total ends or lengthens it")
}

func TestQuirk7DatesGoOutWithAZoneWithoutAColon(t *testing.T) {
	f := newFake(t)
	f.says(remediatePath, answer{body: file(t, "incident.json")})
	f.says(batchPath, answer{body: `{"data":[{"batchIdToken":"b","completionTime":"2026-11-16T19:11:46.000Z[UTC]","hashCount":1}]}`})
	client := f.client()
	_, err := client.RemediateHash(t.Context(), hashes(1)[0], "why", at(t, "2026-11-16T02:00:00+02:00"), at(t, "2026-11-16T12:30:00.5Z"))
	require.NoError(t, err)
	require.Contains(t, f.asked(remediatePath)[0].body, `"start":"2026-11-16T00:00:00+0000","end":"2026-11-16T12:30:00+0000"`)
	outcomes, err := client.BlockHashes(t.Context(), hashes(1), "")
	require.NoError(t, err)
	require.Equal(t, "b", outcomes[0].ID, "a date with [UTC] hurts nothing")
}

func TestQuirk8AMessageIDHasBracketsOrNot(t *testing.T) {
	f := newFake(t)
	for _, written := range []string{"&lt;a@bad.example&gt;", "a@bad.example", "<a@bad.example>", "&amp;lt;a@bad.example&amp;gt;"} {
		f.says(messageInfoPath, answer{body: `{"data":[{"recipientInfo":{"messageInfo":{"transmissionInfo":"<pre>\nMessage-ID: ` + written + `\r\n\n</pre>"}}}]}`})
		id, err := f.client().MessageID(t.Context(), "m1")
		require.NoError(t, err, written)
		require.Equal(t, "<a@bad.example>", id)
	}
}

func TestQuirk9IDsAreTextOfAnyLengthAndMayDiffer(t *testing.T) {
	long := strings.Repeat("eNoVzsEKgjAAgOF-", 60)
	f := newFake(t)
	f.says(listURLsPath, answer{body: `{"data":[{"id":"` + long + `","domain":"bad.example"},{"id":4711,"domain":"worse.example"}]}`})
	f.says(getIncidentPath, answer{body: `{"data":[{"id":"` + long + `","code":"TR"}]}`})
	client := f.client()
	listed, err := client.ManagedURLs(t.Context())
	require.NoError(t, err)
	require.Equal(t, long, listed[0].ID)
	require.Equal(t, "4711", listed[1].ID)
	incident, err := client.Incident(t.Context(), long)
	require.NoError(t, err)
	require.Equal(t, long, incident.ID)

	reads := 0
	f.does(policiesPath, func(received) answer {
		reads++
		return answer{body: `{"policies":[{"id":"` + strings.Repeat("x", reads) + `","description":"` + mark + `","option":"block_sender","from":{"type":"email_domain","domain":"bad.example"}}]}`}
	})
	for range 3 {
		outcomes, _, err := client.BlockSenderDomains(t.Context(), mark, []string{"bad.example"})
		require.NoError(t, err)
		require.NotEmpty(t, outcomes[0].ID)
	}
	require.Zero(t, f.posts(policiesPath), "found again by its description, whatever its id is now")
}

func TestQuirk10EachStyleHasItsOwnNames(t *testing.T) {
	f := newFake(t)
	client := f.client()
	f.answersMembers(answer{}, func(received) answer { return answer{status: 204} })
	_, err := client.AddGroupDomains(t.Context(), "g1", []string{"bad.example"}, "why")
	require.NoError(t, err)
	f.answersPolicies(answer{body: `{"definitions":[]}`}, answer{body: `{"policyId":"p"}`})
	_, _, err = client.BlockSenderDomains(t.Context(), mark, []string{"bad.example"})
	require.NoError(t, err)
	require.Contains(t, f.asked(membersPath)[0].body, `"note":"why"`)
	require.Contains(t, f.posted(policiesPath), `"domain":"bad.example"`)
	require.NotContains(t, f.posted(policiesPath), "emailDomain")
}

func TestQuirk11TheCaseOfAnEnumerationDoesNotMatter(t *testing.T) {
	f := newFake(t)
	f.says(listURLsPath, answer{body: `{"data":[{"id":"u","domain":"Bad.Example.","matchType":"DOMAIN","action":"PERMIT"}]}`})
	f.does(createURLPath, makesURLs(func(string) string { return "ERR_MANAGED_URL_EXISTS_CODE" }))
	outcomes, err := f.client().BlockURLDomains(t.Context(), []string{"bad.example"}, mark)
	require.NoError(t, err)
	require.True(t, outcomes[0].Foreign)
}

func TestQuirk12TheVendorsWordsAreOneLine(t *testing.T) {
	f := newFake(t)
	f.says(batchPath, refuses(`{"hash":"`+hashes(1)[0]+`"}`, "err_new", "line one\r\nline two\u202e"))
	outcomes, err := f.client().BlockHashes(t.Context(), hashes(1), "")
	require.NoError(t, err)
	require.NotContains(t, outcomes[0].Refused, "\n")
	require.NotContains(t, outcomes[0].Refused, "\u202e")
}

func TestQuirk13EveryFunctionNamesThePermissionItLacks(t *testing.T) {
	forbidden := answer{status: 403, body: file(t, "error-gateway.json")}
	f := newFake(t)
	for _, path := range []string{
		batchPath, quotaPath, groupsPath, findGroupsPath, membersPath, getMembersPath, removePath, addClassic, removeClassic, deleteGroupPath, policiesPath, getPolicyPath,
		createURLPath, listURLsPath, deleteURLPath, searchPath, messageInfoPath, searchHashPath, remediatePath, remediateV2Path, getIncidentPath, findIncidentsPath,
	} {
		f.says(path, forbidden)
	}
	client := f.client()
	day := at(t, "2026-11-16T00:00:00Z")
	for product, call := range map[string]func() error{
		"BYO Threat Intelligence, Upload":                func() error { _, err := client.BlockHashes(t.Context(), hashes(1), ""); return err },
		"threatmanagement":                               func() error { _, err := client.HashQuota(t.Context()); return err },
		"Directories, Groups, Edit":                      func() error { _, err := client.SenderGroup(t.Context(), ours, ""); return err },
		"userandgroupmanagement":                         func() error { return client.DeleteGroup(t.Context(), "g1") },
		"Services, Directory Sync, Read":                 func() error { _, err := client.GroupDomains(t.Context(), "g1"); return err },
		"Services, Directory Sync, Edit":                 func() error { _, err := client.RemoveGroupDomains(t.Context(), "g1", domains(1)); return err },
		"Gateway, Policies, Edit":                        func() error { _, err := client.Policies(t.Context()); return err },
		"Targeted Threat Protection - URL Protect, Edit": func() error { _, err := client.BlockURLDomains(t.Context(), domains(1), ""); return err },
		"Services, URL Protection, Edit":                 func() error { return client.DeleteManagedURL(t.Context(), "u") },
		"Gateway, Tracking, Read":                        func() error { _, err := client.MessageID(t.Context(), "m"); return err },
		"Services, Threat Remediation, Read":             func() error { _, err := client.HashesSeen(t.Context(), hashes(1)); return err },
		"Services, Threat Remediation, Edit":             func() error { _, err := client.RemediateHash(t.Context(), hashes(1)[0], "why", day, day); return err },
	} {
		refused := refusalOf(t, call())
		require.Equal(t, vendorapi.Forbidden, refused.Class, product)
		require.Contains(t, refused.Remedy, product)
	}
}

func TestQuirk15TheQueryOfAnAddressReachesNoOutcome(t *testing.T) {
	f := newFake(t)
	f.does(createURLPath, makesURLs(func(string) string { return "err_new" }))
	outcomes, err := f.client().BlockURLDomains(t.Context(), []string{"bad.example"}, mark)
	require.NoError(t, err)
	require.NotContains(t, outcomes[0].Refused, "canary-secret")
	require.Contains(t, outcomes[0].Refused, "https://bad.example/")
}

func TestQuirk16NoWriteIsRepeatedThatWasNotRefused(t *testing.T) {
	day := at(t, "2026-11-16T00:00:00Z")
	for path, call := range map[string]func(*fake) error{
		batchPath:     func(f *fake) error { _, err := f.client().BlockHashes(t.Context(), hashes(3), ""); return err },
		createURLPath: func(f *fake) error { _, err := f.client().BlockURLDomains(t.Context(), domains(3), ""); return err },
		membersPath: func(f *fake) error {
			_, err := f.client().AddGroupDomains(t.Context(), "g1", domains(3), "")
			return err
		},
		removePath: func(f *fake) error {
			_, err := f.client().RemoveGroupDomains(t.Context(), "g1", domains(3))
			return err
		},
		remediatePath: func(f *fake) error {
			_, err := f.client().RemediateHash(t.Context(), hashes(1)[0], "why", day, day)
			return err
		},
		remediateV2Path: func(f *fake) error {
			_, err := f.client().RemediateMessages(t.Context(), []string{"<a@b>"}, true, "why", day, day)
			return err
		},
		deleteURLPath:   func(f *fake) error { return f.client().DeleteManagedURL(t.Context(), "u1") },
		deleteGroupPath: func(f *fake) error { return f.client().DeleteGroup(t.Context(), "g1") },
	} {
		for _, told := range []answer{{status: 500}, {status: 504, body: file(t, "maintenance.html")}, {status: 429}, {body: `{"meta":`}} {
			f := newFake(t)
			f.says(path, told)
			require.Error(t, call(f), path)
			require.Equal(t, []string{"POST " + path}, f.calls(), "%d", told.status)
		}
	}
}
