package mimecast

import (
	"slices"
	"strings"
	"time"
)

// policy is a Blocked Senders policy. Classic and REST functions work on the same policies.
type policy struct {
	key                                    string
	Option, Description, FromPart, Comment string
	From, To                               part
	FromDate, ToDate                       string // wire dates; "" when eternal
	Enabled, FromEternal, ToEternal        bool
	Bidirectional, Override, Enforced      bool
	conditions                             conditions
	created, updated                       time.Time
}

// part is one side of a policy: whom it applies from or to. GroupID is a key.
type part struct {
	Type, GroupID, Domain, Address, Attribute string
}

type conditions struct {
	SourceIPs  []string `json:"sourceIPs,omitempty"`
	Hostnames  []string `json:"hostnames,omitempty"`
	SPFDomains []string `json:"spfDomains,omitempty"`
}

// value is what the older form of an answer shows as fromValue.
func (p part) value() string { return p.GroupID + p.Domain + p.Address + p.Attribute }

// checkPart checks that a side has the one value that its type needs, and names an existing group by its key.
func (s *Server) checkPart(field string, in part) (part, *problem) {
	needs := map[string]*string{
		"everyone": nil, "internal_addresses": nil, "external_addresses": nil, "free_mail_domains": nil,
		"header_display_name": nil, "email_domain": &in.Domain, "profile_group": &in.GroupID,
		"individual_email_address": &in.Address, "address_attribute_value": &in.Attribute,
	}
	value, known := needs[in.Type]
	if !known {
		return part{}, invalid(field+".type", "err_validation_enum", "The type is not known")
	}
	given := 0
	for _, text := range []string{in.GroupID, in.Domain, in.Address, in.Attribute} {
		if text != "" {
			given++
		}
	}
	if (value == nil && given > 0) || (value != nil && (*value == "" || given != 1)) {
		return part{}, invalid(field, "err_validation_null", "The type needs its own value and no other")
	}
	if in.Domain != "" && !domainForm.MatchString(strings.ToLower(in.Domain)) {
		return part{}, invalid(field, "err_validation_invalid_domain", "The domain is not valid")
	}
	if trouble := s.acceptable(in.Domain); trouble != nil {
		return part{}, trouble
	}
	if in.GroupID != "" {
		g, trouble := s.groupByID(in.GroupID)
		if trouble != nil {
			return part{}, trouble
		}
		in.GroupID = g.key
	}
	return in, nil
}

// check checks what both styles ask of a policy.
func (p *policy) check() *problem {
	if strings.TrimSpace(p.Description) == "" {
		return invalid("description", "err_validation_blank", "This field, if present, cannot be blank or empty")
	}
	if p.Option == "" {
		return invalid("option", "err_validation_null", "This field cannot be null")
	}
	for _, date := range []string{p.FromDate, p.ToDate} {
		if _, ok := parseDate(date); date != "" && !ok {
			return invalid("date", "err_validation_date", "The date must be of the form yyyy-MM-dd'T'HH:mm:ssZ")
		}
	}
	if (!p.FromEternal && p.FromDate == "") || (!p.ToEternal && p.ToDate == "") {
		return invalid("date", "err_validation_null", "A policy that is not eternal needs its dates")
	}
	return firstOf(
		oneOf("option", p.Option, "block_sender", "no_action"),
		oneOf("fromPart", p.FromPart, "envelope_from", "header_from", "both"),
	)
}

// newPolicy is what holds when a request leaves a field out.
func newPolicy() policy {
	return policy{FromPart: "envelope_from", Enabled: true, FromEternal: true, ToEternal: true}
}

// insert keeps a checked policy.
func (s *Server) insert(p policy) *policy {
	p.key, p.created = s.newKey("policy"), s.opts.Now()
	p.updated = p.created
	made := &p
	s.policies = append(s.policies, made)
	s.wrote++
	return made
}

// replace changes a policy to what a request made of it.
func (s *Server) replace(p *policy, changed policy) {
	changed.updated = s.opts.Now()
	*p = changed
	s.wrote++
}

func (s *Server) drop(p *policy) {
	s.policies = slices.DeleteFunc(s.policies, func(other *policy) bool { return other == p })
	s.wrote++
}

func (s *Server) policyByID(id string) (*policy, bool) {
	key := s.keyOf(id)
	for _, p := range s.policies {
		if p.key == key {
			return p, true
		}
	}
	return nil, false
}

// set copies a field that a request gave.
func set[T any](into *T, given *T) {
	if given != nil {
		*into = *given
	}
}
