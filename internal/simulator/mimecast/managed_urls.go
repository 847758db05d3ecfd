package mimecast

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// managedURLs is the tenant's list of blocked and permitted URLs (contract section 7).
type managedURLs struct {
	limit   int
	entries []*managedURL
	index   map[string]*managedURL
}

type managedURL struct {
	key                                string
	scheme, domain, path, query        string
	port                               int // -1: the scheme's own
	matchType, action, comment         string
	noLogClick, noRewrite, noAwareness bool
	created                            time.Time
}

type managedURLRequest struct {
	URL                  string `json:"url"`
	Action               string `json:"action"`
	MatchType            string `json:"matchType"`
	Comment              string `json:"comment"`
	DisableLogClick      bool   `json:"disableLogClick"`
	DisableRewrite       bool   `json:"disableRewrite"`
	DisableUserAwareness bool   `json:"disableUserAwareness"`
}

// createManagedURL is POST /api/ttp/url/create-managed-url. Its answer holds the parts of the URL, never the URL.
func (s *Server) createManagedURL(in managedURLRequest) (any, *problem) {
	if in.Action == "" {
		return nil, invalid("action", "err_validation_null", "This field cannot be null")
	}
	if trouble := firstOf(
		oneOf("action", in.Action, "block", "permit"), oneOf("matchType", in.MatchType, "explicit", "domain"),
	); trouble != nil {
		return nil, trouble
	}
	if in.MatchType == "" {
		in.MatchType = "explicit"
	}
	entry, ok := readManagedURL(in)
	if !ok {
		return nil, invalid("url", "err_managed_url_create_failure", "The URL is invalid")
	}
	if trouble := s.acceptable(entry.domain); trouble != nil {
		return nil, trouble
	}
	if _, known := s.urls.index[entry.identity()]; known {
		p := refused("err_managed_url_exists_code", "The managed URL already exists; to update it, delete and recreate")
		p.key = map[string]any{
			"url": in.URL, "matchType": in.MatchType, "action": in.Action, "comment": in.Comment, "overrideUrl": false,
			"disableUserAwareness": in.DisableUserAwareness, "disableRewrite": in.DisableRewrite,
			"disableLogClick": in.DisableLogClick,
		}
		return nil, p
	}
	if len(s.urls.entries) >= s.urls.limit {
		return nil, refused("err_managed_url_create_failure", "Quota not available to create the managed URL")
	}
	entry.key, entry.created = s.newKey("url"), s.opts.Now()
	s.urls.entries = append(s.urls.entries, entry)
	if s.urls.index == nil {
		s.urls.index = map[string]*managedURL{}
	}
	s.urls.index[entry.identity()] = entry
	s.wrote++
	return s.urlFields(entry, false), nil
}

func readManagedURL(in managedURLRequest) (*managedURL, bool) {
	at, err := url.Parse(in.URL)
	if err != nil || (at.Scheme != "http" && at.Scheme != "https") || at.Hostname() == "" || strings.Contains(in.URL, "#") {
		return nil, false
	}
	port := -1
	if text := at.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil {
			return nil, false
		}
	}
	return &managedURL{
		scheme: at.Scheme, domain: strings.ToLower(at.Hostname()), port: port, path: at.Path, query: at.RawQuery,
		matchType: in.MatchType, action: in.Action, comment: in.Comment,
		noLogClick: in.DisableLogClick, noRewrite: in.DisableRewrite, noAwareness: in.DisableUserAwareness,
	}, true
}

// identity is what makes two entries the same one, whatever their action.
func (u *managedURL) identity() string {
	if u.matchType == "domain" {
		return "domain " + u.domain
	}
	return u.address()
}

func (u *managedURL) address() string {
	host := u.domain
	if u.port >= 0 {
		host += ":" + strconv.Itoa(u.port)
	}
	at := url.URL{Scheme: u.scheme, Host: host, Path: u.path, RawQuery: u.query}
	return at.String()
}

func (s *Server) urlFields(u *managedURL, upperCase bool) map[string]any {
	matchType, action := u.matchType, u.action
	if upperCase {
		matchType, action = strings.ToUpper(matchType), strings.ToUpper(action)
	}
	return map[string]any{
		"id": s.publicID(u.key), "scheme": u.scheme, "domain": u.domain, "port": u.port, "path": u.path,
		"queryString": u.query, "matchType": matchType, "action": action, "comment": u.comment,
		"disableUserAwareness": u.noAwareness, "disableRewrite": u.noRewrite, "disableLogClick": u.noLogClick,
	}
}

type listURLsRequest struct {
	DomainOrURL     string `json:"domainOrUrl"`
	DomainOrComment string `json:"domainOrComment"`
	ExactMatch      bool   `json:"exactMatch"`
	FilterBy        []struct {
		FieldName string `json:"fieldName"`
		Value     string `json:"value"`
	} `json:"filterBy"`
	SortByURL bool   `json:"sortByUrl"`
	SortOrder string `json:"sortOrder"`
}

// getAllManagedURLs is POST /api/ttp/url/get-all-managed-urls. Everything is listed without data; an empty filter is
// refused.
func (s *Server) getAllManagedURLs(call *classicCall) (answer, *problem) {
	list := listedOf(s, s.urls.entries, func(u *managedURL) time.Time { return u.created })
	if len(call.data) > 0 {
		var in listURLsRequest
		if trouble := strictly(call.data[0], &in); trouble != nil {
			return answer{}, trouble
		}
		if string(call.data[0]) == "{}" {
			return answer{}, invalid("data", "err_validation_null", "An empty filter is not allowed")
		}
		action, trouble := in.action()
		if trouble != nil {
			return answer{}, trouble
		}
		list = slices.DeleteFunc(slices.Clone(list), func(u *managedURL) bool {
			return (action != "" && u.action != action) || !in.wants(u)
		})
		if in.SortByURL {
			slices.SortStableFunc(list, func(a, b *managedURL) int { return strings.Compare(a.address(), b.address()) })
		}
		if strings.EqualFold(in.SortOrder, "desc") {
			slices.Reverse(list)
		}
	}
	entries, page, trouble := pageOf(s, call.paging, list)
	if trouble != nil {
		return answer{}, trouble
	}
	result := answer{page: page}
	for i, u := range entries {
		result.data = append(result.data, s.urlFields(u, s.quirks.UpperCaseEnums && i%2 == 1))
	}
	return result, nil
}

func (in listURLsRequest) action() (string, *problem) {
	action := ""
	for _, filter := range in.FilterBy {
		if filter.FieldName != "overridetype" {
			return "", invalid("filterBy", "err_validation_enum", "The field name must be overridetype")
		}
		if trouble := oneOf("filterBy", filter.Value, "all", "permitted", "blocked"); trouble != nil {
			return "", trouble
		}
		action = map[string]string{"permitted": "permit", "blocked": "block"}[filter.Value]
	}
	return action, oneOf("sortOrder", strings.ToLower(in.SortOrder), "asc", "desc")
}

func (in listURLsRequest) wants(u *managedURL) bool {
	byURL := in.DomainOrURL == "" || u.domain == in.DomainOrURL || u.address() == in.DomainOrURL ||
		(!in.ExactMatch && strings.Contains(u.address(), in.DomainOrURL))
	byComment := in.DomainOrComment == "" || strings.Contains(u.domain, in.DomainOrComment) ||
		strings.Contains(u.comment, in.DomainOrComment)
	return byURL && byComment
}

// deleteManagedURL is POST /api/ttp/url/delete-managed-url. It says that it did so, or nothing, in turns.
func (s *Server) deleteManagedURL(in idRequest) (any, *problem) {
	key := s.keyOf(in.ID)
	i := slices.IndexFunc(s.urls.entries, func(u *managedURL) bool { return u.key == key })
	if i < 0 {
		p := refused("err_managed_url_not_found", "The managed URL does not exist")
		p.keyless = s.everyNth(2)
		return nil, p
	}
	delete(s.urls.index, s.urls.entries[i].identity())
	s.urls.entries = slices.Delete(s.urls.entries, i, i+1)
	s.wrote++
	if s.everyNth(2) {
		return nil, nil
	}
	return map[string]any{"id": in.ID, "success": true}, nil
}
