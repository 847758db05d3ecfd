//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
)

// chromium is the one browser of all tests; each test has tabs of its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, errors.New("no chromium, chromium-browser or google-chrome on the PATH: install the Debian package chromium")
	}
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	browser, endBrowser := chromedp.NewContext(allocator)
	closeBrowser = func() { endBrowser(); endAllocator() }
	return browser, chromedp.Do(browser)
})

var closeBrowser = func() {}

// tab is a person at the console.
type tab struct {
	t    *testing.T
	w    *world
	ctx  context.Context
	base string

	mu    sync.Mutex
	wrong []string // what the browser complained about
}

// tab opens an empty tab. The test fails if a page that is opened in it has an error, asks something or is stopped by its policy.
func (w *world) tab() *tab {
	w.t.Helper()
	browser, err := chromium()
	require.NoError(w.t, err)
	ctx, closeTab := chromedp.NewContext(browser)
	w.t.Cleanup(closeTab)
	t := &tab{t: w.t, w: w, ctx: ctx, base: "http://" + w.health}
	require.NoError(w.t, chromedp.Listen(ctx, t.complain))
	require.NoError(w.t, chromedp.Do(ctx, chromedp.EmulateViewport(1440, 1200)))
	w.t.Cleanup(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		require.Empty(w.t, t.wrong, "what the browser complained about")
	})
	return t
}

func (t *tab) complain(event any) {
	said := ""
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		said = "exception: " + event.ExceptionDetails.Text
	case *page.EventJavascriptDialogOpening:
		said = "dialog: " + event.Message
	case *log.EventEntryAdded:
		// A page that was refused, or a worker that was stopped on purpose, is what the test itself looks at. Password managers
		// want a field for a user's name, and there are no users.
		if event.Entry.Source != log.EntrySourceNetwork && !strings.Contains(event.Entry.Text, "username fields") {
			said = "log: " + event.Entry.Text
		}
	}
	if said != "" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.wrong = append(t.wrong, said)
	}
}

// do runs steps in the tab.
func (t *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	require.NoError(t.t, chromedp.Do(ctx, steps...))
}

// open loads a page of the console.
func (t *tab) open(path string) {
	t.t.Helper()
	t.do(chromedp.Navigate(t.base + path))
}

// own opens a page of the world's integration.
func (t *tab) own(path string) {
	t.t.Helper()
	t.open("/i/" + url.PathEscape(t.w.name) + path)
}

// evaluate gives the value of an expression in the page.
func evaluate[T any](t *tab, expression string, options ...chromedp.EvaluateOption) T {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	require.NoError(t.t, err, expression)
	return value
}

// text is what a person reads on the page.
func (t *tab) text() (string, error) {
	ctx, cancel := context.WithTimeout(t.ctx, 10*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
}

// see waits until the page says all of it.
func (t *tab) see(words ...string) {
	t.t.Helper()
	t.w.eventually(fmt.Sprintf("the page says %q", words), func() error {
		text, err := t.text()
		if err != nil {
			return err
		}
		for _, word := range words {
			if !strings.Contains(text, word) {
				return errors.New(text)
			}
		}
		return nil
	})
}

// reloadUntil loads the page again and again until it says all of it, as a person without JavaScript does.
func (t *tab) reloadUntil(words ...string) {
	t.t.Helper()
	t.w.eventually(fmt.Sprintf("the page says %q", words), func() error {
		ctx, cancel := context.WithTimeout(t.ctx, 30*time.Second)
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.Reload()); err != nil {
			return err
		}
		text, err := t.text()
		for _, word := range words {
			if !strings.Contains(text, word) {
				return errors.Join(err, errors.New(text))
			}
		}
		return err
	})
}

// at finds the element with an id, which may hold dots.
func at(id string) chromedp.CSS { return chromedp.CSS(fmt.Sprintf("[id=%q]", id)) }

// send clicks on the button of a form, and waits for the page that follows.
func (t *tab) send(form string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(at(form)+" button"))
	require.NoError(t.t, err, "send the form %s", form)
}

// fill replaces what stands in a field.
func (t *tab) fill(id, value string) {
	t.t.Helper()
	require.Equal(t.t, value, evaluate[string](t, fmt.Sprintf(`(() => {
		const field = document.getElementById(%q);
		field.focus();
		field.value = %q;
		field.dispatchEvent(new Event("input", {bubbles: true}));
		return field.value;
	})()`, id, value)), "the field %s", id)
}

// tick clicks on a box.
func (t *tab) tick(id string) {
	t.t.Helper()
	t.do(chromedp.Click(at(id)))
}

func (t *tab) value(id string) string {
	t.t.Helper()
	return evaluate[string](t, fmt.Sprintf(`document.getElementById(%q).value`, id))
}

// withoutScripts makes the tab one whose pages run none.
func (t *tab) withoutScripts() {
	t.t.Helper()
	t.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// looks sets how wide the window is, and whether it is dark.
func (t *tab) looks(width int64, scheme string) {
	t.t.Helper()
	t.do(chromedp.EmulateViewport(width, 1200), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

// picture keeps a screenshot of the whole page, for people to look at.
func (t *tab) picture(name string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t.t, err)
	folder := os.Getenv("THREATSHARE_SCREENSHOTS")
	if folder == "" {
		folder = "screenshots"
	}
	require.NoError(t.t, os.MkdirAll(folder, 0o750))
	require.NoError(t.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
}

// inNamespace puts a world that has not begun yet into a namespace of its own: the console shows all that run in one.
func (w *world) inNamespace() *world {
	w.t.Helper()
	namespace := w.name + "-ns"
	w.cli("operator", "namespace", "create", "--namespace", namespace)
	w.namespace, w.env = namespace, append(w.env, "TEMPORAL_NAMESPACE="+namespace)
	w.temporal.Close()
	w.eventually("the namespace is there", func() error {
		dialled, err := server.DialNamespace(w.patient(), namespace)
		if err != nil {
			return err
		}
		w.temporal = dialled
		_, err = dialled.CountWorkflow(w.patient(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace})
		return err
	})
	w.t.Cleanup(func() { w.temporal.Close() })
	return w
}
