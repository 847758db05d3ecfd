package mimecast

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathSearchHash    = "/api/ttp/remediation/search-hash"
	pathRemediate     = "/api/ttp/remediation/create"
	pathRemediateV2   = "/api/ttp/remediation/v2/create"
	pathGetIncident   = "/api/ttp/remediation/get-incident"
	pathFindIncidents = "/api/ttp/remediation/find-incidents"

	maxSearched = 20 // hashes in one search: recommended, 100 are taken
)

type hashSearch struct {
	Hashes []string `json:"hashes"`
}

type hashSearchRequest struct {
	Data [1]hashSearch `json:"data"`
}

type hashSearchAnswer struct {
	Data many[struct {
		HashStatus many[struct {
			Hash     text  `json:"hash"`
			Detected *flag `json:"detected"`
		}] `json:"hashStatus"`
	}] `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

// HashesSeen says of hashes whether a file of that hash was in a mail of the last year. A hash that Mimecast could not or
// would not look up is missing from the map. Every failure is a *vendorapi.Error. Contract section 8.2.
func (c *Client) HashesSeen(ctx context.Context, hashes []string) (map[string]bool, error) {
	seen := make(map[string]bool, len(hashes))
	for batch := range slices.Chunk(hashes, maxSearched) {
		if err := c.searchHashes(ctx, batch, seen); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// searchHashes asks for one batch. One that is refused as it stands is halved.
func (c *Client) searchHashes(ctx context.Context, hashes []string, seen map[string]bool) error {
	var out hashSearchAnswer
	answer, err := c.post(ctx, pathSearchHash, hashSearchRequest{Data: [1]hashSearch{{hashes}}}, &out)
	if err == nil {
		_, err = said(pathSearchHash, answer, out.Fail)
	}
	refused, failed := errors.AsType[*vendorapi.Error](err)
	switch {
	case failed && aboutValues(refused) && len(hashes) > 1:
		half := len(hashes) / 2
		if err := c.searchHashes(ctx, hashes[:half], seen); err != nil {
			return err
		}
		return c.searchHashes(ctx, hashes[half:], seen)
	case failed && aboutValues(refused):
		return nil
	case err != nil:
		return err
	}
	for _, entry := range out.Data {
		for _, status := range entry.HashStatus {
			hash := strings.ToLower(strings.TrimSpace(string(status.Hash)))
			if status.Detected != nil && slices.Contains(hashes, hash) {
				seen[hash] = bool(*status.Detected)
			}
		}
	}
	return nil
}

// removal is what is to be removed, in the first version by a hash and in the second by many Message-IDs.
type removal struct {
	HashOrMessageID string   `json:"hashOrMessageId,omitempty"` // v1
	MessageIDs      []string `json:"messageIds,omitempty"`      // v2
	SearchBy        string   `json:"searchBy"`
	Reason          string   `json:"reason"`
	Start           string   `json:"start"`
	End             string   `json:"end"`
}

type removalRequest struct {
	Data [1]removal `json:"data"`
}

type incidentEntry struct {
	ID         text  `json:"id"`
	Code       text  `json:"code"`
	Reason     text  `json:"reason"`
	Create     text  `json:"create"`
	Identified count `json:"identified"`
	Successful count `json:"successful"`
	Failed     count `json:"failed"`
}

func (e incidentEntry) incident() indicator.Incident {
	return indicator.Incident{
		ID: string(e.ID), Code: vendorapi.Clean(string(e.Code)),
		Identified: int(e.Identified), Successful: int(e.Successful), Failed: int(e.Failed),
		Done: e.Successful+e.Failed >= e.Identified,
	}
}

type incidentAnswer struct {
	Data many[incidentEntry] `json:"data"`
	Fail many[failEntry]     `json:"fail"`
}

// RemediateHash removes delivered mail of between start and end that holds the file. Each call makes an incident of its own,
// so the caller asks FindIncident first; one with the same hash and reason as a minute ago gives the incident of then. Every
// failure is a *vendorapi.Error; one of class Unavailable may mean that an earlier try may have made the incident, and says
// when to ask again. Contract section 8.1.
func (c *Client) RemediateHash(ctx context.Context, hash, reason string, start, end time.Time) (indicator.Incident, error) {
	return c.remediate(ctx, pathRemediate, removal{
		HashOrMessageID: hash, SearchBy: "hash", Reason: reason, Start: formatDate(start), End: formatDate(end),
	})
}

// RemediateMessages removes delivered mail of between start and end by its Message-IDs, all in one incident. Whether Mimecast
// wants them in angle brackets is not known for certain; brackets says so. Otherwise as RemediateHash, with the reason in
// place of the hash.
func (c *Client) RemediateMessages(ctx context.Context, messageIDs []string, brackets bool, reason string, start, end time.Time) (indicator.Incident, error) {
	ids := make([]string, 0, len(messageIDs))
	for _, id := range messageIDs {
		if id = bracketed(id, brackets); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return indicator.Incident{}, &vendorapi.Error{
			Class: vendorapi.Rejected, Vendor: vendor, Operation: http.MethodPost + " " + pathRemediateV2, Message: "not sent: no Message-ID",
		}
	}
	return c.remediate(ctx, pathRemediateV2, removal{
		MessageIDs: ids, SearchBy: "message_ids", Reason: reason, Start: formatDate(start), End: formatDate(end),
	})
}

func (c *Client) remediate(ctx context.Context, path string, wanted removal) (indicator.Incident, error) {
	var made indicator.Incident
	id, err := c.made.once("incident "+wanted.HashOrMessageID+" "+wanted.Reason, func() (string, error) {
		var err error
		made, err = c.incident(ctx, path, removalRequest{Data: [1]removal{wanted}})
		return made.ID, err
	})
	if err == nil && made.ID != id {
		return c.Incident(ctx, id)
	}
	return made, err
}

// Incident reads an incident. Right after it was made, nothing is done yet; with nothing identified it is done. Every failure
// is a *vendorapi.Error. Contract section 8.2.
func (c *Client) Incident(ctx context.Context, id string) (indicator.Incident, error) {
	return c.incident(ctx, pathGetIncident, idRequest{Data: [1]idRef{{id}}})
}

// incident makes a call that answers with exactly one incident.
func (c *Client) incident(ctx context.Context, path string, body any) (indicator.Incident, error) {
	var out incidentAnswer
	answer, err := c.post(ctx, path, body, &out)
	switch {
	case err != nil:
		return indicator.Incident{}, err
	case len(out.Data) > 0 && out.Data[0].ID != "":
		return out.Data[0].incident(), nil
	case len(out.Fail) > 0:
		return indicator.Incident{}, partial(path, answer, out.Fail)
	default:
		return indicator.Incident{}, contractError(http.MethodPost+" "+path, answer.Status, "the answer holds no incident")
	}
}

type incidentField struct {
	FieldName string `json:"fieldName"`
	Value     string `json:"value"`
}

type incidentFilter struct {
	Start    string        `json:"start"`
	End      string        `json:"end"`
	SearchBy incidentField `json:"searchBy"`
}

type incidentSearch struct {
	Meta requestMeta       `json:"meta"`
	Data [1]incidentFilter `json:"data"`
}

// foundIncidents is one entry of data: a list of incidents, or itself an incident.
type foundIncidents struct {
	Incidents many[incidentEntry] `json:"incidents"`
	incidentEntry
}

type foundAnswer struct {
	Meta meta                  `json:"meta"`
	Data many[json.RawMessage] `json:"data"`
	Fail many[failEntry]       `json:"fail"`
}

// FindIncident gives the incident with exactly this reason that was made between start and end, and whether there is one: to
// ask before a create that may be a repeated one. Of several it gives the oldest. Every failure is a *vendorapi.Error.
// Contract section 8.2.
func (c *Client) FindIncident(ctx context.Context, reason string, start, end time.Time) (indicator.Incident, bool, error) {
	filter := incidentFilter{Start: formatDate(start), End: formatDate(end), SearchBy: incidentField{"reason", reason}}
	all, err := allPages(http.MethodPost+" "+pathFindIncidents, func(token string) ([]incidentEntry, string, error) {
		var page foundAnswer
		answer, err := c.post(ctx, pathFindIncidents, incidentSearch{Meta: c.pageMeta(token), Data: [1]incidentFilter{filter}}, &page)
		if err == nil && len(page.Fail) > 0 {
			err = partial(pathFindIncidents, answer, page.Fail)
		}
		if err != nil {
			return nil, "", err
		}
		entries, err := incidentsOf(page.Data)
		if err != nil {
			return nil, "", contractError(http.MethodPost+" "+pathFindIncidents, answer.Status, "an entry of data is not an object")
		}
		return entries, page.Meta.next(), nil
	})
	if err != nil {
		return indicator.Incident{}, false, err
	}
	found := slices.DeleteFunc(all, func(entry incidentEntry) bool {
		return entry.ID == "" || strings.TrimSpace(string(entry.Reason)) != strings.TrimSpace(reason)
	})
	if len(found) == 0 {
		return indicator.Incident{}, false, nil
	}
	oldest := slices.MinFunc(found, func(a, b incidentEntry) int {
		first, _ := parseDate(string(a.Create)) // one without a date counts as the oldest
		second, _ := parseDate(string(b.Create))
		return first.Compare(second)
	})
	return oldest.incident(), true, nil
}

// incidentsOf takes the incidents out of data: under "incidents", as the contract has it from one client, or bare.
func incidentsOf(data []json.RawMessage) ([]incidentEntry, error) {
	var all []incidentEntry
	for _, raw := range data {
		var entry foundIncidents
		if err := json.Unmarshal(raw, &entry); err != nil {
			return nil, err
		}
		if entry.ID != "" {
			all = append(all, entry.incidentEntry)
		}
		all = append(all, entry.Incidents...)
	}
	return all, nil
}
