//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/workflows"
)

// faint gives what of a page's text has too little contrast with what is behind it (WCAG 2.2, 1.4.3).
const faint = `(() => {
	const parse = (color) => { const n = color.match(/[\d.]+/g).map(Number); return { r: n[0], g: n[1], b: n[2], a: n.length > 3 ? n[3] : 1 }; };
	const over = (top, under) => ({ r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1 });
	const light = (c) => { const [r, g, b] = [c.r, c.g, c.b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const behind = (element) => {
		if (!element) return matchMedia("(prefers-color-scheme: dark)").matches ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
		const own = parse(getComputedStyle(element).backgroundColor);
		return own.a === 1 ? own : over(own, behind(element.parentElement));
	};
	const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
		if (!text || !element.checkVisibility() || element.closest("script, option, .skip")) continue;
		const style = getComputedStyle(element), back = behind(element), front = over(parse(style.color), back);
		const [a, b] = [light(front), light(back)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
		const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
		if (ratio < (large ? 3 : 4.5)) found.push(text.slice(0, 40) + " " + ratio.toFixed(2));
	}
	return found;
})()`

// unseen gives the fields of a page whose edge has too little contrast with what is around them (WCAG 2.2, 1.4.11).
const unseen = `(() => {
	const parse = (color) => color.match(/[\d.]+/g).map(Number);
	const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const behind = (element) => { for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
	return [...document.querySelectorAll("input:not([type=hidden], [type=checkbox]), select, textarea")].filter((field) => {
		const [a, b] = [light(parse(getComputedStyle(field).borderTopColor).slice(0, 3)), light(behind(field.parentElement))].sort((x, y) => y - x);
		return (a + 0.05) / (b + 0.05) < 3;
	}).map((field) => field.id);
})()`

// wide gives what makes a page wider than the window, whose width is %d.
const wide = `document.documentElement.scrollWidth <= %[1]d ? [] : ["scrolls to " + document.documentElement.scrollWidth,
	...[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > %[1]d && !e.closest(".scroll")).map((e) => e.outerHTML.slice(0, 150))]`

// nameless gives the controls of a page that have no name for those who cannot see them, and what else a reader stumbles over.
const nameless = `(() => {
	const found = [];
	for (const control of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
		if (control.labels.length === 0 && !control.ariaLabel) found.push("no label: " + control.outerHTML.slice(0, 120));
	for (const button of document.querySelectorAll("button, a")) if (!button.innerText.trim() && !button.ariaLabel) found.push("no text: " + button.outerHTML.slice(0, 120));
	for (const table of document.querySelectorAll("table")) if (!table.caption) found.push("no caption: " + table.outerHTML.slice(0, 120));
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push("twice: " + id);
	let level = 0;
	for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
		const now = Number(heading.tagName[1]);
		if (now > level + 1) found.push("heading skips: " + heading.innerText);
		level = now;
	}
	if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
	return found;
})()`

func TestEveryConsolePageIsReadableNarrowAndWideLightAndDark(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60", "--hostile").inNamespace()
	w.list(hashes(3), domains(3))
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(both), "--wait")
	for _, flow := range allFlows() {
		w.waitForRuns(flow, 1)
	}
	p := w.tab()
	p.own("/preview?flow=" + importIOCs)
	p.send("preview-" + importIOCs)
	p.see("As of")
	for _, path := range append(w.ownPages(), "/nothing-here") {
		name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", w.name, "acme").Replace(path), "-")
		if name == "" {
			name = "overview"
		}
		p.open(path)
		p.looksGood(name)
		p.walk(path)
	}
}

// looksGood makes sure that whoever looks at the page as it stands can read it: narrow and wide, light and dark, with their ears
// too. It keeps pictures, for people to look at.
func (t *tab) looksGood(name string) {
	t.t.Helper()
	for _, width := range []int64{375, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			name := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			t.looks(width, scheme)
			t.picture(name)
			require.Empty(t.t, evaluate[[]string](t, fmt.Sprintf(wide, width)), "%s is wider than the window", name)
			require.Empty(t.t, evaluate[[]string](t, faint), "%s: too faint", name)
			require.Empty(t.t, evaluate[[]string](t, unseen), "%s: controls that are hardly seen", name)
		}
	}
	t.looks(1440, "light")
	require.Empty(t.t, evaluate[[]string](t, nameless), name)
}

// walk goes through a page with the Tab key: the focus is always to be seen.
func (t *tab) walk(path string) {
	t.t.Helper()
	for range 12 {
		t.do(chromedp.KeyEvent("\t"))
		seen := evaluate[string](t, `(() => {
			const at = document.activeElement;
			if (at === document.body) return "ok";
			const style = getComputedStyle(at);
			return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 ? "ok" : at.outerHTML.slice(0, 120);
		})()`)
		require.Equal(t.t, "ok", seen, "%s: the focus is not seen", path)
	}
}

func TestTheConsoleWorksWithTheKeyboardAlone(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30").inNamespace()
	w.startWorker("THREATSHARE_CONSOLE_PASSWORD=" + w.password())
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
	w.waitForRuns(shareTTPLogs, 1)
	p := w.tab()
	p.open("/")
	p.see("Sign in")
	p.press(w.password() + "\r") // the field has the focus
	p.see("It runs without needing you")

	p.press("\t\r") // the way past the menu
	p.focused("main")
	p.press("\t")
	require.Equal(t, w.name, evaluate[string](p, `document.activeElement.innerText`), "the first thing of the content")
	p.press("\r")
	p.see("connected since")
	p.tabTo("reason")
	p.press("for the keyboard\r")
	p.see("Paused.", "for the keyboard")
	w.waitForState(workflows.Paused)
	p.tabTo("do-resume")
	p.press(" ")
	p.see("Resumed.")
	w.waitForState(workflows.Connected)

	p.own("/settings")
	p.tabTo("notify")
	p.press("nobody\t\r") // the button comes next
	p.see("Nothing has been done", "must be a bare mail address")
	p.focused("told") // what is wrong is read out first
	p.press("\t\r")   // from there to the field
	p.focused("notify")
	p.press(kb.End + strings.Repeat(kb.Backspace, len("nobody")+1)) // the key that led here has written a line
	require.Empty(t, p.value("notify"))
	p.tabTo("description")
	p.press("typed\r")
	p.see("Changed.")
	require.Contains(t, w.setting("description"), "typed")
}

// press types keys, wherever the focus is.
func (t *tab) press(keys string) {
	t.t.Helper()
	t.do(chromedp.KeyEvent(keys))
}

// focused waits until the focus is on what has the id. A page that loads, and a link within a page, move it a moment later.
func (t *tab) focused(id string) {
	t.t.Helper()
	t.w.eventually("the focus is on "+id, func() error {
		if at := evaluate[string](t, `document.activeElement.id`); at != id {
			return fmt.Errorf("it is on %q", at)
		}
		return nil
	})
}

// tabTo goes on with the Tab key until the focus is on what has the id, or within it.
func (t *tab) tabTo(id string) {
	t.t.Helper()
	for range 200 {
		t.press("\t")
		if evaluate[bool](t, fmt.Sprintf(`document.activeElement.closest('[id=%q]') !== null`, id)) {
			return
		}
	}
	require.Fail(t.t, "the Tab key does not lead to "+id)
}

func TestTheConsoleWorksWithoutJavaScript(t *testing.T) {
	w := newWorld(t).inNamespace()
	w.list(nil, append(domains(3), "dropbox.com"))
	w.startWorker()
	w.eventually("the worker is ready", func() error { return w.ready(200) })
	p := w.tab()
	p.withoutScripts()
	p.create("sendToFalcon.impersonationDomains.enabled", "sendToMimecast.iocDomains.enabled")
	w.waitForRuns(importIOCs, 1)
	w.waitForRuns(shareTTPLogs, 1)
	p.open("/")
	p.see("It runs without needing you")

	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{impersonation("eve@no-script.top")}, 0))
	p.own("")
	p.send("do-sync-" + shareTTPLogs)
	p.reloadUntil("1 shared")

	p.own("/settings")
	p.fill("description", "without a script")
	p.send("settings")
	p.confirm("settings")
	p.see("Changed.")
	require.Equal(t, "without a script", w.setting("description"))

	p.own("/ledger")
	p.fill("value", "hxxps://evil-0[.]top")
	p.send("search")
	p.see("mail from this domain is blocked in Mimecast")
	p.own("/held")
	p.send("allow-0")
	p.see("Allowed.")
	require.Equal(t, []any{"dropbox.com"}, w.setting("protect", "allow"))
	w.sync(importIOCs)

	p.own("/preview?flow=" + importIOCs)
	p.send("preview-" + importIOCs)
	p.see("The next run would change nothing") // the page loads itself anew

	p.own("/withdraw")
	p.send("withdraw")
	p.see("Withdraw 5 values")
	p.fill("confirmed", w.name)
	p.send("confirm-withdraw")
	p.see("Withdrawn at")
	w.requireBlocked(blocked{})
	own, _ := w.falconIOCs()
	require.Empty(t, own)
}
