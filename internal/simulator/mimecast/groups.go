package mimecast

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// group is a profile group, a folder in the vendor's words. Classic and REST functions work on the same groups.
type group struct {
	key, name, parent string // parent is a key, "" for the root
	source            string // cloud or ldap
	created           time.Time
	order             []*member
	index             map[string]*member // by address or domain, lower case
}

// member is an address, or a domain if address is empty.
type member struct {
	key, address, domain, note string
	created                    time.Time
}

func (m *member) value() string {
	if m.address != "" {
		return m.address
	}
	return m.domain
}

const maxNote = 100

var (
	domainForm  = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)
	addressForm = regexp.MustCompile(`^[^@\s<>"]+@([a-z0-9_-]+\.)+[a-z0-9-]{2,63}$`)
)

func (s *Server) makeGroup(name, parent string) *group {
	made := &group{key: s.newKey("group"), name: name, parent: parent, source: "cloud", created: s.opts.Now(), index: map[string]*member{}}
	s.groups = append(s.groups, made)
	return made
}

// newGroup makes a group for a caller. Names are not unique (contract section 5).
func (s *Server) newGroup(name, parentID string) (*group, *problem) {
	if strings.TrimSpace(name) == "" {
		return nil, invalid("description", "err_validation_blank", "This field, if present, cannot be blank or empty")
	}
	parent := s.groups[0]
	if parentID != "" {
		found, trouble := s.groupByID(parentID)
		if trouble != nil {
			return nil, trouble
		}
		parent = found
	}
	s.wrote++
	return s.makeGroup(name, parent.key), nil
}

func (s *Server) groupByID(id string) (*group, *problem) {
	key := s.keyOf(id)
	for _, g := range s.groups {
		if g.key == key {
			return g, nil
		}
	}
	return nil, refused("err_folder_not_found", "The group does not exist")
}

// findByName lists the groups with query in their name.
func (s *Server) findByName(query, source string) []*group {
	return slices.DeleteFunc(slices.Clone(s.groups), func(g *group) bool {
		return g.parent == "" || !s.listed(g.created) || (source != "" && g.source != source) ||
			!strings.Contains(strings.ToLower(g.name), strings.ToLower(query))
	})
}

func (s *Server) children(g *group) int {
	n := 0
	for _, other := range s.groups {
		if other.parent == g.key {
			n++
		}
	}
	return n
}

// groupFields is a group as both styles show it. Only the name of the count of child groups differs.
func (s *Server) groupFields(g *group, countKey string) map[string]any {
	fields := map[string]any{
		"id": s.publicID(g.key), "description": g.name, "source": g.source,
		"userCount": len(g.order), countKey: s.children(g),
	}
	if g.parent != "" {
		fields["parentId"] = s.publicID(g.parent)
	}
	return fields
}

// newMember checks what a caller names as a member: an address or a domain, not both.
func newMember(address, domain, note, noteField string) (*member, *problem) {
	m := &member{address: strings.ToLower(address), domain: strings.ToLower(domain), note: note}
	switch {
	case (address == "") == (domain == ""):
		return nil, invalid("domain", "err_validation_null", "Either emailAddress or domain is needed, and not both")
	case domain != "" && !domainForm.MatchString(m.domain):
		return nil, invalid("domain", "err_validation_invalid_domain", "The domain is not valid")
	case address != "" && !addressForm.MatchString(m.address):
		return nil, invalid("emailAddress", "err_validation_invalid_email_address", "The address is not valid")
	case utf8.RuneCountInString(note) > maxNote:
		return nil, invalid(noteField, "err_validation_length", "The note has more than 100 characters")
	}
	if address != "" {
		_, m.domain, _ = strings.Cut(m.address, "@")
	}
	return m, nil
}

// acceptable refuses a domain that the account is told to refuse.
func (s *Server) acceptable(domain string) *problem {
	if s.refused[strings.ToLower(domain)] {
		return refused("err_domain_rejected", "The domain is not accepted")
	}
	return nil
}

// add makes m a member and says whether it was not one before.
func (s *Server) add(g *group, m *member) bool {
	if _, known := g.index[m.value()]; known {
		return false
	}
	m.key, m.created = s.newKey("member"), s.opts.Now()
	g.order = append(g.order, m)
	g.index[m.value()] = m
	s.wrote++
	return true
}

// remove ends a membership and says whether there was one.
func (s *Server) remove(g *group, value string) (*member, bool) {
	m, known := g.index[value]
	if !known {
		return nil, false
	}
	delete(g.index, value)
	g.order = slices.DeleteFunc(g.order, func(other *member) bool { return other == m })
	s.wrote++
	return m, true
}

func (s *Server) internal(domain string) bool {
	return slices.ContainsFunc(s.domains, func(d internalDomain) bool { return d.Domain == domain })
}
