package mimecast

import "maps"

// State is everything that was written to the vendor, for tests to compare with what they expect.
type State struct {
	BYOTI       map[string]string `json:"byoti"` // lower-case hash to BLOCK or ALLOW
	Groups      []GroupState      `json:"groups"`
	Policies    []PolicyState     `json:"policies"`
	ManagedURLs []URLState        `json:"managedUrls"`
	Incidents   []IncidentState   `json:"incidents"`
	Mails       []SentMail        `json:"mails"`
}

// GroupState is a group and its members.
type GroupState struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Members []MemberState `json:"members"`
}

// MemberState is a member: an address, or a domain if the address is empty.
type MemberState struct {
	EmailAddress string `json:"emailAddress"`
	Domain       string `json:"domain"`
	Note         string `json:"note"`
}

// PolicyState is a Blocked Senders policy. FromValue is the group's name, the domain or the address, whichever it has.
type PolicyState struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Option      string `json:"option"`
	FromPart    string `json:"fromPart"`
	FromType    string `json:"fromType"`
	FromValue   string `json:"fromValue"`
	ToType      string `json:"toType"`
	Enabled     bool   `json:"enabled"`
}

// URLState is a managed URL, put together from its parts.
type URLState struct {
	URL       string `json:"url"`
	MatchType string `json:"matchType"`
	Action    string `json:"action"`
	Comment   string `json:"comment"`
}

// IncidentState is a remediation incident.
type IncidentState struct {
	Code       string            `json:"code"`
	Reason     string            `json:"reason"`
	Criteria   map[string]string `json:"criteria"`
	Identified int               `json:"identified"`
}

// State returns a copy of what was written.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{
		BYOTI: maps.Clone(s.byoti.hashes), Groups: []GroupState{}, Policies: []PolicyState{},
		ManagedURLs: []URLState{}, Incidents: []IncidentState{}, Mails: append([]SentMail{}, s.mails...),
	}
	names := map[string]string{}
	for _, g := range s.groups {
		names[g.key] = g.name
		shown := GroupState{ID: s.publicID(g.key), Name: g.name, Members: []MemberState{}}
		for _, m := range g.order {
			shown.Members = append(shown.Members, MemberState{EmailAddress: m.address, Domain: m.domain, Note: m.note})
		}
		state.Groups = append(state.Groups, shown)
	}
	for _, p := range s.policies {
		value := p.From.value()
		if p.From.GroupID != "" {
			value = names[p.From.GroupID]
		}
		state.Policies = append(state.Policies, PolicyState{
			ID: s.publicID(p.key), Description: p.Description, Option: p.Option, FromPart: p.FromPart,
			FromType: p.From.Type, FromValue: value, ToType: p.To.Type, Enabled: p.Enabled,
		})
	}
	for _, u := range s.urls.entries {
		state.ManagedURLs = append(state.ManagedURLs, URLState{
			URL: u.address(), MatchType: u.matchType, Action: u.action, Comment: u.comment,
		})
	}
	for _, i := range s.cases {
		state.Incidents = append(state.Incidents, IncidentState{
			Code: i.code, Reason: i.reason, Criteria: maps.Clone(i.criteria), Identified: i.identified,
		})
	}
	return state
}
