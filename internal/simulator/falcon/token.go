package falcon

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
)

const clientRefused = "Failed to issue access token - Client authentication failed (e.g., unknown client, " +
	"no client authentication included, or unsupported authentication method)"

var cidPattern = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	TokenType   string `json:"token_type"`
}

// issueToken is POST /oauth2/token. Bad credentials are a 403, never a 401.
func (s *Server) issueToken(c *call) answer {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return c.wrong(http.StatusBadRequest, csam, "Failed to generate access token", "unreadable form")
	}
	for name, values := range form {
		if !slices.Contains([]string{"client_id", "client_secret", "member_cid", "grant_type"}, name) || len(values) > 1 {
			return c.wrong(http.StatusBadRequest, csam, "Failed to generate access token", "unknown or repeated form field %.40q", name)
		}
	}
	if grant := form.Get("grant_type"); grant != "" && grant != "client_credentials" {
		return c.wrong(http.StatusBadRequest, csam, "Failed to generate access token", "grant_type is not client_credentials")
	}
	if c.r.Header.Get("Authorization") != "" {
		return c.wrong(http.StatusForbidden, csam, clientRefused, "credentials belong into the form, not into a header")
	}
	if form.Get("client_id") == "" || form.Get("client_secret") == "" {
		return c.wrong(http.StatusForbidden, csam, clientRefused, "no client_id or no client_secret in the form")
	}
	id, secret := s.access.credentials()
	if form.Get("client_id") != id || form.Get("client_secret") != secret {
		return refuse(http.StatusForbidden, csam, clientRefused)
	}
	if cid := form.Get("member_cid"); cid != "" && !s.knowsMember(cid) {
		return refuse(http.StatusForbidden, csam, "Failed to issue access token - Not Authorized")
	}
	token := tokenPrefix + s.serial.hex("token")
	s.access.issue(token, id, c.now, s.opt.TokenLife)
	return answer{status: http.StatusCreated, plain: tokenAnswer{
		AccessToken: token, ExpiresIn: int(s.opt.TokenLife.Seconds()), TokenType: "bearer",
	}}
}

func (s *Server) knowsMember(cid string) bool {
	if len(s.opt.MemberCIDs) == 0 {
		return cidPattern.MatchString(cid)
	}
	return slices.Contains(s.opt.MemberCIDs, cid)
}

// revokeToken is POST /oauth2/revoke, which wants the credentials as HTTP Basic. Revoking what is no token is a success.
func (s *Server) revokeToken(c *call) answer {
	id, secret := s.access.credentials()
	gotID, gotSecret, given := c.r.BasicAuth()
	if !given {
		return c.wrong(http.StatusForbidden, csam, clientRefused, "revoke wants HTTP Basic")
	}
	if gotID != id || gotSecret != secret {
		return refuse(http.StatusForbidden, csam, clientRefused)
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil || form.Get("token") == "" {
		return c.wrong(http.StatusBadRequest, csam, "Failed to revoke token", "no form field token")
	}
	s.access.revoke(form.Get("token"))
	return answer{status: http.StatusOK, layer: csam}
}

// RevokeTokens makes all access tokens bad.
func (s *Server) RevokeTokens() { s.access.revokeAll() }
