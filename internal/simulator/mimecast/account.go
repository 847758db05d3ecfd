package mimecast

// The calls that tell whether a tenant is reached and what it has paid for (contract section 9).

const accountCode = "CDEMO1A1"

// whoami is GET /identity/whoami. Any good token may ask.
func (s *Server) whoami(*restCall) (any, *problem) {
	return map[string]any{
		"version": "1.0", "type": "application",
		"account-codes": map[string]string{"cg": accountCode, "ci": "", "x1": "", "lead": accountCode},
		"home-account":  map[string]string{"code": accountCode, "name": "Acme Corporation"},
	}, nil
}

// getAccount is POST /api/account/get-account. The packages are named in the vendor's words; the number in brackets is
// what counts (contract section 1.4).
func (s *Server) getAccount(call *classicCall) (answer, *problem) {
	if trouble := call.noFields(); trouble != nil {
		return answer{}, trouble
	}
	return answer{data: []any{map[string]any{
		"accountCode": accountCode, "accountName": "Acme Corporation", "region": "us", "type": "full",
		"gateway": true, "archive": false, "maxRetention": 30, "userCount": 250, "domain": "",
		"passphrase": "never-log-this", "supportCode": "0000", "contactEmail": "postmaster@acme-corp-internal.com",
		"packages": s.packages,
	}}}, nil
}

func allPackages() []string {
	return []string{
		"BYO: Threat Intelligence [1089]", "Threat Remediation [1075]",
		"URL Protection (Site) [1043]", "Attachment Protection (Site) [1056]", "Impersonation Protection [1060]",
		"Internal Email Protect [1064]",
	}
}

// getSupportInfo is POST /api/account/get-support-info.
func (s *Server) getSupportInfo(call *classicCall) (answer, *problem) {
	if trouble := call.noFields(); trouble != nil {
		return answer{}, trouble
	}
	return answer{data: []any{map[string]any{
		"supportPackage": "Basic", "supportJurisdiction": "us", "hostingJurisdiction": "us",
		"mainProduct": "Cloud Gateway", "renewalDate": "2030-01-01T00:00:00+0000",
	}}}, nil
}

// noFields checks the object of a function that takes an empty one, or none.
func (c *classicCall) noFields() *problem {
	for _, object := range c.data {
		if trouble := strictly(object, &struct{}{}); trouble != nil {
			return trouble
		}
	}
	return nil
}
