package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/seed"
	"github.com/threatshare/threatshare/workflows"
)

func TestTheStageIsSetUpAndChangedAtTheSimulator(t *testing.T) {
	sim, err := simulator.Start(t.Context(), simulator.Options{Traffic: seed.Options{Seed: 1, Records: 200, Indicators: 40}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close(context.WithoutCancel(t.Context()))) })
	vendors := control.New(sim.URLs.Admin)
	staged, err := setUp(t.Context(), vendors)
	require.NoError(t, err)
	require.Equal(t, 40+listedHashes+listedDomains+alertDomains, staged.values)
	require.NoError(t, staged.change(t.Context()))
	listed, err := vendors.FalconIOCs(t.Context())
	require.NoError(t, err)
	var deleted []string
	for _, ioc := range listed {
		require.NotEqual(t, staged.ours, ioc.Value, "the integration could not list it any more")
		if ioc.Deleted {
			deleted = append(deleted, ioc.Value)
		}
	}
	require.Equal(t, []string{domainGone}, deleted)
}

func TestTheSettingsOfTheDemoSwitchEverythingOn(t *testing.T) {
	parsed, err := settings.Parse([]byte(settingsText))
	require.NoError(t, err)
	require.Equal(t, name, parsed.Name)
	for _, flow := range settings.Flows() {
		for _, part := range settings.Parts(flow) {
			require.True(t, parsed.PartEnabled(part), part)
		}
	}
}

func TestTheSecondActEndsWithTheWithdrawalTheEchoAndTheMail(t *testing.T) {
	done := func() workflows.Status {
		flow := func(source indicator.Source, counts activities.Counts) workflows.FlowStatus {
			return workflows.FlowStatus{
				FlowState: workflows.FlowState{State: workflows.FlowIdle}, Sources: map[indicator.Source]activities.Counts{source: counts},
			}
		}
		return workflows.Status{Remediations: &activities.Remediations{Done: 3}, Flows: map[string]workflows.FlowStatus{
			settings.FlowImportIOCs:   flow(indicator.IOCDomains, activities.Counts{Withdrawn: 1}),
			settings.FlowImportAlerts: flow(indicator.AlertDomains, activities.Counts{Echo: 1}),
		}}
	}
	require.NoError(t, secondAct(done()))
	for name, spoil := range map[string]func(*workflows.Status){
		"mail": func(s *workflows.Status) { s.Remediations.Started = 1 },
		"none": func(s *workflows.Status) { s.Remediations = nil },
		"alert": func(s *workflows.Status) {
			s.Flows[settings.FlowImportAlerts].Sources[indicator.AlertDomains] = activities.Counts{}
		},
		"withdrawal": func(s *workflows.Status) {
			s.Flows[settings.FlowImportIOCs].Sources[indicator.IOCDomains] = activities.Counts{}
		},
	} {
		status := done()
		spoil(&status)
		require.Error(t, secondAct(status), name)
	}
}

func TestThePagesOfTheTemporalUIAreEscaped(t *testing.T) {
	server := &harness.Server{UI: "http://127.0.0.1:8233"}
	require.Equal(t, "http://127.0.0.1:8233/namespaces/default/workflows", page(server, ""))
	require.Equal(t, "http://127.0.0.1:8233/namespaces/default/workflows/threatshare%2Fdemo", page(server, "threatshare/demo"))
}
