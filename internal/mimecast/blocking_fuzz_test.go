package mimecast_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mimecast"
)

func FuzzMessageIDs(f *testing.F) {
	for _, seed := range []string{
		"<pre>\nSubject: x\r\nMessage-ID:\r\n &lt;a@bad.example&gt;\r\n\n</pre>", "Message-ID: a@b", "Message-ID: &amp;lt;a&amp;gt;",
		"Subject: &#10;Message-ID: <a@b>", "Message-ID: <a@b>\nMessage-ID: <c@d>", "\n\n \n", "Message-ID: <a\n\tb>\n\nbody",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, transmission string) {
		ids := mimecast.MessageIDs(transmission)
		lines := 0
		for line := range strings.Lines(strings.ToLower(transmission)) {
			if strings.HasPrefix(strings.TrimPrefix(line, "<pre>"), "message-id") {
				lines++
			}
		}
		require.LessOrEqual(t, len(ids), lines+1, "one at most for each line that begins as one, or after what leads the text")
		for _, id := range ids {
			require.True(t, strings.HasPrefix(id, "<") && strings.HasSuffix(id, ">") && len(id) > 2 && len(id) <= 1000, "%q", id)
			require.NotContains(t, id[1:len(id)-1], "<")
			require.NotContains(t, id[1:len(id)-1], ">")
			for _, r := range id {
				require.True(t, r > ' ' && r <= '~', "%q", id)
			}
		}
	})
}

func FuzzQuota(f *testing.F) {
	for _, seed := range []string{`[{"used":1,"limit":2}]`, `{"a":{"remaining":"3","total":9}}`, `[1e309]`, `{"used":-1}`, `[[[[`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		quota := mimecast.ReadQuota(data)
		if !quota.Known {
			require.Zero(t, quota)
			return
		}
		require.GreaterOrEqual(t, quota.Used, 0)
		require.Positive(t, quota.Limit)
	})
}

func FuzzPolicies(f *testing.F) {
	f.Add([]byte(file(f, "policies-rest.json")))
	f.Add([]byte(`{"policies":[{"from":null,"policy":{"from":{"type":7}}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, policy := range mimecast.ReadPolicies(body) {
			require.False(t, policy.GroupID != "" && policy.Domain != "")
			require.Equal(t, strings.ToLower(policy.Domain), policy.Domain)
		}
	})
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"data":[{"groupMembers":[{"domain":"Bad.example"},{"emailAddress":"a@b.example","domain":"b.example"}]}],"results":[{"success":true},{"error":{"message":"x"}}]}`))
	f.Add([]byte(`{"data":[null,{"groupMembers":null}],"results":7}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		domains, _, _ := mimecast.ReadMembers(body)
		for _, domain := range domains {
			require.Equal(t, strings.TrimSpace(domain), domain)
		}
	})
}

func FuzzIncidents(f *testing.F) {
	f.Add([]byte(file(f, "incident.json")))
	f.Add([]byte(`{"data":[{"incidents":[{"id":1,"identified":"2","successful":1e9}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, incident := range mimecast.ReadIncidents(body) {
			require.Equal(t, incident.Successful+incident.Failed >= incident.Identified, incident.Done)
		}
	})
}

// FuzzBatchAnswer lets the vendor say anything to a write: each hash has at most one outcome, and an error if one has none.
func FuzzBatchAnswer(f *testing.F) {
	for _, name := range []string{"error-function.json", "error-gateway.json", "error-rest.json", "maintenance.html"} {
		f.Add(200, file(f, name))
		f.Add(400, file(f, name))
	}
	f.Add(200, `{"data":[{"batchIdToken":"b","hashCount":1}],"fail":[{"key":{"hash":"`+hashes(1)[0]+`"},"errors":[{"code":"x"}]}]}`)
	f.Add(409, ``)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return // not a status that a server sends
		}
		vendor := roundTrip(func(req *http.Request) *http.Response {
			told, said := status, body
			if req.URL.Path == tokenPath {
				told, said = http.StatusOK, `{"access_token":"token-1","expires_in":1799}`
			}
			return &http.Response{StatusCode: told, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(said)), Request: req}
		})
		client, err := mimecast.New(mimecast.Config{BaseURL: "http://127.0.0.1:1", ClientID: clientID, ClientSecret: secret(clientSecret), HTTP: &http.Client{Transport: vendor}})
		require.NoError(t, err)
		values := hashes(3)
		outcomes, err := client.BlockHashes(t.Context(), values, "note")
		require.Len(t, outcomes, 3)
		for i, outcome := range outcomes {
			require.Equal(t, values[i], outcome.Value)
			require.LessOrEqual(t, ways(outcome), 1)
			require.True(t, ways(outcome) == 1 || err != nil, "nothing disappears without a word")
		}
	})
}

// roundTrip is a vendor without a network.
type roundTrip func(*http.Request) *http.Response

func (r roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return r(req), nil }
