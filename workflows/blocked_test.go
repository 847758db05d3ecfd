package workflows_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// ownName is what the integration is called in everything that it makes.
const ownName = "Mimecast Threat Share: " + integrationName

// blocked is what the integration has made at Mimecast, each value as often as it is there.
type blocked struct {
	Hashes   []string // in BYOTI
	Senders  []string // members of the own group
	Policies []string // of one domain each
	URLs     []string // managed URLs
}

// blocked reads what there is, and makes sure that nothing is there twice.
func (w *world) blocked() blocked {
	w.t.Helper()
	state, err := w.vendors.MimecastState(w.t.Context())
	require.NoError(w.t, err)
	var found blocked
	groups := 0
	for hash := range state.BYOTI {
		found.Hashes = append(found.Hashes, hash)
	}
	for _, group := range state.Groups {
		if group.Name != ownName {
			continue
		}
		groups++
		for _, member := range group.Members {
			found.Senders = append(found.Senders, member.Domain)
		}
	}
	onGroup := 0
	for _, policy := range state.Policies {
		switch {
		case policy.Description != ownName:
		case policy.FromType == "profile_group":
			onGroup++
		default:
			found.Policies = append(found.Policies, policy.FromValue)
		}
	}
	for _, entry := range state.ManagedURLs {
		if entry.Comment == ownName {
			found.URLs = append(found.URLs, entry.URL)
		}
	}
	require.LessOrEqual(w.t, groups, 1, "groups of the integration's name")
	require.LessOrEqual(w.t, onGroup, 1, "policies on the group")
	for _, values := range []*[]string{&found.Hashes, &found.Senders, &found.Policies, &found.URLs} {
		slices.Sort(*values)
		require.Equal(w.t, slices.Compact(slices.Clone(*values)), *values, "nothing twice")
	}
	return found
}

// ownIOCs are the integration's IOCs at Falcon that are not deleted: value to severity.
func (w *world) ownIOCs() map[string]string {
	w.t.Helper()
	all, err := w.vendors.FalconIOCs(w.t.Context())
	require.NoError(w.t, err)
	own := map[string]string{}
	for _, ioc := range all {
		if ioc.Source == ownName && !ioc.Deleted {
			require.NotContains(w.t, own, ioc.Value, "there twice")
			own[ioc.Value] = ioc.Severity
		}
	}
	return own
}

// writes is how many records both vendors' APIs have made or changed since the last call.
func (w *world) writes() int {
	w.t.Helper()
	stats, err := w.vendors.Stats(w.t.Context())
	require.NoError(w.t, err)
	require.Empty(w.t, stats.Violations)
	require.NoError(w.t, w.vendors.Reset(w.t.Context()))
	return stats.Writes[fault.Mimecast] + stats.Writes[fault.Falcon]
}

// books is everything in the ledger.
func (w *world) books() []ledger.Entry {
	w.t.Helper()
	var all []ledger.Entry
	query := ledger.Query{Integration: integrationName, Limit: ledger.MaxLimit}
	for {
		entries, err := w.store.Search(w.t.Context(), query)
		require.NoError(w.t, err)
		all = append(all, entries...)
		if len(entries) < query.Limit {
			return all
		}
		query.After = entries[len(entries)-1].Position()
	}
}

// booked are the values on a list that are in a state, sorted.
func (w *world) booked(list ledger.List, state ledger.State) []string {
	w.t.Helper()
	values := []string{}
	for _, entry := range w.books() {
		if entry.List == list && entry.State == state {
			values = append(values, entry.Value)
		}
	}
	slices.Sort(values)
	return values
}

// lists puts records on Falcon's IOC list as a person would.
func (w *world) lists(iocs ...control.IOC) {
	w.t.Helper()
	_, err := w.vendors.AddFalconIOCs(w.t.Context(), iocs...)
	require.NoError(w.t, err)
}

// roomFor sets how many hashes Mimecast keeps.
func (w *world) roomFor(hashes int) {
	w.t.Helper()
	require.NoError(w.t, w.vendors.SetLimits(w.t.Context(), mimecast.Limits{BYOTIHashes: &hashes}))
}

func (w *world) alerts(alerts ...control.Alert) {
	w.t.Helper()
	for i := range alerts {
		if alerts[i].Created == "" {
			alerts[i] = alerts[i].At(w.clock.now())
		}
	}
	require.NoError(w.t, w.vendors.AddFalconAlerts(w.t.Context(), alerts))
}

// delivers puts n mails from an address with attachments into mailboxes, a day ago.
func (w *world) delivers(n int, from string, hashes ...string) {
	w.t.Helper()
	for i := range n {
		mail := control.DeliveredMail(fmt.Sprintf("<%d.%s>", i, from), from, w.clock.now().Add(-24*time.Hour), hashes...)
		require.NoError(w.t, w.vendors.AddMessages(w.t.Context(), mail))
	}
}

func sha(n int) string { return fmt.Sprintf("%064x", 0xc0ffee00+n) }

func hashIOC(n int) control.IOC {
	return control.IOC{Type: "sha256", Value: sha(n), Action: "prevent", Severity: "high"}
}

func domainIOC(value string) control.IOC {
	return control.IOC{Type: "domain", Value: value, Action: "detect", Severity: "high"}
}

// bad is a domain that the guard lets pass.
func bad(n int) string { return fmt.Sprintf("bad-%d.top", n) }

// manyIOCs are hashes and domains, numbered from 0.
func manyIOCs(hashes, domains int) []control.IOC {
	iocs := make([]control.IOC, 0, hashes+domains)
	for n := range hashes {
		iocs = append(iocs, hashIOC(n))
	}
	for n := range domains {
		iocs = append(iocs, domainIOC(bad(n)))
	}
	return iocs
}

func values(n int, of func(int) string) []string {
	all := make([]string, 0, n)
	for i := range n {
		all = append(all, of(i))
	}
	slices.Sort(all)
	return all
}
