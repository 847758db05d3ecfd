package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/settings"
)

const acmeSettings = "/i/acme/settings"

func TestEverySettingIsOnBothFormsWithALabelAndHelp(t *testing.T) {
	b := settingsAt(t, allOn())
	for _, page := range []string{acmeSettings, "/new"} {
		answer := b.ask(http.MethodGet, page, nil)
		require.Equal(t, http.StatusOK, answer.Code)
		sent := b.form(answer)
		for _, path := range everyPath() {
			require.NotNil(t, nodeOf(t, answer, path), "%s: %s is not on the form: give it a section", page, path)
			require.Greater(t, len(textOf(t, answer, path+"-help")), len(path)+10, "%s: %s is not explained", page, path)
			if fixed := page == acmeSettings && (path == "name" || path == "credentials"); fixed {
				require.False(t, sent.Has(path), "%s cannot be changed", path)
			} else {
				require.True(t, sent.Has(path), "%s: %s is not sent", page, path)
			}
		}
		for _, node := range settingsNodes(t, answer) {
			if path := attribute(node, "for"); path != "" {
				require.NotEqual(t, path[strings.LastIndexByte(path, '.')+1:], node.FirstChild.Data, "%s has no title in words", path)
			}
		}
	}
}

func TestEveryControlHasALabelAndWhatDescribesItIsThere(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("fetchDuration", "0s")
	for _, answer := range []string{"good", "bad"} {
		page := b.ask(http.MethodGet, acmeSettings, nil)
		if answer == "bad" {
			page = b.ask(http.MethodPost, acmeSettings, sent)
		}
		nodes, ids, labels := settingsNodes(t, page), map[string]int{}, map[string]bool{}
		for _, node := range nodes {
			if id := attribute(node, "id"); id != "" {
				ids[id]++
			}
			if node.Data == "label" {
				labels[attribute(node, "for")] = true
			}
		}
		for id, times := range ids {
			require.Equal(t, 1, times, id)
		}
		for _, node := range nodes {
			if (node.Data == "input" && attribute(node, "type") != "hidden") || node.Data == "select" || node.Data == "textarea" {
				require.True(t, labels[attribute(node, "id")], attribute(node, "id"))
			}
			for id := range strings.FieldsSeq(attribute(node, "aria-describedby")) {
				require.Contains(t, ids, id)
			}
			if href := attribute(node, "href"); strings.HasPrefix(href, "#") {
				require.Contains(t, ids, href[1:])
			}
		}
	}
}

// someSettings are valid ones with all sorts of values.
func someSettings(t *rapid.T) settings.Settings {
	severity := rapid.SampledFrom([]string{"informational", "low", "medium", "high", "critical"})
	cron := rapid.SampledFrom([]string{"*/5 * * * *", "0 3 * * mon-fri", "17,47 6-20/2 * * *"})
	s := settings.Default()
	s.Name = "acme"
	s.Credentials = rapid.SampledFrom([]string{"", "acme"}).Draw(t, "credentials")
	s.Description = rapid.StringMatching(`[ -~äö€😀:#'"\\<>&]{0,200}`).Draw(t, "description")
	s.FetchDuration = settings.Duration(rapid.Int64Range(int64(time.Minute), int64(720*time.Hour)).Draw(t, "fetch"))
	s.SendToFalcon.AttachmentHashes = settings.AttachmentHashes{
		Enabled: true, Severity: severity.Draw(t, "severity"),
		Action: rapid.SampledFrom([]string{"no_action", "detect", "prevent", "prevent_no_ui"}).Draw(t, "action"),
	}
	s.SendToFalcon.URLDomains.IncludeSuspicious = rapid.Bool().Draw(t, "suspicious")
	s.SendToFalcon.ImpersonationDomains.Evidence = rapid.SampledFrom([]string{"any", "domain"}).Draw(t, "evidence")
	s.SendToFalcon.Platforms = rapid.SampledFrom([][]string{{"windows"}, {"linux", "mac"}, {"mac", "windows", "linux"}}).Draw(t, "platforms")
	s.SendToFalcon.HostGroups = rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9a-f]{32}`), 0, 4, rapid.ID).Draw(t, "groups")
	s.SendToFalcon.ExpireAfter = settings.Duration(rapid.SampledFrom([]time.Duration{0, time.Hour, 90*time.Minute + time.Second}).Draw(t, "expiry"))
	s.SendToMimecast.IOCDomains = settings.BlockDomains{Enabled: rapid.Bool().Draw(t, "domains"), BlockURLs: rapid.Bool().Draw(t, "urls")}
	s.SendToMimecast.BYOTIQuota = rapid.IntRange(1, 10_000_000).Draw(t, "quota")
	s.SendToMimecast.Withdraw = rapid.Bool().Draw(t, "withdraw")
	s.Protect.Domains = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,20}\.(example|test)`), 0, 5, rapid.ID).Draw(t, "protected")
	s.Protect.Allow = rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9a-f]{64}|[a-z]{3}\.example`), 0, 5, rapid.ID).Draw(t, "allowed")
	s.Schedule.ImportIOCs = cron.Draw(t, "cron")
	s.Notify = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,9}@[a-z]{1,9}\.example`), 0, 3, rapid.ID).Draw(t, "notify")
	s.DryRun = rapid.Bool().Draw(t, "dry run")
	return s
}

func TestAFormThatNobodyTouchedChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := someSettings(t)
		b := settingsAt(t, s)
		answer := b.ask(http.MethodPost, acmeSettings, b.open(acmeSettings))
		require.Equal(t, http.StatusSeeOther, answer.Code, answer.Body.String())
		require.Equal(t, acmeSettings+"?done=unchanged", answer.Header().Get("Location"))
		require.Empty(t, b.temporal.updates)
	})
}

func TestEachFieldThatIsChangedIsSentAloneWithTheValueThatItReplaces(t *testing.T) {
	typed := map[string]string{
		"description": " Acme <test>", "fetchDuration": " 24h0m ", "dryRun": "true", "notify": "a@acme.example\r\n\r\n b@acme.example ",
		"sendToFalcon.attachmentHashes.enabled": "false", "sendToFalcon.attachmentHashes.action": "prevent", "sendToFalcon.attachmentHashes.severity": "low",
		"sendToFalcon.urlDomains.enabled": "false", "sendToFalcon.urlDomains.action": "no_action", "sendToFalcon.urlDomains.severity": "critical",
		"sendToFalcon.urlDomains.includeSuspicious": "true", "sendToFalcon.impersonationDomains.enabled": "false",
		"sendToFalcon.impersonationDomains.action": "no_action", "sendToFalcon.impersonationDomains.severity": "high",
		"sendToFalcon.impersonationDomains.evidence": "domain", "sendToFalcon.platforms": "mac", "sendToFalcon.hostGroups": strings.Repeat("0a", 16),
		"sendToFalcon.expireAfter": "48h", "sendToMimecast.iocHashes.enabled": "false", "sendToMimecast.iocHashes.remediate": "false",
		"sendToMimecast.iocDomains.enabled": "false", "sendToMimecast.iocDomains.blockURLs": "false", "sendToMimecast.iocDomains.remediate": "false",
		"sendToMimecast.alertDomains.enabled": "false", "sendToMimecast.alertDomains.blockURLs": "false", "sendToMimecast.alertDomains.remediate": "false",
		"sendToMimecast.byotiQuota": "5", "sendToMimecast.withdraw": "false", "sendToMimecast.messageIdBrackets": "false",
		"protect.domains": "ACME.example\r\nother.example", "protect.allow": "good.example", "schedule.shareTTPLogs": "0  3 * * *",
		"schedule.importIOCs": "0 4 * * *", "schedule.importAlerts": "0 5 * * mon",
	}
	for _, path := range everyPath() {
		if path == "name" || path == "credentials" {
			continue
		}
		require.Contains(t, typed, path, "try it here too")
		t.Run(path, func(t *testing.T) {
			b, before := settingsAt(t, allOn()), allOn()
			sent := b.open(acmeSettings)
			sent.Set(path, typed[path])
			answer := b.send(acmeSettings, sent)
			require.Equal(t, http.StatusSeeOther, answer.Code, answer.Body.String())
			require.Equal(t, acmeSettings+"?done=changed", answer.Header().Get("Location"))
			require.Len(t, b.temporal.updates, 1)
			require.Equal(t, []string{path}, settings.Differing(before, b.temporal.inForce))
			require.JSONEq(t, atOnly(t, b.temporal.inForce, path), string(b.temporal.updates[0].Patch))
			require.JSONEq(t, atOnly(t, before, path), string(b.temporal.updates[0].Was))
		})
	}
}

// atOnly is the document that has the one value of s.
func atOnly(t *testing.T, s settings.Settings, path string) string {
	t.Helper()
	text, err := json.Marshal(atPath(t, s, path))
	require.NoError(t, err)
	document := string(text)
	names := strings.Split(path, ".")
	slices.Reverse(names)
	for _, name := range names {
		document = fmt.Sprintf("{%q: %s}", name, document)
	}
	return document
}

func TestAnotherSpellingOfTheSameValueIsNoChange(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("fetchDuration", "168h0m0s")
	sent.Set("protect.domains", "\r\n ACME.example \r\npartner.example\r\nacme.example")
	sent.Set("schedule.importIOCs", " */5  * * * *")
	sent["sendToFalcon.platforms"] = []string{"", "linux", "windows", "mac"}
	answer := b.ask(http.MethodPost, acmeSettings, sent)
	require.Equal(t, acmeSettings+"?done=unchanged", answer.Header().Get("Location"), answer.Body.String())
	require.Empty(t, b.temporal.updates)
}

func TestWhatTheFormDoesNotCarryStaysAsItIs(t *testing.T) {
	b := settingsAt(t, allOn())
	whole := b.open(acmeSettings)
	answer := b.send(acmeSettings, url.Values{"seen": whole["seen"], "description": {"new"}, "name": {"other"}, "credentials": {"other"}})
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.Equal(t, []string{"description"}, settings.Differing(allOn(), b.temporal.inForce))
}

func TestTheSettingsOfAnIntegrationThatDoesNotRunAreNotFound(t *testing.T) {
	b := settingsAt(t, allOn())
	require.Equal(t, http.StatusNotFound, b.ask(http.MethodGet, "/i/other/settings", nil).Code)
	require.Equal(t, http.StatusNotFound, b.ask(http.MethodPost, "/i/other/settings", b.open(acmeSettings)).Code)
}
