package console

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// doors decides who may see the pages, and which requests are no page's.
type doors struct {
	closed   string // why nobody may; empty: open
	password *password
	secure   bool // people come by https
	origins  *http.CrossOriginProtection
}

func newDoors(listen, address string, secret config.Secret, now func() time.Time) (*doors, error) {
	d := &doors{origins: http.NewCrossOriginProtection()}
	if !secret.Empty() {
		made, err := newPassword(secret, now)
		if err != nil {
			return nil, err
		}
		d.password = made
	}
	if address != "" {
		reached, err := url.Parse(address)
		if err != nil {
			return nil, errors.New("the console's address cannot be read")
		}
		d.secure = reached.Scheme == "https"
		if err := d.origins.AddTrustedOrigin(reached.Scheme + "://" + reached.Host); err != nil {
			return nil, err
		}
	}
	if d.password == nil && !loopback(listen) {
		d.closed = "the worker listens on " + listen + ", which others reach: the console needs THREATSHARE_CONSOLE_PASSWORD (or THREATSHARE_CONSOLE_PASSWORD_FILE) there"
	}
	return d, nil
}

// door is what every request passes.
func (d *doors) door(inside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header(), d.secure)
		switch {
		case d.closed != "":
			http.Error(w, "The console is closed: "+d.closed+".", http.StatusForbidden)
			return
		case d.password == nil && !loopback(r.Host):
			// Nobody is asked for a password here, so that a page elsewhere whose name was made to mean this machine must not
			// get in with the name that it was loaded by.
			http.Error(w, "The console is open without a password to this machine only: use http://127.0.0.1 or http://localhost.", http.StatusMisdirectedRequest)
			return
		case d.foreign(r):
			http.Error(w, "This was sent by a page of another site and was not done.", http.StatusForbidden)
			return
		}
		if !codecs(r) { // which bounds its bodies itself
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		inside.ServeHTTP(w, r)
	})
}

// foreign says whether a page of another site sent this. The codec has its own rules: it serves the Temporal UI, and changes
// nothing.
func (d *doors) foreign(r *http.Request) bool {
	return !codecs(r) && d.origins.Check(r) != nil
}

// codecs says whether a request is for the codec.
func codecs(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/codec/") }

// guard asks who comes for the password, if there is one.
func (d *doors) guard(inside http.Handler) http.Handler {
	if d.password == nil {
		return inside
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodOptions && codecs(r): // browsers ask first, without credentials
			inside.ServeHTTP(w, r)
		case d.password.signedIn(r, d.secure):
			inside.ServeHTTP(w, r)
		case strings.HasPrefix(r.Header.Get("Authorization"), bearer):
			d.password.bearer(w, r, inside)
		case codecs(r):
			http.Error(w, "Sign in to the console, or send the console's password as a bearer token.", http.StatusUnauthorized)
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			http.Redirect(w, r, "/sign-in?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		default: // what was typed is lost, but not done by somebody whose time is up
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		}
	})
}

// loopback says whether an address, with or without a port, is this machine's own.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	return vendorapi.Loopback(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}

// protect sets what browsers are to refuse on behalf of every page.
func protect(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// cached lets a browser keep what changes with the program only.
func cached(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}
