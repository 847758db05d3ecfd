package activities_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	makeURL = "/api/ttp/url/create-managed-url"
)

// policyOf makes a policy for a domain as a person would.
func (w *world) policyOf(domain, option string) {
	w.t.Helper()
	w.asREST(http.MethodPost, restPolicies, map[string]any{
		"description": "by hand", "option": option, "fromPart": "both", "from": map[string]any{"type": "email_domain", "domain": domain},
		"to": map[string]any{"type": "internal_addresses"}, "enabled": true, "fromEternal": true, "toEternal": true,
	})
}

// urlOf makes a managed URL for a domain as a person would.
func (w *world) urlOf(domain, action string) {
	w.t.Helper()
	w.asPerson(makeURL, map[string]any{"url": "https://" + domain, "action": action, "matchType": "domain", "comment": "by hand"})
}

// managed are the managed URLs by address.
func (w *world) managed() map[string]simulated.URLState {
	w.t.Helper()
	byURL := map[string]simulated.URLState{}
	for _, entry := range w.mimecast().ManagedURLs {
		byURL[entry.URL] = entry
	}
	return byURL
}

func TestEachAlertedDomainGetsAPolicyOfItsOwn(t *testing.T) {
	w := newImports(t)
	blocked := w.blockAlerted(findings("evil.top", "worse.top", "evil.top")...)
	require.Equal(t, 2, blocked.Counts.Shared)
	require.Equal(t, []string{"evil.top", "worse.top"}, w.policed(ownName))
	for _, policy := range w.ownPolicies() {
		require.Equal(t, "block_sender", policy.Option)
		require.Equal(t, "both", policy.FromPart)
		require.Equal(t, "internal_addresses", policy.ToType)
		require.True(t, policy.Enabled)
	}
	require.NotEmpty(t, w.on(ledger.SenderPolicies, "evil.top").VendorID)
	require.Equal(t, 2, w.writes(fault.Mimecast))
	w.nextRun()
	require.Equal(t, activities.Counts{AlreadyThere: 2}, w.blockAlerted(findings("evil.top", "worse.top")...).Counts)
	require.Zero(t, w.writes(fault.Mimecast))
}

func TestAPolicyMadeWithALostAnswerIsNotMadeTwice(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Method: http.MethodPost, Path: restPolicies, Kind: fault.ResetAfter, Count: 1}))
	require.NoError(t, retried(w, w.BlockAlertDomains, w.blockInput(indicator.AlertDomains, findings("evil.top", "worse.top")...)))
	require.ElementsMatch(t, []string{"evil.top", "worse.top"}, w.policed(ownName))
	require.Equal(t, ledger.Shared, w.on(ledger.SenderPolicies, "evil.top").State)
}

func TestWhatOthersDecidedAboutASenderIsLeftAloneAndRecordedAsTheirs(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"at the first try": func(*world) {},
		"at a retry": func(w *world) {
			require.NoError(w.t, w.vendors.AddFaults(w.t.Context(), fault.Rule{Path: restPolicies, Kind: fault.Status, Status: http.StatusBadGateway, Count: 1}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.policyOf("blocked.top", "block_sender")
			w.policyOf("exempt.top", "no_action")
			w.writes(fault.Mimecast)
			prepare(w)
			require.NoError(t, retried(w, w.BlockAlertDomains, w.blockInput(indicator.AlertDomains, findings("blocked.top", "exempt.top")...)))
			require.Zero(t, w.writes(fault.Mimecast))
			blocked, exempt := w.on(ledger.SenderPolicies, "blocked.top"), w.on(ledger.SenderPolicies, "exempt.top")
			require.Equal(t, ledger.Foreign, blocked.State)
			require.Equal(t, ledger.Foreign, exempt.State)
			require.Equal(t, indicator.Reason("made-by-others"), blocked.Reason)
			require.Equal(t, indicator.Reason("permitted-by-others"), exempt.Reason)
		})
	}
}

func TestTheURLsOfBlockedDomainsAreBlockedTwentyWithACall(t *testing.T) {
	w := newImports(t)
	for i := range 25 {
		w.blockDomains(findings(host(i))...)
	}
	w.writes(fault.Mimecast)
	blocked := w.blockURLs(indicator.IOCDomains)
	require.Equal(t, activities.Counts{URLsBlocked: 25}, blocked.Counts)
	require.False(t, blocked.More)
	require.Equal(t, 2, w.calls("POST "+makeURL))
	require.Equal(t, simulated.URLState{URL: "https://evil-0.top", MatchType: "domain", Action: "block", Comment: ownName}, w.managed()["https://evil-0.top"])
	require.Equal(t, indicator.IOCDomains, w.on(ledger.ManagedURLs, host(0)).Source)
	require.Equal(t, 25, w.writes(fault.Mimecast))
	require.Zero(t, w.blockURLs(indicator.IOCDomains).Counts)
	require.Zero(t, w.writes(fault.Mimecast))
}

// The option may be switched on long after the domains were blocked.
func TestTheURLsOfEarlierDomainsAreBlockedOfTheSourceWhoseOptionIsOn(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("member.top", "both.top")...)
	w.blockAlerted(findings("alerted.top", "both.top")...)
	w.nextRun()
	require.Equal(t, 2, w.blockURLs(indicator.AlertDomains).Counts.URLsBlocked)
	require.Len(t, w.managed(), 2)
	require.NotContains(t, w.managed(), "https://member.top")
	require.Equal(t, 1, w.blockURLs(indicator.IOCDomains).Counts.URLsBlocked)
	require.Len(t, w.managed(), 3)
}

func TestManyEarlierDomainsTakeSeveralSteps(t *testing.T) {
	w := newImports(t)
	var entries []ledger.Entry
	for i := range 501 {
		entries = append(entries, entryOn(ledger.BlockedSenders, host(i), ledger.Shared))
	}
	require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), entries))
	require.True(t, w.blockURLs(indicator.IOCDomains).More)
	require.False(t, w.blockURLs(indicator.IOCDomains).More)
	require.Len(t, w.managed(), 501)
}

func TestWhatOthersDecidedAboutAURLIsLeftAloneAndRecordedAsTheirs(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"at the first try": func(*world) {},
		"at a retry": func(w *world) {
			require.NoError(w.t, w.vendors.AddFaults(w.t.Context(), fault.Rule{Path: makeURL, Kind: fault.Status, Status: http.StatusBadGateway, Count: 1}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.urlOf("permitted.top", "permit")
			w.urlOf("blocked.top", "block")
			w.blockDomains(findings("permitted.top", "blocked.top", "evil.top")...)
			before := w.managed()
			prepare(w)
			require.NoError(t, retried(w, w.BlockURLs, w.urlsInput(indicator.IOCDomains)))
			require.Equal(t, indicator.Reason("permitted-by-others"), w.on(ledger.ManagedURLs, "permitted.top").Reason)
			require.Equal(t, ledger.Foreign, w.on(ledger.ManagedURLs, "permitted.top").State)
			require.Equal(t, ledger.Foreign, w.on(ledger.ManagedURLs, "blocked.top").State)
			require.Equal(t, ledger.Shared, w.on(ledger.ManagedURLs, "evil.top").State)
			after := w.managed()
			delete(after, "https://evil.top")
			require.Equal(t, before, after)
		})
	}
}

func TestAURLBlockedWithALostAnswerIsOursAfterTheRetry(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("evil.top")...)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Path: makeURL, Kind: fault.ResetAfter, Count: 1}))
	require.NoError(t, retried(w, w.BlockURLs, w.urlsInput(indicator.IOCDomains)))
	require.Equal(t, ledger.Shared, w.on(ledger.ManagedURLs, "evil.top").State)
	require.Len(t, w.managed(), 1)
}

func TestAFullListOfURLsParksThemAndForgetsNothing(t *testing.T) {
	w := newImports(t)
	room := 3
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{ManagedURLs: &room}))
	w.blockDomains(findings(host(0), host(1), host(2), host(3), host(4))...)
	_, err := run[activities.BlockURLsResult](w, w.BlockURLs, w.urlsInput(indicator.IOCDomains))
	failed := refusedAs(t, err, activities.VendorQuota, false)
	require.Equal(t, "mimecast", activities.ProblemOf(failed).Vendor)
	shared, err := w.store.Counts(t.Context(), acme, []ledger.List{ledger.ManagedURLs})
	require.NoError(t, err)
	require.Len(t, w.managed(), 3)
	require.Equal(t, 3, shared[ledger.ManagedURLs])

	room = 10
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{ManagedURLs: &room}))
	w.nextRun()
	require.Equal(t, 2, w.blockURLs(indicator.IOCDomains).Counts.URLsBlocked)
}

func TestARefusedURLIsTriedInThreeRuns(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("bad.top", "evil.top")...)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedDomains: []string{"bad.top"}}))
	for tries := range 5 {
		w.writes(fault.Mimecast)
		counts := w.blockURLs(indicator.IOCDomains).Counts
		require.Equal(t, tries < 3, counts.Quarantined == 1, "run %d", tries+1)
		require.Equal(t, min(tries+1, 3), w.on(ledger.ManagedURLs, "bad.top").Tries)
		called := w.calls("POST " + makeURL)
		require.Zero(t, w.blockURLs(indicator.IOCDomains).Counts, "once in a run")
		require.Equal(t, called, w.calls("POST "+makeURL))
		w.nextRun()
	}
}

func TestARefusedURLOfADomainThatWasTakenBackIsNotTriedAgain(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("bad.top")...)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedDomains: []string{"bad.top"}}))
	w.blockURLs(indicator.IOCDomains)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{}))
	w.nextRun()
	require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), []ledger.Entry{entryOn(ledger.BlockedSenders, "bad.top", ledger.Withdrawn)}))
	w.blockURLs(indicator.IOCDomains)
	require.Empty(t, w.managed())
}

func TestADryRunShowsWhoseURLsWouldBeBlocked(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("evil.top", "permitted.top", "blocked.top")...)
	w.urlOf("permitted.top", "permit")
	w.urlOf("blocked.top", "block")
	before := w.everything()
	w.writes(fault.Mimecast)
	w.settings.DryRun = true
	in := w.urlsInput(indicator.IOCDomains)
	in.Domains = []string{"new.top", "evil.top"}
	would, err := run[activities.BlockURLsResult](w, w.BlockURLs, in)
	require.NoError(t, err)
	require.Equal(t, activities.Counts{WouldBlockURLs: 2, Foreign: 2}, would.Counts)
	require.ElementsMatch(t, []activities.Item{
		{Verdict: "block-urls", List: ledger.ManagedURLs, Source: indicator.IOCDomains, Value: "evil.top"},
		{Verdict: "block-urls", List: ledger.ManagedURLs, Source: indicator.IOCDomains, Value: "new.top"},
	}, would.Items)
	require.Equal(t, before, w.everything())
	require.Zero(t, w.writes(fault.Mimecast))
}

func TestADryRunOfSendersShowsWhatWouldBeBlockedAndMakesNoGroup(t *testing.T) {
	w := newImports(t)
	w.policyOf("foreign.top", "block_sender")
	w.writes(fault.Mimecast)
	w.settings.DryRun = true
	members, err := run[activities.BlockResult](w, w.BlockSenderDomains,
		activities.BlockSenderDomainsInput{BlockInput: w.blockInput(indicator.IOCDomains, findings("evil.top")...)})
	require.NoError(t, err)
	require.Equal(t, activities.Counts{WouldShare: 1}, members.Counts)
	policies := w.blockAlerted(findings("evil.top", "foreign.top")...)
	require.Equal(t, activities.Counts{WouldShare: 1, Foreign: 1}, policies.Counts)
	require.Equal(t, []activities.Item{{Verdict: "block", List: ledger.SenderPolicies, Source: indicator.AlertDomains, Value: "evil.top"}}, policies.Items)
	require.Empty(t, w.everything())
	require.Zero(t, w.writes(fault.Mimecast))
}
