package falcon

import (
	"time"

	"github.com/threatshare/threatshare/internal/simulator/falcon/fql"
)

// record is an indicator of compromise as it is stored and as it goes over the wire. A stored record is never changed:
// a change stores another record with the same id.
type record struct {
	ID              string    `json:"id"` // 64 hex digits
	Type            string    `json:"type"`
	Value           string    `json:"value"`
	Source          string    `json:"source,omitempty"`
	Action          string    `json:"action"`
	MobileAction    string    `json:"mobile_action,omitempty"`
	Severity        string    `json:"severity"` // there even when it is ""
	Description     string    `json:"description,omitempty"`
	Metadata        *metadata `json:"metadata,omitempty"`
	Platforms       []string  `json:"platforms,omitempty"`
	Tags            []string  `json:"tags,omitempty"`
	HostGroups      []string  `json:"host_groups,omitempty"`
	Expiration      time.Time `json:"expiration,omitzero"`
	Expired         bool      `json:"expired"`
	Deleted         bool      `json:"deleted"`
	AppliedGlobally bool      `json:"applied_globally"`
	FromParent      bool      `json:"from_parent"`
	ParentCIDName   string    `json:"parent_cid_name,omitempty"`
	CreatedOn       time.Time `json:"created_on"`
	CreatedBy       string    `json:"created_by"` // an API client's id or a person's e-mail address
	ModifiedOn      time.Time `json:"modified_on"`
	ModifiedBy      string    `json:"modified_by"`
}

// metadata is what Falcon knows of a file.
type metadata struct {
	Filename         string `json:"filename,omitempty"`
	Signed           bool   `json:"signed"`
	AVHits           int    `json:"av_hits"` // -1 for none
	CompanyName      string `json:"company_name,omitempty"`
	FileDescription  string `json:"file_description,omitempty"`
	FileVersion      string `json:"file_version,omitempty"`
	OriginalFilename string `json:"original_filename,omitempty"`
	ProductName      string `json:"product_name,omitempty"`
	ProductVersion   string `json:"product_version,omitempty"`
}

func (r *record) meta() metadata {
	if r.Metadata == nil {
		return metadata{AVHits: -1}
	}
	return *r.Metadata
}

// iocLanguage is the filter language of IOC Management.
func iocLanguage() fql.Language {
	return fql.Language{Fields: map[string]fql.Kind{
		"type": fql.Text, "value": fql.Text, "action": fql.Text, "mobile_action": fql.Text, "severity": fql.Text,
		"severity_number": fql.Number, "platforms": fql.Texts, "tags": fql.Texts, "expiration": fql.Time, "expired": fql.Bool,
		"applied_globally": fql.Bool, "host_groups": fql.Texts, "created_on": fql.Time, "created_by": fql.Text,
		"modified_on": fql.Time, "modified_by": fql.Text, "source": fql.Text, "deleted": fql.Bool,
		"metadata.filename.raw": fql.Text,
	}}
}

// FilterValue gives a field of iocLanguage.
func (r *record) FilterValue(field string) fql.Value {
	switch field {
	case "severity_number":
		return fql.Value{Number: float64(severityNumber(r.Severity))}
	case "platforms":
		return fql.Value{Texts: r.Platforms}
	case "tags":
		return fql.Value{Texts: r.Tags}
	case "host_groups":
		return fql.Value{Texts: r.HostGroups}
	case "expired":
		return fql.Value{Bool: r.Expired}
	case "deleted":
		return fql.Value{Bool: r.Deleted}
	case "applied_globally":
		return fql.Value{Bool: r.AppliedGlobally}
	case "expiration":
		return fql.Value{Time: r.Expiration}
	case "created_on":
		return fql.Value{Time: r.CreatedOn}
	case "modified_on":
		return fql.Value{Time: r.ModifiedOn}
	default:
		return fql.Value{Text: r.text(field)}
	}
}

// text gives a field that is a string.
func (r *record) text(field string) string {
	switch field {
	case "type":
		return r.Type
	case "value":
		return r.Value
	case "action":
		return r.Action
	case "mobile_action":
		return r.MobileAction
	case "severity":
		return r.Severity
	case "created_by":
		return r.CreatedBy
	case "modified_by":
		return r.ModifiedBy
	case "source":
		return r.Source
	case "metadata.filename.raw":
		return r.meta().Filename
	case "metadata.company_name.raw":
		return r.meta().CompanyName
	case "metadata.original_filename.raw":
		return r.meta().OriginalFilename
	case "metadata.product_name.raw":
		return r.meta().ProductName
	case "metadata.product_version":
		return r.meta().ProductVersion
	default:
		return ""
	}
}

func severityNumber(severity string) int {
	switch severity {
	case "informational":
		return 10
	case "low":
		return 30
	case "medium":
		return 50
	case "high":
		return 70
	case "critical":
		return 90
	default:
		return 0
	}
}
