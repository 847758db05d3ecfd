package codec_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/threatshare/threatshare/internal/codec"
)

const ui = "https://temporal.example"

// ask sends a request to a codec server with one key.
func ask(t *testing.T, method, path, origin, body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	answer := httptest.NewRecorder()
	codec.Handler(ring(t, entry("new", 1)), ui+"/some/where").ServeHTTP(answer, req)
	return answer
}

func TestTheSDKsRemoteCodecIsServed(t *testing.T) {
	keys := ring(t, entry("new", 1))
	server := httptest.NewServer(codec.Handler(keys, ui))
	t.Cleanup(server.Close)
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: server.URL + "/codec"})
	made, err := remote.Encode([]*commonpb.Payload{sample(t)})
	require.NoError(t, err)
	require.NotContains(t, string(made[0].GetData()), "canary")
	opened, err := remote.Decode(append(made, sample(t)))
	require.NoError(t, err)
	for _, payload := range opened {
		require.True(t, proto.Equal(sample(t), payload))
	}
	_, err = remote.Decode(sealed(t, ring(t, entry("old", 2)), sample(t)))
	require.ErrorContains(t, err, `the key "old", which is not in THREATSHARE_CODEC_KEYS`)
}

func TestOnlyPagesOfTheTemporalUIMayAsk(t *testing.T) {
	for _, method := range []string{http.MethodOptions, http.MethodPost} {
		answer := ask(t, method, "/codec/decode", ui, "{}")
		require.Less(t, answer.Code, 300, method)
		require.Equal(t, ui, answer.Header().Get("Access-Control-Allow-Origin"))
		require.Equal(t, "true", answer.Header().Get("Access-Control-Allow-Credentials"))
		require.Equal(t, "Origin", answer.Header().Get("Vary"))
		for _, other := range []string{"https://evil.example", "http://temporal.example", ui + ".evil.example", "null", ui + ":8443"} {
			answer := ask(t, method, "/codec/decode", other, "{}")
			require.Equal(t, http.StatusForbidden, answer.Code, other)
			require.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
		}
	}
	preflight := ask(t, http.MethodOptions, "/codec/decode", ui, "")
	require.Equal(t, http.StatusNoContent, preflight.Code)
	require.Equal(t, "POST", preflight.Header().Get("Access-Control-Allow-Methods"))
	require.Equal(t, "Authorization, Content-Type, X-Namespace", preflight.Header().Get("Access-Control-Allow-Headers"))
	require.Empty(t, ask(t, http.MethodPost, "/codec/decode", "", "{}").Header().Get("Access-Control-Allow-Origin"))
}

func TestWithoutAUINoPageMayAsk(t *testing.T) {
	for _, address := range []string{"", "://", "temporal.example"} {
		for _, from := range []string{"null", "https://temporal.example", "://", "http://127.0.0.1:8080"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/decode", strings.NewReader("{}"))
			req.Header.Set("Origin", from)
			answer := httptest.NewRecorder()
			codec.Handler(ring(t, entry("new", 1)), address).ServeHTTP(answer, req)
			require.Equal(t, http.StatusForbidden, answer.Code)
		}
	}
}

func TestOtherRequestsAreRefused(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		answer := ask(t, method, "/codec/decode", "", "{}")
		require.Equal(t, http.StatusMethodNotAllowed, answer.Code)
		require.Contains(t, answer.Header().Get("Allow"), "POST")
	}
	for _, path := range []string{"/codec/", "/codec/download", "/codec/decoder", "/"} {
		require.Equal(t, http.StatusNotFound, ask(t, http.MethodPost, path, "", "{}").Code, path)
	}
	for _, body := range []string{"", "[]", `{"payloads":[{"data":"!"}]}`, "{"} {
		require.Equal(t, http.StatusBadRequest, ask(t, http.MethodPost, "/codec/decode", "", body).Code, body)
	}
	large := ask(t, http.MethodPost, "/codec/decode", "", strings.Repeat(" ", 9<<20))
	require.Equal(t, http.StatusRequestEntityTooLarge, large.Code)
}

func TestAWholePageOfAHistoryIsDecodedAtOnce(t *testing.T) {
	page := &commonpb.Payload{Data: bytes.Repeat([]byte{0xff}, 1<<20)}
	body, err := json.Marshal(&commonpb.Payloads{Payloads: sealed(t, ring(t, entry("new", 1)), page, page, page, page)})
	require.NoError(t, err)
	require.Greater(t, len(body), 4<<20)
	answer := ask(t, http.MethodPost, "/codec/decode", "", string(body))
	require.Equal(t, http.StatusOK, answer.Code)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Greater(t, len(text), 5<<20)
}
