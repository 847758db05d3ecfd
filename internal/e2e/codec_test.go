//go:build e2e

package e2e_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/codec"
	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// What must not be read in Temporal. None is part of another, nor of a name that Temporal is told.
const (
	canaryHash    = "c0ffee4ca7a7e57edb1ade5a11fade0ff1ce5ca1ab1efacade5deadbea7ed00d"
	canaryDomain  = "canarydomain4711.top"
	canaryHeld    = "canaryheld4712.top"
	canarySender  = "canarysender4713"
	canaryAbout   = "canarydescription4714"
	canaryAddress = "canaryaddress4715@acme.example"
	canaryVendor  = "canaryvendorwords4716"
	canaryReason  = "canarypausereason4717"
)

func canaries() []string {
	return []string{canaryHash, canaryDomain, canaryHeld, canarySender, canaryAbout, canaryAddress, canaryVendor, canaryReason}
}

// spellings are the ways in which text stands in a file: as it is, in hexadecimal, and in base64, where what stands before it
// decides which of three it is.
func spellings(text string) []string {
	inHex := hex.EncodeToString([]byte(text))
	all := []string{text, strings.ToUpper(text), inHex, strings.ToUpper(inHex)}
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + text))
		// The signs at both ends hold bits of the neighbours.
		all = append(all, encoded[(before*4+2)/3:len(encoded)-1])
	}
	return all
}

func canariesIn(text string) []string {
	var seen []string
	for _, canary := range canaries() {
		for _, spelt := range spellings(canary) {
			if strings.Contains(text, spelt) {
				seen = append(seen, canary)
				break
			}
		}
	}
	return seen
}

// codecKey is a key whose bytes all are seed.
func codecKey(id string, seed byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(seed)), 32)))
}

// newWorldOnDisk is a world with a Temporal server of its own, whose database is in files, and with keys for the starter and
// for the worker, which is still to be started. The keys may be empty.
func newWorldOnDisk(t *testing.T, keys string) (w *world, database string) {
	t.Helper()
	common, dir := server, t.TempDir()
	database = filepath.Join(dir, "temporal.db")
	own, err := harness.StartTemporal(t.Context(), database, dir, false)
	require.NoError(t, err)
	server = own
	t.Cleanup(func() {
		server = common
		own.Kill()
	})
	w = newWorld(t, "--remediation-time", "1s", "--records", "300", "--indicators", "30")
	w.useKeys(keys)
	return w, database
}

// useKeys gives keys to the starter, to the next worker, and to the test itself.
func (w *world) useKeys(keys string) {
	w.t.Helper()
	w.t.Setenv("THREATSHARE_CODEC_KEYS", keys)
	w.env = append(w.env, "THREATSHARE_CODEC_KEYS="+keys) // the last one counts
	w.temporal = w.dial(keys)
}

func (w *world) dial(keys string) client.Client {
	w.t.Helper()
	options := client.Options{HostPort: server.Address}
	w.ring(keys).Use(&options)
	dialled, err := client.DialContext(w.patient(), options)
	require.NoError(w.t, err)
	w.t.Cleanup(dialled.Close)
	return dialled
}

func (w *world) ring(keys string) *codec.Ring {
	w.t.Helper()
	if keys == "" {
		return &codec.Ring{}
	}
	ring, err := codec.ParseKeys(keys)
	require.NoError(w.t, err)
	return ring
}

// leaveCanaries has an integration do everything, with canaries wherever somebody from outside writes something. It ends
// paused. What it returns is what everybody sees on the way: the notes of the Schedules.
func (w *world) leaveCanaries() string {
	w.t.Helper()
	w.list([]string{canaryHash}, []string{canaryDomain, canaryHeld})
	w.delivered(1, canarySender+"@"+canaryDomain)
	w.startWorker()
	w.starter("start", "--wait", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToMimecast"] = map[string]any{"iocHashes": on("remediate"), "iocDomains": on("remediate", "blockURLs"), "alertDomains": on()}
		document["protect"] = map[string]any{"domains": []string{canaryHeld}}
		document["description"], document["notify"] = canaryAbout, []string{canaryAddress}
	}))
	for _, flow := range allFlows() {
		w.waitForRuns(flow, 1)
	}
	w.eventually("the mail is removed", func() error {
		if out := w.cli("workflow", "list", "--query", `WorkflowType="Remediate" AND ExecutionStatus="Completed"`); !strings.Contains(out, "/remediate/") {
			return errors.New(out)
		}
		return nil
	})
	w.preview(importIOCs)
	require.Contains(w.t, w.starter("history", w.name, canaryHeld), "held")
	require.Contains(w.t, w.starter("history", w.name, canaryDomain), "blocked")

	require.NoError(w.t, w.vendors.AddFaults(w.patient(), fault.Rule{
		Vendor: fault.Falcon, Path: "/iocs/combined/", Kind: fault.Status, Status: http.StatusBadRequest,
		Body: `{"errors":[{"code":400,"message":"no such filter ` + canaryVendor + `"}],"resources":null}`,
	}))
	w.starter("sync", w.name, importIOCs)
	require.Contains(w.t, w.waitForState(workflows.PermanentError).Reason, canaryVendor)
	notes := []string{w.waitForSchedule(importIOCs, "paused=true")}
	require.NoError(w.t, w.vendors.ClearFaults(w.patient()))
	w.starter("reconnect", w.name, "--wait")
	w.waitForSchedule(importIOCs, "paused=false")
	require.Contains(w.t, w.starter("pause", w.name, "--reason", canaryReason), canaryReason)
	for _, flow := range allFlows() {
		notes = append(notes, w.waitForSchedule(flow, "paused=true"))
	}
	return strings.Join(notes, "\n")
}

// stored is everything in the files of the Temporal server's database: what is not merged into it yet, if there is such a
// file, and what it has deleted and not overwritten.
func (w *world) stored(database string) string {
	w.t.Helper()
	return w.contents(database + "*")
}

// told is everything that the Temporal CLI tells of all workflows and Schedules.
func (w *world) told(flags ...string) string {
	w.t.Helper()
	cli := func(args ...string) string { return w.cli(append(args, flags...)...) }
	all := []string{cli("schedule", "list", "--output", "json"), cli("workflow", "list", "--output", "json")}
	for _, flow := range allFlows() {
		all = append(all, cli("schedule", "describe", "--schedule-id", wire.ScheduleID(w.name, flow), "--output", "json"))
	}
	var listed []struct {
		Execution struct{ WorkflowID, RunID string }
	}
	require.NoError(w.t, json.Unmarshal([]byte(cli("workflow", "list", "--output", "json")), &listed))
	require.Greater(w.t, len(listed), 6)
	for _, one := range listed {
		which := []string{"--workflow-id", one.Execution.WorkflowID, "--run-id", one.Execution.RunID}
		all = append(all, cli(append([]string{"workflow", "show", "--output", "json"}, which...)...), cli(append([]string{"workflow", "describe"}, which...)...))
	}
	return strings.Join(all, "\n")
}

func TestFault_S1_WithoutKeysEveryCanaryIsFound(t *testing.T) {
	w, database := newWorldOnDisk(t, "")
	notes := w.leaveCanaries()
	require.ElementsMatch(t, canaries(), canariesIn(w.stored(database)), "else the other test proves nothing")
	require.ElementsMatch(t, canaries(), canariesIn(w.told()))
	require.ElementsMatch(t, []string{canaryVendor, canaryReason}, canariesIn(notes))
}

func TestFault_S1_WithKeysTemporalHoldsNoCanaryAndOldKeysStillRead(t *testing.T) {
	first, second := codecKey("2025", '1'), codecKey("2026", '2')
	w, database := newWorldOnDisk(t, first)
	require.Empty(t, canariesIn(w.leaveCanaries()))
	require.Empty(t, canariesIn(w.stored(database)))
	require.Empty(t, canariesIn(w.told()))
	require.Contains(t, w.told(), "Encoded failure")

	w.requireCodecServerShows(first)
	w.requireUnknownKeysAreRefused()

	// Rotated: the new key writes, the old one still reads.
	require.NoError(t, w.worker.Stop())
	w.useKeys(second + "," + first)
	w.startWorker()
	require.Contains(t, w.starter("status", w.name), canaryReason)
	w.starter("resume", w.name)
	w.waitForState(workflows.Connected)
	w.sync(importIOCs)
	require.Contains(t, w.told(), base64.StdEncoding.EncodeToString([]byte("2026")))
	require.Empty(t, canariesIn(w.stored(database)))
	w.requireCodecServerShows(second + "," + first)

	// The old key is gone too early: it is named, and nothing is lost.
	require.NoError(t, w.worker.Stop())
	w.useKeys(second)
	blind := w.startWorker()
	w.eventually("the missing key is named", func() error {
		if log := strings.ReplaceAll(blind.Tail(1000), `\"`, `"`); !strings.Contains(log, `the key "2025", which is not in THREATSHARE_CODEC_KEYS`) {
			return errors.New(log)
		}
		return nil
	})
	w.eventually("the starter says where to look", func() error {
		if out, code := w.run(binaries.Starter, "status", w.name); code != 1 || !strings.Contains(out, "THREATSHARE_CODEC_KEYS") {
			return errors.New(out)
		}
		return nil
	})
	require.NoError(t, blind.Stop())
	w.useKeys(second + "," + first)
	w.startWorker()
	require.Equal(t, 1, w.waitForState(workflows.Connected).Rejected)
	w.sync(importIOCs)
	w.requireSharedExactly()
}

// requireCodecServerShows makes sure that who may ask a codec server sees everything with the Temporal CLI, and can write too.
func (w *world) requireCodecServerShows(keys string) {
	w.t.Helper()
	const password = "Bearer let-me-in-please"
	handler := codec.Handler(w.ring(keys), "")
	served := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != password {
			http.Error(rw, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(rw, r)
	}))
	defer served.Close()
	flags := []string{"--codec-endpoint", served.URL + "/codec", "--codec-auth", password}
	require.ElementsMatch(w.t, canaries(), canariesIn(w.told(flags...)))
	id := wire.IntegrationID(w.name)
	require.Contains(w.t, w.cli(append([]string{"workflow", "query", "--workflow-id", id, "--type", wire.Settings}, flags...)...), canaryAbout)
	w.cli(append([]string{"workflow", "update", "execute", "--workflow-id", id, "--name", wire.ChangeSettings, "--input", `{"description":"` + canaryAbout + `"}`}, flags...)...)
}

// requireUnknownKeysAreRefused sends a signal and an update under a key that the worker does not have. It has it after the
// next start of the worker, which must not make it see what was refused.
func (w *world) requireUnknownKeysAreRefused() {
	w.t.Helper()
	// It has the worker's key too, to read its answers.
	stranger := w.dial(codecKey("2026", '2') + "," + codecKey("2025", '1'))
	id := wire.IntegrationID(w.name)
	require.NoError(w.t, stranger.SignalWorkflow(w.patient(), id, "", wire.ChangeSettings, map[string]any{"dryRun": true}))
	require.Contains(w.t, w.waitForRejected(1).Problem, `the key "2026"`)
	require.False(w.t, w.status().DryRun)
	handle, err := stranger.UpdateWorkflow(w.patient(), client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: wire.ChangeSettings, Args: []any{map[string]any{"dryRun": true}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(w.patient(), nil)
	}
	require.ErrorContains(w.t, err, `the key "2026"`)
}
