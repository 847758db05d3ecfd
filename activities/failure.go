package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// The failures that a step ends with. The final ones are not retried: they fail the run and park what is affected.
const (
	VendorAuth        = "VendorAuth"        // final: the credentials are wrong or missing
	VendorForbidden   = "VendorForbidden"   // final for the function: a scope, role, product or licence is missing
	VendorRejected    = "VendorRejected"    // final: the vendor refuses the request as it stands
	VendorQuota       = "VendorQuota"       // final until somebody makes room
	VendorContract    = "VendorContract"    // an answer that is not in the contract; final after three of them in a row
	VendorThrottled   = "VendorThrottled"   // again after the wait that the vendor asked for
	VendorUnavailable = "VendorUnavailable" // again later
	StoreUnavailable  = "StoreUnavailable"  // the ledger or Temporal did not answer; again later
	Defect            = "Defect"            // a step panicked, a fault of ours; again later

	UnknownIntegration = "UnknownIntegration" // final: no such integration runs
	InvalidSettings    = "InvalidSettings"    // final: refused, with every problem listed
	InvalidInput       = "InvalidInput"       // an update that is refused, with every problem listed
	InvalidRecord      = "InvalidRecord"      // final: what the ledger can never keep; a fault of ours
	SettingsChanged    = "SettingsChanged"    // an update that is refused: its author has not seen the settings as they are
	ScheduleMissing    = "ScheduleMissing"    // final: a Schedule was deleted by hand
)

// contractTries is how many answers outside the contract in a row make the run give up.
const contractTries = 3

// Problem is the detail of a final failure: what the Integration shows and mails.
type Problem struct {
	Type   string `json:"type"`
	Vendor string `json:"vendor,omitempty"` // "mimecast", "falcon" or ""
	Reason string `json:"reason"`           // in words that say what to do
}

// failure turns an error into a Temporal failure, for a step that ends by itself after a while: how long it waits before the
// next try is up to its retry policy, unless a vendor asks for a wait.
func failure(ctx context.Context, err error) error {
	return classified(ctx, err, func(tries) time.Duration { return 0 })
}

// patient is failure for a step that is tried for as long as it takes: it says itself how long it waits. Its retry policy is for
// an attempt that could not say so, since its worker was killed or stopped: the next one is to start at once.
func patient(ctx context.Context, err error) error { return classified(ctx, err, tries.wait) }

// classified is the only place that decides what is retried.
func classified(ctx context.Context, err error, wait func(tries) time.Duration) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return ctx.Err()
	}
	_, missing := errors.AsType[*config.MissingError](err)
	_, invalid := errors.AsType[*config.InvalidError](err)
	if missing || invalid {
		return final(VendorAuth, "", fmt.Errorf("%w; set it in the worker's environment and restart the worker", err))
	}
	if errors.Is(err, ledger.ErrInvalid) {
		return final(InvalidRecord, "", err)
	}
	next := triesBefore(ctx).after(err)
	next.leave(ctx)
	refusal, ok := errors.AsType[*vendorapi.Error](err)
	if !ok {
		return retryable(StoreUnavailable, wait(next), err)
	}
	switch refusal.Class {
	case vendorapi.Credentials:
		return final(VendorAuth, refusal.Vendor, advised(refusal, err))
	case vendorapi.Forbidden:
		return final(VendorForbidden, refusal.Vendor, advised(refusal, err))
	case vendorapi.Rejected:
		return final(VendorRejected, refusal.Vendor, advised(refusal, err))
	case vendorapi.Quota:
		return final(VendorQuota, refusal.Vendor, advised(refusal, err))
	case vendorapi.Contract:
		if next.Contract >= contractTries {
			return final(VendorContract, refusal.Vendor, advised(refusal, err))
		}
		return retryable(VendorContract, wait(next), err)
	case vendorapi.Throttled:
		return retryable(VendorThrottled, cmp.Or(refusal.RetryAfter, wait(next)), err)
	case vendorapi.Unavailable:
		return retryable(VendorUnavailable, cmp.Or(refusal.RetryAfter, wait(next)), err)
	default:
		return retryable(VendorUnavailable, wait(next), err)
	}
}

// advised adds what a person can do about a final failure, where the vendor's client did not know anything better.
func advised(refusal *vendorapi.Error, err error) error {
	remedy := ""
	switch name := vendorapi.Name(refusal.Vendor); {
	case refusal.Remedy != "":
		return err
	case refusal.Class == vendorapi.Rejected:
		remedy = name + " does not take the request as it stands: undo the last change of the settings or of " + name + "'s own; if there was none, report this"
	case refusal.Class == vendorapi.Quota:
		remedy = "make room in the console of " + name + ", or ask " + name + " for more"
	case refusal.Class == vendorapi.Contract:
		remedy = "make sure that no proxy, portal or maintenance page stands between the worker and " + name + "; if none does, report this"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, remedy)
}

func final(kind, vendor string, err error) error {
	return temporal.NewApplicationErrorWithOptions(err.Error(), kind, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{Problem{Type: kind, Vendor: vendor, Reason: err.Error()}},
	})
}

func retryable(kind string, wait time.Duration, err error) error {
	return temporal.NewApplicationErrorWithOptions(err.Error(), kind, temporal.ApplicationErrorOptions{NextRetryDelay: wait})
}

// ProblemOf reads the problem out of an error that a step or a run ended with. An error without one is a time-out or a fault
// of our own.
func ProblemOf(err error) Problem {
	if failed, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		var problem Problem
		if failed.HasDetails() && failed.Details(&problem) == nil && problem.Type != "" {
			return problem
		}
		return Problem{Type: failed.Type(), Reason: failed.Message()}
	}
	return Problem{Type: "Failed", Reason: err.Error()}
}
