package falcon_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/falcon"
)

// BenchmarkSearch is over 100,000 records: a page in the middle of the list, and a look-up of 200 values.
func BenchmarkSearch(b *testing.B) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	server := falcon.New(falcon.Options{ClientID: clientID, ClientSecret: clientSecret, Now: func() time.Time { return now }})
	send := func(method, target, media, token, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		r.Header.Set("Authorization", "Bearer "+token)
		if token == "" {
			r.Header.Del("Authorization")
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		return w
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	form := "client_id=" + clientID + "&client_secret=" + clientSecret
	require.NoError(b, json.Unmarshal(send(http.MethodPost, "/oauth2/token", "application/x-www-form-urlencoded", "", form).Body.Bytes(), &token))

	var values []string
	for part := range 50 {
		entries := many(string(rune('a'+part%26))+strings.Repeat("x", part/26), 2000)
		body, err := json.Marshal(batchOf(entries...))
		require.NoError(b, err)
		require.Equal(b, http.StatusCreated, send(http.MethodPost, entities, "application/json", token.AccessToken, string(body)).Code)
		for _, entry := range entries[:4] {
			values = append(values, entry["value"].(string))
		}
		now = now.Add(time.Second)
	}
	get := func(b *testing.B, target string) *httptest.ResponseRecorder {
		b.Helper()
		w := send(http.MethodGet, target, "application/json", token.AccessToken, "")
		require.Equal(b, http.StatusOK, w.Code)
		return w
	}
	var middle answered
	for range 50 {
		target := combined + "?filter=deleted:false&limit=1000"
		if middle.Meta.Pagination.After != nil {
			target += "&after=" + strings.ReplaceAll(*middle.Meta.Pagination.After, "+", "%2B")
		}
		require.NoError(b, json.Unmarshal(get(b, target).Body.Bytes(), &middle))
	}
	b.Run("page of 1000", func(b *testing.B) {
		for b.Loop() {
			get(b, combined+"?filter=deleted:false&limit=1000&after="+strings.ReplaceAll(*middle.Meta.Pagination.After, "+", "%2B"))
		}
	})
	b.Run("look-up of 200", func(b *testing.B) {
		for b.Loop() {
			get(b, combined+"?filter=deleted:false%2Bvalue:['"+strings.Join(values, "','")+"']&limit=1000")
		}
	})
}
