package falcon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// The layer that answered, as meta.powered_by tells.
const (
	gateway    = "crowdstrike-api-gateway"
	csam       = "csam"
	iocManager = "ioc-manager"
	detectsAPI = "detectsapi"
)

// Messages that the service is known to use.
const (
	badFormat     = "Provided data does not match expected format"
	badEntries    = "One or more indicators have a warning or invalid input"
	quotaReached  = "Limit of 1 million indicators reached."
	badFilter     = "invalid query filter in request"
	badAlertsBody = "failed to read and parse request"
	tooLarge      = "request too large"
	notFound      = "Resource Not Found"
)

// call is one request on its way through the layers.
type call struct {
	r         *http.Request
	now       time.Time
	started   time.Time
	operation string
	trace     string
	query     url.Values
	body      []byte
	client    string // the API client behind the bearer token

	violations []string
	wrote      int // records created, updated or deleted
}

// answer is what a layer says; write makes the response of it.
type answer struct {
	status    int
	layer     string
	errors    []apiError
	resources any // left out of the body when nil
	page      *pagination
	plain     any // a body without envelope, for the token

	limit     int // rate limit headers
	remaining int
	retry     string
}

type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	ID      string `json:"id,omitempty"`
}

type envelope struct {
	Meta      meta       `json:"meta"`
	Errors    []apiError `json:"errors"` // null when there are none
	Resources any        `json:"resources,omitempty"`
}

type meta struct {
	QueryTime  float64     `json:"query_time"`
	Pagination *pagination `json:"pagination,omitempty"`
	Writes     *writes     `json:"writes,omitempty"`
	PoweredBy  string      `json:"powered_by"`
	TraceID    string      `json:"trace_id"`
}

type writes struct {
	Affected int `json:"resources_affected"`
}

type pagination struct {
	Limit  int     `json:"limit"`
	Total  int     `json:"total"`
	Offset *int    `json:"offset,omitempty"`
	After  *string `json:"after,omitempty"`
}

func refuse(status int, layer, message string) answer {
	return answer{status: status, layer: layer, errors: []apiError{{Code: status, Message: message}}}
}

// violate counts what a correct client would not have sent.
func (c *call) violate(text string) { c.violations = append(c.violations, text) }

// wrong refuses what a correct client would not have sent; why is for the person who reads the violations.
func (c *call) wrong(status int, layer, message, why string, args ...any) answer {
	c.violate(fmt.Sprintf(why, args...))
	return refuse(status, layer, message)
}

func found(resources any, page *pagination) answer {
	return answer{status: http.StatusOK, layer: iocManager, resources: resources, page: page}
}

func (s *Server) write(w http.ResponseWriter, c *call, a answer) {
	body := a.plain
	if body == nil {
		m := meta{QueryTime: time.Since(c.started).Seconds(), Pagination: a.page, PoweredBy: a.layer, TraceID: c.trace}
		if a.layer == detectsAPI && a.status != http.StatusOK {
			m.Writes = &writes{}
		}
		body = envelope{Meta: m, Errors: a.errors, Resources: a.resources}
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	h.Set("X-Cs-Region", s.opt.Region)
	h.Set("X-Cs-Traceid", c.trace)
	h.Set("X-Ratelimit-Limit", strconv.Itoa(a.limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(a.remaining))
	if a.retry != "" {
		h.Set("X-Ratelimit-Retryafter", a.retry)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(out.Bytes()) // a caller that hung up does not want it
}

// flag reads a boolean parameter, which is true or false in exactly this spelling.
func (c *call) flag(name string) (set, ok bool) {
	switch c.query.Get(name) {
	case "true":
		return true, true
	case "false":
		return false, true
	default:
		return false, !c.query.Has(name)
	}
}

// number reads a parameter that is a plain whole number.
func (c *call) number(name string, otherwise int) (int, bool) {
	if !c.query.Has(name) {
		return otherwise, true
	}
	n, err := strconv.ParseUint(c.query.Get(name), 10, 31)
	return int(n), err == nil
}

// unexpected names a parameter that the call does not have, or has twice.
func (c *call) unexpected(known []string) (string, bool) {
	for name, values := range c.query {
		if !slices.Contains(known, name) || len(values) > 1 && !repeatable(name) {
			return name, true
		}
	}
	return "", false
}

func repeatable(parameter string) bool { return parameter == "ids" }
