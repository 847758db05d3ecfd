package mimecast_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
)

// fields is a record; a nil value leaves the field out.
type fields map[string]any

func (base fields) with(changes fields) fields {
	record := maps.Clone(base)
	for name, value := range changes {
		if value == nil {
			delete(record, name)
		} else {
			record[name] = value
		}
	}
	return record
}

// Three records that count as a threat.
func threats() map[indicator.Source]fields {
	return map[indicator.Source]fields{
		indicator.AttachmentHashes: {
			"result": "malicious", "fileHash": "aa11", "date": "2026-11-16T00:12:30+0000", "messageId": "<m@bad.test>",
			"recipientAddress": "ann@own.example", "actionTriggered": "none", "route": "internal",
		},
		indicator.URLDomains: {
			"url": "https://bad.test/", "action": "block", "adminOverride": "N/A", "userOverride": "None", "scanResult": "malicious",
			"category": "Phishing", "date": "2026-11-16T00:12:30+0000", "messageId": "<m@bad.test>", "userEmailAddress": "ann@own.example",
		},
		indicator.ImpersonationDomains: {
			"id": "MTOKEN:1", "senderAddress": "a@bad.test", "hits": 1, "identifiers": []string{"internal_user_name"}, "action": "hold",
			"taggedMalicious": true, "eventTime": "2026-11-16T00:12:30+0000", "messageId": "<m@bad.test>",
		},
	}
}

// judged gives the reason why a record is dropped, "" if it is a threat.
func judged(t *testing.T, q indicator.Query, record fields) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"data": []any{map[string]any{listOf(q.Source): []any{record}}}})
	require.NoError(t, err)
	page, ok := mimecast.ReadBody(q, body)
	require.True(t, ok)
	require.Equal(t, 1, page.Read)
	for reason, n := range page.Dropped {
		require.Equal(t, 1, n)
		require.Empty(t, page.Sightings)
		return reason
	}
	require.Len(t, page.Sightings, 1)
	return ""
}

func TestTheResultAloneDecidesOnAnAttachment(t *testing.T) {
	for _, c := range []struct {
		changes fields
		reason  string
	}{
		{fields{}, ""},
		{fields{"result": "Malicious"}, ""},
		{fields{"result": "unsafe"}, mimecast.NotMalicious},
		{fields{"result": "timeout"}, mimecast.NotMalicious},
		{fields{"result": "error"}, mimecast.NotMalicious},
		{fields{"result": "unknown"}, mimecast.NotMalicious},
		{fields{"result": "clean"}, mimecast.NotMalicious},
		{fields{"result": "not malicious"}, mimecast.NotMalicious},
		{fields{"result": nil}, mimecast.NotMalicious},
		{fields{"actionTriggered": "none", "route": "internal"}, ""},
		{fields{"actionTriggered": "user release, none"}, ""},
		{fields{"senderAddress": "<>"}, ""},
		{fields{"fileHash": nil}, mimecast.NoValue},
		{fields{"fileHash": " "}, mimecast.NoValue},
		{fields{"date": nil}, mimecast.UnreadableDate},
	} {
		q := indicator.Query{Source: indicator.AttachmentHashes}
		require.Equal(t, c.reason, judged(t, q, threats()[q.Source].with(c.changes)), "%v", c.changes)
	}
}

func TestAURLCountsWhenItIsMaliciousAndNobodyWantedItOtherwise(t *testing.T) {
	dangerous := map[string]any{"DangerousFileExt": map[string]any{"Status": []string{"VerdictBlock"}}}
	both := map[string]any{"DangerousFileExt": map[string]any{}, "UrlReputationScan": map[string]any{}}
	managed := map[string]any{"CustomerManagedUrls": map[string]any{}, "UrlReputationScan": map[string]any{}}
	for _, c := range []struct {
		changes fields
		reason  string
	}{
		{fields{}, ""},
		{fields{"scanResult": "clean"}, mimecast.NotMalicious},
		{fields{"scanResult": nil}, mimecast.NotMalicious},
		{fields{"scanResult": "suspicious"}, mimecast.Suspicious},
		{fields{"action": "warn"}, ""},
		{fields{"action": "allow"}, mimecast.Allowed},
		{fields{"action": "Allow"}, mimecast.Allowed},
		{fields{"action": nil}, mimecast.Unreadable},
		{fields{"actions": "Allow"}, ""},
		{fields{"tagMap": managed}, mimecast.ManagedURL},
		{fields{"category": "Dangerous file extension"}, mimecast.DangerousFileExtension},
		{fields{"category": "dangerous file EXTENSION"}, mimecast.DangerousFileExtension},
		{fields{"tagMap": dangerous}, mimecast.DangerousFileExtension},
		{fields{"tagMap": both}, ""},
		{fields{"tagMap": map[string]any{}}, ""},
		{fields{"tagMap": "not an object"}, mimecast.Unreadable},
		{fields{"adminOverride": "Permit"}, mimecast.Override},
		{fields{"userOverride": "Allowed"}, mimecast.Override},
		{fields{"userOverride": map[string]any{"by": "ann"}}, mimecast.Override},
		{fields{"adminOverride": "None", "userOverride": "N/A"}, ""},
		{fields{"adminOverride": nil, "userOverride": ""}, ""},
		{fields{"url": nil}, mimecast.NoValue},
	} {
		q := indicator.Query{Source: indicator.URLDomains}
		require.Equal(t, c.reason, judged(t, q, threats()[q.Source].with(c.changes)), "%v", c.changes)
	}
}

func TestASuspiciousURLCountsOnlyForThoseWhoAskedForIt(t *testing.T) {
	suspicious := threats()[indicator.URLDomains].with(fields{"scanResult": "suspicious"})
	asked := indicator.Query{Source: indicator.URLDomains, IncludeSuspicious: true}
	require.Empty(t, judged(t, asked, suspicious))
	require.Equal(t, mimecast.Allowed, judged(t, asked, suspicious.with(fields{"action": "allow"})))
	require.Equal(t, mimecast.NotMalicious, judged(t, asked, suspicious.with(fields{"scanResult": "clean"})))
}

func TestASenderCountsWhenTheMessageWasKeptBack(t *testing.T) {
	for _, c := range []struct {
		changes fields
		reason  string
		strict  string // with evidence on the domain asked for
	}{
		{fields{}, "", mimecast.WeakEvidence},
		{fields{"action": "bounce"}, "", mimecast.WeakEvidence},
		{fields{"action": "none"}, mimecast.TaggedOnly, mimecast.TaggedOnly},
		{fields{"action": nil}, mimecast.TaggedOnly, mimecast.TaggedOnly},
		{fields{"action": "something new"}, mimecast.TaggedOnly, mimecast.TaggedOnly},
		{fields{"taggedMalicious": false}, mimecast.NotMalicious, mimecast.NotMalicious},
		{fields{"taggedMalicious": nil}, mimecast.NotMalicious, mimecast.NotMalicious},
		{fields{"hits": 2}, "", ""},
		{fields{"hits": "many"}, "", mimecast.WeakEvidence},
		{fields{"identifiers": []string{"something new"}}, "", mimecast.WeakEvidence},
		{fields{"identifiers": nil}, "", mimecast.WeakEvidence},
		{fields{"identifiers": []string{"reply_address_mismatch", "similar_internal_domain"}}, "", ""},
		{fields{"identifiers": []string{"ADVANCED_similar_internal_domain"}}, "", ""},
		{fields{"identifiers": []string{"newly_observed_domain"}}, "", ""},
		{fields{"identifiers": []string{"custom_external_domain"}}, "", ""},
		{fields{"identifiers": []string{"mimecast_external_domain"}}, "", ""},
		{fields{"identifiers": []string{"advanced_custom_external_domain"}}, "", ""},
		{fields{"identifiers": []string{"advanced_mimecast_external_domain"}}, "", ""},
		{fields{"identifiers": []string{"custom_name_list"}}, "", mimecast.WeakEvidence},
		{fields{"hits": 2, "senderAddress": "<>"}, mimecast.NoValue, mimecast.NoValue},
		{fields{"hits": 2, "senderAddress": "nobody"}, mimecast.NoValue, mimecast.NoValue},
	} {
		q := indicator.Query{Source: indicator.ImpersonationDomains}
		require.Equal(t, c.reason, judged(t, q, threats()[q.Source].with(c.changes)), "%v", c.changes)
		q.DomainEvidence = true
		require.Equal(t, c.strict, judged(t, q, threats()[q.Source].with(c.changes)), "strict: %v", c.changes)
	}
}

func TestARecordWithoutTheFieldThatDecidesIsNeverAThreat(t *testing.T) {
	deciding := map[indicator.Source][]string{
		indicator.AttachmentHashes:     {"result", "fileHash", "date"},
		indicator.URLDomains:           {"scanResult", "action", "url", "date"},
		indicator.ImpersonationDomains: {"taggedMalicious", "action", "senderAddress", "eventTime"},
	}
	for source, names := range deciding {
		for _, name := range names {
			record := threats()[source]
			value := record[name]
			for _, drift := range []fields{{name: nil}, {name: nil, "renamed": value}, {name: ""}} {
				require.NotEmpty(t, judged(t, indicator.Query{Source: source}, record.with(drift)), "%s: %v", source, drift)
			}
		}
	}
}
