package mimecast

// internalDomain is a domain of the tenant's own (contract section 3.5).
type internalDomain struct {
	ID          string `json:"id"`
	Domain      string `json:"domain"`
	SendOnly    bool   `json:"sendOnly"`
	Local       bool   `json:"local"`
	InboundType string `json:"inboundType"`
}

// SetInternalDomains replaces the tenant's own domains.
func (s *Server) SetInternalDomains(domains []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domains = nil
	for _, domain := range domains {
		s.domains = append(s.domains, internalDomain{
			ID: s.publicID(s.newKey("domain")), Domain: domain, InboundType: "known",
		})
	}
}

// getInternalDomain is POST /api/domain/get-internal-domain. It lists all of them unless a page is asked for.
func (s *Server) getInternalDomain(call *classicCall) (answer, *problem) {
	domains, page, trouble := wholeOrPage(s, call.paging, s.domains)
	return answer{page: page, data: anyOf(domains)}, trouble
}

// restInternalDomains is GET /domain/cloud-gateway/v1/internal-domains.
func (s *Server) restInternalDomains(call *restCall) (any, *problem) {
	domains, page, trouble := pageOf(s, call.paging, s.domains)
	if trouble != nil {
		return nil, trouble
	}
	return restList("domains", domains, page), nil
}

func anyOf[T any](items []T) []any {
	list := make([]any, 0, len(items))
	for _, item := range items {
		list = append(list, item)
	}
	return list
}
