package mimecast_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
)

// ownPolicy is a policy for a domain as we make it.
func ownPolicy(id, domain string) string {
	return fmt.Sprintf(`{"id":%q,"description":%q,"option":"block_sender","fromPart":"both","enabled":true,"from":{"type":"email_domain","domain":%q},"to":{"type":"internal_addresses"}}`,
		id, mark, domain)
}

func listOfPolicies(entries ...string) answer {
	return answer{body: `{"policies":[` + strings.Join(entries, ",") + `],"meta":{}}`}
}

func TestFault_P12_WithoutCopiesThereIsNoCallMore(t *testing.T) {
	f := newFake(t)
	f.answersPolicies(listOfPolicies(ownPolicy("p1", "bad.example"), ownPolicy("p1", "bad.example"), ownPolicy("p2", "worse.example")), answer{})
	outcomes, copies, err := f.client().BlockSenderDomains(t.Context(), mark, []string{"bad.example", "worse.example"})
	require.NoError(t, err)
	require.Zero(t, copies, "an entry that the list shows twice is one")
	require.Equal(t, "p1", outcomes[0].ID)
	require.Equal(t, []string{"GET " + policiesPath}, f.calls())
}

// A copy that cannot be removed keeps nothing from being blocked.
func TestFault_P12_ACopyThatStaysIsCountedAndTheRestIsBlocked(t *testing.T) {
	for name, told := range map[string]answer{"forbidden": {status: 403, body: file(t, "error-gateway.json")}, "tired": {status: 503}} {
		f := newFake(t)
		f.answersPolicies(listOfPolicies(
			ownPolicy("p1", "bad.example"), ownPolicy("p2", "bad.example"), ownPolicy("p3", "bad.example"), ownPolicy("p4", "bad.example")), answer{body: `{"id":"new"}`})
		f.says(policiesPath+"/p2", answer{status: 204})
		f.says(policiesPath+"/p3", told)
		outcomes, copies, err := f.client().BlockSenderDomains(t.Context(), mark, []string{"worse.example"})
		require.NoError(t, err, name)
		require.Equal(t, indicator.Copies{Removed: 1, Left: 2}, copies, name)
		require.Equal(t, "new", outcomes[0].ID, name)
		require.Empty(t, f.asked(policiesPath+"/p4"), name)
	}
}

// Two workers see two orders, and each removes what the other one keeps.
func TestFault_P12_ADomainThatHasLostItsLastPolicyGetsOne(t *testing.T) {
	f := newFake(t)
	list := listOfPolicies(ownPolicy("p1", "bad.example"), ownPolicy("p2", "bad.example"))
	f.does(policiesPath, func(call received) answer {
		if call.method == http.MethodPost {
			return answer{body: `{"id":"new"}`}
		}
		return list
	})
	f.does(policiesPath+"/p2", func(received) answer {
		list = listOfPolicies() // the other worker has removed p1
		return answer{status: 204}
	})
	_, copies, err := f.client().BlockSenderDomains(t.Context(), mark, nil)
	require.NoError(t, err)
	require.Equal(t, indicator.Copies{Removed: 1}, copies)
	require.Contains(t, f.posted(policiesPath), `"domain":"bad.example"`)
}

// A person's policy for the domain, or their exemption, may stand beside the copies.
func TestFault_P12_WhatOthersMadeForTheDomainIsNoCopy(t *testing.T) {
	theirs := strings.Replace(ownPolicy("p0", "bad.example"), mark, "by hand", 1)
	f := newFake(t)
	f.answersPolicies(listOfPolicies(theirs, strings.Replace(theirs, "p0", "p9", 1), ownPolicy("p1", "bad.example"), ownPolicy("p2", "bad.example")), answer{})
	f.says(policiesPath+"/p2", answer{status: 204})
	_, copies, err := f.client().BlockSenderDomains(t.Context(), mark, []string{"bad.example"})
	require.NoError(t, err)
	require.Equal(t, 1, copies.Removed)
	require.Equal(t, []string{"GET " + policiesPath, "DELETE " + policiesPath + "/p2", "GET " + policiesPath}, f.calls())
}

// The classic style has other names for much, and dates where REST has none.
func TestFault_P12_CopiesInTheClassicStyleAreFound(t *testing.T) {
	entry := func(id, rest string) string {
		return fmt.Sprintf(`{"id":%q,"option":"block_sender","policy":{"description":%q,"fromPart":"both","from":{"type":"profile_group","groupId":"g1"},"to":{"type":"internal_addresses"},
			"fromDate":"1900-01-01T00:00:00+0000","toDate":"2100-01-01T23:59:59+0000","enabled":true,"comment":null,%s}}`, id, mark, rest)
	}
	for rest, removed := range map[string]int{
		`"conditions":{}`: 1, `"conditions":{"sourceIPs":[],"hostnames":null}`: 1, `"conditions":null`: 1, `"toEternal":true`: 1,
		`"conditions":{"sourceIPs":["192.0.2.1"]}`: 0, `"toEternal":false`: 0, `"enforced":true`: 0,
	} {
		f := newFake(t)
		f.says(getPolicyPath, answer{body: `{"data":[` + entry("p1", rest) + "," + entry("p2", rest) + `]}`})
		f.says(deleteClassic, answer{body: `{"data":[],"fail":[]}`})
		policy, copies, err := f.client().EnsureGroupPolicy(t.Context(), mark, "g1")
		require.NoError(t, err, rest)
		require.Equal(t, "p1", policy.ID, rest)
		require.Equal(t, indicator.Copies{Removed: removed}, copies, rest)
		require.Len(t, f.asked(deleteClassic), removed, rest)
	}
}
