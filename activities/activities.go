// Package activities holds the steps that workflows order: each asks a vendor or the ledger, lets a pure function decide,
// and says what failed in words that Temporal understands (failure.go). What a step may use stands in this file as small
// interfaces; who implements them is the worker's business. Rules run here and not in workflow code, so that a rule can
// change without a new version of a workflow.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// Activities are the steps. The exported fields are what they need, the exported methods are the activity types.
type Activities struct {
	Vendors  Vendors
	Ledger   Ledger
	Guard    guard.Lists
	Temporal client.Client
	Queue    string // task queue that Schedules start their runs on
	Now      func() time.Time

	tenants tenants
}

// Vendors gives the clients of a credential set, "" being the default one. Asking for the same set again gives the same
// clients: they share a token and the waits that a vendor asks for.
type Vendors interface {
	Mimecast(credentials string) (Mimecast, error)
	Falcon(credentials string) (Falcon, error)
}

// Mimecast is what the steps ask of Mimecast.
type Mimecast interface {
	// TTPLogs returns one page of a log, oldest records first.
	TTPLogs(ctx context.Context, query indicator.Query) (indicator.Page, error)
	// InternalDomains returns the tenant's own domains.
	InternalDomains(ctx context.Context) ([]string, error)
	// CheckConnection makes sure that the credentials are good.
	CheckConnection(ctx context.Context) error
}

// Falcon is what the steps ask of Falcon's IOC management.
type Falcon interface {
	// Lookup returns those of keys that Falcon lists, ours or not.
	Lookup(ctx context.Context, keys []indicator.Key) ([]indicator.Listed, error)
	// Create makes all of them or says of each why not. The outcomes are good also next to an error: an empty one means
	// that the share was not tried.
	Create(ctx context.Context, shares []indicator.Share) ([]indicator.Outcome, error)
	// Update changes entries of ours. Outcomes as with Create.
	Update(ctx context.Context, updates []indicator.Update) ([]indicator.Outcome, error)
	// CheckConnection makes sure that the credentials, the region and the right to read are good.
	CheckConnection(ctx context.Context) error
	// CheckShares makes sure that Falcon takes IOCs with the action, severity and platforms of shares.
	CheckShares(ctx context.Context, shares []indicator.Share) error
}

// Ledger remembers what became of each indicator. See package ledger.
type Ledger interface {
	Lookup(ctx context.Context, integration string, direction ledger.Direction, keys []indicator.Key) (map[indicator.Key]ledger.Entry, error)
	Record(ctx context.Context, now time.Time, entries []ledger.Entry) error
	Summary(ctx context.Context, integration string, direction ledger.Direction, run string) ([]ledger.Count, error)
}
