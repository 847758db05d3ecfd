// Package mimecast simulates Mimecast's API 2.0 for Cloud Gateway tenants as a vendor would answer it: strict about what is
// asked, stateful about what is written, and with the quirks that real clients have met. It is written from the API's
// contract alone and shares no code with any client. Faults of networks and gateways are the fault package's business;
// generated traffic is the seed package's.
package mimecast

import (
	"net/http"
	"sync"
	"time"
)

// Options are how a Server behaves. The zero value is a working vendor with empty logs whose credentials are "demo" and
// "demo-secret".
type Options struct {
	Now     func() time.Time              // time.Now if nil
	Violate func(operation, text string)  // called for every request that breaks the contract
	Wrote   func(operation string, n int) // called with the number of records that a call made, changed or removed
	Seed    uint64                        // tokens and ids are the same for the same seed and calls

	ClientID, ClientSecret string
	TokenLife              time.Duration // how long an access token is good; 1799 s if 0
	RemediationTime        time.Duration // how long an incident takes to its end; 30 s if 0
	Quirks                 *Quirks       // DefaultQuirks if nil
}

// Quirks are behaviours that some tenants show and others do not, or of which only one client's author knows.
type Quirks struct {
	EmptyLastPage       []Log `json:"emptyLastPage"`       // logs whose last page names a next one that is empty, and names one again
	MetaStatus          bool  `json:"metaStatus"`          // refusals come with HTTP 200 and their status in meta.status only
	ChangingIDs         bool  `json:"changingIds"`         // policies and managed URLs show another id at every read
	UpperCaseEnums      bool  `json:"upperCaseEnums"`      // every second managed URL is listed with upper-case enum values
	ClassicPolicyWrites bool  `json:"classicPolicyWrites"` // the classic update-policy and delete-policy exist
	DefinitionsKey      bool  `json:"definitionsKey"`      // REST lists policies under "definitions", as documented, not "policies"
	BatchMemberResults  bool  `json:"batchMemberResults"`  // REST member calls answer one result per member, not nothing
	LagMS               int   `json:"lagMs"`               // how long lists do not show what was made; calls by id do, and so do refusals of a second one
}

// DefaultQuirks are the ones that a client has to live with from the start.
func DefaultQuirks() Quirks {
	return Quirks{EmptyLastPage: []Log{Attachment}, UpperCaseEnums: true, BatchMemberResults: true}
}

// Limits of an account. The vendor publishes neither number; both depend on the package.
const (
	defaultHashQuota  = 100_000
	defaultURLLimit   = 50_000
	defaultTokenLife  = 1799 * time.Second
	defaultRemedyTime = 30 * time.Second
)

// Server is the simulated vendor. It is safe for concurrent use.
type Server struct {
	opts Options
	mux  *http.ServeMux

	mu       sync.Mutex // guards everything below; held while a function runs, not while its answer is sent
	quirks   Quirks
	secrets  credentials
	tokens   map[string]time.Time // access token to its end
	denied   []string             // path prefixes that answer 403, of one method if that stands before it
	packages []string             // that the account has paid for
	wrote    int                  // records made, changed or removed by the function that runs
	counter  uint64               // makes ids, tokens and page tokens differ
	turns    map[uint64]uint64    // how often something with several known forms was answered
	logs     map[Log]*log
	domains  []internalDomain
	refused  map[string]bool // domains that are refused wherever one could be blocked
	byoti    byoti
	groups   []*group
	policies []*policy
	urls     managedURLs
	tracked  []Message
	cases    []*incident
	mails    []SentMail
}

// New returns a Server with the groups and the policy of a fresh tenant.
func New(opts Options) *Server {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Violate == nil {
		opts.Violate = func(string, string) {}
	}
	if opts.Wrote == nil {
		opts.Wrote = func(string, int) {}
	}
	if opts.ClientID == "" {
		opts.ClientID, opts.ClientSecret = "demo", "demo-secret"
	}
	if opts.TokenLife == 0 {
		opts.TokenLife = defaultTokenLife
	}
	if opts.RemediationTime == 0 {
		opts.RemediationTime = defaultRemedyTime
	}
	s := &Server{
		opts:    opts,
		quirks:  DefaultQuirks(),
		secrets: credentials{ClientID: opts.ClientID, ClientSecret: opts.ClientSecret},
		tokens:  map[string]time.Time{}, packages: allPackages(),
		turns: map[uint64]uint64{},
		logs:  map[Log]*log{Attachment: {}, Impersonation: {}, URL: {}},
		byoti: byoti{quota: defaultHashQuota, hashes: map[string]string{}, refused: map[string]bool{}},
		urls:  managedURLs{limit: defaultURLLimit},
	}
	if opts.Quirks != nil {
		s.quirks = *opts.Quirks
	}
	s.freshTenant()
	s.mux = s.routes()
	return s
}

// freshTenant makes the group and the policy that every account starts with (contract section 5).
func (s *Server) freshTenant() {
	root := s.makeGroup("Root", "")
	blocked := s.makeGroup("Blocked Senders", root.key)
	s.policies = append(s.policies, &policy{
		key: s.newKey("policy"), Option: "block_sender", Description: "Blocked Senders Policy", FromPart: "both",
		From: part{Type: "profile_group", GroupID: blocked.key}, To: part{Type: "internal_addresses"},
		Enabled: true, FromEternal: true, ToEternal: true, created: s.opts.Now(), updated: s.opts.Now(),
	})
}

// routes lists every function that exists.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", s.serveToken)
	for path, f := range classicFunctions() {
		mux.Handle("POST "+path, s.classic(f))
	}
	for pattern, f := range restFunctions() {
		mux.Handle(pattern, s.rest(f))
	}
	return mux
}

func classicFunctions() map[string]classicFunction {
	const ttp, byo, directory, senders = "/api/ttp/", "/api/byo-threat-intelligence/", "/api/directory/", "/api/policy/blockedsenders/"
	return map[string]classicFunction{
		ttp + "attachment/get-logs":    {min: 1, max: 1, run: one((*Server).attachmentLogs)},
		ttp + "impersonation/get-logs": {min: 1, max: 1, run: one((*Server).impersonationLogs)},
		ttp + "url/get-logs":           {min: 1, max: 1, run: one((*Server).urlLogs)},
		ttp + "url/decode-url":         {min: 1, max: 25, run: each((*Server).decodeURL)},

		"/api/domain/get-internal-domain": {run: (*Server).getInternalDomain},
		"/api/account/get-account":        {max: 1, run: (*Server).getAccount},
		"/api/account/get-support-info":   {max: 1, run: (*Server).getSupportInfo},

		byo + "create-batch": {min: 1, max: 1, run: one((*Server).createBatch)},
		byo + "get-batches":  {max: 1, run: (*Server).getBatches},
		byo + "delete-batch": {min: 1, max: 1, run: each((*Server).deleteBatch)},
		byo + "get-quota":    {bodyless: true, run: (*Server).getQuota},

		directory + "find-groups":         {min: 1, max: 1, run: one((*Server).findGroups)},
		directory + "create-group":        {min: 1, max: 10, run: each((*Server).createGroup)},
		directory + "add-group-member":    {min: 1, max: 10, run: each((*Server).addGroupMember)},
		directory + "get-group-members":   {min: 1, max: 1, run: one((*Server).getGroupMembers)},
		directory + "remove-group-member": {min: 1, max: 10, run: each((*Server).removeGroupMember)},
		directory + "update-group":        {min: 1, max: 10, run: each((*Server).updateGroup)},
		directory + "delete-group":        {min: 1, max: 10, silent: true, run: each((*Server).deleteGroup)},

		senders + "create-policy": {min: 1, max: 1, run: each((*Server).createPolicy)},
		senders + "get-policy":    {max: 500, run: (*Server).getPolicy},
		senders + "update-policy": {min: 1, max: 1, run: each((*Server).updatePolicy)},
		senders + "delete-policy": {min: 1, max: 1, run: each((*Server).deletePolicy)},

		ttp + "url/create-managed-url":   {min: 1, max: 20, run: each((*Server).createManagedURL)},
		ttp + "url/get-all-managed-urls": {max: 1, run: (*Server).getAllManagedURLs},
		ttp + "url/delete-managed-url":   {min: 1, max: 20, run: each((*Server).deleteManagedURL)},

		"/api/message-finder/search":           {min: 1, max: 1, run: one((*Server).searchMessages)},
		"/api/message-finder/get-message-info": {min: 1, max: 1, run: each((*Server).messageInfo)},

		ttp + "remediation/create":         {min: 1, max: 1, run: each((*Server).createIncident)},
		ttp + "remediation/v2/create":      {min: 1, max: 1, run: each((*Server).createIncidentV2)},
		ttp + "remediation/get-incident":   {min: 1, max: 25, run: each((*Server).getIncident)},
		ttp + "remediation/find-incidents": {min: 1, max: 1, run: one((*Server).findIncidents)},
		ttp + "remediation/search-hash":    {min: 1, max: 1, run: each((*Server).searchHash)},

		"/api/email/send-email": {min: 1, max: 500, run: each((*Server).sendEmail)},
	}
}

func restFunctions() map[string]restFunction {
	const (
		groups   = "/directory/cloud-gateway/v1/groups"
		policies = "/policy-management/cloud-gateway/v1/blocked-senders/policies"
	)
	paged := []string{"pageSize", "pageToken"}
	return map[string]restFunction{
		"GET /identity/whoami":                          {run: (*Server).whoami},
		"GET /domain/cloud-gateway/v1/internal-domains": {query: paged, run: (*Server).restInternalDomains},
		"GET " + groups:                                 {query: append([]string{"query", "source"}, paged...), run: (*Server).restFindGroups},
		"POST " + groups:                                {body: true, run: (*Server).restCreateGroup},
		"GET " + groups + "/{id}":                       {run: (*Server).restGetGroup},
		"GET " + groups + "/{id}/members":               {query: paged, run: (*Server).restMembers},
		"POST " + groups + "/{id}/members":              {body: true, run: (*Server).restAddMembers},
		"POST " + groups + "/{id}/remove-members":       {body: true, run: (*Server).restRemoveMembers},
		"GET " + policies:                               {query: paged, run: (*Server).restPolicies},
		"POST " + policies:                              {body: true, run: (*Server).restCreatePolicy},
		"GET " + policies + "/{id}":                     {run: (*Server).restGetPolicy},
		"PATCH " + policies + "/{id}":                   {body: true, run: (*Server).restUpdatePolicy},
		"DELETE " + policies + "/{id}":                  {run: (*Server).restDeletePolicy},
	}
}

// report tells what the function that just ran has written.
func (s *Server) report(r *http.Request) {
	if s.wrote > 0 {
		s.opts.Wrote(r.Method+" "+r.URL.Path, s.wrote)
	}
	s.wrote = 0
}

// everyNth is true once in n times: some answers have several known forms, and a client has to take all of them.
func (s *Server) everyNth(n uint64) bool {
	s.turns[n]++
	return s.turns[n]%n == 0
}
