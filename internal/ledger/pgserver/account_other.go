//go:build !unix

package pgserver

import "os/exec"

// account is whom the server runs as: the user who runs the program.
type account struct{}

func chooseAccount(string) (account, error) { return account{}, nil }

func (account) own(string) error { return nil }

func (account) run(command *exec.Cmd, directory string) { command.Dir = directory }
