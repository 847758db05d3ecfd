//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"
)

// account is whom the server runs as. PostgreSQL refuses to run as root, so root starts it as somebody else.
type account struct {
	credential *syscall.Credential // nil: the user who runs the test
}

func chooseAccount(tb testing.TB, directory string) account {
	tb.Helper()
	if os.Geteuid() != 0 {
		return account{}
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
		chosen.own(tb, directory)
		return chosen
	}
	tb.Skip("NOT TESTED ON POSTGRESQL: it does not run as root, and there is neither a user postgres nor nobody to run it as. " +
		"Install the Debian package postgresql, or run the tests as another user.")
	return account{}
}

// own hands a path over to the account.
func (a account) own(tb testing.TB, path string) {
	tb.Helper()
	if a.credential == nil {
		return
	}
	if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		tb.Fatalf("hand %s over to the server's account: %v", path, err)
	}
}

// run makes command run as the account, in a directory that the account may enter.
func (a account) run(command *exec.Cmd, directory string) {
	command.Dir = directory
	command.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	endWithParent(command.SysProcAttr)
}
