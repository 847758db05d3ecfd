package falcon

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Action is what Falcon can do about an indicator, and what goes with it.
type Action struct {
	Name       string                      // "detect", "prevent", …
	Severities []string                    // empty: none goes with it
	Platforms  map[indicator.Kind][]string // by type of indicator; also types that have no Kind here, such as md5
}

// Actions returns what Falcon allows, in Falcon's order. It needs the scope IOC Management: Read only. Contract 2. Every
// failure is a *vendorapi.Error.
func (c *Client) Actions(ctx context.Context) ([]Action, error) {
	var names struct {
		Resources []string `json:"resources"`
	}
	if _, err := c.do(ctx, vendorapi.Request{Method: http.MethodGet, Path: pathActionIDs}, &names); err != nil {
		return nil, fmt.Errorf("list actions: %w", err)
	}
	if len(names.Resources) == 0 {
		return nil, nil
	}
	var rules struct {
		Resources []struct {
			ID              string                      `json:"id"`
			Severities      []string                    `json:"severities"`
			PlatformsByType map[indicator.Kind][]string `json:"platforms_by_type"`
		} `json:"resources"`
	}
	query := url.Values{"ids": names.Resources}
	if _, err := c.do(ctx, vendorapi.Request{Method: http.MethodGet, Path: pathActions, Query: query}, &rules); err != nil {
		return nil, fmt.Errorf("read actions: %w", err)
	}
	actions := make([]Action, 0, len(rules.Resources))
	for _, rule := range rules.Resources {
		actions = append(actions, Action{Name: rule.ID, Severities: rule.Severities, Platforms: rule.PlatformsByType})
	}
	return actions, nil
}

// CheckShares makes sure that Falcon takes IOCs with the kind, action, severity and platforms of shares; nothing else of them
// is looked at. What it does not take is a *vendorapi.Error of class Rejected that names every mistake. Where Falcon's rules
// say nothing, nothing is refused.
func (c *Client) CheckShares(ctx context.Context, shares []indicator.Share) error {
	if len(shares) == 0 {
		return nil
	}
	actions, err := c.Actions(ctx)
	if err != nil || len(actions) == 0 {
		return err
	}
	var mistakes []string
	for _, share := range shares {
		if mistake := notAllowed(actions, share); mistake != "" && !slices.Contains(mistakes, mistake) {
			mistakes = append(mistakes, mistake)
		}
	}
	if len(mistakes) == 0 {
		return nil
	}
	return &vendorapi.Error{
		Class: vendorapi.Rejected, Vendor: vendor, Operation: http.MethodGet + " " + pathActions,
		Message: vendorapi.Clean(strings.Join(mistakes, "; ")),
		Remedy:  "change action, severity or platforms under sendToFalcon in the settings",
	}
}

// notAllowed says what Falcon would not take in a share, "" if it would.
func notAllowed(actions []Action, share indicator.Share) string {
	at := slices.IndexFunc(actions, func(action Action) bool { return action.Name == share.Action })
	if at < 0 {
		return fmt.Sprintf("there is no action %q", share.Action)
	}
	action := actions[at]
	if share.Severity != "" && len(action.Severities) > 0 && !slices.Contains(action.Severities, share.Severity) {
		return fmt.Sprintf("the action %q has no severity %q", share.Action, share.Severity)
	}
	if len(action.Platforms) == 0 {
		return ""
	}
	platforms, known := action.Platforms[share.Kind]
	if !known {
		return fmt.Sprintf("the action %q is not for the type %s", share.Action, share.Kind)
	}
	for _, platform := range share.Platforms {
		if len(platforms) > 0 && !slices.Contains(platforms, platform) {
			return fmt.Sprintf("the action %q for the type %s is not for the platform %q", share.Action, share.Kind, platform)
		}
	}
	return ""
}
