package mimecast

// The REST functions on Blocked Senders policies (contract section 6.2): flat, "domain" for "emailDomain", and reads show
// a group as an object where writes take its id.

type restPart struct {
	Type         string `json:"type"`
	Domain       string `json:"domain"`
	GroupID      string `json:"groupId"`
	EmailAddress string `json:"emailAddress"`
	Attribute    string `json:"attribute"`
}

type restPolicy struct {
	Option        *string   `json:"option"`
	Description   *string   `json:"description"`
	FromPart      *string   `json:"fromPart"`
	From          *restPart `json:"from"`
	To            *restPart `json:"to"`
	FromDateTime  *string   `json:"fromDateTime"`
	ToDateTime    *string   `json:"toDateTime"`
	FromEternal   *bool     `json:"fromEternal"`
	ToEternal     *bool     `json:"toEternal"`
	Bidirectional *bool     `json:"bidirectional"`
	Override      *bool     `json:"override"`
	Enabled       *bool     `json:"enabled"`
	Enforced      *bool     `json:"enforced"`
	Comment       *string   `json:"comment"`
	SourceIPs     []string  `json:"sourceIPs"`
	Hostnames     []string  `json:"hostnames"`
	SPFDomains    []string  `json:"spfDomains"`
}

func (s *Server) applyREST(p *policy, body []byte) *problem {
	var in restPolicy
	if trouble := strictly(body, &in); trouble != nil {
		return trouble
	}
	for _, side := range []struct {
		field string
		given *restPart
		into  *part
	}{{"from", in.From, &p.From}, {"to", in.To, &p.To}} {
		if side.given == nil {
			if side.into.Type == "" {
				return invalid(side.field, "err_validation_null", "This field cannot be null")
			}
			continue
		}
		given := part{
			Type: side.given.Type, GroupID: side.given.GroupID, Domain: side.given.Domain,
			Address: side.given.EmailAddress, Attribute: side.given.Attribute,
		}
		checked, trouble := s.checkPart(side.field, given)
		if trouble != nil {
			return trouble
		}
		*side.into = checked
	}
	set(&p.Option, in.Option)
	set(&p.Description, in.Description)
	set(&p.FromPart, in.FromPart)
	set(&p.FromDate, in.FromDateTime)
	set(&p.ToDate, in.ToDateTime)
	set(&p.FromEternal, in.FromEternal)
	set(&p.ToEternal, in.ToEternal)
	set(&p.Bidirectional, in.Bidirectional)
	set(&p.Override, in.Override)
	set(&p.Enabled, in.Enabled)
	set(&p.Enforced, in.Enforced)
	set(&p.Comment, in.Comment)
	if in.SourceIPs != nil || in.Hostnames != nil || in.SPFDomains != nil {
		p.conditions = conditions{SourceIPs: in.SourceIPs, Hostnames: in.Hostnames, SPFDomains: in.SPFDomains}
	}
	return p.check()
}

func (s *Server) restPolicies(call *restCall) (any, *problem) {
	policies, page, trouble := pageOf(s, call.paging, s.listedPolicies())
	if trouble != nil {
		return nil, trouble
	}
	list := make([]any, 0, len(policies))
	for _, p := range policies {
		list = append(list, s.restFields(p))
	}
	key := "policies"
	if s.quirks.DefinitionsKey {
		key = "definitions"
	}
	return restList(key, list, page), nil
}

// restCreatePolicy answers {"id"} and {"policyId"} in turns, since both are known.
func (s *Server) restCreatePolicy(call *restCall) (any, *problem) {
	p := newPolicy()
	if trouble := s.applyREST(&p, call.body); trouble != nil {
		return nil, trouble
	}
	made := s.insert(p)
	key := "id"
	if s.everyNth(2) {
		key = "policyId"
	}
	return map[string]any{key: s.publicID(made.key)}, nil
}

func (s *Server) restGetPolicy(call *restCall) (any, *problem) {
	p, found := s.policyByID(call.id)
	if !found {
		return nil, missing()
	}
	return s.restFields(p), nil
}

func (s *Server) restUpdatePolicy(call *restCall) (any, *problem) {
	p, found := s.policyByID(call.id)
	if !found {
		return nil, missing()
	}
	changed := *p
	if trouble := s.applyREST(&changed, call.body); trouble != nil {
		return nil, trouble
	}
	s.replace(p, changed)
	return nil, nil
}

func (s *Server) restDeletePolicy(call *restCall) (any, *problem) {
	p, found := s.policyByID(call.id)
	if !found {
		return nil, missing()
	}
	s.drop(p)
	return nil, nil
}

func (s *Server) restFields(p *policy) map[string]any {
	fields := map[string]any{
		"id": s.publicID(p.key), "option": p.Option, "description": p.Description, "fromPart": p.FromPart,
		"from": s.restSide(p.From), "to": s.restSide(p.To), "enabled": p.Enabled, "enforced": p.Enforced,
		"fromEternal": p.FromEternal, "toEternal": p.ToEternal, "bidirectional": p.Bidirectional,
		"override": p.Override, "comment": p.Comment,
	}
	if !p.FromEternal {
		fields["fromDateTime"] = p.FromDate
	}
	if !p.ToEternal {
		fields["toDateTime"] = p.ToDate
	}
	for name, list := range map[string][]string{
		"sourceIPs": p.conditions.SourceIPs, "hostnames": p.conditions.Hostnames, "spfDomains": p.conditions.SPFDomains,
	} {
		if len(list) > 0 {
			fields[name] = list
		}
	}
	return fields
}

func (s *Server) restSide(in part) map[string]any {
	side := map[string]any{"type": in.Type}
	if in.GroupID != "" {
		side["group"] = map[string]string{"id": s.publicID(in.GroupID)}
	}
	for name, value := range map[string]string{
		"domain": in.Domain, "emailAddress": in.Address, "attribute": in.Attribute,
	} {
		if value != "" {
			side[name] = value
		}
	}
	return side
}
