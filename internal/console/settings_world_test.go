package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/net/html"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/console"
	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// settingsTemporal is a Temporal in which one integration runs, which takes changes of its settings as an Integration does.
type settingsTemporal struct {
	client.Client
	inForce settings.Settings
	first   func() // what somebody else does when a change is on its way
	silent  error  // instead of an answer to an update
	updates []sentChange
	started []settings.Settings
	runs    []string // names that a start meets
	failed  error    // instead of a start
}

type sentChange struct{ Patch, Was json.RawMessage }

func (f *settingsTemporal) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if id != wire.IntegrationID(f.inForce.Name) {
		return nil, serviceerror.NewNotFound("workflow not found")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING, Type: &commonpb.WorkflowType{Name: wire.Integration},
	}}, nil
}

func (f *settingsTemporal) QueryWorkflow(_ context.Context, _, _, query string, _ ...any) (converter.EncodedValue, error) {
	if query == wire.Settings {
		return settingsAnswer{f.inForce}, nil
	}
	return settingsAnswer{workflows.Status{Integration: f.inForce.Name}}, nil
}

func (f *settingsTemporal) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	if f.silent != nil {
		return nil, f.silent
	}
	if f.first != nil {
		f.first()
	}
	sent := sentChange{}
	for i, into := range []*json.RawMessage{&sent.Patch, &sent.Was} {
		text, is := o.Args[i].(json.RawMessage)
		if !is {
			return nil, errors.New("an argument is no JSON")
		}
		*into = text
	}
	seen, err := f.inForce.Patch(sent.Was)
	if err != nil {
		return nil, err
	}
	if paths := settings.Differing(f.inForce, seen); len(paths) > 0 {
		return settingsHandle{refusal: temporal.NewNonRetryableApplicationError("changed by somebody else", activities.SettingsChanged, nil, paths)}, nil
	}
	next, err := f.inForce.Patch(sent.Patch)
	if err != nil {
		return settingsHandle{refusal: temporal.NewNonRetryableApplicationError(err.Error(), activities.InvalidInput, nil)}, nil
	}
	f.updates, f.inForce = append(f.updates, sent), next
	return settingsHandle{answer: workflows.Changed{Applied: "from the next run"}}, nil
}

func (f *settingsTemporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	if slices.Contains(f.runs, o.ID) {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("runs", "", "")
	}
	if f.failed != nil {
		return nil, f.failed
	}
	document, is := args[0].(json.RawMessage)
	if !is {
		return nil, errors.New("the settings are no JSON")
	}
	wanted, err := settings.Parse(document)
	f.started = append(f.started, wanted)
	return nil, err
}

type settingsAnswer struct{ value any }

func (a settingsAnswer) HasValue() bool { return true }

func (a settingsAnswer) Get(into any) error {
	text, err := json.Marshal(a.value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

type settingsHandle struct {
	client.WorkflowUpdateHandle
	answer  workflows.Changed
	refusal error
}

func (h settingsHandle) Get(_ context.Context, into any) error {
	if h.refusal != nil || into == nil {
		return h.refusal
	}
	return settingsAnswer{h.answer}.Get(into)
}

// settingsBrowser is somebody at the pages of settings.
type settingsBrowser struct {
	t        require.TestingT
	temporal *settingsTemporal
	sets     []string
	pages    http.Handler
}

// settingsAt gives somebody who reaches a worker that has two credential sets, where one integration runs.
func settingsAt(t require.TestingT, inForce settings.Settings) *settingsBrowser {
	b := &settingsBrowser{t: t, temporal: &settingsTemporal{inForce: inForce}, sets: []string{"acme", ""}}
	pages, err := console.New(console.Options{
		Desk: integrations.Desk{Temporal: b.temporal, Queue: "q"}, CredentialSets: func() []string { return slices.Clone(b.sets) },
		Listen: "127.0.0.1:8080", Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	require.NoError(t, err)
	b.pages = pages
	return b
}

// allOn are settings with everything switched on, so that hardly anything is a new risk.
func allOn() settings.Settings {
	s := settings.Default()
	s.Name, s.Description = "acme", "Acme production"
	s.SendToFalcon.AttachmentHashes.Enabled, s.SendToFalcon.URLDomains.Enabled, s.SendToFalcon.ImpersonationDomains.Enabled = true, true, true
	s.SendToMimecast.IOCHashes = settings.BlockHashes{Enabled: true, Remediate: true}
	s.SendToMimecast.IOCDomains = settings.BlockDomains{Enabled: true, BlockURLs: true, Remediate: true}
	s.SendToMimecast.AlertDomains = s.SendToMimecast.IOCDomains
	s.Protect.Domains = []string{"acme.example", "partner.example"}
	s.Notify = []string{"soc@acme.example"}
	return s
}

func (b *settingsBrowser) ask(method, path string, body url.Values) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, strings.NewReader(body.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	b.pages.ServeHTTP(answer, request)
	return answer
}

// open gives what the form of a page holds.
func (b *settingsBrowser) open(path string) url.Values {
	return b.form(b.ask(http.MethodGet, path, nil))
}

// form gives what a browser would send of the form that a page has, untouched.
func (b *settingsBrowser) form(answer *httptest.ResponseRecorder) url.Values {
	sent := url.Values{}
	for _, node := range settingsNodes(b.t, answer) {
		name := attribute(node, "name")
		switch {
		case name == "":
		case node.Data == "textarea" && node.FirstChild != nil:
			sent.Add(name, strings.ReplaceAll(node.FirstChild.Data, "\n", "\r\n"))
		case node.Data == "textarea":
			sent.Add(name, "")
		case node.Data == "select":
			for _, one := range under(node) {
				if one.Data == "option" && (has(one, "selected") || !sent.Has(name)) {
					sent.Set(name, attribute(one, "value"))
				}
			}
		case node.Data == "input" && (attribute(node, "type") != "checkbox" || has(node, "checked")):
			sent.Add(name, attribute(node, "value"))
		}
	}
	return sent
}

// send sends a form and, once, confirms the warnings that it is asked back with.
func (b *settingsBrowser) send(path string, sent url.Values) *httptest.ResponseRecorder {
	answer := b.ask(http.MethodPost, path, sent)
	if confirm := nodeOf(b.t, answer, "confirm"); answer.Code == http.StatusUnprocessableEntity && confirm != nil {
		again := b.form(answer)
		again.Set("confirm", attribute(confirm, "value"))
		return b.ask(http.MethodPost, path, again)
	}
	return answer
}

func settingsNodes(t require.TestingT, answer *httptest.ResponseRecorder) []*html.Node {
	root, err := html.Parse(strings.NewReader(answer.Body.String()))
	require.NoError(t, err)
	return under(root)
}

func under(root *html.Node) []*html.Node {
	return slices.Collect(func(yield func(*html.Node) bool) {
		for node := range root.Descendants() {
			if node.Type == html.ElementNode && !yield(node) {
				return
			}
		}
	})
}

func nodeOf(t require.TestingT, answer *httptest.ResponseRecorder, id string) *html.Node {
	for _, node := range settingsNodes(t, answer) {
		if attribute(node, "id") == id {
			return node
		}
	}
	return nil
}

// textOf is what stands in the element of an id; empty if there is none.
func textOf(t require.TestingT, answer *httptest.ResponseRecorder, id string) string {
	node := nodeOf(t, answer, id)
	if node == nil {
		return ""
	}
	var text strings.Builder
	for one := range node.Descendants() {
		switch {
		case one.Type == html.TextNode:
			text.WriteString(one.Data)
		case !slices.Contains([]string{"a", "b", "code", "small", "span", "strong"}, one.Data):
			text.WriteString(" ") // it begins on a line, or in a cell, of its own
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func has(node *html.Node, key string) bool {
	return slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func attribute(node *html.Node, key string) string {
	for _, a := range node.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// leaves are the paths of all settings, by reflection.
func leaves(of reflect.Type, prefix string) []string {
	var paths []string
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() == reflect.Struct {
			paths = append(paths, leaves(f.Type, prefix+name+".")...)
		} else {
			paths = append(paths, prefix+name)
		}
	}
	return paths
}

func everyPath() []string { return leaves(reflect.TypeFor[settings.Settings](), "") }

// atPath is the value of a setting as JSON has it.
func atPath(t *testing.T, s settings.Settings, path string) any {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var within any
	require.NoError(t, json.Unmarshal(text, &within))
	for name := range strings.SplitSeq(path, ".") {
		group, is := within.(map[string]any)
		require.True(t, is, path)
		within = group[name]
	}
	return within
}
