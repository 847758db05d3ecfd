//go:build e2e

package e2e_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/workflows"
)

// secrets are what must stand nowhere, by what they are. None is part of another or of a name that is shown.
func secrets() map[string]string {
	return map[string]string{
		"Mimecast's client id": "canary-mimecast-id-01", "Mimecast's secret": "canary-mimecast-secret-02",
		"Falcon's client id": "canary-falcon-id-03", "Falcon's secret": "canary-falcon-secret-04", "Falcon's member CID": "ca9a12ca9a12ca9a12ca9a12ca9a1205",
		"Falcon's secret of before": "canary-falcon-before-06", "the secret of another set": "canary-other-set-07", "another set's id": "canary-other-id-08",
		"the mail account": "canary-mail-user-09", "the mail password": "canary-mail-password-10", "the console's password": "canary console password 11",
		"the codec's key": "canary-12-codec-key-of-32-bytes-", "the codec's older key": "canary-13-codec-key-of-32-bytes-",
		"the reader's address in a URL": "canary.reader.14@acme.example", "the password in a URL": "canary-url-password-15", "the fragment of a URL": "canary-url-fragment-16",
		"who received the mail": "canary.recipient.17@acme.example", "the subject of the mail": "canary subject 18",
	}
}

// hitsIn names the secrets that a text holds in any spelling.
func hitsIn(text string, secrets map[string]string) []string {
	var hits []string
	for what, secret := range secrets {
		for _, spelt := range append(spellings(secret), strings.ReplaceAll(secret, "@", "%40"), strings.ReplaceAll(secret, " ", "+"), strings.ReplaceAll(secret, " ", "%20")) {
			if strings.Contains(text, spelt) {
				hits = append(hits, what)
				break
			}
		}
	}
	slices.Sort(hits)
	return hits
}

// An integration lives through everything with secrets in every place that has any: a refused login, vendors that repeat what they
// were sent, failures, mail, new keys, a crash. Nothing that anybody sees or stores afterwards holds one of them, also
// where payloads are not encrypted; and each place is shown to hold what it should, or finding nothing in it would prove nothing.
func TestFault_S1_NoSecretIsFoundAnywhere(t *testing.T) {
	canaries := secrets()
	require.GreaterOrEqual(t, len(canaries), 12)
	for what, secret := range canaries { // the search finds each of them, in each spelling
		for _, spelt := range spellings(secret) {
			require.Equal(t, []string{what}, hitsIn("before"+spelt+"after", canaries))
		}
	}
	w, database := newWorldOnDisk(t, "")
	office := w.postOfficeFor(canaries["the mail account"], canaries["the mail password"])
	mimecastTap, falconTap := w.tap(w.simulator.Mimecast), w.tap(w.simulator.Falcon)
	require.NoError(t, w.vendors.SetCredentials(w.patient(), fault.Mimecast, canaries["Mimecast's client id"], canaries["Mimecast's secret"]))
	require.NoError(t, w.vendors.SetCredentials(w.patient(), fault.Falcon, canaries["Falcon's client id"], canaries["Falcon's secret"]))
	w.env = append(w.env, "THREATSHARE_LOG_LEVEL=debug", "GOTRACEBACK=all", "THREATSHARE_CONSOLE_PASSWORD="+canaries["the console's password"],
		"MIMECAST_BASE_URL="+mimecastTap.URL, "MIMECAST_CLIENT_ID="+canaries["Mimecast's client id"], "MIMECAST_CLIENT_SECRET="+canaries["Mimecast's secret"],
		"FALCON_BASE_URL="+falconTap.URL, "FALCON_CLIENT_ID="+canaries["Falcon's client id"], "FALCON_MEMBER_CID="+canaries["Falcon's member CID"],
		"OTHER_MIMECAST_CLIENT_ID="+canaries["another set's id"], "OTHER_MIMECAST_CLIENT_SECRET="+canaries["the secret of another set"])
	w.leaveSecretsInRecords(canaries)
	w.fill()

	// The secret is the one of before, and Falcon says so in words that repeat all that it was sent.
	falconTap.answer(func(request *http.Request, body string) (int, string) {
		if !strings.HasSuffix(request.URL.Path, "/token") || !strings.Contains(body, canaries["Falcon's secret of before"]) {
			return 0, ""
		}
		return http.StatusForbidden, `{"errors":[{"code":403,"message":"access denied to ` + strings.ReplaceAll(body, "&", " and ") + `"}]}`
	})
	worker := w.startWorker("FALCON_CLIENT_SECRET=" + canaries["Falcon's secret of before"])
	w.starter("start", "-f", w.settingsFile(told), "--wait=false")
	require.Contains(t, w.waitForState(workflows.PermanentError).Reason, "FALCON_CLIENT_SECRET")
	w.mails(office, 1)
	require.NoError(t, worker.Stop())

	worker = w.startWorker("FALCON_CLIENT_SECRET=" + canaries["Falcon's secret"])
	w.starter("reconnect", w.name, "--wait")
	for _, flow := range allFlows() {
		w.waitForRuns(flow, 1)
	}
	// Both vendors refuse a call in words that repeat the token and the credentials.
	_, tokens := falconTap.all()
	require.NotEmpty(t, tokens)
	falconTap.answer(repeating("/iocs/"))
	w.starter("sync", w.name, importIOCs)
	w.waitForState(workflows.PermanentError)
	w.mails(office, 3) // it was well in between
	falconTap.answer(nil)
	w.starter("reconnect", w.name, "--wait")
	w.sync(importIOCs)

	// Keys are secrets as well; they come while the integration runs.
	require.NoError(t, worker.Stop())
	w.useKeys("k12:" + base64.StdEncoding.EncodeToString([]byte(canaries["the codec's key"])) +
		",k13:" + base64.StdEncoding.EncodeToString([]byte(canaries["the codec's older key"])))
	worker = w.startWorker("FALCON_CLIENT_SECRET=" + canaries["Falcon's secret"])
	w.sync(importIOCs)

	sinks := w.shownToPeople(canaries["the console's password"], office.Messages())
	sinks["histories"] = w.told()
	sinks["database of Temporal"] = w.stored(database)
	require.NoError(t, syscall.Kill(worker.PID(), syscall.SIGQUIT)) // a crash that shows every goroutine
	<-worker.Done()
	sinks["crash"] = worker.Tail(1 << 30)
	require.Contains(t, sinks["crash"], "goroutine 1 ")
	sinks["ledger"] = w.files("ledger.db*")
	require.GreaterOrEqual(t, len(sinks), 8)

	for vendor, tap := range map[string]*wiretap{"Mimecast": mimecastTap, "Falcon": falconTap} {
		requests, tokens := tap.all()
		require.NotEmpty(t, tokens)
		for i, token := range tokens {
			canaries[fmt.Sprintf("%s's token %d", vendor, i)] = token
		}
		var secretsOf, requested strings.Builder
		for _, request := range requests {
			if request.forToken() {
				secretsOf.WriteString(request.Body)
				continue
			}
			request.Header.Del("Authorization")
			fmt.Fprintln(&requested, request)
		}
		require.Subset(t, hitsIn(secretsOf.String(), canaries), []string{vendor + "'s client id", vendor + "'s secret"}, "they were used")
		sinks["requests to "+vendor] = requested.String()
	}
	var found, empty []string
	for _, sink := range slices.Sorted(maps.Keys(sinks)) {
		for _, hit := range hitsIn(sinks[sink], canaries) {
			found = append(found, hit+" in "+sink)
		}
		if !strings.Contains(sinks[sink], shownIn(sink, w.name)) {
			empty = append(empty, sink+": "+sinks[sink][:min(len(sinks[sink]), 300)])
		}
	}
	require.Empty(t, found)
	require.Empty(t, empty, "not captured, so that finding nothing in it proves nothing")
	t.Logf("%d secrets, %d places, 0 hits", len(canaries), len(sinks))
}

// shownIn is what a place surely holds if it was captured.
func shownIn(sink, name string) string {
	switch sink {
	case "health":
		return `"ready":true`
	case "CSV", "requests to Mimecast":
		return "evil-1.top"
	case "console /new":
		return "<form"
	default:
		return name
	}
}

// repeating refuses calls below a path with a message that holds the token.
func repeating(path string) func(*http.Request, string) (int, string) {
	return func(request *http.Request, _ string) (int, string) {
		if !strings.Contains(request.URL.Path, path) {
			return 0, ""
		}
		return http.StatusBadRequest, `{"errors":[{"code":400,"message":"no such token ` + strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ") + `"}],"resources":null}`
	}
}

// leaveSecretsInRecords has the logs hold people's addresses and passwords where attackers and mail programs put them.
func (w *world) leaveSecretsInRecords(canaries map[string]string) {
	w.t.Helper()
	for i, host := range []string{"evil-url-1.top", "gmail.com", "evil_url.top", "1.2.3.4", "evil\u202e.top"} {
		record := impersonation("eve@evil-sender.top")
		link := map[string]any{
			"userEmailAddress": canaries["who received the mail"], "fromUserEmailAddress": "b@own.example", "subject": canaries["the subject of the mail"],
			"url": fmt.Sprintf("https://%s:%s@%s/?to=%s#%s", canaries["the reader's address in a URL"], canaries["the password in a URL"], host,
				canaries["the reader's address in a URL"], canaries["the fragment of a URL"]),
			"ttpDefinition": "d", "action": "block", "adminOverride": "N/A", "userOverride": "None", "scanResult": "malicious", "category": "c", "sendingIp": "192.0.2.9",
			"userAwarenessAction": "N/A", "date": record["eventTime"], "actions": "Block", "route": "inbound", "creationMethod": "User Click",
			"emailPartsDescription": []string{"Body"}, "messageId": fmt.Sprintf("<%d@sender.example>", i), "tagMap": map[string]any{},
		}
		require.NoError(w.t, w.vendors.AddLogs(w.patient(), mimecast.URL, []map[string]any{link}, 0))
		record["id"], record["recipientAddress"], record["subject"] = fmt.Sprintf("MTOKEN:%d", i), canaries["who received the mail"], canaries["the subject of the mail"]
		require.NoError(w.t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{record}, 0))
	}
}

// files is what stands in files of the world's folder.
func (w *world) files(pattern string) string {
	w.t.Helper()
	return w.contents(filepath.Join(w.dir, pattern))
}

// contents is what stands in all files of a pattern, of which there is one at least.
func (w *world) contents(pattern string) string {
	w.t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(w.t, err)
	require.NotEmpty(w.t, found)
	var all strings.Builder
	for _, file := range found {
		text, err := os.ReadFile(file)
		require.NoError(w.t, err)
		all.Write(text)
	}
	return all.String()
}
