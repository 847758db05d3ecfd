package integrations_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/internal/integrations"
)

// forgetful is a Temporal server that loses the answers to its first queries.
type forgetful struct {
	client.Client

	loses, asked int
	late         error // of a lost one; nil: what the context says
	refusal      error
}

func (f *forgetful) QueryWorkflow(ctx context.Context, _, _, query string, _ ...any) (converter.EncodedValue, error) {
	if f.asked++; f.asked <= f.loses {
		if f.late != nil {
			time.Sleep(time.Second)
			return nil, f.late
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if f.refusal != nil {
		return nil, f.refusal
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(query)
	return client.NewValue(payloads), err
}

func TestAnAnswerThatTheServerLosesIsAskedForOnceMore(t *testing.T) {
	for name, c := range map[string]struct {
		late error
		took time.Duration
	}{
		"the time is over here":  {nil, 2 * time.Second},
		"the time is over there": {serviceerror.NewDeadlineExceeded("context deadline exceeded"), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, began := &forgetful{loses: 1, late: c.late}, time.Now()
				answer, err := integrations.Ask[string](t.Context(), integrations.Desk{Temporal: server}, "id", "status")
				require.NoError(t, err)
				require.Equal(t, "status", answer)
				require.Equal(t, c.took, time.Since(began))
			})
		})
	}
}

func TestNobodyIsWaitedForLongerThanTheAnswerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, began := &forgetful{loses: 100}, time.Now()
		_, err := integrations.Ask[string](t.Context(), integrations.Desk{Temporal: server}, "id", "status")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, integrations.AnswerTime, time.Since(began))
		require.Equal(t, 2, server.asked)
	})
}

func TestARefusedQueryIsNotAskedAgain(t *testing.T) {
	server := &forgetful{refusal: errors.New("unknown query")}
	_, err := integrations.Ask[string](t.Context(), integrations.Desk{Temporal: server}, "id", "status")
	require.ErrorIs(t, err, server.refusal)
	require.Equal(t, 1, server.asked)
}
