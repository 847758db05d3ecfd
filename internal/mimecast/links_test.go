package mimecast_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// clicks is the answer of the URL log with a malicious record for each address.
func clicks(addresses ...string) answer {
	records := make([]fields, 0, len(addresses))
	for i, address := range addresses {
		records = append(records, threats()[indicator.URLDomains].with(fields{"url": address, "messageId": fmt.Sprintf("<%d@bad.test>", i)}))
	}
	body, _ := json.Marshal(map[string]any{"data": []any{map[string]any{"clickLogs": records}}})
	return answer{body: string(body)}
}

func rewrittenLink(i int) string { return fmt.Sprintf("https://protect-eu.mimecast.com/s/%d", i) }

func rewrittenLinks(n int) []string {
	links := make([]string, 0, n)
	for i := range n {
		links = append(links, rewrittenLink(i))
	}
	return links
}

// decoder is a Mimecast whose decode-url knows every link but those that hold "bad".
type decoder struct {
	mu    sync.Mutex
	asked [][]string
	// refuse makes the answer for a call with bad links in it.
	refuse func(w http.ResponseWriter, good, bad []string)
}

func (d *decoder) serve(t *testing.T, links answer) *mimecast.Client {
	t.Helper()
	f := newFake(t)
	f.says(urlPath, links)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != decodePath {
			f.serve(w, r)
			return
		}
		var request struct {
			Data []struct {
				URL string `json:"url"`
			} `json:"data"`
		}
		if json.NewDecoder(r.Body).Decode(&request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var all, good, bad []string
		for _, link := range request.Data {
			all = append(all, link.URL)
			if strings.Contains(link.URL, "bad") {
				bad = append(bad, link.URL)
			} else {
				good = append(good, link.URL)
			}
		}
		d.mu.Lock()
		d.asked = append(d.asked, all)
		d.mu.Unlock()
		if len(bad) > 0 {
			d.refuse(w, good, bad)
			return
		}
		_, _ = fmt.Fprintf(w, `{"meta":{"status":200},"data":[%s],"fail":[]}`, entries(good))
	}))
	t.Cleanup(server.Close)
	client, err := mimecast.New(mimecast.Config{BaseURL: server.URL, ClientID: clientID, ClientSecret: secret(clientSecret)})
	require.NoError(t, err)
	return client
}

// entries are the answer's objects for links that can be decoded.
func entries(links []string) string {
	var list []string
	for _, link := range links {
		list = append(list, fmt.Sprintf(`{"url":%q,"success":true}`, decodedLink(link)))
	}
	return strings.Join(list, ",")
}

func decodedLink(link string) string {
	return "https://target-" + link[strings.LastIndexByte(link, '/')+1:] + ".test/"
}

func TestRewrittenLinksAreReplacedByWhatTheyStandFor(t *testing.T) {
	f := newFake(t)
	regional, bare := "https://protect-us.mimecast.com/s/a?domain=x.test", "https://url.us.m.mimecastprotect.com/s/b"
	f.says(urlPath, clicks(regional, "https://plain.test/", bare, regional))
	f.says(decodePath, answer{body: `{"meta":{"status":200},"data":[{"url":"https://one.test/a","success":true},{"url":"https://two.test/b","success":true}]}`})
	page, err := f.client().TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains})
	require.NoError(t, err)
	require.Equal(t, []string{"https://one.test/a", "https://plain.test/", "https://two.test/b", "https://one.test/a"}, raws(page))
	calls := f.asked(decodePath)
	require.Len(t, calls, 1)
	require.Equal(t, "POST", calls[0].method)
	require.JSONEq(t, fmt.Sprintf(`{"data":[{"url":%q},{"url":%q}]}`, regional, bare), calls[0].body, "each link once")
}

func TestOnlyLinksOfMaliciousRecordsToMimecastsHostsAreDecoded(t *testing.T) {
	f := newFake(t)
	f.says(urlPath, clicks("https://protect-eu.mimecast.com.bad.test/s/a", "https://www.mimecast.com/", "https://notmimecastprotect.com/",
		"https://bad.test/?u=https://protect-eu.mimecast.com/s/a", "https://protect-eu.mimecast.com/"+strings.Repeat("x", 3000), "::"))
	_, err := f.client().TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains})
	require.NoError(t, err)
	require.Empty(t, f.asked(decodePath))

	clean := strings.ReplaceAll(clicks(rewrittenLink(1)).body, `"malicious"`, `"clean"`)
	_, err = f.read(indicator.Query{Source: indicator.URLDomains}, answer{body: clean})
	require.NoError(t, err)
	require.Empty(t, f.asked(decodePath))
}

func TestLinksAreDecodedTwentyFiveACallAndOnlyOnce(t *testing.T) {
	d := &decoder{}
	links := rewrittenLinks(60)
	client := d.serve(t, clicks(links...))
	for range 2 {
		page, err := client.TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains})
		require.NoError(t, err)
		for i, raw := range raws(page) {
			require.Equal(t, decodedLink(links[i]), raw)
		}
	}
	require.Len(t, d.asked, 3, "the second reading costs no call")
	require.Len(t, d.asked[0], 25)
	require.Len(t, d.asked[2], 10)
}

func TestALinkThatCannotBeDecodedStaysAndTheOthersAreDecoded(t *testing.T) {
	links := rewrittenLinks(24)
	links = append(links[:12:12], append([]string{"https://protect-eu.mimecast.com/s/bad"}, links[12:]...)...)
	notSuccessful := func(w http.ResponseWriter, good, _ []string) {
		cut := 12 * (len(good) / 24)
		_, _ = fmt.Fprintf(w, `{"data":[%s,{"url":"https://protect-eu.mimecast.com/s/bad","success":false},%s]}`, entries(good[:cut]), entries(good[cut:]))
	}
	named := func(w http.ResponseWriter, good, bad []string) {
		_, _ = fmt.Fprintf(w, `{"data":[%s],"fail":[{"key":{"url":%q},"errors":[{"code":"err_never_heard_of"}]}]}`, entries(good), bad[0])
	}
	unnamed := func(w http.ResponseWriter, good, _ []string) {
		_, _ = fmt.Fprintf(w, `{"data":[%s],"fail":[{"errors":[{"code":"err_never_heard_of"}]}]}`, entries(good))
	}
	short := func(w http.ResponseWriter, good, _ []string) { _, _ = fmt.Fprintf(w, `{"data":[%s]}`, entries(good)) }
	whole := func(w http.ResponseWriter, _, _ []string) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"fail":[{"errors":[{"code":"err_validation_url"}]}]}`))
	}
	atSuccess := func(w http.ResponseWriter, _, _ []string) {
		_, _ = w.Write([]byte(`{"data":[],"fail":[{"errors":[{"code":"err_never_heard_of"}]}]}`))
	}
	for name, c := range map[string]struct {
		refuse func(http.ResponseWriter, []string, []string)
		calls  int
	}{
		"success is false":         {notSuccessful, 1},
		"the error names the link": {named, 1},
		"the error names nothing":  {unnamed, 11},
		"it is left out":           {short, 11},
		"all are refused":          {whole, 11},
		"all are refused at 200":   {atSuccess, 11},
	} {
		d := &decoder{refuse: c.refuse}
		page, err := d.serve(t, clicks(links...)).TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains})
		require.NoError(t, err, name)
		for i, raw := range raws(page) {
			want := decodedLink(links[i])
			if i == 12 {
				want = links[i]
			}
			require.Equal(t, want, raw, name)
		}
		require.LessOrEqual(t, len(d.asked), c.calls, name)
	}
}

func TestALinkThatDecodesToARewrittenOneStays(t *testing.T) {
	f := newFake(t)
	f.says(decodePath, answer{body: `{"data":[{"url":"https://protect-xx.mimecast.com/","success":true}]}`})
	page, err := f.read(indicator.Query{Source: indicator.URLDomains}, clicks(rewrittenLink(1)))
	require.NoError(t, err)
	require.Equal(t, []string{rewrittenLink(1)}, raws(page))
}

func TestWhatTimeCanHealFailsThePageAndAMissingPermissionDoesNot(t *testing.T) {
	for _, c := range []struct {
		told  answer
		class vendorapi.Class // "": the page is given with the link as it stands
	}{
		{answer{status: 429, header: http.Header{"Retry-After": {"1"}}}, vendorapi.Throttled},
		{answer{status: 503}, vendorapi.Unavailable},
		{answer{status: 200, body: "<html></html>"}, vendorapi.Contract},
		{answer{status: 401}, vendorapi.Credentials},
		{answer{status: 200, body: `{"data":[],"fail":[{"errors":[{"code":"err_busy","retryable":true}]}]}`}, vendorapi.Unavailable},
		{answer{status: 403, body: file(t, "error-gateway.json")}, ""},
		{answer{status: 400, body: `{"fail":[{"code":"err_validation_url"}]}`}, ""},
		{answer{status: 404}, ""},
		{answer{status: 200, body: `{"data":[]}`}, ""},
	} {
		f := newFake(t)
		f.says(decodePath, c.told)
		page, err := f.read(indicator.Query{Source: indicator.URLDomains}, clicks(rewrittenLink(1)))
		if c.class != "" {
			require.Equal(t, c.class, refusalOf(t, err).Class, "%v", c.told)
			require.Empty(t, page.Sightings)
			continue
		}
		require.NoError(t, err, "%v", c.told)
		require.Equal(t, []string{rewrittenLink(1)}, raws(page))
	}
}

func TestAnAbandonedDecodingFailsThePage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	given := make(chan struct{}) // no answer before the call is given up
	d := &decoder{refuse: func(http.ResponseWriter, []string, []string) { cancel(); <-given }}
	_, err := d.serve(t, clicks("https://protect-eu.mimecast.com/s/bad")).TTPLogs(ctx, indicator.Query{Source: indicator.URLDomains})
	close(given)
	require.ErrorIs(t, err, context.Canceled)
}

func TestTheOldestLinkGivesWayWhenTheMemoryIsFull(t *testing.T) {
	links := rewrittenLinks(7)
	require.Equal(t, links[4:], mimecast.RememberLinks(3, links))
	require.Equal(t, links, mimecast.RememberLinks(7, links))
	require.Equal(t, []string{"a", "a", "b"}, mimecast.RememberLinks(2, []string{"a", "a", "b"}), "remembering twice takes one place")
}
