//go:build unix

package pgserver

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is whom the server runs as. PostgreSQL refuses to run as root, so root starts it as somebody else.
type account struct {
	credential *syscall.Credential // nil: the user who runs the program
}

func chooseAccount(directory string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			continue
		}
		chosen := account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return chosen, chosen.own(directory)
	}
	return account{}, fmt.Errorf("%w: it does not run as root, and there is neither a user postgres nor nobody to run it as. "+
		"Install the Debian package postgresql, or run this as another user", ErrUnavailable)
}

// own hands a path over to the account.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		return fmt.Errorf("hand %s over to the server's account: %w", path, err)
	}
	return nil
}

// run makes command run as the account, in a directory that the account may enter.
func (a account) run(command *exec.Cmd, directory string) {
	command.Dir = directory
	command.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	endWithParent(command.SysProcAttr)
}
