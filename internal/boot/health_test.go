package boot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/boot"
)

func TestHealthIsGreenAndReadinessRedFromTheStart(t *testing.T) {
	_, base := served(t)
	code, body := get(t, base+"/healthz")
	require.Equal(t, http.StatusOK, code)
	require.Empty(t, body)
	code, body = get(t, base+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.JSONEq(t, `{"ready": false, "reason": "starting"}`, body)
}

func TestReadinessTellsWhatIsWaitedFor(t *testing.T) {
	health, base := served(t)
	health.Waiting("temporal is not reached at 127.0.0.1:7233: connection \"refused\"\n")
	code, body := get(t, base+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	var answer struct{ Reason string }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Equal(t, "temporal is not reached at 127.0.0.1:7233: connection \"refused\"\n", answer.Reason)

	health.Ready(func(context.Context) error { return nil })
	code, body = get(t, base+"/readyz")
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, `{"ready": true}`, body)

	health.Waiting("stopping")
	code, _ = get(t, base+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
}

func TestAPageThatIsAddedIsServedAndOthersAreNotFound(t *testing.T) {
	health := boot.NewHealth()
	health.Handle("GET /metrics", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "shared_total 3\n")
	}))
	server, err := health.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer server.Stop()
	code, body := get(t, "http://"+server.Addr()+"/metrics")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "shared_total 3\n", body)
	code, _ = get(t, "http://"+server.Addr()+"/debug/pprof/")
	require.Equal(t, http.StatusNotFound, code)
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	_, base := served(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/readyz", bytes.NewReader([]byte("{}")))
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
}

func TestNothingIsServedWhenSwitchedOff(t *testing.T) {
	for _, listen := range []string{"", "off"} {
		server, err := boot.NewHealth().Serve(t.Context(), listen, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.Empty(t, server.Addr())
		server.Stop()
	}
}

func TestAPortThatIsTakenIsAnErrorAtTheStart(t *testing.T) {
	first, err := boot.NewHealth().Serve(t.Context(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer first.Stop()
	_, err = boot.NewHealth().Serve(t.Context(), first.Addr(), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "THREATSHARE_LISTEN")
	require.ErrorContains(t, err, first.Addr())
}

func TestStoppingLetsAnAnswerFinishAndFreesThePort(t *testing.T) {
	health := boot.NewHealth()
	asked, stopping := make(chan struct{}), make(chan struct{})
	health.Handle("GET /slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-stopping
		_, _ = io.WriteString(w, "done")
	}))
	server, err := health.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	answered := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + server.Addr() + "/slow")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		answered <- string(body) + errorText(err)
	}()
	<-asked
	stopped := make(chan struct{})
	go func() { server.Stop(); close(stopped) }()
	close(stopping)
	require.Equal(t, "done", <-answered)
	<-stopped

	again, err := boot.NewHealth().Serve(t.Context(), server.Addr(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	again.Stop()
}

func served(t *testing.T) (health *boot.Health, base string) {
	t.Helper()
	health = boot.NewHealth()
	server, err := health.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	return health, "http://" + server.Addr()
}

func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := (&http.Client{Timeout: time.Minute}).Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(read)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return errors.Unwrap(err).Error()
}
