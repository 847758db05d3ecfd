package pgtest

import "syscall"

// endWithParent makes the server shut down when the test is killed and cannot clean up.
func endWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }
