package mimecast_test

import (
	"net/http"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func FuzzAttachmentLog(f *testing.F) {
	fuzzLog(f, indicator.AttachmentHashes, "attachment-page.json")
}

func FuzzURLLog(f *testing.F) { fuzzLog(f, indicator.URLDomains, "url-page.json") }

func FuzzImpersonationLog(f *testing.F) {
	fuzzLog(f, indicator.ImpersonationDomains, "impersonation-page.json")
}

func fuzzLog(f *testing.F, source indicator.Source, seed string) {
	f.Helper()
	for _, body := range []string{file(f, seed), `{"data":[]}`, `{"data":[{"` + listOf(source) + `":null}]}`, `{`, `[]`, `{"data":[7]}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q := indicator.Query{Source: source, IncludeSuspicious: true}
		if page, ok := mimecast.ReadBody(q, body); ok {
			requireWhole(t, q, page)
		}
	})
}

func FuzzRefusal(f *testing.F) {
	for _, name := range []string{"error-function.json", "error-gateway.json", "error-rest.json", "maintenance.html", "url-page.json"} {
		f.Add(200, []byte(file(f, name)))
		f.Add(403, []byte(file(f, name)))
	}
	f.Add(500, []byte(`{"error":"x","error_description":"y","meta":{"status":"NaN"}}`))
	known := []vendorapi.Class{
		vendorapi.Credentials, vendorapi.Forbidden, vendorapi.Rejected, vendorapi.Quota, vendorapi.Throttled, vendorapi.Unavailable, vendorapi.Contract,
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		refused := mimecast.Refusal(status, http.Header{}, body)
		if refused == nil {
			require.Less(t, status, 400, "an error status is never a success")
			return
		}
		require.Contains(t, known, refused.Class)
		for _, text := range []string{refused.Code, refused.Message} {
			require.True(t, utf8.ValidString(text))
			require.LessOrEqual(t, utf8.RuneCountInString(text), 301)
			for _, r := range text {
				require.False(t, unicode.IsControl(r), "%q", text)
			}
		}
	})
}
