package activities_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator"
)

// asPerson calls a classic function of Mimecast's as a person at the console or another tool would, and gives its data.
func (w *world) asPerson(function string, object any) []map[string]any {
	w.t.Helper()
	var answer struct {
		Data []map[string]any `json:"data"`
		Fail []any            `json:"fail"`
	}
	w.asREST(http.MethodPost, function, map[string]any{"data": []any{object}}, &answer)
	require.Empty(w.t, answer.Fail)
	return answer.Data
}

// asREST calls one of the newer functions.
func (w *world) asREST(method, path string, body any, into ...any) {
	w.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(w.t, err)
	answer := w.ask(method, path, "application/json", "Bearer "+w.personsToken(), encoded)
	if len(answer) == 0 {
		return
	}
	for _, out := range into {
		require.NoError(w.t, json.Unmarshal(answer, out))
	}
}

func (w *world) personsToken() string {
	w.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {simulator.DemoClientID}, "client_secret": {simulator.DemoMimecastSecret}}
	var granted struct {
		Token string `json:"access_token"`
	}
	answer := w.ask(http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", "", []byte(form.Encode()))
	require.NoError(w.t, json.Unmarshal(answer, &granted))
	return granted.Token
}

func (w *world) ask(method, path, contentType, authorization string, body []byte) []byte {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, strings.TrimSuffix(w.sim.URLs.Mimecast, "/")+path, bytes.NewReader(body))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", authorization)
	answer, err := (&http.Client{Timeout: time.Minute}).Do(request)
	require.NoError(w.t, err)
	defer func() { _ = answer.Body.Close() }() // it has been read to its end
	read, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	require.Less(w.t, answer.StatusCode, 300, string(read))
	return read
}
