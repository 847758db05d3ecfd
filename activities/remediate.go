package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Bounds of the removal of delivered mail.
const (
	remediationsPerRun = 20                  // children that one run starts
	wantedPerRun       = 1_000               // that one run looks at: of hashes these are 50 calls
	messagesPerValue   = 200                 // that one incident removes: each costs a call
	delivered          = 30 * 24 * time.Hour // how far back mail is looked for: as far as Mimecast tracks it
	// foundLate is how long an incident that has identified nothing is watched: right after it is made it has found nothing yet.
	foundLate = 15 * time.Minute
)

// RemediateInput is one value whose delivered mail is to be removed. It is the input of the workflow Remediate too.
type RemediateInput struct {
	Integration string           `json:"integration"`
	Credentials string           `json:"credentials,omitempty"`
	Source      indicator.Source `json:"source"`
	Kind        indicator.Kind   `json:"kind"`
	Value       string           `json:"value"`
	Day         string           `json:"day"`                // on which it was asked for: once for each value and day
	Brackets    bool             `json:"brackets,omitempty"` // Message-IDs are sent in angle brackets
	Workflow    string           `json:"workflow,omitempty"` // id of the workflow Remediate; empty: the id with the value in it
}

func (in RemediateInput) key() indicator.Key { return indicator.Key{Kind: in.Kind, Value: in.Value} }

// reason is written in the incident, and finds it again.
func (in RemediateInput) reason() string {
	return fmt.Sprintf("%s %s %s", indicator.Mark{Integration: in.Integration}.Source(), in.Value, in.Day)
}

// DeliveredMail is what was found to be removed.
type DeliveredMail struct {
	MessageIDs []string `json:"messageIds,omitempty"` // empty for a hash: Mimecast finds those itself
	More       bool     `json:"more,omitempty"`       // there is more than one incident takes
	Nothing    bool     `json:"nothing,omitempty"`
}

// FindDeliveredMail looks for mail from a domain, or from beneath it, that was delivered in the last 30 days.
func (a *Activities) FindDeliveredMail(ctx context.Context, in RemediateInput) (DeliveredMail, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	found, err := a.findDeliveredMail(ctx, in)
	if err != nil {
		return DeliveredMail{}, patient(ctx, err)
	}
	return found, nil
}

func (a *Activities) findDeliveredMail(ctx context.Context, in RemediateInput) (DeliveredMail, error) {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil || in.Kind == indicator.SHA256 {
		return DeliveredMail{}, err
	}
	now := a.Now()
	messages, more, err := mimecast.FindMessages(ctx, in.Value, now.Add(-delivered), now, messagesPerValue)
	if err != nil {
		return DeliveredMail{}, err
	}
	found := DeliveredMail{More: more}
	for _, message := range messages {
		id, err := mimecast.MessageID(ctx, message.ID)
		if refusal, ok := errors.AsType[*vendorapi.Error](err); ok && refusal.Class == vendorapi.Rejected {
			continue // it cannot be told from others; the rest can
		}
		if err != nil {
			return DeliveredMail{}, err
		}
		found.MessageIDs = append(found.MessageIDs, id)
	}
	found.Nothing = len(found.MessageIDs) == 0
	if found.Nothing {
		return found, a.recordRemediation(ctx, in, ledger.NothingFound, indicator.Incident{}, unreadable(len(messages)))
	}
	return found, nil
}

func unreadable(messages int) string {
	if messages == 0 {
		return ""
	}
	return fmt.Sprintf("%d messages were found, none with a Message-ID that can be told", messages)
}

// CreateRemediationInput is what to remove.
type CreateRemediationInput struct {
	RemediateInput

	Mail DeliveredMail `json:"mail"`
}

// CreateRemediation makes one incident for a value and day, or finds the one that was made before.
func (a *Activities) CreateRemediation(ctx context.Context, in CreateRemediationInput) (indicator.Incident, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	incident, err := a.createRemediation(ctx, in)
	if err != nil {
		return indicator.Incident{}, patient(ctx, err)
	}
	return incident, nil
}

func (a *Activities) createRemediation(ctx context.Context, in CreateRemediationInput) (indicator.Incident, error) {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return indicator.Incident{}, err
	}
	now := a.Now()
	start := now.Add(-delivered)
	incident, there, err := mimecast.FindIncident(ctx, in.reason(), start, now.Add(time.Hour)) // clocks differ
	switch {
	case err != nil:
		return indicator.Incident{}, err
	case there:
	case in.Kind == indicator.SHA256:
		incident, err = mimecast.RemediateHash(ctx, in.Value, in.reason(), start, now)
	default:
		incident, err = mimecast.RemediateMessages(ctx, in.Mail.MessageIDs, in.Brackets, in.reason(), start, now)
	}
	if err != nil {
		return indicator.Incident{}, err
	}
	return incident, a.recordRemediation(ctx, in.RemediateInput, ledger.Started, incident, in.Mail.Detail())
}

// Detail says what is left out; empty if nothing is.
func (m DeliveredMail) Detail() string {
	if !m.More {
		return ""
	}
	return fmt.Sprintf("the first %d messages; there are more", messagesPerValue)
}

// FollowRemediationInput is an incident and how long it has been watched.
type FollowRemediationInput struct {
	RemediateInput

	Incident string        `json:"incident"`
	Detail   string        `json:"detail,omitempty"` // what the ledger says beside the figures
	Watched  time.Duration `json:"watched"`
	Last     bool          `json:"last,omitempty"` // it is not watched any longer, whatever it says
}

// FollowRemediation asks how far an incident is, and records its end.
func (a *Activities) FollowRemediation(ctx context.Context, in FollowRemediationInput) (indicator.Incident, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return indicator.Incident{}, patient(ctx, err)
	}
	incident, err := mimecast.Incident(ctx, in.Incident)
	if err != nil {
		return indicator.Incident{}, patient(ctx, err)
	}
	if incident.Identified == 0 && in.Watched < foundLate {
		incident.Done = false
	}
	switch {
	case incident.Done:
		err = a.recordRemediation(ctx, in.RemediateInput, ledger.Done, incident, in.Detail)
	case in.Last:
		err = a.recordRemediation(ctx, in.RemediateInput, ledger.RemediationFailed, incident, "not finished after "+in.Watched.String()+"; see the incident in Mimecast")
	default:
		err = a.recordRemediation(ctx, in.RemediateInput, ledger.Started, incident, in.Detail)
	}
	return incident, patient(ctx, err)
}

// FailRemediationInput is why a removal ended.
type FailRemediationInput struct {
	RemediateInput

	Reason string `json:"reason"`
	Again  bool   `json:"again,omitempty"` // a later run is to start it once more
}

// FailRemediation records that a removal ended without an incident that is done.
func (a *Activities) FailRemediation(ctx context.Context, in FailRemediationInput) error {
	ctx, stop := heartbeat(ctx)
	defer stop()
	state := ledger.RemediationFailed
	if in.Again {
		state = ledger.Wanted
	}
	return patient(ctx, a.recordRemediation(ctx, in.RemediateInput, state, indicator.Incident{}, in.Reason))
}

func (a *Activities) recordRemediation(ctx context.Context, in RemediateInput, state ledger.RemediationState, incident indicator.Incident, detail string) error {
	err := a.Ledger.RecordRemediation(ctx, a.Now(), ledger.Remediation{
		Integration: in.Integration, Key: in.key(), Day: cmp.Or(in.Day, a.Now().UTC().Format(time.DateOnly)), Source: in.Source, State: state,
		Incident: incident.ID, Code: incident.Code, Detail: detail,
		Identified: incident.Identified, Successful: incident.Successful, Failed: incident.Failed, Run: runID(ctx),
	})
	if err != nil {
		return fmt.Errorf("record the removal: %w", err)
	}
	return nil
}
