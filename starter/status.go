package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/wire"
)

// statusAnswer is what is shown of the answers to the queries "status" and "connection-state". Fields that an older or newer
// integration does not have stay empty.
type statusAnswer struct {
	Integration  string                       `json:"integration"`
	State        string                       `json:"state"`
	Since        string                       `json:"since"`
	Reason       string                       `json:"reason"`
	Mimecast     vendorAnswer                 `json:"mimecast"`
	Falcon       vendorAnswer                 `json:"falcon"`
	Flows        map[string]flowAnswer        `json:"flows"`
	Checkpoints  map[string]map[string]string `json:"checkpoints"`
	LastRejected *struct {
		At      string `json:"at"`
		Name    string `json:"name"`
		Problem string `json:"problem"`
	} `json:"lastRejected"`
	Warnings     []string            `json:"warnings"`
	DryRun       bool                `json:"dryRun"`
	BYOTI        *quotaAnswer        `json:"byoti"`        // nil before the first hash
	Remediations *remediationsAnswer `json:"remediations"` // nil as long as there are none
	Check        *struct {
		At string `json:"at"`
	} `json:"check"` // nil before the first
	Mail *struct {
		At      string `json:"at"`
		Kind    string `json:"kind"`
		Problem string `json:"problem"`
	} `json:"mail"` // nil if nobody was told of anything
}

// isPaused says whether the integration is paused, which a permanent error hides in its state.
func (s statusAnswer) isPaused() bool {
	for _, flow := range s.Flows {
		if flow.State == paused {
			return true
		}
	}
	return s.State == paused
}

type vendorAnswer struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
	Since  string `json:"since"`
}

// quotaAnswer is how full a list is. Unless it is known, the vendor does not tell, and the integration has counted its own
// entries against the settings.
type quotaAnswer struct {
	Used  int  `json:"used"`
	Limit int  `json:"limit"`
	Known bool `json:"known"`
}

// remediationsAnswer counts removals of delivered mail, and the messages in them.
type remediationsAnswer struct {
	Wanted       int `json:"wanted"`
	Started      int `json:"started"`
	Done         int `json:"done"`
	NothingFound int `json:"nothingFound"`
	Failed       int `json:"failed"`
	Messages     struct {
		Identified int `json:"identified"`
		Successful int `json:"successful"`
		Failed     int `json:"failed"`
	} `json:"messages"`
}

type flowAnswer struct {
	State       string                  `json:"state"`
	LastRun     string                  `json:"lastRun"`
	LastSuccess string                  `json:"lastSuccess"`
	LastError   string                  `json:"lastError"`
	Shared      int                     `json:"shared"`
	Held        int                     `json:"held"`
	Since       string                  `json:"since"`
	Reason      string                  `json:"reason"` // of a state that is not as it should be
	More        bool                    `json:"more"`
	Running     runAnswer               `json:"running"`
	Progress    *progressAnswer         `json:"progress"` // nil if no run is at work
	Waiting     *waitingAnswer          `json:"waiting"`  // nil if nothing waits
	Parked      map[string]string       `json:"parked"`
	Sources     map[string]sourceAnswer `json:"sources"`
}

// runAnswer is the run that is at work; empty if none is.
type runAnswer struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// inTime is the unit of a progress through time, in seconds; others count what the unit says.
const inTime = "seconds"

// progressAnswer is how far the run at work is. Of is 0 if the whole is not known.
type progressAnswer struct {
	Done int    `json:"done"`
	Of   int    `json:"of"`
	Unit string `json:"unit"`
}

type sourceAnswer struct {
	Read           int            `json:"read"`
	Malicious      int            `json:"malicious"`
	Shared         int            `json:"shared"`
	WouldShare     int            `json:"wouldShare"`
	AlreadyThere   int            `json:"alreadyThere"`
	Foreign        int            `json:"foreign"`
	Echo           int            `json:"echo"` // only there because this integration wrote it at the other vendor
	Held           map[string]int `json:"held"`
	Quarantined    int            `json:"quarantined"`
	Withdrawn      int            `json:"withdrawn"`
	WouldWithdraw  int            `json:"wouldWithdraw"`
	URLsBlocked    int            `json:"urlsBlocked"`
	WouldBlockURLs int            `json:"wouldBlockURLs"`
	Dropped        map[string]int `json:"dropped"`
}

// idle says whether nothing at all has become of the source.
func (s sourceAnswer) idle() bool {
	return s.Read+s.Shared+s.WouldShare+s.Withdrawn+s.WouldWithdraw+s.URLsBlocked+s.WouldBlockURLs+s.Quarantined+total(s.Held) == 0
}

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [name]",
		Short: "Show how an integration does, or list all that are running",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				if len(args) == 0 {
					return a.statusOfAll(ctx, c, asJSON)
				}
				return a.statusOf(ctx, c, args[0], asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "answer in JSON, as the integration gives it; without a name a list")
	return cmd
}

func (a *app) statusOf(ctx context.Context, c client.Client, name string, asJSON bool) error {
	answer, err := askRunning(ctx, c, name, wire.Status)
	if err != nil {
		return err
	}
	var status statusAnswer
	if asJSON || json.Unmarshal(answer, &status) != nil { // what cannot be read is shown as it is
		return a.printJSON(answer)
	}
	a.showStatus(name, status)
	return nil
}

// unanswered stands in a list for an integration that did not answer.
type unanswered struct {
	Integration string `json:"integration"`
	Error       string `json:"error"`
}

func (a *app) statusOfAll(ctx context.Context, c client.Client, asJSON bool) error {
	names, err := runningIntegrations(ctx, c)
	if err != nil {
		return err
	}
	answers, statuses := make([]any, 0, len(names)), make([]statusAnswer, 0, len(names))
	var problems []error
	for _, name := range names {
		status := statusAnswer{Integration: name, State: "no answer"}
		answer, err := ask[json.RawMessage](ctx, c, name, wire.Status)
		if err == nil {
			err = json.Unmarshal(answer, &status)
		}
		if err != nil {
			failed := explained(name, err)
			problems = append(problems, failed)
			answers = append(answers, unanswered{Integration: name, Error: failed.Error()})
		} else {
			answers = append(answers, answer)
		}
		statuses = append(statuses, status)
	}
	switch {
	case asJSON:
		problems = append(problems, a.printJSON(answers))
	case len(names) == 0:
		a.print("no integration is running; start one: starter start -f settings.yaml\n")
	default:
		a.showList(statuses)
	}
	if err := errors.Join(problems...); err != nil {
		return &failure{exitNotDone, err}
	}
	return nil
}

// runningIntegrations gives the names, sorted.
func runningIntegrations(ctx context.Context, c client.Client) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf(`WorkflowType = %q AND ExecutionStatus = "Running"`, wire.Integration),
	}
	var names []string
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, notDone("list the integrations: %w", err)
		}
		for _, execution := range page.GetExecutions() {
			if name, ours := integrationName(execution.GetExecution().GetWorkflowId()); ours {
				names = append(names, name)
			}
		}
		request.NextPageToken = page.GetNextPageToken()
		if len(request.NextPageToken) == 0 {
			slices.SortFunc(names, strings.Compare)
			return slices.Compact(names), nil
		}
	}
}
