package fault

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

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

// resend sends an answer with another body, of which it gives the right length.
func resend(w http.ResponseWriter, answer *recorded, body []byte) {
	answer.headers(w)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.status)
	_, _ = w.Write(body) // a caller that went away misses nothing
}

func (a *recorded) headers(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
}

// stall sends half of an answer and keeps the caller waiting for the rest, which never comes.
func stall(w http.ResponseWriter, r *http.Request, answer *recorded, wait time.Duration) {
	answer.headers(w)
	w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()))
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body.Bytes()[:answer.body.Len()/2])
	_ = http.NewResponseController(w).Flush() // a caller that went away does not wait
	sleep(r.Context(), wait)
	reset(w)
}

// bloat sends an answer and blanks after it.
func bloat(w http.ResponseWriter, answer *recorded, mib int) {
	answer.headers(w)
	w.WriteHeader(answer.status)
	writeBloated(w, answer, mib)
}

// gzipBomb sends the same packed, whether or not the caller takes that.
func gzipBomb(w http.ResponseWriter, answer *recorded, mib int) {
	answer.headers(w)
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(answer.status)
	packed := gzip.NewWriter(w)
	writeBloated(packed, answer, mib)
	_ = packed.Close() // a caller that went away misses nothing
}

func writeBloated(w io.Writer, answer *recorded, mib int) {
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	_, err := w.Write(answer.body.Bytes())
	for n := 0; n < mib && err == nil; n++ {
		_, err = w.Write(blanks)
	}
}
