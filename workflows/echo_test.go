package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// echoCycles is how often both directions run one after the other.
func echoCycles() int { return scale.Of(30, 1_000) }

// betweenCycles is short enough that every read meets the records of the cycle before once more.
const betweenCycles = 25 * time.Minute

// Also N6. Both directions are on, and each vendor keeps reporting what the other one had it block: nothing of that is news. Without
// that rule two products would confirm each other's indicators for ever, and nobody could take one back.
func TestFault_V27_WhatOneDirectionWroteIsNeverNewsForTheOther(t *testing.T) {
	w := newEcho(t)
	w.run(settings.Flows()...)
	w.clock.pass(betweenCycles)
	require.Equal(t, map[string]string{sha(90): "high", "clicked.top": "medium", "forged.top": "medium"}, w.ownIOCs())
	require.Equal(t, blocked{
		Hashes: []string{sha(1)}, Senders: []string{"listed.top"}, Policies: []string{"alerted.top"}, URLs: w.blocked().URLs,
	}, w.blocked())
	require.Len(t, w.blocked().URLs, 2)
	after := w.settled()
	require.NotZero(t, w.writes())

	for range echoCycles() {
		w.echo()
		w.atOnce(settings.Flows()...)
		w.clock.pass(betweenCycles)
	}
	stats, err := w.vendors.Stats(t.Context())
	require.NoError(t, err)
	require.Empty(t, stats.Violations)
	require.Zero(t, stats.Writes[fault.Mimecast], stats.WritesBy[fault.Mimecast])
	require.Zero(t, stats.Writes[fault.Falcon], stats.WritesBy[fault.Falcon])
	require.Equal(t, after, w.settled(), "nor is anything recorded anew")

	// The echoes were met, each by its flow, and known for what they are.
	shared, alerts := w.told(settings.FlowShareTTPLogs).Counts, w.told(settings.FlowImportAlerts).Counts
	require.Equal(t, 1, shared[indicator.AttachmentHashes].Echo)
	require.Equal(t, 2, shared[indicator.ImpersonationDomains].Echo)
	require.NotZero(t, shared[indicator.URLDomains].Dropped["managed-url"])
	require.Equal(t, 2, alerts[indicator.AlertDomains].Echo)
}

// echo is a world with one indicator of each source, and the vendors' echoes of them.
type echo struct {
	*world

	said int
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	w := &echo{world: newWorld(t)}
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	w.log(mimecast.Attachment, attachment(w.clock.now(), sha(90), 0))
	w.log(mimecast.URL, click(w.clock.now(), "clicked.top", 0, nil))
	w.log(mimecast.Impersonation, impersonation(w.clock.now(), "forged.top", 0))
	w.lists(hashIOC(1), domainIOC("listed.top"))
	w.alerts(control.DomainAlert("alerted.top"))
	w.clock.pass(time.Minute)
	return w
}

// echo is what real vendors say after a cycle: Mimecast stops mail with what we gave it, and Falcon raises alerts on ours.
func (w *echo) echo() {
	w.t.Helper()
	w.said++
	at := w.clock.now().Add(-time.Minute)
	managed := map[string]any{"CustomerManagedUrls": map[string]any{"Status": []string{"CustomerBlock"}}}
	w.log(mimecast.Attachment, attachment(at, sha(1), w.said))
	w.log(mimecast.URL, click(at, "listed.top", w.said, managed), click(at, "alerted.top", w.said, managed))
	w.log(mimecast.Impersonation, impersonation(at, "listed.top", w.said), impersonation(at, "alerted.top", w.said))
	clicked, forged := control.DomainAlert("clicked.top").OfCustomIOC().At(at), control.ContextAlert(sha(90), "forged.top").OfCustomIOC().At(at)
	clicked.CompositeID, forged.CompositeID = fmt.Sprint("clicked-", w.said%10), fmt.Sprint("forged-", w.said%10) // an old one is updated
	w.alerts(clicked, forged)
}

func (w *world) log(log mimecast.Log, records ...map[string]any) {
	w.t.Helper()
	require.NoError(w.t, w.vendors.AddLogs(w.t.Context(), log, records, 0))
}

// settled is the ledger without its times.
func (w *world) settled() map[ledger.List]map[string]ledger.State {
	w.t.Helper()
	settled := map[ledger.List]map[string]ledger.State{}
	for _, entry := range w.books() {
		if settled[entry.List] == nil {
			settled[entry.List] = map[string]ledger.State{}
		}
		settled[entry.List][entry.Value] = entry.State
	}
	return settled
}

// The records of the logs as they go over the wire.

func attachment(at time.Time, hash string, n int) map[string]any {
	return map[string]any{
		"senderAddress": "accounts@sender.example", "recipientAddress": "j.doe@acme.example", "fileName": "invoice.xlsm", "result": "malicious",
		"actionTriggered": "block", "date": stampOf(at), "route": "inbound", "messageId": messageID("a", n), "fileHash": hash,
	}
}

func click(at time.Time, domain string, n int, tags map[string]any) map[string]any {
	record := map[string]any{
		"url": "https://" + domain + "/login", "action": "block", "adminOverride": "N/A", "userOverride": "None", "scanResult": "malicious",
		"category": "Phishing", "date": stampOf(at), "messageId": messageID("u", n), "userEmailAddress": "j.doe@acme.example",
	}
	if tags != nil {
		record["tagMap"] = tags
	}
	return record
}

func impersonation(at time.Time, domain string, n int) map[string]any {
	return map[string]any{
		"id": fmt.Sprintf("MTOKEN:%s-%d", domain, n), "senderAddress": "ceo@" + domain, "recipientAddress": "j.doe@acme.example", "action": "hold",
		"identifiers": []string{"newly_observed_domain", "internal_user_name"}, "hits": 2, "taggedMalicious": true,
		"eventTime": stampOf(at), "messageId": messageID("i", n),
	}
}

func stampOf(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05-0700") }

func messageID(kind string, n int) string { return fmt.Sprintf("<%s%d@mail.example>", kind, n) }
