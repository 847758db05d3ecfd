package mimecast_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTokenIsOpaqueAndLastsAsLongAsItSays(t *testing.T) {
	v := newVendor(t)
	status, body := v.form(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"demo-secret"},
	})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "Bearer", body["token_type"])
	require.InDelta(t, 1799, body["expires_in"], 0)
	require.Contains(t, body, "scope")
	require.Empty(t, body["scope"])
	require.NotEqual(t, v.token, body["access_token"], "two tokens differ")

	v.advance(1798 * time.Second)
	require.Equal(t, http.StatusOK, v.get("/identity/whoami").status)
	v.advance(2 * time.Second)
	expired := v.get("/identity/whoami")
	require.Equal(t, http.StatusUnauthorized, expired.status)
	require.Equal(t, "token_expired", expired.code())
	v.noViolations()
}

func TestRevokedTokenIsRefusedAndANewOneIsGood(t *testing.T) {
	v := newVendor(t)
	v.steer(http.MethodPost, "/tokens/revoke", nil)
	refused := v.get("/identity/whoami")
	require.Equal(t, http.StatusUnauthorized, refused.status)
	require.Equal(t, "token_verification_failed", refused.code())
	v.token = v.newToken()
	require.Equal(t, http.StatusOK, v.get("/identity/whoami").status)
	v.noViolations()
}

func TestWrongCredentialsAnswer401InvalidClientIdentifier(t *testing.T) {
	v := newVendor(t)
	status, body := v.form(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"other"},
	})
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "InvalidClientIdentifier", reply{body: body}.code())

	v.steer(http.MethodPut, "/credentials", map[string]string{"clientId": "demo", "clientSecret": "other"})
	status, _ = v.form(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"other"},
	})
	require.Equal(t, http.StatusOK, status)
	v.noViolations()
}

func TestTokenRequestIsCheckedStrictly(t *testing.T) {
	v := newVendor(t)
	for name, values := range map[string]url.Values{
		"no grant type": {"client_id": {"demo"}, "client_secret": {"demo-secret"}},
		"unknown field": {"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"demo-secret"}, "tenant": {"x"}},
		"no secret":     {"grant_type": {"client_credentials"}, "client_id": {"demo"}},
	} {
		status, _ := v.form(values)
		require.Equal(t, http.StatusBadRequest, status, name)
		require.Len(t, v.violated(), 1, name)
	}
	require.Equal(t, http.StatusBadRequest, v.post("/oauth/token", `{"grant_type":"client_credentials"}`).status)
	require.Len(t, v.violated(), 1)
}

func TestTokenTakesCredentialsFromHTTPBasicAsWell(t *testing.T) {
	v := newVendor(t)
	form := strings.NewReader("grant_type=client_credentials")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+"/oauth/token", form)
	require.NoError(t, err)
	req.SetBasicAuth("demo", "demo-secret")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	v.noViolations()
}
