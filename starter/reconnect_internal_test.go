package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
)

// answersInTurn makes the integration answer the query "status" with one document after the other; the last one stays.
func answersInTurn(t *testing.T, c *mocks.Client, documents ...string) {
	t.Helper()
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	for i, document := range documents {
		payloads, err := converter.GetDefaultDataConverter().ToPayloads(json.RawMessage(document))
		require.NoError(t, err)
		call := c.On("QueryWorkflow", mock.Anything, integration, "", "status").Return(client.NewValue(payloads), nil)
		if i < len(documents)-1 {
			call.Once()
		}
	}
}

const (
	checkingAnew = `{"state":"connecting","mimecast":{"state":"connecting"},"falcon":{"state":"connecting"}}`
	allGood      = `{"state":"connected","mimecast":{"state":"connected"},"falcon":{"state":"connected"},"flows":{"import-iocs":{"state":"idle"}}}`
)

func TestReconnectWaitsForTheCheckAndSaysThatAllIsWell(t *testing.T) {
	c := &mocks.Client{}
	updated(t, c, "reconnect", `null`, checkingAnew, nil)
	answersInTurn(t, c, checkingAnew, allGood)
	code, output, said := fake(t, c, "reconnect", "acme", "--wait")
	require.Zero(t, code, said)
	require.Contains(t, output, "integration acme checks its connections\n")
	require.Contains(t, output, "state        connected\nmimecast     connected\nfalcon       connected\n")
}

func TestReconnectSaysWhatIsStillWrong(t *testing.T) {
	for _, example := range []struct{ status, said string }{
		{
			`{"state":"permanent_error","mimecast":{"state":"connected"},"falcon":{"state":"permanent_error","reason":"check FALCON_\u001bCLIENT_ID"}}`,
			`still wrong with acme: falcon is permanent_error (check FALCON_\x1bCLIENT_ID)` + "\n",
		},
		{
			`{"state":"degraded","mimecast":{"state":"degraded","reason":"answers 503"},"falcon":{"state":"connected"}}`,
			"still wrong with acme: mimecast is degraded (answers 503)\n",
		},
		{
			`{"state":"permanent_error","mimecast":{"state":"connected"},"falcon":{"state":"connected"},
			 "flows":{"import-iocs":{"state":"parked","parked":{"iocHashes":"the list is full","iocDomains":"no permission"}}}}`,
			"still wrong with acme: iocDomains of import-iocs is parked: no permission\niocHashes of import-iocs is parked: the list is full\n",
		},
		{
			`{"state":"degraded","reason":"import-iocs: slow","mimecast":{"state":"connected"},"falcon":{"state":"connected"}}`,
			"still wrong with acme: degraded (import-iocs: slow)\n",
		},
	} {
		c := &mocks.Client{}
		updated(t, c, "reconnect", `null`, checkingAnew, nil)
		answersInTurn(t, c, example.status)
		code, _, said := fake(t, c, "reconnect", "acme", "--wait")
		require.Equal(t, 1, code, example.status)
		require.Equal(t, example.said+"what it needs      starter check acme\nwhen it is mended  starter reconnect acme --wait\n", said)
	}
}

func TestReconnectOfAPausedIntegrationSaysHowItGoesOn(t *testing.T) {
	c := &mocks.Client{}
	updated(t, c, "reconnect", `null`, `{}`, nil)
	// It is paused whatever the check says, which is known by the connections.
	answersInTurn(t, c, `{"state":"paused","mimecast":{"state":"connecting"},"falcon":{"state":"connecting"}}`,
		`{"state":"paused","reason":"holidays","mimecast":{"state":"connected"},"falcon":{"state":"connected"}}`)
	code, output, said := fake(t, c, "reconnect", "acme", "--wait")
	require.Zero(t, code, said)
	require.Contains(t, output, "state        paused (holidays)")
	require.Contains(t, output, "it is paused; to go on  starter resume acme\n")
}

func TestReconnectWithoutWaitingSaysWhereToLook(t *testing.T) {
	c := &mocks.Client{}
	updated(t, c, "reconnect", `null`, checkingAnew, nil)
	code, output, said := fake(t, c, "reconnect", "acme") // a query would be a call that nobody expects
	require.Zero(t, code, said)
	require.Contains(t, output, "starter status acme\n")
}

func TestReconnectGivesUpAfterTheTimeItWasGiven(t *testing.T) {
	c := &mocks.Client{}
	updated(t, c, "reconnect", `null`, checkingAnew, nil)
	answersInTurn(t, c, checkingAnew)
	code, _, said := fake(t, c, "reconnect", "acme", "--wait", "--wait-at-most", "1ms")
	require.Equal(t, 1, code)
	require.Contains(t, said, `integration "acme" is still checking its connections after 1ms`)
}

func TestReconnectOfWhatEndsMeanwhileIsNotWaitedFor(t *testing.T) {
	c := &mocks.Client{}
	updated(t, c, "reconnect", `null`, checkingAnew, nil)
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_CANCELED)
	code, _, said := fake(t, c, "reconnect", "acme", "--wait")
	require.Equal(t, 1, code)
	require.Contains(t, said, `no integration "acme" is running`)
}

func TestPauseCarriesTheReason(t *testing.T) {
	why, bare := &mocks.Client{}, &mocks.Client{}
	updated(t, why, "pause", `[{"reason":"new firewall"}]`, `{"state":"paused","reason":"new \u001bfirewall"}`, nil)
	code, output, said := fake(t, why, "pause", "acme", "--reason", "new firewall")
	require.Zero(t, code, said)
	require.Contains(t, output, `integration acme is paused: new \x1bfirewall`+"\n")
	require.Contains(t, output, "starter resume acme\n")
	require.Contains(t, output, "starter watch acme --until-idle\n")

	updated(t, bare, "pause", `null`, `{"state":"permanent_error","reason":"no scope"}`, nil)
	code, output, said = fake(t, bare, "pause", "acme")
	require.Zero(t, code, said)
	require.Contains(t, output, "integration acme is paused\n", "the reason of the error is not that of the pause")
}

func TestResumeSaysIfAPermanentErrorIsLeft(t *testing.T) {
	good, bad := &mocks.Client{}, &mocks.Client{}
	updated(t, good, "resume", `null`, `{"state":"connected"}`, nil)
	code, output, said := fake(t, good, "resume", "acme")
	require.Zero(t, code, said)
	require.Contains(t, output, "integration acme goes on: connected\n")
	require.Contains(t, output, "starter sync acme\n")

	updated(t, bad, "resume", `null`, `{"state":"permanent_error","reason":"no scope"}`, nil)
	code, output, said = fake(t, bad, "resume", "acme")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Contains(t, said, "in a permanent error: no scope\nwhen it is mended  starter reconnect acme --wait\n")
}

func TestWhatARefusingOrAMissingIntegrationSaysIsHandedOn(t *testing.T) {
	for _, command := range []string{"pause", "resume", "reconnect"} {
		refusing, missing := &mocks.Client{}, &mocks.Client{}
		updated(t, refusing, command, `null`, `{}`, temporal.NewApplicationError(command+": takes no input", "", nil))
		code, _, said := fake(t, refusing, command, "acme")
		require.Equal(t, 2, code)
		require.Contains(t, said, "takes no input")
		missing.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewNotFound("no"))
		code, _, said = fake(t, missing, command, "acme")
		require.Equal(t, 1, code)
		require.Contains(t, said, `no integration "acme" is running`)
	}
}
