package console_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/threatshare/threatshare/internal/codec"
	"github.com/threatshare/threatshare/internal/console"
	"github.com/threatshare/threatshare/internal/settings"
)

// everyPage is one address of each page, and everyAction one of whatever changes something.
func everyPage() []string {
	return []string{
		"/", "/new", "/i/acme", "/i/acme/settings", "/i/acme/held", "/i/acme/ledger", "/i/acme/ledger?value=evil.example", "/i/acme/preview",
		"/i/acme/preview?flow=" + settings.FlowImportIOCs, "/i/acme/withdraw", "/nothing", "/i/other",
	}
}

func everyAction() []string {
	return []string{
		"/new", "/i/acme/settings", "/i/acme/do/allow", "/i/acme/do/pause", "/i/acme/do/resume", "/i/acme/do/reconnect", "/i/acme/do/sync-now",
		"/i/acme/do/approve-withdrawal", "/i/acme/preview", "/i/acme/withdraw", "/i/acme/withdraw/confirm",
	}
}

func listening(address string) func(*console.Options) {
	return func(o *console.Options) { o.Listen = address }
}

func TestEveryAnswerForbidsFramesAndForeignScripts(t *testing.T) {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	for name, w := range map[string]*world{
		"open": newWorld(t), "asks": newWorld(t, withPassword), "closed": newWorld(t, listening("0.0.0.0:8080")),
		"by https": newWorld(t, withPassword, func(o *console.Options) { o.URL = "https://threatshare.example" }),
	} {
		for _, path := range append(everyPage(), "/sign-in", "/sign-out", "/static/console.js", "/static/none", "/codec/decode") {
			for _, answer := range []*httptest.ResponseRecorder{
				w.get(path), w.post(path), w.header(http.MethodGet, path, "Host: evil.example"), w.header(http.MethodPost, path, "Origin: https://evil.example"),
				w.header(http.MethodGet, path, "Authorization: Bearer "+secret), w.header(http.MethodGet, path, "Authorization: Bearer wrong"),
			} {
				header := answer.Header()
				require.Equal(t, policy, header.Get("Content-Security-Policy"), "%s: %s", name, path)
				require.Equal(t, "DENY", header.Get("X-Frame-Options"))
				require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
				require.Equal(t, "same-origin", header.Get("Referrer-Policy"))
				require.Equal(t, "same-origin", header.Get("Cross-Origin-Opener-Policy"))
				require.Equal(t, "same-origin", header.Get("Cross-Origin-Resource-Policy"))
				if path != "/static/none" { // of whose absence the file server takes the header away
					require.Contains(t, []string{"no-store", "no-cache"}, header.Get("Cache-Control"), path)
				}
				require.Equal(t, name == "by https", header.Get("Strict-Transport-Security") != "")
			}
		}
	}
}

// The policy allows no script and no style in the page itself, so that there must be none.
func TestNoPageHasAScriptOrAStyleInItself(t *testing.T) {
	w := newWorld(t)
	for _, path := range everyPage() {
		for _, node := range settingsNodes(t, w.get(path)) {
			require.NotEqual(t, "style", node.Data, path)
			require.False(t, node.Data == "script" && node.FirstChild != nil, path)
			for _, a := range node.Attr {
				require.NotEqual(t, "style", a.Key, path)
				require.False(t, strings.HasPrefix(a.Key, "on"), path)
			}
		}
	}
}

func TestOpenToThisMachineMeansByItsOwnNamesOnly(t *testing.T) {
	w := newWorld(t)
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "localhost": 200, "[::1]:8080": 200, "127.0.0.2:8080": 200, "LOCALHOST:8080": 200,
		"rebound.example:8080": 421, "rebound.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:8080": 421, "192.0.2.1:8080": 421,
		"0.0.0.0:8080": 421, "": 421, "evil.example:80@127.0.0.1": 421,
	} {
		for _, path := range []string{"/", "/static/console.css"} {
			require.Equal(t, want, w.header(http.MethodGet, path, "Host: "+host).Code, "%s as %q", path, host)
		}
	}
	require.Equal(t, http.StatusMisdirectedRequest, w.header(http.MethodPost, "/i/acme/do/pause", "Host: rebound.example").Code)
	require.Empty(t, w.temporal.asked)
	// With a password a name is no way in.
	asks := newWorld(t, withPassword)
	require.Equal(t, http.StatusSeeOther, asks.header(http.MethodGet, "/", "Host: threatshare.example").Code)
}

func TestOffLoopbackTheConsoleIsClosedUnlessThereIsAPassword(t *testing.T) {
	for address, closed := range map[string]bool{
		"127.0.0.1:8080": false, "localhost:8080": false, "[::1]:8080": false, "0.0.0.0:8080": true, ":8080": true, "192.0.2.1:8080": true, "[::]:8080": true,
		"worker.example:8080": true,
	} {
		w := newWorld(t, listening(address))
		require.Equal(t, closed, w.get("/").Code == http.StatusForbidden, address)
		if !closed {
			continue
		}
		for _, path := range append(everyPage(), "/static/console.css", "/sign-in", "/codec/decode") {
			answer := w.get(path)
			require.Equal(t, http.StatusForbidden, answer.Code, path)
			require.Contains(t, answer.Body.String(), "needs THREATSHARE_CONSOLE_PASSWORD")
		}
		for _, path := range everyAction() {
			require.Equal(t, http.StatusForbidden, w.post(path).Code)
		}
		require.Empty(t, w.temporal.asked)
		require.Equal(t, "/sign-in?to=%2F", newWorld(t, listening(address), withPassword).get("/").Header().Get("Location"))
	}
}

func TestTheConsoleTellsWhyItIsClosed(t *testing.T) {
	made := func(listen string, password func(*console.Options)) *console.Console {
		options := console.Options{Listen: listen}
		password(&options)
		one, err := console.New(options)
		require.NoError(t, err)
		return one
	}
	none := func(*console.Options) {}
	require.Contains(t, made("0.0.0.0:8080", none).Closed(), "the worker listens on 0.0.0.0:8080, which others reach")
	require.Empty(t, made("0.0.0.0:8080", withPassword).Closed())
	require.Empty(t, made("127.0.0.1:8080", none).Closed())
	for _, address := range []string{"http://bad host", "https://threatshare.example:port"} {
		_, err := console.New(console.Options{Listen: "127.0.0.1:8080", URL: address})
		require.Error(t, err)
	}
}

func TestWhatAPageOfAnotherSiteSendsIsNotDone(t *testing.T) {
	w := newWorld(t, withPassword, func(o *console.Options) { o.URL = "https://threatshare.example" })
	signIn := w.signIn(secret).Result().Cookies()[0]
	session := "Cookie: " + signIn.Name + "=" + signIn.Value // which a browser would not send
	for _, path := range append(everyAction(), "/sign-in", "/sign-out") {
		for _, from := range [][]string{
			{"Origin: https://evil.example"},
			{"Origin: null"},
			{"Origin: http://127.0.0.1:9999"},
			{"Sec-Fetch-Site: cross-site"},
			{"Sec-Fetch-Site: same-site"},
			{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"},
			{"Origin: https://threatshare.example.evil.example"},
		} {
			answer := w.header(http.MethodPost, path, append(from, session)...)
			require.Equal(t, http.StatusForbidden, answer.Code, "%s from %v", path, from)
			require.Contains(t, answer.Body.String(), "sent by a page of another site")
			require.Empty(t, answer.Result().Cookies())
		}
	}
	require.Empty(t, w.temporal.asked)
	require.Empty(t, w.temporal.began)
	for _, from := range []string{"Origin: http://127.0.0.1:8080", "Sec-Fetch-Site: same-origin", "Origin: https://threatshare.example", "X-Nothing: a program"} {
		require.Equal(t, http.StatusSeeOther, w.header(http.MethodPost, "/i/acme/do/reconnect", from, session).Code, from)
	}
	require.Len(t, w.temporal.asked, 4)
	// Links from elsewhere lead in: nothing is done by them.
	w.says(w.header(http.MethodGet, "/i/acme", "Sec-Fetch-Site: cross-site", session), http.StatusOK, "connected")
}

func TestAnOversizedFormIsRefusedInWords(t *testing.T) {
	w := newWorld(t)
	large := strings.Repeat("x", 1<<20)
	for _, path := range everyAction() {
		w.says(w.post(path, "flow", "import-iocs", "more", large), http.StatusRequestEntityTooLarge, "A form may send at most 1024 KiB, and nothing of this one was done")
	}
	require.Empty(t, w.temporal.asked)
	asks := newWorld(t, withPassword)
	asks.says(asks.post("/sign-in", "password", large), http.StatusRequestEntityTooLarge, "A form may send at most")
	for _, path := range everyAction() {
		request := w.request(http.MethodPost, path, strings.NewReader("a=%zz"), "Content-Type: application/x-www-form-urlencoded")
		w.says(w.send(request), http.StatusBadRequest, "What the form sent cannot be read")
	}
}

func TestTheLargestSensibleFormIsTaken(t *testing.T) {
	w := newWorld(t)
	form := w.open(acmeSettings)
	form.Set("protect.domains", strings.Repeat("a", 50)+".example"+strings.Repeat("\r\n"+strings.Repeat("b", 60)+".example", 9_999))
	require.Less(t, len(form.Encode()), 1<<20)
	require.NotEqual(t, http.StatusRequestEntityTooLarge, w.ask(http.MethodPost, acmeSettings, form).Code)
}

func TestFilesAreServedAndNothingBesideThem(t *testing.T) {
	w := newWorld(t)
	for path, kind := range map[string]string{"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		answer := w.get("/static/" + path)
		require.Equal(t, http.StatusOK, answer.Code)
		require.Equal(t, kind, answer.Header().Get("Content-Type"))
		require.Equal(t, "no-cache", answer.Header().Get("Cache-Control"))
	}
	for _, path := range []string{"/static/../console.go", "/static/%2e%2e/console.go", "/static/none", "/static/pages/state.html"} {
		require.NotEqual(t, http.StatusOK, w.get(path).Code, path)
	}
}

const temporalUI = "https://temporal.example"

// withCodec gives the console a codec server with one key, and an encrypted request to it.
func withCodec(t *testing.T) (change func(*console.Options), encrypted string) {
	t.Helper()
	keys, err := codec.ParseKeys("k:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	require.NoError(t, err)
	plain, err := protojson.Marshal(&commonpb.Payloads{Payloads: []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"canary"`)}}})
	require.NoError(t, err)
	answer := httptest.NewRecorder()
	codec.Handler(keys, "").ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/encode", bytes.NewReader(plain)))
	require.Equal(t, http.StatusOK, answer.Code)
	require.NotContains(t, decoded(t, answer.Body.String()), "canary")
	return func(o *console.Options) { o.Codec = codec.Handler(keys, temporalUI) }, answer.Body.String()
}

// decoded is what the payloads of an answer hold.
func decoded(t *testing.T, answer string) string {
	t.Helper()
	var held struct{ Payloads []struct{ Data []byte } }
	if json.Unmarshal([]byte(answer), &held) != nil || len(held.Payloads) == 0 {
		return ""
	}
	return string(held.Payloads[0].Data)
}

func TestPayloadsAreReadToThoseWhoMayUseTheConsole(t *testing.T) {
	with, encrypted := withCodec(t)
	w := newWorld(t, withPassword, with)
	decode := func(headers ...string) *httptest.ResponseRecorder {
		return w.send(w.request(http.MethodPost, "/codec/decode", strings.NewReader(encrypted), headers...))
	}
	session := w.session()
	for _, good := range [][]string{{session}, {"Authorization: Bearer " + secret}, {"Authorization: Bearer " + secret, "Origin: " + temporalUI}, {session, "Origin: " + temporalUI}} {
		answer := decode(good...)
		require.Equal(t, http.StatusOK, answer.Code, good)
		require.Equal(t, `"canary"`, decoded(t, answer.Body.String()))
	}
	for _, bad := range [][]string{
		nil,
		{"Authorization: Bearer wrong"},
		{"Authorization: Basic " + secret},
		{"Cookie: threatshare=forged"},
		{"Origin: " + temporalUI},
		{session, "Origin: https://evil.example"},
		{session, "Origin: null"},
		{"Authorization: Bearer " + secret, "Origin: https://evil.example"},
		{session, "Origin: http://127.0.0.1:8080"}, // not even a page of the console: none asks
	} {
		answer := decode(bad...)
		require.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, answer.Code, bad)
		require.NotContains(t, decoded(t, answer.Body.String()), "canary")
		require.Empty(t, answer.Header().Get("Location"), "a program is not led to a form")
	}
	require.Contains(t, decode().Body.String(), "send the console's password as a bearer token")
}

// A browser asks first whether a page of another origin may ask, and sends neither cookie nor token with that question.
func TestThePreflightOfTheCodecNeedsNoPasswordAndGivesNothing(t *testing.T) {
	with, encrypted := withCodec(t)
	w := newWorld(t, withPassword, with)
	answer := w.send(w.request(http.MethodOptions, "/codec/decode", strings.NewReader(encrypted), "Origin: "+temporalUI, "Access-Control-Request-Method: POST"))
	require.Equal(t, http.StatusNoContent, answer.Code)
	require.Equal(t, temporalUI, answer.Header().Get("Access-Control-Allow-Origin"))
	require.Empty(t, answer.Body.String())
	answer = w.header(http.MethodOptions, "/codec/decode", "Origin: https://evil.example")
	require.Equal(t, http.StatusForbidden, answer.Code)
	require.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, http.StatusSeeOther, w.header(http.MethodOptions, "/i/acme").Code, "only the codec's")
}

func TestTheCodecTakesMoreAtOnceThanAFormAndIsBoundedToo(t *testing.T) {
	with, _ := withCodec(t)
	w := newWorld(t, with)
	payload := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 2<<20))
	request := w.request(http.MethodPost, "/codec/encode", strings.NewReader(`{"payloads":[{"data":"`+payload+`"}]}`))
	require.Equal(t, http.StatusOK, w.send(request).Code)
	request = w.request(http.MethodPost, "/codec/encode", strings.NewReader(strings.Repeat(" ", 9<<20)))
	require.Equal(t, http.StatusRequestEntityTooLarge, w.send(request).Code)
}

func TestWithoutKeysThereIsNoCodec(t *testing.T) {
	w := newWorld(t)
	w.says(w.post("/codec/decode"), http.StatusNotFound, "There is no such page")
}
