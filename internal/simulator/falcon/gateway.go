package falcon

import (
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of the gateway.
const (
	maxTarget = 64 << 10
	maxBody   = 16 << 20
)

// route is one call of the API and what the gateway asks for before it lets a request through.
type route struct {
	scope   string // none for the token calls, which also take forms and not JSON
	params  []string
	handler func(*call) answer
}

func (s *Server) vendorRoutes() map[string]map[string]route {
	search := []string{"filter", "sort", "limit", "offset", "after", "from_parent"}
	routes := map[string]map[string]route{
		"/oauth2/token":  {http.MethodPost: {handler: s.issueToken}},
		"/oauth2/revoke": {http.MethodPost: {handler: s.revokeToken}},
		"/iocs/entities/indicators/v1": {
			http.MethodPost:   {scopeIOCWrite, []string{"retrodetects", "ignore_warnings"}, s.createIOCs},
			http.MethodPatch:  {scopeIOCWrite, []string{"retrodetects", "ignore_warnings"}, s.updateIOCs},
			http.MethodGet:    {scopeIOCRead, []string{"ids"}, s.readIOCs},
			http.MethodDelete: {scopeIOCWrite, []string{"filter", "ids", "comment", "from_parent"}, s.deleteIOCs},
		},
		"/iocs/queries/indicators/v1": {http.MethodGet: {scopeIOCRead, search, s.queryIOCs}},
		"/iocs/combined/indicator/v1": {http.MethodGet: {scopeIOCRead, search, s.combinedIOCs}},
		"/iocs/entities/actions/v1":   {http.MethodGet: {scopeIOCRead, []string{"ids"}, s.readActions}},
		"/alerts/combined/alerts/v1":  {http.MethodPost: {scopeAlertsRead, nil, s.combinedAlerts}},
		"/alerts/entities/alerts/v2":  {http.MethodPost: {scopeAlertsRead, []string{"include_hidden"}, s.readAlerts}},
		"/alerts/queries/alerts/v2": {http.MethodGet: {
			scopeAlertsRead, []string{"filter", "q", "sort", "limit", "offset", "include_hidden"}, s.queryAlerts,
		}},
	}
	for name, values := range map[string]func() []string{
		"ioc-types": iocTypes, "actions": actions, "severities": severities,
		"platforms": func() []string { return s.modes.get().platforms() },
	} {
		handler := func(c *call) answer { return s.allowedValues(c, values()) }
		routes["/iocs/queries/"+name+"/v1"] = map[string]route{
			http.MethodGet: {scopeIOCRead, []string{"limit", "offset"}, handler},
		}
	}
	return routes
}

// answer takes the request through the gateway's checks to its handler.
func (s *Server) answer(c *call) answer {
	modes := s.modes.get()
	remaining, wait := s.access.take(c.now, modes.RateLimit)
	var a answer
	if wait.IsZero() {
		a = s.pass(c)
	} else {
		a = refuse(http.StatusTooManyRequests, gateway, "Too Many Requests")
		a.retry = retryAfter(wait, modes.RetryAfterMs)
	}
	a.limit, a.remaining = modes.rateLimit(), remaining
	return a
}

func (s *Server) pass(c *call) answer {
	if n := len(c.r.URL.RequestURI()); n > maxTarget {
		return c.wrong(http.StatusRequestURITooLong, gateway, "414: URI Too Long", "request target of %d bytes", n)
	}
	methods, known := s.routes[c.r.URL.Path]
	if !known {
		return c.wrong(http.StatusNotFound, gateway, "404: Page Not Found", "unknown path")
	}
	route, known := methods[c.r.Method]
	if !known {
		return c.wrong(http.StatusMethodNotAllowed, gateway, "405: Method Not Allowed", "method not known on this path")
	}
	if route.scope != "" {
		if refused, ok := s.authorise(c, route.scope); !ok {
			return refused
		}
	}
	if refused, ok := c.read(route); !ok {
		return refused
	}
	return route.handler(c)
}

// authorise wants a living token and the scope. The vendor answers a dead token and a missing one differently.
func (s *Server) authorise(c *call, scope string) (answer, bool) {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		message := fmt.Sprintf("Unauthorized: Please provide trace-id='%s' to support", c.trace)
		return c.wrong(http.StatusUnauthorized, gateway, message, "no bearer token"), false
	}
	client, granted, alive := s.access.check(token, scope, c.now)
	if !alive {
		if !strings.HasPrefix(token, tokenPrefix) {
			c.violate("a bearer token that Falcon never gave out")
		}
		return refuse(http.StatusUnauthorized, gateway, "access denied, invalid bearer token"), false
	}
	if !granted {
		return refuse(http.StatusForbidden, gateway, "access denied, scope not permitted"), false
	}
	c.client = client
	return answer{}, true
}

// read takes query and body in and checks what is the same for all calls.
func (c *call) read(route route) (answer, bool) {
	var err error
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return c.wrong(http.StatusBadRequest, gateway, "400: Bad Request", "unreadable query"), false
	}
	if name, found := c.unexpected(route.params); found {
		return c.wrong(http.StatusBadRequest, gateway, "400: Bad Request", "unknown or repeated parameter %.40q", name), false
	}
	if c.r.Method != http.MethodPost && c.r.Method != http.MethodPatch {
		return answer{}, true
	}
	want := "application/json"
	if route.scope == "" {
		want = "application/x-www-form-urlencoded"
	}
	if media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || media != want {
		return c.wrong(http.StatusUnsupportedMediaType, gateway, "415: Unsupported Media Type", "content type is not %s", want), false
	}
	c.body, err = io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return refuse(http.StatusBadRequest, gateway, "400: Bad Request"), false
	}
	if len(c.body) > maxBody {
		return c.wrong(http.StatusRequestEntityTooLarge, gateway, tooLarge, "body over 16 MiB"), false
	}
	return answer{}, true
}

// retryAfter is the epoch of the next call that will pass, never earlier than it.
func retryAfter(at time.Time, ms bool) string {
	nanos, unit := float64(at.UnixNano()), float64(time.Second)
	if ms {
		unit = float64(time.Millisecond)
	}
	return strconv.FormatInt(int64(math.Ceil(nanos/unit)), 10)
}
