package activities_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func (w *world) raised(alerts ...any) {
	w.t.Helper()
	require.NoError(w.t, w.vendors.AddFalconAlerts(w.t.Context(), alerts))
}

func (w *world) alertsInput(cursor activities.Cursor) activities.FetchAlertsInput {
	return activities.FetchAlertsInput{
		Integration: acme, Cursor: cursor, Since: w.clock.now().Add(-24 * time.Hour), Protect: w.settings.Protect, DryRun: w.settings.DryRun,
	}
}

func (w *world) fetchAlerts(cursor activities.Cursor) activities.FetchAlertsResult {
	w.t.Helper()
	result, err := run[activities.FetchAlertsResult](w, w.FetchAlerts, w.alertsInput(cursor))
	require.NoError(w.t, err)
	return result
}

func TestAnAlertGivesTheDomainsThatItIsAboutAndNoOthers(t *testing.T) {
	w := newImports(t)
	at := w.clock.now().Add(-time.Hour)
	w.raised(
		control.DomainAlert("top-level.top").At(at),
		control.ContextAlert(hash(1), "in-context.top", "also-in-context.top").At(at),
		control.DomainAlert("first.top, second.top ,,first.top").At(at),
		control.Alert{IOCType: "hash_sha256", IOCValue: hash(2)}.At(at),
		map[string]any{
			"ioc_values": []string{"flat.top"}, "dns_requests": []any{map[string]any{"domain_name": "looked-up.top", "DomainName": "looked-up.top"}},
			"device": map[string]any{"machine_domain": "ad.top", "hostname": "host.top"}, "logon_domain": "logon.top",
			"source_hosts": []string{"seen.top"}, "destination_hosts": []string{"seen-too.top"}, "host_names": []string{"named.top"},
			"user_principal": "user@principal.top", "cmdline": "curl https://cmdline.top", "updated_timestamp": at.Format(time.RFC3339),
		},
	)
	got := w.fetchAlerts(activities.Cursor{})
	require.ElementsMatch(t, []string{"top-level.top", "in-context.top", "also-in-context.top", "first.top", "second.top"}, found(got.Found))
	require.Equal(t, activities.Counts{Read: 5, Malicious: 3, Dropped: map[string]int{"no-domain": 2}}, got.Counts)
	require.Equal(t, activities.Cursor{Newest: at, ReadTo: w.clock.now()}, got.Cursor)
	for _, finding := range got.Found {
		require.NotEmpty(t, finding.Record)
		require.Equal(t, at, finding.SeenAt)
	}
	require.Zero(t, w.writes(fault.Falcon)+w.writes(fault.Mimecast))
}

func TestAnAlertThatAPersonSetAsideBlocksNothing(t *testing.T) {
	w := newImports(t)
	w.raised(control.DomainAlert("false.top").SetAside("false_positive"), control.DomainAlert("ignored.top").SetAside("ignored"),
		control.Alert{IOCType: "domain", IOCValue: "tagged.top", Tags: []string{"false_positive"}},
		control.DomainAlert("true.top").SetAside("true_positive"))
	got := w.fetchAlerts(activities.Cursor{})
	require.Equal(t, []string{"true.top"}, found(got.Found))
	require.Equal(t, map[string]int{"false-positive": 2, "ignored": 1}, got.Counts.Dropped)
	require.Equal(t, 4, got.Counts.Read)
	require.Equal(t, 1, got.Counts.Malicious)
}

// The words of such an alert do not say whose IOC it was: the ledger knows ours, the mark at Falcon those of other integrations.
func TestAnAlertRaisedByAnIOCOfAThreatShareBlocksNothing(t *testing.T) {
	w := newImports(t)
	w.upload(w.clicked("ours.top"))
	w.edit(w.iocs()["ours.top"].ID, map[string]any{"source": "", "tags": []string{}})
	other := iocDomain("of-another.top")
	other.Source = "Mimecast Threat Share: other"
	tagged := iocDomain("tagged.top")
	tagged.Tags = []string{"threatshare:third"}
	w.listed(other, tagged, iocDomain("of-a-person.top"))
	for _, value := range []string{"ours.top", "of-another.top", "tagged.top", "of-a-person.top"} {
		w.raised(control.DomainAlert(value).OfCustomIOC())
	}
	got := w.fetchAlerts(activities.Cursor{})
	require.Equal(t, []string{"of-a-person.top"}, found(got.Found))
	require.Equal(t, 3, got.Counts.Echo)
	require.Equal(t, 4, got.Counts.Malicious)
}

func TestAnAlertThatIsReadAgainIsNoNews(t *testing.T) {
	w := newImports(t)
	w.raised(control.DomainAlert("evil.top"), control.DomainAlert("evil.top"), control.DomainAlert("worse.top"), control.DomainAlert("gmail.com"))
	first := w.fetchAlerts(activities.Cursor{})
	require.Equal(t, activities.Counts{Read: 4, Malicious: 4, Held: map[indicator.Reason]int{"free-mail": 1}}, first.Counts)
	require.ElementsMatch(t, []string{"evil.top", "worse.top"}, found(first.Found), "each value once")
	require.Equal(t, ledger.Held, w.on(ledger.SenderPolicies, "gmail.com").State)
	w.blockAlerted(findings("evil.top")...)
	w.nextRun()
	w.raised(control.DomainAlert("EVIL.top."))
	second := w.fetchAlerts(first.Cursor)
	require.Equal(t, []string{"worse.top"}, found(second.Found), "what was read and not written comes again")
	require.Equal(t, 1, second.Counts.AlreadyThere)
	require.Equal(t, 5, second.Counts.Malicious)
}

func TestAnAlertThatGetsItsDomainLateIsFoundWithinTheOverlap(t *testing.T) {
	w := newImports(t)
	now := w.clock.now()
	w.raised(control.DomainAlert("evil.top").At(now))
	first := w.fetchAlerts(activities.Cursor{})
	w.clock.pass(activities.AlertOverlap)
	w.raised(control.DomainAlert("late.top").At(now.Add(-activities.AlertOverlap)))
	second := w.fetchAlerts(first.Cursor)
	require.ElementsMatch(t, []string{"evil.top", "late.top"}, found(second.Found))
	w.raised(control.DomainAlert("too-late.top").At(now.Add(-activities.AlertOverlap - time.Minute)))
	require.NotContains(t, found(w.fetchAlerts(second.Cursor).Found), "too-late.top")
}

func TestAFirstReadOfAlertsStartsWhereTheRunSays(t *testing.T) {
	w := newImports(t)
	w.raised(control.DomainAlert("yesterday.top").At(w.clock.now().Add(-23*time.Hour)), control.DomainAlert("before.top").At(w.clock.now().Add(-25*time.Hour)))
	require.Equal(t, []string{"yesterday.top"}, found(w.fetchAlerts(activities.Cursor{}).Found))
}

func TestAlertsOfManyDomainsComeInPartsAndLoseNothing(t *testing.T) {
	w := newImports(t)
	want := map[string]bool{}
	for i := range 6 {
		var domains []string
		for j := range 200 {
			domains = append(domains, longDomain(1_000*i+j))
			want[domains[j]] = true
		}
		w.raised(control.ContextAlert(hash(i), domains...))
	}
	got := map[string]bool{}
	cursor, parts, read := activities.Cursor{}, 0, 0
	for more := true; more; {
		step := w.fetchAlerts(cursor)
		inOne(t, step)
		for _, finding := range step.Found {
			require.False(t, got[finding.Value], "twice")
			got[finding.Value] = true
		}
		if step.Part {
			parts++
			require.Equal(t, cursor, step.Cursor)
			require.Zero(t, step.Counts, "counted with the rest")
			w.blockAlerted(step.Found...)
		}
		read += step.Counts.Read
		more, cursor = step.More, step.Cursor
	}
	require.Equal(t, want, got)
	require.NotZero(t, parts)
	require.Equal(t, 6, read)
}

func TestEveryAlertEndsSomewhere(t *testing.T) {
	w := newImports(t)
	w.upload(w.clicked("ours.top"))
	w.blockAlerted(findings("known.top")...)
	for i, value := range []string{"ours.top", "known.top", "new.top", "gmail.com", "192.0.2.1", "co.uk", "", "javascript:alert(1)"} {
		w.raised(control.Alert{CompositeID: fmt.Sprintf("cid:ind:%d", i), IOCType: "domain", IOCValue: value})
	}
	got := w.fetchAlerts(activities.Cursor{})
	dropped := 0
	for _, n := range got.Counts.Dropped {
		dropped += n
	}
	require.Equal(t, 8, got.Counts.Read)
	require.Equal(t, got.Counts.Read, got.Counts.Malicious+dropped)
	require.Equal(t, got.Counts.Malicious, len(got.Found)+got.Counts.AlreadyThere+got.Counts.Echo+got.Counts.HeldInAll())
	require.Equal(t, []string{"new.top"}, found(got.Found))
}

func TestADryRunOfAlertsWritesNothingAnywhere(t *testing.T) {
	w := newImports(t)
	w.settings.DryRun = true
	w.raised(control.DomainAlert("evil.top"), control.DomainAlert("gmail.com"))
	got := w.fetchAlerts(activities.Cursor{})
	require.Equal(t, []string{"evil.top"}, found(got.Found))
	require.Len(t, got.Items, 1)
	require.Equal(t, ledger.SenderPolicies, got.Items[0].List)
	require.Equal(t, "gmail.com", got.Items[0].Value)
	require.Empty(t, w.everything())
	require.Zero(t, w.writes(fault.Mimecast)+w.writes(fault.Falcon))
}

// A tenant without domains of its own cannot be protected from a block of its own mail.
func TestAlertsAreNotImportedWhileTheTenantsOwnDomainsAreUnknown(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetInternalDomains(t.Context()))
	w.raised(control.DomainAlert("evil.top"))
	_, err := run[activities.FetchAlertsResult](w, w.FetchAlerts, w.alertsInput(activities.Cursor{}))
	refusedAs(t, err, activities.VendorContract, true)
	w.listed(iocDomain("evil.top"))
	_, err = run[activities.FetchIOCsResult](w, w.FetchIOCs, w.iocsInput(activities.Cursor{}))
	refusedAs(t, err, activities.VendorContract, true)
}

func TestWhatMimecastFoundBecauseWeBlockedItIsNotShared(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), []ledger.Entry{
		entryOn(ledger.BYOTI, hash(1), ledger.Shared), entryOn(ledger.BlockedSenders, "member.top", ledger.Shared),
		entryOn(ledger.SenderPolicies, "policy.top", ledger.Shared), entryOn(ledger.ManagedURLs, "clicked.top", ledger.Shared),
		entryOn(ledger.BlockedSenders, "foreign.top", ledger.Foreign), entryOn(ledger.ManagedURLs, "withdrawn.top", ledger.Withdrawn),
		entryOn(ledger.ManagedURLs, "returned.top", ledger.Withdrawn),
	}))
	at := w.clock.now().Add(-time.Minute)
	hosts := []string{"member.top", "policy.top", "clicked.top", "foreign.top", "withdrawn.top", "news.top"}
	for _, host := range hosts {
		w.logged(indicator.URLDomains, click(at, "https://"+host+"/login"))
	}
	w.logged(indicator.AttachmentHashes, attachment(at, hash(1)), attachment(at, hash(2)))
	w.clock.pass(10 * time.Minute)
	w.logged(indicator.URLDomains, click(w.clock.now().Add(-time.Minute), "https://returned.top/login"))
	got := w.fetch(indicator.URLDomains, activities.Cursor{})
	require.ElementsMatch(t, []string{"foreign.top", "returned.top", "news.top"}, values(got.Indicators),
		"what was found after our block had gone is news, what was found before is not")
	require.Equal(t, activities.Counts{Read: 7, Malicious: 7, Echo: 4}, got.Counts)
	hashes := w.fetch(indicator.AttachmentHashes, activities.Cursor{})
	require.Equal(t, []string{hash(2)}, values(hashes.Indicators))
	require.Equal(t, 1, hashes.Counts.Echo)
}

// entryOn is an entry as a step would have recorded it.
func entryOn(list ledger.List, value string, state ledger.State) ledger.Entry {
	kind, source := indicator.Domain, indicator.IOCDomains
	if list == ledger.BYOTI {
		kind, source = indicator.SHA256, indicator.IOCHashes
	}
	if list == ledger.SenderPolicies {
		source = indicator.AlertDomains
	}
	return ledger.Entry{
		Integration: acme, List: list, Key: indicator.Key{Kind: kind, Value: value}, Source: source, State: state, Action: "block", Run: "before",
	}
}
