package mimecast

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type credentials struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

// forgetAfter is how long an expired token is still told from one that never was.
const forgetAfter = time.Hour

// serveToken is POST /oauth/token (contract section 1.2).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	given, text := readCredentials(w, r)
	if text != "" {
		s.violate(r, text)
		sendGateway(w, http.StatusBadRequest, "invalid_request", text)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if given != s.secrets {
		sendGateway(w, http.StatusUnauthorized, "InvalidClientIdentifier", "Client credentials are invalid")
		return
	}
	now := s.opts.Now()
	for token, end := range s.tokens {
		if now.Sub(end) > forgetAfter {
			delete(s.tokens, token)
		}
	}
	token := s.newKey("token") + s.newKey("token")
	s.tokens[token] = now.Add(s.opts.TokenLife)
	sendJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer",
		"expires_in": int(s.opts.TokenLife.Seconds()), "scope": "",
	})
}

// readCredentials reads a token request, or says what is wrong with it. Credentials stand in the form or in HTTP Basic.
func readCredentials(w http.ResponseWriter, r *http.Request) (credentials, string) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return credentials{}, "the content type must be application/x-www-form-urlencoded"
	}
	if r.URL.RawQuery != "" {
		return credentials{}, "the token endpoint takes no query parameters"
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return credentials{}, "the form cannot be read"
	}
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		if !slices.Contains([]string{"grant_type", "client_id", "client_secret"}, name) {
			return credentials{}, "the form field is not known: " + name
		}
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		return credentials{}, "grant_type must be client_credentials"
	}
	given := credentials{ClientID: r.PostForm.Get("client_id"), ClientSecret: r.PostForm.Get("client_secret")}
	if id, secret, basic := r.BasicAuth(); basic {
		given = credentials{ClientID: unescaped(id), ClientSecret: unescaped(secret)}
	}
	if given.ClientID == "" || given.ClientSecret == "" {
		return credentials{}, "client_id and client_secret are required"
	}
	return given, ""
}

// unescaped undoes the form encoding that RFC 6749 section 2.3.1 asks for in HTTP Basic.
func unescaped(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return plain
}

// authenticate checks the token of a function call and answers 401 when it is not good.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) bool {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found || token == "" {
		s.violate(r, "there is no bearer token")
		sendGateway(w, http.StatusUnauthorized, "unauthorized", "Unauthorized Request")
		return false
	}
	s.mu.Lock()
	end, known := s.tokens[token]
	s.mu.Unlock()
	switch {
	case !known:
		sendGateway(w, http.StatusUnauthorized, "token_verification_failed", "The token could not be verified")
	case !s.opts.Now().Before(end):
		sendGateway(w, http.StatusUnauthorized, "token_expired", "The token has expired")
	default:
		return true
	}
	return false
}

// RevokeTokens makes all access tokens bad.
func (s *Server) RevokeTokens() {
	s.locked(func() { s.tokens = map[string]time.Time{} })
}
