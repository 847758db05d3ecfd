//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/workflows"
)

// ownPages are the pages of an integration, and those beside them.
func (w *world) ownPages() []string {
	own := "/i/" + w.name
	return []string{
		"/", "/new", own, own + "/settings", own + "/held", own + "/ledger", own + "/preview?flow=" + shareTTPLogs, own + "/withdraw",
	}
}

func TestAConsolePageThatIsOpenOutlivesTheRestartOfItsWorker(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30").inNamespace()
	password := "THREATSHARE_CONSOLE_PASSWORD=" + w.password()
	worker := w.startWorker(password)
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
	w.waitForRuns(shareTTPLogs, 1)
	p := w.tab()
	p.own("")
	p.see("Sign in")
	p.fill("password", "not the password")
	p.send("sign-in")
	p.see("This is not the password")
	p.looksGood("sign-in")
	p.fill("password", w.password())
	p.send("sign-in")
	p.see("connected since", "30 shared") // where the person was going

	require.NoError(t, worker.Stop())
	p.see("The worker does not answer. What is shown is as of")
	w.startWorker(password)
	w.eventually("the banner goes", func() error {
		if hidden := evaluate[bool](p, `document.getElementById("stale").hidden`); !hidden {
			return errors.New("still there")
		}
		return nil
	})
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{impersonation("eve@new-one.top")}, 0))
	w.sync(shareTTPLogs)
	p.see("31 shared") // by itself, and signed in as before
	p.send("do-reconnect")
	p.see("Checking both connections")
	p.send("sign-out")
	p.see("Sign in")
	p.own("")
	p.see("Sign in")

	for _, token := range []string{"", "Bearer wrong", "Bearer " + w.password()} {
		request, err := http.NewRequestWithContext(w.patient(), http.MethodGet, p.base+"/i/"+w.name, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", token)
		answer, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, map[string]int{"": 303, "Bearer wrong": 401, "Bearer " + w.password(): 200}[token], answer.StatusCode, token)
	}
	log := w.worker.Tail(10_000)
	require.NotContains(t, log, w.password())
	require.NotContains(t, log, "not the password")
}

// evil is markup that would run, or change the page, wherever it is taken for such.
const evil = `"><script>window.pwned=1</script><img src=x onerror="window.pwned=1"><b id=evil>'{{.}}`

func TestFault_D13_NothingFromOutsideIsMoreThanTextInTheConsole(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30", "--hostile").inNamespace()
	w.startWorker()
	record := impersonation("eve@" + evil)
	record["subject"], record["id"] = evil, "MTOKEN:"+evil
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{record}, 0))
	link := map[string]any{
		"userEmailAddress": "a@own.example", "fromUserEmailAddress": "b@own.example", "subject": evil, "url": "https://" + evil + "/", "ttpDefinition": evil,
		"action": "block", "adminOverride": "N/A", "userOverride": "None", "scanResult": "malicious", "category": evil, "sendingIp": "192.0.2.9",
		"userAwarenessAction": "N/A", "date": record["eventTime"], "actions": "Block", "route": "inbound", "creationMethod": "User Click",
		"emailPartsDescription": []string{"Body"}, "messageId": "<1@sender.example>", "tagMap": map[string]any{},
	}
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.URL, []map[string]any{link}, 0))
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) { document["description"] = evil }), "--wait")
	w.waitForRuns(shareTTPLogs, 1)
	w.cli("workflow", "signal", "--workflow-id", "threatshare/"+w.name, "--name", evil)
	w.cli("workflow", "signal", "--workflow-id", "threatshare/"+w.name, "--name", "sync-now", "--input", fmt.Sprintf("%q", evil))
	w.starter("pause", w.name, "--reason", evil)
	w.waitForState(workflows.Paused)

	p := w.tab()
	harmless := func(where string) {
		t.Helper()
		require.False(t, evaluate[bool](p, `"pwned" in window || document.getElementById("evil") !== null`), where)
	}
	for _, path := range append(w.ownPages(),
		"/i/"+w.name+"/ledger?value="+url.QueryEscape(evil), "/i/"+w.name+"/ledger?state="+url.QueryEscape(evil),
		"/i/"+w.name+"/held?after="+url.QueryEscape(evil), "/i/"+w.name+"/preview?flow="+url.QueryEscape(evil),
		"/i/"+w.name+"?done="+url.QueryEscape(evil), "/i/"+url.PathEscape(evil), "/"+url.PathEscape(evil), "/sign-in?to="+url.QueryEscape("javascript:window.pwned=1")) {
		p.open(path)
		harmless(path)
	}
	p.own("")
	p.see("window.pwned") // as text: the reason of the pause
	p.own("/ledger?source=urlDomains")
	p.see("window.pwned")
	p.own("/settings")
	require.Equal(t, evil, p.value("description"))
	p.fill("notify", evil)
	p.send("settings")
	p.see("window.pwned")
	harmless("a refused form")
	p.own("/preview?flow=" + shareTTPLogs)
	p.send("preview-" + shareTTPLogs)
	p.see("As of")
	harmless("a preview")
}

func TestPagesOfOtherSitesCanNeitherFrameNorSteerTheConsole(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30").inNamespace()
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
	p := w.tab()
	console, action := p.base, p.base+"/i/"+w.name+"/do/pause"
	attacker := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(out, `<iframe id="frame" src="%s/"></iframe><form id="trap" method="post" action="%s"><button>A prize</button></form>`, console, action)
	}))
	t.Cleanup(attacker.Close)
	// Another name for this machine, so that it is another site as well as another origin.
	p.base = strings.Replace(attacker.URL, "127.0.0.1", "localhost", 1)
	p.open("/")
	w.eventually("the browser refuses the frame", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		said := strings.Join(p.wrong, "\n")
		p.wrong = nil // it complains about the frame, as it has to
		if !strings.Contains(said, `frame-ancestors 'none'". The request has been blocked`) {
			return fmt.Errorf("the browser said: %s", said)
		}
		return nil
	})
	p.send("trap")
	p.see("This was sent by a page of another site and was not done.")
	require.Equal(t, workflows.Connected, w.status().State)

	// A page whose name was made to mean this machine only after it was loaded.
	request, err := http.NewRequestWithContext(w.patient(), http.MethodGet, "http://"+w.health+"/", nil)
	require.NoError(t, err)
	request.Host = "rebound.example"
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusMisdirectedRequest, answer.StatusCode)
}

func TestFault_S3_OffLoopbackTheConsoleIsClosedWithoutAPassword(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	_, port, _ := strings.Cut(w.health, ":")
	worker := w.startWorker("THREATSHARE_LISTEN=0.0.0.0:" + port)
	w.eventually("the worker is ready", func() error { return w.ready(200) })
	for path, want := range map[string]int{"/": 403, "/new": 403, "/static/console.css": 403, "/codec/decode": 403, "/healthz": 200, "/metrics": 200} {
		require.Equal(t, want, w.get(path), path)
	}
	require.Contains(t, worker.Tail(100), "THREATSHARE_CONSOLE_PASSWORD")
	require.NoError(t, worker.Stop())

	w.startWorker("THREATSHARE_CONSOLE=off")
	w.eventually("the worker is ready", func() error { return w.ready(200) })
	require.Equal(t, 404, w.get("/"))
}

// get gives the status that a path of the worker answers.
func (w *world) get(path string) int {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.patient(), http.MethodGet, "http://"+w.health+path, nil)
	require.NoError(w.t, err)
	answer, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	return answer.StatusCode
}
