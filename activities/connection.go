package activities

import (
	"cmp"
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// CheckConnectionsInput says what has to work.
type CheckConnectionsInput struct {
	Credentials  string                `json:"credentials,omitempty"`
	SendToFalcon settings.SendToFalcon `json:"sendToFalcon"`
}

// CheckConnectionsResult says of each vendor what is wrong; the zero Problem is a good connection.
type CheckConnectionsResult struct {
	Mimecast Problem `json:"mimecast,omitzero"`
	Falcon   Problem `json:"falcon,omitzero"`
}

// CheckConnections asks both vendors whether the credentials are good, and Falcon whether it takes IOCs as the settings want
// them. If nothing is wrong but what time heals, the step fails, so that Temporal tries again.
func (a *Activities) CheckConnections(ctx context.Context, in CheckConnectionsInput) (CheckConnectionsResult, error) {
	mimecast := failure(ctx, a.checkMimecast(ctx, in))
	falcon := failure(ctx, a.checkFalcon(ctx, in))
	if !isFinal(mimecast) && !isFinal(falcon) {
		return CheckConnectionsResult{}, cmp.Or(mimecast, falcon)
	}
	return CheckConnectionsResult{Mimecast: problemOrNone(mimecast), Falcon: problemOrNone(falcon)}, nil
}

func (a *Activities) checkMimecast(ctx context.Context, in CheckConnectionsInput) error {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return err
	}
	return mimecast.CheckConnection(ctx)
}

func (a *Activities) checkFalcon(ctx context.Context, in CheckConnectionsInput) error {
	falcon, err := a.Vendors.Falcon(in.Credentials)
	if err != nil {
		return err
	}
	if err := falcon.CheckConnection(ctx); err != nil {
		return err
	}
	var samples []indicator.Share
	for _, source := range settings.FalconSources() {
		if as := in.SendToFalcon.For(source); as.Enabled {
			samples = append(samples, indicator.Share{
				Indicator: indicator.Indicator{Key: indicator.Key{Kind: source.Kind()}, Source: source},
				Action:    as.Action, Severity: as.Severity, Platforms: in.SendToFalcon.Platforms,
			})
		}
	}
	return falcon.CheckShares(ctx, samples)
}

// isFinal says whether only a person can mend a failure.
func isFinal(err error) bool {
	failed, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && failed.NonRetryable()
}

func problemOrNone(err error) Problem {
	if err == nil {
		return Problem{}
	}
	return ProblemOf(err)
}
