package console_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/console"
)

// signIn sends a password, and gives the answer.
func (w *world) signIn(password string) *httptest.ResponseRecorder {
	return w.post("/sign-in", "password", password, "to", "/i/acme")
}

// session signs in and gives the session as a browser sends it.
func (w *world) session() string {
	answer := w.signIn(secret)
	require.Equal(w.t, http.StatusSeeOther, answer.Code, w.text(answer))
	cookies := answer.Result().Cookies()
	require.Len(w.t, cookies, 1)
	return "Cookie: " + cookies[0].Name + "=" + cookies[0].Value
}

func TestWhoeverComesIsAskedForThePasswordAndTakenWhereTheyWereGoing(t *testing.T) {
	w := newWorld(t, withPassword)
	answer := w.get("/i/acme/ledger?value=evil.example&state=held")
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.Empty(t, w.text(answer), "nothing of the page")
	page := w.get(answer.Header().Get("Location"))
	w.says(page, http.StatusOK, "Password of the console")
	require.Nil(t, nodeOf(t, page, "sign-out"))
	form := w.form(page)
	require.Equal(t, "/i/acme/ledger?value=evil.example&state=held", form.Get("to"))
	form.Set("password", secret)
	answer = w.ask(http.MethodPost, "/sign-in", form)
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.Equal(t, "/i/acme/ledger?value=evil.example&state=held", answer.Header().Get("Location"))
}

func TestWithoutASessionNoPageIsShownAndNothingDone(t *testing.T) {
	w := newWorld(t, withPassword)
	for _, path := range everyPage() {
		answer := w.get(path)
		require.Equal(t, http.StatusSeeOther, answer.Code, path)
		require.Equal(t, "/sign-in?to="+url.QueryEscape(path), answer.Header().Get("Location"))
	}
	for _, path := range everyAction() {
		answer := w.post(path, "flow", "import-iocs", "value", "x.example", "confirmed", acme)
		require.Equal(t, "/sign-in", answer.Header().Get("Location"), path)
	}
	require.Empty(t, w.temporal.asked)
	require.Empty(t, w.temporal.began)
	require.Equal(t, http.StatusOK, w.get("/static/console.css").Code, "the page that asks is readable")
}

func TestASessionLetsInUntilItEnds(t *testing.T) {
	w := newWorld(t, withPassword)
	session := w.session()
	page := w.header(http.MethodGet, "/", session)
	w.says(page, http.StatusOK, "acme")
	require.NotNil(t, nodeOf(t, page, "sign-out"))
	require.Equal(t, "/", w.header(http.MethodGet, "/sign-in", session).Header().Get("Location"), "who is in is not asked again")
	w.clock = w.clock.Add(12*time.Hour - time.Second)
	require.Equal(t, http.StatusOK, w.header(http.MethodGet, "/", session).Code)
	w.clock = w.clock.Add(time.Second)
	require.Equal(t, http.StatusSeeOther, w.header(http.MethodGet, "/", session).Code, "twelve hours are over")
}

func TestTheSessionsCookieIsForTheServerAndThisSiteOnly(t *testing.T) {
	for address, want := range map[string]http.Cookie{
		"":                            {Name: "threatshare"},
		"http://127.0.0.1:8080":       {Name: "threatshare"},
		"https://threatshare.example": {Name: "__Host-threatshare", Secure: true},
	} {
		w := newWorld(t, withPassword, func(o *console.Options) { o.URL = address })
		cookies := w.signIn(secret).Result().Cookies()
		require.Len(t, cookies, 1)
		got := cookies[0]
		require.Equal(t, want.Name, got.Name)
		require.Equal(t, want.Secure, got.Secure)
		require.True(t, got.HttpOnly)
		require.Equal(t, http.SameSiteStrictMode, got.SameSite)
		require.Equal(t, "/", got.Path)
		require.Empty(t, got.Domain)
		require.Equal(t, 12*60*60, got.MaxAge)

		ended := w.post("/sign-out").Result().Cookies()
		require.Len(t, ended, 1)
		require.Equal(t, []any{want.Name, "", -1}, []any{ended[0].Name, ended[0].Value, ended[0].MaxAge})
	}
}

func TestSessionsOutliveARestartAndEndWithThePassword(t *testing.T) {
	w := newWorld(t, withPassword)
	session := w.session()
	w.pages = w.console(withPassword)
	require.Equal(t, http.StatusOK, w.header(http.MethodGet, "/", session).Code)
	w.pages = w.console(func(o *console.Options) { o.Password = config.NewSecret("another password") })
	require.Equal(t, http.StatusSeeOther, w.header(http.MethodGet, "/", session).Code)
}

func TestNobodySignsASessionBesidesTheConsole(t *testing.T) {
	w := newWorld(t, withPassword)
	session := w.session()
	at := strings.Index(session, "=") + 1
	for i := range session[at:] { // each character, changed
		other := byte('A')
		if session[at+i] == other {
			other = 'B'
		}
		forged := session[:at+i] + string(other) + session[at+i+1:]
		if len(session)-at-1 == i { // whose last bits may mean nothing
			continue
		}
		require.Equal(t, http.StatusSeeOther, w.header(http.MethodGet, "/", forged).Code, "the character %d", i)
	}
	for _, value := range []string{"", "x", "%%%", strings.Repeat("A", 75), session[at:] + "AAAA", session[at : len(session)-4]} {
		require.Equal(t, http.StatusSeeOther, w.header(http.MethodGet, "/", "Cookie: threatshare="+value).Code)
	}
	require.NotEqual(t, session, w.session(), "no two are the same")
	secure := newWorld(t, withPassword, func(o *console.Options) { o.URL = "https://threatshare.example" })
	require.Equal(t, http.StatusSeeOther, secure.header(http.MethodGet, "/", session).Code, "a cookie that came by http is none by https")
}

func TestAWrongPasswordIsToldAtTheFieldAndNotRepeated(t *testing.T) {
	w := newWorld(t, withPassword)
	for _, wrong := range []string{"canary: wrong", "", secret[:len(secret)-1], secret + " ", strings.ToUpper(secret)} {
		answer := w.signIn(wrong)
		w.says(answer, http.StatusUnauthorized, "This is not the password. It is what the worker has in THREATSHARE_CONSOLE_PASSWORD")
		require.Empty(t, answer.Result().Cookies())
		require.Equal(t, "/i/acme", w.form(answer).Get("to"))
		field := nodeOf(t, answer, "password")
		require.Equal(t, "true", attribute(field, "aria-invalid"))
		require.Empty(t, attribute(field, "value"))
		require.NotContains(t, answer.Body.String(), "canary")
	}
	require.Contains(t, w.log.String(), "wrong password")
	require.NotContains(t, w.log.String(), "canary")
}

func TestAfterFiveWrongPasswordsACallerMayTryEveryTwoSeconds(t *testing.T) {
	w := newWorld(t, withPassword)
	for range 5 {
		require.Equal(t, http.StatusUnauthorized, w.signIn("wrong").Code)
	}
	answer := w.signIn(secret)
	w.says(answer, http.StatusTooManyRequests, "Too many tries: wait a few seconds")
	require.Equal(t, "2", answer.Header().Get("Retry-After"))
	require.Equal(t, http.StatusTooManyRequests, w.header(http.MethodGet, "/", "Authorization: Bearer "+secret).Code, "nor as a program")

	other := w.request(http.MethodPost, "/sign-in", strings.NewReader("password="+url.QueryEscape(secret)), "Content-Type: application/x-www-form-urlencoded")
	other.RemoteAddr = "[2001:db8::7]:4711"
	require.Equal(t, http.StatusSeeOther, w.send(other).Code, "others are let in")

	w.clock = w.clock.Add(2 * time.Second)
	require.Equal(t, http.StatusUnauthorized, w.signIn("wrong").Code)
	require.Equal(t, http.StatusTooManyRequests, w.signIn(secret).Code)
	w.clock = w.clock.Add(2 * time.Second)
	require.Equal(t, http.StatusSeeOther, w.signIn(secret).Code)
	require.Equal(t, http.StatusSeeOther, w.signIn(secret).Code, "the right one costs no try")
}

// Tries that are sent all at once are counted one by one.
func TestManyTriesAtOnceAreNoWayAroundTheWait(t *testing.T) {
	w := newWorld(t, withPassword, func(o *console.Options) {
		o.Now = func() time.Time {
			time.Sleep(time.Millisecond) // between the look at a try and its count others get their turn, if they may
			return now()
		}
	})
	codes := make([]int, 64)
	var tries sync.WaitGroup
	for i := range codes {
		tries.Go(func() { codes[i] = w.header(http.MethodGet, "/", "Authorization: Bearer wrong").Code })
	}
	tries.Wait()
	counted := map[int]int{}
	for _, code := range codes {
		counted[code]++
	}
	require.Equal(t, map[int]int{http.StatusUnauthorized: 5, http.StatusTooManyRequests: 59}, counted)
}

func TestTheCallersThatAreCountedAreBounded(t *testing.T) {
	w := newWorld(t, withPassword)
	for i := range 3000 {
		request := w.request(http.MethodGet, "/", nil, "Authorization: Bearer wrong")
		request.RemoteAddr = fmt.Sprintf("192.0.2.%d:%d", i%250, i)
		if i%3 == 0 {
			request.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", i)
		}
		if i%7 == 0 {
			request.RemoteAddr = fmt.Sprintf("no-address-%d", i)
		}
		require.Contains(t, []int{http.StatusUnauthorized, http.StatusTooManyRequests}, w.send(request).Code)
	}
}

func TestAProgramSendsThePasswordAsABearerToken(t *testing.T) {
	w := newWorld(t, withPassword)
	w.says(w.header(http.MethodGet, "/i/acme", "Authorization: Bearer "+secret), http.StatusOK, "connected since")
	require.Equal(t, http.StatusSeeOther, w.header(http.MethodPost, "/i/acme/do/reconnect", "Authorization: Bearer "+secret).Code)
	require.Len(t, w.temporal.asked, 1)
	for _, header := range []string{"Bearer wrong", "Bearer ", "Bearer  " + secret} {
		answer := w.header(http.MethodPost, "/i/acme/do/reconnect", "Authorization: "+header)
		require.Equal(t, http.StatusUnauthorized, answer.Code, header)
		require.Equal(t, "Bearer", answer.Header().Get("WWW-Authenticate"))
		require.NotContains(t, answer.Body.String(), "canary")
	}
	require.Equal(t, http.StatusSeeOther, w.header(http.MethodGet, "/", "Authorization: Basic "+secret).Code, "no other way is known")
	require.Len(t, w.temporal.asked, 1)
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	w := newWorld(t, withPassword)
	for to, want := range map[string]string{
		"": "/", "/new": "/new", "/i/acme?done=paused#x": "/i/acme?done=paused#x",
		"//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "javascript:alert(1)": "/", "evil.example": "/",
		"/\t/evil.example": "/", "/\r\nSet-Cookie: a=b": "/", "///evil.example": "/", "/%zz": "/", "http:evil.example": "/",
	} {
		require.Equal(t, want, w.post("/sign-in", "password", secret, "to", to).Header().Get("Location"), to)
		require.Equal(t, want, w.form(w.get("/sign-in?to="+url.QueryEscape(to))).Get("to"), to)
	}
	require.NotContains(t, w.post("/sign-in", "password", secret, "to", "/..//evil.example").Header().Get("Location"), "//")
}

func TestWithoutAPasswordNobodyIsAskedAndNobodySignsIn(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "/", w.get("/sign-in").Header().Get("Location"))
	answer := w.signIn("anything")
	require.Equal(t, "/i/acme", answer.Header().Get("Location"))
	require.Empty(t, answer.Result().Cookies())
	require.Nil(t, nodeOf(t, w.get("/"), "sign-out"))
}

// A stopwatch on a busy machine tells little about what takes the same time. What does is how it is made: secrets are compared
// as digests or signatures of one length, and by functions that look at all of it.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	files, err := fs.Glob(os.DirFS("."), "*.go")
	require.NoError(t, err)
	secrets := map[string]int{"digest": 0, "sign": 0, "on": 0}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			if compared, is := node.(*ast.BinaryExpr); is && (compared.Op == token.EQL || compared.Op == token.NEQ) {
				for _, side := range []ast.Expr{compared.X, compared.Y} {
					ast.Inspect(side, func(part ast.Node) bool {
						if call, is := part.(*ast.CallExpr); is && isNamed(call.Fun, "ConstantTimeCompare") {
							return false // of which only the verdict is compared
						}
						for secret := range secrets {
							require.False(t, isNamed(part, secret), "%s: %s is compared by ==", name, secret)
						}
						require.False(t, isNamed(part, "Reveal"), "%s: the password is compared by ==", name)
						return true
					})
				}
			}
			if call, is := node.(*ast.CallExpr); is && (isNamed(call.Fun, "ConstantTimeCompare") || isNamed(call.Fun, "Equal")) {
				ast.Inspect(call, func(part ast.Node) bool {
					for secret := range secrets {
						if isNamed(part, secret) {
							secrets[secret]++
						}
					}
					return true
				})
			}
			return true
		})
	}
	require.Equal(t, map[string]int{"digest": 1, "sign": 1, "on": 1}, secrets, "the password, the session and the seal are each compared once")
}

// isNamed says whether a part of a program is something selected by the name, such as p.digest.
func isNamed(node ast.Node, name string) bool {
	selected, is := node.(*ast.SelectorExpr)
	return is && selected.Sel.Name == name
}
