package activities_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
)

// loop is how a list goes on that does not end. next answers page n, counted from 1 over the whole reading: with which token, and
// whether the page is empty. A token that was not given is refused where refused says so.
type loop struct {
	next    func(n int) (token string, empty bool)
	refused bool
	// turns is the call with which it is plain that the list does not end, and twice ten thousand pages are where nobody believes
	// in an end any more.
	turns int
	// read is how many pages lie behind a reading that goes on; 0: it begins.
	read int
	// ends says that the reading ends there as if the list did: it holds all that there is.
	ends bool
}

func loops() map[string]loop {
	return map[string]loop{
		"the same token again and again": {next: func(int) (string, bool) { return "a", false }, turns: 2, ends: true},
		"a circle of two":                {next: func(n int) (string, bool) { return fmt.Sprint("t", n%2), false }, turns: 3, ends: true},
		"empty pages with a token":       {next: func(n int) (string, bool) { return fmt.Sprint("t", n), n > 1 }, turns: 2, ends: true},
		// Over more steps than one; the way to find it takes three rounds of it at most.
		"a circle of fifty": {next: func(n int) (string, bool) { return fmt.Sprint("t", n%50), false }, turns: 3 * 50},
		"tokens without end": {
			next: func(n int) (string, bool) { return fmt.Sprint("t", n), false }, read: scale.Of(9_990, 0), turns: scale.Of(10, 2*10_000),
		},
		"tokens of another query's": {next: func(n int) (string, bool) { return fmt.Sprint("t", n), false }, refused: true, turns: 9},
	}
}

// looping is both vendors, whose lists do not end.
type looping struct {
	loop
	log, list, alerts string // a page of each, with one record and %q for the token

	mu    sync.Mutex
	pages int
}

func (l *looping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		_, _ = w.Write([]byte(`{"access_token":"a-token-of-the-tests","expires_in":1799}`))
	case strings.HasPrefix(r.URL.Path, "/domain/"):
		_, _ = w.Write([]byte(`{"internalDomains":[{"domain":"own.example"}],"data":[{"domain":"own.example"}]}`))
	case strings.HasPrefix(r.URL.Path, "/api/ttp/"):
		var asked struct {
			Meta struct {
				Pagination struct {
					PageToken string `json:"pageToken"`
				} `json:"pagination"`
			} `json:"meta"`
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		l.answer(w, asked.Meta.Pagination.PageToken, l.log, `{"meta":{"pagination":{"next":%q}},"data":[{"attachmentLogs":[]}],"fail":[]}`)
	case strings.HasPrefix(r.URL.Path, "/alerts/"):
		var asked struct {
			After string `json:"after"`
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		l.answer(w, asked.After, l.alerts, `{"meta":{"pagination":{"total":99,"after":%q}},"resources":[],"errors":[]}`)
	case r.URL.Query().Has("sort"):
		l.answer(w, r.URL.Query().Get("after"), l.list, `{"meta":{"pagination":{"total":9999999,"after":%q}},"resources":[],"errors":[]}`)
	default: // a look-up
		_, _ = w.Write([]byte(`{"meta":{"pagination":{"total":0}},"resources":[],"errors":[]}`))
	}
}

func (l *looping) answer(w http.ResponseWriter, asked, page, emptyPage string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages++
	if asked != "" && l.refused {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"fail":[{"errors":[{"code":"err_validation_page_token","message":"invalid page token"}]}],"errors":[{"code":400,"message":"invalid after"}]}`))
		return
	}
	token, isEmpty := l.next(l.pages)
	if isEmpty {
		page = emptyPage
	}
	_, _ = fmt.Fprintf(w, page, token)
}

// A list that does not end is read for as long as it may be one that does, and no longer.
func TestFault_V16_AListThatDoesNotEndIsLeftInTwoCallsAtMost(t *testing.T) {
	at := time.Now().Add(-time.Hour).UTC()
	record := attachment(at, hash(1))
	encoded, err := json.Marshal(record)
	require.NoError(t, err)
	for shape, l := range loops() {
		readings := map[string]func(w *world, cursor activities.Cursor) (activities.Cursor, bool, error){
			"log": func(w *world, cursor activities.Cursor) (activities.Cursor, bool, error) {
				read, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.AttachmentHashes, cursor))
				return read.Cursor, read.More, err
			},
			"list": func(w *world, cursor activities.Cursor) (activities.Cursor, bool, error) {
				read, err := run[activities.FetchIOCsResult](w, w.FetchIOCs, activities.FetchIOCsInput{
					Integration: acme, Sources: []indicator.Source{indicator.IOCHashes}, Cursor: cursor,
				})
				return read.Cursor, read.More, err
			},
			"alerts": func(w *world, cursor activities.Cursor) (activities.Cursor, bool, error) {
				read, err := run[activities.FetchAlertsResult](w, w.FetchAlerts, activities.FetchAlertsInput{
					Integration: acme, Cursor: cursor, Since: at.Add(-time.Hour),
				})
				return read.Cursor, read.More, err
			},
		}
		for name, read := range readings {
			t.Run(shape+" of a "+name, func(t *testing.T) {
				w := newWorld(t)
				v := &looping{
					loop: l,
					log:  `{"meta":{"pagination":{"next":%q}},"data":[{"attachmentLogs":[` + string(encoded) + `]}],"fail":[]}`,
					list: `{"meta":{"pagination":{"limit":1,"total":9999999,"after":%q}},"resources":[{"id":"i1","type":"sha256","value":"` + hash(1) +
						`","action":"prevent","modified_on":"` + at.Format(time.RFC3339) + `"}],"errors":[]}`,
					alerts: `{"meta":{"pagination":{"total":99,"after":%q}},"resources":[{"composite_id":"c1","created_timestamp":"` +
						at.Format(time.RFC3339) + `","updated_timestamp":"` + at.Format(time.RFC3339) + `"}],"errors":[]}`,
				}
				w.meet(v)
				var cursor activities.Cursor
				if l.read > 0 {
					cursor = activities.Cursor{Newest: at, From: at.Add(-time.Minute), To: time.Now(), Page: "t0", Pages: l.read}
				}
				var err error
				for runs := 0; err == nil && (runs == 0 || runs == 1 && !l.ends); runs++ {
					for more := true; more && err == nil; {
						require.LessOrEqual(t, v.pages, l.turns+2, "it goes on and on")
						cursor, more, err = read(w, cursor)
					}
				}
				if err != nil {
					refusedAs(t, err, activities.VendorContract, true)
				}
				t.Logf("%d calls, %v", v.pages, err)
				require.LessOrEqual(t, v.pages, l.turns+2)
				require.True(t, l.ends || err != nil, "nobody is told")
				if l.refused { // the next run, some minutes later, is not stopped by what this one has met
					w.clock.pass(5 * time.Minute)
					_, _, err = read(w, cursor)
					require.NoError(t, err)
				}
			})
		}
	}
}

// meet lets new clients of both vendors meet a server that stands for both.
func (w *world) meet(vendors http.Handler) {
	w.t.Helper()
	server := httptest.NewServer(vendors)
	w.t.Cleanup(server.Close)
	m, err := mimecast.New(mimecast.Config{BaseURL: server.URL, ClientID: "an-id", ClientSecret: config.NewSecret("a-secret-of-the-tests")})
	require.NoError(w.t, err)
	f, err := falcon.New(falcon.Config{BaseURL: server.URL, ClientID: "an-id", ClientSecret: config.NewSecret("a-secret-of-the-tests")})
	require.NoError(w.t, err)
	w.Vendors = &clients{mimecast: m, falcon: f}
}
