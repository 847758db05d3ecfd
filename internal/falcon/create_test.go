package falcon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func makeAll(r request) reply { return created(entriesOf(r.Body)) }

func TestCreateSendsTheMarkInEveryFieldThatThereIsForIt(t *testing.T) {
	f := newFake(makeAll)
	listed := share(domain("a.example"))
	listed.ExpiresAt = time.Date(2126, 12, 1, 1, 2, 3, 4, time.FixedZone("", 3600))
	outcomes, err := f.client(t).Create(t.Context(), []indicator.Share{listed})
	require.NoError(t, err)
	require.Equal(t, []indicator.Outcome{{Key: domain("a.example"), ID: idOf("a.example")}}, outcomes)
	require.Len(t, f.requests, 1)
	sent := f.requests[0]
	require.Equal(t, http.MethodPost+" "+indicators, sent.Method+" "+sent.Path)
	require.Equal(t, "application/json", sent.Header.Get("Content-Type"))
	require.JSONEq(t, `{
		"comment": "Mimecast Threat Share: acme",
		"indicators": [{
			"type": "domain", "value": "a.example", "action": "detect", "severity": "high", "platforms": ["windows", "mac"],
			"applied_globally": true, "description": "Malicious link", "source": "Mimecast Threat Share: acme",
			"tags": ["threatshare:acme"], "expiration": "2126-12-01T00:02:03Z"
		}]
	}`, sent.Body)
}

func TestCreateLeavesOutWhatIsNotSet(t *testing.T) {
	f := newFake(makeAll)
	bare := share(hash("a"))
	bare.Action, bare.Severity, bare.Comment = "no_action", "", ""
	bare.HostGroups = []string{"00000000000000000000000000000001"}
	_, err := f.client(t).Create(t.Context(), []indicator.Share{bare})
	require.NoError(t, err)
	require.JSONEq(t, `{
		"comment": "Mimecast Threat Share: acme",
		"indicators": [{
			"type": "sha256", "value": "`+strings.Repeat("a", 64)+`", "action": "no_action", "platforms": ["windows", "mac"],
			"host_groups": ["00000000000000000000000000000001"], "source": "Mimecast Threat Share: acme", "tags": ["threatshare:acme"]
		}]
	}`, f.requests[0].Body)
}

func TestCreateShortensADescription(t *testing.T) {
	f := newFake(makeAll)
	long := share(domain("a.example"))
	long.Comment = strings.Repeat("ü", 500)
	_, err := f.client(t).Create(t.Context(), []indicator.Share{long})
	require.NoError(t, err)
	var body struct {
		Indicators []struct {
			Description string `json:"description"`
		} `json:"indicators"`
	}
	require.NoError(t, json.Unmarshal([]byte(f.requests[0].Body), &body))
	require.Equal(t, strings.Repeat("ü", 200), body.Indicators[0].Description)
}

func TestCreateMakesOneCallForEachBatch(t *testing.T) {
	var values []string
	for i := range 1001 {
		values = append(values, fmt.Sprintf("d%d.example", i))
	}
	f := newFake(makeAll)
	outcomes, err := f.client(t).Create(t.Context(), shares(values...))
	require.NoError(t, err)
	require.Len(t, f.requests, 6, "200 to a call")
	require.Len(t, outcomes, len(values))
	for i, outcome := range outcomes {
		require.Equal(t, indicator.Outcome{Key: domain(values[i]), ID: idOf(values[i])}, outcome)
	}
	_, err = f.clientWith(t, falcon.Config{BatchSize: 1001}).Create(t.Context(), shares(values...))
	require.NoError(t, err)
	require.Len(t, f.requests, 7)
	outcomes, err = f.client(t).Create(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, outcomes)
	require.Len(t, f.requests, 7)
}

func TestCreateSendsAKeyOnceAndAnswersForBoth(t *testing.T) {
	f := newFake(makeAll)
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example", "a.example"))
	require.NoError(t, err)
	require.Len(t, entriesOf(f.requests[0].Body), 2)
	require.Equal(t, outcomes[0], outcomes[2])
	require.NotEmpty(t, outcomes[0].ID)
}

func TestCreateDoesNotSendWhatCouldOnlyBeRefused(t *testing.T) {
	f := newFake(makeAll)
	c := f.client(t)
	c.SetClock(noon)
	bad := map[string]indicator.Share{
		"expired":        share(domain("a.example")),
		"canonical form": share(domain("b'.example")),
		"200 characters": share(domain(strings.Repeat("a.", 100) + "example")),
		"mark":           share(domain("c.example")),
	}
	edit := func(name string, change func(*indicator.Share)) {
		changed := bad[name]
		change(&changed)
		bad[name] = changed
	}
	edit("expired", func(s *indicator.Share) { s.ExpiresAt = noon() })
	edit("mark", func(s *indicator.Share) { s.Mark = indicator.Mark{} })
	for reason, one := range bad {
		outcomes, err := c.Create(t.Context(), []indicator.Share{share(domain("good.example")), one})
		require.NoError(t, err)
		require.Equal(t, idOf("good.example"), outcomes[0].ID)
		require.Contains(t, outcomes[1].Refused, reason)
		require.Empty(t, outcomes[1].ID)
	}
	for _, sent := range f.requests {
		require.Len(t, entriesOf(sent.Body), 1)
	}
}

func TestOutcomesSoFarStandBesideAnError(t *testing.T) {
	for name, tc := range map[string]struct {
		answer reply
		class  vendorapi.Class
	}{
		"throttled":   {refusal(429, "Too Many Requests", "null"), vendorapi.Throttled},
		"quota":       {refusal(400, "Limit of 1 million indicators reached.", "null"), vendorapi.Quota},
		"unavailable": {refusal(500, "Internal Server Error", "null"), vendorapi.Unavailable},
		"scope":       {refusal(403, "access denied, scope not permitted", "null"), vendorapi.Forbidden},
		"wrong path":  {refusal(404, "404: Page Not Found", "null"), vendorapi.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(nil)
			f.answer = func(r request) reply {
				entries := entriesOf(r.Body)
				switch {
				case len(f.requests) > 2:
					return tc.answer
				case len(entries) == 2 && entries[0].Value == "c.example":
					return refusal(400, badBatch, `[{"message_type":"error","message":"bad","value":"c.example"}]`)
				default:
					return created(entries)
				}
			}
			c := f.clientWith(t, falcon.Config{BatchSize: 2})
			outcomes, err := c.Create(t.Context(), shares("a.example", "b.example", "c.example", "d.example", "e.example", "a.example"))
			require.Equal(t, tc.class, refused(t, err).Class)
			require.Equal(t, []indicator.Outcome{
				{Key: domain("a.example"), ID: idOf("a.example")},
				{Key: domain("b.example"), ID: idOf("b.example")},
				{Key: domain("c.example"), Refused: "bad"},
				{Key: domain("d.example")},
				{Key: domain("e.example")},
				{Key: domain("a.example"), ID: idOf("a.example")},
			}, outcomes)
			require.Len(t, f.requests, 3, "over at once")
		})
	}
}

func TestAShareThatTheAnswerLeavesOutIsLookedUpOnce(t *testing.T) {
	f := newFake(func(r request) reply {
		if r.Method == http.MethodPost {
			return created(entriesOf(r.Body)[:1])
		}
		return found("",
			`{"id":"ours","type":"domain","value":"b.example","tags":["threatshare:acme"]}`,
			`{"id":"theirs","type":"domain","value":"c.example"}`,
		)
	})
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example", "c.example"))
	require.NoError(t, err)
	require.Equal(t, []indicator.Outcome{
		{Key: domain("a.example"), ID: idOf("a.example")},
		{Key: domain("b.example"), ID: "ours"},
		{Key: domain("c.example"), Duplicate: true},
	}, outcomes)
	require.Equal(t, 1, f.count(http.MethodPost))
	require.Equal(t, "type:'domain'+value:['b.example','c.example']+deleted:false", f.requests[1].Query.Get("filter"))
}

func TestAShareThatFalconSaysNothingAboutIsTriedAgainLater(t *testing.T) {
	f := newFake(func(r request) reply {
		if r.Method == http.MethodPost {
			return created(entriesOf(r.Body)[1:])
		}
		return found("")
	})
	outcomes, err := f.clientWith(t, falcon.Config{BatchSize: 2}).Create(t.Context(), shares("a.example", "b.example", "c.example", "d.example"))
	failure := refused(t, err)
	require.Equal(t, vendorapi.Unavailable, failure.Class)
	require.Contains(t, failure.Message, "2 of 4")
	require.Equal(t, []indicator.Outcome{
		{Key: domain("a.example")},
		{Key: domain("b.example"), ID: idOf("b.example")},
		{Key: domain("c.example")},
		{Key: domain("d.example"), ID: idOf("d.example")},
	}, outcomes, "the others are tried all the same")
	require.Equal(t, 1, f.count(http.MethodGet))
}

func TestACreateIsNeverRepeatedByTheClient(t *testing.T) {
	f := newFake(func(request) reply { panic(http.ErrAbortHandler) })
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example"))
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
	require.Equal(t, []indicator.Outcome{{Key: domain("a.example")}}, outcomes)
	require.Equal(t, 1, f.count(http.MethodPost))
}
