package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
)

// How long an incident is followed, and how often it is asked about.
const (
	firstLook  = 10 * time.Second
	rarestLook = 15 * time.Minute
	followed   = 12 * time.Hour
)

// RemediateResult is how the removal of delivered mail ended.
type RemediateResult struct {
	Nothing    bool   `json:"nothing,omitempty"`  // no such mail was delivered
	Incident   string `json:"incident,omitempty"` // the code that Mimecast's console shows
	Identified int    `json:"identified"`
	Successful int    `json:"successful"`
	Failed     int    `json:"failed"`
	Unfinished bool   `json:"unfinished,omitempty"` // not followed any longer; the incident goes on at Mimecast
}

// Remediate has delivered mail with one value removed: it finds the mail, makes one incident, and follows that to its end.
func Remediate(ctx workflow.Context, in activities.RemediateInput) (RemediateResult, error) {
	result, err := remediate(ctx, in)
	if err == nil || temporal.IsCanceledError(err) {
		return result, err
	}
	var a *activities.Activities
	problem := activities.ProblemOf(err)
	failed := activities.FailRemediationInput{RemediateInput: in, Reason: problem.Reason}
	failed.Again = problem.Type == activities.VendorAuth || problem.Type == activities.VendorForbidden // once a person has mended that
	if recorded := workflow.ExecuteActivity(writing(ctx, in.Value), a.FailRemediation, failed).Get(ctx, nil); recorded != nil {
		workflow.GetLogger(ctx).Warn("failure not recorded", "error", recorded)
	}
	return result, err
}

func remediate(ctx workflow.Context, in activities.RemediateInput) (RemediateResult, error) {
	var a *activities.Activities
	var mail activities.DeliveredMail
	if err := workflow.ExecuteActivity(writing(ctx, in.Value), a.FindDeliveredMail, in).Get(ctx, &mail); err != nil || mail.Nothing {
		return RemediateResult{Nothing: mail.Nothing}, err
	}
	var incident indicator.Incident
	create := activities.CreateRemediationInput{RemediateInput: in, Mail: mail}
	if err := workflow.ExecuteActivity(writing(ctx, in.Value), a.CreateRemediation, create).Get(ctx, &incident); err != nil {
		return RemediateResult{}, err
	}
	started := workflow.Now(ctx)
	incident.Done = false // right after it is made, nothing is identified yet
	for wait := firstLook; !incident.Done; wait = min(2*wait, rarestLook) {
		if err := workflow.Sleep(ctx, wait); err != nil {
			return RemediateResult{}, err
		}
		look := activities.FollowRemediationInput{RemediateInput: in, Incident: incident.ID, Detail: mail.Detail(), Watched: workflow.Now(ctx).Sub(started)}
		look.Last = look.Watched >= followed
		if err := workflow.ExecuteActivity(writing(ctx, incident.Code), a.FollowRemediation, look).Get(ctx, &incident); err != nil {
			return RemediateResult{}, err
		}
		if look.Last {
			break
		}
	}
	return RemediateResult{
		Incident: incident.Code, Identified: incident.Identified, Successful: incident.Successful, Failed: incident.Failed,
		Unfinished: !incident.Done,
	}, nil
}
