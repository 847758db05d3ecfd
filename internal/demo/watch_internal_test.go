package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/mocks"

	"github.com/threatshare/threatshare/internal/harness"
)

// These tests are inside the package because the program exports nothing.

func TestWaitingEndsWithTheProcessThatEndsAndShowsItsLastLines(t *testing.T) {
	process, err := harness.Start(harness.Command{
		Name: "worker", Path: "/bin/sh", Args: []string{"-c", "for i in 1 2 3 4 5 6 7; do echo line $i; done; exit 3"},
	}, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	ctx, cancel := whileRunning(t.Context(), process)
	defer cancel()
	err = until(ctx, func() (bool, error) { return false, errors.New("no answer") })
	require.ErrorContains(t, err, "worker has ended (exit status 3)")
	require.ErrorContains(t, err, "line 3\nline 4\nline 5\nline 6\nline 7")
	require.NotContains(t, err.Error(), "line 2")
}

func TestWaitingThatIsInterruptedSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := until(ctx, func() (bool, error) {
		cancel()
		return false, errors.New("no answer")
	})
	require.ErrorIs(t, err, context.Canceled)
}

func TestATimeOutTellsWhatWasWrongLast(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	err := until(ctx, func() (bool, error) { return false, errors.New("the flow is running") })
	require.EqualError(t, err, "there is no more time: the flow is running")

	c := &mocks.Client{}
	c.On("QueryWorkflow", mock.Anything, "threatshare/demo", "", "status").
		Return(nil, fmt.Errorf("query: %w", context.DeadlineExceeded))
	_, err = ask(ctx, c)
	require.Equal(t, errSilent, err, "the context's own error says nothing")
}

func TestAnAnswerEndsTheWaiting(t *testing.T) {
	asked := 0
	require.NoError(t, until(t.Context(), func() (bool, error) {
		asked++
		return asked == 2, nil
	}))
	refused := errors.New("check FALCON_CLIENT_ID")
	require.Equal(t, refused, until(t.Context(), func() (bool, error) { return true, refused }))
}

func TestAStatusThatIsNotToBeHadIsTold(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out, what: "first sync"}
	for range failuresToTell - 1 {
		p.trouble(errors.New("no poller seen"))
	}
	require.Empty(t, out.String())
	p.trouble(errors.New("no poller seen"))
	p.trouble(errors.New("no poller seen"))
	require.Equal(t, "==> first sync: no status yet: no poller seen\n", out.String())
}

func TestAPathIsQuotedOnlyIfAShellWouldSplitIt(t *testing.T) {
	for path, want := range map[string]string{
		"/opt/temporal":          "/opt/temporal",
		"/home/a b/temporal":     "'/home/a b/temporal'",
		"/home/it's $x/temporal": `'/home/it'\''s $x/temporal'`,
	} {
		require.Equal(t, want, quoted(path))
	}
}
