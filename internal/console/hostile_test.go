package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/net/html"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/console"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// markup is what would run, change the page or deceive its reader wherever it is taken for more than text.
const markup = `"'><script>alert(1)</script></title></textarea></select><img src=x onerror=alert(1)><b style=x>{{.}}<!--` +
	"\x1b[31m\u202e\u2066\x07\u200b\u0085\r\n</main>javascript:alert(1)"

// writer gives texts from outside: harmless ones, or the same with markup. Each has a mark of its own.
type writer struct {
	hostile bool
	marks   []string
}

func (w *writer) text(mark string) string {
	mark = fmt.Sprintf("m%03dark-%s", len(w.marks), strings.ToLower(mark))
	w.marks = append(w.marks, mark)
	if w.hostile {
		return mark + markup
	}
	return mark
}

// fill writes into every text of a value that is empty, also into those behind pointers and in lists and maps, of which it
// makes one item each.
func (w *writer) fill(value reflect.Value, path string) {
	switch value.Kind() {
	case reflect.String:
		if value.String() == "" {
			value.SetString(w.text(path))
		}
	case reflect.Int:
		value.SetInt(7)
	case reflect.Pointer:
		if value.IsNil() {
			value.Set(reflect.New(value.Type().Elem()))
		}
		w.fill(value.Elem(), path)
	case reflect.Struct:
		if value.Type() == reflect.TypeFor[time.Time]() {
			value.Set(reflect.ValueOf(now()))
			return
		}
		for i := range value.NumField() {
			w.fill(value.Field(i), path+"."+value.Type().Field(i).Name)
		}
	case reflect.Slice:
		if value.Len() == 0 {
			value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		}
		for i := range value.Len() {
			w.fill(value.Index(i), path)
		}
	case reflect.Map:
		if value.IsNil() {
			value.Set(reflect.MakeMap(value.Type()))
			key := reflect.New(value.Type().Key()).Elem()
			w.fill(key, path+" key")
			value.SetMapIndex(key, reflect.Zero(value.Type().Elem()))
		}
		for _, key := range slices.SortedFunc(slices.Values(value.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			item := reflect.New(value.Type().Elem()).Elem()
			item.Set(value.MapIndex(key))
			w.fill(item, path)
			value.SetMapIndex(key, item)
		}
	default:
	}
}

// filled gives a value with every text written.
func filled[T any](w *writer, value T, path string) T {
	w.fill(reflect.ValueOf(&value).Elem(), path)
	return value
}

// outside is everything from outside that the pages show, written by w.
func outside(t *testing.T, w *writer) *world {
	t.Helper()
	status := workflows.Status{State: workflows.PermanentError, Flows: map[string]workflows.FlowStatus{}, Checkpoints: map[string]map[indicator.Source]string{}}
	for i, flow := range settings.Flows() {
		one := workflows.FlowStatus{FlowState: workflows.FlowState{State: []string{workflows.FlowIdle, "", workflows.Paused}[i]}, Sources: map[indicator.Source]activities.Counts{}}
		for _, source := range settings.SourcesOf(flow) {
			one.Sources[source] = activities.Counts{}
		}
		if i == 0 {
			one.Waiting = &activities.Waiting{Refused: ""}
		}
		status.Flows[flow] = one
	}
	status = filled(w, status, "status")
	// A withdrawal that waits for a person, and not because Mimecast refuses it.
	last := status.Flows[settings.FlowImportAlerts]
	last.Waiting.Refused = ""
	status.Flows[settings.FlowImportAlerts] = last

	entries := []ledger.Entry{{State: ledger.Held, Reason: guard.PopularSite}, {State: ledger.Shared, List: ledger.FalconIOCs}, {}}
	for i := range entries {
		entries[i] = filled(w, entries[i], "entry")
	}
	stored := fakeLedger{entries: entries, removals: []ledger.Remediation{filled(w, ledger.Remediation{}, "removal")}, held: 7}
	made := newWorld(t, func(o *console.Options) { o.Ledger = stored })
	made.temporal.status = status
	made.temporal.others = map[string]workflows.Status{strings.ReplaceAll(w.text("name"), "/", "|"): // a name has no slash
	{
		State: w.text("other state"), Reason: w.text("other reason"),
		Flows: map[string]workflows.FlowStatus{settings.FlowImportIOCs: {FlowState: workflows.FlowState{State: w.text("other state of a flow")}}},
	}, "deaf": {}}
	made.temporal.silences = map[string]error{
		wire.IntegrationID("deaf"): temporal.NewNonRetryableApplicationError(w.text("failure"), "x", nil),
	}
	made.temporal.inForce.Description = w.text("description")
	plan := filled(w, workflows.Plan{Items: make([]activities.Item, 2)}, "plan")
	idle := workflows.Plan{Idle: plan.Idle} // which has nothing else to show
	plan.Idle = ""
	made.temporal.errands = map[string]errand{
		wire.PreviewID(acme, settings.FlowShareTTPLogs): {run: "r", ended: now(), result: plan},
		wire.PreviewID(acme, settings.FlowImportIOCs):   {run: "r", ended: now(), result: idle},
		wire.PreviewID(acme, settings.FlowImportAlerts): {run: "r", ended: now(), failed: temporal.NewNonRetryableApplicationError(w.text("preview failed"), "x", nil)},
		wire.WithdrawID(acme):                           {run: "r", ended: now(), result: filled(w, workflows.Progress{}, "progress")},
	}
	return made
}

// visited are the pages of a world, each by a name of its own, asked for with texts from outside.
func visited(w *world, from *writer) map[string]*httptest.ResponseRecorder {
	pages := map[string]*httptest.ResponseRecorder{}
	for _, path := range append(everyPage(), "/i/acme/preview?flow="+settings.FlowShareTTPLogs, "/i/acme/preview?flow="+settings.FlowImportAlerts) {
		pages["GET "+path] = w.get(path)
	}
	typed := func(mark string) string { return url.QueryEscape(from.text(mark)) }
	for name, path := range map[string]string{
		"sought": acmeLedger + "?value=" + typed("sought"), "state": acmeLedger + "?state=" + typed("state asked"), "after": acmeHeld + "?after=" + typed("after"),
		"flow": "/i/acme/preview?flow=" + typed("flow asked"), "done": "/i/acme?done=" + typed("done"), "count": acmeWithdraw + "?count=" + typed("count"),
		"name": "/i/" + url.PathEscape(from.text("name asked")), "page": "/" + url.PathEscape(from.text("page asked")), "of a name": "/i/" + url.PathEscape(from.text("name asked")) + "/held",
	} {
		pages[name] = w.get(path)
	}
	for _, path := range everyAction() {
		text := from.text("typed")
		if path == "/i/acme/do/pause" || path == "/i/acme/do/resume" || path == "/i/acme/do/reconnect" {
			w.temporal.refusal = temporal.NewNonRetryableApplicationError(from.text("refusal"), "x", nil)
		}
		pages["POST "+path] = w.post(path, "value", text, "flow", text, "values", text, "confirmed", text, "count", text, "reason", text,
			"name", text, "description", text, "notify", text, "protect.domains", text, "fetchDuration", text, "sendToFalcon.platforms", text,
			"sendToFalcon.urlDomains.action", text, "sendToFalcon.urlDomains.enabled", text, "seen", text, "confirm", text, "credentials", text)
		w.temporal.refusal = nil
	}
	// Nobody serves a name from outside: the failure has tabs for it.
	w.temporal.down = temporal.NewNonRetryableApplicationError(from.text("down"), "x", nil)
	pages["down"] = w.get("/i/" + url.PathEscape(from.text("name of tabs")) + "/held")
	w.temporal.down = nil
	asks := &world{settingsBrowser: settingsBrowser{t: w.t}, temporal: w.temporal, store: w.store, log: w.log, clock: w.clock}
	asks.pages = asks.console(withPassword)
	pages["sign in"] = asks.get("/sign-in?to=" + typed("to"))
	pages["wrong password"] = asks.post("/sign-in", "password", from.text("password"), "to", from.text("to"))
	return pages
}

// shape is a page without its texts: elements and the names of their attributes.
func shape(t *testing.T, page *httptest.ResponseRecorder) []string {
	t.Helper()
	var found []string
	for _, node := range settingsNodes(t, page) {
		names := []string{node.Data}
		for _, a := range node.Attr {
			names = append(names, a.Key)
		}
		found = append(found, strings.Join(names, " "))
	}
	return found
}

// The same pages with harmless texts and with hostile ones differ in their texts, and in nothing else.
func TestTextsFromOutsideAreTextsWhereverTheyAreShown(t *testing.T) {
	harmless, hostile := &writer{}, &writer{hostile: true}
	want := visited(outside(t, harmless), harmless)
	shown := map[string]bool{}
	got := visited(outside(t, hostile), hostile)
	require.Equal(t, harmless.marks, hostile.marks)
	for name, page := range got {
		require.Equal(t, want[name].Code, page.Code, name)
		if page.Code == http.StatusSeeOther {
			require.Regexp(t, `^/(i/acme[a-z/]*([?](done|count)=[A-Za-z0-9_-]*)?)?$`, page.Header().Get("Location"), name)
			continue
		}
		if name != "POST /new" && name != "POST "+acmeSettings { // which say more of what is wrong with a hostile text
			require.Equal(t, shape(t, want[name]), shape(t, page), name)
		}
		requireHarmless(t, name, page)
		for _, mark := range hostile.marks {
			shown[mark] = shown[mark] || strings.Contains(page.Body.String(), mark)
		}
	}
	// What no page shows is known, so that the rest of this test tries something.
	hidden := map[string]bool{}
	for _, mark := range hostile.marks {
		_, of, _ := strings.Cut(mark, "-")
		before, known := hidden[of]
		hidden[of] = !shown[mark] && (before || !known)
	}
	require.Equal(t, []string{
		"after", "count", "done", "entry.duereason", "entry.integration", "entry.record", "entry.run", "flow asked", "page asked", "password",
		"plan.counts.dropped key", "plan.counts.held key", "plan.digest", "plan.flow", "plan.waiting.first",
		"progress.items.kind", "progress.items.list", "progress.items.value", "progress.lists.next",
		"removal.incident", "removal.integration", "removal.key.kind", "removal.key.value", "removal.run", "removal.source", "state asked",
		"status.check.at", "status.check.findings.parts", "status.falcon.since",
		"status.flows.flowstate.lastrun", "status.flows.flowstate.lastsuccess", "status.flows.flowstate.since",
		"status.flows.lastrunsources key", "status.flows.lastrunsources.dropped key", "status.flows.lastrunsources.held key",
		"status.flows.running.flow", "status.flows.running.runid", "status.flows.running.workflowid",
		"status.flows.sources.dropped key", "status.flows.sources.held key", "status.integration", "status.mimecast.since", "status.since", "to",
	}, slices.Sorted(func(yield func(string) bool) {
		for of, is := range hidden {
			if is && !yield(of) {
				return
			}
		}
	}))
}

// requireHarmless makes sure of what no page may hold, whatever it is shown.
func requireHarmless(t *testing.T, name string, page *httptest.ResponseRecorder) {
	t.Helper()
	counted := map[string]int{}
	for _, node := range settingsNodes(t, page) {
		counted[node.Data]++
		for _, a := range node.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc", "%s: %s", name, a.Key)
			if a.Key == "href" || a.Key == "src" || a.Key == "action" {
				require.True(t, strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "#"), "%s: %s", name, a.Val)
			}
			// What was typed stays in its field as it was typed.
			if a.Key != "value" {
				requirePrintable(t, name, a.Val)
			}
		}
	}
	require.Equal(t, []int{1, 1, 0, 0}, []int{counted["script"], counted["img"], counted["b"], counted["style"]}, "%s: the console's own script and icon", name)
	root, err := html.Parse(strings.NewReader(page.Body.String()))
	require.NoError(t, err)
	for node := range root.Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "textarea" {
			requirePrintable(t, name, node.Data)
		}
		require.NotEqual(t, html.CommentNode, node.Type, name)
	}
}

func requirePrintable(t *testing.T, name, text string) {
	t.Helper()
	for _, r := range text {
		require.True(t, unicode.IsPrint(r) || r == '\n' || r == '\t', "%s: %q", name, text)
	}
}

func TestAHostileNameLeadsToItsOwnPageOnly(t *testing.T) {
	w := newWorld(t)
	w.temporal.others = map[string]workflows.Status{"javascript:alert(1)": idle(), `x" onclick="alert(1)`: idle(), "//evil.example": idle()}
	page := w.get("/")
	require.Equal(t, http.StatusOK, page.Code)
	requireHarmless(t, "the first page", page)
}
