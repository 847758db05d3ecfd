package mimecast

import "net/http"

// The classic functions on Blocked Senders policies (contract section 6.1).

// Dates of a policy without an end or a beginning.
const (
	firstDate = "1900-01-01T00:00:00+0000"
	lastDate  = "2100-01-01T23:59:59+0000"
)

type classicPart struct {
	Type         string `json:"type"`
	EmailDomain  string `json:"emailDomain,omitempty"`
	GroupID      string `json:"groupId,omitempty"`
	EmailAddress string `json:"emailAddress,omitempty"`
	Attribute    string `json:"attribute,omitempty"`
}

type classicPolicy struct {
	Description   *string      `json:"description"`
	FromPart      *string      `json:"fromPart"`
	From          *classicPart `json:"from"`
	To            *classicPart `json:"to"`
	FromDate      *string      `json:"fromDate"`
	ToDate        *string      `json:"toDate"`
	FromEternal   *bool        `json:"fromEternal"`
	ToEternal     *bool        `json:"toEternal"`
	Bidirectional *bool        `json:"bidirectional"`
	Override      *bool        `json:"override"`
	Enabled       *bool        `json:"enabled"`
	Enforced      *bool        `json:"enforced"`
	Comment       *string      `json:"comment"`
	Conditions    *conditions  `json:"conditions"`
}

type createPolicyRequest struct {
	Option string        `json:"option"`
	Policy classicPolicy `json:"policy"`
}

func (s *Server) createPolicy(in createPolicyRequest) (any, *problem) {
	p := newPolicy()
	p.Option = in.Option
	if in.Policy.From == nil || in.Policy.To == nil {
		return nil, invalid("policy.from", "err_validation_null", "A policy needs from and to")
	}
	if trouble := s.applyClassic(&p, in.Policy); trouble != nil {
		return nil, trouble
	}
	return s.classicFields(s.insert(p)), nil
}

func (s *Server) applyClassic(p *policy, in classicPolicy) *problem {
	for _, side := range []struct {
		field string
		given *classicPart
		into  *part
	}{{"policy.from", in.From, &p.From}, {"policy.to", in.To, &p.To}} {
		if side.given == nil {
			continue
		}
		given := part{
			Type: side.given.Type, GroupID: side.given.GroupID, Domain: side.given.EmailDomain,
			Address: side.given.EmailAddress, Attribute: side.given.Attribute,
		}
		checked, trouble := s.checkPart(side.field, given)
		if trouble != nil {
			return trouble
		}
		*side.into = checked
	}
	set(&p.Description, in.Description)
	set(&p.FromPart, in.FromPart)
	set(&p.FromDate, in.FromDate)
	set(&p.ToDate, in.ToDate)
	set(&p.FromEternal, in.FromEternal)
	set(&p.ToEternal, in.ToEternal)
	set(&p.Bidirectional, in.Bidirectional)
	set(&p.Override, in.Override)
	set(&p.Enabled, in.Enabled)
	set(&p.Enforced, in.Enforced)
	set(&p.Comment, in.Comment)
	set(&p.conditions, in.Conditions)
	return p.check()
}

// getPolicy is POST /api/policy/blockedsenders/get-policy: by ids, or all without data.
func (s *Server) getPolicy(call *classicCall) (answer, *problem) {
	if len(call.data) > 0 {
		return each(func(s *Server, in idRequest) (any, *problem) {
			p, found := s.policyByID(in.ID)
			if !found {
				return nil, refused("err_policy_not_found", "The policy does not exist")
			}
			return s.classicFields(p), nil
		})(s, call)
	}
	policies, page, trouble := wholeOrPage(s, call.paging, s.listedPolicies())
	if trouble != nil {
		return answer{}, trouble
	}
	result := answer{page: page}
	for _, p := range policies {
		result.data = append(result.data, s.classicFields(p))
	}
	return result, nil
}

type updatePolicyRequest struct {
	ID     string        `json:"id"`
	Option string        `json:"option"`
	Policy classicPolicy `json:"policy"`
}

// updatePolicy is POST /api/policy/blockedsenders/update-policy, which only some tenants have.
func (s *Server) updatePolicy(in updatePolicyRequest) (any, *problem) {
	p, trouble := s.writablePolicy(in.ID)
	if trouble != nil {
		return nil, trouble
	}
	changed := *p
	if in.Option != "" {
		changed.Option = in.Option
	}
	if trouble := s.applyClassic(&changed, in.Policy); trouble != nil {
		return nil, trouble
	}
	s.replace(p, changed)
	return s.classicFields(p), nil
}

// deletePolicy is POST /api/policy/blockedsenders/delete-policy, which only some tenants have.
func (s *Server) deletePolicy(in idRequest) (any, *problem) {
	p, trouble := s.writablePolicy(in.ID)
	if trouble != nil {
		return nil, trouble
	}
	s.drop(p)
	return map[string]any{"id": in.ID}, nil
}

func (s *Server) writablePolicy(id string) (*policy, *problem) {
	if !s.quirks.ClassicPolicyWrites {
		return nil, &problem{status: http.StatusNotFound, code: "err_function_not_found", message: "The function does not exist"}
	}
	p, found := s.policyByID(id)
	if !found {
		return nil, refused("err_policy_not_found", "The policy does not exist")
	}
	return p, nil
}

// classicFields is a policy as the classic functions answer it: with the older form of its sides beside the newer.
func (s *Server) classicFields(p *policy) map[string]any {
	fromDate, toDate := p.FromDate, p.ToDate
	if p.FromEternal {
		fromDate = firstDate
	}
	if p.ToEternal {
		toDate = lastDate
	}
	policy := map[string]any{
		"description": p.Description, "fromPart": p.FromPart, "from": s.classicSide(p.From), "to": s.classicSide(p.To),
		"fromType": p.From.Type, "toType": p.To.Type, "fromEternal": p.FromEternal, "toEternal": p.ToEternal,
		"fromDate": fromDate, "toDate": toDate, "override": p.Override, "bidirectional": p.Bidirectional,
		"conditions": p.conditions, "enabled": p.Enabled, "enforced": p.Enforced, "comment": p.Comment,
		"createTime": formatDate(p.created), "lastUpdated": formatDate(p.updated),
	}
	if value := p.From.value(); value != "" {
		policy["fromValue"] = value
		if p.From.GroupID != "" {
			policy["fromValue"] = s.publicID(p.From.GroupID)
		}
	}
	return map[string]any{"option": p.Option, "id": s.publicID(p.key), "policy": policy}
}

func (s *Server) classicSide(in part) classicPart {
	side := classicPart{Type: in.Type, EmailDomain: in.Domain, EmailAddress: in.Address, Attribute: in.Attribute}
	if in.GroupID != "" {
		side.GroupID = s.publicID(in.GroupID)
	}
	return side
}
