package activities_test

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

type record map[string]any

func wireDate(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05-0700") }

func attachment(at time.Time, sha256 string) record {
	return record{
		"senderAddress": "billing@sender.example", "recipientAddress": "finance@acme.example", "fileName": "invoice.xlsm",
		"result": "malicious", "actionTriggered": "none", "date": wireDate(at), "route": "inbound",
		"messageId": fmt.Sprintf("<%s.%d@mail.example>", sha256[56:], at.Unix()), "fileHash": sha256,
	}
}

func click(at time.Time, address string) record {
	return record{
		"userEmailAddress": "j.doe@acme.example", "url": address, "action": "block", "adminOverride": "N/A", "userOverride": "None",
		"scanResult": "malicious", "category": "Phishing", "date": wireDate(at), "route": "inbound",
		"messageId": fmt.Sprintf("<%d@mail.example>", at.UnixNano()),
	}
}

func impersonation(at time.Time, sender string) record {
	return record{
		"id": "MTOKEN:" + sender, "senderAddress": sender, "recipientAddress": "ceo@acme.example", "hits": 1,
		"identifiers": []string{"newly_observed_domain"}, "action": "hold", "taggedMalicious": true,
		"eventTime": wireDate(at), "messageId": fmt.Sprintf("<%d@mail.example>", at.UnixNano()),
	}
}

// logged adds records to a source's log, found from now on.
func (w *world) logged(source indicator.Source, records ...record) {
	w.loggedLate(source, 0, records...)
}

// loggedLate adds records that are found only after a while, whatever their dates say.
func (w *world) loggedLate(source indicator.Source, after time.Duration, records ...record) {
	w.t.Helper()
	log := map[indicator.Source]simulated.Log{
		indicator.AttachmentHashes: simulated.Attachment, indicator.URLDomains: simulated.URL,
		indicator.ImpersonationDomains: simulated.Impersonation,
	}[source]
	require.NoError(w.t, w.vendors.AddLogs(w.t.Context(), log, records, after))
}

func values(found []indicator.Indicator) []string {
	list := make([]string, 0, len(found))
	for _, f := range found {
		list = append(list, f.Value)
	}
	return list
}
