package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/threatshare/threatshare/internal/console"
)

// integrationPages are those that show one integration.
func integrationPages() []string {
	return []string{"/i/acme", "/i/acme/settings", "/i/acme/held", "/i/acme/ledger", "/i/acme/preview", "/i/acme/withdraw"}
}

func TestWhatIsWrongBehindThePagesIsToldInWords(t *testing.T) {
	for _, example := range []struct {
		name, want string
		status     int
		breaks     func(f *fakeTemporal)
	}{
		{"nobody serves it", "is a worker running on its task queue?", http.StatusServiceUnavailable, func(f *fakeTemporal) { f.silence = context.DeadlineExceeded }},
		{"no worker polls", "is a worker running on its task queue?", http.StatusServiceUnavailable, func(f *fakeTemporal) { f.silence = serviceerror.NewFailedPrecondition("no poller") }},
		{"too late", "does not answer in time", http.StatusServiceUnavailable, func(f *fakeTemporal) { f.silence = serviceerror.NewDeadlineExceeded("late") }},
		{"Temporal is away", "The Temporal server does not answer. Nothing is lost", http.StatusServiceUnavailable, func(f *fakeTemporal) { f.down = serviceerror.NewUnavailable("canary") }},
		{"it has ended", `No integration "acme" is running`, http.StatusNotFound, func(f *fakeTemporal) { f.inForce.Name = "" }},
		{"it ends meanwhile", "it is not running, or it ended long ago", http.StatusNotFound, func(f *fakeTemporal) { f.silence = serviceerror.NewNotFound("canary") }},
		{"anything else", "The worker's log says what", http.StatusInternalServerError, func(f *fakeTemporal) { f.silence = errors.New("canary") }},
	} {
		t.Run(example.name, func(t *testing.T) {
			w := newWorld(t)
			form := w.open(acmeSettings)
			form.Set("value", "evil.example")
			form.Set("values", "1")
			form.Set("flow", "import-iocs")
			example.breaks(w.temporal)
			for _, path := range integrationPages() {
				page := w.get(path)
				w.says(page, example.status, example.want)
				require.NotContains(t, page.Body.String(), "canary")
				if example.status == http.StatusInternalServerError {
					require.Contains(t, w.log.String(), "canary")
				}
				// Tabs lead to what may work; not to those of something that is not there.
				require.Equal(t, example.status != http.StatusNotFound, containsLink(t, page, "/i/acme/ledger"))
			}
			for _, path := range everyAction() {
				if path != "/new" {
					w.says(w.ask(http.MethodPost, path, form), example.status, example.want)
				}
			}
			require.Empty(t, w.temporal.asked)
			require.Empty(t, w.temporal.began)
		})
	}
}

func containsLink(t *testing.T, page *httptest.ResponseRecorder, to string) bool {
	t.Helper()
	for _, node := range settingsNodes(t, page) {
		if attribute(node, "href") == to {
			return true
		}
	}
	return false
}

func TestTheFirstPageSaysThatTemporalIsAway(t *testing.T) {
	w := newWorld(t)
	w.temporal.down = serviceerror.NewUnavailable("connection refused")
	w.says(w.get("/"), http.StatusServiceUnavailable, "Temporal is not reached")
}

func TestANewIntegrationThatTemporalDoesNotTakeKeepsWhatWasTyped(t *testing.T) {
	b := settingsAt(t, allOn())
	b.temporal.failed = serviceerror.NewUnavailable("connection refused")
	form := b.open("/new")
	form.Set("name", "north")
	form.Set("sendToFalcon.urlDomains.enabled", "true")
	answer := b.ask(http.MethodPost, "/new", form)
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.Contains(t, textOf(t, answer, "told"), "The integration has not been started. The Temporal server does not answer")
	require.Equal(t, "north", b.form(answer).Get("name"))
}

func TestAChangeThatNobodyAnswersKeepsWhatWasTyped(t *testing.T) {
	b := settingsAt(t, allOn())
	form := b.open(acmeSettings)
	form.Set("description", "typed")
	b.temporal.silent = context.DeadlineExceeded
	answer := b.ask(http.MethodPost, acmeSettings, form)
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.Contains(t, textOf(t, answer, "told"), "A change that was asked for may still be made")
	require.Equal(t, "typed", b.form(answer).Get("description"))
}

func TestALedgerThatFailsIsToldAndLogged(t *testing.T) {
	w := newWorld(t, func(o *console.Options) { o.Ledger = fakeLedger{failing: errors.New("canary")} })
	for _, path := range []string{acmeHeld, acmeLedger, acmeLedger + "?value=evil.example"} {
		page := w.get(path)
		w.says(page, http.StatusInternalServerError, "Something went wrong", "The worker's log says what")
		require.NotContains(t, page.Body.String(), "canary")
	}
	w.says(w.post(acmeAllow, "value", "evil.example"), http.StatusInternalServerError, "Something went wrong")
	require.Contains(t, w.log.String(), "canary")
}

func TestNobodyIsAnsweredWhoIsGone(t *testing.T) {
	w := newWorld(t)
	w.temporal.silence = context.Canceled
	ctx, leave := context.WithCancel(t.Context())
	leave()
	answer := w.send(w.request(http.MethodGet, acmeState, nil).WithContext(ctx))
	require.Zero(t, answer.Body.Len())
	require.Empty(t, w.log.String(), "that people leave is no trouble")
}

func TestOnlyTheWordsOfTheConsoleAreSaidToHaveBeenDone(t *testing.T) {
	w := newWorld(t)
	for word, want := range map[string]string{
		"paused": "Paused.", "resumed": "Resumed.", "reconnecting": "Checking both connections.", "started": "Started.", "changed": "Changed.",
		"allowed": "Allowed.", "created": "Created.", "approved": "Approved.", "unchanged": "Nothing changed",
	} {
		w.says(w.get(acmeState+"?done="+word), http.StatusOK, want)
	}
	for _, node := range settingsNodes(t, w.get(acmeState+"?done=call+this+number")) {
		require.NotEqual(t, "notice good", attribute(node, "class"))
	}
	require.NotContains(t, w.get(acmeState+"?done=call+this+number").Body.String(), "call")
}
