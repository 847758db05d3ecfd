// Package activities holds the steps that workflows order: each asks a vendor or the ledger, lets a pure function decide,
// and says what failed in words that Temporal understands (failure.go). What a step may use stands in this file as small
// interfaces; who implements them is the worker's business. Rules run here and not in workflow code, so that a rule can
// change without a new version of a workflow.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/notify"
)

// Activities are the steps. The exported fields are what they need, the exported methods are the activity types.
type Activities struct {
	Vendors  Vendors
	Ledger   Ledger
	Guard    guard.Lists
	Temporal client.Client
	Queue    string // task queue that Schedules start their runs on
	Now      func() time.Time
	Mail     Mailer
	Links    notify.Links // for mail
	Metrics  Metrics      // may be nil
	// Pseudonym stands in for a value where Temporal keeps what it is told readable; nil where payloads are not encrypted.
	Pseudonym func(value string) string

	tenants tenants
	guarded guarded
}

// Vendors gives the clients of a credential set, "" being the default one. Asking for the same set again gives the same
// clients: they share a token and the waits that a vendor asks for.
type Vendors interface {
	Mimecast(credentials string) (Mimecast, error)
	Falcon(credentials string) (Falcon, error)
}

// Connection is what a check asks of either vendor.
type Connection interface {
	// CheckConnection makes sure that the credentials are good, and asks anew even if they were not a moment ago.
	CheckConnection(ctx context.Context) error
	// Permission is what a function takes, in the words of the vendor's console.
	Permission(function access.Function) string
	// CheckAccess tries a function with calls that change nothing. An error of class Forbidden says what is missing; after
	// any other it is not known.
	CheckAccess(ctx context.Context, function access.Function) error
	// Skew is how far the vendor's clock is ahead of ours, if an answer has told.
	Skew() (ahead time.Duration, known bool)
}

// Mimecast is what the steps ask of Mimecast.
type Mimecast interface {
	// TTPLogs returns one page of a log, oldest records first.
	TTPLogs(ctx context.Context, query indicator.Query) (indicator.Page, error)
	// InternalDomains returns the tenant's own domains.
	InternalDomains(ctx context.Context) ([]string, error)
	// MissingPackages gives those of functions that need a package which the account does not list, and its name.
	MissingPackages(ctx context.Context, functions []access.Function) (map[access.Function]string, error)

	Connection
	MimecastLists
	MimecastMail
}

// MimecastLists is what the steps ask of the lists that Mimecast blocks by. The outcomes are in the order of the values, and
// good also next to an error: an empty one was not settled.
type MimecastLists interface {
	HashQuota(ctx context.Context) (indicator.Quota, error)
	BlockHashes(ctx context.Context, hashes []string, note string) ([]indicator.Outcome, error)
	UnblockHashes(ctx context.Context, hashes []string) ([]indicator.Outcome, error)

	// SenderGroup finds the integration's own group or makes it.
	SenderGroup(ctx context.Context, name, rememberedID string) (string, error)
	// FindSenderGroup finds it and makes none.
	FindSenderGroup(ctx context.Context, name, rememberedID string) (id string, found bool, err error)
	GroupDomains(ctx context.Context, groupID string) ([]string, error)
	AddGroupDomains(ctx context.Context, groupID string, domains []string, note string) ([]indicator.Outcome, error)
	RemoveGroupDomains(ctx context.Context, groupID string, domains []string) ([]indicator.Outcome, error)
	DeleteGroup(ctx context.Context, id string) error

	Policies(ctx context.Context) ([]indicator.Policy, error)
	// EnsureGroupPolicy finds the policy that blocks the members of the group or makes it. It removes copies of it.
	EnsureGroupPolicy(ctx context.Context, description, groupID string) (indicator.Policy, indicator.Copies, error)
	// BlockSenderDomains makes a policy for each domain, and removes copies; SendersThere only says what it would find.
	BlockSenderDomains(ctx context.Context, description string, domains []string) ([]indicator.Outcome, indicator.Copies, error)
	SendersThere(ctx context.Context, description string, domains []string) ([]indicator.Outcome, error)
	DeletePolicy(ctx context.Context, id string) error

	ManagedURLs(ctx context.Context) ([]indicator.ManagedURL, error)
	// BlockURLDomains makes an entry for each domain; URLDomainsThere only says what it would find.
	BlockURLDomains(ctx context.Context, domains []string, comment string) ([]indicator.Outcome, error)
	URLDomainsThere(ctx context.Context, domains []string, comment string) ([]indicator.Outcome, error)
	DeleteManagedURL(ctx context.Context, id string) error
}

// MimecastMail is what the steps ask about mail already delivered.
type MimecastMail interface {
	// HashesSeen says of hashes whether a mail of the last year had such a file; of some it may say nothing.
	HashesSeen(ctx context.Context, hashes []string) (map[string]bool, error)
	FindMessages(ctx context.Context, domain string, start, end time.Time, limit int) (messages []indicator.Message, more bool, err error)
	MessageID(ctx context.Context, id string) (string, error)
	// RemediateHash and RemediateMessages make an incident each time they are called: FindIncident comes first.
	RemediateHash(ctx context.Context, hash, reason string, start, end time.Time) (indicator.Incident, error)
	RemediateMessages(ctx context.Context, messageIDs []string, brackets bool, reason string, start, end time.Time) (indicator.Incident, error)
	FindIncident(ctx context.Context, reason string, start, end time.Time) (indicator.Incident, bool, error)
	Incident(ctx context.Context, id string) (indicator.Incident, error)
}

// Falcon is what the steps ask of Falcon's IOC management and alerts.
type Falcon interface {
	// Lookup returns those of keys that Falcon lists, ours or not.
	Lookup(ctx context.Context, keys []indicator.Key) ([]indicator.Listed, error)
	// Create makes all of them or says of each why not. The outcomes are good also next to an error: an empty one means
	// that the share was not tried.
	Create(ctx context.Context, shares []indicator.Share) ([]indicator.Outcome, error)
	// Update changes entries of ours. Outcomes as with Create.
	Update(ctx context.Context, updates []indicator.Update) ([]indicator.Outcome, error)
	// Delete deletes those entries that carry the mark.
	Delete(ctx context.Context, mark indicator.Mark, ids []string) ([]indicator.Removal, error)
	// ListIOCs returns one page of the list, oldest changes first.
	ListIOCs(ctx context.Context, query indicator.ListQuery) (indicator.ListPage, error)
	// Alerts returns one page of the alerts, oldest updates first.
	Alerts(ctx context.Context, query indicator.Query) (indicator.Page, error)
	// CheckShares makes sure that Falcon takes IOCs with the action, severity and platforms of shares.
	CheckShares(ctx context.Context, shares []indicator.Share) error
	// IOCQuota tells how many IOCs the tenant has and may have, whoever made them.
	IOCQuota(ctx context.Context) (indicator.Quota, error)

	Connection
}

// Ledger remembers what became of each indicator. See package ledger.
type Ledger interface {
	Lookup(ctx context.Context, integration string, list ledger.List, keys []indicator.Key) (map[indicator.Key]ledger.Entry, error)
	Record(ctx context.Context, now time.Time, entries []ledger.Entry) error
	Search(ctx context.Context, query ledger.Query) ([]ledger.Entry, error)
	Summary(ctx context.Context, integration, run string) ([]ledger.Count, error)
	Counts(ctx context.Context, integration string, lists []ledger.List) (map[ledger.List]int, error)
	// Retry gives what a vendor has refused fewer than the given number of times.
	Retry(ctx context.Context, integration string, list ledger.List, tries, limit int) ([]ledger.Entry, error)
	// Missing gives what is on one list and not yet on another.
	Missing(ctx context.Context, integration string, on, notOn ledger.List, source indicator.Source, limit int) ([]ledger.Entry, error)
	LedgerDue
	LedgerMail
}

// LedgerDue is about entries whose source has taken them back.
type LedgerDue interface {
	MarkDue(ctx context.Context, at time.Time, integration string, list ledger.List, why map[indicator.Key]indicator.Reason) (int, error)
	ClearDue(ctx context.Context, integration string, list ledger.List, keys []indicator.Key) error
	Due(ctx context.Context, integration string, lists []ledger.List, now time.Time, limit int) ([]ledger.Entry, int, error)
}

// LedgerMail is about the removal of delivered mail.
type LedgerMail interface {
	WantRemediations(ctx context.Context, now time.Time, wanted []ledger.Remediation) error
	WantedRemediations(ctx context.Context, integration string, source indicator.Source, limit int) ([]ledger.Remediation, error)
	RecordRemediation(ctx context.Context, now time.Time, made ledger.Remediation) error
	RemediationCounts(ctx context.Context, integration string) ([]ledger.RemediationCount, error)
	// RemediationsOf gives those of one value, the newest day first.
	RemediationsOf(ctx context.Context, integration string, key indicator.Key, limit int) ([]ledger.Remediation, error)
}
