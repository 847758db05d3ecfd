package activities

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/wire"
)

// ApplySchedulesResult says what the namespace offers.
type ApplySchedulesResult struct {
	// StateAttribute says that it has the search attribute ThreatShareState.
	StateAttribute bool `json:"stateAttribute,omitempty"`
}

// hasStateAttribute asks Temporal for the search attribute. A server that does not answer this, such as one that lets nobody
// ask, is taken for one without: the attribute is a convenience, and setting one that is not there would block the
// Integration.
func (a *Activities) hasStateAttribute(ctx context.Context) bool {
	found, err := a.Temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{
		Namespace: activity.GetInfo(ctx).Namespace,
	})
	if err != nil {
		activity.GetLogger(ctx).Info("search attributes not listed", "error", err)
		return false
	}
	return found.GetCustomAttributes()[wire.StateAttribute] == enumspb.INDEXED_VALUE_TYPE_KEYWORD
}
