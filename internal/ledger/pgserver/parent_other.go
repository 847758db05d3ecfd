//go:build unix && !linux

package pgserver

import "syscall"

// endWithParent does nothing: only Linux can tell a process that its parent is gone.
func endWithParent(*syscall.SysProcAttr) {}
