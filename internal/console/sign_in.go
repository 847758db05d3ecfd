package console

import (
	"net/http"
	"net/url"
	"strings"
)

// signInPage is the form that asks for the password.
type signInPage struct {
	To      string // where the person was going
	Problem string // with the password
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) error {
	if c.doors.password == nil || c.doors.password.signedIn(r, c.doors.secure) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	return c.show(w, r, http.StatusOK, "sign-in", page{Title: "Sign in", Data: signInPage{To: inside(r.FormValue("to"))}})
}

func (c *Console) signedIn(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	to, password := inside(r.PostFormValue("to")), c.doors.password
	if password == nil {
		http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // inside made it a path of the console
		return nil
	}
	switch password.try(r, r.PostFormValue("password")) {
	case right:
		http.SetCookie(w, password.session(c.doors.secure))
	case tooSoon:
		w.Header().Set("Retry-After", "2")
		return c.show(w, r, http.StatusTooManyRequests, "sign-in", page{
			Title: "Sign in", Data: signInPage{To: to, Problem: "Too many tries: wait a few seconds, then try again."},
		})
	case wrong:
		c.Log.Warn("console: wrong password", "remote", r.RemoteAddr)
		return c.show(w, r, http.StatusUnauthorized, "sign-in", page{
			Title: "Sign in", Data: signInPage{To: to, Problem: "This is not the password. It is what the worker has in THREATSHARE_CONSOLE_PASSWORD."},
		})
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // inside made it a path of the console
	return nil
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, sessionCookie("", -1, c.doors.secure))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// inside gives a path of the console, and its first page for anything that leads elsewhere.
func inside(to string) string {
	parsed, err := url.Parse(to)
	if err != nil || parsed.IsAbs() || parsed.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
