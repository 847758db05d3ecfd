package mimecast

import (
	"encoding/json"
	"net/http"
)

// problem is why a request, or one object of it, is not done.
type problem struct {
	status  int // HTTP status when the whole request is refused; 400 if 0
	field   string
	code    string
	message string
	broken  bool // the request breaks the contract, which a correct client never does

	key     any  // what the fail entry names; the object of the request if nil
	keyless bool // the fail entry names nothing
}

// invalid is a request that breaks the contract.
func invalid(field, code, message string) *problem {
	return &problem{field: field, code: code, message: message, broken: true}
}

// refused is a good request that the state of the account does not allow.
func refused(code, message string) *problem { return &problem{code: code, message: message} }

func (p *problem) text() string {
	if p.field == "" {
		return p.code + ": " + p.message
	}
	return p.code + " (" + p.field + "): " + p.message
}

func (p *problem) httpStatus() int {
	if p.status == 0 {
		return http.StatusBadRequest
	}
	return p.status
}

// failure is an entry of a classic answer's fail list (contract section 10.1, shape 1).
type failure struct {
	Key    any         `json:"key,omitempty"`
	Errors []wireError `json:"errors"`
}

type wireError struct {
	Field     string `json:"field,omitempty"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Retryable bool   `json:"retryable"`
}

// failure is the fail entry of one object of a request; nil for the request as a whole.
func (p *problem) failure(object json.RawMessage) failure {
	key := p.key
	if key == nil && object != nil && !p.keyless {
		key = object
	}
	return failure{Key: key, Errors: []wireError{{Field: p.field, Code: p.code, Message: p.message}}}
}

// sendGateway answers in the shape of the API's front (contract section 10.1, shape 2).
func sendGateway(w http.ResponseWriter, status int, code, message string) {
	sendJSON(w, status, map[string]any{"fail": []any{map[string]string{"code": code, "message": message}}})
}
