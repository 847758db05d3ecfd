package pgserver

import "syscall"

// endWithParent makes the server shut down when this program is killed and cannot clean up.
func endWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }
