package activities_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// installation is a Threat Share with a ledger, clients and a name of its own, at the vendors of a world.
type installation struct {
	*activities.Activities

	w    *world
	name string
}

func (w *world) install(name string) installation {
	w.t.Helper()
	store, err := ledger.Open(w.t.Context(), "sqlite:"+filepath.Join(w.t.TempDir(), "ledger.db"))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, store.Close()) })
	return installation{
		Activities: &activities.Activities{
			Vendors: w.clients(100), Guard: w.Guard, Ledger: store, Temporal: w.temporal, Queue: "queue", Now: w.clock.now,
		}, w: w, name: name,
	}
}

// of runs one step of an installation.
func of[T any](i installation, step, in any) T {
	i.w.t.Helper()
	theirs := *i.w
	theirs.Activities = i.Activities
	result, err := run[T](&theirs, step, in)
	require.NoError(i.w.t, err)
	return result
}

// cycle shares what an installation has found, and blocks what others list, reading all of it each time.
func (i installation) cycle(found ...indicator.Indicator) {
	i.w.t.Helper()
	of[activities.UploadIOCsResult](i, i.UploadIOCs, activities.UploadIOCsInput{
		Integration: i.name, SendToFalcon: i.w.settings.SendToFalcon, Indicators: found,
	})
	read := of[activities.FetchIOCsResult](i, i.FetchIOCs, activities.FetchIOCsInput{Integration: i.name, Sources: bothSources(), Withdraw: true})
	group := of[activities.SenderGroup](i, i.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: i.name})
	of[activities.AddBYOTIHashesResult](i, i.AddBYOTIHashes, activities.AddBYOTIHashesInput{
		BlockInput: activities.BlockInput{Integration: i.name, Source: indicator.IOCHashes, Findings: read.Found[indicator.IOCHashes]}, Limit: 1000,
	})
	of[activities.BlockResult](i, i.BlockSenderDomains, activities.BlockSenderDomainsInput{
		BlockInput: activities.BlockInput{Integration: i.name, Source: indicator.IOCDomains, Findings: read.Found[indicator.IOCDomains]}, GroupID: group.ID,
	})
	of[activities.WithdrawBlocksResult](i, i.WithdrawBlocks, activities.WithdrawBlocksInput{Integration: i.name, Sources: bothSources(), GroupID: group.ID})
}

// Two installations at the same tenants, of different names and of the same one. After the first cycle neither writes anything:
// each takes what carries its name for its own, and leaves the rest alone.
func TestFault_V26_TwoInstallationsLeaveEachOthersWorkAlone(t *testing.T) {
	for second, groups := range map[string]int{"globex": 2, acme: 1} {
		t.Run("acme and "+second, func(t *testing.T) {
			w := newImports(t)
			w.listed(iocHash(hash(1)), iocDomain("listed.top"))
			first, other := w.install(acme), w.install(second)
			cycle := func() {
				first.cycle(w.clicked("common.top"), w.clicked("first.top"))
				other.cycle(w.clicked("common.top"), w.clicked("second.top"))
				w.clock.pass(5 * time.Minute)
			}
			cycle()
			marks := func() map[string]string {
				all := map[string]string{}
				for value, ioc := range w.iocs() { // a value that is there twice fails the test
					all[value] = fmt.Sprint(ioc.ID, ioc.Source, ioc.Tags, ioc.Severity)
				}
				return all
			}
			before, blocks := marks(), w.mimecast()
			require.Len(t, before, 5)
			own := 0
			for _, group := range blocks.Groups {
				if group.Name == ownName || group.Name == "Mimecast Threat Share: "+second {
					own++
					require.Len(t, group.Members, 1, group.Name)
				}
			}
			require.Equal(t, groups, own)
			w.writes(fault.Falcon)
			for range scale.Of(10, 100) {
				cycle()
			}
			stats, err := w.vendors.Stats(t.Context())
			require.NoError(t, err)
			require.Empty(t, stats.Violations)
			require.Equal(t, map[string]int{fault.Falcon: 0, fault.Mimecast: 0}, stats.Writes)
			require.True(t, maps.Equal(before, marks()))
			require.Equal(t, blocks, w.mimecast())
		})
	}
}
