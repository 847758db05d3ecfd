package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// searched makes Temporal take a search with that input, which gives document or fails.
func searched(t *testing.T, c *mocks.Client, input, document string, failure error) {
	t.Helper()
	run := &mocks.WorkflowRun{}
	run.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		if failure == nil {
			require.NoError(t, json.Unmarshal([]byte(document), args.Get(1)))
		}
	}).Return(failure)
	c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return strings.HasPrefix(o.ID, "threatshare/acme/history/") && len(o.ID) > len("threatshare/acme/history/")+20 && o.TaskQueue == "threatshare" &&
			o.WorkflowExecutionTimeout > 0
	}), "History", mock.MatchedBy(func(in historyInput) bool {
		text, err := json.Marshal(in)
		require.NoError(t, err)
		return string(text) == input
	})).Return(run, nil).Once()
}

// withProtection is an integration that runs with this part of its settings.
func withProtection(t *testing.T, c *mocks.Client, protect string) {
	t.Helper()
	ofAcme(t, c, `{"name":"acme","protect":`+protect+`}`)
}

const everywhere = `{"entries":[
{"value":"evil.example","kind":"domain","list":"blocked-senders","state":"shared","source":"iocDomains","run":"threatshare/acme/import-iocs-1","vendorId":"group-1",
 "recordedAt":"2026-11-16T14:49:18.123456Z","changedAt":"2026-11-17T14:49:18.5Z","expiresAt":"2026-12-16T00:00:00Z",
 "remediations":[{"day":"2026-11-17","state":"done","code":"TR-1","identified":5,"successful":4,"failed":1}]},
{"value":"evil.example","kind":"domain","list":"managed-urls","state":"shared","source":"alertDomains","record":"alert-7","run":"r","recordedAt":"2026-11-16T14:49:18Z",
 "changedAt":"2026-11-16T14:49:18Z","dueAt":"2026-11-18T00:00:00Z","dueReason":"protected"},
{"value":"evil.example","kind":"domain","list":"iocs","state":"held","reason":"free-mail","detail":"list\u001b of 2026: evil.example","releasable":true,"source":"urlDomains",
 "recordedAt":"2026-11-15T14:49:18Z","changedAt":"2026-11-15T14:49:18Z","run":"r"}]}`

const ofEvil = `{"integration":"acme","value":"evil.example","limit":50}`

func TestHistoryTellsWhyAValueIsWhereItIsAndHowToChangeThat(t *testing.T) {
	c := &mocks.Client{}
	withProtection(t, c, `{"domains":["acme.example"],"allow":["partner.example","other.example"]}`)
	searched(t, c, ofEvil, everywhere, nil)
	code, output, said := fake(t, c, "history", "acme", "hxxps://user@EVIL[.]example:8443/path?q=1")
	require.Zero(t, code, said)
	for _, words := range []string{
		"searched  evil.example (domain) in the ledger of acme\n",
		"blocked-senders at mimecast: shared\n" +
			"  mail from this domain is blocked in Mimecast since 2026-11-17T14:49:18Z: Falcon's IOC list has it\n" +
			"  to unblock it   starter change acme --set protect.domains=acme.example,evil.example\n",
		"managed-urls at mimecast: shared\n" +
			"  links to this domain are blocked in Mimecast since 2026-11-16T14:49:18Z: a Falcon alert has it as its indicator\n" +
			"  to be withdrawn since 2026-11-18T00:00:00Z: protect.domains has it, or one beneath or above it\n",
		"iocs at falcon: held\n" +
			"  kept back by the guard since 2026-11-15T14:49:18Z: a free-mail provider\n" +
			"  to release it   starter change acme --set protect.allow=partner.example,other.example,evil.example\n",
		`  reason          free-mail: list\x1b of 2026: evil.example` + "\n",
		"  source          iocDomains\n", "  record          alert-7\n", "  run             threatshare/acme/import-iocs-1\n", "  vendor id       group-1\n",
		"  first written   2026-11-16T14:49:18Z\n", "  changed         2026-11-17T14:49:18Z\n", "  expires         2026-12-16T00:00:00Z\n",
		"  due             2026-11-18T00:00:00Z\n",
		"  mail removed    2026-11-17 done TR-1 (messages: 5 identified, 4 successful, 1 failed)\n",
	} {
		require.Contains(t, output, words)
	}
	require.NotContains(t, output, "\x1b")
}

func TestHistoryOfAValueThatNobodyKnowsSaysWhatThatCanMean(t *testing.T) {
	c := &mocks.Client{} // the settings are not asked for
	searched(t, c, `{"integration":"acme","value":"www.evil.example","limit":50}`, `{"entries":[]}`, nil)
	code, output, said := fake(t, c, "history", "acme", "www.evil.example")
	require.Zero(t, code, said)
	require.Contains(t, output, "no entry. What that can mean:\n")
	require.Contains(t, output, "starter history acme evil.example)")

	filtered := &mocks.Client{}
	searched(t, filtered, `{"integration":"acme","value":"evil.example","state":"held","limit":50}`, `{"entries":[]}`, nil)
	code, output, said = fake(t, filtered, "history", "acme", "evil.example", "--state", "held")
	require.Zero(t, code, said)
	require.Contains(t, output, "no entry of it passes the filters\nwithout them  starter history acme evil.example\n")
}

func TestHistoryTellsOfAnIntegrationThatDoesNotRun(t *testing.T) {
	c := &mocks.Client{}
	c.On("DescribeWorkflowExecution", mock.Anything, integration, "").Return(nil, serviceerror.NewNotFound("gone"))
	searched(t, c, ofEvil, everywhere, nil)
	code, output, said := fake(t, c, "history", "acme", "evil.example")
	require.Zero(t, code, said)
	require.Contains(t, output, "to release it   add it to protect.allow of the settings\n")
}

func TestHistoryListsTheNewestChangesWithTheirReasons(t *testing.T) {
	c := &mocks.Client{}
	searched(t, c, `{"integration":"acme","kind":"domain","list":"iocs","state":"held","source":"urlDomains","limit":50}`, everywhere, nil)
	code, output, said := fake(t, c, "history", "acme", "--list", "iocs", "--state", "held", "--source", "urlDomains", "--kind", "domain")
	require.Zero(t, code, said)
	for _, words := range []string{
		"│ changed              │ list            │ value        │ state  │ why                                       │ source       │\n",
		`│ 2026-11-15T14:49:18Z │ iocs            │ evil.example │ held   │ free-mail: list\x1b of 2026: evil.example │ urlDomains   │` + "\n",
		"all 3\n", "starter history acme <value>\n",
	} {
		require.Contains(t, output, words)
	}
	empty := &mocks.Client{}
	searched(t, empty, `{"integration":"acme","limit":50}`, `{"entries":[]}`, nil)
	code, output, said = fake(t, empty, "history", "acme")
	require.Zero(t, code, said)
	require.Equal(t, "the ledger has no such entries of acme\n", output)
}

func TestHistoryAsksPageByPage(t *testing.T) {
	page := func(n int, next string) string {
		entries := make([]string, n)
		for i := range entries {
			entries[i] = fmt.Sprintf(`{"value":"%d.example","list":"iocs","changedAt":"2026-11-16T14:49:18Z"}`, i)
		}
		return `{"entries":[` + strings.Join(entries, ",") + `]` + next + `}`
	}
	const next = `,"next":{"changedAt":"2026-11-16T14:49:18Z","value":"a"}`
	const after = `,"after":{"changedAt":"2026-11-16T14:49:18Z","value":"a"}}`

	limited := &mocks.Client{}
	searched(t, limited, `{"integration":"acme","limit":500}`, page(400, next), nil) // fewer than asked for: they were too large
	searched(t, limited, `{"integration":"acme","limit":300`+after, page(300, next), nil)
	code, output, said := fake(t, limited, "history", "acme", "--limit", "700")
	require.Zero(t, code, said)
	require.Contains(t, output, "the newest 700; more with --limit or --all\n")

	all := &mocks.Client{}
	searched(t, all, `{"integration":"acme","limit":500}`, page(500, next), nil)
	searched(t, all, `{"integration":"acme","limit":500`+after, page(500, next), nil)
	searched(t, all, `{"integration":"acme","limit":500`+after, page(1, `,"next":null`), nil)
	code, output, said = fake(t, all, "history", "acme", "--all")
	require.Zero(t, code, said)
	require.Contains(t, output, "all 1001\n")
}

func TestHistoryInJSONIsAnArrayOfWhatTheLedgerGives(t *testing.T) {
	some, none := &mocks.Client{}, &mocks.Client{}
	searched(t, some, `{"integration":"acme","limit":50}`, `{"entries":[{"value":"a","new":{"field":1}},{"value":7}]}`, nil)
	code, output, said := fake(t, some, "history", "acme", "--json")
	require.Zero(t, code, said)
	require.JSONEq(t, `[{"value":"a","new":{"field":1}},{"value":7}]`, output)

	searched(t, none, ofEvil, `{"entries":[]}`, nil)
	code, output, said = fake(t, none, "history", "acme", "evil.example", "--json")
	require.Zero(t, code, said)
	require.JSONEq(t, `[]`, output)
}

func TestASearchThatFailsSaysWhy(t *testing.T) {
	c := &mocks.Client{}
	searched(t, c, `{"integration":"acme","limit":50}`, "", temporal.NewApplicationError("search the ledger: no such \x1bhost", "StoreUnavailable", nil))
	code, output, said := fake(t, c, "history", "acme")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Contains(t, said, `the search in the ledger of acme failed: search the ledger: no such \x1bhost`)
}

func TestAFilterThatDoesNotExistContactsNobody(t *testing.T) {
	for line, said := range map[string]string{
		"--list blocked":         `--list "blocked": must be one of iocs, byoti, blocked-senders, sender-policies, managed-urls`,
		"--state blocked":        `--state "blocked": must be one of shared, held, quarantined, withdrawn, foreign`,
		"--source nowhere":       `--source "nowhere": must be one of attachmentHashes, `,
		"--kind md5":             `--kind "md5": must be one of sha256, domain`,
		"--limit 0":              "--limit 0: must be at least 1",
		"--since yesterday":      `--since "yesterday": must be a time such as`,
		"--since 99999999999d":   `--since "99999999999d": must be a time such as`,
		"--since 2999-01-01":     "--since 2999-01-01: lies in the future",
		"--since=-1h":            "--since -1h: lies in the future",
		"--csv --json":           "none of the others can be",
		"--limit 5 --all":        "none of the others can be",
		"evil.example more.test": "accepts between 1 and 2 arg(s)",
	} {
		code, output, errors := fake(t, &mocks.Client{}, append([]string{"history", "acme"}, strings.Fields(line)...)...)
		require.Equal(t, 2, code, line)
		require.Empty(t, output)
		require.Contains(t, errors, said)
	}
}

func TestTheFiltersAreTheWordsOfTheLedger(t *testing.T) {
	var lists, states []string
	for _, list := range ledger.Lists() {
		lists = append(lists, string(list))
	}
	for _, state := range ledger.States() {
		states = append(states, string(state))
	}
	require.ElementsMatch(t, lists, historyLists())
	require.ElementsMatch(t, states, historyStates())
}

func TestWhatTheStarterReadsIsWhatTheWorkerWrites(t *testing.T) {
	at := time.Date(2026, 11, 16, 14, 49, 18, 123456000, time.UTC)
	text, err := json.Marshal(activities.LedgerEntry{
		Value: "v", Kind: indicator.Domain, List: ledger.BYOTI, State: ledger.Held, Reason: "r", Detail: "d", Releasable: true, Source: indicator.IOCHashes,
		Record: "rec", Run: "run", Action: "a", Severity: "s", VendorID: "id", Tries: 2, DueReason: "due", RecordedAt: at, ChangedAt: at.Add(1),
		SeenAt: at.Add(2), ExpiresAt: at.Add(3), DueAt: at.Add(4),
		Remediations: []activities.LedgerRemediation{{Day: "day", State: ledger.Done, Code: "c", Detail: "d", Identified: 3, Successful: 2, Failed: 1}},
	})
	require.NoError(t, err)
	var read historyEntry
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, historyEntry{
		Value: "v", Kind: "domain", List: "byoti", State: "held", Reason: "r", Detail: "d", Releasable: true, Source: "iocHashes", Record: "rec", Run: "run",
		Action: "a", Severity: "s", VendorID: "id", Tries: 2, DueReason: "due", RecordedAt: at, ChangedAt: at.Add(1), SeenAt: at.Add(2),
		ExpiresAt: at.Add(3), DueAt: at.Add(4),
		Remediations: []remediationAnswer{{Day: "day", State: "done", Code: "c", Detail: "d", Identified: 3, Successful: 2, Failed: 1}},
	}, read)

	text, err = json.Marshal(historyInput{
		Integration: "i", Value: "v", Kind: "k", List: "l", State: "s", Source: "o", Since: at, Limit: 5,
		After: json.RawMessage(`{"changedAt":"2026-11-16T14:49:18Z","list":"l","kind":"k","value":"v"}`),
	})
	require.NoError(t, err)
	var asked activities.SearchLedgerInput
	require.NoError(t, json.Unmarshal(text, &asked))
	require.Equal(t, activities.SearchLedgerInput{
		Integration: "i", Value: "v", Kind: "k", List: "l", State: "s", Source: "o", Since: at, Limit: 5,
		After: &activities.LedgerCursor{ChangedAt: at.Truncate(time.Second), List: "l", Kind: "k", Value: "v"},
	}, asked)
}
