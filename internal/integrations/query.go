package integrations

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
)

// lostTime is after how long an answer counts as lost: workflows answer in milliseconds.
const lostTime = 2 * time.Second

// Querier is the part of Temporal's client that asks.
type Querier interface {
	QueryWorkflow(ctx context.Context, workflowID, runID, queryType string, args ...any) (converter.EncodedValue, error)
}

// Query makes a query to a workflow, by its id, and asks once more where there is no answer: Temporal servers before 1.32 lose one
// now and then.
func Query(ctx context.Context, temporal Querier, id, query string, args ...any) (converter.EncodedValue, error) {
	first, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	answer, err := temporal.QueryWorkflow(first, id, "", query, args...)
	_, late := errors.AsType[*serviceerror.DeadlineExceeded](err)
	if late = late || errors.Is(err, context.DeadlineExceeded); !late || ctx.Err() != nil {
		return answer, err
	}
	return temporal.QueryWorkflow(ctx, id, "", query, args...)
}
