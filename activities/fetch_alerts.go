package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
)

// AlertOverlap is how much earlier than the newest update a read of alerts starts: they change after they are made, and their
// indicators may come late (falcon-api.md section 3).
const AlertOverlap = time.Hour

// FetchAlertsInput says what of Falcon's alerts is to be read.
type FetchAlertsInput struct {
	Integration string           `json:"integration"`
	Credentials string           `json:"credentials,omitempty"`
	Cursor      Cursor           `json:"cursor"`
	Since       time.Time        `json:"since"` // where a first read starts
	Protect     settings.Protect `json:"protect"`
	DryRun      bool             `json:"dryRun,omitempty"`
	// Again are domains that a person has released or Mimecast has refused, as LoadIntegration gives them.
	Again []Finding `json:"again,omitempty"`
}

// FetchAlertsResult is which domains are to be blocked and are not yet.
type FetchAlertsResult struct {
	Found  []Finding `json:"found,omitempty"`
	Cursor Cursor    `json:"cursor"`
	More   bool      `json:"more,omitempty"`
	// Part says that there was more than fits: the same cursor gives the rest, once this is in the ledger.
	Part   bool   `json:"part,omitempty"`
	Counts Counts `json:"counts"`
	Items  []Item `json:"items,omitempty"` // dry run: what is held
}

// FetchAlerts reads on in Falcon's alerts: up to 20 pages, of which it returns the domains that an alert is about, pass the
// guard, are not in the ledger, and are no IOC of a Threat Share's. What the guard holds is recorded.
func (a *Activities) FetchAlerts(ctx context.Context, in FetchAlertsInput) (FetchAlertsResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.fetchAlerts(ctx, in)
	if err != nil {
		return FetchAlertsResult{}, a.stuck(ctx, in.Integration, err)
	}
	return result, nil
}

func (a *Activities) fetchAlerts(ctx context.Context, in FetchAlertsInput) (FetchAlertsResult, error) {
	const source = indicator.AlertDomains
	falcon, err := a.Vendors.Falcon(in.Credentials)
	if err != nil {
		return FetchAlertsResult{}, err
	}
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return FetchAlertsResult{}, err
	}
	read, err := window{vendor: "falcon", page: falcon.Alerts, since: in.Since, overlap: AlertOverlap}.read(ctx, a.Now, in.Cursor)
	if err != nil {
		return FetchAlertsResult{}, err
	}
	for _, finding := range in.Again {
		read.sightings = append(read.sightings, indicator.Sighting{
			Kind: indicator.Domain, Raw: finding.Value, SeenAt: finding.SeenAt, Record: finding.Record,
		})
	}
	result := FetchAlertsResult{Cursor: read.cursor, More: read.cursor.Page != "", Counts: read.counts}
	if len(read.sightings) == 0 {
		return result, nil
	}
	rules, err := a.rules(ctx, mimecast, in.Credentials, in.Protect, indicator.Domain)
	if err != nil {
		return FetchAlertsResult{}, err
	}
	passed, held := examine(read.sightings, source, rules)
	fresh, err := a.notYetBlocked(ctx, in.Integration, source, passed)
	if err != nil {
		return FetchAlertsResult{}, err
	}
	news, err := a.notRaisedByUs(ctx, falcon, in.Integration, fresh)
	if err != nil {
		return FetchAlertsResult{}, err
	}
	if err := a.hold(ctx, in.Integration, in.DryRun, held); err != nil {
		return FetchAlertsResult{}, err
	}
	result.Counts.Held = countReasons(held)
	result.Counts.AlreadyThere = len(passed) - len(fresh)
	result.Counts.Echo = len(fresh) - len(news)
	if in.DryRun {
		if result.Items, err = a.heldItems(ctx, in.Integration, held); err != nil {
			return FetchAlertsResult{}, err
		}
	}
	return result.with(news, in), nil
}

// with adds the findings, as far as they fit. An alert can have up to 200 domains.
func (r FetchAlertsResult) with(news []indicator.Indicator, in FetchAlertsInput) FetchAlertsResult {
	size := 0
	for _, found := range news {
		finding := Finding{Value: found.Value, Record: found.Record, SeenAt: found.SeenAt}
		if size += finding.size(); size > wholePage && !in.DryRun {
			return FetchAlertsResult{Found: r.Found, Cursor: in.Cursor, More: true, Part: true}
		}
		r.Found = append(r.Found, finding)
	}
	return r
}

// notYetBlocked leaves out what the ledger says is settled.
func (a *Activities) notYetBlocked(ctx context.Context, integration string, source indicator.Source, passed []indicator.Indicator) ([]indicator.Indicator, error) {
	known, err := a.Ledger.Lookup(ctx, integration, listOf(source), indicatorKeys(passed))
	if err != nil {
		return nil, fmt.Errorf("look up in the ledger: %w", err)
	}
	fresh := make([]indicator.Indicator, 0, len(passed))
	for _, found := range passed {
		if !settled(known[found.Key], runID(ctx)) {
			fresh = append(fresh, found)
		}
	}
	return fresh, nil
}

// notRaisedByUs leaves out the domains that are IOCs of a Threat Share's: an alert about one of them only says that Falcon does
// what it was told. The ledger knows ours; Falcon knows those of other integrations.
func (a *Activities) notRaisedByUs(ctx context.Context, falcon Falcon, integration string, fresh []indicator.Indicator) ([]indicator.Indicator, error) {
	if len(fresh) == 0 {
		return nil, nil
	}
	known, err := a.Ledger.Lookup(ctx, integration, ledger.FalconIOCs, indicatorKeys(fresh))
	if err != nil {
		return nil, fmt.Errorf("look up own IOCs: %w", err)
	}
	ours := map[indicator.Key]bool{}
	var ask []indicator.Key
	for _, found := range fresh {
		if ours[found.Key] = echoes(known[found.Key], found); !ours[found.Key] {
			ask = append(ask, found.Key)
		}
	}
	listed, err := falcon.Lookup(ctx, ask)
	if err != nil {
		return nil, err
	}
	for _, entry := range listed {
		ours[entry.Key] = ours[entry.Key] || entry.Mark.Ours()
	}
	news := make([]indicator.Indicator, 0, len(fresh))
	for _, found := range fresh {
		if !ours[found.Key] {
			news = append(news, found)
		}
	}
	return news, nil
}
