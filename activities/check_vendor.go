package activities

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	// atOnce is how many functions of a vendor are tried at the same time.
	atOnce = 4

	notAsked = "not asked: the connection comes first"
	notClear = "could not be told: "
)

// checked is what a check has found at one vendor.
type checked struct {
	vendor   string
	findings []access.Finding
	parts    map[settings.Part]Problem
	failed   error // what concerns the vendor as a whole, as a failure of Temporal's; nil: connected
}

func (c *checked) found(check string, outcome access.Outcome, detail string, parts ...settings.Part) {
	c.findings = append(c.findings, access.Finding{Where: c.vendor, Check: check, Outcome: outcome, Detail: detail, Parts: parts})
}

// problem is what concerns the vendor as a whole.
func (c *checked) problem() Problem {
	if c.failed == nil {
		return Problem{}
	}
	problem := ProblemOf(c.failed)
	if !isFinal(c.failed) {
		problem.Vendor = c.vendor
	}
	return problem
}

func (a *Activities) checkMimecast(ctx context.Context, wanted settings.Settings, needs []access.Need) checked {
	c := checked{vendor: "mimecast"}
	mimecast, err := a.Vendors.Mimecast(wanted.Credentials)
	if err != nil {
		c.unusable(ctx, needs, err)
		return c
	}
	c.connect(ctx, mimecast, nil)
	c.functions(ctx, mimecast, needs)
	c.packages(ctx, mimecast, needs)
	if needed(needs, access.BlockHashes) {
		c.quota(ctx, "room for hashes (BYOTI)", mimecast.HashQuota, roomForHashes())
	}
	return c
}

func (a *Activities) checkFalcon(ctx context.Context, wanted settings.Settings, needs []access.Need) checked {
	c := checked{vendor: "falcon"}
	falcon, err := a.Vendors.Falcon(wanted.Credentials)
	if err != nil {
		c.unusable(ctx, needs, err)
		return c
	}
	c.connect(ctx, falcon, c.region)
	allowed := c.functions(ctx, falcon, needs)
	if needed(needs, access.WriteIOCs) {
		c.quota(ctx, "room for IOCs", falcon.IOCQuota, roomForIOCs())
	}
	c.actions(ctx, falcon, wanted, allowed[access.ReadIOCs])
	return c
}

// unusable is a credential set that no client can be made of.
func (c *checked) unusable(ctx context.Context, needs []access.Need, err error) {
	c.failed = failure(ctx, err)
	c.found("credentials", access.Failed, ProblemOf(c.failed).Reason)
	for _, need := range needs {
		c.found(string(need.Function), access.Unknown, notAsked, need.Parts...)
	}
}

// connect tries the credentials. region tells, of a vendor with several clouds, whether they belong to this one.
func (c *checked) connect(ctx context.Context, vendor Connection, region func(error)) {
	err := vendor.CheckConnection(ctx)
	c.failed = failure(ctx, err)
	switch {
	case err == nil:
		c.found("credentials", access.OK, "")
	case !isFinal(c.failed):
		c.found("credentials", access.Unknown, notClear+err.Error())
	case otherRegion(err):
		c.found("credentials", access.OK, "good in another region")
	default:
		c.found("credentials", access.Failed, err.Error())
	}
	if region != nil {
		region(err)
	}
	c.clock(vendor.Skew())
}

// region is told by the answer to the credentials.
func (c *checked) region(err error) {
	const check = "region"
	switch {
	case err == nil:
		c.found(check, access.OK, "")
	case otherRegion(err):
		c.found(check, access.Failed, err.Error())
	default:
		c.found(check, access.Unknown, notAsked)
	}
}

func otherRegion(err error) bool {
	refused, ok := errors.AsType[*vendorapi.Error](err)
	return ok && refused.Code == vendorapi.OtherRegion
}

// functions tries what the settings need, and says of each function whether it is allowed for certain.
func (c *checked) functions(ctx context.Context, vendor Connection, needs []access.Need) map[access.Function]bool {
	answers := make([]error, len(needs))
	if c.failed == nil {
		var all errgroup.Group
		all.SetLimit(atOnce)
		for i, need := range needs {
			all.Go(func() error {
				answers[i] = vendor.CheckAccess(ctx, need.Function)
				return nil
			})
		}
		_ = all.Wait() // the answers are looked at one by one
	}
	allowed := map[access.Function]bool{}
	failed := c.failed
	for i, need := range needs {
		check := cmp.Or(vendor.Permission(need.Function), string(need.Function))
		if failed != nil {
			c.found(check, access.Unknown, notAsked, need.Parts...)
			continue
		}
		c.function(ctx, check, need, answers[i])
		allowed[need.Function] = answers[i] == nil
	}
	return allowed
}

// function says what the answer to the trial of a function means.
func (c *checked) function(ctx context.Context, check string, need access.Need, err error) {
	refused, _ := errors.AsType[*vendorapi.Error](err)
	switch {
	case err == nil:
		c.found(check, access.OK, "", need.Parts...)
	case refused != nil && refused.Class == vendorapi.Credentials: // of a token that was given a moment ago
		c.failed = cmp.Or(c.failed, failure(ctx, err))
		c.found(check, access.Failed, err.Error(), need.Parts...)
	case refused == nil || refused.Class != vendorapi.Forbidden:
		c.found(check, access.Unknown, notClear+err.Error(), need.Parts...)
	case need.Optional:
		c.found(check, access.Warning, err.Error()+"; until then "+without(need.Function), need.Parts...)
	default:
		c.found(check, access.Failed, err.Error(), need.Parts...)
		c.park(need.Parts, ProblemOf(failure(ctx, err)))
	}
}

// park keeps the first problem of each part.
func (c *checked) park(parts []settings.Part, problem Problem) {
	if c.parts == nil {
		c.parts = map[settings.Part]Problem{}
	}
	for _, part := range parts {
		if _, parked := c.parts[part]; !parked {
			c.parts[part] = problem
		}
	}
}

// without says what it means that a function which is optional is not allowed.
func without(function access.Function) string {
	switch function {
	case access.DecodeLinks:
		return "domains behind rewritten links are not shared"
	case access.UnblockSenders, access.UnblockURLs:
		return "what Falcon takes back stays blocked"
	default:
		return "only a dry run works"
	}
}

func needed(needs []access.Need, function access.Function) bool {
	return slices.ContainsFunc(needs, func(need access.Need) bool { return need.Function == function })
}

// actions asks whether Falcon takes IOCs as the settings want them. That it does not is a problem of the vendor as a whole,
// since the settings are mended in one place.
func (c *checked) actions(ctx context.Context, falcon Falcon, wanted settings.Settings, mayRead bool) {
	const check = "actions, severities and platforms of sendToFalcon"
	var samples []indicator.Share
	var parts []settings.Part
	for _, source := range settings.FalconSources() {
		if as := wanted.SendToFalcon.For(source); as.Enabled {
			parts = append(parts, settings.PartOf(source))
			samples = append(samples, indicator.Share{
				Indicator: indicator.Indicator{Key: indicator.Key{Kind: source.Kind()}, Source: source},
				Action:    as.Action, Severity: as.Severity, Platforms: wanted.SendToFalcon.Platforms,
			})
		}
	}
	switch {
	case len(samples) == 0:
		return
	case c.failed != nil || !mayRead:
		c.found(check, access.Unknown, notAsked, parts...)
		return
	}
	err := falcon.CheckShares(ctx, samples)
	refused, _ := errors.AsType[*vendorapi.Error](err)
	switch {
	case err == nil:
		c.found(check, access.OK, "", parts...)
	case refused != nil && refused.Class == vendorapi.Rejected:
		c.failed = failure(ctx, err)
		c.found(check, access.Failed, err.Error(), parts...)
	default:
		c.found(check, access.Unknown, notClear+err.Error(), parts...)
	}
}
