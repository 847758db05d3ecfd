package falcon_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestTheTokenIsAskedForWithAForm(t *testing.T) {
	f := newFake(always(found("")))
	require.NoError(t, f.clientWith(t, falcon.Config{MemberCID: "child-cid-0001"}).CheckConnection(t.Context()))
	require.Len(t, f.tokens, 1)
	require.Equal(t, http.MethodPost, f.tokens[0].Method)
	require.Equal(t, "application/x-www-form-urlencoded", f.tokens[0].Header.Get("Content-Type"))
	require.Empty(t, f.tokens[0].Header.Get("Authorization"))
	require.Empty(t, f.tokens[0].Query)
	require.Equal(t, "client_id="+clientID+"&client_secret="+clientSecret+"&grant_type=client_credentials&member_cid=child-cid-0001", f.tokens[0].Body)
}

func TestCheckConnectionAsksForANewTokenAndNothingElse(t *testing.T) {
	f := newFake(always(refusal(403, "access denied, scope not permitted", "null")))
	c := f.client(t)
	require.NoError(t, c.CheckConnection(t.Context()))
	require.NoError(t, c.CheckConnection(t.Context()))
	require.Len(t, f.tokens, 2)
	require.NotContains(t, f.tokens[0].Body, "member_cid")
	require.Empty(t, f.requests, "which scopes there are is another question")
}

func TestSixteenCallsMakeOneTokenCall(t *testing.T) {
	f := newFake(always(found("")))
	c := f.client(t)
	var all errgroup.Group
	for range 16 {
		all.Go(func() error {
			_, err := c.Lookup(t.Context(), keys("a.example"))
			return err
		})
	}
	require.NoError(t, all.Wait())
	require.Len(t, f.tokens, 1)
	require.Len(t, f.requests, 16)
}

func TestATokenAnsweredWith200IsAsGood(t *testing.T) {
	f := newFake(always(found("")))
	f.token = always(reply{status: 200, body: `{"access_token":"` + bearerToken + `","expires_in":"1799"}`})
	require.NoError(t, f.client(t).CheckConnection(t.Context()))
}

func TestAnAnswerWithoutATokenIsNotTheContract(t *testing.T) {
	f := newFake(always(found("")))
	f.token = always(reply{status: 201, body: `{"expires_in":1799}`})
	require.Equal(t, vendorapi.Contract, refused(t, f.client(t).CheckConnection(t.Context())).Class)
	require.Empty(t, f.requests)
}

func TestFault_V24_CredentialsOfAnotherCloudNameBothCloudsAndTheBaseURL(t *testing.T) {
	for _, name := range []string{"us-2", "US-2"} {
		f := newFake(always(found("")))
		good := f.token(request{})
		good.header = map[string]string{"X-Cs-Region": name, "X-Cs-Traceid": "trace-9"}
		f.token = always(good)
		failure := refused(t, f.clientWith(t, falcon.Config{Region: "us-1"}).CheckConnection(t.Context()))
		require.Equal(t, vendorapi.Credentials, failure.Class)
		require.Equal(t, vendorapi.OtherRegion, failure.Code)
		require.Contains(t, failure.Message, "us-2")
		require.Contains(t, failure.Message, "us-1")
		require.Contains(t, failure.Remedy, "FALCON_BASE_URL to https://api.us-2.crowdstrike.com")
		require.Equal(t, "trace-9", failure.TraceID)
		require.Empty(t, f.requests, "the token is not used")
	}
}

func TestTheRegionIsNotCheckedWhereItIsNotKnown(t *testing.T) {
	f := newFake(always(found("")))
	good := f.token(request{})
	good.header = map[string]string{"X-Cs-Region": "us-2"}
	f.token = always(good)
	require.NoError(t, f.client(t).CheckConnection(t.Context()), "a loopback address tells no region")
	f.token = newFake(nil).token
	require.NoError(t, f.clientWith(t, falcon.Config{Region: "us-1"}).CheckConnection(t.Context()), "the answer tells no region")
	good.header["X-Cs-Region"] = "us-gov-1"
	f.token = always(good)
	require.NoError(t, f.clientWith(t, falcon.Config{Region: "gov1"}).CheckConnection(t.Context()), "two names of one cloud")
}

func TestTheRegionFollowsFromTheBaseURL(t *testing.T) {
	f := newFake(always(found("")))
	good := f.token(request{})
	good.header = map[string]string{"X-Cs-Region": "eu-1"}
	f.token = always(good)
	c, err := falcon.New(falcon.Config{
		BaseURL: "https://api.crowdstrike.com", ClientID: clientID, ClientSecret: secret(clientSecret), HTTP: &http.Client{Transport: f},
	})
	require.NoError(t, err)
	failure := refused(t, c.CheckConnection(t.Context()))
	require.Contains(t, failure.Remedy, "https://api.eu-1.crowdstrike.com")
}

func TestARedirectOfTheTokenRequestNamesTheCloud(t *testing.T) {
	for name, tc := range map[string]struct {
		header map[string]string
		class  vendorapi.Class
		remedy string
	}{
		"by its target": {map[string]string{"Location": "https://api.eu-1.crowdstrike.com/oauth2/token"}, vendorapi.Credentials, "https://api.eu-1.crowdstrike.com"},
		"by its header": {map[string]string{"Location": "/x", "X-Cs-Region": "us-2"}, vendorapi.Credentials, "https://api.us-2.crowdstrike.com"},
		"to a stranger": {map[string]string{"Location": "https://portal.example/login"}, vendorapi.Contract, "FALCON_BASE_URL"},
	} {
		f := newFake(always(found("")))
		f.token = always(reply{status: 308, header: tc.header})
		failure := refused(t, f.client(t).CheckConnection(t.Context()))
		require.Equal(t, tc.class, failure.Class, name)
		require.Contains(t, failure.Remedy, tc.remedy, name)
		require.Len(t, f.tokens, 1, name)
	}
}

func TestRefusedCredentialsNameTheVariables(t *testing.T) {
	for name, tc := range map[string]struct {
		cid     string
		answer  reply
		remedy  []string
		without []string
	}{
		"wrong secret": {"", refusal(403, "Failed to issue access token - Not Authorized", "null"), []string{"FALCON_CLIENT_ID", "FALCON_CLIENT_SECRET"}, []string{"MEMBER_CID", "allow-list"}},
		"answered 400": {"", refusal(400, "Failed to generate access token for clientID="+clientID, "null"), []string{"FALCON_CLIENT_ID"}, nil},
		"answered 401": {"", refusal(401, "Unauthorized", "null"), []string{"FALCON_CLIENT_ID"}, nil},
		"wrong CID":    {"child-cid-0001", refusal(403, "Failed to issue access token - Not Authorized", "null"), []string{"FALCON_MEMBER_CID"}, nil},
		"allow-list":   {"", refusal(403, "access denied, authorization failed", "null"), []string{"allow-list"}, nil},
	} {
		f := newFake(always(found("")))
		f.token = always(tc.answer)
		c := f.clientWith(t, falcon.Config{MemberCID: tc.cid})
		_, err := c.Lookup(t.Context(), keys("a.example"))
		failure := refused(t, err)
		require.Equal(t, vendorapi.Credentials, failure.Class, name)
		for _, word := range tc.remedy {
			require.Contains(t, failure.Remedy, word, name)
		}
		for _, word := range tc.without {
			require.NotContains(t, failure.Remedy, word, name)
		}
		require.Equal(t, "trace-7", failure.TraceID, name)
		require.NotContains(t, err.Error(), clientID, name)
		require.Empty(t, f.requests, name)
	}
}

func TestARemedyNamesTheVariablesOfItsCredentialSet(t *testing.T) {
	for name, tc := range map[string]struct {
		token  reply
		call   reply
		remedy []string
	}{
		"wrong credentials": {refusal(403, "Failed to issue access token - Not Authorized", "null"), found(""), []string{
			"check ACME_FALCON_CLIENT_ID and ACME_FALCON_CLIENT_SECRET of", "that ACME_FALCON_BASE_URL is", "that ACME_FALCON_MEMBER_CID is",
		}},
		"another cloud": {reply{status: 308, header: map[string]string{"Location": "https://portal.example/"}}, found(""), []string{"set ACME_FALCON_BASE_URL to"}},
		"missing scope": {reply{}, refusal(403, "access denied, scope not permitted", "null"), []string{"API client of ACME_FALCON_CLIENT_ID lacks the scope"}},
	} {
		f := newFake(always(tc.call))
		if tc.token.status != 0 {
			f.token = always(tc.token)
		}
		c := f.clientWith(t, falcon.Config{EnvPrefix: "ACME_", MemberCID: "child-cid-0001"})
		for range 2 { // a failure that is remembered is still named once only
			_, err := c.Lookup(t.Context(), keys("a.example"))
			for _, words := range tc.remedy {
				require.Contains(t, refused(t, err).Remedy, words, name)
			}
		}
	}
	_, err := falcon.New(falcon.Config{EnvPrefix: "ACME_"})
	require.ErrorContains(t, err, "set ACME_FALCON_BASE_URL")
}

func TestAProxysPageOnTheTokenPathIsNotTakenForWrongCredentials(t *testing.T) {
	f := newFake(always(found("")))
	f.token = always(reply{status: 403, header: map[string]string{"Content-Type": "text/html"}, body: "<html>blocked</html>"})
	require.Equal(t, vendorapi.Contract, refused(t, f.client(t).CheckConnection(t.Context())).Class)
}

func TestNoErrorTellsTheCredentials(t *testing.T) {
	f := newFake(always(refusal(403, "no: "+bearerToken, "null")))
	c := f.client(t)
	require.NotContains(t, c.CheckAccess(t.Context(), access.ReadIOCs).Error(), bearerToken)
	for _, status := range []int{400, 403, 404, 500} {
		f.token = always(refusal(status, "no: "+clientID+" "+clientSecret, "null"))
		err := c.CheckConnection(t.Context())
		require.Error(t, err)
		require.NotContains(t, err.Error(), clientSecret)
		require.NotContains(t, err.Error(), clientID)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	good := falcon.Config{BaseURL: server.URL, ClientID: clientID, ClientSecret: secret(clientSecret)}
	_, err := falcon.New(good)
	require.NoError(t, err, "nobody is contacted")
	for message, edit := range map[string]func(*falcon.Config){
		"FALCON_BASE_URL":      func(c *falcon.Config) { c.BaseURL = "" },
		"plain http":           func(c *falcon.Config) { c.BaseURL = "http://api.crowdstrike.com" },
		"FALCON_CLIENT_ID":     func(c *falcon.Config) { c.ClientID = " " },
		"FALCON_CLIENT_SECRET": func(c *falcon.Config) { c.ClientSecret = nil },
		"client secret":        func(c *falcon.Config) { c.ClientSecret = secret("") },
		"batch size -1":        func(c *falcon.Config) { c.BatchSize = -1 },
		"batch size 2001":      func(c *falcon.Config) { c.BatchSize = 2001 },
		"is the cloud us-2, not us-1: set FALCON_BASE_URL to https://api.crowdstrike.com": func(c *falcon.Config) {
			c.BaseURL, c.Region = "https://api.us-2.crowdstrike.com", "us-1"
		},
	} {
		cfg := good
		edit(&cfg)
		_, err := falcon.New(cfg)
		require.ErrorContains(t, err, message)
		require.NotContains(t, err.Error(), clientSecret)
	}
}
