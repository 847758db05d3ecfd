package mimecast

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// ReadBody decodes and judges the body of a log answer without a server. It is false for what is not the contract's.
func ReadBody(q indicator.Query, body []byte) (indicator.Page, bool) {
	log, _ := logFor(q.Source)
	var answer logAnswer
	if json.Unmarshal(body, &answer) != nil {
		return indicator.Page{}, false
	}
	entries, err := entriesOf(answer.Data, log.list)
	if err != nil {
		return indicator.Page{}, false
	}
	return readPage(log, q, entries), true
}

func Refusal(status int, header http.Header, body []byte) *vendorapi.Error {
	return refusal(status, header, body)
}

func Wait(header http.Header, now time.Time) time.Duration { return wait(header, now) }

func ParseDate(written string) (time.Time, error) { return parseDate(written) }

// RememberLinks puts links into a memory of the given size and gives those that it still knows.
func RememberLinks(size int, links []string) []string {
	memory := newLinkMemory(size)
	for _, link := range links {
		memory.put(link, "https://target.test/")
	}
	var known []string
	for _, link := range links {
		if _, ok := memory.get(link); ok {
			known = append(known, link)
		}
	}
	return known
}

// Grace is how long a create whose answer was lost keeps back another one.
const Grace = grace

// SetClock puts another clock into the memory of what was made and of what was read.
func SetClock(c *Client, now func() time.Time) { c.made.now, c.interrupted.now = now, now }

// ReadQuota reads the data of a quota answer.
func ReadQuota(data []byte) indicator.Quota { return readQuota(data) }

// MessageIDs reads the Message-ID headers out of a transmissionInfo.
func MessageIDs(transmission string) []string { return messageIDs(transmission) }

// ReadPolicies decodes a REST list of policies.
func ReadPolicies(body []byte) []indicator.Policy {
	var page policyPageREST
	if json.Unmarshal(body, &page) != nil || page.Policies == nil {
		return nil
	}
	policies := make([]indicator.Policy, 0, len(*page.Policies))
	for _, entry := range *page.Policies {
		policies = append(policies, entry.policy())
	}
	return policies
}

// ReadIncidents decodes the data of a search for incidents.
func ReadIncidents(body []byte) []indicator.Incident {
	var page foundAnswer
	if json.Unmarshal(body, &page) != nil {
		return nil
	}
	entries, _ := incidentsOf(page.Data)
	incidents := make([]indicator.Incident, 0, len(entries))
	for _, entry := range entries {
		incidents = append(incidents, entry.incident())
	}
	return incidents
}

// ReadMembers decodes a classic page of members and the results of an add; it gives the domains of the one and the number of
// the other.
func ReadMembers(body []byte) (domains []string, results int, ok bool) {
	var page memberPageClassic
	if json.Unmarshal(body, &page) != nil {
		return nil, 0, false
	}
	for _, entry := range page.Data {
		for _, member := range entry.GroupMembers {
			domains = append(domains, member.blockedDomain())
		}
	}
	found, err := readResults(body)
	return domains, len(found), err == nil
}

// Pace reads how close the rate limit is as the client does.
func Pace(header http.Header) vendorapi.Pace { return pace(header) }

// OnceGroup makes the group of a name with another create than the client's own.
func OnceGroup(c *Client, name string, create func() (string, error)) error {
	_, err := c.made.once("group "+name, create)
	return err
}
