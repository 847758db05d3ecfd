package mimecast_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/drift"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
)

// some are every fourth of the mutations, or in the long form all of them.
func some(all []drift.Mutation) []drift.Mutation {
	chosen := make([]drift.Mutation, 0, len(all))
	for i := 0; i < len(all); i += scale.Of(4, 1) {
		chosen = append(chosen, all[i])
	}
	return chosen
}

// canonical are the values that sightings stand for. What is none is shared by nobody.
func canonical(page indicator.Page) map[string]bool {
	values := map[string]bool{}
	for _, sighting := range page.Sightings {
		if found, err := indicator.New(sighting, ""); err == nil {
			values[found.Value] = true
		}
	}
	return values
}

// Every recorded page of a log with every change of one thing in it. What comes of it is never a value that the page as it was
// does not share, and a record whose verdict is not understood shares nothing.
func TestFault_V22_NoChangeOfTheAnswersMakesAWrongShare(t *testing.T) {
	all := 0
	for _, log := range []struct {
		source  indicator.Source
		file    string
		verdict string
	}{
		{indicator.AttachmentHashes, "attachment-page.json", "result"},
		{indicator.URLDomains, "url-page.json", "scanResult"},
		{indicator.ImpersonationDomains, "impersonation-page.json", "taggedMalicious"},
	} {
		q := indicator.Query{Source: log.source}
		asItWas, ok := mimecast.ReadBody(q, []byte(file(t, log.file)))
		require.True(t, ok)
		shared := canonical(asItWas)
		require.NotEmpty(t, shared)
		mutations, err := drift.Of([]byte(file(t, log.file)))
		require.NoError(t, err)
		unread := 0
		mutations = some(mutations)
		for _, mutation := range mutations {
			page, ok := mimecast.ReadBody(q, mutation.Body)
			if !ok {
				unread++
				continue
			}
			requireWhole(t, q, page)
			for value := range canonical(page) {
				require.True(t, shared[value] || exempts(mutation), "%s: %s is %s: shares %s", log.file, mutation.Path, mutation.What, value)
			}
			if mutation.Field() == log.verdict && slices.Contains([]string{"gone", "null", "another word", "an empty object"}, mutation.What) {
				page, ok := mimecast.ReadBody(q, alone(t, mutation))
				require.True(t, ok)
				require.Empty(t, page.Sightings, "%s: %s is %s", log.file, mutation.Path, mutation.What)
			}
		}
		t.Logf("%s: %d changes, %d of them refused as a whole", log.file, len(mutations), unread)
		all += len(mutations)
	}
	require.Greater(t, all, 500)
}

// exempts says whether a mutation is in one of the fields for which a malicious click is left out. The vendor leaves them out
// itself where there is nothing to say, so that one is gone or has another name cannot be told. What this integration had blocked
// is known without them (V27).
func exempts(mutation drift.Mutation) bool {
	for _, field := range []string{"tagMap", "adminOverride", "userOverride", "category"} {
		if strings.Contains(mutation.Path, "/"+field) {
			return true
		}
	}
	return false
}

// alone is the page of a log with only the record in which a mutation is.
func alone(t *testing.T, mutation drift.Mutation) []byte {
	t.Helper()
	var body struct {
		Data []map[string]any `json:"data"`
	}
	require.NoError(t, json.Unmarshal(mutation.Body, &body))
	place := strings.Split(mutation.Path, "/") // data/0/clickLogs/1/scanResult
	record, err := strconv.Atoi(place[3])
	require.NoError(t, err)
	records, _ := body.Data[0][place[2]].([]any)
	require.Greater(t, len(records), record)
	encoded, err := json.Marshal(map[string]any{"data": []any{map[string]any{place[2]: []any{records[record]}}}})
	require.NoError(t, err)
	return encoded
}

// The other recorded answers have no verdicts; nothing that is made of them may break.
func TestFault_V22_NoChangeOfAnyAnswerBreaksTheReading(t *testing.T) {
	all := 0
	for name, read := range map[string]func([]byte){
		"error-function.json": func(body []byte) { mimecast.Refusal(200, nil, body) }, "error-gateway.json": func(body []byte) { mimecast.Refusal(403, nil, body) },
		"error-rest.json": func(body []byte) { mimecast.Refusal(400, nil, body) }, "policies-classic.json": func(body []byte) { mimecast.ReadPolicies(body) },
		"policies-rest.json": func(body []byte) { mimecast.ReadPolicies(body) }, "incident.json": func(body []byte) { mimecast.ReadIncidents(body) },
		"members.json": func(body []byte) { mimecast.ReadMembers(body) },
	} {
		mutations, err := drift.Of([]byte(file(t, name)))
		require.NoError(t, err, name)
		mutations = some(mutations)
		for _, mutation := range mutations {
			require.NotPanics(t, func() { read(mutation.Body) }, "%s: %s is %s", name, mutation.Path, mutation.What)
		}
		all += len(mutations)
	}
	t.Logf("%d changes", all)
	require.Greater(t, all, scale.Of(400, 500))
}
