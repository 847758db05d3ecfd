package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
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
	case Status, Delay: // a delay never gets here: it has been waited for
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

// recorded is an answer that has not been sent.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorded) Header() http.Header { return a.header }

func (a *recorded) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *recorded) Write(body []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(body)
}

func record(next http.Handler, r *http.Request) *recorded {
	answer := &recorded{header: http.Header{}}
	next.ServeHTTP(answer, r)
	answer.WriteHeader(http.StatusOK)
	return answer
}

// cut promises the whole body, sends half of it and hangs up.
func cut(w http.ResponseWriter, answer *recorded) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	answer.header.Set("Content-Length", strconv.Itoa(answer.body.Len()))
	var out bytes.Buffer
	_, _ = fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", answer.status, http.StatusText(answer.status))
	_ = answer.header.Write(&out) // a buffer takes everything
	out.WriteString("\r\n")
	out.Write(answer.body.Bytes()[:answer.body.Len()/2])
	_, _ = conn.Write(out.Bytes()) // the caller is cut off either way
	_ = conn.Close()
}

// reset closes the connection so that the other side reads "connection reset by peer" instead of an end of file.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails on a connection that is gone already
	}
	_ = conn.Close()
}
