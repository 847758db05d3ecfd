package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/simulator/seed"
)

func start(t *testing.T, opts simulator.Options) (*simulator.Simulator, *control.Client) {
	t.Helper()
	sim, err := simulator.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close(context.WithoutCancel(t.Context()))) })
	return sim, control.New(sim.URLs.Admin)
}

// call makes a vendor call with a fresh token.
func call(t *testing.T, sim *simulator.Simulator, path, body string) (int, map[string]any) {
	t.Helper()
	resp, err := http.PostForm(sim.URLs.Mimecast+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {simulator.DemoClientID}, "client_secret": {simulator.DemoMimecastSecret},
	})
	require.NoError(t, err)
	defer resp.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&token))

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sim.URLs.Mimecast+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(raw, &decoded), string(raw))
	return answer.StatusCode, decoded
}

const clicks = "/api/ttp/url/get-logs"

func TestSeededTrafficIsFoundInTheLogs(t *testing.T) {
	sim, admin := start(t, simulator.Options{Traffic: seed.Options{Seed: 2, Records: 100, Indicators: 20}})
	from := time.Now().Add(-7 * 24 * time.Hour).UTC().Format("2006-01-02T15:04:05-0700")
	status, body := call(t, sim, clicks, fmt.Sprintf(`{"meta":{"pagination":{"pageSize":100}},"data":[{"from":%q}]}`, from))
	require.Equal(t, http.StatusOK, status)
	require.Len(t, body["data"].([]any)[0].(map[string]any)["clickLogs"], 40)

	expected, err := admin.Expected(t.Context())
	require.NoError(t, err)
	require.Len(t, expected, 20)
	seeded, err := admin.Seed(t.Context(), seed.Options{Seed: 3, Records: 50, Indicators: 10, Plain: true})
	require.NoError(t, err)
	require.Equal(t, control.Seeded{Records: 50, Expected: map[string]int{"sha256": 4, "domain": 6}}, seeded)
	expected, err = admin.Expected(t.Context())
	require.NoError(t, err)
	require.Len(t, expected, 30)
}

func TestStatsCountCallsAndViolationsUntilTheyAreReset(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	call(t, sim, clicks, `{"data":[{}]}`)
	call(t, sim, clicks, `{"data":[{"wrong":1}]}`)
	stats, err := admin.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"POST /oauth/token": 2, "POST " + clicks: 2}, stats.Calls[fault.Mimecast])
	require.Len(t, stats.Violations, 1)
	require.Equal(t, fault.Mimecast, stats.Violations[0].Vendor)
	require.NoError(t, admin.Reset(t.Context()))
	stats, err = admin.Stats(t.Context())
	require.NoError(t, err)
	require.Empty(t, stats.Violations)
	require.Zero(t, stats.Total(fault.Mimecast))
}

func TestFaultsAreSetAndClearedOverHTTP(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	require.NoError(t, admin.AddFaults(t.Context(),
		fault.Rule{Vendor: fault.Mimecast, Path: clicks, Kind: fault.Throttle, Headers: map[string]string{}}))
	status, _ := call(t, sim, clicks, `{"data":[{}]}`)
	require.Equal(t, http.StatusTooManyRequests, status)
	rules, err := admin.Faults(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, rules[0].Fired)
	require.NotNil(t, rules[0].Headers, "no headers is not the same as none given")
	require.NoError(t, admin.ClearFaults(t.Context()))
	status, _ = call(t, sim, clicks, `{"data":[{}]}`)
	require.Equal(t, http.StatusOK, status)
	require.Error(t, admin.AddFaults(t.Context(), fault.Rule{Kind: "explode"}))
}

func TestMimecastIsSteeredThroughTheControlClient(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	ctx := t.Context()
	now := time.Now().UTC().Add(-time.Second).Format("2006-01-02T15:04:05-0700")
	require.NoError(t, admin.AddLogs(ctx, mimecast.URL, []map[string]string{{"date": now, "url": "https://a.example"}}, 0))
	require.NoError(t, admin.AddLogs(ctx, mimecast.URL, []map[string]string{{"date": now, "url": "https://b.example"}}, time.Hour))
	_, body := call(t, sim, clicks, `{"data":[{"from":"`+now+`"}]}`)
	require.Len(t, body["data"].([]any)[0].(map[string]any)["clickLogs"], 1)

	require.NoError(t, admin.Deny(ctx, "/api/ttp/"))
	status, _ := call(t, sim, clicks, `{"data":[{}]}`)
	require.Equal(t, http.StatusForbidden, status)
	require.NoError(t, admin.Deny(ctx))
	require.NoError(t, admin.SetInternalDomains(ctx, "own.example"))
	_, body = call(t, sim, "/api/domain/get-internal-domain", `{"data":[]}`)
	require.Len(t, body["data"], 1)
	require.NoError(t, admin.SetQuirks(ctx, mimecast.DefaultQuirks()))
	require.NoError(t, admin.SetLimits(ctx, mimecast.Limits{RefusedHashes: []string{"x"}}))
	require.NoError(t, admin.AddMessages(ctx, mimecast.Message{MessageID: "<a@b.example>", Received: time.Now()}))
	require.NoError(t, admin.Revoke(ctx, fault.Mimecast))
	state, err := admin.MimecastState(ctx)
	require.NoError(t, err)
	require.Len(t, state.Groups, 2, "the root and Blocked Senders")
	require.Error(t, admin.AddLogs(ctx, "nonsense", []string{}, 0))
}

func TestFalconIsSteeredThroughTheControlClient(t *testing.T) {
	_, admin := start(t, simulator.Options{})
	ctx := t.Context()
	iocs, err := admin.FalconIOCs(ctx)
	require.NoError(t, err)
	require.Empty(t, iocs)
	ids, err := admin.AddFalconIOCs(ctx, control.IOC{Type: "domain", Value: "bad.example", Action: "detect", Severity: "high"})
	require.NoError(t, err)
	require.Len(t, ids, 1)
	require.NoError(t, admin.DeleteFalconIOC(ctx, "bad.example"))
	iocs, err = admin.FalconIOCs(ctx)
	require.NoError(t, err)
	require.Len(t, iocs, 1)
	require.True(t, iocs[0].Deleted)
	require.NoError(t, admin.Revoke(ctx, fault.Falcon))
	require.NoError(t, admin.SetCredentials(ctx, fault.Falcon, "a", "b"))
	require.NoError(t, admin.SetScopes(ctx, "IOC Management: Read"))
	require.NoError(t, admin.SetFalconModes(ctx, map[string]any{"lagMs": 1}))
}

func TestOnlyLoopbackAddressesAreListenedOn(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "example.com:80", "127.0.0.1", "[::]:0"} {
		_, err := simulator.Start(t.Context(), simulator.Options{AdminAddr: addr})
		require.Error(t, err, addr)
	}
	sim, _ := start(t, simulator.Options{MimecastAddr: "localhost:0"})
	require.Contains(t, sim.URLs.Mimecast, "127.0.0.1")
}

func TestTokenLifeAndCredentialsAreThoseOfTheOptions(t *testing.T) {
	sim, _ := start(t, simulator.Options{MimecastClientID: "other", MimecastClientSecret: "secret", TokenLife: 3 * time.Second})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"other"}, "client_secret": {"secret"}}
	resp, err := http.PostForm(sim.URLs.Mimecast+"/oauth/token", form)
	require.NoError(t, err)
	defer resp.Body.Close()
	var token map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&token))
	require.InDelta(t, 3, token["expires_in"], 0)
}
