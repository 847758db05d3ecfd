package mimecast

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

// What a policy applies from or to.
const (
	typeGroup    = "profile_group"
	typeDomain   = "email_domain"
	typeInternal = "internal_addresses"
	typeEveryone = "everyone"
)

// fromBoth: a policy looks at the sender of the envelope and at that of the header.
const fromBoth = "both"

// applies is one side of a policy that is made. The key of a domain is the one thing in it that the styles differ in.
type applies struct {
	Type        string `json:"type"`
	GroupID     string `json:"groupId,omitempty"`
	Domain      string `json:"domain,omitempty"`      // REST
	EmailDomain string `json:"emailDomain,omitempty"` // classic
}

// newPolicy is the body of a REST create, and but for the option the "policy" of a classic one. The switches that are left
// out of REST have the value false in both.
type newPolicy struct {
	Description string  `json:"description"`
	Option      string  `json:"option,omitempty"` // REST
	FromPart    string  `json:"fromPart"`
	From        applies `json:"from"`
	To          applies `json:"to"`
	Enabled     bool    `json:"enabled"`
	FromEternal bool    `json:"fromEternal"`
	ToEternal   bool    `json:"toEternal"`
}

type newPolicyClassic struct {
	Option string    `json:"option"`
	Policy newPolicy `json:"policy"`
}

type newPolicyRequest struct {
	Data [1]newPolicyClassic `json:"data"` // exactly one
}

func newPolicyOf(description string, from applies) newPolicy {
	return newPolicy{
		Description: description, Option: optionBlock, FromPart: fromBoth, From: from, To: applies{Type: typeInternal},
		Enabled: true, FromEternal: true, ToEternal: true,
	}
}

// classic gives the same policy in the classic style.
func (p newPolicy) classic() newPolicyRequest {
	option := p.Option
	p.Option = ""
	p.From.Domain, p.From.EmailDomain = "", p.From.Domain
	return newPolicyRequest{Data: [1]newPolicyClassic{{Option: option, Policy: p}}}
}

// sideEntry is one side of a policy that is read. A read gives the group's id in another place than a create takes it.
type sideEntry struct {
	Type    text `json:"type"`
	GroupID text `json:"groupId"`
	Group   struct {
		ID text `json:"id"`
	} `json:"group"`
	Domain      text `json:"domain"`
	EmailDomain text `json:"emailDomain"`
}

// policyBody is what a policy says. The older form with fromType and fromValue still stands in answers.
type policyBody struct {
	Description text      `json:"description"`
	Enabled     *flag     `json:"enabled"`
	From        sideEntry `json:"from"`
	To          sideEntry `json:"to"`
	FromType    text      `json:"fromType"`
	FromValue   text      `json:"fromValue"`
	ToType      text      `json:"toType"`

	// What a person may have changed. REST has other names for the dates, and the conditions flat.
	FromPart      text     `json:"fromPart"`
	FromEternal   *flag    `json:"fromEternal"`
	ToEternal     *flag    `json:"toEternal"`
	FromDate      text     `json:"fromDate"`
	ToDate        text     `json:"toDate"`
	FromDateTime  text     `json:"fromDateTime"`
	ToDateTime    text     `json:"toDateTime"`
	Bidirectional flag     `json:"bidirectional"`
	Override      flag     `json:"override"`
	Enforced      flag     `json:"enforced"`
	Comment       text     `json:"comment"`
	Conditions    anything `json:"conditions"`
	SourceIPs     anything `json:"sourceIPs"`
	Hostnames     anything `json:"hostnames"`
	SPFDomains    anything `json:"spfDomains"`
}

// policyEntry is a policy as answers give it: REST has the body flat, classic under "policy".
type policyEntry struct {
	ID       text `json:"id"`
	PolicyID text `json:"policyId"`
	Option   text `json:"option"`
	policyBody
	Policy *policyBody `json:"policy"`
}

func (e policyEntry) body() policyBody {
	if e.Policy != nil {
		return *e.Policy
	}
	return e.policyBody
}

func (e policyEntry) policy() indicator.Policy {
	body := e.body()
	policy := indicator.Policy{
		ID:          string(cmp.Or(e.ID, e.PolicyID)),
		Description: strings.TrimSpace(string(body.Description)),
		Option:      strings.ToLower(strings.TrimSpace(string(e.Option))),
		Enabled:     body.Enabled == nil || bool(*body.Enabled),
	}
	switch from := cmp.Or(body.From.Type, body.FromType); {
	case from.is(typeGroup):
		policy.GroupID = string(cmp.Or(body.From.GroupID, body.From.Group.ID, body.FromValue))
	case from.is(typeDomain):
		policy.Domain = strings.ToLower(strings.TrimSpace(string(cmp.Or(body.From.Domain, body.From.EmailDomain, body.FromValue))))
	default:
	}
	return policy
}

// forAll says whether the policy protects all recipients.
func (e policyEntry) forAll() bool {
	to := cmp.Or(e.body().To.Type, e.body().ToType)
	return to.is(typeInternal) || to.is(typeEveryone)
}

type policyPageREST struct {
	Meta        meta               `json:"meta"`
	Definitions *many[policyEntry] `json:"definitions"` // documented
	Policies    *many[policyEntry] `json:"policies"`    // observed
}

type policyPageRequest struct {
	Meta requestMeta `json:"meta"` // no data: all policies
}

type policyPageClassic struct {
	Meta meta              `json:"meta"`
	Data many[policyEntry] `json:"data"`
	Fail many[failEntry]   `json:"fail"`
}

func (c *Client) policiesREST(ctx context.Context, token string) ([]policyEntry, string, error) {
	var page policyPageREST
	answer, err := c.get(ctx, pathPoliciesREST, c.pageQuery(token), &page)
	if err != nil {
		return nil, "", err
	}
	list := cmp.Or(page.Policies, page.Definitions)
	if list == nil {
		return nil, "", contractError(http.MethodGet+" "+pathPoliciesREST, answer.Status, "the answer holds no list of policies")
	}
	return *list, page.Meta.next(), nil
}

func (c *Client) policiesClassic(ctx context.Context, token string) ([]policyEntry, string, error) {
	var page policyPageClassic
	answer, err := c.post(ctx, pathGetPolicy, policyPageRequest{Meta: c.pageMeta(token)}, &page)
	if err != nil {
		return nil, "", err
	}
	if len(page.Fail) > 0 {
		return nil, "", partial(pathGetPolicy, answer, page.Fail)
	}
	return page.Data, page.Meta.next(), nil
}

// createPolicy makes a policy. A second call would make a second one.
func (c *Client) createPolicy(ctx context.Context, wanted newPolicy) (id string, err error) {
	create := func(path string, body any) error {
		var out struct {
			policyEntry
			Data many[policyEntry] `json:"data"` // classic
			Fail many[failEntry]   `json:"fail"`
		}
		answer, err := c.post(ctx, path, body, &out)
		switch {
		case err != nil:
			return err
		case len(out.Data) > 0:
			id = out.Data[0].policy().ID
		default:
			id = out.policy().ID
		}
		if id != "" {
			return nil
		}
		if len(out.Fail) > 0 {
			return partial(path, answer, out.Fail)
		}
		return contractError(http.MethodPost+" "+path, answer.Status, "the answer holds no id of the policy that was made")
	}
	err = restFirst(&c.classicPolicies,
		func() error { return create(pathPoliciesREST, wanted) },
		func() error { return create(pathCreatePolicy, wanted.classic()) },
	)
	return id, err
}
