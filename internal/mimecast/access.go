package mimecast

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// nobody is the id in a REST call that is to change nothing, of a group or policy that does not exist.
const nobody = "threat-share-access-check"

// trial is one call that shows whether a function is allowed, and changes nothing.
type trial struct {
	path string // whose permission it shows
	try  func(*Client, context.Context) error
}

// nothing is a request about no objects. Several objects in data are several operations, so none are none (contract 2).
type nothing struct {
	Data [0]struct{} `json:"data"`
}

// Permission is what a function takes, in the words of the administration console: "product securityevents; role permission
// Monitoring, URL Protection, Read". It is "" for what is no function of Mimecast's.
func (c *Client) Permission(function access.Function) string {
	trials := trialsOf(function)
	if len(trials) == 0 {
		return ""
	}
	needed := make([]permission, 0, len(trials))
	for _, t := range trials {
		needed = append(needed, permissionFor(t.path))
	}
	return permissionText(needed)
}

// CheckAccess tries whether the API application may do a function, with one call for each permission that it takes, two at a
// tenant that lacks a call style. None of them changes anything: what reads asks for little, what writes asks for no
// operation. Every failure is a *vendorapi.Error, of class Forbidden if a product, a permission or a package is missing; any
// other means that it could not be told.
//
// That a permission is looked at before the request is, so that a refusal of the request shows that it is there, is inferred:
// the gateway that answers app_forbidden stands in front of the functions (contract 10.1).
func (c *Client) CheckAccess(ctx context.Context, function access.Function) error {
	trials := trialsOf(function)
	if len(trials) == 0 {
		return &vendorapi.Error{
			Class: vendorapi.Rejected, Vendor: vendor, Operation: "check access", Message: "not a function of Mimecast's: " + string(function),
		}
	}
	var unclear error
	for _, t := range trials {
		err := admitted(t.try(c, ctx))
		if refused, ok := errors.AsType[*vendorapi.Error](err); ok && refused.Class == vendorapi.Forbidden {
			return err
		}
		if unclear == nil {
			unclear = err
		}
	}
	return unclear
}

// trialsOf are the calls that together show whether a function is allowed (contract 1.4).
func trialsOf(function access.Function) []trial {
	switch function {
	case access.ReadAttachmentLogs:
		return []trial{logTrial(indicator.AttachmentHashes)}
	case access.ReadURLLogs:
		return []trial{logTrial(indicator.URLDomains)}
	case access.ReadImpersonationLogs:
		return []trial{logTrial(indicator.ImpersonationDomains)}
	case access.DecodeLinks:
		return []trial{emptyTrial(pathDecodeURL)}
	case access.ReadInternalDomains:
		return []trial{{pathDomainsREST, (*Client).tryDomains}}
	case access.BlockHashes:
		return []trial{emptyTrial(pathCreateBatch)}
	case access.KeepSenderGroup:
		return []trial{{pathGroupsREST, (*Client).tryGroups}, memberTrial(http.MethodPost, pathAddMember, suffixMembers)}
	case access.UnblockSenders:
		return []trial{
			{pathGroupsREST, (*Client).tryGroups},
			memberTrial(http.MethodGet, pathGetMembers, suffixMembers), memberTrial(http.MethodPost, pathRemoveMember, suffixRemove),
		}
	case access.BlockSenders:
		return []trial{{pathPoliciesREST, (*Client).tryPolicies}, {pathCreatePolicy, (*Client).tryPolicyWrite}}
	case access.BlockURLs:
		return []trial{{pathListURLs, (*Client).tryURLs}, emptyTrial(pathCreateURL)}
	case access.UnblockURLs:
		return []trial{emptyTrial(pathDeleteURL)}
	case access.RemediateMail:
		return []trial{{pathFindIncidents, (*Client).tryIncidents}, emptyTrial(pathRemediate)}
	case access.FindMessages:
		return []trial{{pathFindMessages, (*Client).tryMessages}}
	default:
		return nil
	}
}

// admitted gives a failure unless it is about what was asked for, so that asking was allowed. One for a path that is not there
// says nothing.
func admitted(err error) error {
	refused, ok := errors.AsType[*vendorapi.Error](err)
	switch {
	case !ok || missingPath(refused):
		return err
	case refused.Class == vendorapi.Rejected, refused.Class == vendorapi.Quota,
		refused.Class == vendorapi.Contract && refused.Code != "" && refused.Status < 300: // an unknown error beside status 200
		return nil
	default:
		return err
	}
}

func missingPath(refused *vendorapi.Error) bool {
	return slices.Contains([]int{
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented,
	}, refused.Status)
}

// try makes a call whose answer matters only as far as it is a refusal.
func (c *Client) try(ctx context.Context, req vendorapi.Request) error {
	var out struct {
		Fail many[failEntry] `json:"fail"`
	}
	answer, err := c.call(ctx, req, &out)
	if err == nil && len(out.Fail) > 0 {
		return partial(req.Path, answer, out.Fail)
	}
	return err
}

func (c *Client) tryClassic(ctx context.Context, path string, body any) error {
	return c.try(ctx, vendorapi.Request{Method: http.MethodPost, Path: path, Body: body})
}

func emptyTrial(path string) trial {
	return trial{path, func(c *Client, ctx context.Context) error { return c.tryClassic(ctx, path, nothing{}) }}
}

// tryEither asks for nothing in the classic style, which has a request for that, and where it is refused or not offered in the
// REST style, which the tenant has unless lacking: there, too, a function is allowed unless it says that it is forbidden.
func (c *Client) tryEither(ctx context.Context, lacking *atomic.Bool, classic string, rest vendorapi.Request) error {
	err := c.tryClassic(ctx, classic, nothing{})
	if !notOffered(err) || lacking.Load() {
		return err
	}
	second := c.try(ctx, rest)
	refused, failed := errors.AsType[*vendorapi.Error](second)
	if failed && refused.Class == vendorapi.Rejected && refused.Status == http.StatusNotFound {
		return nil // of the group or policy, which does not exist
	}
	return second
}

func onePage() requestMeta { return requestMeta{Pagination: pagination{PageSize: 1}} }

// lastMinute bounds a read whose records do not matter.
func lastMinute() (from, to string) {
	now := time.Now()
	return formatDate(now.Add(-time.Minute)), formatDate(now)
}

func logTrial(source indicator.Source) trial {
	log, _ := logFor(source)
	return trial{log.path, func(c *Client, ctx context.Context) error {
		from, to := lastMinute()
		return c.tryClassic(ctx, log.path, logRequest{Meta: onePage(), Data: [1]logFilter{{From: from, To: to, OldestFirst: true}}})
	}}
}

func (c *Client) tryDomains(ctx context.Context) error {
	_, err := c.domainsREST(ctx, "")
	if !notOffered(err) {
		return err
	}
	if _, second := c.domainsClassic(ctx, ""); !notOffered(second) {
		return second
	}
	return err
}

func (c *Client) tryGroups(ctx context.Context) error {
	return restFirst(&c.classicGroups,
		func() error { _, _, err := c.groupsREST(ctx, nobody, ""); return err },
		func() error {
			_, _, err := c.groupsClassic(ctx, nobody, "")
			c.classicGroups.Store(err == nil)
			return err
		},
	)
}

// memberTrial is about the members of a group that does not exist. It comes after a read of groups, which tells the style.
func memberTrial(method, classic, suffix string) trial {
	rest := vendorapi.Request{Method: method, Path: pathGroupsREST + "/" + nobody + suffix}
	if method != http.MethodGet {
		rest.Body = membersREST{GroupMembers: []memberREST{}}
	}
	return trial{classic, func(c *Client, ctx context.Context) error { return c.tryEither(ctx, &c.classicGroups, classic, rest) }}
}

func (c *Client) tryPolicies(ctx context.Context) error {
	return restFirst(&c.classicPolicies,
		func() error { _, _, err := c.policiesREST(ctx, ""); return err },
		func() error {
			_, _, err := c.policiesClassic(ctx, "")
			c.classicPolicies.Store(err == nil)
			return err
		},
	)
}

// tryPolicyWrite comes after a read of policies, which tells the style. In REST it changes nothing of a policy that does not
// exist.
func (c *Client) tryPolicyWrite(ctx context.Context) error {
	return c.tryEither(ctx, &c.classicPolicies, pathCreatePolicy, vendorapi.Request{
		Method: http.MethodPatch, Path: pathPoliciesREST + "/" + nobody, Body: struct{}{},
	})
}

func (c *Client) tryURLs(ctx context.Context) error {
	return c.tryClassic(ctx, pathListURLs, urlListRequest{Meta: onePage()})
}

func (c *Client) tryIncidents(ctx context.Context) error {
	from, to := lastMinute()
	return c.tryClassic(ctx, pathFindIncidents, incidentSearch{Meta: onePage(), Data: [1]incidentFilter{{
		Start: from, End: to, SearchBy: incidentField{"reason", nobody},
	}}})
}

func (c *Client) tryMessages(ctx context.Context) error {
	from, to := lastMinute()
	return c.tryClassic(ctx, pathFindMessages, messageRequest{Meta: onePage(), Data: [1]messageFilter{{
		Options: trackOptions{From: nobody + ".invalid"}, Route: []string{"inbound"}, Status: []string{"delivery"},
		Start: from, End: to, SearchReason: searchReason,
	}}})
}
