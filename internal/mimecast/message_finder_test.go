package mimecast_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	searchPath      = "/api/message-finder/search"
	messageInfoPath = "/api/message-finder/get-message-info"
)

func TestDeliveredMailOfADomainIsFoundAndNothingElse(t *testing.T) {
	f := newFake(t)
	f.says(searchPath, answer{body: file(t, "tracked-emails.json")}, answer{body: `{"data":[{"trackedEmails":[
		{"id":"m9","status":"delivery","fromHdr":{"emailAddress":"late@bad.example"}},
		{"id":"m1","status":"archived","fromHdr":{"emailAddress":"again@bad.example"}}]}],"meta":{}}`})
	messages, more, err := f.client().FindMessages(t.Context(), "bad.example", at(t, "2026-10-17T00:00:00Z"), at(t, "2026-11-16T00:00:00Z"), 10)
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, []indicator.Message{
		{ID: "m1", From: "billing@Bad.Example"},
		{ID: "m2", From: "bounce@mail.bad.example"},
		{ID: "m3", From: "a@b@bad.example"},
		{ID: "m9", From: "late@bad.example"},
	}, messages)
	calls := f.asked(searchPath)
	require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100}},"data":[{"advancedTrackAndTraceOptions":{"from":"bad.example"},
		"route":["inbound"],"status":["delivery","archived"],"start":"2026-10-17T00:00:00+0000","end":"2026-11-16T00:00:00+0000",
		"searchReason":"Threat Share"}]}`, calls[0].body)
	require.Contains(t, calls[1].body, `"pageToken":"two"`)
	require.Contains(t, calls[1].body, `"from":"bad.example"`)
}

func TestTheSearchEndsAtItsLimitAndSaysThatThereIsMore(t *testing.T) {
	for limit, more := range map[int]bool{0: true, 1: true, 2: true, 3: false} {
		f := newFake(t)
		f.says(searchPath, answer{body: strings.Replace(file(t, "tracked-emails.json"), `"two"`, `""`, 1)})
		messages, got, err := f.client().FindMessages(t.Context(), "bad.example", at(t, "2026-10-17T00:00:00Z"), at(t, "2026-11-16T00:00:00Z"), limit)
		require.NoError(t, err)
		require.Len(t, messages, limit)
		require.Equal(t, more, got, limit)
	}
}

func TestASearchThatFailsFindsNothing(t *testing.T) {
	for body, class := range map[string]vendorapi.Class{
		`{"data":[],"fail":[{"errors":[{"code":"err_validation_blank","field":"from","message":"no"}]}]}`:                                             vendorapi.Rejected,
		`{"data":[{"trackedEmails":[]}],"fail":[{"errors":[{"code":"err_new"}]}]}`:                                                                    vendorapi.Contract,
		`{"meta":{"pagination":{"next":"x"}},"data":[{"trackedEmails":[{"id":"m","status":"archived","fromHdr":{"emailAddress":"a@bad.example"}}]}]}`: vendorapi.Contract,
	} {
		f := newFake(t)
		f.says(searchPath, answer{body: body})
		messages, _, err := f.client().FindMessages(t.Context(), "bad.example", at(t, "2026-10-17T00:00:00Z"), at(t, "2026-11-16T00:00:00Z"), 10)
		require.Equal(t, class, refusalOf(t, err).Class, body)
		require.Empty(t, messages)
		require.LessOrEqual(t, len(f.asked(searchPath)), 2)
	}
}

func TestTheMessageIDStandsInTheHeaders(t *testing.T) {
	f := newFake(t)
	f.says(messageInfoPath, answer{body: file(t, "message-info.json")})
	id, err := f.client().MessageID(t.Context(), "m1")
	require.NoError(t, err)
	require.Equal(t, "<20261116.4711@mail.bad.example>", id)
	require.JSONEq(t, `{"data":[{"id":"m1"}]}`, f.asked(messageInfoPath)[0].body)
}

func TestHeadersAreReadWhateverTheirForm(t *testing.T) {
	one := []string{"<a.b@bad.example>"}
	for transmission, want := range map[string][]string{
		"<pre>\nFrom: x\r\nMessage-ID: &lt;a.b@bad.example&gt;\r\n\n</pre>":           one,
		"Message-Id: <a.b@bad.example>":                                               one,
		"MESSAGE-ID:&lt;a.b@bad.example&gt;\n":                                        one,
		"<pre>Message-ID:\r\n &lt;a.b@bad.example&gt;\r\n</pre>":                      one,
		"Message-ID: &lt;a.b\r\n\t@bad.example&gt;\r\nTo: y":                          one,
		"Message-ID: &amp;lt;a.b@bad.example&amp;gt;\n":                               one,
		"Message-ID: a.b@bad.example (added by relay)\n":                              one,
		"Message-ID: a.b@bad.example</pre>":                                           one,
		"Message-ID: &lt;a.b@bad.example&gt;</pre>":                                   one,
		"X: 1\n\nMessage-ID: <body@bad.example>\n":                                    nil,
		"Subject: x\n Message-ID: <folded@bad.example>\nTo: y":                        nil,
		"Subject: x&#10;Message-ID: &lt;victim@own.example&gt;\nTo: y":                nil,
		"Subject: x&amp;#10;Message-ID: &lt;victim@own.example&gt;\nTo: y":            nil,
		"Subject: x\rMessage-ID: <victim@own.example>\nTo: y":                         nil,
		"X-Message-ID: <a.b@bad.example>\n":                                           nil,
		"Message-ID:\n":                                                               nil,
		"Message-ID: <>\n":                                                            nil,
		"Message-ID: &lt;a\x00b@bad.example&gt;\n":                                    nil,
		"Message-ID: <" + strings.Repeat("a", 999) + ">\n":                            nil,
		"Message-ID: &lt;a.b@bad.example&gt;\nMessage-ID: &lt;victim@own.example&gt;": {"<a.b@bad.example>", "<victim@own.example>"},
		"":                nil,
		"<pre>\n</pre>":   nil,
		"no headers here": nil,
	} {
		require.Equal(t, want, mimecast.MessageIDs(transmission), "%q", transmission)
	}
}

func TestAMessageWithNoIDOrTwoCannotBeTold(t *testing.T) {
	quoted := func(text string) string {
		encoded, err := json.Marshal(text)
		require.NoError(t, err)
		return string(encoded)
	}
	for _, headers := range []string{"Subject: x\n", "Message-ID: <a@bad.example>\nMessage-ID: <victim@own.example>\n"} {
		f := newFake(t)
		f.says(messageInfoPath, answer{body: fmt.Sprintf(`{"data":[{"id":"m1","recipientInfo":{"messageInfo":{"transmissionInfo":%s}}}],"fail":[]}`, quoted(headers))})
		_, err := f.client().MessageID(t.Context(), "m1")
		require.Equal(t, vendorapi.Rejected, refusalOf(t, err).Class)
	}
	f := newFake(t)
	f.says(messageInfoPath, answer{body: `{"data":[{"deliveredMessage":{"a@own.example":{"messageInfo":{"transmissionInfo":"Message-ID: &lt;a@bad.example&gt;"}}}}]}`})
	id, err := f.client().MessageID(t.Context(), "m1")
	require.NoError(t, err, "it may stand with the delivered copies only")
	require.Equal(t, "<a@bad.example>", id)
	for _, body := range []string{`{"data":[]}`, `{"data":null}`, `{}`, `{"data":[null]}`} {
		f.says(messageInfoPath, answer{body: body})
		_, err := f.client().MessageID(t.Context(), "m1")
		require.Error(t, err, body)
	}
}
