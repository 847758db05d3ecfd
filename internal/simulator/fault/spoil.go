package fault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const htmlPage = `<!DOCTYPE html>
<html><head><title>%d %s</title></head>
<body><h1>%[2]s</h1><p>The proxy could not reach the service. Reference: 0x1f.</p></body></html>
`

// spoil answers one call as the rule says.
func (f *Front) spoil(vendor string, rule Rule, w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch rule.Kind {
	case Cut:
		answer := record(next, r)
		cut(w, answer)
	case Truncate:
		answer := record(next, r)
		resend(w, answer, answer.body.Bytes()[:answer.body.Len()/2])
	case Stall:
		stall(w, r, record(next, r), time.Duration(rule.DelayMS)*time.Millisecond)
	case Bloat:
		bloat(w, record(next, r), rule.MiB)
	case GzipBomb:
		gzipBomb(w, record(next, r), rule.MiB)
	case ResetBefore:
		reset(w)
	case ResetAfter:
		record(next, r)
		reset(w)
	case HTML:
		status := or(rule.Status, http.StatusBadGateway)
		body := rule.Body
		if body == "" {
			body = fmt.Sprintf(htmlPage, status, http.StatusText(status))
		}
		send(w, status, "text/html; charset=utf-8", rule.Headers, body)
	case Throttle:
		headers := rule.Headers
		if headers == nil {
			headers = hint(vendor, f.now(), time.Duration(or(rule.DelayMS, 1000))*time.Millisecond)
		}
		send(w, http.StatusTooManyRequests, "application/json", headers, usualError(vendor, http.StatusTooManyRequests))
	case Empty:
		send(w, or(rule.Status, http.StatusOK), "application/json", rule.Headers, "")
	case Status, Delay, Revoke: // the last two never get here: they are done with
		body := rule.Body
		if body == "" && rule.Status >= 400 {
			body = usualError(vendor, rule.Status)
		}
		contentType := "application/json"
		if body != "" && !strings.ContainsAny(body[:1], "{[") {
			contentType = "text/plain; charset=utf-8"
		}
		send(w, rule.Status, contentType, rule.Headers, body)
	}
}

func or(value, fallback int) int {
	if value == 0 {
		return fallback
	}
	return value
}

func send(w http.ResponseWriter, status int, contentType string, headers map[string]string, body string) {
	w.Header().Set("Content-Type", contentType)
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // a caller that went away misses nothing
}

// usualError is the error body of a vendor's gateway: Mimecast's contract section 10.1, shape 2; Falcon's section 4.
func usualError(vendor string, status int) string {
	text := http.StatusText(status)
	var body any = map[string]any{"fail": []any{map[string]any{
		"code": strings.ToLower(strings.ReplaceAll(text, " ", "_")), "message": text,
	}}}
	if vendor == Falcon {
		body = map[string]any{
			"meta":   map[string]any{"query_time": 0.01, "powered_by": "crowdstrike-api-gateway", "trace_id": "injected"},
			"errors": []any{map[string]any{"code": status, "message": text}},
		}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return ""
	}
	return string(encoded)
}
