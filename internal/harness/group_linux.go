package harness

import "syscall"

// ownGroup starts a process in a group of its own, and ends it when this one is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
