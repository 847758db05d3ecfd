package settings_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/settings"
)

func TestADomainSourceAndADomainImportTogetherAreWarnedOfByName(t *testing.T) {
	s := parsed(t, "name: acme\nsendToFalcon: {impersonationDomains: {enabled: true}}\nsendToMimecast: {iocDomains: {enabled: true}}\n")
	require.Equal(t, []string{
		"sendToMimecast.iocDomains is on: mail from a domain on Falcon's IOC list is blocked",
		"sendToFalcon.impersonationDomains and sendToMimecast.iocDomains are both on: this has blocked legitimate senders in practice",
	}, s.Warnings())
}

func TestWarningsAreEmptyAndNotNilWithoutCause(t *testing.T) {
	require.Equal(t, []string{}, parsed(t, smallest).Warnings())
}

func TestEachRiskyOptionIsWarnedOf(t *testing.T) {
	for document, want := range map[string]string{
		"sendToFalcon: {attachmentHashes: {enabled: true, action: prevent}}":                    "sendToFalcon.attachmentHashes.action is prevent: Falcon blocks and quarantines these files on the endpoints",
		"sendToMimecast: {iocHashes: {enabled: true, remediate: true}}":                         "sendToMimecast.iocHashes.remediate is on: mail already delivered is taken out of mailboxes",
		"sendToMimecast: {iocHashes: {enabled: true}, iocDomains: {blockURLs: true}}":           "sendToMimecast.iocDomains.blockURLs has no effect while sendToMimecast.iocDomains.enabled is false",
		"sendToMimecast: {alertDomains: {enabled: true}}\ndryRun: true":                         "dryRun is on: nothing is written at either vendor",
		"sendToMimecast: {iocHashes: {enabled: true}}\nschedule: {importIOCs: '0 3 1-7 * mon'}": "the schedule of import-iocs names days of the month and days of the week: it runs on days that fit both",
	} {
		require.Contains(t, parsed(t, "name: acme\n"+document+"\n").Warnings(), want)
	}
}

func TestAFlowIsEnabledByAnythingItCarries(t *testing.T) {
	for document, flow := range map[string]string{
		"sendToFalcon: {attachmentHashes: {enabled: true}}":     settings.FlowShareTTPLogs,
		"sendToFalcon: {urlDomains: {enabled: true}}":           settings.FlowShareTTPLogs,
		"sendToFalcon: {impersonationDomains: {enabled: true}}": settings.FlowShareTTPLogs,
		"sendToMimecast: {iocHashes: {enabled: true}}":          settings.FlowImportIOCs,
		"sendToMimecast: {iocDomains: {enabled: true}}":         settings.FlowImportIOCs,
		"sendToMimecast: {alertDomains: {enabled: true}}":       settings.FlowImportAlerts,
	} {
		s := parsed(t, "name: acme\n"+document+"\n")
		for _, other := range settings.Flows() {
			require.Equal(t, other == flow, s.FlowEnabled(other), "%s: %s", document, other)
		}
	}
	require.False(t, parsed(t, smallest).FlowEnabled("no-such-flow"))
}

func TestEachFlowHasItsOwnSchedule(t *testing.T) {
	s := parsed(t, smallest+"schedule: {shareTTPLogs: '1 * * * *', importIOCs: '2 * * * *', importAlerts: '3 * * * *'}\n")
	require.Equal(t, "1 * * * *", s.Cron(settings.FlowShareTTPLogs))
	require.Equal(t, "2 * * * *", s.Cron(settings.FlowImportIOCs))
	require.Equal(t, "3 * * * *", s.Cron(settings.FlowImportAlerts))
	require.Empty(t, s.Cron("no-such-flow"))
}
