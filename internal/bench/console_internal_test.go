package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

func TestTheLargeLedgerIsFilledWithSomethingOfEachKind(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	require.NoError(t, fillLedger(t.Context(), dsn, largeOne, 2500))
	store, err := ledger.Open(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	held, err := store.CountState(t.Context(), largeOne, ledger.Held, 5000)
	require.NoError(t, err)
	shared, err := store.CountState(t.Context(), largeOne, ledger.Shared, 5000)
	require.NoError(t, err)
	require.Equal(t, []int{249, 2251}, []int{held, shared}, "of each ten one is held, but for the very first")
	rare, err := store.Search(t.Context(), ledger.Query{Integration: largeOne, Source: indicator.AlertDomains})
	require.NoError(t, err)
	require.Len(t, rare, 5)
	hashes, err := store.Search(t.Context(), ledger.Query{Integration: largeOne, List: ledger.BYOTI, Limit: ledger.MaxLimit})
	require.NoError(t, err)
	require.Len(t, hashes, 998)
}

// answering is somebody at a console whose first answers are these, and whose others are pages.
func answering(t *testing.T, first ...int) *reader {
	t.Helper()
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(first) > 0 {
			w.WriteHeader(first[0])
			first = first[1:]
			return
		}
		_, _ = w.Write([]byte(`<a class="button quiet" href="` + r.URL.Path + `?after=x&amp;list=iocs">Older</a>`))
	}))
	t.Cleanup(served.Close)
	return &reader{base: served.URL, client: served.Client()}
}

func TestAPageWithoutAnAnswerIsAskedForOnceMoreAndCounted(t *testing.T) {
	for _, one := range []struct {
		answers []int
		silent  int
		problem string
	}{
		{nil, 0, ""},
		{[]int{503}, 1, ""},
		{[]int{503, 503}, 1, "GET /i/large: no answer in time"},
		{[]int{500}, 0, "GET /i/large: 500 Internal Server Error"},
	} {
		r := answering(t, one.answers...)
		page, _, err := r.get(context.Background(), "/i/large")
		require.Equal(t, []int{1, one.silent}, []int{r.asked, r.silent}, one.answers)
		if one.problem != "" {
			require.EqualError(t, err, one.problem)
			continue
		}
		require.NoError(t, err, one.answers)
		require.Contains(t, page, "Older")
	}
}

func TestTheLinkToOlderEntriesIsFollowed(t *testing.T) {
	r := answering(t)
	path, err := r.older(t.Context(), "/ledger", 3)
	require.NoError(t, err)
	require.Equal(t, "/ledger?after=x&list=iocs", path)
	require.Equal(t, 3, r.asked)
}
