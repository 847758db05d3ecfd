package falcon

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// The vendor's words that a decision rests on (contract sections 1, 2.4 and 4).
const (
	scopeMissing  = "scope not permitted"
	denied        = "access denied, authorization failed"
	duplicateType = "duplicate type"
	limitReached  = "indicators reached" // "Limit of 1 million indicators reached."

	warning = "warning" // message_type of an entry's problem that is not fatal with ignore_warnings
)

// envelope is what every answer stands in, as far as it tells a failure from a success. Resources of a refused create or
// update are one object for each entry with a problem.
type envelope struct {
	Meta struct {
		TraceID string `json:"trace_id"`
	} `json:"meta"`
	Errors    []apiError      `json:"errors"`
	Resources json.RawMessage `json:"resources"`
}

type apiError struct {
	Code    number `json:"code"`
	Message string `json:"message"`
	ID      string `json:"id"`
}

// refusal reads an answer that is not a success: by its status, or by errors[0].code of an answer that only looks like a
// success. It is the Dialect's.
func refusal(status int, header http.Header, body []byte) *vendorapi.Error {
	var parsed envelope
	err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &parsed)
	readable := err == nil || len(bytes.TrimSpace(body)) == 0
	success := status >= 200 && status < 300
	if success && readable && len(parsed.Errors) == 0 {
		return nil
	}
	failed := &vendorapi.Error{TraceID: traceID(header, parsed.Meta.TraceID)}
	if !readable {
		failed.Class, failed.Message = unreadable(status), "the answer is not the JSON of the contract"
		if vendorapi.LooksLikeHTML(header, body) {
			failed.Message = "the answer is a web page: a proxy, portal or maintenance page stands in between"
		}
		return failed
	}
	code := status
	if len(parsed.Errors) > 0 {
		failed.Message = vendorapi.Clean(parsed.Errors[0].Message)
		if success {
			code = int(parsed.Errors[0].Code)
			failed.Code = strconv.Itoa(code)
		}
	}
	failed.Class, failed.Remedy = classify(code, failed.Message)
	failed.Items = problems(parsed)
	return failed
}

// classify is the table of contract section 4.
func classify(code int, message string) (class vendorapi.Class, remedy string) {
	words := strings.ToLower(message)
	switch {
	case code == http.StatusBadRequest && strings.Contains(words, limitReached):
		return vendorapi.Quota, "delete indicators in Falcon that nobody needs"
	case code == http.StatusUnauthorized:
		return vendorapi.Credentials, "Falcon does not accept the token that it has just given out: check that FALCON_BASE_URL is the cloud of the API client"
	case code == http.StatusForbidden && strings.Contains(words, scopeMissing):
		return vendorapi.Forbidden, remedyScope("that the call needs")
	case code == http.StatusForbidden:
		return vendorapi.Forbidden, "not a missing scope: check in the Falcon console the API client's role, the tenant's licence and IP allow-list, and that FALCON_MEMBER_CID is right"
	case code == http.StatusNotFound:
		return vendorapi.Rejected, "check FALCON_BASE_URL: it is the cloud's address without a path"
	case code == http.StatusTooManyRequests:
		return vendorapi.Throttled, ""
	case code == http.StatusRequestTimeout, code >= 500 && code < 600:
		return vendorapi.Unavailable, ""
	case code >= 400 && code < 500:
		return vendorapi.Rejected, ""
	default:
		return vendorapi.Contract, "" // a code that is in no table
	}
}

// console is where the Falcon console keeps its API clients.
const console = "in the Falcon console (Support and resources > API clients and keys)"

func remedyScope(scope string) string {
	return "the API client of FALCON_CLIENT_ID lacks the scope " + scope + ": add it " + console
}

// unreadable is the class of an answer without JSON: something in between has answered, so that the words of the table do
// not hold. A status that says what it means without any body is still believed.
func unreadable(status int) vendorapi.Class {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusTooManyRequests, status == http.StatusRequestEntityTooLarge,
		status == http.StatusRequestURITooLong, status >= 500:
		class, _ := classify(status, "")
		return class
	default:
		return vendorapi.Contract
	}
}

// stale says whether a refusal of a call means that its token is no longer good. It is the Dialect's.
func stale(refusal *vendorapi.Error) bool { return refusal.Class == vendorapi.Credentials }

// traceID is what the vendor's support asks for: the header and the field of the answer are the same.
func traceID(header http.Header, field string) string {
	const longest = 80
	id := header.Get("X-Cs-Traceid")
	if id == "" {
		id = field
	}
	id = vendorapi.Clean(id)
	return id[:min(len(id), longest)]
}

// problems reads the vendor's reasons for single entries. Only message and message_type are certain; value, type, row and
// id are read if they are there (contract 2.4). What errors say may quote an entry too.
func problems(parsed envelope) []vendorapi.Item {
	var resources []map[string]any
	if json.Unmarshal(parsed.Resources, &resources) != nil {
		resources = nil
	}
	items := make([]vendorapi.Item, 0, len(resources)+len(parsed.Errors))
	const unnamed = -1
	rowsFromZero := false // where the vendor counts from is not known; a row 0 tells
	for _, resource := range resources {
		item := vendorapi.Item{
			Value:   text(resource, "value", "id"),
			Type:    text(resource, "message_type"),
			Message: text(resource, "message"),
		}
		if item.Type == "" && item.Message == "" {
			continue // a record that was made beside others that were not
		}
		item.Row = unnamed
		if row, given := row(resource); given {
			item.Row = row
			rowsFromZero = rowsFromZero || row == 0
		}
		items = append(items, item)
	}
	for i := range items {
		switch {
		case items[i].Row == unnamed:
			items[i].Row = 0
		case rowsFromZero:
			items[i].Row++
		default:
		}
	}
	for _, failed := range parsed.Errors {
		items = append(items, vendorapi.Item{Value: vendorapi.Clean(failed.ID), Message: vendorapi.Clean(failed.Message)})
	}
	return items
}

// text is the first of names that holds text, printable and bounded.
func text(object map[string]any, names ...string) string {
	for _, name := range names {
		if value, ok := object[name].(string); ok && value != "" {
			return vendorapi.Clean(value)
		}
	}
	return ""
}

// row is the row that a problem names, as a number or as text.
func row(object map[string]any) (int, bool) {
	const most = 1 << 20
	switch value := object["row"].(type) {
	case float64:
		if value >= 0 && value < most {
			return int(value), true
		}
	case string:
		if number, err := strconv.Atoi(value); err == nil && number >= 0 && number < most {
			return number, true
		}
	}
	return 0, false
}
