package seed_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/simulator/seed"
)

var to = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

func generate(t require.TestingT, o seed.Options) seed.Traffic {
	o, err := o.Check(to.Add(time.Minute))
	require.NoError(t, err)
	traffic, err := seed.Generate(o)
	require.NoError(t, err)
	return traffic
}

// record has the fields by which the contract tells what is malicious.
type record struct {
	Date, EventTime, FileHash, Result, ScanResult, Action, URL, SenderAddress string
	Category, AdminOverride, UserOverride                                     string
	TaggedMalicious                                                           bool
	TagMap                                                                    map[string]any
}

func decode(t require.TestingT, raw []json.RawMessage) []record {
	records := make([]record, len(raw))
	for i := range raw {
		require.NoError(t, json.Unmarshal(raw[i], &records[i]))
	}
	return records
}

func TestSameSeedGivesTheSameTrafficAndAnotherSeedDoesNot(t *testing.T) {
	o := seed.Options{Seed: 5, Records: 400, Indicators: 90}
	first, again := generate(t, o), generate(t, o)
	require.Equal(t, first.Expected, again.Expected)
	require.Equal(t, first.Messages, again.Messages)
	require.Equal(t, sum(first), sum(again))
	o.Seed = 6
	require.NotEqual(t, first.Expected, generate(t, o).Expected)
}

// sum is a digest of all records: comparing them one by one takes seconds.
func sum(traffic seed.Traffic) string {
	digest := sha256.New()
	for _, records := range [][]json.RawMessage{traffic.Attachments, traffic.URLs, traffic.Impersonations} {
		for _, record := range records {
			digest.Write(record)
		}
	}
	return hex.EncodeToString(digest.Sum(nil))
}

func TestTrafficHasAsManyRecordsAndIndicatorsAsAskedFor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := seed.Options{
			Seed: rapid.Uint64().Draw(rt, "seed"), Records: rapid.IntRange(1, 120).Draw(rt, "records"), Plain: rapid.Bool().Draw(rt, "plain"),
		}
		o.Indicators = rapid.IntRange(1, o.Records).Draw(rt, "indicators")
		traffic := generate(rt, o)
		require.Equal(rt, o.Records, len(traffic.Attachments)+len(traffic.URLs)+len(traffic.Impersonations))
		require.Len(rt, traffic.Expected, o.Indicators)
	})
}

func TestTrafficIsSplitTwoFifthsTwoFifthsOneFifth(t *testing.T) {
	traffic := generate(t, seed.Options{Records: 1000, Indicators: 200})
	require.Len(t, traffic.Attachments, 400)
	require.Len(t, traffic.URLs, 400)
	require.Len(t, traffic.Impersonations, 200)
}

func TestPlainTrafficIsSpreadEvenlyAndWorthSharingThroughout(t *testing.T) {
	traffic := generate(t, seed.Options{Records: 1500, Indicators: 300, Plain: true})
	for _, r := range decode(t, traffic.URLs) {
		require.Equal(t, "malicious", r.ScanResult)
		require.NotEqual(t, "allow", r.Action)
		require.NotContains(t, r.URL, "mimecast")
	}
	for _, r := range decode(t, traffic.Impersonations) {
		require.True(t, r.TaggedMalicious && r.Action != "none")
	}
	seen := map[string]bool{}
	for page := range 6 {
		fresh := 0
		for _, r := range decode(t, traffic.Attachments[page*100:(page+1)*100]) {
			require.Equal(t, "malicious", r.Result)
			if !seen[r.FileHash] {
				seen[r.FileHash] = true
				fresh++
			}
		}
		require.InDelta(t, 20, fresh, 1, "a page has its share of new ones")
	}
}

func TestRecordsLieInTheirTimeRangeInOrder(t *testing.T) {
	traffic := generate(t, seed.Options{Records: 500, Indicators: 50})
	last := to.Add(-seed.Lookback)
	for _, r := range decode(t, traffic.URLs) {
		at, err := time.Parse("2006-01-02T15:04:05-0700", r.Date)
		require.NoError(t, err)
		require.False(t, at.Before(last.Truncate(time.Second)))
		require.False(t, at.After(to))
		last = at
	}
}

// TestExpectedIsWhatTheContractsRulesLeave applies the rules of the contract's section 3 a second time.
func TestExpectedIsWhatTheContractsRulesLeave(t *testing.T) {
	traffic := generate(t, seed.Options{Seed: 9, Records: 1200, Indicators: 150})
	expected := map[string]bool{}
	for _, e := range traffic.Expected {
		require.Equal(t, strings.ToLower(e.Value), e.Value)
		require.NotEmpty(t, e.Sources)
		expected[e.Value] = true
	}
	found := map[string]bool{}
	for _, r := range decode(t, traffic.Attachments) {
		if r.Result == "malicious" {
			found[r.FileHash] = true
		}
	}
	rewritten := 0
	for _, r := range decode(t, traffic.URLs) {
		at, err := url.Parse(r.URL)
		require.NoError(t, err)
		host := at.Hostname()
		if strings.HasPrefix(host, "protect-") {
			rewritten++
			host = at.Query().Get("domain")
		}
		_, managed := r.TagMap["CustomerManagedUrls"]
		good := r.ScanResult == "malicious" && r.Action != "allow" && !managed && r.Category != "Dangerous file extension" &&
			r.AdminOverride == "N/A" && r.UserOverride == "None" && !strings.Contains(host, "acme-corp") && !strings.HasSuffix(host, ".0")
		if good && strings.ContainsAny(host, "abcdefghijklmnopqrstuvwxyz") {
			found[host] = true
		}
	}
	for _, r := range decode(t, traffic.Impersonations) {
		_, domain, _ := strings.Cut(r.SenderAddress, "@")
		free := map[string]bool{"gmail.com": true, "outlook.com": true, "yahoo.com": true, "gmx.net": true}[domain]
		if r.TaggedMalicious && r.Action != "none" && !free && !strings.Contains(domain, "acme-corp") {
			found[domain] = true
		}
	}
	require.Equal(t, expected, found)
	require.Positive(t, rewritten)
	require.NotEmpty(t, traffic.Messages)
}

func TestHostileTrafficHoldsOnlyAFewValuesWorthSharing(t *testing.T) {
	plain := generate(t, seed.Options{Records: 100, Indicators: 20})
	hostile := generate(t, seed.Options{Records: 100, Indicators: 20, Hostile: true})
	require.Len(t, hostile.Expected, len(plain.Expected)+4)
	require.Greater(t, len(hostile.URLs), len(plain.URLs)+30)
	for _, e := range hostile.Expected {
		require.NotContains(t, e.Value, "*")
		require.NotEqual(t, byte('.'), e.Value[len(e.Value)-1])
	}
}

func TestAbsurdSizesAreRefused(t *testing.T) {
	for _, o := range []seed.Options{
		{Records: -1},
		{Records: seed.MaxRecords + 1},
		{Records: 10, Indicators: 11},
		{Records: 10, Indicators: -1},
		{Records: 10, Plain: true},
		{Records: 10, From: to, To: to},
	} {
		_, err := o.Check(to)
		require.Error(t, err, o)
	}
}
