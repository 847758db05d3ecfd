package mimecast

import "net/http"

// The REST functions on groups (contract section 5.2). A note is "note" here and "notes" in the classic style.

func (s *Server) restFindGroups(call *restCall) (any, *problem) {
	source := call.query.Get("source")
	if trouble := oneOf("source", source, "cloud", "ldap"); trouble != nil {
		return nil, trouble
	}
	groups, page, trouble := pageOf(s, call.paging, s.findByName(call.query.Get("query"), source))
	if trouble != nil {
		return nil, trouble
	}
	list := make([]any, 0, len(groups))
	for _, g := range groups {
		list = append(list, s.groupFields(g, "groupCount"))
	}
	return restList("groups", list, page), nil
}

func (s *Server) restCreateGroup(call *restCall) (any, *problem) {
	var in createGroupRequest
	if trouble := strictly(call.body, &in); trouble != nil {
		return nil, trouble
	}
	g, trouble := s.newGroup(in.Description, in.ParentID)
	if trouble != nil {
		return nil, trouble
	}
	return map[string]any{"id": s.publicID(g.key)}, nil
}

func (s *Server) restGetGroup(call *restCall) (any, *problem) {
	g, trouble := s.groupByID(call.id)
	if trouble != nil {
		return nil, missing()
	}
	return s.groupFields(g, "groupCount"), nil
}

func (s *Server) restMembers(call *restCall) (any, *problem) {
	g, trouble := s.groupByID(call.id)
	if trouble != nil {
		return nil, missing()
	}
	members, page, trouble := pageOf(s, call.paging, s.membersOf(g))
	if trouble != nil {
		return nil, trouble
	}
	list := make([]any, 0, len(members))
	for _, m := range members {
		fields := s.memberFields(m, m.value())
		fields["note"] = m.note
		list = append(list, fields)
	}
	return restList("groupMembers", list, page), nil
}

type restMembersBody struct {
	GroupMembers []struct {
		EmailAddress string `json:"emailAddress"`
		Domain       string `json:"domain"`
		Note         string `json:"note"`
	} `json:"groupMembers"`
}

func (s *Server) restAddMembers(call *restCall) (any, *problem) {
	g, members, trouble := s.readMembers(call)
	if trouble != nil {
		return nil, trouble
	}
	if !s.quirks.BatchMemberResults {
		for _, m := range members {
			if trouble := s.acceptable(m.value()); trouble != nil {
				return nil, trouble
			}
			if _, known := g.index[m.value()]; known {
				p := refused("err_folder_group_member_already_exists", "The group member already exists")
				p.status = http.StatusConflict
				return nil, p
			}
		}
	}
	return s.forEach(members, func(m *member) bool { return s.acceptable(m.value()) == nil && s.add(g, m) }), nil
}

func (s *Server) restRemoveMembers(call *restCall) (any, *problem) {
	g, members, trouble := s.readMembers(call)
	if trouble != nil {
		return nil, trouble
	}
	return s.forEach(members, func(m *member) bool {
		_, was := s.remove(g, m.value())
		return was
	}), nil
}

func (s *Server) readMembers(call *restCall) (*group, []*member, *problem) {
	g, trouble := s.groupByID(call.id)
	if trouble != nil {
		return nil, nil, missing()
	}
	var in restMembersBody
	if trouble := strictly(call.body, &in); trouble != nil {
		return nil, nil, trouble
	}
	if n := len(in.GroupMembers); n < 1 || n > maxPage {
		return nil, nil, invalid("groupMembers", "err_validation_size", "The list must hold 1 to 100 members")
	}
	members := make([]*member, 0, len(in.GroupMembers))
	for _, item := range in.GroupMembers {
		m, trouble := newMember(item.EmailAddress, item.Domain, item.Note, "note")
		if trouble != nil {
			return nil, nil, trouble
		}
		members = append(members, m)
	}
	return g, members, nil
}

// forEach answers one result per member, or nothing at all.
func (s *Server) forEach(members []*member, do func(*member) bool) any {
	results := make([]any, 0, len(members))
	for _, m := range members {
		results = append(results, map[string]bool{"success": do(m)})
	}
	if !s.quirks.BatchMemberResults {
		return nil
	}
	return map[string]any{"results": results}
}
