package activities

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	// checkTries is how often a vendor that is not reached is asked before there is a table without it.
	checkTries = 3
	// checkPatience is the longest wait of a vendor's that a check sits out.
	checkPatience = time.Minute
	// checkTime bounds all questions of one try, so that those without an answer leave time for the table.
	checkTime = 90 * time.Second
)

// CheckConnectionsResult says of each vendor what is wrong; the zero Problem is a good connection. Its JSON is an outside
// name.
type CheckConnectionsResult struct {
	// Mimecast and Falcon are problems of the vendor as a whole: one that only a person can mend, or of a type that time heals
	// (VendorUnavailable, VendorThrottled, VendorContract) if the vendor was not reached.
	Mimecast Problem `json:"mimecast,omitzero"`
	Falcon   Problem `json:"falcon,omitzero"`
	// Parts are the parts of the settings that cannot work until a person has given them what they need.
	Parts map[settings.Part]Problem `json:"parts,omitempty"`
	// Findings are all that was looked at, always in the same order: Mimecast, Falcon, mail.
	Findings []access.Finding `json:"findings,omitempty"`
}

// CheckConnections tries at both vendors everything that the settings need, and changes nothing there: credentials, region,
// each scope or product and permission, packages, quotas, the clocks, and the mail server. Of a vendor whose credentials are
// refused, or that is not reached, nothing else is asked.
//
// If nothing is wrong but that a vendor is not reached, the step fails, so that Temporal tries again; the third try, and one
// that is told to wait for long, gives what there is.
func (a *Activities) CheckConnections(ctx context.Context, wanted settings.Settings) (CheckConnectionsResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	ofMimecast, ofFalcon := access.Needs(wanted)
	asking, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var mimecast, falcon checked
	var mail access.Finding
	var all sync.WaitGroup
	all.Go(func() { mimecast = a.checkMimecast(asking, wanted, ofMimecast) })
	all.Go(func() { falcon = a.checkFalcon(asking, wanted, ofFalcon) })
	all.Go(func() { mail = a.checkMail(asking, wanted.Notify) })
	all.Wait()
	if err := ctx.Err(); err != nil {
		return CheckConnectionsResult{}, err
	}
	if err := worthAnotherTry(ctx, mimecast.failed, falcon.failed); err != nil {
		return CheckConnectionsResult{}, err
	}
	for part, problem := range falcon.parts {
		mimecast.park([]settings.Part{part}, problem) // Mimecast's words count if a part lacks something of both
	}
	return CheckConnectionsResult{
		Mimecast: mimecast.problem(), Falcon: falcon.problem(), Parts: mimecast.parts,
		Findings: slices.Concat(mimecast.findings, falcon.findings, []access.Finding{mail}),
	}, nil
}

// worthAnotherTry gives what a vendor failed with if nothing is known yet that only a person can mend, and it may be over soon.
func worthAnotherTry(ctx context.Context, failures ...error) error {
	failed := cmp.Or(failures...)
	if activity.GetInfo(ctx).Attempt >= checkTries || slices.ContainsFunc(failures, isFinal) || slices.ContainsFunc(failures, longWait) {
		return nil
	}
	return failed
}

// isFinal says whether only a person can mend a failure.
func isFinal(err error) bool {
	failed, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && failed.NonRetryable()
}

func longWait(err error) bool {
	failed, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && failed.NextRetryDelay() > checkPatience
}
