package vendorapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestACallCarriesTokenQueryAndJSON(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	v.call = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPatch || r.URL.Path != "/things" || r.URL.RawQuery != "a=1&a=2" || bearer(r) != "Bearer "+tokenName(1) ||
			r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Accept") != "application/json" || string(body) != `{"x":1}` {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		write(w, http.StatusOK, "\ufeff"+`{"ok":true}`) // a byte order mark is no fault
	}
	var out struct {
		OK bool `json:"ok"`
	}
	answer, err := c.Do(t.Context(), vendorapi.Request{
		Method: http.MethodPatch, Path: "/things", Query: map[string][]string{"a": {"1", "2"}}, Body: map[string]int{"x": 1},
	}, &out)
	require.NoError(t, err)
	require.True(t, out.OK)
	require.Equal(t, http.StatusOK, answer.Status)
}

func TestFault_V10_AnAnswerThatIsNotTheContractsIsSaidToBeOne(t *testing.T) {
	page := `<!DOCTYPE html><html><head><title>Sign in</title></head></html>`
	for name, tc := range map[string]struct {
		call    http.HandlerFunc
		class   vendorapi.Class
		message string
	}{
		"a web page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
		}, vendorapi.Contract, "web page"},
		"a web page that says it is JSON": {func(w http.ResponseWriter, _ *http.Request) { write(w, 200, "\n "+page) }, vendorapi.Contract, "web page"},
		"cut JSON":                        {func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{"ok":tr`) }, vendorapi.Contract, "not the JSON"},
		"two documents":                   {func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{"ok":true}{"ok":true}`) }, vendorapi.Contract, "not the JSON"},
		"nothing":                         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }, vendorapi.Contract, "not the JSON"},
		"a depth of 100,000":              {func(w http.ResponseWriter, _ *http.Request) { write(w, 200, strings.Repeat("[", 100_000)) }, vendorapi.Contract, "not the JSON"},
		"more than the cap": {func(w http.ResponseWriter, _ *http.Request) {
			block := bytes.Repeat([]byte(" "), 1<<20)
			for range 17 {
				_, _ = w.Write(block)
			}
		}, vendorapi.Contract, "larger than 16 MiB"},
		"a body that is cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"ok":`)
		}, vendorapi.Unavailable, "cut off"},
		"a hang-up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, vendorapi.Unavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t)
			v.call = tc.call
			failure := refused(t, get(t.Context(), v.client(t)))
			require.Equal(t, tc.class, failure.Class)
			require.Contains(t, failure.Message, tc.message)
			require.NotContains(t, failure.Error(), "Sign in")
		})
	}
}

// net/http itself repeats a read whose kept-alive connection breaks before the answer. It must never do that with a write.
func TestAWriteIsSentOnceWhateverBecomesOfIt(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		v := newVendor(t)
		c := v.client(t)
		require.NoError(t, get(t.Context(), c)) // leaves a connection to be used again
		v.call = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		before := v.calls.Load()
		_, err := c.Do(t.Context(), vendorapi.Request{Method: method, Path: "/things", Body: map[string]int{"x": 1}}, nil)
		require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
		require.EqualValues(t, 1, v.calls.Load()-before)
	}
}

func TestARefusalSurvivesABodyThatIsCut(t *testing.T) {
	v := newVendor(t)
	v.call = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		write(w, http.StatusForbidden, `no`)
	}
	failure := refused(t, get(t.Context(), v.client(t)))
	require.Equal(t, vendorapi.Forbidden, failure.Class)
	require.Equal(t, http.StatusForbidden, failure.Status)
}

func TestFault_V23_ARedirectIsNotFollowedAndTheTokenGoesNowhereElse(t *testing.T) {
	strangers := 0
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers++ }))
	defer stranger.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		v := newVendor(t)
		redirect := func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, stranger.URL+"/things?secret=redirect-secret", status)
		}
		v.call = redirect
		// A client that would follow, as a caller may well hand in.
		c := v.clientWith(t, vendorapi.Config{HTTP: &http.Client{}})
		failure := refused(t, get(t.Context(), c))
		require.Equal(t, vendorapi.Contract, failure.Class)
		require.Equal(t, status, failure.Status)
		require.NotContains(t, failure.Error(), "redirect-secret")

		v.token = func(w http.ResponseWriter, r *http.Request, _ int64) { redirect(w, r) }
		c.ForgetToken()
		require.Equal(t, vendorapi.Contract, refused(t, get(t.Context(), c)).Class)
	}
	require.Zero(t, strangers)
}

func TestFault_S1_NoErrorTellsASecretATokenOrTheQuery(t *testing.T) {
	answers := map[string]func(v *vendor){
		"refusal": func(v *vendor) {
			v.call = func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusForbidden, `no`) }
		},
		"refusal that repeats the token": func(v *vendor) {
			v.call = func(w http.ResponseWriter, r *http.Request) { write(w, http.StatusForbidden, bearer(r)) }
		},
		"stale token": func(v *vendor) {
			v.call = func(w http.ResponseWriter, r *http.Request) { write(w, http.StatusUnauthorized, bearer(r)) }
		},
		"wait": func(v *vendor) {
			v.call = func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusTooManyRequests, `slow`) }
		},
		"page":    func(v *vendor) { v.call = func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `<html>`) } },
		"hang-up": func(v *vendor) { v.call = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) } },
		"token": func(v *vendor) {
			v.token = func(w http.ResponseWriter, _ *http.Request, _ int64) { write(w, 403, `no`) }
		},
		"token hang-up": func(v *vendor) {
			v.token = func(http.ResponseWriter, *http.Request, int64) { panic(http.ErrAbortHandler) }
		},
		"nobody there": func(v *vendor) { v.Close() },
	}
	for name, arrange := range answers {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t)
			arrange(v)
			c := v.client(t)
			for range 2 { // the second time the failure is a remembered one, or the call is held back
				err := get(t.Context(), c)
				require.Error(t, err)
				for unwrapped := err; unwrapped != nil; unwrapped = errors.Unwrap(unwrapped) {
					for _, hidden := range []string{secretText, "token-000", "hidden.example", "filter="} {
						require.NotContains(t, unwrapped.Error(), hidden)
					}
				}
			}
		})
	}
}

func TestEveryCallIsObservedOnceWithoutItsQuery(t *testing.T) {
	v := newVendor(t)
	var calls []vendorapi.Call
	c := v.clientWith(t, vendorapi.Config{Observe: func(call vendorapi.Call) { calls = append(calls, call) }})
	require.NoError(t, get(t.Context(), c))
	v.Close()
	require.Error(t, get(t.Context(), c))
	require.Len(t, calls, 3)
	require.Equal(t, []string{"POST /token", "GET /things", "GET /things"}, []string{calls[0].Operation, calls[1].Operation, calls[2].Operation})
	require.Equal(t, []int{200, 200, 0}, []int{calls[0].Status, calls[1].Status, calls[2].Status})
	require.Equal(t, "acme", calls[0].Vendor)
}

func TestACallEndsWithItsContext(t *testing.T) {
	v := newVendor(t)
	ctx, cancel := context.WithCancel(t.Context())
	v.call = func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}
	err := get(ctx, v.client(t))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
}

func TestABaseURLIsHTTPSOrLoopback(t *testing.T) {
	for text, good := range map[string]bool{
		"https://api.vendor.example":        true,
		"https://api.vendor.example/":       true,
		"https://api.vendor.example:8443/v": true,
		"HTTPS://api.vendor.example":        true,
		"http://127.0.0.1:8080":             true,
		"http://127.9.9.9":                  true,
		"http://[::1]:8080":                 true,
		"http://localhost:8080":             true,
		"http://api.vendor.example":         false,
		"http://192.0.2.1":                  false,
		"http://0.0.0.0:80":                 false,
		"http://localhost.vendor.example":   false,
		"ftp://api.vendor.example":          false,
		"api.vendor.example":                false,
		"//api.vendor.example":              false,
		"https://":                          false,
		"https://:443":                      false,
		"https:api.vendor.example":          false,
		"https://api.vendor.example?key=v":  false,
		"https://api.vendor.example?":       false,
		"https://api.vendor.example#part":   false,
		"https://api.vendor.example/\x7f":   false,
		"":                                  false,
	} {
		base, err := vendorapi.ParseBaseURL(text)
		require.Equal(t, good, err == nil, "%q: %v", text, err)
		require.Equal(t, good, base != nil, text)
	}
}

func TestABaseURLWithASecretIsNotRepeated(t *testing.T) {
	for _, text := range []string{
		"https://user:hunter2hunter2@api.vendor.example", "user:hunter2hunter2@api.vendor.example",
		"https://api.vendor.example?key=hunter2hunter2", "https//user:hunter2hunter2@api.vendor.example",
	} {
		_, err := vendorapi.ParseBaseURL(text)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestCleanTextIsPrintableAndBounded(t *testing.T) {
	require.Equal(t, "a b c d", vendorapi.Clean("a\nb\u202ec\u200bd\r\n"))
	require.Equal(t, "?x", vendorapi.Clean("\xff\xfex"))
	require.Equal(t, strings.Repeat("é", 300)+"…", vendorapi.Clean(strings.Repeat("é", 100_000)))
	require.Equal(t, "Grüße, 世界", vendorapi.Clean("Grüße, 世界"))
}

func FuzzCleanTextIsPrintableAndBounded(f *testing.F) {
	f.Add("plain")
	f.Add("a\u2028b\x1b[31m\u061c\xf0\x28")
	f.Fuzz(func(t *testing.T, text string) {
		clean := vendorapi.Clean(text)
		require.LessOrEqual(t, len([]rune(clean)), 301)
		for _, r := range clean {
			require.True(t, unicode.IsPrint(r), "%U", r)
		}
	})
}
