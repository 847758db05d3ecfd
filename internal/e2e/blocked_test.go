//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	sim "github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// byHandOf is who lists IOCs in Falcon by hand.
const byHandOf = "analyst@soc.example"

// byHand lists a value in Falcon as an analyst would.
func byHand(kind, value string) control.IOC {
	return control.IOC{
		Type: kind, Value: value, Action: "detect", Severity: "high", Platforms: []string{"windows"}, AppliedGlobally: true,
		Source: "analyst", CreatedBy: byHandOf,
	}
}

// hashes are made-up SHA-256 values that no traffic has.
func hashes(n int) []string {
	return lo.Times(n, func(i int) string { return fmt.Sprintf("%064x", 0xabc0000+i) })
}

func domains(n int) []string {
	return lo.Times(n, func(i int) string { return fmt.Sprintf("evil-%d.top", i) })
}

// list lists hashes and domains in Falcon by hand.
func (w *world) list(hashes, domains []string) {
	w.t.Helper()
	w.add(append(
		lo.Map(hashes, func(value string, _ int) control.IOC { return byHand("sha256", value) }),
		lo.Map(domains, func(value string, _ int) control.IOC { return byHand("domain", value) })...)...)
}

func (w *world) add(iocs ...control.IOC) {
	w.t.Helper()
	_, err := w.vendors.AddFalconIOCs(w.patient(), iocs...)
	require.NoError(w.t, err)
}

func (w *world) deleteIOCs(values ...string) {
	w.t.Helper()
	for _, value := range values {
		require.NoError(w.t, w.vendors.DeleteFalconIOC(w.patient(), value))
	}
}

// sendToMimecast are settings of these imports and of nothing else.
func sendToMimecast(imports map[string]any) func(map[string]any) {
	return func(document map[string]any) {
		document["sendToFalcon"] = map[string]any{}
		document["sendToMimecast"] = imports
	}
}

// on is a source that is switched on, with its options.
func on(options ...string) map[string]any {
	source := map[string]any{"enabled": true}
	for _, option := range options {
		source[option] = true
	}
	return source
}

// blocked is what an integration has blocked in Mimecast.
type blocked struct {
	hashes   []string // BYOTI
	members  []string // domains in its own group, which its own policy blocks
	policies []string // domains with a policy of their own
	urls     []string // domains whose URLs are blocked
}

// mimecast is everything that was written to Mimecast.
func (w *world) mimecast() mimecast.State {
	w.t.Helper()
	state, err := w.vendors.MimecastState(w.patient())
	require.NoError(w.t, err)
	return state
}

// ownName is what the integration calls its group, policies and managed URLs.
func (w *world) ownName() string { return "Mimecast Threat Share: " + w.name }

// split sorts what is in Mimecast into what the integration has made and what others have. BYOTI hashes do not say whose they
// are: those of others are the ones that were there when the analyst was last at work.
func (w *world) split(state mimecast.State) (own, foreign mimecast.State) {
	own = mimecast.State{BYOTI: map[string]string{}}
	foreign = mimecast.State{BYOTI: map[string]string{}, Incidents: w.foreign.Incidents, Mails: w.foreign.Mails}
	for hash, operation := range state.BYOTI {
		into := own.BYOTI
		if _, before := w.foreign.BYOTI[hash]; before {
			into = foreign.BYOTI
		}
		into[hash] = operation
	}
	isOwn := func(name string) bool { return name == w.ownName() }
	own.Groups, foreign.Groups = lo.FilterReject(state.Groups, func(g mimecast.GroupState, _ int) bool { return isOwn(g.Name) })
	own.Policies, foreign.Policies = lo.FilterReject(state.Policies, func(p mimecast.PolicyState, _ int) bool { return isOwn(p.Description) })
	own.ManagedURLs, foreign.ManagedURLs = lo.FilterReject(state.ManagedURLs, func(u mimecast.URLState, _ int) bool { return isOwn(u.Comment) })
	return own, foreign
}

// requireBlocked makes sure that Mimecast blocks exactly this for the integration, each value once and in the form that it has
// to have, and that what others made there is as it was.
func (w *world) requireBlocked(want blocked) {
	w.t.Helper()
	own, foreign := w.split(w.mimecast())
	require.Equal(w.t, w.foreign, foreign, "what others made in Mimecast is not touched")

	w.requireSame("hashes", want.hashes, slices.Collect(maps.Keys(own.BYOTI)))
	require.NotContains(w.t, slices.Collect(maps.Values(own.BYOTI)), "ALLOW")

	var members, policies, urls []string
	for _, group := range own.Groups {
		for _, member := range group.Members {
			require.Equal(w.t, "threatshare:"+w.name, member.Note)
			members = append(members, member.Domain)
		}
	}
	ofGroup := 0
	for _, policy := range own.Policies {
		require.Equal(w.t, "block_sender", policy.Option)
		require.True(w.t, policy.Enabled)
		if policy.FromType == "profile_group" {
			require.Equal(w.t, w.ownName(), policy.FromValue)
			ofGroup++
			continue
		}
		require.Equal(w.t, "email_domain", policy.FromType)
		policies = append(policies, policy.FromValue)
	}
	for _, entry := range own.ManagedURLs {
		require.Equal(w.t, [2]string{"domain", "block"}, [2]string{entry.MatchType, entry.Action})
		at, err := url.Parse(entry.URL)
		require.NoError(w.t, err)
		urls = append(urls, at.Hostname())
	}
	groups := 0
	if len(want.members) > 0 {
		groups = 1
	}
	require.Len(w.t, own.Groups, groups, "groups of the integration")
	require.Equal(w.t, groups, ofGroup, "policies on the integration's group")
	w.requireSame("members", want.members, members)
	w.requireSame("policies", want.policies, policies)
	w.requireSame("managed URLs", want.urls, urls)
}

// analyst does something in Mimecast by hand. Afterwards everything there is taken to be somebody else's, so that is before the
// integration starts.
func (w *world) analyst(calls ...func(*console)) {
	w.t.Helper()
	c := w.signIn()
	for _, call := range calls {
		call(c)
	}
	w.foreign = w.mimecast()
	require.NoError(w.t, w.vendors.Reset(w.patient()))
}

// signIn gives an analyst's console of Mimecast.
func (w *world) signIn() *console {
	w.t.Helper()
	c := &console{w: w}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {sim.DemoClientID}, "client_secret": {sim.DemoMimecastSecret}}
	c.token = c.send(http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode())).AccessToken
	return c
}

// console is what an analyst has signed in to.
type console struct {
	w     *world
	token string
}

// answered is what is read of any answer.
type answered struct {
	AccessToken string            `json:"access_token"`
	ID          string            `json:"id"`
	Fail        []json.RawMessage `json:"fail"`
}

func (c *console) call(method, path string, body any) answered {
	c.w.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(c.w.t, err)
	return c.send(method, path, "application/json", bytes.NewReader(encoded))
}

func (c *console) send(method, path, contentType string, body io.Reader) answered {
	c.w.t.Helper()
	req, err := http.NewRequestWithContext(c.w.patient(), method, c.w.simulator.Mimecast+path, body)
	require.NoError(c.w.t, err)
	req.Header.Set("Content-Type", contentType)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(c.w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(c.w.t, err)
	require.Equal(c.w.t, http.StatusOK, res.StatusCode, "%s %s: %s", method, path, text)
	var out answered
	require.NoError(c.w.t, json.Unmarshal(text, &out), "%s", text)
	require.Empty(c.w.t, out.Fail, "%s %s: %s", method, path, text)
	return out
}

func ownHash(operation, hash string) func(*console) {
	return func(c *console) {
		c.call(http.MethodPost, "/api/byo-threat-intelligence/create-batch", map[string]any{"data": []any{map[string]any{
			"operationType": operation, "hashList": []any{map[string]string{"hash": hash}},
		}}})
	}
}

func managedURL(action, domain string) func(*console) {
	return func(c *console) {
		c.call(http.MethodPost, "/api/ttp/url/create-managed-url", map[string]any{"data": []any{map[string]any{
			"url": "https://" + domain, "action": action, "matchType": "domain", "comment": "by hand",
		}}})
	}
}

func senderPolicy(option, domain string) func(*console) {
	return func(c *console) {
		c.call(http.MethodPost, "/policy-management/cloud-gateway/v1/blocked-senders/policies", map[string]any{
			"option": option, "description": "by hand", "fromPart": "both",
			"from": map[string]string{"type": "email_domain", "domain": domain}, "to": map[string]string{"type": "everyone"},
		})
	}
}

// groupWith makes a group with a member.
func groupWith(name, domain string) func(*console) {
	return func(c *console) {
		made := c.call(http.MethodPost, "/directory/cloud-gateway/v1/groups", map[string]string{"description": name})
		c.member(made.ID, domain)
	}
}

// memberOf puts a member into a group that is there.
func (c *console) memberOf(name, domain string) {
	c.w.t.Helper()
	group, found := lo.Find(c.w.mimecast().Groups, func(group mimecast.GroupState) bool { return group.Name == name })
	require.True(c.w.t, found, name)
	c.member(group.ID, domain)
}

func (c *console) member(group, domain string) {
	c.w.t.Helper()
	c.call(http.MethodPost, "/directory/cloud-gateway/v1/groups/"+url.PathEscape(group)+"/members", map[string]any{
		"groupMembers": []any{map[string]string{"domain": domain, "note": "by hand"}},
	})
}

func mimecastLimits(hashes int) mimecast.Limits { return mimecast.Limits{BYOTIHashes: &hashes} }
