package falcon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/falcon"
)

func TestPeopleAddEditAndDeleteWithoutTheVendorsChecks(t *testing.T) {
	v := start(t)
	var added struct {
		IDs []string `json:"ids"`
	}
	v.asAdmin(http.MethodPost, "/iocs", `[
		{"type":"domain","value":"http://odd/\r\n","action":"prevent"},
		{"type":"sha256","value":"`+sha(1)+`","created_by":"other-tool","modified_on":"2026-01-01T00:00:00.000000001Z","expiration":"2026-02-01T00:00:00Z"}]`, &added)
	require.Len(t, added.IDs, 2)
	v.pass(time.Second)
	v.asAdmin(http.MethodPatch, "/iocs", `{"id":"`+added.IDs[0]+`","set":{"action":"detect","tags":["x"]}}`, nil)
	v.asAdmin(http.MethodDelete, "/iocs?value="+sha(1), "", nil)

	var records []ioc
	v.asAdmin(http.MethodGet, "/iocs", "", &records)
	require.Len(t, records, 2)
	require.Equal(t, "detect", records[0]["action"])
	require.Equal(t, "analyst@soc.example", records[0]["created_by"])
	require.Equal(t, "2026-03-01T12:00:01.123456789Z", records[0]["modified_on"])
	require.Equal(t, "other-tool", records[1]["created_by"])
	require.Equal(t, true, records[1]["deleted"])
	require.Equal(t, true, records[1]["expired"], "expired when it came")
	require.Zero(t, v.wrote, "a person is not the client")
	require.Len(t, v.search(queries, "filter", "tags:'x'").ids(t), 1)
	v.asAdmin(http.MethodPatch, "/iocs", `{"id":"`+added.IDs[0]+`","set":{"value":"moved.example"}}`, nil)
	require.Len(t, v.search(queries, "filter", "value:'moved.example'").ids(t), 1)
	v.noViolations()
}

func TestManyAreEditedOrRunOutAtOnce(t *testing.T) {
	v := start(t)
	v.asAdmin(http.MethodPost, "/iocs", `[
		{"type":"domain","value":"a.example","action":"detect"},{"type":"domain","value":"b.example","action":"detect"},
		{"type":"domain","value":"c.example","action":"detect","tags":["kept"]}]`, nil)
	v.pass(time.Minute)
	v.asAdmin(http.MethodPatch, "/iocs", `{"values":["a.example","b.example"],"set":{"action":"allow","severity":""}}`, nil)
	v.asAdmin(http.MethodPost, "/iocs/expire", `["c.example"]`, nil)
	var records []ioc
	v.asAdmin(http.MethodGet, "/iocs", "", &records)
	for i, want := range []struct {
		action  string
		expired bool
		changed string
	}{
		{"allow", false, "2026-03-01T12:01:00.123456789Z"},
		{"allow", false, "2026-03-01T12:01:00.123456789Z"},
		{"no_action", true, "2026-03-01T12:00:00.123456789Z"}, // nobody edited it
	} {
		at := slices.IndexFunc(records, func(r ioc) bool { return r["value"] == string(rune('a'+i))+".example" })
		require.Equal(t, want.action, records[at]["action"])
		require.Equal(t, want.expired, records[at]["expired"])
		require.Equal(t, want.changed, records[at]["modified_on"])
	}
	listed := v.search(combined, "filter", "expired:true").iocs(t)
	require.Len(t, listed, 1, "it stays on the list")
	require.Equal(t, "c.example", listed[0]["value"])
	require.Zero(t, v.wrote)
	v.noViolations()
}

func TestAdminRefusesWhatItDoesNotKnow(t *testing.T) {
	v := start(t)
	for _, c := range [][3]string{
		{http.MethodPost, "/iocs", `[{"kind":"domain"}]`},
		{http.MethodPatch, "/iocs", `{"id":"x","set":{}}`},
		{http.MethodPatch, "/iocs", `{"values":["nobody.example"],"set":{}}`},
		{http.MethodPost, "/iocs/expire", `["nobody.example"]`},
		{http.MethodDelete, "/iocs", ``},
		{http.MethodPost, "/alerts", `[{"created_timestamp":"yesterday"}]`},
		{http.MethodPost, "/alerts", `[{"composite_id":7}]`},
		{http.MethodPost, "/alerts", `["x"]`},
		{http.MethodPut, "/scopes", `["everything"]`},
		{http.MethodPut, "/credentials", `{"clientId":"x"}`},
		{http.MethodPut, "/modes", `{"problemDetail":"all"}`},
		{http.MethodPut, "/modes", `{"duplicates":"keep"}`},
		{http.MethodPut, "/modes", `{"listLimit":0}`},
		{http.MethodPut, "/modes", `{"lag":1}`},
	} {
		w := httptest.NewRecorder()
		v.admin.ServeHTTP(w, httptest.NewRequest(c[0], c[1], strings.NewReader(c[2])))
		require.Equal(t, http.StatusBadRequest, w.Code, c)
		require.Contains(t, w.Body.String(), `"error"`)
	}
	var modes falcon.Modes
	v.asAdmin(http.MethodGet, "/modes", "", &modes)
	require.Equal(t, falcon.Modes{
		ProblemDetail: "none", Duplicates: "refuse", LastAlertAfter: "absent", ListLimit: 2000, CIDLimit: 1_000_000,
	}, modes)
}

func TestAServerWithoutOptionsWorks(t *testing.T) {
	v := &vendor{t: t, server: falcon.New(falcon.Options{})}
	id, secret := v.server.Credentials()
	require.Regexp(t, `^[0-9a-f]{32}$`, id)
	require.Len(t, secret, 40)
	a := v.form("/oauth2/token", map[string][]string{"client_id": {id}, "client_secret": {secret}})
	require.Equal(t, http.StatusCreated, a.status)
	require.Equal(t, "us-1", a.header.Get("X-Cs-Region"))
	require.Equal(t, http.StatusNotFound, v.do(http.MethodGet, "/", nil).status)
}

func TestManyCallersAtOnceLoseNothingAndDoubleNothing(t *testing.T) {
	v := start(t)
	web := httptest.NewServer(v.server)
	defer web.Close()
	send := func(method, target string, body any) (int, []byte, error) {
		r := v.request(method, web.URL+target, body)
		r.RequestURI = ""
		response, err := web.Client().Do(r)
		if err != nil {
			return 0, nil, err
		}
		defer response.Body.Close()
		var out json.RawMessage
		err = json.NewDecoder(response.Body).Decode(&out)
		return response.StatusCode, out, err
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	created := map[int]int{}
	for worker := range 8 {
		wait.Go(func() {
			for i := range 20 {
				status, _, err := send(http.MethodPost, entities, batchOf(many(fmt.Sprintf("batch%d-", i), 10)...))
				mu.Lock()
				if status == http.StatusCreated {
					created[i]++
				}
				mu.Unlock()
				if err == nil && worker%2 == 0 {
					_, _, err = send(http.MethodGet, combined+"?filter=deleted:false&limit=50", nil)
				}
				if err == nil && worker%2 == 1 {
					_, _, err = send(http.MethodPost, combinedAlerts, `{}`)
				}
				if err != nil {
					t.Error(err)
				}
				v.pass(time.Millisecond)
			}
		})
	}
	wait.Go(func() {
		for i := range 50 {
			body := fmt.Sprintf(`[{"type":"domain","value":"p%d.example","expiration":"2026-03-01T12:00:00.2Z"}]`, i)
			w := httptest.NewRecorder()
			v.admin.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/iocs", strings.NewReader(body)))
			v.admin.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/alerts", strings.NewReader(`[{"ioc_type":"domain"}]`)))
		}
	})
	wait.Wait()
	for i := range 20 {
		require.Equal(t, 1, created[i], "each batch is created by one of eight")
	}
	require.Equal(t, 250, v.search(queries, "limit", "1").Meta.Pagination.Total)
	require.Len(t, v.search(queries, "limit", "2000", "sort", "value").ids(t), 250)
	require.Equal(t, 200, v.wrote)
	v.noViolations()
}
