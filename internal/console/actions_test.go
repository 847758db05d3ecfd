package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/wire"
)

func TestEachButtonOfTheStateAsksForTheUpdateOfItsName(t *testing.T) {
	for _, example := range []struct {
		button, done string
		form         []string
		want         asked
	}{
		{"reconnect", "Checking both connections", nil, asked{Name: wire.Reconnect}},
		{"resume", "Resumed.", nil, asked{Name: wire.Resume}},
		{"pause", "Paused.", nil, asked{Name: wire.Pause}},
		{"pause", "Paused.", []string{"reason", "moving <b>house</b>"}, asked{wire.Pause, []string{`{"reason":"moving \u003cb\u003ehouse\u003c/b\u003e"}`}}},
		{"sync-now", "Started.", []string{"flow", "import-iocs"}, asked{wire.SyncNow, []string{`"import-iocs"`}}},
		{"approve-withdrawal", "Approved.", []string{"flow", "import-iocs", "values", "60"}, asked{wire.ApproveWithdrawal, []string{`{"flow":"import-iocs","values":60}`}}},
	} {
		w := newWorld(t)
		answer := w.post("/i/acme/do/"+example.button, example.form...)
		require.Equal(t, http.StatusSeeOther, answer.Code, w.text(answer))
		require.Equal(t, []asked{example.want}, w.temporal.asked)
		w.says(w.get(answer.Header().Get("Location")), http.StatusOK, example.done)
	}
}

// What the pages send is what the handlers take: each form of the state page is sent as it stands.
func TestEveryFormOfTheStateCanBeSentAsItStands(t *testing.T) {
	w := newWorld(t)
	sent := 0
	for _, node := range settingsNodes(t, w.get(acmeState)) {
		if node.Data != "form" {
			continue
		}
		require.Equal(t, "post", attribute(node, "method"))
		var form []string
		for _, input := range under(node) {
			if name := attribute(input, "name"); name != "" {
				form = append(form, name, attribute(input, "value"))
			}
		}
		answer := w.post(attribute(node, "action"), form...)
		require.Equal(t, http.StatusSeeOther, answer.Code, w.text(answer))
		sent++
	}
	require.Equal(t, 5, sent, "three flows, reconnect, pause")
	require.Len(t, w.temporal.asked, 5)
}

func TestWhatNoButtonSendsIsNotDone(t *testing.T) {
	for _, example := range []struct {
		path, want string
		status     int
		form       []string
	}{
		{"sync-now", "There is no such flow", http.StatusUnprocessableEntity, nil},
		{"sync-now", "There is no such flow", http.StatusUnprocessableEntity, []string{"flow", `"><script>`}},
		{"approve-withdrawal", "cannot be read", http.StatusUnprocessableEntity, []string{"flow", "import-iocs"}},
		{"approve-withdrawal", "cannot be read", http.StatusUnprocessableEntity, []string{"flow", "import-iocs", "values", "-1"}},
		{"approve-withdrawal", "cannot be read", http.StatusUnprocessableEntity, []string{"flow", "import-iocs", "values", "1e3"}},
		{"approve-withdrawal", "cannot be read", http.StatusUnprocessableEntity, []string{"values", strings.Repeat("9", 40)}},
		{"change-settings", "nothing of that name", http.StatusNotFound, nil},
		{"forget-checkpoint", "nothing of that name", http.StatusNotFound, nil},
		{"%00", "nothing of that name", http.StatusNotFound, nil},
	} {
		w := newWorld(t)
		w.says(w.post("/i/acme/do/"+example.path, example.form...), example.status, example.want)
		require.Empty(t, w.temporal.asked)
	}
}

func TestOpeningTheAddressOfAButtonDoesNothing(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/i/acme/do/pause", "/i/acme/do/allow", "/i/acme/do/reconnect", "/sign-out"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			answer := w.ask(method, path, nil)
			w.says(answer, http.StatusMethodNotAllowed, "This is done by a button")
			require.Equal(t, "POST", answer.Header().Get("Allow"))
		}
	}
	require.Empty(t, w.temporal.asked)
}

func TestAButtonOfAnIntegrationThatDoesNotRunDoesNothing(t *testing.T) {
	w := newWorld(t)
	w.says(w.post("/i/other/do/pause"), http.StatusNotFound, `No integration "other" is running`)
	require.Empty(t, w.temporal.asked)
}

func TestWhatTheIntegrationSaysAgainstAChangeIsShown(t *testing.T) {
	w := newWorld(t)
	w.temporal.refusal = temporal.NewNonRetryableApplicationError("it is not paused\x1b[31m", activities.InvalidInput, nil)
	w.says(w.post("/i/acme/do/resume"), http.StatusConflict, "Not done", `it is not paused\x1b[31m`)
	w.temporal.refusal, w.temporal.silent = nil, context.DeadlineExceeded
	w.says(w.post("/i/acme/do/resume"), http.StatusServiceUnavailable, "No answer", "A change that was asked for may still be made")
}
