package codec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"github.com/threatshare/threatshare/internal/codec"
)

func using(keys *codec.Ring) client.Options {
	var options client.Options
	keys.Use(&options)
	return options
}

// inWorkflow is what workflow code converts with.
func inWorkflow(t *testing.T, keys *codec.Ring) converter.DataConverter {
	t.Helper()
	aware, ok := converter.MakeTransferAware(using(keys).DataConverter).(converter.ContextAware)
	require.True(t, ok)
	return aware.WithWorkflowContext(nil)
}

func TestAClientEncryptsWhatItSendsAndReadsWhatItGets(t *testing.T) {
	for name, keys := range map[string]*codec.Ring{"with keys": ring(t, entry("new", 1)), "without": {}} {
		t.Run(name, func(t *testing.T) {
			options := using(keys)
			payloads, err := options.DataConverter.ToPayloads("evil-canary.example", converter.NewRawValue(sample(t)))
			require.NoError(t, err)
			require.Equal(t, keys.Empty(), strings.Contains(payloads.String(), "canary"))
			for _, by := range []converter.DataConverter{options.DataConverter, inWorkflow(t, keys)} {
				var text string
				var raw converter.RawValue
				require.NoError(t, by.FromPayloads(payloads, &text, &raw))
				require.Equal(t, "evil-canary.example", text)
				require.True(t, proto.Equal(sample(t), raw.Payload()))
				require.NoError(t, by.FromPayload(payloads.GetPayloads()[1], &text))
				require.NoError(t, by.FromPayload(sample(t), &text), "what is not encrypted is read too")
				require.NoError(t, by.FromPayloads(nil, &text))
				require.NoError(t, by.FromPayload(nil, &text))
			}
		})
	}
}

func TestFailuresAreEncryptedWithTheirCausesAndDetails(t *testing.T) {
	keys := ring(t, entry("new", 1))
	failed := temporal.NewApplicationErrorWithOptions("refused evil-canary.example", "VendorRejected", temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{"detail of evil-canary.example"}, Cause: errors.New("cause canary"),
	})
	failure := using(keys).FailureConverter.ErrorToFailure(failed)
	require.NotContains(t, failure.String(), "canary")
	require.Equal(t, "VendorRejected", failure.GetApplicationFailureInfo().GetType(), "types stay readable")

	back, ok := errors.AsType[*temporal.ApplicationError](using(keys).FailureConverter.FailureToError(failure))
	require.True(t, ok)
	require.Equal(t, "refused evil-canary.example", back.Message())
	require.ErrorContains(t, errors.Unwrap(back), "cause canary")
	var detail string
	require.NoError(t, back.Details(&detail))
	require.Equal(t, "detail of evil-canary.example", detail)

	for name, without := range map[string]*codec.Ring{"another key": ring(t, entry("other", 2)), "no key": {}} {
		before := proto.CloneOf(failure)
		blind := using(without).FailureConverter.FailureToError(failure)
		require.ErrorContains(t, blind, `the key "new", which is not in THREATSHARE_CODEC_KEYS`, name)
		require.True(t, proto.Equal(before, failure), "what is given is not changed")
	}
	require.NoError(t, using(keys).FailureConverter.FailureToError(nil))
}

func TestAMissingKeyIsAnErrorToAProgram(t *testing.T) {
	payloads := &commonpb.Payloads{Payloads: sealed(t, ring(t, entry("old", 1)), sample(t))}
	var text string
	var raw converter.RawValue
	require.ErrorContains(t, using(ring(t, entry("new", 2))).DataConverter.FromPayloads(payloads, &text), `the key "old"`)
	require.ErrorContains(t, using(&codec.Ring{}).DataConverter.FromPayload(payloads.GetPayloads()[0], &text), `the key "old"`)
	require.NoError(t, using(&codec.Ring{}).DataConverter.FromPayloads(payloads, &raw), "raw is as it came: that it is sealed shows")
	require.True(t, proto.Equal(payloads.GetPayloads()[0], raw.Payload()))
}

func TestWorkflowCodeWaitsForAMissingKeyUnlessPeopleSentWhatIsSealed(t *testing.T) {
	payloads := &commonpb.Payloads{Payloads: sealed(t, ring(t, entry("old", 1)), sample(t), sample(t))}
	for name, keys := range map[string]*codec.Ring{"another key": ring(t, entry("new", 2)), "no key": {}} {
		blind := inWorkflow(t, keys)
		var text string
		var raw converter.RawValue
		message := `the workflow waits for its key: a payload is encrypted with the key "old", which is not in THREATSHARE_CODEC_KEYS: put it back at the end of the list`
		require.PanicsWithError(t, message, func() { _ = blind.FromPayloads(payloads, &text) }, name)
		require.PanicsWithError(t, message, func() { _ = blind.FromPayload(payloads.GetPayloads()[0], &text) }, name)
		require.NoError(t, blind.FromPayloads(payloads, &raw))
		require.True(t, proto.Equal(payloads.GetPayloads()[0], raw.Payload()), "as it came")
	}
}
