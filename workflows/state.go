package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// settle brings the states, what the Temporal UI shows and what people are to be told up to date.
func (in *integration) settle(ctx workflow.Context) {
	now := workflow.Now(ctx).UTC()
	m := in.memory
	if state, _ := in.state(); state != m.State {
		m.State, m.Since = state, now
	}
	m.stated("mimecast", m.Mimecast.State, now)
	m.stated("falcon", m.Falcon.State, now)
	for _, flow := range flowNames() {
		m.stated(flow, in.flowState(flow).State, now)
		m.flow(flow).markTrouble(now)
	}
	in.takeNote(ctx, now)
	in.showState(ctx)
	workflow.SetCurrentDetails(ctx, in.details())
}

// showState sets the search attribute, where there is one: setting one that the namespace does not have would block the
// workflow.
func (in *integration) showState(ctx workflow.Context) {
	m := in.memory
	if !m.StateAttribute {
		m.Attributed = ""
		return
	}
	if m.Attributed == m.State {
		return
	}
	attribute := temporal.NewSearchAttributeKeyKeyword(wire.StateAttribute)
	if err := workflow.UpsertTypedSearchAttributes(ctx, attribute.ValueSet(m.State)); err != nil {
		workflow.GetLogger(ctx).Error("search attribute not set", "error", err)
	}
	m.Attributed = m.State
}

// state is the state of the whole and why, from what is known of the parts.
func (in *integration) state() (state, reason string) {
	switch m := in.memory; {
	case m.Mimecast.State == PermanentError:
		return PermanentError, m.Mimecast.Reason
	case m.Falcon.State == PermanentError:
		return PermanentError, m.Falcon.Reason
	}
	for _, flow := range in.enabledFlows() {
		if problem := in.stuck(flow); problem != "" {
			return PermanentError, flow + ": " + problem
		}
	}
	switch m := in.memory; {
	case m.Paused:
		return Paused, m.PauseReason
	case !m.Checked:
		return Connecting, ""
	case m.Mimecast.State == Degraded:
		return Degraded, m.Mimecast.Reason
	case m.Falcon.State == Degraded:
		return Degraded, m.Falcon.Reason
	}
	for _, flow := range in.enabledFlows() {
		if trouble := in.memory.flow(flow).Trouble; trouble != "" {
			return Degraded, flow + ": " + trouble
		}
	}
	for _, flow := range in.enabledFlows() {
		if unread := in.unread(flow, degrades); len(unread) > 0 {
			return Degraded, unread[0].What + ": " + unread[0].Reason
		}
	}
	return Connected, ""
}

// andThen adds to what a person has to mend how the integration learns of it.
func (in *integration) andThen(reason string) string {
	return fmt.Sprintf("%s; then: temporal workflow signal --workflow-id %s --name %s", reason, wire.IntegrationID(in.settings.Name), wire.Reconnect)
}

// stuck is the permanent error that keeps the flow or one of its parts from running.
func (in *integration) stuck(flow string) string {
	memory := in.memory.flow(flow)
	if memory.Failed.Type != "" {
		return memory.Failed.Reason
	}
	for _, part := range settings.Parts(flow) {
		if problem, parked := memory.Parked[part]; parked && in.settings.PartEnabled(part) {
			return string(part) + ": " + problem.Reason
		}
	}
	return ""
}

// stopped says whether a flow must not run now, and why.
func (in *integration) stopped(flow string) (stopped bool, why string) {
	m := in.memory
	memory := m.flow(flow)
	switch {
	case m.Paused:
		return true, "paused: " + m.PauseReason
	case m.Mimecast.State == PermanentError:
		return true, in.andThen(m.Mimecast.Reason)
	case m.Falcon.State == PermanentError:
		return true, in.andThen(m.Falcon.Reason)
	case memory.Failed.Type != "":
		return true, in.andThen(memory.Failed.Reason)
	case in.allParked(flow):
		return true, in.andThen(in.stuck(flow))
	}
	return false, fmt.Sprintf("Threat Share: %s of %s", flow, in.settings.Name)
}

func (in *integration) allParked(flow string) bool {
	memory := in.memory.flow(flow)
	enabled := 0
	for _, source := range settings.SourcesOf(flow) {
		if !in.settings.SourceEnabled(source) {
			continue
		}
		enabled++
		if _, parked := memory.Parked[settings.PartOf(source)]; !parked {
			return false
		}
	}
	return enabled > 0
}
