package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
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

// failure turns an error into a Temporal failure. It is the only place that decides what is retried.
func failure(ctx context.Context, err error) error {
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
	refusal, ok := errors.AsType[*vendorapi.Error](err)
	if !ok {
		return temporal.NewApplicationErrorWithCause(err.Error(), StoreUnavailable, err)
	}
	attempt := int(activity.GetInfo(ctx).Attempt)
	next := triesBefore(ctx)
	next.Contract++
	if refusal.Class != vendorapi.Contract {
		next.Contract = 0
	}
	if moved(err) {
		next.Moved = attempt
	}
	next.leave(ctx)
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
		return retryable(VendorContract, next.wait(attempt), err)
	case vendorapi.Throttled:
		return retryable(VendorThrottled, refusal.RetryAfter, err)
	case vendorapi.Unavailable:
		return retryable(VendorUnavailable, cmp.Or(refusal.RetryAfter, next.wait(attempt)), err)
	default:
		return retryable(VendorUnavailable, next.wait(attempt), err)
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
