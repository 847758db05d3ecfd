package codec

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"

	"go.temporal.io/sdk/converter"
)

// maxBody bounds a request, in bytes: the server gives at most 4 MiB of payloads at once, which base64 makes a third larger.
const maxBody = 8 << 20

// Handler serves …/encode and …/decode as the Temporal UI and CLI expect of a codec server. It asks nobody who they are:
// whoever mounts it does. Browsers are told to let pages of the Temporal UI at the address ui use it, and no other; an empty
// ui means none.
func Handler(ring *Ring, ui string) http.Handler {
	served, allowed := converter.NewPayloadCodecHTTPHandler(ring), origin(ui)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		w.Header().Set("Cache-Control", "no-store")
		if from := r.Header.Get("Origin"); from != "" { // no browser, no origin
			if from != allowed {
				http.Error(w, "This page may not read payloads: set THREATSHARE_TEMPORAL_UI to the address of the Temporal UI.", http.StatusForbidden)
				return
			}
			w.Header().Set("Access-Control-Allow-Origin", allowed)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
		}
		switch name := path.Base(r.URL.Path); {
		case name != "encode" && name != "decode":
			http.NotFound(w, r)
		case r.Method == http.MethodOptions:
			w.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
			w.Header().Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", "POST, OPTIONS")
			http.Error(w, "POST payloads to be read.", http.StatusMethodNotAllowed)
		default:
			serveBounded(w, r, served)
		}
	})
}

// serveBounded reads the body first, so that one that is too large is told from one that is wrong.
func serveBounded(w http.ResponseWriter, r *http.Request, served http.Handler) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		http.Error(w, "This is more than a codec server is asked at once.", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "The request could not be read.", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	served.ServeHTTP(w, r)
}

// origin is what a browser sends as the origin of a page at address; empty if there is none.
func origin(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return ""
	}
	return parsed.Scheme + "://" + parsed.Host
}
