package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// news gives every source something to share.
func (w *world) news(n int) {
	w.t.Helper()
	at := w.clock.now()
	w.log(mimecast.Attachment, attachment(at, sha(900+n), n))
	w.log(mimecast.URL, click(at, fmt.Sprintf("clicked-%d.top", n), n, nil))
	w.log(mimecast.Impersonation, impersonation(at, fmt.Sprintf("forged-%d.top", n), n))
	w.lists(hashIOC(n), domainIOC(bad(n)))
	w.alerts(control.DomainAlert(alerted(n)))
	w.clock.pass(time.Minute)
}

// callsTo is how often a vendor was called under a path with a method, which may be empty, since the last call of writes.
func (w *world) callsTo(vendor, method, path string) int {
	w.t.Helper()
	stats, err := w.vendors.Stats(w.t.Context())
	require.NoError(w.t, err)
	n := 0
	for operation, calls := range stats.Calls[vendor] {
		if called, under, _ := strings.Cut(operation, " "); (method == "" || called == method) && strings.HasPrefix(under, path) {
			n += calls
		}
	}
	return n
}

// A permission is missing: one call of the run finds that out, the message says which, the others go on, and the next run does not
// ask again.
func TestFault_V4_AMissingPermissionCostsOneCallAndParksItsPartOnly(t *testing.T) {
	without := func(scope string) func(*world) {
		return func(w *world) {
			scopes := []string{"IOC Management: Read", "IOC Management: Write", "Alerts: Read"}
			require.NoError(w.t, w.vendors.SetScopes(w.t.Context(), strings.Split(strings.Trim(strings.ReplaceAll(
				"|"+strings.Join(scopes, "|")+"|", "|"+scope+"|", "|"), "|"), "|")...))
		}
	}
	denied := func(path string) func(*world) {
		return func(w *world) { require.NoError(w.t, w.vendors.Deny(w.t.Context(), path)) }
	}
	for name, row := range map[string]struct {
		deny                 func(*world)
		flow                 string
		vendor, method, path string
		says                 []string
		others               func(w *world) int // what goes on in the same run
	}{
		"a log": {
			denied("/api/ttp/attachment/"), settings.FlowShareTTPLogs, fault.Mimecast, "POST", "/api/ttp/attachment/",
			[]string{"Mimecast answered 403 to POST /api/ttp/attachment/get-logs", "Attachment"},
			func(w *world) int { return len(w.ownIOCs()) },
		},
		"writing IOCs": {
			without("IOC Management: Write"), settings.FlowShareTTPLogs, fault.Falcon, "POST", "/iocs/entities/indicators/",
			[]string{"Falcon answered 403 to POST /iocs/entities/indicators/v1", "lacks the scope IOC Management: Write"},
			nil,
		},
		"reading IOCs": {
			without("IOC Management: Read"), settings.FlowImportIOCs, fault.Falcon, "GET", "/iocs/combined/",
			[]string{"Falcon answered 403 to GET /iocs/combined/indicator/v1", "lacks the scope IOC Management: Read"},
			nil,
		},
		"alerts": {
			without("Alerts: Read"), settings.FlowImportAlerts, fault.Falcon, "POST", "/alerts/",
			[]string{"Falcon answered 403 to POST /alerts/combined/alerts/v1", "lacks the scope Alerts: Read"},
			nil,
		},
		"hashes": {
			denied("/api/byo-threat-intelligence/create-batch"), settings.FlowImportIOCs, fault.Mimecast, "POST", "/api/byo-threat-intelligence/create-batch",
			[]string{"Mimecast answered 403 to POST /api/byo-threat-intelligence/create-batch"},
			func(w *world) int { return len(w.blocked().Senders) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.news(0)
			row.deny(w)
			w.writes()
			_, err := w.attempt(row.flow)
			require.Error(t, err)
			for _, words := range row.says {
				require.Contains(t, err.Error(), words)
			}
			require.Equal(t, activities.VendorForbidden, activities.ProblemOf(err).Type)
			require.Equal(t, 1, w.callsTo(row.vendor, row.method, row.path))
			if row.others != nil {
				require.Positive(t, row.others(w), "the others go on")
			}
		})
	}
}

// The list of hashes is full, and stays so. Nobody's entry goes for it, no hash is tried, and the run asks once how full it is.
func TestFault_V15_AFullListIsAskedOnceARunAndNothingIsTried(t *testing.T) {
	w := newWorld(t)
	w.roomFor(3)
	w.lists(manyIOCs(5, 1)...)
	w.clock.pass(time.Minute)
	_, err := w.attempt(settings.FlowImportIOCs)
	require.Equal(t, activities.VendorQuota, activities.ProblemOf(err).Type)
	full := w.blocked().Hashes
	require.Len(t, full, 3)
	w.writes()
	const create, count = "/api/byo-threat-intelligence/create-batch", "/api/byo-threat-intelligence/get-quota"
	for n := range 10 {
		w.lists(hashIOC(100+n), domainIOC(bad(100+n)))
		w.clock.pass(5 * time.Minute)
		_, err := w.attempt(settings.FlowImportIOCs)
		require.NoError(t, err, "it is parked, which is no failure of this run")
		require.Zero(t, w.callsTo(fault.Mimecast, "", create))
		require.Zero(t, w.callsTo(fault.Mimecast, "", count), "while it is parked nobody asks")
		w.writes()

		w.reconnect() // a person says that there is room, and there is none
		w.forget(settings.FlowImportIOCs)
		_, err = w.attempt(settings.FlowImportIOCs)
		require.Equal(t, activities.VendorQuota, activities.ProblemOf(err).Type)
		require.Zero(t, w.callsTo(fault.Mimecast, "", create), "creates attempted")
		require.Equal(t, 1, w.callsTo(fault.Mimecast, "", count), "count calls")
		w.writes()
	}
	require.Equal(t, full, w.blocked().Hashes, "nobody's entry went for another")
	require.Len(t, w.blocked().Senders, 11, "the domains go on")
	w.roomFor(100)
	w.reconnect()
	w.forget(settings.FlowImportIOCs)
	w.run(settings.FlowImportIOCs)
	require.Len(t, w.blocked().Hashes, 15)
}

// What is written shows only half a minute later, at both vendors, and answers to writes get lost meanwhile.
func TestFault_V25_WhatShowsLateIsNotMadeTwice(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	quirks := mimecast.DefaultQuirks()
	quirks.LagMS = 30_000
	require.NoError(t, w.vendors.SetQuirks(t.Context(), quirks))
	require.NoError(t, w.vendors.SetFalconModes(t.Context(), map[string]any{"lagMs": 30_000}))
	for _, path := range []string{"/iocs/entities/indicators/v1", "/api/byo-threat-intelligence/create-batch", "/api/ttp/url/create-managed-url"} {
		require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Method: "POST", Path: path, Kind: fault.ResetAfter, After: 1, Count: 3}))
	}
	const rounds = 6
	for n := range rounds {
		w.news(n)
		w.atOnce(settings.Flows()...)
		w.clock.pass(10 * time.Second) // the next run comes before everything shows
	}
	states, err := w.vendors.Faults(t.Context())
	require.NoError(t, err)
	for _, state := range states {
		require.Equal(t, 3, state.Fired, state.Path)
	}
	w.clock.pass(time.Minute)
	w.run(settings.Flows()...)
	made := w.blocked() // nothing twice
	require.Equal(t, values(rounds, sha), made.Hashes)
	require.Equal(t, values(rounds, bad), made.Senders)
	require.Equal(t, values(rounds, alerted), made.Policies)
	require.Len(t, made.URLs, 2*rounds)
	require.Len(t, w.ownIOCs(), 3*rounds)
	require.Empty(t, w.booked(ledger.ManagedURLs, ledger.Foreign))
	w.writes()
	w.run(settings.Flows()...)
	require.Zero(t, w.writes())
}
