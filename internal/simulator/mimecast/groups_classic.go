package mimecast

import "slices"

// The classic functions on groups (contract section 5.1).

type findGroupsRequest struct {
	Query  string `json:"query"`
	Source string `json:"source"`
}

func (s *Server) findGroups(call *classicCall, in findGroupsRequest) (answer, *problem) {
	if trouble := oneOf("source", in.Source, "cloud", "ldap"); trouble != nil {
		return answer{}, trouble
	}
	groups, page, trouble := pageOf(s, call.paging, s.findByName(in.Query, in.Source))
	if trouble != nil {
		return answer{}, trouble
	}
	folders := make([]any, 0, len(groups))
	for _, g := range groups {
		folders = append(folders, s.groupFields(g, "folderCount"))
	}
	return answer{page: page, data: []any{map[string]any{
		"source": in.Source, "query": in.Query, "folders": folders,
	}}}, nil
}

type groupRequest struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	ParentID    string `json:"parentId"`
}

type createGroupRequest struct {
	Description string `json:"description"`
	ParentID    string `json:"parentId"`
}

func (s *Server) createGroup(in createGroupRequest) (any, *problem) {
	g, trouble := s.newGroup(in.Description, in.ParentID)
	if trouble != nil {
		return nil, trouble
	}
	return s.groupFields(g, "folderCount"), nil
}

func (s *Server) updateGroup(in groupRequest) (any, *problem) {
	g, trouble := s.groupByID(in.ID)
	if trouble != nil {
		return nil, trouble
	}
	if in.ParentID != "" {
		parent, trouble := s.groupByID(in.ParentID)
		if trouble != nil {
			return nil, trouble
		}
		g.parent = parent.key
	}
	if in.Description != "" {
		g.name = in.Description
	}
	s.wrote++
	return s.groupFields(g, "folderCount"), nil
}

// deleteGroup removes a group that is empty.
func (s *Server) deleteGroup(in idRequest) (any, *problem) {
	g, trouble := s.groupByID(in.ID)
	if trouble != nil {
		return nil, trouble
	}
	if len(g.order) > 0 || s.children(g) > 0 || g.parent == "" {
		return nil, refused("err_folder_not_empty", "The group is not empty")
	}
	s.groups = slices.DeleteFunc(s.groups, func(other *group) bool { return other == g })
	s.wrote++
	return nil, nil
}

type memberRequest struct {
	ID           string `json:"id"`
	EmailAddress string `json:"emailAddress"`
	Domain       string `json:"domain"`
	Notes        string `json:"notes"`
}

func (s *Server) addGroupMember(in memberRequest) (any, *problem) {
	g, trouble := s.groupByID(in.ID)
	if trouble != nil {
		return nil, trouble
	}
	m, trouble := newMember(in.EmailAddress, in.Domain, in.Notes, "notes")
	if trouble == nil {
		trouble = s.acceptable(in.Domain)
	}
	if trouble != nil {
		return nil, trouble
	}
	if !s.add(g, m) {
		return nil, refused("err_folder_group_member_already_exists", "The group member already exists")
	}
	return s.membership(g, m), nil
}

type removeMemberRequest struct {
	ID           string `json:"id"`
	EmailAddress string `json:"emailAddress"`
	Domain       string `json:"domain"`
}

func (s *Server) removeGroupMember(in removeMemberRequest) (any, *problem) {
	g, trouble := s.groupByID(in.ID)
	if trouble != nil {
		return nil, trouble
	}
	named, trouble := newMember(in.EmailAddress, in.Domain, "", "")
	if trouble != nil {
		return nil, trouble
	}
	m, was := s.remove(g, named.value())
	if !was {
		return nil, refused("err_folder_email_address_not_found", "Error email address not found")
	}
	return s.membership(g, m), nil
}

func (s *Server) membership(g *group, m *member) map[string]any {
	fields := map[string]any{"id": s.publicID(m.key), "folderId": s.publicID(g.key), "internal": s.internal(m.domain)}
	if m.address != "" {
		fields["emailAddress"] = m.address
	} else {
		fields["domain"] = m.domain
	}
	return fields
}

func (s *Server) getGroupMembers(call *classicCall, in idRequest) (answer, *problem) {
	g, trouble := s.groupByID(in.ID)
	if trouble != nil {
		return answer{}, trouble
	}
	members, page, trouble := pageOf(s, call.paging, s.membersOf(g))
	if trouble != nil {
		return answer{}, trouble
	}
	list := make([]any, 0, len(members))
	for _, m := range members {
		list = append(list, s.memberFields(m, m.address))
	}
	return answer{page: page, data: []any{map[string]any{"groupMembers": list}}}, nil
}

// memberFields is a member as lists show it. A domain member's emailAddress differs between the styles; an address
// member's domain is set too, so the domain alone does not tell them apart.
func (s *Server) memberFields(m *member, emailAddress string) map[string]any {
	fields := map[string]any{
		"domain": m.domain, "name": "", "internal": s.internal(m.domain), "type": "created_manually",
	}
	if emailAddress != "" {
		fields["emailAddress"] = emailAddress
	}
	return fields
}
