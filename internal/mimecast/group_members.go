package mimecast

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathGetMembers   = "/api/directory/get-group-members"
	pathAddMember    = "/api/directory/add-group-member"
	pathRemoveMember = "/api/directory/remove-group-member"

	suffixMembers = "/members"        // REST: reads and adds
	suffixRemove  = "/remove-members" // REST

	maxMembers    = 10  // in one add or remove call
	maxMemberNote = 100 // characters
)

// member is a member of a group in either style. Both give an address its own domain as well, and REST gives a domain as
// address too: only a sign @ tells the two apart.
type member struct {
	EmailAddress text `json:"emailAddress"`
	Domain       text `json:"domain"`
}

// blockedDomain gives the member's domain, empty if it is an address.
func (m member) blockedDomain() string {
	if strings.Contains(string(m.EmailAddress), "@") {
		return ""
	}
	domain := m.Domain
	if domain == "" {
		domain = m.EmailAddress
	}
	return strings.ToLower(strings.TrimSpace(string(domain)))
}

type memberPageREST struct {
	Meta         *meta         `json:"meta"`
	GroupMembers *many[member] `json:"groupMembers"`
}

type memberPageClassic struct {
	Meta meta `json:"meta"`
	Data many[struct {
		GroupMembers many[member] `json:"groupMembers"`
	}] `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

type memberPageRequest struct {
	Meta requestMeta `json:"meta"`
	Data [1]idRef    `json:"data"`
}

type memberREST struct {
	Domain string `json:"domain"`
	Note   string `json:"note,omitempty"`
}

type membersREST struct {
	GroupMembers []memberREST `json:"groupMembers"`
}

type memberClassic struct {
	ID     string `json:"id"` // of the group
	Domain string `json:"domain"`
	Notes  string `json:"notes,omitempty"`
}

type membersClassic struct {
	Data []memberClassic `json:"data"`
}

type membersAnswer struct {
	Data many[member]    `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

// GroupDomains reads all pages of a group and gives the domains among its members, lower case, each once, in the vendor's
// order. Addresses are left out. Every failure is a *vendorapi.Error; the next call soon after it reads on from the page that
// failed, unless the group has been written to. Contract section 5.
func (c *Client) GroupDomains(ctx context.Context, groupID string) ([]string, error) {
	path, err := restPath(pathGroupsREST, groupID, suffixMembers)
	if err != nil {
		return nil, err
	}
	var members []member
	err = restFirst(&c.classicGroups,
		func() (err error) {
			read := func(token string) ([]member, string, error) { return c.membersREST(ctx, path, token) }
			members, err = c.interrupted.all(membersOf{group: groupID}, withoutIDs(http.MethodGet+" "+path), read)
			return err
		},
		func() (err error) {
			read := func(token string) ([]member, string, error) { return c.membersClassic(ctx, groupID, token) }
			members, err = c.interrupted.all(membersOf{group: groupID, classic: true}, http.MethodPost+" "+pathGetMembers, read)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	domains := make([]string, 0, len(members))
	met := make(map[string]bool, len(members))
	for _, member := range members {
		if domain := member.blockedDomain(); domain != "" && !met[domain] {
			met[domain] = true
			domains = append(domains, domain)
		}
	}
	return domains, nil
}

func (c *Client) membersREST(ctx context.Context, path, token string) ([]member, string, error) {
	var page memberPageREST
	answer, err := c.get(ctx, path, c.pageQuery(token), &page)
	switch {
	case err != nil:
		return nil, "", err
	case page.GroupMembers == nil && page.Meta == nil:
		return nil, "", contractError(withoutIDs(http.MethodGet+" "+path), answer.Status, "the answer holds no list of members")
	case page.GroupMembers == nil:
		return nil, "", nil
	case page.Meta == nil:
		return *page.GroupMembers, "", nil
	}
	return *page.GroupMembers, page.Meta.next(), nil
}

func (c *Client) membersClassic(ctx context.Context, groupID, token string) ([]member, string, error) {
	var page memberPageClassic
	answer, err := c.post(ctx, pathGetMembers, memberPageRequest{Meta: c.pageMeta(token), Data: [1]idRef{{groupID}}}, &page)
	if err != nil {
		return nil, "", err
	}
	if len(page.Fail) > 0 {
		return nil, "", partial(pathGetMembers, answer, page.Fail)
	}
	var members []member
	for _, entry := range page.Data {
		members = append(members, entry.GroupMembers...)
	}
	return members, page.Meta.next(), nil
}

// AddGroupDomains puts domains into a group, ten with each call. note is what a person sees beside them, cut to 100
// characters. A member already is a Duplicate. One outcome for each domain in order; the ID is the group's. The outcomes are
// good also next to an error, then an empty one was not settled. The error is a *vendorapi.Error. Contract section 5.
func (c *Client) AddGroupDomains(ctx context.Context, groupID string, domains []string, note string) ([]indicator.Outcome, error) {
	w := memberWrite{groupID: groupID, suffix: suffixMembers, classic: pathAddMember, note: shortened(note, maxMemberNote)}
	return c.writeMembers(ctx, w, exists, domains)
}

// RemoveGroupDomains takes domains out of a group. What is no member is a success, a Duplicate. Otherwise as
// AddGroupDomains.
func (c *Client) RemoveGroupDomains(ctx context.Context, groupID string, domains []string) ([]indicator.Outcome, error) {
	return c.writeMembers(ctx, memberWrite{groupID: groupID, suffix: suffixRemove, classic: pathRemoveMember}, absent, domains)
}

// memberWrite is what an add and a remove differ in.
type memberWrite struct {
	groupID string
	suffix  string // of the REST path
	classic string // path
	note    string
}

func (c *Client) writeMembers(
	ctx context.Context, m memberWrite, already func(int, vendorapi.Item) bool, domains []string,
) ([]indicator.Outcome, error) {
	path, err := restPath(pathGroupsREST, m.groupID, m.suffix)
	if err != nil {
		return make([]indicator.Outcome, len(domains)), err
	}
	w := writing{kind: indicator.Domain, most: maxMembers, already: already}
	askedREST := false
	w.send = func(ctx context.Context, values []string) (done map[string]string, items []vendorapi.Item, err error) {
		err = restFirst(&c.classicGroups,
			func() (err error) {
				done, items, err = c.sendREST(ctx, path, m, values)
				askedREST = askedREST || err == nil
				if len(values) > 1 && conflicts(err) { // a member already keeps the others out: the classic style takes each by itself
					if classic, each, failed := c.sendClassic(ctx, m, values); ofValues(failed) {
						done, items, err = classic, each, failed
					}
				}
				return err
			},
			func() (err error) { done, items, err = c.sendClassic(ctx, m, values); return err },
		)
		if err != nil || len(items) < len(values) { // not every value was refused
			c.interrupted.forget(m.groupID)
		}
		return done, items, err
	}
	// REST may refuse a domain without a word, and it is not known whether it does so where there is nothing to do, as after a
	// call whose answer was lost.
	w.doubted = func(ctx context.Context, values []string) (map[string]indicator.Outcome, error) {
		told := make(map[string]indicator.Outcome, len(values))
		if askedREST && len(values) <= maxReasons && !c.noReasons.Swap(false) {
			if err := c.askReasons(ctx, m, already, values, told); err != nil || len(told) == len(values) {
				return told, err
			}
		}
		return told, c.lookUpMembers(ctx, m, values, told)
	}
	return w.write(ctx, domains)
}

// sendREST makes one call. Its answer has one result for each domain in order, or none at all if all is well.
func (c *Client) sendREST(ctx context.Context, path string, m memberWrite, values []string) (map[string]string, []vendorapi.Item, error) {
	body := membersREST{GroupMembers: make([]memberREST, 0, len(values))}
	for _, domain := range values {
		body.GroupMembers = append(body.GroupMembers, memberREST{Domain: domain, Note: m.note})
	}
	answer, err := c.post(ctx, path, body, nil)
	if err != nil {
		return nil, nil, err
	}
	results, err := readResults(answer.Body)
	if err != nil {
		return nil, nil, contractError(withoutIDs(http.MethodPost+" "+path), answer.Status, "the answer is not the JSON of the contract")
	}
	done := make(map[string]string, len(values))
	var items []vendorapi.Item
	switch {
	// The contract knows both answers to what went well, but one account does not give both: it was not the vendor who answered.
	case results == nil && answer.Status == http.StatusOK && c.namesMembers.Load():
		return nil, nil, contractError(withoutIDs(http.MethodPost+" "+path), answer.Status, "the answer holds no results, unlike those before")
	case results == nil:
		for _, domain := range values {
			done[domain] = m.groupID
		}
	case len(results) == len(values):
		for i, domain := range values {
			if bool(results[i].Success) {
				done[domain] = m.groupID
			} else {
				items = append(items, results[i].item(domain))
			}
		}
		if len(items) == 0 {
			c.namesMembers.Store(true)
		}
	default: // which result is whose is not known
	}
	return done, items, nil
}

// memberResult is what REST says about one member. Only Success is documented.
type memberResult struct {
	Success flag `json:"success"`
	Code    text `json:"code"`
	Message text `json:"message"`
	complaints
}

func (r memberResult) item(domain string) vendorapi.Item {
	said := fault{Code: r.Code, Message: r.Message}
	if others := r.faults(); said == (fault{}) && len(others) > 0 {
		said = others[0]
	}
	return vendorapi.Item{Value: domain, Type: vendorapi.Clean(string(said.Code)), Message: vendorapi.Clean(string(said.Message))}
}

// readResults reads the results of an add or a remove, nil if there are none. A list without entries is not nil.
func readResults(body []byte) ([]memberResult, error) {
	body = trimBOM(body)
	if strings.TrimSpace(string(body)) == "" {
		return nil, nil
	}
	var out struct {
		Results *many[memberResult] `json:"results"`
	}
	if err := json.Unmarshal(body, &out); err != nil || out.Results == nil {
		return nil, err
	}
	return append([]memberResult{}, *out.Results...), nil
}

// sendClassic makes one call. Its answer names what it did and what it refused.
func (c *Client) sendClassic(ctx context.Context, m memberWrite, values []string) (map[string]string, []vendorapi.Item, error) {
	body := membersClassic{Data: make([]memberClassic, 0, len(values))}
	for _, domain := range values {
		body.Data = append(body.Data, memberClassic{ID: m.groupID, Domain: domain, Notes: m.note})
	}
	var out membersAnswer
	answer, err := c.post(ctx, m.classic, body, &out)
	if err != nil {
		return nil, nil, err
	}
	items, err := said(m.classic, answer, out.Fail)
	done := make(map[string]string, len(values))
	for _, entry := range out.Data {
		if domain := entry.blockedDomain(); slices.Contains(values, domain) {
			done[domain] = m.groupID
		}
	}
	if len(out.Data) == len(values) && len(items) == 0 {
		for _, domain := range values {
			done[domain] = m.groupID
		}
	}
	return done, items, err
}
