package mimecast_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
)

// anyRecord is a record of any log with some fields as they should be, and some of the wrong value, type or absent.
func anyRecord(t *rapid.T) any {
	if rapid.IntRange(0, 9).Draw(t, "shape") == 0 {
		return rapid.SampledFrom([]any{nil, 1, "text", []int{1}, true}).Draw(t, "no record")
	}
	source := rapid.SampledFrom(sources()).Draw(t, "record of")
	record := threats()[source]
	words := rapid.SampledFrom([]any{
		"malicious", "suspicious", "clean", "allow", "block", "hold", "none", "", nil, 0, 2, true, false,
		[]string{"x"},
		"Permit",
		map[string]any{"CustomerManagedUrls": 1},
		map[string]any{"DangerousFileExt": 1},
		"2026-11-16T00:12:31+0000", "soon",
		"https://bad.test/", "<>", "Dangerous file extension", "\u0000\r\n",
	})
	names := rapid.SampledFrom([]string{
		"result", "fileHash", "date", "messageId", "recipientAddress", "url", "action", "adminOverride", "userOverride", "scanResult",
		"category", "tagMap", "senderAddress", "hits", "identifiers", "taggedMalicious", "eventTime", "id",
	})
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		record[names.Draw(t, "field")] = words.Draw(t, "value")
	}
	return record
}

func TestEveryRecordIsEitherASightingOrCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := indicator.Query{
			Source:            rapid.SampledFrom(sources()).Draw(t, "source"),
			IncludeSuspicious: rapid.Bool().Draw(t, "suspicious"),
			DomainEvidence:    rapid.Bool().Draw(t, "evidence"),
		}
		records := rapid.SliceOfN(rapid.Custom(anyRecord), 0, 30).Draw(t, "records")
		body, err := json.Marshal(map[string]any{"data": []any{map[string]any{listOf(q.Source): records}}})
		require.NoError(t, err)
		page, ok := mimecast.ReadBody(q, body)
		require.True(t, ok)
		require.Equal(t, len(records), page.Read)
		requireWhole(t, q, page)
	})
}

// requireWhole checks what holds for every page.
func requireWhole(t require.TestingT, q indicator.Query, page indicator.Page) {
	accounted := len(page.Sightings)
	for reason, n := range page.Dropped {
		require.NotEmpty(t, reason)
		require.Positive(t, n)
		accounted += n
	}
	require.Equal(t, page.Read, accounted)
	for _, sighting := range page.Sightings {
		require.NotEmpty(t, sighting.Raw)
		require.False(t, sighting.SeenAt.After(page.Newest))
		require.LessOrEqual(t, len([]rune(sighting.Record)), indicator.MaxRecord)
		require.Equal(t, q.Source == indicator.AttachmentHashes, sighting.Kind == indicator.SHA256)
	}
}
