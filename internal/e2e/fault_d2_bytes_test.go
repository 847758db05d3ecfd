//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/workflows"
)

// unsafeText are texts that do something to a line, a header, a terminal or the eye.
func unsafeText() []string {
	return []string{
		"evil.top\r\nX-Injected: yes", "evil\x00.top", "\x1b[31mevil.top", "\x1b]0;title\x07.top", "evil\t.top", "\u202egnp.top", "zero\u200bwidth.top", "a\u2066b.top",
		"\ufeffbom.top", "soft\u00adhyphen.top", "line\u2028.top", "c1\u0085.top", "tag\U000e0041.top", "bad\ufffd\x7f.top",
	}
}

// Both vendors, signals and errors are full of unsafe characters. None of them is in a request, a log, a mail, a page or what the
// starter prints: not as it is, and in requests not as an escape that the other side would undo.
func TestFault_D2_NoUnsafeByteReachesARequestALogAMailOrAPage(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30", "--hostile")
	office := w.postOffice()
	mimecastTap, falconTap := w.tap(w.simulator.Mimecast), w.tap(w.simulator.Falcon)
	w.env = append(w.env, "THREATSHARE_LOG_LEVEL=debug", "MIMECAST_BASE_URL="+mimecastTap.URL, "FALCON_BASE_URL="+falconTap.URL)
	w.list(nil, []string{"evil-1.top"})
	for i, text := range unsafeText() {
		w.add(byHand("domain", text), byHand("sha256", text))
		w.raise(control.DomainAlert(text))
		record := impersonation("eve@" + text)
		record["id"], record["subject"] = "MTOKEN:"+text, text
		require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{record}, 0))
		for _, host := range []string{text, "protect-eu.mimecast.com/s/" + text, "url.us.m.mimecastprotect.com/s/a?domain=" + text} {
			link := map[string]any{
				"userEmailAddress": text, "fromUserEmailAddress": text, "subject": text, "url": "https://" + host, "ttpDefinition": text, "action": "block",
				"adminOverride": "N/A", "userOverride": "None", "scanResult": "malicious", "category": text, "sendingIp": "192.0.2.9", "userAwarenessAction": "N/A",
				"date": record["eventTime"], "actions": "Block", "route": "inbound", "creationMethod": "User Click", "emailPartsDescription": []string{"Body"},
				"messageId": fmt.Sprint(i), "tagMap": map[string]any{},
			}
			require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.URL, []map[string]any{link}, 0))
		}
	}
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(told), "--wait")
	for _, flow := range allFlows() {
		w.waitForRuns(flow, 1)
	}
	every := strings.Join(unsafeText(), " ")
	message, err := json.Marshal(every)
	require.NoError(t, err)
	require.NoError(t, w.vendors.AddFaults(w.patient(), fault.Rule{
		Vendor: fault.Falcon, Path: "/iocs/combined/", Kind: fault.Status, Status: http.StatusBadRequest,
		Body: `{"errors":[{"code":400,"message":` + string(message) + `}],"resources":null}`,
	}))
	w.starter("sync", w.name, importIOCs)
	w.waitForState(workflows.PermanentError)
	w.mails(office, 1)
	require.NoError(t, w.vendors.ClearFaults(w.patient()))
	require.NoError(t, w.signal(every))
	require.NoError(t, w.temporal.SignalWorkflow(w.patient(), "threatshare/"+w.name, "", "sync-now", every))
	require.NoError(t, w.temporal.SignalWorkflow(w.patient(), "threatshare/"+w.name, "", "pause", map[string]any{"reason": every}))
	w.eventually("the signals are told", func() error {
		if status := w.status(); status.Rejected < 2 {
			return errors.New(status.State)
		}
		return nil
	})

	seen := map[string]string{}
	for sink, text := range w.shownToPeople("", office.Messages()) {
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", " ") // ends of lines in mail and CSV, indents in pages
			if safe := indicator.Printable(line, len(line)); safe != line {
				seen[sink] = fmt.Sprintf("%+.200q", line)
			}
		}
	}
	sent := 0
	for vendor, tap := range map[string]*wiretap{"Mimecast": mimecastTap, "Falcon": falconTap} {
		requests, _ := tap.all()
		for _, request := range requests {
			for _, text := range append(textsIn(t, request), request.Body, request.Path, fmt.Sprint(request.Header)) {
				if safe := indicator.Printable(text, len(text)); safe != text {
					seen["request to "+vendor+" "+request.Path] = fmt.Sprintf("%+.200q", text)
				}
			}
			sent++
		}
	}
	require.Empty(t, slices.Sorted(maps.Keys(seen)), "%v", seen)
	require.Greater(t, sent, 20)
	w.requireGoodManners()
}

// textsIn are the texts of a request as the other side reads them: of its query and, if that is JSON, of its body.
func textsIn(t *testing.T, request heard) []string {
	t.Helper()
	var texts []string
	for name, values := range request.Query {
		texts = append(append(texts, name), values...)
	}
	var body any
	if strings.HasPrefix(request.Header.Get("Content-Type"), "application/json") {
		require.NoError(t, json.Unmarshal([]byte(request.Body), &body))
	}
	var walk func(value any)
	walk = func(value any) {
		switch value := value.(type) {
		case string:
			texts = append(texts, value)
		case []any:
			for _, inner := range value {
				walk(inner)
			}
		case map[string]any:
			for name, inner := range value {
				texts = append(texts, name)
				walk(inner)
			}
		}
	}
	walk(body)
	return texts
}
