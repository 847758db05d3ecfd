package main

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

func TestSinceIsATimeOrHowLongAgo(t *testing.T) {
	now := time.Date(2026, 11, 16, 14, 49, 18, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"24h": now.Add(-24 * time.Hour), "90m": now.Add(-90 * time.Minute), "7d": now.Add(-7 * 24 * time.Hour), "0d": now,
		"2026-11-01": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "2026-11-01T08:00:00+01:00": time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC),
	} {
		since, err := readSince(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, since, text)
	}
}

func TestEveryStateIsToldInWords(t *testing.T) {
	at := time.Date(2026, 11, 16, 14, 49, 18, 0, time.UTC)
	known := protection{known: true}
	for _, example := range []struct {
		entry           historyEntry
		meaning, remedy string
	}{
		{
			historyEntry{State: "held", List: "iocs", Kind: "domain", Reason: guard.InternalDomain},
			"kept back by the guard since 2026-11-16T14:49:18Z: one of your own domains by Mimecast",
			"never shared    protect.allow does not override this",
		},
		{
			historyEntry{State: "held", List: "iocs", Kind: "domain", Reason: guard.Protected},
			"protect.domains has it",
			"take it out of protect.domains",
		},
		{
			historyEntry{State: "held", List: "iocs", Reason: indicator.NotADomain},
			"no value that could be shared (not-a-domain)",
			"never shared",
		},
		{
			historyEntry{State: "shared", List: "byoti", Kind: "sha256", Source: indicator.IOCHashes},
			"mail with this file is blocked in Mimecast since 2026-11-16T14:49:18Z: Falcon's IOC list has it",
			"to unblock it   delete it in Falcon, or give it an action that blocks nothing",
		},
		{
			historyEntry{State: "shared", List: "iocs", Kind: "sha256", Source: indicator.AttachmentHashes, Action: "prevent", Severity: "high", Reason: "found"},
			"an IOC in Falcon (prevent, high) since 2026-11-16T14:49:18Z: Mimecast found a malicious attachment; it was there before",
			"to take it back delete it in Falcon, under IOC Management",
		},
		{
			historyEntry{State: "shared", List: "iocs", Kind: "domain", Value: "a.example", Source: indicator.URLDomains},
			"an IOC in Falcon since",
			"keep it away: starter change acme --set protect.domains=a.example",
		},
		{
			historyEntry{State: "quarantined", List: "sender-policies", Tries: 2, Reason: "vendor-refused"},
			"refused by Mimecast in 2 runs, last at 2026-11-16T14:49:18Z",
			"",
		},
		{historyEntry{State: "foreign", List: "iocs", Reason: "made-by-others"}, "left alone since 2026-11-16T14:49:18Z: somebody else has put it", ""},
		{historyEntry{State: "withdrawn", List: "byoti", Reason: "deleted"}, "taken back at 2026-11-16T14:49:18Z: Falcon's IOC list has it no more", ""},
		{historyEntry{State: "n\x1bew", List: "el\x1bsewhere"}, `n\x1bew since`, ""},
	} {
		example.entry.ChangedAt = at
		require.Contains(t, example.entry.meaning(), example.meaning)
		remedy := example.entry.remedy("acme", known)
		require.Contains(t, remedy, example.remedy)
		require.Equal(t, example.remedy == "", remedy == "")
	}
}

func TestAChangeOfProtectNamesWhatIsOnTheListAlready(t *testing.T) {
	many := make([]string, longestProtection)
	for i := range many {
		many[i] = "x.example"
	}
	for _, example := range []struct {
		have []string
		want string
	}{
		{nil, "starter change acme --set protect.allow=a.example"},
		{[]string{"b.example", "c.example"}, "starter change acme --set protect.allow=b.example,c.example,a.example"},
		{[]string{"a.example"}, "protect.allow has it already: the next run does so"},
		{many, "add it to protect.allow in a file of the settings: starter settings acme > settings.yaml; starter change acme -f settings.yaml"},
		{[]string{"$(reboot)"}, "add it to protect.allow in a file of the settings: starter settings acme > settings.yaml; starter change acme -f settings.yaml"},
	} {
		require.Equal(t, example.want, protection{known: true, allow: example.have}.with("acme", "allow", "a.example"))
	}
}

func TestFault_D13_NoCellOfACSVIsAFormula(t *testing.T) {
	for text, want := range map[string]string{
		"=cmd|'/c calc'!A0": "'=cmd|'/c calc'!A0", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": `'\t=1`, "\r=1": `'\r=1`, "\n=1": `'\n=1`,
		"＝1+1": "'＝1+1", "": "", "plain": "plain", "a=b": "a=b", "esc\x1b[31m": `esc\x1b[31m`, "rtl\u202etxt": `rtl\u{202e}txt`,
	} {
		require.Equal(t, want, csvCell(text), "%q", text)
	}
	at := time.Date(2026, 11, 16, 14, 49, 18, 123456000, time.UTC)
	hostile := historyEntry{
		Value: "=1+1", Kind: "@domain", List: "-list", State: "+state", Reason: "=reason", Detail: "=HYPERLINK(\"http://evil.example\",\"a\nb\")", Source: "=s",
		Record: "a,b;\"c\"", Run: "\x00run", Action: "=a", Severity: "=s", VendorID: "=v", Tries: 3, DueReason: "=due", RecordedAt: at,
		Remediations: []remediationAnswer{{Day: "=day", State: "done", Detail: "de\x1btail"}, {Day: "2026-11-16", State: "failed"}},
	}
	var out strings.Builder
	require.NoError(t, (&app{out: &out}).writeCSV([]historyEntry{hostile, {}}))
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	for _, row := range rows {
		require.Len(t, row, len(rows[0]))
		for _, cell := range row {
			require.NotRegexp(t, `^[=+\-@\t\r\n＝＋－＠]`, cell)
			require.Equal(t, indicator.Printable(cell, 10_000), cell)
		}
	}
	require.Equal(t, "2026-11-16T14:49:18.123456Z", rows[1][13])
	require.Equal(t, `'=day done: de\x1btail; 2026-11-16 failed`, rows[1][19])
	require.Equal(t, "0", rows[2][12])
}

func TestFault_D13_NoTextMakesAFormulaOfACell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[=+\-@＝＋－＠\t\r\n\x00 '\x{200b}]{0,3}.{0,5}`)).Draw(t, "text")
		cell := csvCell(text)
		require.NotRegexp(t, `^[=+\-@\t\r\n＝＋－＠]`, cell)
		require.Equal(t, indicator.Printable(cell, 1_000_000), cell, "one safe line")
	})
}
