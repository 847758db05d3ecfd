//go:build !unix

package pgtest

import (
	"os/exec"
	"testing"
)

// account is whom the server runs as: the user who runs the test.
type account struct{}

func chooseAccount(testing.TB, string) account { return account{} }

func (account) own(testing.TB, string) {}

func (account) run(command *exec.Cmd, directory string) { command.Dir = directory }
