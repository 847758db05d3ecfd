package mimecast

import (
	"slices"
	"time"
)

// listed says whether lists show what was made at a time.
func (s *Server) listed(made time.Time) bool {
	return s.opts.Now().Sub(made) >= time.Duration(s.quirks.LagMS)*time.Millisecond
}

// listedOf gives those of all that lists show.
func listedOf[T any](s *Server, all []T, made func(T) time.Time) []T {
	return slices.DeleteFunc(slices.Clone(all), func(one T) bool { return !s.listed(made(one)) })
}

func (s *Server) membersOf(g *group) []*member {
	return listedOf(s, g.order, func(m *member) time.Time { return m.created })
}

func (s *Server) listedPolicies() []*policy {
	return listedOf(s, s.policies, func(p *policy) time.Time { return p.created })
}
