package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/seed"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

func TestARunSharesEverythingOnceAndReportsIt(t *testing.T) {
	s := newShare(t)
	_, err := s.vendors.Seed(t.Context(), seed.Options{Seed: 7, Records: 90, Indicators: 40, From: time.Now().Add(-20 * time.Hour)})
	require.NoError(t, err)
	result, err := s.run()
	require.NoError(t, err)
	require.False(t, result.More)
	expected, err := s.vendors.Expected(t.Context())
	require.NoError(t, err)
	listed := s.shared()
	require.Len(t, listed, len(expected))
	for _, e := range expected {
		require.True(t, listed[e.Value], e.Value)
	}
	last, sum := s.last(), 0
	for _, source := range settings.FalconSources() {
		sum += last.Counts[source].Shared
		require.NotZero(t, last.Cursors[source].Newest)
		require.Empty(t, last.Cursors[source].Page)
	}
	require.Equal(t, len(expected), sum)
	require.Equal(t, 90, last.Counts[indicator.AttachmentHashes].Read+last.Counts[indicator.URLDomains].Read+
		last.Counts[indicator.ImpersonationDomains].Read)
	require.Equal(t, wire.RunStarted, s.noted[0].step)
	require.Empty(t, last.Failed)
	require.Empty(t, last.Parked)
}

func TestNothingIsReportedAsReadBeforeItWasWritten(t *testing.T) {
	s := newShare(t)
	s.clicks(50) // three rounds
	at := map[string]time.Time{}
	s.beforeUpload = func(in activities.UploadIOCsInput) error {
		for _, found := range in.Indicators {
			at[found.Value] = found.SeenAt
		}
		return nil
	}
	_, err := s.run()
	require.NoError(t, err)
	require.Equal(t, 3, s.count("upload"))
	require.Equal(t, 3, s.count(wire.RunReported))
	uploaded := time.Time{}
	for _, e := range s.noted {
		for _, value := range e.values {
			if at[value].After(uploaded) {
				uploaded = at[value]
			}
		}
		if e.step == wire.RunReported {
			require.Equal(t, uploaded, e.report.Cursors[indicator.URLDomains].Newest)
		}
	}
}

func TestAFailedUploadFailsTheRunAndWhatWasReadIsReadAgain(t *testing.T) {
	s := newShare(t)
	s.clicks(50)
	uploads := 0
	s.beforeUpload = func(activities.UploadIOCsInput) error {
		if uploads++; uploads == 2 {
			return permanent(activities.VendorQuota, "falcon")
		}
		return nil
	}
	_, err := s.run()
	requireFailed(t, err, activities.VendorQuota)
	last := s.last()
	require.Equal(t, problem(activities.VendorQuota, "falcon"), last.Failed)
	require.False(t, last.More)
	require.Len(t, s.shared(), 20)
	require.Equal(t, 20, last.Counts[indicator.URLDomains].Shared, "what was shared before stays counted")

	s.nextRun(last.Cursors)
	_, err = s.run()
	require.NoError(t, err)
	require.Len(t, s.shared(), 50)
}

func TestALogThatMeetsAPermanentErrorIsParkedAndTheOthersGoOn(t *testing.T) {
	s := newShare(t)
	s.clicks(30)
	before := activities.Cursor{Newest: time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Second)}
	s.plan.Cursors = map[indicator.Source]activities.Cursor{indicator.AttachmentHashes: before}
	require.NoError(t, s.vendors.Deny(t.Context(), "/api/ttp/attachment"))
	_, err := s.run()
	requireFailed(t, err, activities.VendorForbidden)
	last := s.last()
	require.Equal(t, activities.VendorForbidden, last.Parked[settings.PartOf(indicator.AttachmentHashes)].Type)
	require.Equal(t, "mimecast", last.Parked[settings.PartOf(indicator.AttachmentHashes)].Vendor)
	require.Len(t, last.Parked, 1)
	require.Empty(t, last.Failed, "the run as a whole is not to blame")
	require.Equal(t, before, last.Cursors[indicator.AttachmentHashes])
	require.Len(t, s.shared(), 30)
	fetched := map[indicator.Source]int{}
	for _, e := range s.noted {
		if e.step == "fetch" {
			fetched[e.source]++
		}
	}
	require.Equal(t, map[indicator.Source]int{indicator.AttachmentHashes: 1, indicator.ImpersonationDomains: 1, indicator.URLDomains: 2}, fetched)
}

func TestASourceThatIsParkedOrSwitchedOffIsNotRead(t *testing.T) {
	s := newShare(t)
	s.clicks(3)
	s.plan.Parked = map[settings.Part]string{settings.PartOf(indicator.AttachmentHashes): "forbidden"}
	s.plan.Settings.SendToFalcon.ImpersonationDomains.Enabled = false
	_, err := s.run()
	require.NoError(t, err)
	require.Equal(t, 1, s.count("fetch"))
	require.Len(t, s.last().Cursors, 1, "what was not read has no cursor to report")
	require.Len(t, s.shared(), 3)
}

func TestAnIdlePlanDoesAndReportsNothing(t *testing.T) {
	s := newShare(t)
	s.clicks(3)
	s.plan.Idle = "paused: by hand"
	result, err := s.run()
	require.NoError(t, err)
	require.Equal(t, "paused: by hand", result.Idle)
	require.Empty(t, s.noted)
	require.Empty(t, s.shared())
}

func TestFault_D16_ARunEndsAtItsBoundAndSaysThatMoreIsWaiting(t *testing.T) {
	s := newShare(t)
	s.plan.Settings.SendToFalcon.AttachmentHashes.Enabled = false
	s.plan.Settings.SendToFalcon.ImpersonationDomains.Enabled = false
	rounds := 0
	s.beforeFetch = func(in activities.FetchTTPLogsInput) (activities.FetchTTPLogsResult, bool, error) {
		if rounds++; rounds == 5 {
			s.env.SetCurrentHistoryLength(2_950)
		}
		return activities.FetchTTPLogsResult{Cursor: in.Cursor, More: rounds < 50}, true, nil
	}
	result, err := s.run()
	require.NoError(t, err)
	require.True(t, result.More)
	require.True(t, s.last().More)
	require.Equal(t, 5, s.count("fetch"))
}

func TestWhatAPersonReleasedIsSharedFirst(t *testing.T) {
	s := newShare(t)
	require.NoError(t, s.store.Record(t.Context(), time.Now(), []ledger.Entry{{
		Integration: "acme", List: ledger.FalconIOCs, Key: indicator.Key{Kind: indicator.Domain, Value: "evil.notatld"},
		Source: indicator.URLDomains, State: ledger.Held, Reason: "unknown-tld",
	}}))
	s.plan.Settings.Protect.Allow = []string{"evil.notatld"}
	_, err := s.run()
	require.NoError(t, err)
	require.True(t, s.shared()["evil.notatld"])
	require.Equal(t, "upload", s.noted[1].step)
	require.Equal(t, 1, s.last().Counts[indicator.URLDomains].Shared)
}

func TestADryRunWritesNothingAndCountsWhatItWould(t *testing.T) {
	s := newShare(t)
	s.clicks(3)
	s.plan.Settings.DryRun = true
	_, err := s.run()
	require.NoError(t, err)
	require.Empty(t, s.shared())
	require.Equal(t, 3, s.last().Counts[indicator.URLDomains].WouldShare)
	require.Empty(t, s.last().Cursors, "what was only tried is still to be shared")
}

func TestACancelledRunReportsHowFarItCameAndIsNoSuccess(t *testing.T) {
	s := newShare(t)
	s.clicks(30)
	uploads := 0
	s.beforeUpload = func(activities.UploadIOCsInput) error {
		if uploads++; uploads == 2 {
			s.env.CancelWorkflow()
			return temporal.NewCanceledError()
		}
		return nil
	}
	_, err := s.run()
	require.True(t, temporal.IsCanceledError(err), err)
	last := s.last()
	require.False(t, last.More)
	require.Len(t, s.shared(), 20)
	require.Equal(t, 20, last.Counts[indicator.URLDomains].Shared)
	require.NotEmpty(t, last.Cursors[indicator.URLDomains].Page, "the second round was not written")

	d := newDesk(t)
	d.then(func() { d.started("1") })
	d.then(func() { d.reported("1", last) })
	d.then(func() {
		require.Equal(t, workflows.Connected, d.state().State)
		require.Empty(t, d.state().Flows[flow].LastSuccess)
	})
	d.run(document, nil)
}

func permanent(kind, vendor string) error {
	return temporal.NewNonRetryableApplicationError("refused", kind, nil, problem(kind, vendor))
}

func requireFailed(t *testing.T, err error, kind string) {
	t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, kind, failed.Type())
	require.True(t, failed.NonRetryable())
}

func TestFault_P19_ATimeThatIsGoneFromTheLogsIsReported(t *testing.T) {
	s := newShare(t)
	stopped := time.Now().UTC().Add(-40 * 24 * time.Hour).Truncate(time.Second)
	s.nextRun(map[indicator.Source]activities.Cursor{indicator.URLDomains: {Newest: stopped, ReadTo: stopped}})
	_, err := s.run()
	require.NoError(t, err)
	gaps := s.last().Gaps
	require.Len(t, gaps, 1)
	require.Equal(t, stopped, gaps[indicator.URLDomains].From)
	require.WithinDuration(t, time.Now().Add(-30*24*time.Hour), gaps[indicator.URLDomains].To, time.Minute)
}
