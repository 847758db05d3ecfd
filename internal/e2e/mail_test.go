//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mail/mailtest"
	sim "github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/seed"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	mailPassword = "canary-of-the-mail"
	newSecret    = "canary-of-the-rotation"
)

// told switches all flows on, with somebody to tell.
func told(document map[string]any) {
	both(document)
	document["notify"] = []string{"soc@acme.example"}
}

// postOffice gives the worker, which is still to be started, a mail server.
func (w *world) postOffice() *mailtest.Server {
	w.t.Helper()
	return w.postOfficeFor("bot", mailPassword)
}

func (w *world) postOfficeFor(user, password string) *mailtest.Server {
	w.t.Helper()
	office, err := mailtest.Start(w.t.Context(), mailtest.Options{User: user, Password: password})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, office.Close()) })
	w.env = append(w.env, "THREATSHARE_SMTP_URL="+office.URL(user, password), "THREATSHARE_MAIL_FROM=bot@acme.example",
		"THREATSHARE_TEMPORAL_UI=https://temporal.example")
	return office
}

// mails waits for so many mails in all.
func (w *world) mails(office *mailtest.Server, n int) []mailtest.Message {
	w.t.Helper()
	mails, err := office.Await(w.patient(), n)
	require.NoError(w.t, err)
	require.Len(w.t, mails, n)
	return mails
}

func TestARotatedSecretIsToldOnceAndNothingIsLostUntilItIsMended(t *testing.T) {
	w := newWorld(t, traffic()...)
	office := w.postOffice()
	w.fill()
	worker := w.startWorker()
	w.starter("start", "-f", w.settingsFile(told), "--wait")
	runs := map[string]int{}
	for _, flow := range allFlows() {
		runs[flow] = w.waitForRuns(flow, 1).GoodRuns
	}
	require.NoError(t, w.vendors.SetCredentials(w.patient(), fault.Falcon, sim.DemoClientID, newSecret))
	require.NoError(t, w.vendors.Revoke(w.patient(), fault.Falcon))
	w.list(nil, []string{"while-it-was-broken.top"})

	w.starter("sync", w.name, importIOCs)
	status := w.waitForState(workflows.PermanentError)
	id := wire.IntegrationID(w.name)
	require.Contains(t, status.Reason, "FALCON_CLIENT_SECRET")
	require.Contains(t, status.Reason, "temporal workflow signal --workflow-id "+id+" --name reconnect")
	require.NotEmpty(t, status.Since)
	require.Equal(t, workflows.PermanentError, status.Falcon.State)
	require.Equal(t, workflows.Connected, status.Mimecast.State)
	for _, flow := range allFlows() {
		require.Contains(t, w.waitForSchedule(flow, "paused=true"), "FALCON_CLIENT_SECRET", "the note says why")
	}
	w.eventually("the run has failed in Temporal", func() error {
		failed := w.cli("workflow", "list", "--query", `ExecutionStatus="Failed" AND WorkflowType="ImportIOCs"`)
		if !strings.Contains(failed, wire.ScheduleID(w.name, importIOCs)) {
			return errors.New(failed)
		}
		return nil
	})

	mail := w.mails(office, 1)[0]
	require.Equal(t, []string{"soc@acme.example"}, mail.To)
	require.True(t, strings.HasPrefix(mail.Subject, "[Threat Share "+w.name+"] needs you: Falcon"), mail.Subject)
	unwrapped := strings.Join(strings.Fields(mail.Text), " ")
	for _, words := range []string{
		"FALCON_CLIENT_SECRET", "temporal workflow signal --workflow-id " + id + " --name reconnect", "starter check " + w.name,
		"https://temporal.example/namespaces/default/workflows/threatshare%2F" + w.name,
	} {
		require.Contains(t, unwrapped, words)
	}
	for i := range 3 {
		w.cli("workflow", "execute", "--type", wire.ImportIOCs, "--task-queue", w.queue, "--workflow-id", fmt.Sprintf("%s-by-hand-%d", w.name, i),
			"--input", `{"integration":"`+w.name+`"}`)
	}
	out, code := w.run(binaries.Starter, "sync", w.name)
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "--name reconnect")

	_, err := w.vendors.Seed(w.patient(), seed.Options{Seed: 77, Records: 80, Indicators: 20, From: time.Now().Add(-time.Minute)})
	require.NoError(t, err)
	require.NoError(t, worker.Stop())
	w.startWorker("FALCON_CLIENT_SECRET=" + newSecret)
	require.Contains(t, w.starter("reconnect", w.name, "--wait"), workflows.Connected)
	for _, flow := range allFlows() {
		w.waitForRuns(flow, runs[flow]+1)
		w.waitForSchedule(flow, "paused=false")
	}
	require.Contains(t, w.mails(office, 2)[1].Subject, "connected again")
	w.requireSharedExactly()
	require.Contains(t, w.starter("history", w.name, "while-it-was-broken.top"), "blocked")
	w.requireGoodManners()
	for _, flow := range allFlows() {
		w.sync(flow)
	}
	for _, mail := range w.mails(office, 2) {
		require.NotContains(t, string(mail.Data)+mail.Text, "canary")
	}
}

func TestFault_S6_AMissingScopeStopsOnlyWhatNeedsItAndMailThatDoesNotGoOutHoldsNothingUp(t *testing.T) {
	w := newWorld(t, traffic()...)
	office := w.postOffice()
	office.Break(mailtest.Fault{At: mailtest.Greeting, Code: 421, Text: "too busy"})
	require.NoError(t, w.vendors.SetScopes(w.patient(), "IOC Management: Read", "IOC Management: Write"))
	require.NoError(t, w.vendors.Deny(w.patient(), "/api/ttp/url/create-managed-url", "/api/ttp/url/get-all-managed-urls"))
	w.fill()
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(told))
	w.waitForState(workflows.PermanentError)
	w.waitForRuns(shareTTPLogs, 1)
	w.waitForRuns(importIOCs, 1)
	w.requireSharedExactly()

	status := w.status()
	require.Equal(t, workflows.FlowParked, status.Flows[importAlerts].State)
	require.Contains(t, status.Flows[importAlerts].Reason, "Alerts: Read")
	require.Contains(t, w.waitForSchedule(importAlerts, "paused=true"), "Alerts: Read")
	require.Contains(t, status.Flows[importIOCs].Parked["iocDomains.blockURLs"], "policymanagement")
	require.Len(t, status.Flows[importIOCs].Parked, 1, "domains are blocked all the same")
	w.waitForSchedule(importIOCs, "paused=false")
	require.Contains(t, w.starter("change", w.name, "--set", "description=answered at once"), "changed")
	require.Empty(t, office.Messages())

	office.Break()
	mail := w.mails(office, 1)[0]
	require.Contains(t, mail.Text, "Alerts: Read")
	require.Contains(t, mail.Text, "iocDomains.blockURLs")

	require.NoError(t, w.vendors.SetScopes(w.patient(), "IOC Management: Read", "IOC Management: Write", "Alerts: Read"))
	require.NoError(t, w.vendors.Deny(w.patient()))
	require.Contains(t, w.starter("reconnect", w.name, "--wait"), workflows.Connected)
	w.waitForRuns(importAlerts, 1)
	require.Contains(t, w.mails(office, 2)[1].Subject, "connected again")
}

func TestACheckBeforeTheFirstRunSaysWhatIsMissingAndWhereItIsAdded(t *testing.T) {
	w := newWorld(t)
	office := w.postOffice()
	w.startWorker()
	check := func() (string, int) { return w.run(binaries.Starter, "check", "-f", w.settingsFile(told)) }
	out, code := check()
	require.Zero(t, code, out)
	require.Contains(t, out, "Alerts: Read")

	all := []string{"IOC Management: Read", "IOC Management: Write", "Alerts: Read"}
	for name, trouble := range map[string]struct {
		make, mend func()
		words      []string
	}{
		"a scope": {
			func() { require.NoError(t, w.vendors.SetScopes(w.patient(), all[0], all[2])) },
			func() { require.NoError(t, w.vendors.SetScopes(w.patient(), all...)) },
			[]string{"IOC Management: Write"},
		},
		"a product": {
			func() { require.NoError(t, w.vendors.Deny(w.patient(), "/api/byo-threat-intelligence/")) },
			func() { require.NoError(t, w.vendors.Deny(w.patient())) },
			[]string{"threatmanagement", "iocHashes"},
		},
		"a secret": {
			func() {
				require.NoError(t, w.vendors.SetCredentials(w.patient(), fault.Mimecast, sim.DemoClientID, newSecret))
				require.NoError(t, w.vendors.Revoke(w.patient(), fault.Mimecast))
			},
			func() {
				require.NoError(t, w.vendors.SetCredentials(w.patient(), fault.Mimecast, sim.DemoClientID, sim.DemoMimecastSecret))
			},
			[]string{"MIMECAST_CLIENT_SECRET"},
		},
		"the mail server": {
			func() { office.Break(mailtest.Fault{At: mailtest.Greeting, Code: 554, Text: "no"}) },
			func() { office.Break() },
			[]string{"THREATSHARE_SMTP_URL"},
		},
	} {
		trouble.make()
		out, code := check()
		require.Equal(t, 1, code, "%s: %s", name, out)
		found := strings.Join(strings.Fields(strings.NewReplacer("|", " ", "│", " ").Replace(out)), " ")
		for _, words := range trouble.words {
			require.Contains(t, found, words, name)
		}
		trouble.mend()
	}
	result := w.cli("workflow", "execute", "--type", wire.Check, "--task-queue", w.queue, "--workflow-id", wire.CheckID(w.name),
		"--input-file", w.settingsFile(told))
	require.Contains(t, result, "findings", "with the Temporal CLI alone")
	require.Empty(t, office.Messages(), "a check sends nothing")
	for _, vendor := range []string{fault.Mimecast, fault.Falcon} {
		require.Empty(t, w.stats().WritesBy[vendor], "nor does it write anything")
	}
}
