//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
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
		for _, width := range []int64{375, 1440} {
			for _, scheme := range []string{"light", "dark"} {
				name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", w.name, "acme").Replace(path), "-")
				if name == "" {
					name = "overview"
				}
				name = fmt.Sprintf("%s-%d-%s", name, width, scheme)
				p.looks(width, scheme)
				p.open(path)
				p.picture(name)
				require.Empty(t, evaluate[[]string](p, fmt.Sprintf(wide, width)), "%s is wider than the window", name)
				require.Empty(t, evaluate[[]string](p, faint), "%s: too faint", name)
			}
		}
		require.Empty(t, evaluate[[]string](p, nameless), path)
		p.walk(path)
	}
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

func TestTheConsoleWorksWithoutJavaScript(t *testing.T) {
	w := newWorld(t).inNamespace()
	w.list(nil, domains(3))
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToFalcon"] = map[string]any{"impersonationDomains": on()}
		document["sendToMimecast"] = map[string]any{"iocDomains": on()}
	}), "--wait")
	w.waitForRuns(importIOCs, 1)
	w.waitForRuns(shareTTPLogs, 1)
	p := w.tab()
	p.withoutScripts()
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

	p.own("/preview?flow=" + importIOCs)
	p.send("preview-" + importIOCs)
	p.see("The next run would change nothing") // the page loads itself anew

	p.own("/withdraw")
	p.send("withdraw")
	p.see("Withdraw 4 values")
	p.fill("confirmed", w.name)
	p.send("confirm-withdraw")
	p.see("Withdrawn at")
	w.requireBlocked(blocked{})
	own, _ := w.falconIOCs()
	require.Empty(t, own)
}
