package mimecast_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// What is told without a write is what the write then says.

func TestSendersThatAreThereAreToldAsTheyWouldBeFound(t *testing.T) {
	f := newFake(t)
	f.answersPolicies(answer{body: `{"policies":[
		{"id":"p1","description":"` + mark + `","option":"block_sender","from":{"type":"email_domain","domain":"ours.example"},"to":{"type":"internal_addresses"}},
		{"id":"p2","description":"by hand","option":"block_sender","from":{"type":"email_domain","domain":"theirs.example"},"to":{"type":"everyone"}},
		{"id":"p3","description":"by hand","option":"no_action","from":{"type":"email_domain","domain":"exempt.example"},"to":{"type":"everyone"}}]}`}, answer{body: `{"id":"p4"}`})
	values := []string{"ours.example", "theirs.example", "exempt.example", "new.example"}
	told, err := f.client().SendersThere(t.Context(), mark, values)
	require.NoError(t, err)
	require.Zero(t, f.posts(policiesPath))
	found, _, err := f.client().BlockSenderDomains(t.Context(), mark, values)
	require.NoError(t, err)
	require.Equal(t, 1, f.posts(policiesPath))
	require.Equal(t, found[:3], told[:3])
	require.Equal(t, indicator.Outcome{Key: found[3].Key}, told[3], "it would be made")
}

func TestManagedURLsThatAreThereAreToldAsTheyWouldBeFound(t *testing.T) {
	f := newFake(t)
	f.says(listURLsPath, answer{body: `{"data":[
		{"id":"u1","domain":"ours.example","matchType":"domain","action":"block","comment":"` + mark + `"},
		{"id":"u2","domain":"theirs.example","matchType":"domain","action":"block","comment":"by hand"},
		{"id":"u3","domain":"permit.example","matchType":"DOMAIN","action":"PERMIT"}]}`})
	f.does(createURLPath, makesURLs(func(host string) string {
		if host == "new.example" {
			return ""
		}
		return "err_managed_url_exists_code"
	}))
	values := []string{"ours.example", "theirs.example", "permit.example", "new.example"}
	told, err := f.client().URLDomainsThere(t.Context(), values, mark)
	require.NoError(t, err)
	require.Empty(t, f.asked(createURLPath))
	found, err := f.client().BlockURLDomains(t.Context(), values, mark)
	require.NoError(t, err)
	require.Equal(t, found[:3], told[:3])
	require.Equal(t, indicator.Outcome{Key: found[3].Key}, told[3], "it would be made")
}

func TestWhatIsThereIsNotToldWithoutItsList(t *testing.T) {
	f := newFake(t)
	f.says(policiesPath, answer{status: http.StatusServiceUnavailable})
	f.says(listURLsPath, answer{status: http.StatusServiceUnavailable})
	_, err := f.client().SendersThere(t.Context(), mark, domains(1))
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	_, err = f.client().URLDomainsThere(t.Context(), domains(1), mark)
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
}
