package settings_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/settings"
)

const smallest = "name: acme\nsendToFalcon: {urlDomains: {enabled: true}}\n"

func parsed(t require.TestingT, document string) settings.Settings {
	s, err := settings.Parse([]byte(document))
	require.NoError(t, err)
	return s
}

func TestWhatADocumentLeavesOutHasItsDefault(t *testing.T) {
	want := settings.Default()
	want.Name = "acme"
	want.SendToFalcon.URLDomains.Enabled = true
	require.Equal(t, want, parsed(t, smallest))
}

func TestEverythingIsOffByDefault(t *testing.T) {
	for _, flow := range settings.Flows() {
		require.False(t, settings.Default().FlowEnabled(flow), flow)
	}
	require.Equal(t, "168h", settings.Default().FetchDuration.String())
	require.Equal(t, 100_000, settings.Default().SendToMimecast.BYOTIQuota)
	require.True(t, settings.Default().SendToMimecast.Withdraw)
	require.False(t, settings.Default().DryRun)
}

func TestTheExamplesAreValidAndTheSame(t *testing.T) {
	fromYAML, err := os.ReadFile("../../examples/acme.yaml")
	require.NoError(t, err)
	fromJSON, err := os.ReadFile("../../examples/acme.json")
	require.NoError(t, err)
	s := parsed(t, string(fromYAML))
	require.Equal(t, s, parsed(t, string(fromJSON)))
	require.Empty(t, s.Warnings())
	require.True(t, s.FlowEnabled(settings.FlowShareTTPLogs))
	require.False(t, s.FlowEnabled(settings.FlowImportIOCs))
	require.False(t, s.FlowEnabled(settings.FlowImportAlerts))
}

func TestTheExampleOfBothWaysIsADryRunWithEveryFlowOn(t *testing.T) {
	example, err := os.ReadFile("../../examples/acme-both-ways.yaml")
	require.NoError(t, err)
	s := parsed(t, string(example))
	require.True(t, s.DryRun)
	for _, flow := range settings.Flows() {
		require.True(t, s.FlowEnabled(flow), flow)
	}
	for _, warning := range s.Warnings() {
		require.NotContains(t, warning, "both on")
		require.NotContains(t, warning, "no effect")
	}
}

func TestParseReadsJSONAsJSON(t *testing.T) {
	document := "\xef\xbb\xbf{\r\n\t\"name\":\t\"acme\",\n\t\"description\": \"A \\ud83d\\ude00 \\/ b\",\n\t\"sendToFalcon\": {\"urlDomains\": {\"enabled\": true}}}"
	require.Equal(t, "A 😀 / b", parsed(t, document).Description)
}

func TestParseKeepsProtectedValuesInCanonicalFormAndOnce(t *testing.T) {
	hash := strings.Repeat("AB", 32)
	s := parsed(t, smallest+"protect:\n  domains: [ACME.example, acme.example., Bücher.example]\n  allow: ["+hash+", "+strings.ToLower(hash)+", News.Example]\n")
	require.Equal(t, []string{"acme.example", "xn--bcher-kva.example"}, s.Protect.Domains)
	require.Equal(t, []string{strings.ToLower(hash), "news.example"}, s.Protect.Allow)
}

func TestParseAcceptsValuesAtTheirBounds(t *testing.T) {
	for _, line := range []string{
		"fetchDuration: 1m", "fetchDuration: 720h", "description: " + strings.Repeat("ü", 200),
		"sendToMimecast: {byotiQuota: 1}", "sendToMimecast: {byotiQuota: 10000000}", "sendToMimecast: {byotiQuota: 1e+07}", "sendToMimecast: {byotiQuota: 5000.0}",
		"credentials: acme-eu", "credentials: ''", "notify: [soc@acme.example]",
		"schedule: {importIOCs: '* * * * *'}", "schedule: {importIOCs: '0 3 29 2 *'}", "schedule: {importIOCs: '30  6-20/2 * jan-jun MON-FRI'}",
	} {
		_, err := settings.Parse([]byte(smallest + line + "\n"))
		require.NoError(t, err, line)
	}
	for _, expiry := range []string{"0s", "1h", "8760h"} {
		_, err := settings.Parse([]byte("name: acme\nsendToFalcon: {urlDomains: {enabled: true}, expireAfter: " + expiry + "}\n"))
		require.NoError(t, err, expiry)
	}
}

func TestParseAcceptsNoActionWithAndWithoutSeverity(t *testing.T) {
	for _, severity := range []string{`""`, "low"} {
		_, err := settings.Parse([]byte("name: acme\nsendToFalcon: {urlDomains: {enabled: true, action: no_action, severity: " + severity + "}}\n"))
		require.NoError(t, err, severity)
	}
}

func TestADocumentOverTheLimitIsRefused(t *testing.T) {
	padded := smallest + "#" + strings.Repeat("x", settings.MaxDocument-len(smallest)-1)
	_, err := settings.Parse([]byte(padded))
	require.NoError(t, err)
	_, err = settings.Parse([]byte(padded + "x"))
	require.EqualError(t, err, "is too large: 262145 bytes, at most 262144")
}

func TestLongListsAreBounded(t *testing.T) {
	list := func(size int) string {
		items := make([]string, size)
		for i := range items {
			items[i] = fmt.Sprintf("d%d.example", i)
		}
		return "{\"name\":\"acme\",\"sendToFalcon\":{\"urlDomains\":{\"enabled\":true}},\"protect\":{\"domains\":[\"" + strings.Join(items, `","`) + "\"]}}"
	}
	require.Len(t, parsed(t, list(10_000)).Protect.Domains, 10_000)
	_, err := settings.Parse([]byte(list(10_001)))
	require.EqualError(t, err, "line 1: protect.domains: is too long: 10001 entries, at most 10000")
}

func TestProblemsAreBoundedAndTheRestIsCounted(t *testing.T) {
	_, err := settings.Parse([]byte(smallest + "protect: {domains: [" + strings.Repeat("'*', ", 1000) + "]}\n"))
	problems, bad := errors.AsType[settings.Problems](err)
	require.True(t, bad)
	require.Len(t, problems, 101)
	require.Equal(t, "900 more problems", problems[100].Message)
}

func TestDeepNestingIsRefused(t *testing.T) {
	for _, document := range []string{
		strings.Repeat("[", 100_000), strings.Repeat("{a: ", 60_000), "{\"a\":" + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}",
	} {
		_, err := settings.Parse([]byte(document))
		_, bad := errors.AsType[settings.Problems](err)
		require.True(t, bad)
	}
}

func TestDurationsAreTextBothWays(t *testing.T) {
	for spelled, want := range map[string]string{"168h": "168h", "90m": "1h30m", "0s": "0s", "10m": "10m", "100h0m20s": "100h0m20s", "1.5h": "1h30m"} {
		var d settings.Duration
		require.NoError(t, json.Unmarshal([]byte(`"`+spelled+`"`), &d))
		text, err := json.Marshal(d)
		require.NoError(t, err)
		require.Equal(t, `"`+want+`"`, string(text))
	}
	var d settings.Duration
	require.EqualError(t, d.UnmarshalJSON([]byte("168")), `must be text with a unit such as "168h", not 168`)
}

// valid draws any valid settings.
func valid(t *rapid.T) settings.Settings {
	severity := rapid.SampledFrom([]string{"informational", "low", "medium", "high", "critical"})
	name := rapid.StringMatching(`[a-z0-9-]{1,40}`)
	cron := rapid.SampledFrom([]string{"*/5 * * * *", "0 3 * * mon-fri", "17,47 6-20/2 * * *", "0 0 1 */3 *"})
	s := settings.Default()
	s.Name = name.Draw(t, "name")
	s.Credentials = rapid.SampledFrom([]string{"", "acme", "no", "1"}).Draw(t, "credentials")
	s.Description = rapid.StringMatching(`[ -~äöü€😀:#'"\\]{0,200}`).Draw(t, "description")
	s.FetchDuration = settings.Duration(rapid.Int64Range(int64(time.Minute), int64(720*time.Hour)).Draw(t, "fetch"))
	s.SendToFalcon.AttachmentHashes.Action = rapid.SampledFrom([]string{"no_action", "detect", "prevent", "prevent_no_ui"}).Draw(t, "hash action")
	s.SendToFalcon.AttachmentHashes.Severity = severity.Draw(t, "severity")
	s.SendToFalcon.AttachmentHashes.Enabled = rapid.Bool().Draw(t, "hashes")
	s.SendToFalcon.URLDomains.Action = rapid.SampledFrom([]string{"no_action", "detect"}).Draw(t, "domain action")
	s.SendToFalcon.URLDomains.Enabled = true
	s.SendToFalcon.ImpersonationDomains.Evidence = rapid.SampledFrom([]string{"any", "domain"}).Draw(t, "evidence")
	s.SendToFalcon.Platforms = rapid.SampledFrom([][]string{{"windows"}, {"linux", "mac"}, {"mac", "windows", "linux"}}).Draw(t, "platforms")
	s.SendToFalcon.HostGroups = rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9a-f]{32}`), 0, 5, rapid.ID).Draw(t, "groups")
	s.SendToFalcon.ExpireAfter = settings.Duration(rapid.SampledFrom([]time.Duration{0, time.Hour, 36 * time.Hour}).Draw(t, "expiry"))
	s.SendToMimecast.IOCDomains.Enabled = rapid.Bool().Draw(t, "domains")
	s.SendToMimecast.BYOTIQuota = rapid.IntRange(1, 10_000_000).Draw(t, "quota")
	s.SendToMimecast.Withdraw = rapid.Bool().Draw(t, "withdraw")
	s.Protect.Domains = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,20}\.(example|test)`), 0, 5, rapid.ID).Draw(t, "protected")
	s.Protect.Allow = rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9a-f]{64}|[a-z]{3}\.example`), 0, 5, rapid.ID).Draw(t, "allowed")
	s.Schedule.ImportIOCs = cron.Draw(t, "cron")
	s.Notify = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,9}@[a-z]{1,9}\.example`), 0, 3, rapid.ID).Draw(t, "notify")
	s.DryRun = rapid.Bool().Draw(t, "dry run")
	return s
}

func TestWhatIsWrittenReadsBackTheSameAsJSONAndAsYAML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := valid(t)
		asJSON, err := json.Marshal(want)
		require.NoError(t, err)
		require.Equal(t, want, parsed(t, string(asJSON)))

		var tree any
		require.NoError(t, json.Unmarshal(asJSON, &tree))
		asYAML, err := yaml.Marshal(tree)
		require.NoError(t, err)
		require.Equal(t, want, parsed(t, string(asYAML)))
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(smallest))
	f.Add([]byte(`{"name":"acme","sendToFalcon":{"urlDomains":{"enabled":true}}}`))
	f.Add([]byte("name: &a [*a]\n---\n"))
	f.Add([]byte("schedule: {importIOCs: '*/5 1-2,3 * jan mon'}\nnotify: ['a@b']\nprotect: {allow: [x.example]}\n"))
	f.Fuzz(func(t *testing.T, document []byte) {
		first, err := settings.Parse(document)
		second, again := settings.Parse(document)
		require.Equal(t, err, again)
		require.Equal(t, first, second)
		if err != nil {
			problems, bad := errors.AsType[settings.Problems](err)
			require.True(t, bad)
			require.NotEmpty(t, problems)
			for _, problem := range problems {
				require.NotContains(t, problem.String(), "\n")
			}
			return
		}
		written, err := json.Marshal(first)
		require.NoError(t, err)
		require.Equal(t, first, parsed(t, string(written)))
		unchanged, err := first.Patch([]byte("{}"))
		require.NoError(t, err)
		require.Equal(t, first, unchanged)
	})
}
