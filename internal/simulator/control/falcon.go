package control

import (
	"context"
	"net/http"
	"net/url"
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

// AddFalconIOCs adds records as a person would, and returns their ids.
func (c *Client) AddFalconIOCs(ctx context.Context, iocs ...IOC) ([]string, error) {
	var out struct {
		IDs []string `json:"ids"`
	}
	err := c.Do(ctx, http.MethodPost, "/falcon/iocs", iocs, &out)
	return out.IDs, err
}

// DeleteFalconIOC deletes the records with a value as a person would: softly.
func (c *Client) DeleteFalconIOC(ctx context.Context, value string) error {
	return c.Do(ctx, http.MethodDelete, "/falcon/iocs?"+url.Values{"value": {value}}.Encode(), nil, nil)
}

// AddFalconAlerts raises alerts, a list of anything that encodes to the wire's objects.
func (c *Client) AddFalconAlerts(ctx context.Context, alerts any) error {
	return c.Do(ctx, http.MethodPost, "/falcon/alerts", alerts, nil)
}
