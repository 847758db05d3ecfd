package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	// askedAtOnce is how many integrations are asked at the same time.
	askedAtOnce = 64
	// askedFor is how long each is waited for: one without a worker must not keep the page of the others.
	askedFor = 3 * time.Second
)

// overviewPage is every integration with its state.
type overviewPage struct {
	Integrations []overviewLine
	Bad          int // that need a person
}

type overviewLine struct {
	Name    string
	Status  workflows.Status
	Problem string // why its state is not known
}

// Flows are the flows of an integration in the order of all pages.
func (l overviewLine) Flows() []overviewFlow {
	var shown []overviewFlow
	for _, flow := range settings.Flows() {
		if status, there := l.Status.Flows[flow]; there {
			shown = append(shown, overviewFlow{flowTitle(flow), status})
		}
	}
	return shown
}

type overviewFlow struct {
	Title string
	workflows.FlowStatus
}

func (c *Console) overviewPages() map[string]handler {
	return map[string]handler{
		"GET /{$}": c.overview,
		"/":        func(http.ResponseWriter, *http.Request) error { return notFound("There is no such page.") },
	}
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) error {
	listed, err := c.Desk.List(r.Context())
	if err != nil {
		return err
	}
	shown := overviewPage{Integrations: make([]overviewLine, len(listed))}
	var asked errgroup.Group
	asked.SetLimit(askedAtOnce)
	for i, one := range listed {
		asked.Go(func() error {
			ctx, cancel := context.WithTimeout(r.Context(), askedFor)
			defer cancel()
			shown.Integrations[i] = overviewLine{Name: one.Name}
			status, err := c.status(ctx, one.Name)
			if err != nil {
				shown.Integrations[i].Problem = failureOf(err).what
			}
			shown.Integrations[i].Status = status
			return nil
		})
	}
	_ = asked.Wait() // none of them fails
	for _, line := range shown.Integrations {
		if line.Problem != "" || line.Status.State == workflows.PermanentError {
			shown.Bad++
		}
	}
	return c.show(w, r, http.StatusOK, "overview", page{Title: "Integrations", Data: shown})
}

// status asks an integration for everything. One that has ended answers too, with what was last true: running tells.
func (c *Console) status(ctx context.Context, name string) (workflows.Status, error) {
	return integrations.Ask[workflows.Status](ctx, c.Desk, wire.IntegrationID(name), wire.Status)
}

// known gives an integration's status, or a failure that says that none of the name is running.
func (c *Console) known(ctx context.Context, name string) (workflows.Status, error) {
	running, err := c.Desk.Running(ctx, name)
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing || err == nil && !running {
		return workflows.Status{}, noIntegration(name)
	}
	if err != nil {
		return workflows.Status{}, err
	}
	return c.status(ctx, name)
}
