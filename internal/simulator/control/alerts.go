package control

import (
	"context"
	"net/http"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// Alert is an alert of Falcon's as it goes over the wire, as far as tests say what is in it; the simulator fills in what every
// alert has. Times are RFC 3339. Raising one with a known CompositeID replaces it, as an update does.
type Alert struct {
	CompositeID string     `json:"composite_id,omitempty"`
	Name        string     `json:"name,omitempty"`
	Status      string     `json:"status,omitempty"`
	Resolution  string     `json:"resolution,omitempty"`
	Tags        []string   `json:"tags,omitempty"`
	IOCType     string     `json:"ioc_type,omitempty"`
	IOCValue    string     `json:"ioc_value,omitempty"` // may be a list with commas
	IOCContext  []AlertIOC `json:"ioc_context,omitempty"`
	Tactic      string     `json:"tactic,omitempty"`
	TacticID    string     `json:"tactic_id,omitempty"`
	Technique   string     `json:"technique,omitempty"`
	TechniqueID string     `json:"technique_id,omitempty"`
	Created     string     `json:"created_timestamp,omitempty"` // now if empty
	Updated     string     `json:"updated_timestamp,omitempty"` // Created if empty
}

// AlertIOC is one of the indicators that an alert is about.
type AlertIOC struct {
	Type   string `json:"ioc_type"` // "domain"; a hash is a "hash_sha256" here
	Value  string `json:"ioc_value"`
	Source string `json:"ioc_source,omitempty"`
}

// DomainAlert is an alert that names a domain, or a list of them with commas, as what fired.
func DomainAlert(value string) Alert {
	return Alert{IOCType: "domain", IOCValue: value}
}

// ContextAlert is an alert that a file has fired, with domains in its context only.
func ContextAlert(sha256 string, domains ...string) Alert {
	a := Alert{IOCType: "hash_sha256", IOCValue: sha256, IOCContext: []AlertIOC{{Type: "hash_sha256", Value: sha256, Source: "library_load"}}}
	for _, domain := range domains {
		a.IOCContext = append(a.IOCContext, AlertIOC{Type: "domain", Value: domain, Source: "network"})
	}
	return a
}

// SetAside is the alert after a person closed it with a resolution: "false_positive" or "ignored".
func (a Alert) SetAside(resolution string) Alert {
	a.Status, a.Resolution, a.Tags = "closed", resolution, append([]string{resolution}, a.Tags...)
	return a
}

// OfCustomIOC is the alert as an entry of the customer's own IOC list raises it. It does not say whose entry that is.
func (a Alert) OfCustomIOC() Alert {
	a.Name = "IOCPolicyDomain-High"
	a.Tactic, a.TacticID = "Custom Intelligence", "CSTA0005"
	a.Technique, a.TechniqueID = "Indicator of Compromise", "CST0005"
	return a
}

// At is the alert as made, and last updated, at a time.
func (a Alert) At(at time.Time) Alert {
	a.Created, a.Updated = at.UTC().Format(time.RFC3339Nano), at.UTC().Format(time.RFC3339Nano)
	return a
}

// AddFalconAlerts raises alerts: []Alert, or a list of anything else that encodes to the wire's objects.
func (c *Client) AddFalconAlerts(ctx context.Context, alerts any) error {
	return c.Do(ctx, http.MethodPost, "/falcon/alerts", alerts, nil)
}

// DeliveredMail is a mail that reached one mailbox, for AddMessages. messageID has its angle brackets; hashes are the SHA-256
// of its attachments.
func DeliveredMail(messageID, from string, received time.Time, hashes ...string) mimecast.Message {
	return mimecast.Message{
		MessageID: messageID, FromEnvelope: from, FromHeader: from, To: []string{"someone@acme-corp-internal.com"},
		Subject: "Invoice", Received: received, SenderIP: "192.0.2.25", Hashes: hashes,
	}
}
