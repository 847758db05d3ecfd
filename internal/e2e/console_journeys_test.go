//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sim "github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// never is a schedule that no test waits for: what runs was asked for.
const never = "0 0 1 1 *"

// create makes the world's integration in the page for new ones, with what switched on.
func (t *tab) create(switchedOn ...string) {
	t.t.Helper()
	t.open("/new")
	t.fill("name", t.w.name)
	t.fill("description", "made by a person")
	for _, path := range switchedOn {
		t.tick(path)
	}
	for _, path := range []string{"schedule.shareTTPLogs", "schedule.importIOCs", "schedule.importAlerts"} {
		t.fill(path, never)
	}
	t.send("create")
	t.confirm("create")
}

// confirm agrees to the warnings, where a form asks back.
func (t *tab) confirm(form string) {
	t.t.Helper()
	if evaluate[bool](t, `document.getElementById("confirm") !== null`) {
		t.tick("confirm")
		t.send(form)
	}
}

func TestInTheConsoleAPersonMakesAnIntegrationSeesWhatIsWrongAndMendsIt(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30").inNamespace()
	w.startWorker()
	p := w.tab()
	w.eventually("the worker is ready", func() error { return w.ready(200) })
	p.open("/")
	p.see("No integration is running")
	p.create("sendToFalcon.urlDomains.enabled", "sendToFalcon.impersonationDomains.enabled", "sendToFalcon.attachmentHashes.enabled")
	p.see("Created.", "connected since")
	w.waitForRuns(shareTTPLogs, 1)
	w.requireSharedExactly()
	p.see("30 shared", "Mimecast's logs to Falcon")
	p.looksGood("state")
	p.open("/")
	p.see("It runs without needing you", "connected since")

	// Somebody changes the secret at Falcon. The page says so by itself, and what to do.
	require.NoError(t, w.vendors.SetCredentials(w.patient(), fault.Falcon, sim.DemoClientID, "another-secret"))
	require.NoError(t, w.vendors.Revoke(w.patient(), fault.Falcon))
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{impersonation("eve@waits.top")}, 0))
	p.own("")
	p.send("do-sync-" + shareTTPLogs)
	p.see("Started.", "permanent error since", "FALCON_CLIENT_SECRET", "then reconnect")
	text, err := p.text()
	require.NoError(t, err)
	require.NotContains(t, text, "temporal workflow", "nobody needs a terminal")
	p.looksGood("permanent-error")
	p.open("/")
	p.see("1 of 1 needs you", "permanent error", "FALCON_CLIENT_SECRET")
	require.NoError(t, w.vendors.SetCredentials(w.patient(), fault.Falcon, sim.DemoClientID, sim.DemoFalconSecret))
	p.own("")
	p.send("do-reconnect")
	p.see("Checking both connections", "connected since")
	w.eventually("what had to wait is shared", func() error {
		own, _ := w.falconIOCs()
		if !slices.Contains(severities(own), "waits.top medium") {
			return errors.New("not yet")
		}
		return nil
	})

	p.fill("reason", "maintenance <b>tonight</b>")
	p.send("do-pause")
	p.see("Paused.", "paused since", "maintenance <b>tonight</b>")
	w.waitForState(workflows.Paused)
	p.send("do-resume")
	p.see("Resumed.", "connected since")
	runs := w.flow(shareTTPLogs).GoodRuns
	p.send("do-sync-" + shareTTPLogs)
	w.waitForRuns(shareTTPLogs, runs+1)
}

func TestInTheConsoleAPersonChangesSettingsAndSeesThemApply(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30").inNamespace()
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
	w.waitForRuns(shareTTPLogs, 1)
	p := w.tab()

	p.own("/settings")
	p.fill("sendToFalcon.expireAfter", "soon")
	p.fill("protect.domains", "own.example\nnot a domain")
	p.fill("notify", "nobody")
	p.send("settings")
	p.see("expireAfter", "notify")
	require.Equal(t, "soon", p.value("sendToFalcon.expireAfter"), "what was typed is kept")
	require.Equal(t, "own.example\nnot a domain", p.value("protect.domains"))
	for _, path := range []string{"sendToFalcon.expireAfter", "protect.domains", "notify"} {
		require.NotEmpty(t, evaluate[string](p, fmt.Sprintf(`document.getElementById(%q).innerText`, path+"-problem")))
	}
	p.looksGood("settings-refused")
	require.Equal(t, "0s", w.setting("sendToFalcon", "expireAfter"))

	p.fill("sendToFalcon.expireAfter", "0s")
	p.fill("protect.domains", "own.example")
	p.fill("notify", "")
	p.fill("sendToFalcon.impersonationDomains.severity", "critical")
	p.send("settings")
	p.confirm("settings")
	p.see("Changed.")
	require.Equal(t, "critical", w.setting("sendToFalcon", "impersonationDomains", "severity"))
	w.waitForRuns(shareTTPLogs, 2) // the change's own run, which else could be taken for the one that reads the record below
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{impersonation("eve@severe.top")}, 0))
	w.sync(shareTTPLogs)
	own, _ := w.falconIOCs()
	require.Contains(t, severities(own), "severe.top critical")

	// While the page is open, somebody changes the same with the starter.
	p.own("/settings")
	w.starter("change", w.name, "--set", "sendToFalcon.impersonationDomains.severity=low", "--set", "description=by the starter")
	p.fill("sendToFalcon.impersonationDomains.severity", "high")
	p.send("settings")
	p.see("Somebody else has changed this; in force is now: low")
	require.Equal(t, "high", p.value("sendToFalcon.impersonationDomains.severity"))
	require.Equal(t, "low", w.setting("sendToFalcon", "impersonationDomains", "severity"), "nothing was overwritten")
	p.looksGood("settings-overtaken")
	p.send("settings")
	p.confirm("settings")
	p.see("Changed.")
	require.Equal(t, "high", w.setting("sendToFalcon", "impersonationDomains", "severity"))
	require.Equal(t, "by the starter", w.setting("description"))
}

// setting is one in force, by its path.
func (w *world) setting(path ...string) any {
	w.t.Helper()
	var value any
	w.eventually("the settings", func() error {
		answer, err := w.temporal.QueryWorkflow(w.patient(), wire.IntegrationID(w.name), "", wire.Settings)
		if err != nil {
			return err
		}
		return answer.Get(&value)
	})
	for _, name := range path {
		group, is := value.(map[string]any)
		require.True(w.t, is, path)
		value = group[name]
	}
	return value
}

func severities(iocs []control.IOC) []string {
	var all []string
	for _, ioc := range iocs {
		all = append(all, ioc.Value+" "+ioc.Severity)
	}
	return all
}

func TestInTheConsoleAPersonFindsOutWhyADomainIsHeldAllowsItPreviewsAndTakesEverythingBack(t *testing.T) {
	w := newWorld(t).inNamespace()
	w.madeByPeople()
	w.list(hashes(7), domains(5))
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{impersonation("eve@dropbox.com")}, 0))
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToMimecast"] = map[string]any{"iocHashes": on(), "iocDomains": on()}
	}), "--wait")
	w.waitForRuns(shareTTPLogs, 1)
	w.waitForRuns(importIOCs, 1)
	p := w.tab()

	p.own("/ledger")
	p.fill("value", "hxxps://Evil-0[.]top/login")
	p.send("search")
	p.see("evil-0.top", "mail from this domain is blocked in Mimecast", "Falcon's IOC list has it")
	p.looksGood("ledger")
	p.own("/ledger?value=" + url.QueryEscape("never-met.example"))
	p.see("This integration has never met it")

	p.own("/held")
	p.see("dropbox.com", "a site too big to block")
	p.send("allow-0")
	p.see("Allowed.")
	w.eventually("it is shared", func() error {
		iocs, err := w.vendors.FalconIOCs(w.patient())
		for _, ioc := range iocs {
			if ioc.Value == "dropbox.com" {
				return err
			}
		}
		return fmt.Errorf("not yet: %w", err)
	})
	require.Equal(t, []any{"dropbox.com"}, w.setting("protect", "allow"))

	p.own("/preview?flow=" + importIOCs)
	p.see("There is no preview of it yet")
	p.send("preview-" + importIOCs)
	p.see("The next run would change nothing")
	w.list(nil, []string{"fresh.top"})
	p.send("preview-" + importIOCs)
	p.see("fresh.top", "would")
	p.looksGood("preview")
	require.NotContains(t, w.ownMembers(), "fresh.top", "a preview writes nothing")
	w.sync(importIOCs)
	require.Contains(t, w.ownMembers(), "fresh.top")

	p.own("/withdraw")
	p.send("withdraw")
	p.see("Withdraw 14 values", "7 on the list byoti", "6 on the list blocked-senders", "1 on the list iocs")
	p.looksGood("withdraw")
	p.fill("confirmed", "something else")
	p.send("confirm-withdraw")
	p.see("This is not the name of the integration")
	require.Len(t, w.ownMembers(), 6, "nothing was withdrawn")
	p.fill("confirmed", w.name)
	p.send("confirm-withdraw")
	p.see("Withdrawn at", "gone already")
	p.looksGood("withdrawn")
	w.requireBlocked(blocked{})
	own, _ := w.falconIOCs()
	require.Empty(t, own)
	w.waitForState(workflows.Paused)
}

// ownMembers are the domains in the integration's group.
func (w *world) ownMembers() []string {
	w.t.Helper()
	own, _ := w.split(w.mimecast())
	var members []string
	for _, group := range own.Groups {
		for _, member := range group.Members {
			members = append(members, member.Domain)
		}
	}
	return members
}
