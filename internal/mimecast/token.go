package mimecast

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathToken = "/oauth/token" //nolint:gosec // G101: a path, not a credential

	remedyCredentials = "check MIMECAST_CLIENT_ID and MIMECAST_CLIENT_SECRET of this credential set, and that the API application is enabled " + console
	remedyBaseURL     = "check MIMECAST_BASE_URL of this credential set"
)

// tokenRequest gives the request for one token (contract section 1.2). There is no refresh token: one asks again.
func tokenRequest(id string, secret interface{ Reveal() string }) func(context.Context, *vendorapi.Client) (vendorapi.Token, error) {
	return func(ctx context.Context, api *vendorapi.Client) (vendorapi.Token, error) {
		var granted struct {
			AccessToken string            `json:"access_token"`
			ExpiresIn   vendorapi.Seconds `json:"expires_in"`
		}
		answer, err := api.PostForm(ctx, pathToken, url.Values{
			"grant_type":    {"client_credentials"},
			"client_id":     {id},
			"client_secret": {secret.Reveal()},
		}, &granted)
		if err != nil {
			return vendorapi.Token{}, tokenFailure(err)
		}
		if granted.AccessToken == "" {
			return vendorapi.Token{}, contractError(http.MethodPost+" "+pathToken, answer.Status, "the answer holds no access token")
		}
		return vendorapi.Token{Value: granted.AccessToken, ExpiresIn: time.Duration(granted.ExpiresIn)}, nil
	}
}

// tokenFailure says what a refused token request means. The vendor's words are left out: the answer may repeat the
// credentials that were sent.
func tokenFailure(err error) error {
	failure, ok := errors.AsType[*vendorapi.Error](err)
	if !ok || failure.Status == 0 {
		return err
	}
	told := *failure
	told.Items = nil
	if !slices.Contains([]string{codeInvalidClient, "invalid_client", "invalid_request", "unauthorized_client", codeAppForbidden}, strings.ToLower(told.Code)) {
		told.Code = ""
	}
	switch {
	case told.Class == vendorapi.Credentials, told.Class == vendorapi.Forbidden, told.Status == http.StatusBadRequest:
		told.Class, told.Message, told.Remedy = vendorapi.Credentials, "the client credentials are refused", remedyCredentials
	case told.Class == vendorapi.Rejected, told.Class == vendorapi.Contract:
		told.Message, told.Remedy = "this is not the answer of a token endpoint", remedyBaseURL
	default:
		told.Message = "no token was given"
	}
	return &told
}
