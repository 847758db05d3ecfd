package control

import (
	"context"
	"net/http"
	"net/url"
	"slices"
)

// IOC is a record of Falcon's IOC Management as the vendor stores it. Times are RFC 3339, "" when absent.
type IOC struct {
	ID              string   `json:"id,omitempty"`
	Type            string   `json:"type"`
	Value           string   `json:"value"`
	Action          string   `json:"action,omitempty"`
	Severity        string   `json:"severity,omitempty"`
	Source          string   `json:"source,omitempty"`
	Description     string   `json:"description,omitempty"`
	Platforms       []string `json:"platforms,omitempty"`
	Tags            []string `json:"tags,omitempty"`
	HostGroups      []string `json:"host_groups,omitempty"`
	AppliedGlobally bool     `json:"applied_globally,omitempty"`
	Expiration      string   `json:"expiration,omitempty"`
	Expired         bool     `json:"expired,omitempty"`
	Deleted         bool     `json:"deleted,omitempty"`
	CreatedBy       string   `json:"created_by,omitempty"`
	CreatedOn       string   `json:"created_on,omitempty"`
	ModifiedOn      string   `json:"modified_on,omitempty"`
}

// FalconIOCs returns all records, deleted ones included.
func (c *Client) FalconIOCs(ctx context.Context) ([]IOC, error) {
	return get[[]IOC](ctx, c, "/falcon/iocs")
}

// iocsPerCall keeps one admin call small enough to be quick; a hundred thousand records are ten of them.
const iocsPerCall = 10_000

// AddFalconIOCs adds records as a person would, however many, and returns their ids in order. One whose Expiration is over is
// expired when it comes.
func (c *Client) AddFalconIOCs(ctx context.Context, iocs ...IOC) ([]string, error) {
	ids := make([]string, 0, len(iocs))
	for some := range slices.Chunk(iocs, iocsPerCall) {
		var out struct {
			IDs []string `json:"ids"`
		}
		if err := c.Do(ctx, http.MethodPost, "/falcon/iocs", some, &out); err != nil {
			return ids, err
		}
		ids = append(ids, out.IDs...)
	}
	return ids, nil
}

// EditFalconIOCs sets fields of the records with these values, by their names on the wire, as a person would: modified_on
// becomes now. Each value has to be there and not deleted.
func (c *Client) EditFalconIOCs(ctx context.Context, set map[string]any, values ...string) error {
	return c.Do(ctx, http.MethodPatch, "/falcon/iocs", map[string]any{"values": values, "set": set}, nil)
}

// SetFalconAction changes the action of the records with these values as a person would: "allow" and "no_action" have no
// severity, the others become "high".
func (c *Client) SetFalconAction(ctx context.Context, action string, values ...string) error {
	severity := "high"
	if action == "allow" || action == "no_action" {
		severity = ""
	}
	return c.EditFalconIOCs(ctx, map[string]any{"action": action, "severity": severity}, values...)
}

// ExpireFalconIOCs lets the time of the records with these values run out: they stay, expired and with the action no_action.
// Nobody edits them, so modified_on stays as it was.
func (c *Client) ExpireFalconIOCs(ctx context.Context, values ...string) error {
	return c.Do(ctx, http.MethodPost, "/falcon/iocs/expire", append([]string{}, values...), nil)
}

// DeleteFalconIOC deletes the records with a value as a person would: softly.
func (c *Client) DeleteFalconIOC(ctx context.Context, value string) error {
	return c.Do(ctx, http.MethodDelete, "/falcon/iocs?"+url.Values{"value": {value}}.Encode(), nil, nil)
}
