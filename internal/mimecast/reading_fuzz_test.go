package mimecast_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// answering is a client of a vendor that says the same to everything; the token request is answered well unless tokens is set.
func answering(t *testing.T, status int, body string, tokens bool) *mimecast.Client {
	t.Helper()
	asked := 0
	vendor := roundTrip(func(req *http.Request) *http.Response {
		asked++
		require.Less(t, asked, 5_000, "a reading ends whatever the vendor says")
		told, said := status, body
		if req.URL.Path == tokenPath && !tokens {
			told, said = http.StatusOK, `{"access_token":"token-1","expires_in":1799}`
		}
		return &http.Response{StatusCode: told, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(said)), Request: req}
	})
	client, err := mimecast.New(mimecast.Config{
		BaseURL: "http://127.0.0.1:1", ClientID: clientID, ClientSecret: secret(clientSecret), HTTP: &http.Client{Transport: vendor},
	})
	require.NoError(t, err)
	return client
}

// requireTellable makes sure that an error is the vendor's, in one line without what was sent in confidence.
func requireTellable(t *testing.T, err error) {
	t.Helper()
	refused, is := errors.AsType[*vendorapi.Error](err)
	require.True(t, is, "%T", err)
	require.NotEmpty(t, refused.Class)
	said := refused.Error()
	require.Less(t, len(said), 8<<10)
	require.False(t, strings.ContainsFunc(said, unicode.IsControl), "%q", said)
	require.NotContains(t, said, clientSecret)
}

// FuzzEveryReadSurvivesAnyAnswer lets the vendor say anything to each call that reads.
func FuzzEveryReadSurvivesAnyAnswer(f *testing.F) {
	reads := []func(t *testing.T, c *mimecast.Client) error{
		func(t *testing.T, c *mimecast.Client) error {
			domains, err := c.InternalDomains(t.Context())
			require.True(t, err == nil || domains == nil, "never less than the whole list")
			return err
		},
		func(t *testing.T, c *mimecast.Client) error { _, err := c.ManagedURLs(t.Context()); return err },
		func(t *testing.T, c *mimecast.Client) error {
			_, err := c.GroupDomains(t.Context(), "group-1")
			return err
		},
		func(t *testing.T, c *mimecast.Client) error { _, err := c.Policies(t.Context()); return err },
		func(t *testing.T, c *mimecast.Client) error {
			_, _, err := c.FindSenderGroup(t.Context(), "Threat Share acme", "group-1")
			return err
		},
		func(t *testing.T, c *mimecast.Client) error {
			found, _, err := c.FindMessages(t.Context(), "bad.example", time.Unix(0, 0), time.Unix(1e9, 0), 10)
			require.LessOrEqual(t, len(found), 10)
			return err
		},
		func(t *testing.T, c *mimecast.Client) error { _, err := c.MessageID(t.Context(), "mail-1"); return err },
		func(t *testing.T, c *mimecast.Client) error {
			_, err := c.MissingPackages(t.Context(), []access.Function{access.ReadAttachmentLogs, access.BlockHashes})
			return err
		},
		func(t *testing.T, c *mimecast.Client) error { _, err := c.HashQuota(t.Context()); return err },
		func(t *testing.T, c *mimecast.Client) error {
			_, err := c.HashesSeen(t.Context(), hashes(2))
			return err
		},
		func(t *testing.T, c *mimecast.Client) error {
			_, err := c.Incident(t.Context(), "incident-1")
			return err
		},
		func(t *testing.T, c *mimecast.Client) error {
			_, _, err := c.FindIncident(t.Context(), "reason", time.Unix(0, 0), time.Unix(1e9, 0))
			return err
		},
		func(t *testing.T, c *mimecast.Client) error {
			// The link of a malicious record is sent to be decoded, which the vendor answers as badly.
			_, err := c.TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains, From: time.Unix(0, 0), To: time.Unix(1e9, 0)})
			return err
		},
	}
	for which := range reads {
		for _, name := range []string{"error-function.json", "error-rest.json", "maintenance.html", "policies-rest.json", "incident.json", "url-page.json"} {
			f.Add(byte(which), 200, file(f, name))
		}
		f.Add(byte(which), 200, `{"meta":{"pagination":{"next":"x","pageSize":1}},"data":[{"domain":null,"folders":[{"id":7,"description":"Threat Share acme"}]}]}`)
		f.Add(byte(which), 404, `{"nextPageToken":"a","data":{},"groups":[{"id":"1"}],"fail":[]}`)
	}
	f.Fuzz(func(t *testing.T, which byte, status int, body string) {
		if status < 200 || status > 599 {
			return // not a status that a server sends
		}
		if err := reads[int(which)%len(reads)](t, answering(t, status, body, false)); err != nil {
			if _, is := errors.AsType[*vendorapi.Error](err); is {
				requireTellable(t, err)
			}
		}
	})
}

func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, `{"access_token":"t","expires_in":1799}`)
	f.Add(200, `{"access_token":"","expires_in":"NaN"}`)
	f.Add(401, `{"fail":[{"code":"InvalidClientIdentifier","message":"`+clientSecret+`"}]}`)
	f.Add(302, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		if err := answering(t, status, body, true).CheckConnection(t.Context()); err != nil {
			requireTellable(t, err)
		}
	})
}

func FuzzWait(f *testing.F) {
	for _, seed := range []string{"1", "-1", "NaN", "1e308", "Fri, 31 Dec 9999 23:59:59 GMT", "0", "5, 7", "0x1p-2", "\u0661"} {
		f.Add(seed, seed, seed)
	}
	now := time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, reset, left string) {
		header := http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}, "X-Ratelimit-Remaining": {left}}
		require.GreaterOrEqual(t, mimecast.Wait(header, now), time.Duration(0))
		require.LessOrEqual(t, mimecast.Wait(header, now), 366*24*time.Hour)
		pace := mimecast.Pace(header)
		require.GreaterOrEqual(t, pace.Gap, time.Duration(0))
		require.LessOrEqual(t, pace.Gap, pace.For)
	})
}
