package activities

import (
	"context"
	"fmt"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/wire"
)

// SelectRemediationsInput says for which sources delivered mail may be removed.
type SelectRemediationsInput struct {
	Integration string             `json:"integration"`
	Credentials string             `json:"credentials,omitempty"`
	Sources     []indicator.Source `json:"sources"`
	Brackets    bool               `json:"brackets,omitempty"`
	Started     int                `json:"started,omitempty"` // how many the run has started already
}

// SelectRemediations takes the next values whose delivered mail is to be removed, at most 20 a run; the others wait. Hashes that
// Mimecast has not seen in a year are done with that: it saves an incident each.
func (a *Activities) SelectRemediations(ctx context.Context, in SelectRemediationsInput) ([]RemediateInput, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	selected, err := a.selectRemediations(ctx, in)
	if err != nil {
		return nil, a.stuck(ctx, in.Integration, err)
	}
	return selected, nil
}

func (a *Activities) selectRemediations(ctx context.Context, in SelectRemediationsInput) ([]RemediateInput, error) {
	var selected []RemediateInput
	for _, source := range in.Sources {
		wanted, err := a.Ledger.WantedRemediations(ctx, in.Integration, source, wantedPerRun)
		if err != nil {
			return nil, fmt.Errorf("look for wanted removals: %w", err)
		}
		if wanted, err = a.stillBlocked(ctx, in.Integration, source, wanted); err != nil {
			return nil, err
		}
		if source.Kind() == indicator.Domain { // each costs a search
			wanted = wanted[:min(len(wanted), remediationsPerRun-in.Started-len(selected))]
		}
		if wanted, err = a.seen(ctx, in.Credentials, source.Kind(), wanted); err != nil {
			return nil, err
		}
		for _, remediation := range wanted[:min(len(wanted), remediationsPerRun-in.Started-len(selected))] {
			selected = append(selected, RemediateInput{
				Integration: in.Integration, Credentials: in.Credentials, Source: source, Kind: remediation.Kind,
				Value: remediation.Value, Day: remediation.Day, Brackets: in.Brackets, Workflow: a.remediateID(in.Integration, remediation.Value),
			})
		}
	}
	return selected, nil
}

// remediateID is the id of the workflow that removes mail with a value, if it must not show the value; else empty.
func (a *Activities) remediateID(integration, value string) string {
	if a.Pseudonym == nil {
		return ""
	}
	return wire.RemediateID(integration, a.Pseudonym(value))
}

// stillBlocked leaves out the values that are not blocked any more, and records that: they are no threat any more either.
func (a *Activities) stillBlocked(ctx context.Context, integration string, source indicator.Source, wanted []ledger.Remediation) ([]ledger.Remediation, error) {
	keys := make([]indicator.Key, 0, len(wanted))
	for _, remediation := range wanted {
		keys = append(keys, remediation.Key)
	}
	known, err := a.Ledger.Lookup(ctx, integration, listOf(source), keys)
	if err != nil {
		return nil, fmt.Errorf("look up in the ledger: %w", err)
	}
	left := make([]ledger.Remediation, 0, len(wanted))
	for _, remediation := range wanted {
		entry := known[remediation.Key]
		if entry.State == ledger.Shared {
			if entry.DueAt.IsZero() { // else it waits until it is known whether the value leaves
				left = append(left, remediation)
			}
			continue
		}
		remediation.State, remediation.Detail = ledger.RemediationFailed, "given up: the value was taken back before its mail was looked for"
		if err := a.Ledger.RecordRemediation(ctx, a.Now(), remediation); err != nil {
			return nil, fmt.Errorf("record that a removal is given up: %w", err)
		}
	}
	return left, nil
}

// seen leaves out the values that no mail had, and records that. One that Mimecast says nothing about stays.
func (a *Activities) seen(ctx context.Context, credentials string, kind indicator.Kind, wanted []ledger.Remediation) ([]ledger.Remediation, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	mimecast, err := a.Vendors.Mimecast(credentials)
	if err != nil {
		return nil, err
	}
	values := make([]string, 0, len(wanted))
	for _, remediation := range wanted {
		values = append(values, remediation.Value)
	}
	ask := mimecast.HashesSeen
	if kind == indicator.Domain {
		ask = func(ctx context.Context, domains []string) (map[string]bool, error) {
			return a.sendersSeen(ctx, mimecast, domains)
		}
	}
	met, err := ask(ctx, values)
	if err != nil {
		return nil, err
	}
	left := make([]ledger.Remediation, 0, len(wanted))
	for _, remediation := range wanted {
		if was, told := met[remediation.Value]; !told || was {
			left = append(left, remediation)
			continue
		}
		remediation.State = ledger.NothingFound
		if err := a.Ledger.RecordRemediation(ctx, a.Now(), remediation); err != nil {
			return nil, fmt.Errorf("record that nothing was delivered: %w", err)
		}
	}
	return left, nil
}

// sendersSeen says of domains whether mail from them, or from beneath them, was delivered.
func (a *Activities) sendersSeen(ctx context.Context, mimecast Mimecast, domains []string) (map[string]bool, error) {
	seen := make(map[string]bool, len(domains))
	now := a.Now()
	for _, domain := range domains {
		messages, _, err := mimecast.FindMessages(ctx, domain, now.Add(-delivered), now, 1)
		if err != nil {
			return nil, err
		}
		seen[domain] = len(messages) > 0
	}
	return seen, nil
}
