// Package vendorapi is what both vendors' clients share: one request and its bounded answer, one error type, one token for
// all callers, the waits that a vendor asks for, the pace at which the end of a rate limit is approached, and the rest while a
// vendor gives no answer. It knows neither vendor. It makes one attempt: repeating is Temporal's. (net/http repeats a read,
// never a write, whose kept-alive connection breaks before the answer.) It never sits a wait out, but says in an error how long
// it is; only the gap between two calls near the end of a limit, a second at most, is waited for here.
package vendorapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxBody = 16 << 20 // no answer of either vendor comes near it

// Dialect is what differs between the vendors in reading an answer.
type Dialect struct {
	Vendor string
	// Refusal reads an answer that is not a success, or that only looks like one. It returns nil for a success. Only Class,
	// Code, Message, Remedy, TraceID and Items of the error are its to set.
	Refusal func(status int, header http.Header, body []byte) *Error
	// Wait reads how long the vendor asks to wait, zero if it does not say; called for throttled answers.
	Wait func(header http.Header, now time.Time) time.Duration
	// Pace reads how close the rate limit is from an answer that is not throttled; nil: calls are never spread.
	Pace func(header http.Header) Pace
	// Stale says whether a refusal means that the token is no longer good.
	Stale func(refusal *Error) bool
}

// Client makes calls to one vendor with one credential. Safe for concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	tokens  *Tokens
	gate    Gate
	breaker breaker
	skew    skew
	dialect Dialect
	observe func(Call)
	now     func() time.Time
}

// Call is one finished call, for metrics.
type Call struct {
	Vendor    string
	Operation string
	Status    int // 0: no answer
	Took      time.Duration
}

// Config is what a Client needs.
type Config struct {
	BaseURL string
	HTTP    *http.Client // nil: one with the time-outs of NewHTTPClient that goes where the base URL says and nowhere else
	// PrivateHosts are hosts that may be in the own network although they are given by name.
	PrivateHosts []string
	Dialect      Dialect
	Observe      func(Call)       // may be nil
	Now          func() time.Time // the clock of waits and of the lives of tokens; nil: time.Now
	// Token makes one token request, with PostForm of the client that it is given.
	Token func(ctx context.Context, c *Client) (Token, error)
}

// ForgetFailure lets the next call be made at once even if those before had no answer, or the last token request failed.
func (c *Client) ForgetFailure() {
	c.tokens.Forget()
	c.breaker.retry()
}

// ForgetToken is ForgetFailure for a new token.
func (c *Client) ForgetToken() {
	c.tokens.Reset()
	c.breaker.retry()
}

// Authenticate makes sure that there is a token. Every failure is an *Error.
func (c *Client) Authenticate(ctx context.Context) error {
	if _, err := c.tokens.Get(ctx); err != nil {
		return c.tokenFault(Request{Method: http.MethodPost, Path: "token"}, err)
	}
	return nil
}

// New makes a client. The base URL is checked with ParseBaseURL. Redirects are not followed, whatever cfg.HTTP says.
func New(cfg Config) (*Client, error) {
	base, err := ParseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.HTTP == nil {
		cfg.HTTP = newHTTPClient(newReach(base, cfg.PrivateHosts).dial)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Call) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	caller := *cfg.HTTP
	caller.CheckRedirect = notFollowed
	c := &Client{base: base, http: &caller, dialect: cfg.Dialect, observe: cfg.Observe, now: cfg.Now}
	c.gate.now, c.breaker = cfg.Now, breaker{failing: map[string]bool{}, now: cfg.Now}
	c.tokens = NewTokens(func(ctx context.Context) (Token, error) { return cfg.Token(ctx, c) })
	c.tokens.now = cfg.Now
	return c, nil
}

// Request is one call. Body is sent as JSON unless nil.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	Body   any
}

func (r Request) operation() string { return r.Method + " " + r.Path }

// Answer is what came back with a success.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do makes the call with a token and decodes the answer into out unless that is nil. A token that the vendor no longer
// accepts is dropped and the call repeated once with a new one. Every failure is an *Error.
func (c *Client) Do(ctx context.Context, req Request, out any) (Answer, error) {
	for attempt := 1; ; attempt++ {
		// First of all, so that nobody asks for a token only to wait with it.
		if left := c.gate.Left(); left > 0 {
			return Answer{}, c.waiting(req, left)
		}
		if left := c.breaker.Left(req.operation()); left > 0 {
			return Answer{}, c.resting(req, left)
		}
		token, err := c.tokens.Get(ctx)
		if err != nil {
			return Answer{}, c.tokenFault(req, err)
		}
		answer, refusal := c.once(ctx, req, token)
		if refusal == nil {
			return answer, c.decode(req, answer, out)
		}
		if !c.dialect.Stale(refusal) {
			return answer, refusal
		}
		c.tokens.Drop(token)
		if attempt == 2 {
			return answer, refusal
		}
	}
}

func (c *Client) once(ctx context.Context, req Request, token string) (Answer, *Error) {
	if held := c.pass(ctx, req); held != nil {
		return Answer{}, held
	}
	var body io.Reader
	if req.Body != nil {
		encoded, err := json.Marshal(req.Body)
		if err != nil {
			return Answer{}, c.fault(Rejected, req, 0, "encode the request", err)
		}
		body = bytes.NewReader(encoded)
	}
	httpReq, err := c.build(ctx, req, body)
	if err != nil {
		return Answer{}, c.fault(Rejected, req, 0, "build the request", err)
	}
	if body != nil {
		httpReq.Header.Set("Content-Type", "application/json")
	}
	httpReq.Header.Set("Authorization", "Bearer "+token)
	answer, refusal := c.send(httpReq, req)
	if refusal != nil && Repeats(answer.Body, token) {
		refusal.Message, refusal.Items = "the vendor's words repeat the token and are left out", nil
	}
	return answer, refusal
}

// tokenFault is err, which is an *Error unless the caller's context ended while it waited for the token.
func (c *Client) tokenFault(req Request, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return c.fault(Unavailable, req, 0, "get a token", err)
}

// PostForm posts a form without a token and decodes the answer into out: the way to a token. Every failure is an *Error.
func (c *Client) PostForm(ctx context.Context, path string, form url.Values, out any) (Answer, error) {
	req := Request{Method: http.MethodPost, Path: path}
	if held := c.pass(ctx, req); held != nil {
		return Answer{}, held
	}
	httpReq, err := c.build(ctx, req, strings.NewReader(form.Encode()))
	if err != nil {
		return Answer{}, c.fault(Rejected, req, 0, "build the request", err)
	}
	httpReq.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, refusal := c.send(httpReq, req)
	if refusal != nil {
		return answer, refusal
	}
	return answer, c.decode(req, answer, out)
}

func (c *Client) build(ctx context.Context, req Request, body io.Reader) (*http.Request, error) {
	target := c.base.JoinPath(req.Path)
	target.RawQuery = req.Query.Encode()
	httpReq, err := http.NewRequestWithContext(ctx, req.Method, target.String(), body)
	if err != nil {
		return nil, withoutURL(err)
	}
	httpReq.Header.Set("Accept", "application/json")
	return httpReq, nil
}

func (c *Client) waiting(req Request, left time.Duration) *Error {
	return &Error{
		Class: Throttled, Vendor: c.dialect.Vendor, Operation: req.operation(), RetryAfter: left, NotMade: true,
		Message: "not called: the vendor has asked to wait",
	}
}

func (c *Client) resting(req Request, left time.Duration) *Error {
	return &Error{
		Class: Unavailable, Vendor: c.dialect.Vendor, Operation: req.operation(), RetryAfter: left, NotMade: true,
		Message: c.breaker.why(),
	}
}

// send makes one request, unless the vendor is left alone at the moment, and notes whether the vendor is there.
func (c *Client) send(httpReq *http.Request, req Request) (Answer, *Error) {
	if left := c.breaker.begin(req.operation()); left > 0 {
		return Answer{}, c.resting(req, left)
	}
	answer, refusal := c.receive(httpReq, req)
	switch {
	case refusal == nil, answered(refusal):
		c.breaker.answered()
	case refusal.Class == Unavailable && httpReq.Context().Err() == nil:
		refusal.RetryAfter = max(refusal.RetryAfter, c.breaker.silent(req.operation(), refusal.Message))
	default: // tells nothing: a page of something in between, or a caller who did not wait for the answer
	}
	return answer, refusal
}

// answered says whether it is the vendor that has refused.
func answered(refusal *Error) bool {
	return refusal.Class != Contract && refusal.Status != 0 && refusal.Status < http.StatusInternalServerError &&
		(refusal.Class != Unavailable || refusal.Status >= http.StatusBadRequest)
}

func (c *Client) receive(httpReq *http.Request, req Request) (Answer, *Error) {
	started := time.Now()
	call := Call{Vendor: c.dialect.Vendor, Operation: req.operation()}
	defer func() {
		call.Took = time.Since(started)
		c.observe(call)
	}()
	res, err := c.http.Do(httpReq)
	if refused, is := errors.AsType[*unsafeAddress](err); is {
		fault := c.fault(Contract, req, 0, "", refused)
		fault.Remedy = refused.remedy
		return Answer{}, fault
	}
	if err != nil {
		failed := c.fault(Unavailable, req, 0, "", withoutURL(err))
		failed.Remedy = reachRemedy(err)
		return Answer{}, failed
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	call.Status = res.StatusCode
	c.skew.note(res.Header, started, time.Now())
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	answer := Answer{Status: res.StatusCode, Header: res.Header, Body: body}
	switch {
	case err != nil && res.StatusCode < http.StatusBadRequest:
		return answer, c.fault(Unavailable, req, res.StatusCode, "the answer was cut off", withoutURL(err))
	case len(body) > maxBody:
		return answer, c.fault(Contract, req, res.StatusCode, "the answer is larger than 16 MiB", nil)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return answer, c.fault(Contract, req, res.StatusCode, "a redirect, which is not followed: check the base URL", nil)
	}
	refusal := c.dialect.Refusal(res.StatusCode, res.Header, body)
	throttled := refusal != nil && refusal.Class == Throttled
	if c.dialect.Pace != nil && !throttled {
		c.gate.Spread(c.dialect.Pace(res.Header))
	}
	if refusal == nil {
		return answer, nil
	}
	refusal.Vendor, refusal.Operation, refusal.Status = c.dialect.Vendor, req.operation(), res.StatusCode
	if throttled {
		refusal.RetryAfter = c.gate.Close(c.dialect.Wait(res.Header, c.now()))
	}
	return answer, refusal
}

func (c *Client) decode(req Request, answer Answer, out any) error {
	if out == nil || answer.Status == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(bytes.TrimPrefix(answer.Body, []byte("\xef\xbb\xbf")), out); err != nil {
		message := "the answer is not the JSON of the contract"
		if LooksLikeHTML(answer.Header, answer.Body) {
			message = "the answer is a web page: a proxy, portal or maintenance page stands in between"
		}
		return c.fault(Contract, req, answer.Status, message, nil)
	}
	return nil
}

func (c *Client) fault(class Class, req Request, status int, message string, cause error) *Error {
	if cause != nil {
		message = strings.TrimPrefix(message+": "+cause.Error(), ": ")
	}
	return &Error{
		Class: class, Vendor: c.dialect.Vendor, Operation: req.operation(), Status: status,
		Message: Clean(message), cause: cause,
	}
}
