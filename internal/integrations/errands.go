package integrations

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
)

// Errand is the last run of a workflow that people start and that ends by itself, such as a preview.
type Errand struct {
	RunID  string // empty: there was none, as far as Temporal remembers
	Began  time.Time
	Ended  time.Time // zero: it is at work
	Failed error     // why it gave no result
}

// AtWork says whether it has begun and not ended.
func (e Errand) AtWork() bool { return e.RunID != "" && e.Ended.IsZero() }

// Errand looks how far the last run of a workflow is, by its id, and reads the result of one that has ended well.
func (d Desk) Errand(ctx context.Context, id string, result any) (Errand, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	described, err := d.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return Errand{}, nil
	}
	if err != nil {
		return Errand{}, err
	}
	info := described.GetWorkflowExecutionInfo()
	last := Errand{RunID: info.GetExecution().GetRunId(), Began: info.GetStartTime().AsTime()}
	switch info.GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return last, nil
	default:
	}
	last.Ended = info.GetCloseTime().AsTime()
	last.Failed = d.Temporal.GetWorkflow(ctx, id, last.RunID).Get(ctx, result)
	return last, ctx.Err()
}

// AtWork says whether a run of a flow, as a status names it, is at work. Of one that was ended from outside its integration
// knows nothing.
func (d Desk) AtWork(ctx context.Context, workflowID, runID string) (bool, error) {
	if runID == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	described, err := d.Temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}
