package mimecast_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	searchHashPath    = "/api/ttp/remediation/search-hash"
	remediatePath     = "/api/ttp/remediation/create"
	remediateV2Path   = "/api/ttp/remediation/v2/create"
	getIncidentPath   = "/api/ttp/remediation/get-incident"
	findIncidentsPath = "/api/ttp/remediation/find-incidents"
)

func searched(body string) []string {
	var request struct {
		Data []struct {
			Hashes []string `json:"hashes"`
		} `json:"data"`
	}
	if json.Unmarshal([]byte(body), &request) != nil || len(request.Data) != 1 {
		return nil
	}
	return request.Data[0].Hashes
}

func TestHashesAreLookedForTwentyWithEachCall(t *testing.T) {
	values := hashes(45)
	f := newFake(t)
	f.does(searchHashPath, func(call received) answer {
		var status []string
		for _, hash := range searched(call.body) {
			if hash != values[1] {
				status = append(status, fmt.Sprintf(`{"hash":%q,"detected":%t}`, strings.ToUpper(hash), hash == values[2]))
			}
		}
		return answer{body: `{"data":[{"hashStatus":[` + strings.Join(status, ",") + `],"failedHashes":["` + values[1] + `"]}],"fail":[]}`}
	})
	seen, err := f.client().HashesSeen(t.Context(), values)
	require.NoError(t, err)
	require.Len(t, f.asked(searchHashPath), 3)
	require.Len(t, seen, 44)
	require.NotContains(t, seen, values[1], "what could not be looked up is not known")
	for hash, found := range seen {
		require.Equal(t, hash == values[2], found)
	}
}

func TestAHashThatIsRefusedDoesNotHideTheOthers(t *testing.T) {
	values := hashes(20)
	f := newFake(t)
	f.does(searchHashPath, func(call received) answer {
		sent := searched(call.body)
		if slices.Contains(sent, values[5]) {
			return refuses("", "err_validation_hash", "bad")
		}
		return answer{body: `{"data":[{"hashStatus":[{"hash":"` + strings.Join(sent, `","detected":false},{"hash":"`) + `","detected":false}]}]}`}
	})
	seen, err := f.client().HashesSeen(t.Context(), values)
	require.NoError(t, err)
	require.Len(t, seen, 19)
	for _, told := range []answer{{status: 500}, {status: 403}, {status: 404}, {body: `<html></html>`}} {
		f := newFake(t)
		f.says(searchHashPath, told)
		_, err := f.client().HashesSeen(t.Context(), values)
		require.Error(t, err)
		require.Len(t, f.asked(searchHashPath), 1)
	}
}

func TestDeliveredMailIsRemediatedByHash(t *testing.T) {
	f := newFake(t)
	f.says(remediatePath, answer{body: file(t, "incident.json")})
	hash := hashes(1)[0]
	incident, err := f.client().RemediateHash(t.Context(), hash, "threatshare:acme x 2026-11-16", at(t, "2026-10-17T00:00:00Z"), at(t, "2026-11-16T00:00:00Z"))
	require.NoError(t, err)
	require.Equal(t, indicator.Incident{ID: "i1", Code: "TR-ACME-00001-M", Identified: 3}, incident)
	require.JSONEq(t, fmt.Sprintf(`{"data":[{"hashOrMessageId":%q,"searchBy":"hash","reason":"threatshare:acme x 2026-11-16",
		"start":"2026-10-17T00:00:00+0000","end":"2026-11-16T00:00:00+0000"}]}`, hash), f.asked(remediatePath)[0].body)
}

func TestDeliveredMailIsRemediatedByItsMessageIDsInOneIncident(t *testing.T) {
	for brackets, want := range map[bool]string{true: `["<a@bad.example>","<b@bad.example>"]`, false: `["a@bad.example","b@bad.example"]`} {
		f := newFake(t)
		f.says(remediateV2Path, answer{body: file(t, "incident.json")})
		_, err := f.client().RemediateMessages(t.Context(), []string{"<a@bad.example>", "b@bad.example", "a@bad.example", "", "<x\ny>"}, brackets, "why",
			at(t, "2026-10-17T00:00:00Z"), at(t, "2026-11-16T00:00:00Z"))
		require.NoError(t, err)
		require.JSONEq(t, `{"data":[{"messageIds":`+want+`,"searchBy":"message_ids","reason":"why",
			"start":"2026-10-17T00:00:00+0000","end":"2026-11-16T00:00:00+0000"}]}`, f.asked(remediateV2Path)[0].body)
	}
	f := newFake(t)
	_, err := f.client().RemediateMessages(t.Context(), []string{"", "<>"}, true, "why", time.Time{}, time.Time{})
	require.Equal(t, vendorapi.Rejected, refusalOf(t, err).Class)
	require.Empty(t, f.calls())
}

func TestAnIncidentIsNotMadeTwice(t *testing.T) {
	start, end := at(t, "2026-10-17T00:00:00Z"), at(t, "2026-11-16T00:00:00Z")
	f := newFake(t)
	f.says(remediatePath, answer{body: file(t, "incident.json")})
	f.says(getIncidentPath, answer{body: strings.Replace(file(t, "incident.json"), `"successful": 0`, `"successful": 1`, 1)})
	client := f.client()
	_, err := client.RemediateHash(t.Context(), hashes(1)[0], "why", start, end)
	require.NoError(t, err)
	incident, err := client.RemediateHash(t.Context(), hashes(1)[0], "why", start, end)
	require.NoError(t, err)
	require.Equal(t, 1, incident.Successful, "the incident of before, as it is now")
	require.Len(t, f.asked(remediatePath), 1)
	_, err = client.RemediateHash(t.Context(), hashes(1)[0], "another reason", start, end)
	require.NoError(t, err)
	require.Len(t, f.asked(remediatePath), 2)

	f.says(remediatePath, answer{status: 502, body: file(t, "maintenance.html")})
	for range 3 {
		_, err = client.RemediateHash(t.Context(), hashes(2)[1], "lost", start, end)
		require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	}
	require.Len(t, f.asked(remediatePath), 3)
}

func TestARefusedIncidentSaysWhy(t *testing.T) {
	f := newFake(t)
	f.says(remediatePath, refuses(`{"hashOrMessageId":"x"}`, "err_validation_hash", "image files are not accepted"))
	_, err := f.client().RemediateHash(t.Context(), hashes(1)[0], "why", time.Time{}, time.Time{})
	refused := refusalOf(t, err)
	require.Equal(t, vendorapi.Rejected, refused.Class)
	require.Contains(t, refused.Message, "image files")
	for body, class := range map[string]vendorapi.Class{
		`{"data":[]}`: vendorapi.Contract,
		`{"data":[],"fail":[{"errors":[{"code":"err_package_missing"}]}]}`: vendorapi.Forbidden,
		`{"data":[{"id":""}],"fail":[{"errors":[{"code":"err_new"}]}]}`:    vendorapi.Contract,
	} {
		f.says(getIncidentPath, answer{body: body})
		_, err := f.client().Incident(t.Context(), "i1")
		require.Equal(t, class, refusalOf(t, err).Class, body)
	}
}

func TestAnIncidentIsDoneWhenNothingIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		identified, successful, failed string
		done                           bool
	}{
		{"3", "0", "0", false},
		{"3", "2", "0", false},
		{"3", "2", "1", true},
		{`"3"`, `"3"`, "null", true},
		{"0", "0", "0", true},
		{"2", "3", "0", true},
	} {
		f := newFake(t)
		f.says(getIncidentPath, answer{body: fmt.Sprintf(`{"data":[{"id":"i1","code":"TR","identified":%s,"successful":%s,"failed":%s}]}`, c.identified, c.successful, c.failed)})
		incident, err := f.client().Incident(t.Context(), "i1")
		require.NoError(t, err)
		require.Equal(t, c.done, incident.Done, "%+v", c)
		require.JSONEq(t, `{"data":[{"id":"i1"}]}`, f.asked(getIncidentPath)[0].body)
	}
}

func TestAnIncidentIsFoundByItsExactReason(t *testing.T) {
	entry := func(id, reason, created string) string {
		return fmt.Sprintf(`{"id":%q,"reason":%q,"create":%q,"identified":1}`, id, reason, created)
	}
	entries := strings.Join([]string{
		entry("i0", "why not", "2026-11-01T00:00:00+0000"),
		entry("i2", "why", "2026-11-03T00:00:00+0000"),
		entry("i1", "why ", "2026-11-02T00:00:00+0000"),
		entry("", "why", "2026-11-01T00:00:00+0000"),
	}, ",")
	for _, data := range []string{`[{"incidents":[` + entries + `]}]`, `[` + entries + `]`, `[{"incidents":null},` + entries + `]`} {
		f := newFake(t)
		f.says(findIncidentsPath, answer{body: `{"data":` + data + `}`})
		incident, found, err := f.client().FindIncident(t.Context(), "why", at(t, "2026-11-01T00:00:00Z"), at(t, "2026-11-16T00:00:00Z"))
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "i1", incident.ID, "the oldest")
		require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100}},"data":[{"start":"2026-11-01T00:00:00+0000","end":"2026-11-16T00:00:00+0000",
			"searchBy":{"fieldName":"reason","value":"why"}}]}`, f.asked(findIncidentsPath)[0].body)
	}
	for _, data := range []string{`[]`, `[{}]`, `[null]`, `[{"incidents":[]}]`} {
		f := newFake(t)
		f.says(findIncidentsPath, answer{body: `{"data":` + data + `}`})
		_, found, err := f.client().FindIncident(t.Context(), "why", time.Time{}, time.Time{})
		require.NoError(t, err, data)
		require.False(t, found)
	}
	for _, told := range []answer{{status: 500}, {body: `{"data":["x"]}`}, {body: `{"data":[{}],"fail":[{"errors":[{"code":"err_new"}]}]}`}} {
		f := newFake(t)
		f.says(findIncidentsPath, told)
		_, found, err := f.client().FindIncident(t.Context(), "why", time.Time{}, time.Time{})
		require.Error(t, err, "%s", told.body)
		require.False(t, found)
	}
}

func TestTheMemoryOfWhatWasMadeForgets(t *testing.T) {
	f := newFake(t)
	f.says(remediatePath, answer{body: file(t, "incident.json")})
	client, now := f.client(), at(t, "2026-11-16T10:00:00Z")
	mimecast.SetClock(client, func() time.Time { return now })
	for range 2 {
		_, err := client.RemediateHash(t.Context(), hashes(1)[0], "why", now, now)
		require.NoError(t, err)
		now = now.Add(mimecast.Grace)
	}
	require.Len(t, f.asked(remediatePath), 2)
}
