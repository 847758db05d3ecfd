package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/plan"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// UploadSize is how many indicators one UploadIOCs takes: whole batches of the client's 200, far under the payload limit.
const (
	UploadSize   = 400
	uploadAtOnce = 200
)

// Reasons in the ledger that are not the guard's.
const (
	foundThere   indicator.Reason = "found"          // ours, but made before the ledger knew of it
	madeByOthers indicator.Reason = "made-by-others" // on the list already, by somebody else
	refused      indicator.Reason = "vendor-refused" // the vendor's words are in the detail
)

// listedAfter is how often Falcon is asked again for a value that it calls a duplicate and does not list yet: its search
// lags behind its writes by an unknown time (falcon-api.md 2.4).
const listedAfter = 6

// UploadIOCsInput is what to list at Falcon, from any of Mimecast's logs.
type UploadIOCsInput struct {
	Integration  string                `json:"integration"`
	Credentials  string                `json:"credentials,omitempty"`
	SendToFalcon settings.SendToFalcon `json:"sendToFalcon"`
	Indicators   []indicator.Indicator `json:"indicators"`
	DryRun       bool                  `json:"dryRun,omitempty"`
}

// UploadIOCsResult counts by source what became of them. A repeated step counts what its first try shared as already there;
// the ledger knows better (see ReportRun).
type UploadIOCsResult struct {
	Counts map[indicator.Source]Counts `json:"counts"`
	Items  []Item                      `json:"items,omitempty"` // dry run: what would be written
}

// UploadIOCs lists indicators at Falcon as IOCs of the integration: it asks what is there, writes the difference and records
// each outcome. It may run any number of times: what was made before is found, and nothing that others made is touched.
func (a *Activities) UploadIOCs(ctx context.Context, in UploadIOCsInput) (UploadIOCsResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	falcon, err := a.Vendors.Falcon(in.Credentials)
	if err != nil {
		return UploadIOCsResult{}, patient(ctx, err)
	}
	result := UploadIOCsResult{Counts: map[indicator.Source]Counts{}}
	wanted := plan.Merge(shares(in.Integration, in.SendToFalcon, in.Indicators, a.Now()))
	made := 0
	// Batch by batch, so that what a failure of the second makes the next try ask again is not the first one too.
	for batch := range slices.Chunk(wanted, uploadAtOnce) {
		done, err := a.upload(ctx, falcon, in, batch)
		if err != nil {
			return UploadIOCsResult{}, a.stuck(ctx, in.Integration, having(made, err))
		}
		for source, counts := range done.Counts {
			made += counts.Shared
			result.Counts[source] = result.Counts[source].Plus(counts)
		}
		result.Items = append(result.Items, done.Items...)
	}
	return result, nil
}

// upload lists one batch.
func (a *Activities) upload(ctx context.Context, falcon Falcon, in UploadIOCsInput, wanted []indicator.Share) (UploadIOCsResult, error) {
	ask, known, err := a.toAsk(ctx, in.Integration, wanted)
	if err != nil {
		return UploadIOCsResult{}, err
	}
	listed, err := falcon.Lookup(ctx, keysOf(ask))
	if err != nil {
		return UploadIOCsResult{}, err
	}
	todo := plan.Decide(ask, known, listed, a.Now())
	counts := tally(wanted, ask, todo)
	if in.DryRun {
		return UploadIOCsResult{Counts: wouldShare(counts, todo), Items: planned(todo)}, nil
	}
	return UploadIOCsResult{Counts: counts}, a.apply(ctx, falcon, in.Integration, todo, counts)
}

// apply writes a plan and records every outcome, also those next to a failure: what was made must not be forgotten.
func (a *Activities) apply(ctx context.Context, falcon Falcon, integration string, todo plan.Plan, counts map[indicator.Source]Counts) error {
	book := &booking{integration: integration, run: runID(ctx), counts: counts, lastTry: activity.GetInfo(ctx).Attempt >= listedAfter}
	book.leftAlone(todo)
	created, failed := falcon.Create(ctx, todo.Create)
	if err := a.allRefused(ctx, integration, ledger.FalconIOCs, created, "falcon", "sendToFalcon (host groups, platforms, actions)"); err != nil {
		return err
	}
	book.outcomes(todo.Create, created)
	if failed == nil {
		var updated []indicator.Outcome
		updated, failed = falcon.Update(ctx, todo.Update)
		book.outcomes(sharesOf(todo.Update), updated)
	}
	if err := a.Ledger.Record(context.WithoutCancel(ctx), a.Now(), book.entries); err != nil {
		return fmt.Errorf("record outcomes: %w", err)
	}
	failed = having(len(book.entries), failed)
	if failed == nil && book.unlisted > 0 {
		failed = &vendorapi.Error{
			Class: vendorapi.Unavailable, Vendor: "falcon", Operation: "look up after create",
			Message: fmt.Sprintf("%d values are called duplicates and not listed yet; asking again", book.unlisted),
		}
	}
	return failed
}

// tooManyRefused is how many refusals in a row, with nothing made, are taken for a fault in the settings.
const tooManyRefused = 10

// allRefused is an error if a vendor refuses each of many new values: then it is not the values that are wrong but what they have
// in common, such as a host group that is gone. Quarantining them all would lose them. Values that were refused before, on
// their own, say nothing of that kind.
func (a *Activities) allRefused(ctx context.Context, integration string, list ledger.List, outcomes []indicator.Outcome, vendor, check string) error {
	var sent []indicator.Key
	words := ""
	for _, outcome := range outcomes {
		switch {
		case outcome.NotSent:
		case outcome.Refused == "":
			return nil
		default:
			sent, words = append(sent, outcome.Key), outcome.Refused
		}
	}
	if len(sent) < tooManyRefused {
		return nil
	}
	known, err := a.Ledger.Lookup(ctx, integration, list, sent)
	if err != nil {
		return fmt.Errorf("look up refused values: %w", err)
	}
	sent = slices.DeleteFunc(sent, func(key indicator.Key) bool { return known[key].State == ledger.Quarantined })
	if len(sent) < tooManyRefused {
		return nil
	}
	return &vendorapi.Error{
		Class: vendorapi.Rejected, Vendor: vendor, Operation: "write to the list " + string(list), Message: words,
		Remedy: fmt.Sprintf("all of %d values were refused, so it is something that they have in common: check %s, then reconnect", len(sent), check),
	}
}

// booking turns outcomes into ledger entries and counts.
type booking struct {
	integration string
	run         string
	lastTry     bool
	counts      map[indicator.Source]Counts
	entries     []ledger.Entry
	unlisted    int
}

func (b *booking) leftAlone(todo plan.Plan) {
	for _, found := range todo.Found {
		b.add(found.Share, ledger.Shared, foundThere, "", found.ID)
	}
	for _, share := range todo.Foreign {
		b.add(share, ledger.Foreign, madeByOthers, "", "")
	}
	for _, share := range todo.Gone {
		b.add(share, ledger.Shared, "", "", "")
	}
}

func (b *booking) outcomes(tried []indicator.Share, outcomes []indicator.Outcome) {
	for i, outcome := range outcomes {
		share := tried[i]
		count := b.counts[share.Source]
		switch {
		case outcome.ID != "":
			count.Shared++
			b.add(share, ledger.Shared, "", "", outcome.ID)
		case outcome.Refused != "":
			count.Quarantined++
			b.add(share, ledger.Quarantined, refused, outcome.Refused, "")
		case outcome.Duplicate && b.lastTry:
			count.AlreadyThere++ // not recorded, so that it is asked for again when it is seen again
		case outcome.Duplicate:
			b.unlisted++
		}
		b.counts[share.Source] = count
	}
}

func (b *booking) add(share indicator.Share, state ledger.State, reason indicator.Reason, detail, id string) {
	b.entries = append(b.entries, ledger.Entry{
		Integration: b.integration, List: ledger.FalconIOCs, Key: share.Key, Source: share.Source, State: state,
		Reason: reason, Detail: detail, VendorID: id, Action: share.Action, Severity: share.Severity,
		Record: share.Record, Run: b.run, SeenAt: share.SeenAt, ExpiresAt: share.ExpiresAt,
	})
}

// toAsk leaves out of wanted what the ledger says is as it should be, and gives what it knows of the rest.
func (a *Activities) toAsk(ctx context.Context, integration string, wanted []indicator.Share) ([]indicator.Share, map[indicator.Key]plan.Known, error) {
	entries, err := a.Ledger.Lookup(ctx, integration, ledger.FalconIOCs, keysOf(wanted))
	if err != nil {
		return nil, nil, fmt.Errorf("look up in the ledger: %w", err)
	}
	known := make(map[indicator.Key]plan.Known, len(entries))
	for key, entry := range entries {
		known[key] = plan.Known{State: planState(entry, runID(ctx)), Action: entry.Action, Severity: entry.Severity, ExpiresAt: entry.ExpiresAt}
	}
	return plan.ToAsk(wanted, known, a.Now()), known, nil
}

func planState(entry ledger.Entry, run string) plan.State {
	switch {
	case entry.State == ledger.Shared:
		return plan.Shared
	case entry.State == ledger.Foreign, entry.State == ledger.Quarantined && !tryAgain(entry, run):
		return plan.Settled
	default:
		return plan.Unknown
	}
}

// refusalTries is in how many runs a value is offered to a vendor that refuses it.
const refusalTries = 3

// tryAgain says whether a value that the vendor has refused is to be offered again: not by the same run.
func tryAgain(entry ledger.Entry, run string) bool {
	return entry.Tries < refusalTries && entry.Run != run
}

// shares says how indicators are to be listed, by the settings of the source that each comes from.
func shares(integration string, to settings.SendToFalcon, indicators []indicator.Indicator, now time.Time) []indicator.Share {
	made := make([]indicator.Share, 0, len(indicators))
	for _, found := range indicators {
		as := to.For(found.Source)
		share := indicator.Share{
			Indicator: found, Action: as.Action, Severity: as.Severity, Platforms: to.Platforms, HostGroups: to.HostGroups,
			Mark:    indicator.Mark{Integration: integration},
			Comment: description(found),
		}
		if expireAfter := time.Duration(to.ExpireAfter); expireAfter > 0 {
			share.ExpiresAt = now.Add(expireAfter).UTC().Truncate(time.Second)
		}
		if share.Action == "no_action" {
			share.Severity = "" // Falcon stores none (falcon-api.md 2.2); asking for one would look like a change for ever
		}
		made = append(made, share)
	}
	return made
}

// description is what a person at Falcon reads of where an IOC comes from.
func description(found indicator.Indicator) string {
	what := map[indicator.Source]string{
		indicator.AttachmentHashes:     "Malicious attachment, Mimecast Attachment Protection",
		indicator.URLDomains:           "Malicious link, Mimecast URL Protection",
		indicator.ImpersonationDomains: "Impersonation, Mimecast Impersonation Protection",
	}[found.Source]
	return what + ", " + found.SeenAt.Format(time.RFC3339)
}

func tally(wanted, ask []indicator.Share, todo plan.Plan) map[indicator.Source]Counts {
	counts := map[indicator.Source]Counts{}
	add := func(source indicator.Source, more Counts) { counts[source] = counts[source].Plus(more) }
	for _, share := range wanted {
		add(share.Source, Counts{AlreadyThere: 1})
	}
	for _, share := range ask {
		add(share.Source, Counts{AlreadyThere: -1})
	}
	for _, found := range todo.Found {
		add(found.Source, Counts{AlreadyThere: 1})
	}
	for _, share := range todo.Gone {
		add(share.Source, Counts{AlreadyThere: 1})
	}
	for _, share := range todo.Foreign {
		add(share.Source, Counts{Foreign: 1})
	}
	return counts
}

func wouldShare(counts map[indicator.Source]Counts, todo plan.Plan) map[indicator.Source]Counts {
	for _, share := range todo.Create {
		counts[share.Source] = counts[share.Source].Plus(Counts{WouldShare: 1})
	}
	for _, update := range todo.Update {
		counts[update.Source] = counts[update.Source].Plus(Counts{WouldShare: 1})
	}
	return counts
}

// planned is what a dry run shows of a plan.
func planned(todo plan.Plan) []Item {
	items := make([]Item, 0, len(todo.Create)+len(todo.Update))
	add := func(verdict Verdict, share indicator.Share) {
		items = append(items, Item{Verdict: verdict, List: ledger.FalconIOCs, Source: share.Source, Value: share.Value})
	}
	for _, share := range todo.Create {
		add(VerdictShare, share)
	}
	for _, update := range todo.Update {
		add(VerdictUpdate, update.Share)
	}
	return items
}

func keysOf(shares []indicator.Share) []indicator.Key {
	keys := make([]indicator.Key, 0, len(shares))
	for _, share := range shares {
		keys = append(keys, share.Key)
	}
	return keys
}

func sharesOf(updates []indicator.Update) []indicator.Share {
	made := make([]indicator.Share, 0, len(updates))
	for _, update := range updates {
		made = append(made, update.Share)
	}
	return made
}

func runID(ctx context.Context) string { return activity.GetInfo(ctx).WorkflowExecution.RunID }
