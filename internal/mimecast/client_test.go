package mimecast_test

import (
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestAClientIsNotMadeFromBadSettings(t *testing.T) {
	good := mimecast.Config{ClientID: clientID, ClientSecret: secret(clientSecret)}
	_, err := mimecast.New(good)
	require.NoError(t, err, "the base URL has a default")
	for named, change := range map[string]func(*mimecast.Config){
		"MIMECAST_CLIENT_ID":     func(c *mimecast.Config) { c.ClientID = " " },
		"MIMECAST_CLIENT_SECRET": func(c *mimecast.Config) { c.ClientSecret = nil },
		"plain http":             func(c *mimecast.Config) { c.BaseURL = "http://api.mail.example" },
		"1 to 100":               func(c *mimecast.Config) { c.PageSize = 101 },
		"page size -1":           func(c *mimecast.Config) { c.PageSize = -1 },
		"base URL":               func(c *mimecast.Config) { c.BaseURL = "nowhere" },
	} {
		bad := good
		change(&bad)
		_, err := mimecast.New(bad)
		require.ErrorContains(t, err, named)
	}
}

func TestATokenIsAskedForWithAForm(t *testing.T) {
	f := newFake(t)
	f.says(whoamiPath, answer{body: `{"version":"1","type":"application","account-codes":{"cg":"C1A1"}}`})
	require.NoError(t, f.client().CheckConnection(t.Context()))

	tokens := f.asked(tokenPath)
	require.Len(t, tokens, 1)
	require.Equal(t, "POST", tokens[0].method)
	require.Empty(t, tokens[0].query)
	require.Equal(t, "application/x-www-form-urlencoded", tokens[0].header.Get("Content-Type"))
	require.Empty(t, tokens[0].header.Get("Authorization"))
	form, err := url.ParseQuery(tokens[0].body)
	require.NoError(t, err)
	require.Equal(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret}}, form)

	calls := f.asked(whoamiPath)
	require.Len(t, calls, 1)
	require.Equal(t, "GET", calls[0].method)
	require.Empty(t, calls[0].query)
	require.Empty(t, calls[0].body)
	require.Equal(t, "Bearer token-1", calls[0].header.Get("Authorization"))
}

func TestManyCallersShareOneToken(t *testing.T) {
	f := newFake(t)
	f.says(whoamiPath, answer{body: `{}`})
	client := f.client()
	var wait sync.WaitGroup
	errs := make(chan error, 16)
	for range 16 {
		wait.Go(func() { errs <- client.CheckConnection(t.Context()) })
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, f.asked(tokenPath), 1)
}

func TestRefusedCredentialsNameTheirVariablesAndRepeatNothing(t *testing.T) {
	echo := `"message":"no application for ` + clientID + ` with ` + clientSecret + `"`
	for _, told := range []answer{
		{status: 401, body: `{"fail":[{"code":"InvalidClientIdentifier",` + echo + `}]}`},
		{status: 200, body: `{"fail":[{"code":"InvalidClientIdentifier",` + echo + `}]}`},
		{status: 400, body: `{"error":"invalid_request","error_description":"` + clientSecret + `"}`},
		{status: 400, body: `{"fail":[{"code":"` + clientID + `",` + echo + `}]}`},
		{status: 401, body: clientSecret},
		{status: 403, body: `{"fail":[{"code":"app_forbidden",` + echo + `}]}`},
	} {
		f := newFake(t)
		f.says(tokenPath, told)
		err := f.client().CheckConnection(t.Context())
		refused := refusalOf(t, err)
		require.Equal(t, vendorapi.Credentials, refused.Class, told.body)
		require.Equal(t, "POST "+tokenPath, refused.Operation)
		require.Contains(t, refused.Remedy, "MIMECAST_CLIENT_ID")
		require.Contains(t, refused.Remedy, "MIMECAST_CLIENT_SECRET")
		require.Contains(t, refused.Remedy, "of this credential set")
		require.NotContains(t, err.Error(), "canary")
		require.Empty(t, f.asked(whoamiPath))
	}
}

func TestARemedyNamesTheVariablesOfItsCredentialSet(t *testing.T) {
	f := newFake(t)
	f.says(tokenPath, answer{status: 401, body: `{"fail":[{"code":"InvalidClientIdentifier"}]}`})
	cfg := mimecast.Config{BaseURL: f.baseURL, ClientID: clientID, ClientSecret: secret(clientSecret), EnvPrefix: "ACME_EU_"}
	client, err := mimecast.New(cfg)
	require.NoError(t, err)
	for range 2 { // the failure is remembered, and still named once only
		_, err = client.TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains})
		require.Contains(t, refusalOf(t, err).Remedy, "check ACME_EU_MIMECAST_CLIENT_ID and ACME_EU_MIMECAST_CLIENT_SECRET of this")
	}
	cfg.ClientID = ""
	_, err = mimecast.New(cfg)
	require.ErrorContains(t, err, "set ACME_EU_MIMECAST_CLIENT_ID")
}

func TestATokenEndpointThatIsNoneRepeatsNothingEither(t *testing.T) {
	echo := `"` + clientID + " " + clientSecret + `"`
	for _, c := range []struct {
		told  answer
		class vendorapi.Class
	}{
		{answer{status: 404, body: `{"errors":[{"code":"not_found","message":` + echo + `}]}`}, vendorapi.Rejected},
		{answer{status: 200, body: `{"fail":[{"code":"err_new","message":` + echo + `}]}`}, vendorapi.Contract},
		{answer{status: 200, body: `{"token_type":"Bearer","note":` + echo + `}`}, vendorapi.Contract},
		{answer{status: 200, body: "<html>" + clientSecret + "</html>"}, vendorapi.Contract},
		{answer{status: 403, body: "<html>" + clientSecret + "</html>"}, vendorapi.Contract},
		{answer{status: 500, body: echo}, vendorapi.Unavailable},
		{answer{status: 503, body: `{"fail":[{"code":` + echo + `,"message":` + echo + `}]}`}, vendorapi.Unavailable},
		{answer{status: 429, body: `{"fail":[{"code":` + echo + `,"message":` + echo + `}]}`}, vendorapi.Throttled},
	} {
		f := newFake(t)
		f.says(tokenPath, c.told)
		err := f.client().CheckConnection(t.Context())
		require.Equal(t, c.class, refusalOf(t, err).Class, c.told.body)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestAFailedTokenRequestIsNotRepeatedUntilAPersonAsks(t *testing.T) {
	f := newFake(t)
	f.says(tokenPath, answer{status: 401, body: `{"fail":[{"code":"InvalidClientIdentifier"}]}`})
	f.says(whoamiPath, answer{body: `{}`})
	client := f.client()
	for range 5 {
		_, err := client.TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains})
		require.Equal(t, vendorapi.Credentials, refusalOf(t, err).Class)
	}
	require.Len(t, f.asked(tokenPath), 1)

	f.says(tokenPath, answer{body: `{"access_token":"token-2","expires_in":"1799"}`})
	require.NoError(t, client.CheckConnection(t.Context()))
	require.Len(t, f.asked(tokenPath), 2)
}

func TestASecondRefusalOfTheTokenIsPermanentUnlessItIsTheVendorsGlitch(t *testing.T) {
	for body, class := range map[string]vendorapi.Class{
		`{"fail":[{"code":"token_expired","message":"Expired"}]}`: vendorapi.Credentials,
		`{"fail":[{"code":"unauthorized","message":"No"}]}`:       vendorapi.Credentials,
		``: vendorapi.Credentials,
		`{"fail":[{"code":"token_verification_failed","message":"Try again"}]}`: vendorapi.Unavailable,
		`{"fail":[{"code":"x","message":"Unauthorized Request"}]}`:              vendorapi.Unavailable,
	} {
		f := newFake(t)
		f.says(whoamiPath, answer{status: 401, body: body})
		refused := refusalOf(t, f.client().CheckConnection(t.Context()))
		require.Equal(t, class, refused.Class, body)
		require.Equal(t, class == vendorapi.Credentials, refused.Remedy != "", body)
		require.Len(t, f.asked(whoamiPath), 2, "repeated once with a new token")
		require.Len(t, f.asked(tokenPath), 2)
	}
}

func TestAServerThatIsGoneIsUnavailable(t *testing.T) {
	client, err := mimecast.New(mimecast.Config{BaseURL: "http://127.0.0.1:1", ClientID: clientID, ClientSecret: secret(clientSecret)})
	require.NoError(t, err)
	err = client.CheckConnection(t.Context())
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	require.NotContains(t, err.Error(), "canary")
}
