package falcon

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathToken = "/oauth2/token" //nolint:gosec // G101: a path, not a credential

	headerRegion = "X-Cs-Region"
)

// credentials are what a token is asked for with, and the region that it must be good in ("": not known).
type credentials struct {
	region    string
	id        string
	secret    interface{ Reveal() string }
	memberCID string
}

// token makes one token request (contract section 1): the credentials go into the form, success is 201, and 200 is as good.
func (c credentials) token(ctx context.Context, api *vendorapi.Client) (vendorapi.Token, error) {
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {c.id},
		"client_secret": {c.secret.Reveal()},
	}
	if c.memberCID != "" {
		form.Set("member_cid", c.memberCID)
	}
	var granted struct {
		AccessToken string            `json:"access_token"`
		ExpiresIn   vendorapi.Seconds `json:"expires_in"`
	}
	answer, err := api.PostForm(ctx, pathToken, form, &granted)
	if err != nil {
		return vendorapi.Token{}, c.failure(err, answer)
	}
	// Credentials of another cloud may be answered with a token, which then works nowhere but there.
	if actual := region(answer); c.region != "" && actual != "" && actual != c.region {
		return vendorapi.Token{}, c.otherCloud(answer, actual)
	}
	if granted.AccessToken == "" {
		return vendorapi.Token{}, &vendorapi.Error{
			Class: vendorapi.Contract, Vendor: vendor, Operation: http.MethodPost + " " + pathToken, Status: answer.Status,
			Message: "the answer holds no access token", TraceID: traceID(answer.Header, ""),
		}
	}
	return vendorapi.Token{Value: granted.AccessToken, ExpiresIn: time.Duration(granted.ExpiresIn)}, nil
}

// failure says what a refused token request means: wrong credentials are answered with 403 or 400, and credentials of
// another cloud with a redirect.
func (c credentials) failure(err error, answer vendorapi.Answer) error {
	refused, ok := errors.AsType[*vendorapi.Error](err)
	if !ok {
		return err
	}
	told := *refused
	told.Items = nil
	if refused.Status >= 300 && refused.Status < 400 {
		if actual := cmp.Or(regionOf(answer.Header.Get("Location")), region(answer)); actual != "" {
			return c.otherCloud(answer, actual)
		}
		told.Message, told.Remedy = "a redirect, which is not followed", setBaseURL("")
	}
	if told.Class == vendorapi.Credentials || told.Class == vendorapi.Forbidden || told.Class == vendorapi.Rejected && told.Status == http.StatusBadRequest {
		told.Class, told.Remedy = vendorapi.Credentials, c.remedy(told.Message)
	}
	if vendorapi.Repeats(answer.Body, c.id, c.secret.Reveal(), c.memberCID) { // one wording names the client id
		told.Message = "the token request is refused, in words that repeat what was sent"
	}
	return &told
}

func (c credentials) remedy(message string) string {
	check := "check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET of this credential set, and that FALCON_BASE_URL is the cloud they were made in; API clients are kept " + console
	if c.memberCID != "" {
		check += "; check that FALCON_MEMBER_CID is a child of the client's CID"
	}
	if strings.Contains(message, denied) {
		check += "; if they are right, the tenant's IP allow-list may leave out this address"
	}
	return check
}

func (c credentials) otherCloud(answer vendorapi.Answer, actual string) *vendorapi.Error {
	message := "the credentials belong to the cloud " + actual
	if c.region != "" {
		message += ", the base URL to " + c.region
	}
	return &vendorapi.Error{
		Class: vendorapi.Credentials, Vendor: vendor, Operation: http.MethodPost + " " + pathToken, Status: answer.Status,
		Code: vendorapi.OtherRegion, Message: message, Remedy: setBaseURL(actual), TraceID: traceID(answer.Header, ""),
	}
}

// region is the cloud that an answer names as the one of the credentials, "" if it names none.
func region(answer vendorapi.Answer) string {
	const longest = 40
	name := vendorapi.Clean(answer.Header.Get(headerRegion))
	if len(name) > longest {
		return ""
	}
	return canonicalRegion(name)
}
